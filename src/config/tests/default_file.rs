//! The default file is the documentation, so it is tested like one.

use super::super::metadata::Fetched;
use super::super::read::input::Input;
use super::super::read::reading::Reading;
use super::super::whole::Assembled;
use super::*;
use std::collections::BTreeSet;
use toml::de::{DeTable, DeValue};

const DEFAULT_FILE: &str = include_str!("../../../config/vestibule.toml");

/// Which adapters the file is read for. Options of the others are refused, so
/// their paragraphs (which begin with the kind's name) are left out.
#[derive(Clone, Copy, PartialEq)]
enum For {
    Local,
    Aws,
    AwsWithSigningKey,
    AwsByRole,
}

const FLAVOURS: [For; 4] = [For::Local, For::Aws, For::AwsWithSigningKey, For::AwsByRole];

impl For {
    fn has(self, paragraph: &str) -> bool {
        let kinds = paragraph.strip_prefix("# \"").and_then(|rest| rest.split_once("\":"));
        kinds.is_none_or(|(kinds, _)| kinds.split("\", \"").any(|kind| self.is_of(kind)))
    }

    fn is_of(self, kind: &str) -> bool {
        match kind {
            "local" | "embedded" => self == Self::Local,
            "dynamodb" | "kms" => self != Self::Local,
            "aws" => self != Self::Local && self != Self::AwsByRole,
            "assume-role" => self == Self::AwsByRole,
            "kms-asymmetric" | "kms-hmac" => self == Self::AwsWithSigningKey,
            // A list of values, not an option of one kind.
            _ => true,
        }
    }
}

