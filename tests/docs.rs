//! The documentation, tried: what can be run is run, what can be read is read,
//! what can be neither says why. Every link leads somewhere.
//!
//! Behind a block's language may stand a note: `by:FILE` names what runs it, and
//! `not-run:REASON` one of [`NOT_RUN`].
#![allow(clippy::disallowed_methods)]

mod support;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use support::process::{Process, free_port};
use tempfile::TempDir;
use vestibule::config::{Draft, MetadataPlace};
use vestibule::demo::{DemoIdp, RelyingParty};
use vestibule::system::{SystemClock, SystemRandom};

/// Languages of blocks that are only shown, and why.
const ONLY_SHOWN: &[(&str, &str)] = &[
    ("text", "a diagram, or lines to read"),
    ("powershell", "needs a Windows server with AD FS"),
    ("claims", "AD FS's claim rule language, which only AD FS reads"),
    ("nginx", "needs nginx and a certificate"),
];

/// Reasons why a block in a language that could be run is not.
const NOT_RUN: &[(&str, &str)] = &[
    ("clone", "the test is the clone"),
    ("cargo-mutants", "takes hours; by hand"),
    ("aws", "needs an AWS account"),
    ("your-adfs", "needs the reader's AD FS"),
    ("keys", "makes private keys"),
    ("release", "needs a release; tests/release.rs makes one and looks into it"),
    ("stopped", "needs a stopped service; tests/restore.rs does it"),
];

