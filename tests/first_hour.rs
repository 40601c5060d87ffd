//! The README's way from an empty directory to a login at a real identity provider:
//! its own commands, with SimpleSAMLphp's address for AD FS's, a loopback address for
//! the service's, and a strict STS for AWS's.

mod support;

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};
use support::aws::{Emulators, Service};
use support::browser::Browser;
use support::idp::{Idp, Options};
use support::process::{Process, free_port};
use support::waiting::WaitingPage;
use tempfile::TempDir;

const ADFS: &str = "https://adfs.example.com/FederationMetadata/2007-06/FederationMetadata.xml";
const OURS: &str = "https://vestibule.example.com";
const ACCOUNT: &str = "123456789012";
const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/SSP";

/// The commands of a document that are marked as run here, in order.
fn commands(document: &str) -> Vec<String> {
    let mut lines = document.lines().map(str::trim);
    let mut found = Vec::new();
    while lines.any(|line| line == "```sh by:tests/first_hour.rs") {
        found.extend(lines.by_ref().take_while(|line| *line != "```").map(str::to_owned));
    }
    found
}

/// A machine with nothing on it but the binary; AWS and an identity provider around it.
struct Newcomer {
    dir: TempDir,
    idp: Idp,
    aws: Emulators,
    address: String,
    admin: String,
}

