//! Our exclusive canonicalization against libxml2's, byte for byte, on
//! documents made to be awkward.
//!
//! The documents come from a fixed seed, so a failure can be looked at again.
//! libxml2 is reached through Python's lxml, in one process; without it the
//! test fails. `TEST_PYTHON` names the interpreter.

use roxmltree::Document;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use vestibule::saml::canonicalize;

/// How many documents; `VESTIBULE_C14N_DOCUMENTS` says otherwise.
const DOCUMENTS: usize = 5_000;
/// How many are in memory at once.
const AT_ONCE: usize = 5_000;
const SEED: u64 = 0x5eed_2026_1123_0546;

#[derive(serde::Serialize)]
struct Case {
    xml: String,
    apex: usize,
    prefixes: Vec<&'static str>,
}

#[test]
fn agrees_with_libxml2() {
    let mut random = Random(SEED);
    let count = std::env::var("VESTIBULE_C14N_DOCUMENTS")
        .map_or(DOCUMENTS, |text| text.parse().expect("VESTIBULE_C14N_DOCUMENTS is a number"));
    for first in (0..count).step_by(AT_ONCE) {
        let cases: Vec<Case> = (first..count.min(first + AT_ONCE)).map(|_| case(&mut random)).collect();
        let theirs = canonicalized_by_libxml2(&cases);
        assert_eq!(theirs.len(), cases.len());
        for (number, (case, theirs)) in cases.iter().zip(&theirs).enumerate() {
            let Case { xml, apex, prefixes } = case;
            assert_eq!(
                &canonicalized_by_us(xml, *apex, prefixes),
                theirs,
                "document {}, {prefixes:?}:\n{xml}",
                first + number
            );
        }
    }
}

fn canonicalized_by_us(xml: &str, apex: usize, prefixes: &[&str]) -> String {
    let xml = xml.replace("\r\n", "\n").replace('\r', "\n");
    let document = Document::parse(&xml).unwrap_or_else(|error| panic!("{error}:\n{xml}"));
    let apex = document.descendants().filter(|node| node.is_element()).nth(apex).unwrap();
    let mut out = Vec::new();
    canonicalize(apex, None, prefixes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn canonicalized_by_libxml2(cases: &[Case]) -> Vec<String> {
    let python = std::env::var("TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(&python)
        .args(["-c", include_str!("canonicalization.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{python} does not start ({error}): run the tests with `tests/run`"));
    // An interpreter that has already given up closes the pipe; its status tells.
    let _ = child.stdin.take().unwrap().write_all(&serde_json::to_vec(cases).unwrap());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{python} with lxml did not answer; run the tests with `tests/run`, which brings it"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn case(random: &mut Random) -> Case {
    let mut maker = Maker { random, xml: String::new(), elements: 0, scope: BTreeMap::from([("", "")]) };
    maker.beside();
    maker.element(0);
    maker.beside();
    let (xml, elements) = (maker.xml, maker.elements);
    let apex = random.below(elements);
    // Without `#default`, which libxml2 takes for a prefix that nobody declares;
    // the unit tests in `src/saml/xml/canonicalization.rs` have it.
    let prefixes = ["a", "b", "c", "nowhere"].into_iter().filter(|_| random.one_in(4)).collect();
    Case { xml, apex, prefixes }
}

/// Few prefixes, fewer namespaces: so that they meet. No `&` or quote in a
/// namespace: libxml2 2.x writes them unescaped, against Canonical XML 1.0, 2.3.
const PREFIXES: [&str; 5] = ["", "a", "b", "c", "d"];
const NAMESPACES: [&str; 4] = ["urn:one", "urn:two", "http://three.example/?x=1", "urn:f&#x6f;ur"];
const NAMES: [&str; 6] = ["x", "y", "Z", "_u", "é", "x-1.2"];
const TEXTS: [&str; 14] = [
    "text",
    " \t\n",
    "\r\n",
    "a\rb",
    "\r&#65;",
    "&amp;&lt;&gt;&quot;&apos;",
    "&#13;&#10;&#9;",
    "&#xD;\n",
    "\"'>",
    "größe 日本 😀",
    "<![CDATA[<b>&amp;\"]]>",
    "<![CDATA[]]>",
    "&#x1F600;",
    "]] >",
];
const VALUES: [&str; 9] = [
    "",
    "v",
    " two  spaces ",
    "a\tb\nc\r\nd\re",
    "&#9;&#10;&#13;&#32;",
    "&lt;&amp;&gt;&quot;&apos;",
    ">",
    "é😀",
    "&#x3c;",
];

struct Maker<'r> {
    random: &'r mut Random,
    xml: String,
    elements: usize,
    /// What each prefix stands for; the empty one always for something.
    scope: BTreeMap<&'static str, &'static str>,
}

impl Maker<'_> {
    fn element(&mut self, depth: usize) {
        self.elements += 1;
        let outside = self.scope.clone();
        let mut declarations = String::new();
        for prefix in PREFIXES {
            if !self.random.one_in(4) {
                continue;
            }
            let mut namespace = self.random.pick(&NAMESPACES);
            if prefix.is_empty() && self.random.one_in(3) {
                namespace = "";
            }
            self.scope.insert(prefix, namespace);
            let colon = if prefix.is_empty() { "" } else { ":" };
            write!(declarations, " xmlns{colon}{prefix}=\"{namespace}\"").unwrap();
        }
        let in_scope: Vec<&str> = self.scope.keys().copied().collect();
        let prefix = self.random.pick(&in_scope);
        let name = qualified(prefix, self.random.pick(&NAMES));

        let mut attributes = String::new();
        let mut taken = BTreeSet::new();
        for _ in 0..self.random.below(5) {
            let prefix = self.random.pick(&in_scope);
            let local = self.random.pick(&NAMES);
            let namespace = if prefix.is_empty() { "" } else { self.scope[prefix] };
            if taken.insert((namespace, local)) {
                let value = self.random.pick(&VALUES);
                write!(attributes, "\n {} = '{value}'", qualified(prefix, local)).unwrap();
            }
        }
        if self.random.one_in(6) {
            attributes.push_str(" xml:space='preserve' xml:lang=\"de\"");
        }
        if self.random.one_in(2) {
            std::mem::swap(&mut declarations, &mut attributes);
        }
        write!(self.xml, "<{name}{declarations}{attributes}").unwrap();

        if self.random.one_in(5) {
            self.xml.push_str(" />");
        } else {
            self.xml.push('>');
            for _ in 0..self.random.below(5) {
                match self.random.below(8) {
                    0..=3 if depth < 6 => self.element(depth + 1),
                    4 => self.xml.push_str(self.random.pick(&["<!-- c -->", "<!---->"])),
                    5 => self.xml.push_str(self.random.pick(&INSTRUCTIONS)),
                    _ => self.xml.push_str(self.random.pick(&TEXTS)),
                }
            }
            write!(self.xml, "</{name} >").unwrap();
        }
        self.scope = outside;
    }

    /// What may stand before and after the root.
    fn beside(&mut self) {
        if self.random.one_in(3) {
            self.xml.push_str("<!-- beside -->\n<?beside the root?>");
        }
    }
}

const INSTRUCTIONS: [&str; 4] = ["<?p?>", "<?p  data ?>", "<?p <&>\"\n?>", "<?é 1\r\n2?>"];

fn qualified(prefix: &str, local: &str) -> String {
    if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") }
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from[self.below(from.len())]
    }
}