/// What a configuration must have; a fragment replaces the tables that it has itself.
const LEAST: &[(&str, &str)] = &[
    ("[server]", r#"public_url = "https://vestibule.example.com""#),
    (
        "[[saml.idp]]",
        r#"name = "ADFS"
provider_arn = "arn:aws:iam::123456789012:saml-provider/ADFS"
metadata = "config/adfs.xml"
select.groups = "AttributeStatement/Attribute[@Name='http://schemas.xmlsoap.org/claims/Group']/AttributeValue""#,
    ),
    ("[sts]", r#"kind = "local""#),
    ("[store]", r#"kind = "embedded""#),
    ("[keys]", r#"kind = "local""#),
];

struct Block {
    place: String,
    language: String,
    note: Option<String>,
    body: String,
}

impl Block {
    /// Whether this test is to run it.
    fn is_ours(&self, language: &str) -> bool {
        self.language == language && self.note.is_none()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// README and `docs/`, by their paths from the root.
fn documents() -> Vec<PathBuf> {
    let mut documents = vec![PathBuf::from("README.md")];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "md") {
            documents.push(path.strip_prefix(root()).unwrap().to_owned());
        }
    }
    documents.sort();
    documents
}

fn all_blocks() -> Vec<Block> {
    documents().iter().flat_map(|path| blocks(&path.display().to_string(), &read(path))).collect()
}

/// The fenced blocks of a document (CommonMark section 4.5, what of it occurs here).
fn blocks(name: &str, text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else { continue };
        let indent = line.len() - line.trim_start().len();
        let (language, note) = info.split_once(' ').map_or((info, None), |(l, n)| (l, Some(n.to_owned())));
        let place = format!("{name}:{}", number + 1);
        let mut body = String::new();
        loop {
            let (_, line) = lines.next().unwrap_or_else(|| panic!("{place} never ends"));
            if line.trim() == "```" {
                break;
            }
            body.push_str(line.get(indent..).unwrap_or_default());
            body.push('\n');
        }
        blocks.push(Block { place, language: language.to_owned(), note, body });
    }
    blocks
}

/// What is wrong with how a block is marked.
fn fault_of(block: &Block) -> Option<String> {
    let known = |table: &[(&str, &str)], key: &str| table.iter().any(|(known, _)| *known == key);
    let language = block.language.as_str();
    if let Some(note) = &block.note {
        return match note.split_once(':') {
            Some(("not-run", reason)) if known(NOT_RUN, reason) => None,
            Some(("by", file)) if root().join(file).is_file() => {
                let word = block.body.split_whitespace().find(|word| {
                    [
                        "aws",
                        "check",
                        "completions",
                        "demo",
                        "doctor",
                        "explain",
                        "init",
                        "jose",
                        "joserfc",
                        "login",
                        "profiles",
                        "serve",
                        "sqlite3",
                        "tests/run",
                    ]
                    .contains(word)
                });
                let named =
                    word.is_some_and(|word| file == word || read(file).contains(&format!("\"{word}\"")));
                (!named).then(|| format!("{file} does not run it"))
            }
            _ => Some(format!("an unknown note: {note}")),
        };
    }
    let run = ["sh", "toml", "json", "js", "html"].contains(&language);
    (!run && !known(ONLY_SHOWN, language)).then(|| format!("an unknown language: {language:?}"))
}

#[test]
fn every_block_is_run_read_or_says_why_not() {
    let faults: Vec<String> =
        all_blocks().iter().filter_map(|b| Some(format!("{}: {}", b.place, fault_of(b)?))).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_block_nobody_knows_what_to_do_with_is_a_fault() {
    let fault =
        |info: &str, body: &str| fault_of(&blocks("x", &format!("- a\n\n  ```{info}\n  {body}\n  ```\n"))[0]);
    assert_eq!(fault("toml", "a = 1"), None);
    assert_eq!(fault("powershell", "Get-AdfsProperties"), None);
    assert!(fault("", "ls").is_some());
    assert!(fault("brainfuck", "+").is_some());
    assert!(fault("sh not-run:lazy", "ls").is_some());
    assert!(fault("sh by:tests/nothing.rs", "vestibule demo").is_some());
    assert!(fault("sh by:tests/corpus.rs", "vestibule demo").is_some());
    assert!(fault("sh by:tests/corpus.rs", "aws dynamodb query").is_some());
    assert_eq!(fault("sh by:tests/demo.rs", "vestibule demo"), None);
    assert_eq!(blocks("x", "  ```sh\n  a\n    b\n  ```\n")[0].body, "a\n  b\n");
}

// ---- shell

/// A directory as README's reader has it, and a server that runs in it.
struct Scratch {
    dir: TempDir,
    listen: String,
    admin: String,
    server: Option<Process>,
}

impl Scratch {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("config");
        std::fs::create_dir(&config).unwrap();
        for name in ["vestibule.toml", "contractor.json"] {
            std::fs::copy(root().join("config").join(name), config.join(name)).unwrap();
        }
        std::fs::write(config.join("adfs.xml"), adfs_metadata()).unwrap();
        let address = || format!("127.0.0.1:{}", free_port());
        Self { dir, listen: address(), admin: address(), server: None }
    }

    fn vestibule(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env("VESTIBULE_SERVER_LISTEN", &self.listen)
            .env("VESTIBULE_SERVER_ADMIN_LISTEN", &self.admin)
            .env("VESTIBULE_LOG_FORMAT", "json")
            // What the sample leaves to its reader, and `doctor` warns of. AWS is not here.
            .env("VESTIBULE_SERVER_PUBLIC_URL", format!("http://{}", self.listen))
            .env("VESTIBULE_SERVER_TRUSTED_PROXIES", "[\"127.0.0.1\"]")
            .env(
                "VESTIBULE_SAML_IDP_0_SIGN_ON_URL",
                "https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx",
            );
        command
    }

    /// `vestibule serve`, as README says it.
    fn serve(&mut self) {
        let command = self.vestibule(&["serve", "--config", "config/vestibule.toml"].map(str::to_owned));
        let log = self.dir.path().join("log");
        self.server = Some(Process::start(command, &log, &format!("http://{}/readyz", self.admin)));
    }

    /// Runs one line of a block. What is not here may not stand in one.
    fn run(&self, line: &str) -> Result<(), String> {
        let words = words(line);
        let path = |word: &String| self.dir.path().join(word);
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Ok(()),
            ["vestibule", ..] => {
                let output = self.vestibule(&words[1..]).stdin(Stdio::null()).output().unwrap();
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                output
                    .status
                    .success()
                    .then_some(())
                    .ok_or_else(|| said + &String::from_utf8_lossy(&output.stdout))
            }
            ["curl", "-fsS", url] => {
                let url = url.replace("127.0.0.1:9090", &self.admin).replace("127.0.0.1:8080", &self.listen);
                ureq::get(&url).call().map(drop).map_err(|e| format!("{url}: {e}"))
            }
            ["sqlite3", file, sql] => {
                let database = rusqlite::Connection::open(self.dir.path().join(file)).unwrap();
                let sql = sql.replace("'backup.db'", &format!("'{}'", path(&"backup.db".into()).display()));
                let mut statement = database.prepare(&sql).map_err(|e| e.to_string())?;
                let mut rows = statement.query([]).map_err(|e| e.to_string())?;
                while rows.next().map_err(|e| e.to_string())?.is_some() {}
                Ok(())
            }
            ["mv", ..] if words.len() == 3 => {
                std::fs::rename(path(&words[1]), path(&words[2])).map_err(|e| e.to_string())
            }
            _ => Err("is not among the commands that this test runs".into()),
        }
    }
}

/// The words of a line: double quotes hold together, `#` begins a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
            continue;
        }
        let (code, comment) = part.split_once('#').map_or((part, false), |(code, _)| (code, true));
        words.extend(code.split_whitespace().map(str::to_owned));
        if comment {
            break;
        }
    }
    words
}

