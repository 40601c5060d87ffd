//! The file as a tree in which every value knows its place.

use super::fault::{Fault, Place};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table: by key, where the key stands and its value.
pub(crate) type Table = BTreeMap<String, (Place, Node)>;

/// A value and its place.
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) place: Place,
}

/// What a configuration is made of.
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    Array(Vec<Node>),
    Table(Table),
    /// What no option takes: a float, a date, a number beyond 64 bits.
    Other(&'static str),
}

impl Value {
    /// What it is, for faults.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Boolean(_) => "a boolean",
            Self::Array(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

impl Node {
    /// Parses the file as far as it can be; the rest are faults.
    pub(crate) fn parse(path: &Arc<Path>, text: &str) -> (Self, Vec<Fault>) {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut faults: Vec<Fault> = Vec::new();
        for error in errors {
            let place = Place::at(path, text, error.span().map_or(0, |span| span.start));
            // One mistake makes the parser stumble several times over the same spot.
            if faults.last().is_none_or(|last| last.place != place) {
                let message = format!("not TOML: {}", error.message());
                faults.push(Fault { place, key: String::new(), message });
            }
        }
        let place_of = |offset| Place::at(path, text, offset);
        let value = Value::Table(table(root.get_ref(), &place_of));
        (Self { value, place: place_of(0) }, faults)
    }

    /// A TOML value, as an environment variable may hold one.
    pub(crate) fn literal(text: &str, place: &Place) -> Option<Self> {
        let value = DeValue::parse(text).ok()?;
        Some(node(&value, &|_| place.clone()))
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Integer(_) | Value::Boolean(_) | Value::Array(_) | Value::Table(_) | Value::Other(_) => {
                None
            }
        }
    }

    pub(crate) const fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::Array(_) | Value::Other(_) => {
                None
            }
        }
    }
}

fn table(table: &DeTable<'_>, place_of: &dyn Fn(usize) -> Place) -> Table {
    let entries = table
        .iter()
        .map(|(key, value)| (key.get_ref().to_string(), (place_of(key.span().start), node(value, place_of))));
    entries.collect()
}

fn node(value: &Spanned<DeValue<'_>>, place_of: &dyn Fn(usize) -> Place) -> Node {
    let place = place_of(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number beyond 64 bits"), Value::Integer),
        DeValue::Float(_) => Value::Other("a float"),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(_) => Value::Other("a date or time"),
        DeValue::Array(items) => Value::Array(items.iter().map(|item| node(item, place_of)).collect()),
        DeValue::Table(entries) => Value::Table(table(entries, place_of)),
    };
    Node { value, place }
}
