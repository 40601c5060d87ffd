//! `ssm:…`: values that stand in the Parameter Store of AWS Systems Manager.
//!
//! Any value may be a reference: `ssm:/vestibule/prod/contact` by its whole
//! name, or `ssm:contact` below `ssm.prefix`, so that one file (one image, one
//! template) serves several environments. This room asks no network: it says
//! which parameters it wants, and is given them by a [`ParameterSource`].

use super::reader::{Reader, child_path, variable_of};
use super::section::Section;
use super::tree::{Node, Value};
use super::values;
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};

/// What references begin with.
pub(crate) const SCHEME: &str = "ssm:";

/// Parameters by their whole names, or why there is none.
pub type Parameters = BTreeMap<String, Result<String, ParameterError>>;

/// Where parameters come from.
#[async_trait]
pub trait ParameterSource: Send + Sync {
    /// The decrypted values of all these parameters: one entry for each name.
    async fn fetch(&self, names: &[String]) -> Parameters;
}

/// Why a parameter has no value. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// No such parameter.
    #[error(
        "there is no such parameter in this region; create it (aws ssm put-parameter), or correct the name"
    )]
    NotFound,
    /// No permission on the parameter.
    #[error("this process may not read the parameter; allow its role ssm:GetParameters on it")]
    Denied,
    /// No permission on the key that protects it.
    #[error(
        "this process may read the parameter but not decrypt it; allow its role kms:Decrypt on the parameter's KMS key"
    )]
    KeyDenied,
    /// No answer, or none that can be used.
    #[error("the Parameter Store did not answer: {0}")]
    Unavailable(String),
}

/// `[ssm]`
pub(crate) struct Ssm {
    pub(crate) prefix: Option<String>,
    pub(crate) region: Option<String>,
}

/// `[ssm]`, which holds no references itself.
pub(crate) fn ssm(section: &Section<'_>) -> Ssm {
    let plain = |text: &str| match Reference::of(text) {
        Some(_) => Err("cannot be a reference itself"),
        None => Ok(()),
    };
    let prefix = section.literal("prefix", |text| {
        plain(text)?;
        parameter_name(text.strip_suffix('/').unwrap_or(text))
    });
    let region = section.literal("region", |text| {
        plain(text)?;
        values::region(text)
    });
    Ssm { prefix, region }
}

/// A text that stands for a parameter.
pub(crate) struct Reference<'t>(&'t str);

impl<'t> Reference<'t> {
    /// `None` if the text is none.
    pub(crate) fn of(text: &'t str) -> Option<Self> {
        text.strip_prefix(SCHEME).map(Self)
    }

    /// The parameter's whole name.
    pub(crate) fn name(&self, prefix: Option<&str>) -> Result<String, &'static str> {
        let name = match (self.0.starts_with('/'), prefix) {
            (true, _) => self.0.to_owned(),
            (false, Some(prefix)) => format!("{prefix}/{}", self.0),
            (false, None) => {
                return Err(
                    "a reference without a leading \"/\" is relative to ssm.prefix, which is not set",
                );
            }
        };
        parameter_name(&name)
    }
}

/// A parameter's whole name (API reference, `PutParameter`): its last part is not empty.
pub(crate) fn parameter_name(name: &str) -> Result<String, &'static str> {
    let ok = name.len() <= 1_011
        && name.starts_with('/')
        && !name.ends_with('/')
        && !name.contains("//")
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/'));
    if ok {
        Ok(name.to_owned())
    } else {
        Err("expected a parameter's name, such as \"/vestibule/prod/contact\"")
    }
}

/// Every parameter that the file and the environment over it refer to.
pub(crate) fn wanted(reader: &Reader) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |text: &str| {
        if let Some(Ok(name)) = Reference::of(text).map(|reference| reference.name(reader.prefix())) {
            names.insert(name);
        }
    };
    walk(reader.root(), "", &mut |path, text| {
        if !reader.has_variable(&variable_of(path)) {
            add(text);
        }
    });
    for (place, text) in reader.variables() {
        add(text);
        if let Some(list) = Node::literal(text, &place) {
            walk(&list, "", &mut |_, text| add(text));
        }
    }
    names
}

fn walk(node: &Node, path: &str, each: &mut dyn FnMut(&str, &str)) {
    match &node.value {
        Value::Text(text) => each(path, text),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                // The items of a list of texts come from the list's own variable.
                let path = if item.table().is_some() { format!("{path}[{i}]") } else { path.to_owned() };
                walk(item, &path, each);
            }
        }
        Value::Table(table) => {
            for (name, (_, child)) in table {
                walk(child, &child_path(path, name), each);
            }
        }
        Value::Integer(_) | Value::Boolean(_) | Value::Other(_) => {}
    }
}