fn adfs_metadata() -> String {
    let relying_party = RelyingParty {
        id: "urn:amazon:webservices".into(),
        acs_url: "https://vestibule.example.com/saml".into(),
        home_url: "https://vestibule.example.com/".into(),
    };
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    DemoIdp::generate("https://adfs.example.com", relying_party, clock, random).unwrap().metadata().to_owned()
}

#[test]
fn every_shell_block_works() {
    let mut scratch = Scratch::new();
    scratch.serve();
    let blocks: Vec<Block> = all_blocks().into_iter().filter(|block| block.is_ours("sh")).collect();
    assert!(blocks.len() >= 5, "are they still found?");
    for block in blocks {
        for line in block.body.replace("\\\n", " ").lines() {
            scratch.run(line).unwrap_or_else(|e| panic!("{}: {line}\n{e}", block.place));
        }
    }
    assert!(scratch.dir.path().join("backup.db").is_file(), "the backup was written");

    // The ring was moved away, and a new one made.
    assert!(scratch.server.take().unwrap().terminate().success());
    let ring = |name: &str| std::fs::read(scratch.dir.path().join("var").join(name)).unwrap();
    assert_ne!(ring("keys"), ring("keys.old"));
    scratch.serve();
    assert!(scratch.dir.path().join("var/keys").exists());
}

#[test]
fn commands_that_this_test_does_not_know_are_not_run() {
    let scratch = Scratch::new();
    for line in ["rm -rf config", "curl http://127.0.0.1:9090/", "sh -c true", "sudo vestibule check"] {
        assert!(scratch.run(line).is_err(), "{line}");
    }
    assert!(scratch.run("vestibule check --config config/missing.toml").is_err());
    assert_eq!(scratch.run("vestibule check --config config/vestibule.toml   # a comment"), Ok(()));
}

#[test]
fn the_test_command_exists_and_can_be_executed() {
    let path = root().join("tests/run");
    assert_ne!(path.metadata().unwrap().permissions().mode() & 0o111, 0);
    assert!(Command::new("bash").arg("-n").arg(path).status().unwrap().success());
}

/// The example of a log line has what a log line has.
#[test]
fn the_log_line_is_like_this() {
    let mut scratch = Scratch::new();
    scratch.serve();
    let refused = ureq::post(format!("http://{}/saml", scratch.listen))
        .config()
        .http_status_as_error(false)
        .build()
        .send_form([("x", "y")])
        .unwrap();
    assert_eq!(refused.status(), 400);
    let log = scratch.server.take().unwrap();
    let is_answer = |line: &str| line.contains("request answered");
    let real = (0..100).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        log.log_text().lines().find(|line| is_answer(line)).map(str::to_owned)
    });
    let example = all_blocks().into_iter().find(|b| b.language == "json" && is_answer(&b.body)).unwrap().body;
    assert_eq!(keys(&real.unwrap()), keys(&example));
}

