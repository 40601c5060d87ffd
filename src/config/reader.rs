//! Reading keys by path from the file and the environment over it.
//!
//! The rooms of the configuration ask for keys; this module knows where each
//! value came from, turns whatever is wrong into a fault with its place, and goes
//! on. What was never asked for is unknown, in the file as in the environment.

use super::fault::{Fault, Place, shown};
use super::tree::{Node, Table, Value};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;

/// The prefix of every variable that is ours: `saml.idp[0].metadata` can come
/// from `VESTIBULE_SAML_IDP_0_METADATA`.
const PREFIX: &str = "VESTIBULE";

/// The whole configuration, being read.
pub(super) struct Reader {
    root: Node,
    variables: BTreeMap<String, String>,
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
    /// The file has syntax errors: what seems missing may just not have been understood.
    broken: bool,
}

/// Where a value stands: for faults that are found after it was read.
#[derive(Debug, Clone)]
pub(super) struct At {
    pub(super) place: Place,
    pub(super) key: String,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) at: At,
}

/// One table, present or not: a table that is absent from the file may still
/// have keys in the environment.
pub(super) struct Section<'r> {
    reader: &'r Reader,
    path: String,
    variable: String,
    place: Place,
    table: Option<&'r Table>,
}

enum Raw<'r> {
    File(&'r Node),
    Variable(&'r str),
}

impl Reader {
    /// `root` is a table; `syntax` is what the parser has already found wrong.
    pub(super) fn new(root: Node, syntax: Vec<Fault>, env: impl Iterator<Item = (String, String)>) -> Self {
        let variables = env.filter(|(name, _)| is_ours(name)).collect();
        let notes = Notes { broken: !syntax.is_empty(), faults: syntax, ..Notes::default() };
        Self { root, variables, notes: RefCell::new(notes) }
    }

    /// The top of the file.
    pub(super) fn top(&self) -> Section<'_> {
        Section {
            reader: self,
            path: String::new(),
            variable: PREFIX.to_owned(),
            place: self.root.place.clone(),
            table: self.root.table(),
        }
    }

    pub(super) fn fault(&self, at: &At, message: impl Display) {
        let fault = Fault { place: at.place.clone(), key: at.key.clone(), message: message.to_string() };
        let mut notes = self.notes.borrow_mut();
        if !notes.faults.contains(&fault) {
            notes.faults.push(fault);
        }
    }

    pub(super) fn warn(&self, message: impl Into<String>) {
        self.notes.borrow_mut().warnings.push(message.into());
    }

    /// Judges what was never asked for. Gives faults, by place, and warnings.
    pub(super) fn finish(self) -> (Vec<Fault>, Vec<String>) {
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
    pub(super) fn asked(&self) -> Vec<String> {
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

impl<'r> Section<'r> {
    /// Where this table stands.
    pub(super) fn at(&self) -> At {
        At { place: self.place.clone(), key: self.path.clone() }
    }

    /// Where this key stands, or would stand.
    pub(super) fn at_key(&self, name: &str) -> At {
        let place = self.table.and_then(|table| table.get(name)).map_or(&self.place, |(place, _)| place);
        At { place: place.clone(), key: child_path(&self.path, name) }
    }

    /// A fault of this table as a whole.
    pub(super) fn fault(&self, message: impl Display) {
        self.reader.fault(&self.at(), message);
    }

    /// The reader, for faults elsewhere.
    pub(super) fn reader(&self) -> &'r Reader {
        self.reader
    }

    /// Does not judge this table's other keys: they belong to something that
    /// this build does not have, and was already said not to have.
    pub(super) fn open(&self) {
        self.reader.notes.borrow_mut().open.insert(self.path.clone());
    }

    /// A table inside.
    pub(super) fn section(&self, name: &str) -> Section<'r> {
        let path = self.ask(name, true);
        let node = self.table.and_then(|table| table.get(name)).map(|(_, node)| node);
        self.section_of(node, path, child_variable(&self.variable, name))
    }

    /// A list of tables inside, with those that only the environment has.
    pub(super) fn sections(&self, name: &str) -> Vec<Section<'r>> {
        let path = self.ask(name, true);
        let variable = child_variable(&self.variable, name);
        let node = self.table.and_then(|table| table.get(name)).map(|(_, node)| node);
        let items = match node.map(|node| (&node.value, &node.place)) {
            None => &[],
            Some((Value::Array(items), place)) => {
                if items.is_empty() {
                    let at = At { place: place.clone(), key: path.clone() };
                    self.reader.fault(&at, "an empty list: leave the key out, or fill it");
                }
                items.as_slice()
            }
            Some((other, place)) => {
                let at = At { place: place.clone(), key: path.clone() };
                let message = format!("expected a list of tables ([[{path}]]), found {}", other.kind());
                self.reader.fault(&at, message);
                self.reader.notes.borrow_mut().open.insert(path.clone());
                &[]
            }
        };
        let in_environment = |index: usize| {
            let prefix = format!("{variable}_{index}_");
            self.reader.variables.keys().any(|name| name.starts_with(&prefix))
        };
        let mut sections = Vec::new();
        while sections.len() < items.len() || in_environment(sections.len()) {
            let i = sections.len();
            let (item, variable) = (items.get(i), format!("{variable}_{i}"));
            let mut section = self.section_of(item, format!("{path}[{i}]"), variable.clone());
            if item.is_none() {
                section.place = Place::Variable(variable);
            }
            sections.push(section);
        }
        sections
    }

    fn section_of(&self, node: Option<&'r Node>, path: String, variable: String) -> Section<'r> {
        let place = node.map_or_else(|| self.place.clone(), |node| node.place.clone());
        let table = node.and_then(|node| {
            if node.table().is_none() {
                let at = At { place: node.place.clone(), key: path.clone() };
                self.reader.fault(&at, format!("expected a table, found {}", node.value.kind()));
            }
            node.table()
        });
        Section { reader: self.reader, path, variable, place, table }
    }

    /// The names of this table's keys, where the operator may choose them: those
    /// of the file, and those that only the environment has, in lower case
    /// and without what follows (`suffixes`).
    pub(super) fn names(&self, suffixes: &[&str]) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.table.into_iter().flat_map(BTreeMap::keys).cloned().collect();
        let known: BTreeSet<String> = names.iter().map(|name| child_variable(&self.variable, name)).collect();
        for variable in self.reader.variables.keys() {
            let rest = variable.strip_prefix(&self.variable).and_then(|rest| rest.strip_prefix('_'));
            let stem = rest.and_then(|rest| suffixes.iter().find_map(|suffix| rest.strip_suffix(suffix)));
            if let Some(stem) = stem.filter(|stem| !stem.is_empty()) {
                let name = stem.to_ascii_lowercase();
                if !known.contains(&child_variable(&self.variable, &name)) {
                    names.insert(name);
                }
            }
        }
        names
    }

    /// Whether the file has this table.
    pub(super) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// Whether the file's table has this key.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(name))
    }

    /// Whether the key is there, whatever its value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// A text, read by `parse`; absent or faulty: `None`.
    pub(super) fn optional<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Found<T>> {
        let (raw, at) = self.raw(name)?;
        let text = self.text_of(raw, &at)?;
        self.parsed(text, at, parse)
    }

    /// A text that must be there.
    pub(super) fn required<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Found<T>> {
        if self.raw(name).is_none() {
            self.missing(name);
        }
        self.optional(name, parse)
    }

    /// A text with a default, which stands in for a faulty one too.
    pub(super) fn or<T, E: Display>(
        &self,
        name: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        self.optional(name, parse).map_or(default, |found| found.value)
    }

    /// A text that may be there, as it is.
    pub(super) fn optional_text(&self, name: &str) -> Option<Found<String>> {
        self.optional(name, not_empty)
    }

    /// A list of texts, each read by `parse`; absent: `None`.
    pub(super) fn list<T, E: Display>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<Found<T>>> {
        let (raw, at) = self.raw(name)?;
        let literal;
        let node = match raw {
            Raw::File(node) => node,
            Raw::Variable(text) => {
                literal = Node::literal(text, &at.place);
                match &literal {
                    Some(node) => node,
                    None => {
                        self.reader.fault(&at, "expected a list of strings, such as [\"a\", \"b\"]");
                        return None;
                    }
                }
            }
        };
        let Value::Array(items) = &node.value else {
            let found = node.value.kind();
            self.reader.fault(&at, format!("expected a list of strings, found {found}"));
            return None;
        };
        let texts = items.iter().enumerate().filter_map(|(i, item)| {
            let at = At { place: item.place.clone(), key: format!("{}[{i}]", at.key) };
            self.parsed(self.text_of(Raw::File(item), &at)?, at, &parse)
        });
        Some(texts.collect())
    }

    /// One text or a list of them; absent: empty.
    pub(super) fn one_or_list(&self, name: &str) -> Vec<String> {
        let is_text = match self.raw(name) {
            None => return Vec::new(),
            Some((Raw::File(node), _)) => matches!(node.value, Value::Text(_)),
            Some((Raw::Variable(text), _)) => !text.trim_start().starts_with('['),
        };
        if is_text {
            self.optional_text(name).map(|found| found.value).into_iter().collect()
        } else {
            let list = self.list(name, not_empty).unwrap_or_default();
            list.into_iter().map(|found| found.value).collect()
        }
    }

    /// A whole number within bounds, with a default.
    pub(super) fn integer(&self, name: &str, default: usize, bounds: RangeInclusive<usize>) -> usize {
        let Some((raw, at)) = self.raw(name) else { return default };
        let number = match raw {
            Raw::File(Node { value: Value::Integer(number), .. }) => usize::try_from(*number).ok(),
            Raw::File(_) => None,
            Raw::Variable(text) => text.parse().ok(),
        };
        number.filter(|number| bounds.contains(number)).unwrap_or_else(|| {
            let message = format!("expected a whole number from {} to {}", bounds.start(), bounds.end());
            self.reader.fault(&at, message);
            default
        })
    }

    /// `true` or `false`, with a default.
    pub(super) fn boolean(&self, name: &str, default: bool) -> bool {
        let Some((raw, at)) = self.raw(name) else { return default };
        let read = match raw {
            Raw::File(Node { value: Value::Boolean(boolean), .. }) => Some(*boolean),
            Raw::File(_) => None,
            Raw::Variable(text) => text.parse().ok(),
        };
        read.unwrap_or_else(|| {
            self.reader.fault(&at, "expected true or false");
            default
        })
    }

    /// Says that a key is missing.
    pub(super) fn missing(&self, name: &str) {
        if !self.reader.notes.borrow().broken {
            let key = child_path(&self.path, name);
            let message =
                format!("is missing; it can also come from {}", child_variable(&self.variable, name));
            self.reader.fault(&At { place: self.place.clone(), key }, message);
        }
    }

    fn parsed<T, E: Display>(
        &self,
        text: &str,
        at: At,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Found<T>> {
        if text.starts_with("ssm:/") {
            let message = "references to AWS Parameter Store (ssm:/…) need the AWS adapters, \
                           which this build does not have yet";
            self.reader.fault(&at, message);
            return None;
        }
        match parse(text) {
            Ok(value) => Some(Found { value, at }),
            Err(error) => {
                self.reader.fault(&at, format!("{error}; found {}", shown(text)));
                None
            }
        }
    }

    fn text_of<'a>(&self, raw: Raw<'a>, at: &At) -> Option<&'a str> {
        match raw {
            Raw::Variable(text) => Some(text),
            Raw::File(Node { value: Value::Text(text), .. }) => Some(text.as_str()),
            Raw::File(node) => {
                self.reader.fault(at, format!("expected a string, found {}", node.value.kind()));
                None
            }
        }
    }

    /// The value of a key: the environment's before the file's.
    fn raw(&self, name: &str) -> Option<(Raw<'r>, At)> {
        let key = self.ask(name, false);
        let variable = child_variable(&self.variable, name);
        if let Some(text) = self.reader.variables.get(&variable) {
            self.reader.notes.borrow_mut().used.insert(variable.clone());
            return Some((Raw::Variable(text), At { place: Place::Variable(variable), key }));
        }
        let (_, node) = self.table?.get(name)?;
        Some((Raw::File(node), At { place: node.place.clone(), key }))
    }

    fn ask(&self, name: &str, is_section: bool) -> String {
        let path = child_path(&self.path, name);
        self.reader.notes.borrow_mut().asked.insert(path.clone(), is_section);
        path
    }
}

fn not_empty(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("expected a text that is not empty") } else { Ok(text.to_owned()) }
}

fn child_path(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn child_variable(variable: &str, name: &str) -> String {
    format!("{variable}_{}", variable_part(name))
}

/// The variable of a whole path, `saml.idp[0]`.
fn variable_of(path: &str) -> String {
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
