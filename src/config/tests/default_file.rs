//! The default file is the documentation, so it is tested like one.

use super::super::tree::Value;
use super::*;
use std::collections::BTreeSet;

const DEFAULT_FILE: &str = include_str!("../../../config/vestibule.toml");

/// The default file with its unset options set: lines `#key = …` and `#[[rule]]`.
fn default_file_with_everything() -> String {
    let set = DEFAULT_FILE.lines().map(|line| match line.strip_prefix('#') {
        Some(option) if option.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => option,
        Some(_) | None => line,
    });
    set.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_default_file_loads() {
    let files = Files::new();
    let metadata = files.path("adfs.xml");
    let env = [("VESTIBULE_SAML_IDP_0_METADATA", metadata.as_str())];
    let config = files.read(DEFAULT_FILE, &env).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.broker.service.acs_url, "https://vestibule.example.com/saml");
    let with_everything = default_file_with_everything();
    files
        .read(&with_everything, &[env[0], ("VESTIBULE_SAML_IDP_0_ENTITY_ID", IDP)])
        .unwrap_or_else(|f| panic!("{f}"));
}

#[test]
fn the_default_file_shows_the_defaults() {
    let files = Files::new();
    let metadata = files.path("adfs.xml");
    let documented = files.read(DEFAULT_FILE, &[("VESTIBULE_SAML_IDP_0_METADATA", &metadata)]).unwrap();
    assert_eq!(told(&documented), told(&files.loads(LEAST)));

    // And so do the selectors, which are shown unset.
    let text = default_file_with_everything();
    let env = [("VESTIBULE_SAML_IDP_0_METADATA", metadata.as_str()), ("VESTIBULE_SAML_IDP_0_ENTITY_ID", IDP)];
    let set = files.read(&text, &env).unwrap();
    let mut selectors = set.broker.providers.iter().next().unwrap().selectors.clone();
    assert_eq!(selectors.more.len(), 1);
    selectors.more.clear();
    assert_eq!(selectors, crate::saml::Selectors::default());
}

#[test]
fn every_key_that_is_read_stands_in_the_default_file() {
    let text = default_file_with_everything();
    let path: Arc<Path> = Path::new("config/vestibule.toml").into();
    let (root, syntax) = Node::parse(&path, &text);
    assert_eq!(syntax, []);
    let mut documented = BTreeSet::new();
    paths(&root, "", &mut documented);

    let reader = Reader::new(root, Vec::new(), std::iter::empty());
    Config::assemble(&reader);
    for asked in reader.asked() {
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

fn paths(node: &Node, path: &str, into: &mut BTreeSet<String>) {
    into.insert(path.to_owned());
    match &node.value {
        Value::Table(table) => {
            for (name, (_, child)) in table {
                paths(child, &format!("{path}{}{name}", if path.is_empty() { "" } else { "." }), into);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, path, into)),
        Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::Other(_) => {}
    }
}