fn keys(json: &str) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    json.as_object().unwrap().keys().cloned().collect()
}

// ---- configuration, data, scripts

fn load(dir: &Path, fragment: &str) -> Result<(), String> {
    let mut text = fragment.to_owned();
    for (header, content) in LEAST.iter().filter(|(header, _)| !fragment.contains(header)) {
        text.push_str(&format!("\n{header}\n{content}\n"));
    }
    let text = text.replace("config/adfs.xml", &dir.join("adfs.xml").display().to_string());
    let text = text
        .replace("config/company-ca.pem", &root().join("fixtures/keys/rsa.cert.pem").display().to_string());
    let path = dir.join("vestibule.toml");
    std::fs::write(&path, text).unwrap();
    let draft = Draft::read(&path, std::iter::empty()).map_err(|faults| faults.to_string())?;
    let sources = draft.metadata().sources.into_iter();
    let at_urls = sources.filter(|source| matches!(source.place, MetadataPlace::Url(_)));
    let fetched = at_urls.map(|source| {
        let read = source.read(adfs_metadata().as_bytes(), None).map_err(|why| why.to_string());
        (source.key, read)
    });
    let fetched = fetched.collect();
    draft.with_metadata(fetched, Vec::new()).finish().map(drop).map_err(|faults| faults.to_string())
}

#[test]
fn every_toml_block_is_a_configuration_that_loads() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("adfs.xml"), adfs_metadata()).unwrap();
    assert!(
        load(dir.path(), "[server]\npublic_url = \"https://a.example\"\npublic_uri = \"https://a.example\"")
            .is_err(),
        "a misspelt key"
    );
    let blocks: Vec<Block> = all_blocks().into_iter().filter(|block| block.is_ours("toml")).collect();
    assert!(blocks.len() >= 6, "are they still found?");
    for block in blocks {
        load(dir.path(), &block.body).unwrap_or_else(|e| panic!("{}: {e}", block.place));
    }
}

#[test]
fn every_json_block_is_json() {
    for block in all_blocks().iter().filter(|block| block.is_ours("json")) {
        if let Err(e) = serde_json::from_str::<serde_json::Value>(&block.body) {
            panic!("{}: {e}", block.place);
        }
    }
}

/// Syntax by node; and what a block imports from the module is there.
#[test]
fn every_script_is_one_and_imports_what_there_is() {
    let module = read("static/vestibule.js");
    let dir = tempfile::tempdir().unwrap();
    let blocks: Vec<Block> = all_blocks().into_iter().filter(|block| block.is_ours("js")).collect();
    assert!(blocks.len() >= 3, "are they still found?");
    for block in blocks {
        let path = dir.path().join("block.mjs");
        std::fs::write(&path, &block.body).unwrap();
        let output = Command::new("node").arg("--check").arg(&path).output().expect("node is needed");
        assert!(output.status.success(), "{}: {}", block.place, String::from_utf8_lossy(&output.stderr));

        let (names, _) = block.body.split_once("} from \"").expect("it imports the module");
        let (_, names) = names.split_once("import {").unwrap();
        for name in names.split(',').map(str::trim) {
            let exported = ["function", "async function", "class"]
                .iter()
                .any(|kind| module.contains(&format!("export {kind} {name}")));
            assert!(exported, "{}: the module has no {name}", block.place);
        }
    }
}

/// The documented pages are written as their documented policy wants it.
#[test]
fn every_page_is_free_of_inline_scripts_and_styles() {
    for block in all_blocks().iter().filter(|block| block.is_ours("html")) {
        for inline in ["<style", " style=", "<script>", " onclick=", "javascript:"] {
            assert!(!block.body.contains(inline), "{}: {inline}", block.place);
        }
    }
}

