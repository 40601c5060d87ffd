//! Reading keys by path from the file and the environment over it.
//!
//! A section knows where each of its values came from, turns whatever is wrong
//! with it into a fault with its place, and lets its reader go on.

use super::fault::{Place, shown};
use super::parameter::Reference;
use super::reader::{Reader, child_path, child_variable};
use super::tree::{Node, Table, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Where a value stands: for faults that are found after it was read.
#[derive(Debug, Clone)]
pub(crate) struct At {
    pub(crate) place: Place,
    pub(crate) key: String,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Found<T> {
    pub(crate) value: T,
    pub(crate) at: At,
}

/// One table, present or not: a table that is absent from the file may still
/// have keys in the environment.
pub(crate) struct Section<'r> {
    reader: &'r Reader,
    path: String,
    variable: String,
    place: Place,
    table: Option<&'r Table>,
}

enum Raw<'r> {
    File(&'r Node),
    /// Of the environment: a text, to be read as what is needed.
    Variable(&'r str),
    /// The value behind a reference: likewise.
    Parameter(&'r str),
    /// A reference whose value is not known. It is not judged.
    Unknown,
}

impl<'r> Section<'r> {
    /// The root, a table.
    pub(crate) fn top(reader: &'r Reader, root: &'r Node, variable: &str) -> Self {
        let (path, variable) = (String::new(), variable.to_owned());
        Self { reader, path, variable, place: root.place.clone(), table: root.table() }
    }

    /// Where this table stands.
    pub(crate) fn at(&self) -> At {
        At { place: self.place.clone(), key: self.path.clone() }
    }

    /// Where this key stands, or would stand.
    pub(crate) fn at_key(&self, name: &str) -> At {
        let place = self.table.and_then(|table| table.get(name)).map_or(&self.place, |(place, _)| place);
        At { place: place.clone(), key: child_path(&self.path, name) }
    }

    /// A fault of this table as a whole.
    pub(crate) fn fault(&self, message: impl Display) {
        self.reader.fault(&self.at(), message);
    }

    /// The reader, for faults elsewhere.
    pub(crate) fn reader(&self) -> &'r Reader {
        self.reader
    }

    /// Does not judge this table's other keys: they belong to something that
    /// this build does not have, and was already said not to have.
    pub(crate) fn open(&self) {
        self.reader.open(&self.path);
    }

    /// A table inside.
    pub(crate) fn section(&self, name: &str) -> Section<'r> {
        let path = self.ask(name, true);
        let node = self.table.and_then(|table| table.get(name)).map(|(_, node)| node);
        self.section_of(node, path, child_variable(&self.variable, name))
    }

    /// A list of tables inside, with those that only the environment has.
    pub(crate) fn sections(&self, name: &str) -> Vec<Section<'r>> {
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
                self.reader.open(&path);
                &[]
            }
        };
        let in_environment =
            |index: usize| self.reader.variables_below(&format!("{variable}_{index}_")).next().is_some();
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
    pub(crate) fn names(&self, suffixes: &[&str]) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.table.into_iter().flat_map(BTreeMap::keys).cloned().collect();
        let known: BTreeSet<String> = names.iter().map(|name| child_variable(&self.variable, name)).collect();
        for rest in self.reader.variables_below(&format!("{}_", self.variable)) {
            let stem = suffixes.iter().find_map(|suffix| rest.strip_suffix(suffix));
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
    pub(crate) fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// Whether the file's table has this key.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(name))
    }

    /// Whether the key is there, whatever its value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    /// A text, read by `parse`; absent or faulty: `None`.
    pub(crate) fn optional<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Found<T>> {
        let (raw, at) = self.raw(name)?;
        self.parsed(raw, at, parse)
    }

    /// A text that is taken as it stands, even if it looks like a reference.
    pub(crate) fn literal<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let (raw, at) = self.literal_raw(name)?;
        self.parsed(raw, at, parse).map(|found| found.value)
    }

    /// A text as it stands, not judged.
    pub(crate) fn peek(&self, name: &str) -> Option<&'r str> {
        match self.literal_raw(name)?.0 {
            Raw::File(node) => node.text(),
            Raw::Variable(text) => Some(text),
            Raw::Parameter(_) | Raw::Unknown => None,
        }
    }

    /// A text that must be there.
    pub(crate) fn required<T, E: Display>(
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
    pub(crate) fn or<T, E: Display>(
        &self,
        name: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        self.optional(name, parse).map_or(default, |found| found.value)
    }

    /// A text that may be there, as it is.
    pub(crate) fn optional_text(&self, name: &str) -> Option<Found<String>> {
        self.optional(name, not_empty)
    }

    /// A list of texts, each read by `parse`; absent: `None`.
    pub(crate) fn list<T, E: Display>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<Found<T>>> {
        let (raw, at) = self.raw(name)?;
        let literal;
        let node = match raw {
            Raw::File(node) => node,
            Raw::Unknown => return None,
            Raw::Variable(text) | Raw::Parameter(text) => {
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
            let behind = item.text().and_then(|text| self.behind(text, &at));
            self.parsed(behind.unwrap_or(Raw::File(item)), at, &parse)
        });
        Some(texts.collect())
    }

    /// One text or a list of them; absent: empty.
    pub(crate) fn one_or_list(&self, name: &str) -> Vec<String> {
        let is_text = match self.raw(name) {
            None => return Vec::new(),
            Some((Raw::File(node), _)) => node.text().is_some(),
            Some((Raw::Variable(text) | Raw::Parameter(text), _)) => !text.trim_start().starts_with('['),
            Some((Raw::Unknown, _)) => true,
        };
        if is_text {
            self.optional_text(name).map(|found| found.value).into_iter().collect()
        } else {
            let list = self.list(name, not_empty).unwrap_or_default();
            list.into_iter().map(|found| found.value).collect()
        }
    }

    /// A whole number within bounds, with a default.
    pub(crate) fn integer(&self, name: &str, default: usize, bounds: RangeInclusive<usize>) -> usize {
        let Some((raw, at)) = self.raw(name) else { return default };
        let number = match raw {
            Raw::File(Node { value: Value::Integer(number), .. }) => usize::try_from(*number).ok(),
            Raw::File(_) => None,
            Raw::Variable(text) | Raw::Parameter(text) => text.parse().ok(),
            Raw::Unknown => return default,
        };
        number.filter(|number| bounds.contains(number)).unwrap_or_else(|| {
            let message = format!("expected a whole number from {} to {}", bounds.start(), bounds.end());
            self.reader.fault(&at, message);
            default
        })
    }

    /// `true` or `false`, with a default.
    pub(crate) fn boolean(&self, name: &str, default: bool) -> bool {
        let Some((raw, at)) = self.raw(name) else { return default };
        let read = match raw {
            Raw::File(Node { value: Value::Boolean(boolean), .. }) => Some(*boolean),
            Raw::File(_) => None,
            Raw::Variable(text) | Raw::Parameter(text) => text.parse().ok(),
            Raw::Unknown => return default,
        };
        read.unwrap_or_else(|| {
            self.reader.fault(&at, "expected true or false");
            default
        })
    }

    /// Says that a key is missing.
    pub(crate) fn missing(&self, name: &str) {
        self.missing_beside(name, "");
    }

    /// Says that a key is missing, and which other variable would do.
    pub(crate) fn missing_beside(&self, name: &str, other: &str) {
        if !self.reader.is_broken() {
            let key = child_path(&self.path, name);
            let or = if other.is_empty() { "" } else { " or " };
            let message = format!(
                "is missing; it can also come from {}{or}{other}",
                child_variable(&self.variable, name)
            );
            self.reader.fault(&At { place: self.place.clone(), key }, message);
        }
    }

    fn parsed<T, E: Display>(
        &self,
        raw: Raw<'_>,
        at: At,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Found<T>> {
        let (text, found) = match raw {
            Raw::Variable(text) => (text, None),
            Raw::File(Node { value: Value::Text(text), .. }) => (text.as_str(), None),
            // What stands in the Parameter Store may be a secret: it is not repeated.
            Raw::Parameter(text) => {
                (text, Some(format!("{} characters behind the reference", text.chars().count())))
            }
            Raw::Unknown => return None,
            Raw::File(node) => {
                self.reader.fault(&at, format!("expected a string, found {}", node.value.kind()));
                return None;
            }
        };
        match parse(text) {
            Ok(value) => Some(Found { value, at }),
            Err(error) => {
                let found = found.unwrap_or_else(|| shown(text));
                self.reader.fault(&at, format!("{error}; found {found}"));
                None
            }
        }
    }

    /// What stands behind a text that is a reference.
    fn behind(&self, text: &str, at: &At) -> Option<Raw<'r>> {
        let reference = Reference::of(text)?;
        Some(self.reader.parameter(&reference, at).map_or(Raw::Unknown, Raw::Parameter))
    }

    /// The value of a key: the environment's before the file's, and what stands
    /// behind it where it is a reference.
    fn raw(&self, name: &str) -> Option<(Raw<'r>, At)> {
        let (raw, at) = self.literal_raw(name)?;
        let behind = self.peek(name).and_then(|text| self.behind(text, &at));
        Some((behind.unwrap_or(raw), at))
    }

    fn literal_raw(&self, name: &str) -> Option<(Raw<'r>, At)> {
        let key = self.ask(name, false);
        let variable = child_variable(&self.variable, name);
        if let Some(text) = self.reader.variable(&variable) {
            return Some((Raw::Variable(text), At { place: Place::Variable(variable), key }));
        }
        let (_, node) = self.table?.get(name)?;
        Some((Raw::File(node), At { place: node.place.clone(), key }))
    }

    fn ask(&self, name: &str, is_section: bool) -> String {
        let path = child_path(&self.path, name);
        self.reader.ask(&path, is_section);
        path
    }
}

fn not_empty(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("expected a text that is not empty") } else { Ok(text.to_owned()) }
}
