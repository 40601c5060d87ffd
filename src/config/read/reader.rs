//! The file and the environment, being read: faults, warnings, and who asked
//! for what. What was never asked for is unknown, in the file as in the environment.

use super::fault::{Fault, Place};
use super::parameter::{Parameters, Reference, SCHEME};
use super::section::{At, Section};
use super::tree::{Node, Value};
use super::values;
use crate::config::metadata::FetchedMetadata;
use crate::saml::IdpMetadata;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// The prefix of every variable that is ours: `saml.idp[0].metadata` can come
/// from `VESTIBULE_SAML_IDP_0_METADATA`.
const PREFIX: &str = "VESTIBULE";

/// The whole configuration, being read.
pub(crate) struct Reader {
    root: Node,
    variables: BTreeMap<String, String>,
    /// What all AWS tools are told to work in.
    standard_region: Option<String>,
    /// Where relative references begin.
    prefix: Option<String>,
    /// What is known of the parameters that are referred to.
    parameters: Parameters,
    /// What URLs of metadata gave.
    metadata: FetchedMetadata,
    /// Whether what they did not give is missed.
    misses_metadata: bool,
    notes: RefCell<Notes>,
}

#[derive(Default)]
struct Notes {
    faults: Vec<Fault>,
    warnings: Vec<String>,
    /// Every path that was asked for, and whether it is a table or a list of tables.
    asked: BTreeMap<String, bool>,
    /// Tables whose other keys are not judged.
    open: BTreeSet<String>,
    used: BTreeSet<String>,
    /// The first syntax error.
    broken: Option<Place>,
    /// References whose value is not known: where, and the parameter's name.
    unknown: Vec<(At, String)>,
    /// Metadata that was not fetched: where, and the URL.
    unfetched: Vec<(At, String)>,
}

impl Reader {
    /// `root` is a table; `syntax` is what the parser has already found wrong.
    pub(crate) fn new(root: Node, syntax: Vec<Fault>, env: impl Iterator<Item = (String, String)>) -> Self {
        let mut variables: BTreeMap<String, String> = env.collect();
        let standard_region = ["AWS_REGION", "AWS_DEFAULT_REGION"]
            .iter()
            .find_map(|name| variables.get(*name).filter(|region| values::region(region).is_ok()).cloned());
        variables.retain(|name, _| is_ours(name));
        let notes = Notes {
            broken: syntax.first().map(|fault| fault.place.clone()),
            faults: syntax,
            ..Notes::default()
        };
        let notes = RefCell::new(notes);
        let (parameters, metadata) = (Parameters::new(), FetchedMetadata::new());
        let misses_metadata = true;
        Self { root, variables, standard_region, prefix: None, parameters, metadata, misses_metadata, notes }
    }

    /// Where relative references begin, from now on.
    pub(crate) fn set_prefix(&mut self, prefix: Option<String>) {
        self.prefix = prefix;
    }

    /// Where relative references begin.
    pub(crate) fn prefix(&self) -> Option<&str> {
        self.prefix.as_deref()
    }

    /// What stands behind references, from now on.
    pub(crate) fn set_parameters(&mut self, parameters: Parameters) {
        self.parameters = parameters;
    }

    /// The value behind a reference. `None`, and a note of it, if it is not known.
    pub(crate) fn parameter(&self, reference: &Reference<'_>, at: &At) -> Option<&str> {
        let name = reference.name(self.prefix()).map_err(|sentence| self.fault(at, sentence)).ok()?;
        match self.parameters.get(&name) {
            Some(Ok(value)) => return Some(value),
            Some(Err(error)) => self.fault(at, format!("{SCHEME}{name}: {error}")),
            None => {
                let unknown = &mut self.notes.borrow_mut().unknown;
                if !unknown.iter().any(|(other, _)| other.key == at.key) {
                    unknown.push((at.clone(), name));
                }
            }
        }
        None
    }

    /// What URLs of metadata gave, from now on.
    pub(crate) fn set_metadata(&mut self, metadata: FetchedMetadata) {
        self.metadata = metadata;
    }

    /// What URLs of metadata did not give is not missed, from now on.
    pub(crate) fn miss_no_metadata(&mut self) {
        self.misses_metadata = false;
    }

    pub(crate) fn misses_metadata(&self) -> bool {
        self.misses_metadata
    }

    /// What the URL that stands here gave. `None`, and a note of it, if nobody asked it.
    pub(crate) fn metadata(&self, at: &At, url: &str) -> Option<&Result<IdpMetadata, String>> {
        let found = self.metadata.get(&at.key);
        if found.is_none() && self.misses_metadata {
            self.notes.borrow_mut().unfetched.push((at.clone(), url.to_owned()));
        }
        found
    }

    /// Metadata that was needed and not fetched.
    pub(crate) fn unfetched(&self) -> Vec<(At, String)> {
        self.notes.borrow().unfetched.clone()
    }

    /// References whose value was needed and is not known.
    pub(crate) fn unknown(&self) -> Vec<(At, String)> {
        self.notes.borrow().unknown.clone()
    }

    /// The region that all AWS tools are told, if it is one.
    pub(crate) fn standard_region(&self) -> Option<&str> {
        self.standard_region.as_deref()
    }