/// The codes that `vestibule.js` makes by itself.
#[test]
fn every_code_of_the_module_is_documented() {
    let module = read("static/vestibule.js");
    let documented = read("docs/PAGE.md") + &read("docs/ERRORS.md");
    let codes: BTreeSet<&str> = module
        .split("new VestibuleError(")
        .skip(1)
        .flat_map(|call| call.split(");").next())
        .filter_map(|call| call.split('"').nth(1))
        .filter(|code| !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        .collect();
    assert!(codes.contains("unreachable"), "{codes:?}");
    for code in codes {
        assert!(
            documented.contains(&format!("`{code}`")),
            "{code} is in neither docs/PAGE.md nor docs/ERRORS.md"
        );
    }
}

// ---- links

/// The text outside of fenced blocks and inline code.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut prose = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            // A link's text may be code; its target never is.
            prose.extend(line.split('`').step_by(2));
            prose.push('\n');
        }
    }
    prose
}

/// The anchors that GitHub makes of the headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let headings = text.lines().filter(|line| {
        fenced ^= line.trim_start().starts_with("```");
        !fenced && line.starts_with('#')
    });
    let slug = |heading: &str| -> String {
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        heading.trim_start_matches('#').trim().to_lowercase().chars().filter(kept).collect()
    };
    headings.map(|heading| slug(heading).replace(' ', "-")).collect()
}

fn broken_links(document: &Path, text: &str) -> Vec<String> {
    let prose = prose(text);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let broken = targets.filter(|target| !target.contains("://")).filter(|target| {
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let (exists, there) = match path {
            "" => (true, text.to_owned()),
            path => {
                let file = root().join(document.parent().unwrap()).join(path);
                (file.exists(), std::fs::read_to_string(file).unwrap_or_default())
            }
        };
        let found = exists && (anchor.is_empty() || anchors(&there).contains(anchor));
        !found
    });
    broken.map(|target| format!("{}: {target}", document.display())).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let more = ["SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from);
    let broken: Vec<String> =
        documents().iter().chain(&more).flat_map(|path| broken_links(path, &read(path))).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_link_to_nowhere_is_found() {
    let text = "# A `b`, c!\n[a](docs/ERRORS.md) [b](docs/NOTHING.md) [c](#a-b-c) [d](#a-b) \
                [e](https://example.com/x) [`f`](docs/ERRORS.md#nothing) `[g](docs/NOTHING.md)`\n";
    let readme = Path::new("README.md");
    let expected = ["docs/NOTHING.md", "#a-b", "docs/ERRORS.md#nothing"].map(|t| format!("README.md: {t}"));
    assert_eq!(broken_links(readme, text), expected);
}

/// A document that no other leads to is read by nobody.
#[test]
fn every_document_is_linked_from_the_readme() {
    let readme = read("README.md");
    for document in documents().iter().filter(|path| path.starts_with("docs")) {
        assert!(readme.contains(&format!("({})", document.display())), "{}", document.display());
    }
}

// ---- how long it takes to read

const WORDS_A_MINUTE: usize = 200;

/// The words below a heading, up to the next one: prose and tables, no blocks; of a link
/// its text.
fn words_below(document: &str, anchor: &str) -> usize {
    let (mut fenced, mut inside, mut words) = (false, false, 0);
    for line in read(document).lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && line.starts_with('#') {
            inside = anchors(line).contains(anchor);
        } else if !fenced && inside {
            let (begin, links) = line.split_once("](").unwrap_or((line, ""));
            let behind = links.split("](").filter_map(|link| Some(link.split_once(')')?.1));
            let text = std::iter::once(begin).chain(behind).collect::<Vec<_>>().concat();
            words += text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count();
        }
    }
    words
}

/// The list at the beginning of docs/OPERATING.md is right about each section, and short.
#[test]
fn an_operator_reads_for_25_minutes_at_most() {
    let manual = read("docs/OPERATING.md");
    let list = manual.split("\n## What to read first\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = list.lines().filter_map(|line| {
        let (target, rest) = line.strip_prefix("| [")?.split_once("](")?.1.split_once(')')?;
        let (path, anchor) = target.split_once('#')?;
        let said: usize = rest.split('|').nth(1)?.trim().parse().ok()?;
        let document = match path {
            "" => "docs/OPERATING.md".to_owned(),
            path => path.strip_prefix("../").map_or_else(|| format!("docs/{path}"), str::to_owned),
        };
        Some((target.to_owned(), said, words_below(&document, anchor)))
    });
    let rows: Vec<(String, usize, usize)> = rows.collect();
    assert!(rows.len() > 10, "are they still found?");
    for (target, said, counted) in &rows {
        assert!(said.abs_diff(*counted) <= 10 + counted / 10, "{target}: {counted} words, not {said}");
    }
    let own = words_below("docs/OPERATING.md", "what-to-read-first");
    let all = own + rows.iter().map(|(_, _, counted)| counted).sum::<usize>();
    assert!(all <= 25 * WORDS_A_MINUTE, "{all} words");
}