/// The default file with its unset options set: lines `#key = …` and `#[[rule]]`.
fn default_file_with_everything(flavour: For) -> String {
    let paragraphs = DEFAULT_FILE.split("\n\n").filter(|paragraph| flavour.has(paragraph.trim_start()));
    let text = paragraphs.collect::<Vec<_>>().join("\n\n");
    let is_option = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '[';
    let set = text.lines().map(|line| match line.strip_prefix('#') {
        Some(option) if option.starts_with(is_option) => option,
        Some(_) | None => line,
    });
    let text = set.collect::<Vec<_>>().join("\n");
    if flavour == For::Local {
        return text;
    }
    let sts = if flavour == For::AwsByRole { "assume-role" } else { "aws" };
    let mut kinds = [sts, "dynamodb", "kms"].into_iter();
    let lines = text.lines().map(|line| match line {
        "kind = \"local\"" | "kind = \"embedded\"" => format!("kind = {:?}", kinds.next().unwrap()),
        "duration = \"12h\"" if flavour == For::AwsByRole => "duration = \"1h\"".to_owned(),
        "signing = \"data-key\"" if flavour == For::AwsWithSigningKey => {
            "signing = \"kms-asymmetric\"".to_owned()
        }
        line => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_default_file_loads() {
    let files = Files::new();
    let metadata = files.path("adfs.xml");
    let env = [("VESTIBULE_SAML_IDP_0_METADATA", metadata.as_str())];
    let config = files.read(DEFAULT_FILE, &env).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.broker.service.acs_url, "https://vestibule.example.com/saml");
    let certificate = files.certificate("ca.pem");
    let (signing_key, _) = keys::rsa();
    for flavour in FLAVOURS {
        let with_everything = default_file_with_everything(flavour)
            .replace("metadata_certificate = ", "#")
            .replace("config/company-ca.pem", &certificate);
        let env = [
            ("VESTIBULE_SAML_IDP_0_METADATA", "https://adfs.example.com/metadata"),
            ("VESTIBULE_SAML_IDP_0_ENTITY_ID", IDP),
            ("VESTIBULE_SAML_SIGNING_KEY", signing_key.as_str()),
        ];
        files.fetched(&with_everything, &env, &super::metadata(IDP)).unwrap_or_else(|f| panic!("{f}"));
    }
}

#[test]
fn the_default_file_shows_the_defaults() {
    let files = Files::new();
    let metadata = files.path("adfs.xml");
    let documented = files.read(DEFAULT_FILE, &[("VESTIBULE_SAML_IDP_0_METADATA", &metadata)]).unwrap();
    assert_eq!(shown(&documented), shown(&files.loads(LEAST)));

    // And so do the selectors, which are shown unset.
    let text = default_file_with_everything(For::Local)
        .replace("metadata_certificate = ", "#")
        .replace("metadata_ca = ", "#");
    let (signing_key, _) = keys::rsa();
    let env = [
        ("VESTIBULE_SAML_IDP_0_METADATA", metadata.as_str()),
        ("VESTIBULE_SAML_IDP_0_ENTITY_ID", IDP),
        ("VESTIBULE_SAML_SIGNING_KEY", signing_key.as_str()),
    ];
    let set = files.read(&text, &env).unwrap();
    let mut selectors = set.broker.providers.current().iter().next().unwrap().selectors.clone();
    assert_eq!(selectors.more.len(), 1);
    selectors.more.clear();
    assert_eq!(selectors, crate::saml::Selectors::default());
}

#[test]
fn every_key_that_is_read_stands_in_the_default_file() {
    let texts = FLAVOURS.map(default_file_with_everything);
    let mut documented = BTreeSet::new();
    for text in &texts {
        let root = DeTable::parse(text).unwrap().into_inner();
        paths(&DeValue::Table(root), "", &mut documented);
    }
    for text in &texts {
        every_key_is_among(&documented, text);
    }
}

/// On AWS the tables and times that are shown unset are the defaults.
#[test]
fn the_default_file_shows_the_defaults_of_aws() {
    let files = Files::new();
    let least = LEAST.replace("kind = \"local\"\n[store]", "kind = \"aws\"\nregion = \"us-east-1\"\n[store]");
    let least = least.replace("kind = \"embedded\"", "kind = \"dynamodb\"");
    let least =
        least.replace("[keys]\nkind = \"local\"", "[keys]\nkind = \"kms\"\nkey_id = \"alias/sessionMaster\"");
    let shown = default_file_with_everything(For::Aws);
    for option in [
        "timeout = \"15s\"",
        "refresh = \"5m\"",
        "_table = \"SAMLSessions\"",
        "_table = \"SAMLUsers\"",
        "_table = \"SAMLAudit\"",
        "_table = \"SAMLClaims\"",
        "keys_table = \"SAMLKeys\"",
    ] {
        assert!(shown.contains(option), "{option}");
    }
    let config = files.loads(&least);
    let told = format!("{:?} {:?} {:?}", config.sts, config.store, config.keys);
    for default in
        ["timeout: 15s", "refresh: 300s", "SAMLSessions", "SAMLUsers", "SAMLAudit", "SAMLClaims", "SAMLKeys"]
    {
        assert!(told.contains(default), "{default} in {told}");
    }
}

fn every_key_is_among(documented: &BTreeSet<String>, text: &str) {
    let input = Input::new(File::new(Path::new("config/vestibule.toml"), text), std::iter::empty());
    let reading = Reading::new(&input);
    Assembled::read(&reading, &Fetched::default());
    for asked in reading.asked() {
        let key: String =
            asked.split(['[', ']']).enumerate().filter_map(|(i, p)| (i % 2 == 0).then_some(p)).collect();
        let known = match key.strip_prefix("rule.when.") {
            // Fields and matchers are described once each, not in all combinations.
            Some(condition) => condition.split('.').all(|name| {
                documented
                    .iter()
                    .any(|path| path.starts_with("rule.when.") && path.split('.').any(|part| part == name))
            }),
            None => documented.contains(&key),
        };
        assert!(known, "{key} is read, and config/vestibule.toml does not describe it");
    }
}

fn paths(value: &DeValue<'_>, path: &str, into: &mut BTreeSet<String>) {
    into.insert(path.to_owned());
    for (name, child) in value.as_table().into_iter().flatten() {
        let dot = if path.is_empty() { "" } else { "." };
        paths(child.get_ref(), &format!("{path}{dot}{}", name.get_ref()), into);
    }
    for item in value.as_array().into_iter().flatten() {
        paths(item.get_ref(), path, into);
    }
}