    /// The file's tree.
    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    /// Whether the environment has this variable.
    pub(crate) fn has_variable(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// All variables that are ours, with their places.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (Place, &str)> {
        self.variables.iter().map(|(name, text)| (Place::Variable(name.clone()), text.as_str()))
    }

    /// The top of the file.
    pub(crate) fn top(&self) -> Section<'_> {
        Section::top(self, &self.root, PREFIX)
    }

    pub(crate) fn fault(&self, at: &At, message: impl Display) {
        let fault = Fault { place: at.place.clone(), key: at.key.clone(), message: message.to_string() };
        let mut notes = self.notes.borrow_mut();
        if !notes.faults.contains(&fault) {
            notes.faults.push(fault);
        }
    }

    pub(crate) fn warn(&self, message: impl Into<String>) {
        self.notes.borrow_mut().warnings.push(message.into());
    }

    /// Remembers that this key was asked for.
    pub(crate) fn ask(&self, path: &str, is_section: bool) {
        self.notes.borrow_mut().asked.insert(path.to_owned(), is_section);
    }

    /// Does not judge the keys inside.
    pub(crate) fn open(&self, path: &str) {
        self.notes.borrow_mut().open.insert(path.to_owned());
    }

    /// The value of a variable, which is then one that is known.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let (name, value) = self.variables.get_key_value(name)?;
        self.notes.borrow_mut().used.insert(name.clone());
        Some(value)
    }

    /// All variables that are ours and begin like this, without the beginning.
    pub(crate) fn variables_below<'s>(&'s self, prefix: &'s str) -> impl Iterator<Item = &'s str> {
        self.variables.keys().filter_map(move |name| name.strip_prefix(prefix))
    }

    /// Whether the file has syntax errors: what seems missing may just not have been understood.
    pub(crate) fn is_broken(&self) -> bool {
        self.notes.borrow().broken.is_some()
    }

    /// Judges what was never asked for. Gives faults, by place, and warnings.
    pub(crate) fn finish(self) -> (Vec<Fault>, Vec<String>) {
        self.unknown_keys(&self.root, "");
        let notes = self.notes.borrow();
        let unused = self.variables.keys().filter(|name| !notes.used.contains(*name));
        let unknown: Vec<Fault> = unused
            .filter(|name| {
                !notes.open.iter().any(|path| name.starts_with(&format!("{}_", variable_of(path))))
            })
            .map(|name| Fault {
                place: Place::Variable(name.clone()),
                key: String::new(),
                message: "no option has this variable".to_owned(),
            })
            .collect();
        drop(notes);
        let mut notes = self.notes.into_inner();
        notes.faults.extend(unknown);
        notes.faults.sort_by(|a, b| (&a.place, &a.key).cmp(&(&b.place, &b.key)));
        (notes.faults, notes.warnings)
    }

    /// Every path that was asked for, for the test that the default file has them all.
    #[cfg(test)]
    pub(crate) fn asked(&self) -> Vec<String> {
        self.notes.borrow().asked.keys().cloned().collect()
    }

    fn unknown_keys(&self, node: &Node, path: &str) {
        match &node.value {
            Value::Table(table) if !self.notes.borrow().open.contains(path) => {
                for (name, (place, child)) in table {
                    let key = child_path(path, name);
                    let asked = self.notes.borrow().asked.get(&key).copied();
                    match asked {
                        Some(true) => self.unknown_keys(child, &key),
                        Some(false) => {}
                        // Behind a broken header keys may stand in the wrong table.
                        None if self.notes.borrow().broken.as_ref().is_some_and(|broken| place > broken) => {}
                        None => {
                            let message = format!("unknown key; known here: {}", self.known(path));
                            self.fault(&At { place: place.clone(), key }, message);
                        }
                    }
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.unknown_keys(item, &format!("{path}[{i}]"));
                }
            }
            Value::Table(_) | Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::Other(_) => {}
        }
    }

    fn known(&self, path: &str) -> String {
        let notes = self.notes.borrow();
        let names = notes.asked.keys().filter_map(|key| {
            let name = if path.is_empty() { key } else { key.strip_prefix(path)?.strip_prefix('.')? };
            (!name.contains(['.', '['])).then_some(name)
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

/// The path of a key. As in TOML, a name with other characters than a bare
/// key's is quoted, so that `"server.listen"` is not `server.listen`.
pub(crate) fn child_path(path: &str, name: &str) -> String {
    let bare =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let name = if bare { name.to_owned() } else { format!("{name:?}") };
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

pub(crate) fn child_variable(variable: &str, name: &str) -> String {
    format!("{variable}_{}", variable_part(name))
}

/// The variable of a whole path, `saml.idp[0]`.
pub(crate) fn variable_of(path: &str) -> String {
    child_variable(PREFIX, &path.replace(']', ""))
}

fn variable_part(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Whether a variable is meant for this configuration. Kubernetes puts
/// `VESTIBULE_SERVICE_HOST`, `VESTIBULE_PORT_8080_TCP` and the like into every
/// container beside a service named vestibule; those are not.
fn is_ours(name: &str) -> bool {
    name.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix('_')).is_some_and(|rest| {
        let of_a_service_link = rest == "PORT"
            || rest.starts_with("PORT_")
            || rest == "SERVICE_HOST"
            || rest == "SERVICE_PORT"
            || rest.starts_with("SERVICE_PORT_");
        !of_a_service_link
    })
}