impl Newcomer {
    fn arrive(options: &Options) -> Self {
        let address = || format!("127.0.0.1:{}", free_port());
        Self {
            dir: TempDir::with_prefix("vestibule-first-hour-").unwrap(),
            idp: Idp::start(options),
            aws: Emulators::only(&[Service::Sts, Service::Iam]),
            address: address(),
            admin: address(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A command of the README, as this newcomer types it.
    fn command(&self, line: &str) -> Command {
        let typed = line
            .replace(ADFS, &self.idp.metadata_url())
            .replace(OURS, &self.url(""))
            .replace(&format!("--account {ACCOUNT}"), &format!("--account {ACCOUNT} --provider-name SSP"))
            // Its people have roles of other names.
            .replace("role/ADFS-Production", "role/Production");
        let mut words = typed.split_whitespace();
        assert_eq!(words.next(), Some("vestibule"), "{line}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.args(words).current_dir(self.dir.path()).stdin(Stdio::null()).env_clear();
        command.envs(self.aws.env());
        // Ports of one's own: others run at the same time.
        command.env("VESTIBULE_SERVER_LISTEN", &self.address);
        command.env("VESTIBULE_SERVER_ADMIN_LISTEN", &self.admin);
        command
    }

    fn run(&self, line: &str) -> String {
        let (code, said) = self.ran(line);
        assert_eq!(code, Some(0), "{line}\n{said}");
        said
    }

    fn ran(&self, line: &str) -> (Option<i32>, String) {
        let output = self.command(line).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stderr, output.stdout].concat()).into_owned();
        (output.status.code(), said)
    }

    fn site(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join("site").join(name)).unwrap()
    }

    /// What the README has done in IAM, with the files that `init` made.
    fn tell_aws(&self) {
        let metadata = self.site("idp-metadata.xml");
        self.aws.sts_set("providers", &json!({ "arn": PROVIDER, "metadata": metadata }));
        let policy: Value = serde_json::from_str(&self.site("trust-policy.json")).unwrap();
        for role in ["Production", "Development"] {
            let arn = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
            self.aws.sts_set(
                "roles",
                &json!({ "arn": arn, "trust_policy": policy, "max_session_duration": 3_600 }),
            );
        }
    }

    /// A login that starts at the service, as its page starts it; what is handed over. Of
    /// several roles it is production.
    fn sign_in(&self, name: &str) -> Value {
        let (browser, page) = (Browser::new(), WaitingPage::new(name));
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("idp", "SSP")
            .append_pair("RelayState", &page.relay_state())
            .finish();
        let form = self.idp.response(&browser, &self.url(&format!("/saml/login?{query}")), name);
        let answer = browser.submit(&form);
        assert_eq!(answer.status, 302, "{}", answer.body);
        let location = answer.location().unwrap();
        let ticket = match location.strip_prefix(&self.url("/#choice=")) {
            Some(choice) => self.choose(choice, &page.verifier, "Production"),
            None => location.strip_prefix(&self.url("/#jwt=")).expect(&location).to_owned(),
        };
        let bearer = format!("Bearer {ticket}");
        let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", page.verifier.as_str())];
        let taken = browser.get(&self.url("/saml"), &headers);
        assert_eq!(taken.status, 200, "{}", taken.body);
        taken.json()
    }
}

impl Newcomer {
    /// The ticket of this role, which a choice lists among others.
    fn choose(&self, choice: &str, verifier: &str, name: &str) -> String {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build().into();
        let asked = |bearer: String| [("authorization", bearer), ("vestibule-verifier", verifier.to_owned())];
        let mut list = agent.get(self.url("/saml/choice"));
        let mut post = agent.post(self.url("/saml/choice")).content_type("application/json");
        for (header, value) in asked(format!("Bearer {choice}")) {
            list = list.header(header, &value);
            post = post.header(header, &value);
        }
        let listed: Value =
            serde_json::from_str(&list.call().unwrap().body_mut().read_to_string().unwrap()).unwrap();
        let roles = listed["roles"].as_array().unwrap();
        assert_eq!(roles.len(), 2, "{listed}");
        let role = roles.iter().find(|role| role["name"] == name).unwrap();
        let parts = json!({ "parts": [{ "role": role["role"], "use": "credentials" }] });
        let chosen = post.send(parts.to_string()).unwrap().body_mut().read_to_string().unwrap();
        let chosen: Value = serde_json::from_str(&chosen).unwrap();
        chosen["parts"][0]["ticket"].as_str().unwrap_or_else(|| panic!("{chosen}")).to_owned()
    }
}

/// In the README's order; `init` first, then a running service, AWS, the provider, `doctor`.
fn first_hour(options: &Options, readme: &str) {
    let newcomer = Newcomer::arrive(options);
    let lines = commands(readme);
    let verbs: Vec<&str> = lines.iter().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(verbs, ["init", "check", "serve", "doctor"], "{lines:?}");

    newcomer.run(&lines[0]);
    assert_eq!(newcomer.dir.path().join("site/saml-signing.pem").exists(), options.wants_signed);
    let said = newcomer.run(&lines[1]);
    assert!(said.contains("site/vestibule.toml: usable") && !said.contains("warning"), "{said}");
    let ready = format!("http://{}/readyz", newcomer.admin);
    let log = newcomer.dir.path().join("log");
    let service = Process::start(newcomer.command(&lines[2]), &log, &ready);
    newcomer.tell_aws();
    newcomer.idp.trust(&Browser::new().open(&newcomer.url("/saml/metadata")).body);
    let (code, said) = newcomer.ran(&lines[3]);
    // What the README says of it: nobody has said yet where the service calls STS from.
    let bad: Vec<_> =
        said.lines().filter(|line| line.starts_with("fault") || line.starts_with("warning")).collect();
    assert!(code == Some(1) && bad.len() == 1, "{said}");
    assert!(bad[0].starts_with("warning  pin: ") && bad[0].contains("rules are advisory"), "{said}");

    let credentials = newcomer.sign_in("alice");
    assert_eq!(credentials["role"], format!("arn:aws:iam::{ACCOUNT}:role/Production"));
    // Whatever its name: no trap for companies without a "Prod".
    assert_eq!(newcomer.sign_in("bob")["role"], format!("arn:aws:iam::{ACCOUNT}:role/Development"));
    // STS's own, not made up here.
    let id = credentials["AccessKeyId"].as_str().unwrap();
    assert!(id.starts_with("ASIA"), "{id}");
    let issued = newcomer.aws.sts_calls();
    assert!(issued.iter().any(|call| call["access_key_id"] == id), "{issued:?}");

    assert!(service.terminate().success());
    assert!(newcomer.dir.path().join("site/var/vestibule.db").is_file());
    assert!(newcomer.dir.path().join("site/var/metadata").is_dir(), "the last good metadata is kept");
    assert_eq!(std::fs::read_dir(newcomer.dir.path()).unwrap().count(), 2, "site, and the log");
}

#[test]
fn the_readmes_way_ends_in_credentials_of_sts() {
    first_hour(&Options::default(), include_str!("../README.md"));
}

/// Every Keycloak realm says so in its metadata; here the provider refuses all other requests.
#[test]
fn a_provider_that_wants_signed_requests_is_no_detour() {
    let options = Options { wants_signed: true, ..Options::default() };
    first_hour(&options, include_str!("../README.md"));
}

#[test]
fn the_guide_to_ad_fs_begins_in_the_same_way() {
    let newcomer = Newcomer::arrive(&Options::default());
    let lines = commands(include_str!("../docs/ADFS.md"));
    assert_eq!(lines.len(), 1, "{lines:?}");
    newcomer.run(&lines[0]);
    assert!(Path::new(&newcomer.dir.path().join("site/README.md")).is_file());
}

#[test]
fn commands_are_found_in_lists_and_outside() {
    let text = "```sh by:tests/first_hour.rs\na\nb\n```\n```sh\nno\n```\n1. x\n\n   ```sh by:tests/first_hour.rs\n   c\n   ```\n";
    assert_eq!(commands(text), ["a", "b", "c"]);
}
