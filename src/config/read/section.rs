//! One table of the file with the environment over it: each option is one call.
//!
//! A wrong value becomes a fault with its place, and the call returns the default
//! or `None`, so that the caller goes on and finds the other faults.

use super::fault::{At, Place};
use super::names::{PREFIX, child_path, child_variable};
use super::parameter::Reference;
use super::reading::Reading;
use super::value::{Value, kind};
use super::values::not_empty;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One table, present or not: a table that is absent from the file may still
/// have keys in the environment.
pub(crate) struct Section<'r> {
    reading: &'r Reading<'r>,
    at: At,
    variable: String,
    table: Option<&'r DeTable<'r>>,
}

/// A value and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Found<T> {
    pub(crate) value: T,
    pub(crate) at: At,
}

impl<'r> Section<'r> {
    /// The root of the file.
    pub(crate) fn top(reading: &'r Reading<'r>) -> Self {
        let at = At { place: reading.input.file.place(0), key: String::new() };
        Self { reading, at, variable: PREFIX.to_owned(), table: Some(reading.root.get_ref()) }
    }

    pub(crate) fn reading(&self) -> &'r Reading<'r> {
        self.reading
    }

    /// Where it is.
    pub(crate) fn at(&self) -> &At {
        &self.at
    }

    /// A text that may be absent; a faulty one is `None` too.
    pub(crate) fn optional<T>(&self, name: &str, parse: impl Parse<T>) -> Option<T> {
        self.optional_at(name, parse).map(|found| found.value)
    }

    /// The same, with its place.
    pub(crate) fn optional_at<T>(&self, name: &str, parse: impl Parse<T>) -> Option<Found<T>> {
        let (raw, at) = self.raw(name)?;
        self.parsed(raw, at, parse)
    }

    /// A text that must be there.
    pub(crate) fn required<T>(&self, name: &str, parse: impl Parse<T>) -> Option<T> {
        self.required_at(name, parse).map(|found| found.value)
    }

    /// The same, with its place.
    pub(crate) fn required_at<T>(&self, name: &str, parse: impl Parse<T>) -> Option<Found<T>> {
        if !self.has(name) {
            self.missing(name, None);
        }
        self.optional_at(name, parse)
    }

    /// A text with a default, which also replaces a faulty one.
    pub(crate) fn or<T>(&self, name: &str, default: T, parse: impl Parse<T>) -> T {
        self.optional(name, parse).unwrap_or(default)
    }

    /// A text that is never resolved, even if it looks like a reference.
    pub(crate) fn literal<T>(&self, name: &str, parse: impl Parse<T>) -> Option<T> {
        let (raw, at) = self.literal_raw(name)?;
        self.parsed(raw, at, parse).map(|found| found.value)
    }