// ---- names of the code

/// Names of specifications and of AWS, which a page uses beside those of the code.
const OTHERS_NAMES: &[&str] =
    &["AssumeRoleWithSAML", "AuthnContext", "IdP", "KeyInfo", "SAMLRequest", "SAMLResponse", "SignedInfo"];

/// All of `src/` in one text.
fn sources() -> String {
    fn add(dir: &Path, text: &mut String) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut text = String::new();
    add(&root().join("src"), &mut text);
    text
}

/// Words that may be names: letters, digits, `_`, `::`, and what paths have.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "_:/.-".contains(c)))
        .map(|word| word.trim_matches([':', '.', '/', '-']))
}

/// Files that a page names and that are not there.
fn missing_files(text: &str) -> BTreeSet<&str> {
    let roots = ["src/", "static/", "tests/", "benches/"];
    words_of(text)
        .filter(|word| roots.iter().any(|root| word.starts_with(root)) && !word.contains("::"))
        .filter(|path| !root().join(path).exists())
        .collect()
}

/// Types and functions that a page names and the sources do not define.
fn unknown_names<'t>(text: &'t str, sources: &str) -> BTreeSet<&'t str> {
    let defines = |kinds: &[&str], name: &str| {
        kinds.iter().any(|kind| {
            let definition = format!("{kind} {name}");
            let mut ends =
                sources.match_indices(&definition).map(|(at, _)| &sources[at + definition.len()..]);
            ends.any(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    };
    let is_type = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().filter(char::is_ascii_uppercase).count() > 1
            && name.chars().any(|c| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_alphabetic())
    };
    let known = |word: &&str| match word.split_once("::") {
        Some((of, method)) => defines(&["struct", "enum", "trait"], of) && defines(&["fn"], method),
        None => !is_type(word) || OTHERS_NAMES.contains(word) || defines(&["struct", "enum", "trait"], word),
    };
    words_of(text).filter(|word| !known(word)).collect()
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let more = [PathBuf::from("CONTRIBUTING.md"), PathBuf::from("SECURITY.md")];
    for document in documents().iter().chain(&more) {
        let text = read(document);
        assert_eq!(missing_files(&text), BTreeSet::new(), "{}", document.display());
    }
}

#[test]
fn a_login_is_told_in_the_names_of_the_code() {
    let text = read("docs/HOW-A-LOGIN-WORKS.md");
    let sources = sources();
    assert_eq!(unknown_names(&text, &sources), BTreeSet::new());
    let invented = "`Broker::login` makes a `VerifiedAssertion`, `Broker::conjure` a `TrustedAssertion`";
    assert_eq!(unknown_names(invented, &sources), BTreeSet::from(["Broker::conjure", "TrustedAssertion"]));
    assert_eq!(missing_files("`src/lib.rs` and src/nothing.rs."), BTreeSet::from(["src/nothing.rs"]));
}