    /// A text as it is written, not judged.
    pub(crate) fn peek(&self, name: &str) -> Option<&'r str> {
        self.literal_raw(name)?.0.text()
    }

    /// A list of texts; empty if it is absent.
    pub(crate) fn list<T>(&self, name: &str, parse: impl Parse<T> + Copy) -> Vec<T> {
        let list = self.list_at(name, parse).unwrap_or_default();
        list.into_iter().map(|found| found.value).collect()
    }

    /// The same with the place of each; `None` if it is absent.
    pub(crate) fn list_at<T>(&self, name: &str, parse: impl Parse<T> + Copy) -> Option<Vec<Found<T>>> {
        let (raw, at) = self.raw(name)?;
        let literal;
        let (value, in_file) = match raw {
            Value::File(value) => (value, true),
            Value::Unknown => return None,
            Value::Text { text, .. } => {
                let expected = "expected a list of strings, such as [\"a\", \"b\"]";
                literal = DeValue::parse(text).map_err(|_| self.reading.fault(&at, expected)).ok()?;
                (&literal, false)
            }
        };
        let Some(items) = value.get_ref().as_array() else {
            let found = kind(value.get_ref());
            self.reading.fault(&at, format!("expected a list of strings, found {found}"));
            return None;
        };
        let texts = items.iter().enumerate().filter_map(|(i, item)| {
            let place = if in_file { self.place_of(item) } else { at.place.clone() };
            let at = At { place, key: format!("{}[{i}]", at.key) };
            let raw = Value::File(item);
            let behind = raw.text().and_then(|text| self.behind(text, &at));
            self.parsed(behind.unwrap_or(raw), at, parse)
        });
        Some(texts.collect())
    }

    /// One text or a list of them; empty if it is absent.
    pub(crate) fn one_or_list(&self, name: &str) -> Vec<String> {
        self.one_or_list_at(name, not_empty).into_iter().map(|found| found.value).collect()
    }

    /// The same with the place of each.
    pub(crate) fn one_or_list_at<T>(&self, name: &str, parse: impl Parse<T> + Copy) -> Vec<Found<T>> {
        let is_text = match self.raw(name) {
            None => return Vec::new(),
            Some((Value::File(value), _)) => value.get_ref().is_str(),
            Some((Value::Text { text, .. }, _)) => !text.trim_start().starts_with('['),
            Some((Value::Unknown, _)) => true,
        };
        if is_text {
            self.optional_at(name, parse).into_iter().collect()
        } else {
            self.list_at(name, parse).unwrap_or_default()
        }
    }

    /// One text or a list of them, which must be there and not be empty.
    pub(crate) fn one_or_more_at<T>(&self, name: &str, parse: impl Parse<T> + Copy) -> Vec<Found<T>> {
        let Some((raw, at)) = self.raw(name) else {
            self.missing(name, None);
            return Vec::new();
        };
        let is_empty = match raw {
            Value::File(value) => value.get_ref().as_array().is_some_and(|items| items.is_empty()),
            Value::Text { text, .. } => text.chars().filter(|c| !c.is_whitespace()).eq("[]".chars()),
            Value::Unknown => false,
        };
        if is_empty {
            self.reading.fault(&at, "an empty list");
        }
        self.one_or_list_at(name, parse)
    }

    /// A whole number within bounds, with a default.
    pub(crate) fn integer(&self, name: &str, default: usize, bounds: RangeInclusive<usize>) -> usize {
        let expected = format!("expected a whole number from {} to {}", bounds.start(), bounds.end());
        let in_file = |value: &DeValue<'_>| {
            let number = value.as_integer()?;
            usize::from_str_radix(number.as_str(), number.radix()).ok()
        };
        self.scalar(name, in_file, |number| bounds.contains(number), &expected).unwrap_or(default)
    }

    /// `true` or `false`, with a default.
    pub(crate) fn boolean(&self, name: &str, default: bool) -> bool {
        let expected = "expected true or false";
        self.scalar(name, |value| value.as_bool(), |_| true, expected).unwrap_or(default)
    }

    /// A table inside.
    pub(crate) fn section(&self, name: &str) -> Self {
        let key = self.ask(name, true);
        let value = self.table.and_then(|table| table.get(name));
        self.inside(value, key, child_variable(&self.variable, name))
    }

    /// A list of tables inside, with those that only the environment has.
    pub(crate) fn sections(&self, name: &str) -> Vec<Self> {
        let key = self.ask(name, true);
        let variable = child_variable(&self.variable, name);
        let items = self.table.and_then(|table| table.get(name)).map_or(&[][..], |value| {
            let fault = |message: String| {
                self.reading.fault(&At { place: self.place_of(value), key: key.clone() }, message);
            };
            let Some(items) = value.get_ref().as_array() else {
                fault(format!("expected a list of tables ([[{key}]]), found {}", kind(value.get_ref())));
                self.reading.open(&key);
                return &[];
            };
            if items.is_empty() {
                fault("an empty list: leave the key out, or fill it".to_owned());
            }
            items
        });
        let in_environment =
            |index: usize| self.reading.variables_below(&format!("{variable}_{index}_")).next().is_some();
        let mut sections = Vec::new();
        while sections.len() < items.len() || in_environment(sections.len()) {
            let i = sections.len();
            let (item, variable) = (items.get(i), format!("{variable}_{i}"));
            let mut section = self.inside(item, format!("{key}[{i}]"), variable.clone());
            if item.is_none() {
                section.at.place = Place::Variable(variable);
            }
            sections.push(section);
        }
        sections
    }

    /// The names of this table's keys, where the operator chooses them: those of
    /// the file, and those that only the environment has, in lower case and
    /// without what follows (`suffixes`).
    pub(crate) fn names(&self, suffixes: &[&str]) -> BTreeSet<String> {
        let in_file = self.table.into_iter().flat_map(|table| table.keys());
        let mut names: BTreeSet<String> = in_file.map(|name| name.get_ref().to_string()).collect();
        let known: BTreeSet<String> = names.iter().map(|name| child_variable(&self.variable, name)).collect();
        for rest in self.reading.variables_below(&format!("{}_", self.variable)) {
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

    /// Does not judge this table's other keys: what they mean depends on a value
    /// that is faulty.
    pub(crate) fn open(&self) {
        self.reading.open(&self.at.key);
    }

    /// A fault of this table as a whole.
    pub(crate) fn fault(&self, message: impl Display) {
        self.reading.fault(&self.at, message);
    }

    /// A fault at this key, or at its table if the file does not have it.
    pub(crate) fn fault_at_key(&self, name: &str, message: impl Display) {
        self.reading.fault(&self.at_key(name), message);
    }

    /// A fault at the value of this key, or at the key if there is none.
    pub(crate) fn fault_at_value(&self, name: &str, message: impl Display) {
        let at = self.literal_raw(name).map_or_else(|| self.at_key(name), |(_, at)| at);
        self.reading.fault(&at, message);
    }

    /// Says that a key is missing, and which other variable than its own would do.
    pub(crate) fn missing(&self, name: &str, other: Option<&str>) {
        if !self.reading.is_broken() {
            let at = At { place: self.at.place.clone(), key: child_path(&self.at.key, name) };
            let variable = child_variable(&self.variable, name);
            let or = other.map_or_else(String::new, |other| format!(" or {other}"));
            self.reading.fault(&at, format!("is missing; it can also come from {variable}{or}"));
        }
    }

    /// Where this key is, or would be.
    pub(crate) fn at_key(&self, name: &str) -> At {
        let in_file = self.table.and_then(|table| table.get_key_value(name));
        let place = in_file.map_or_else(|| self.at.place.clone(), |(name, _)| self.place_of(name));
        At { place, key: child_path(&self.at.key, name) }
    }

    fn inside(&self, value: Option<&'r Spanned<DeValue<'r>>>, key: String, variable: String) -> Self {
        let place = value.map_or_else(|| self.at.place.clone(), |value| self.place_of(value));
        let section = Self {
            reading: self.reading,
            at: At { place, key },
            variable,
            table: value.and_then(|v| v.get_ref().as_table()),
        };
        if let Some(value) = value.filter(|_| section.table.is_none()) {
            section.fault(format!("expected a table, found {}", kind(value.get_ref())));
        }
        section
    }

    fn parsed<T>(&self, raw: Value<'_>, at: At, parse: impl Parse<T>) -> Option<Found<T>> {
        let Some(text) = raw.text() else {
            if let Value::File(value) = raw {
                self.reading.fault(&at, format!("expected a string, found {}", kind(value.get_ref())));
            }
            return None;
        };
        match parse(text) {
            Ok(value) => Some(Found { value, at }),
            Err(error) => {
                self.reading.fault(&at, format!("{error}; found {}", raw.shown(text)));
                None
            }
        }
    }

    /// A value that is no text in the file; a variable or a parameter holds it as text.
    fn scalar<T: FromStr>(
        &self,
        name: &str,
        in_file: impl FnOnce(&DeValue<'_>) -> Option<T>,
        is_valid: impl FnOnce(&T) -> bool,
        expected: &str,
    ) -> Option<T> {
        let (raw, at) = self.raw(name)?;
        let value = match raw {
            Value::File(value) => in_file(value.get_ref()),
            Value::Text { text, .. } => text.parse().ok(),
            Value::Unknown => return None,
        };
        let value = value.filter(is_valid);
        if value.is_none() {
            self.reading.fault(&at, expected);
        }
        value
    }

    /// The value of a key: the environment's before the file's, and what is
    /// behind it where it is a reference.
    fn raw(&self, name: &str) -> Option<(Value<'r>, At)> {
        let (raw, at) = self.literal_raw(name)?;
        let behind = raw.text().and_then(|text| self.behind(text, &at));
        Some((behind.unwrap_or(raw), at))
    }

    fn literal_raw(&self, name: &str) -> Option<(Value<'r>, At)> {
        let key = self.ask(name, false);
        let variable = child_variable(&self.variable, name);
        if let Some(text) = self.reading.variable(&variable) {
            return Some((Value::Text { text, secret: false }, At { place: Place::Variable(variable), key }));
        }
        let value = self.table?.get(name)?;
        Some((Value::File(value), At { place: self.place_of(value), key }))
    }

    /// What is behind a text that is a reference.
    fn behind(&self, text: &str, at: &At) -> Option<Value<'r>> {
        let reference = Reference::of(text)?;
        let text = self.reading.parameter(&reference, at);
        Some(text.map_or(Value::Unknown, |text| Value::Text { text, secret: true }))
    }

    fn ask(&self, name: &str, is_table: bool) -> String {
        let key = child_path(&self.at.key, name);
        self.reading.ask(&key, is_table);
        key
    }

    fn place_of<T>(&self, in_file: &Spanned<T>) -> Place {
        self.reading.input.file.place(in_file.span().start)
    }
}

/// A function that gives the value of a text, or says what was expected.
pub(crate) trait Parse<T>: FnOnce(&str) -> Result<T, Self::Expected> {
    type Expected: Display;
}

impl<T, E: Display, F: FnOnce(&str) -> Result<T, E>> Parse<T> for F {
    type Expected = E;
}
