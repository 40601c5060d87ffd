//! One pass over the file and the environment. It notes faults, and every key
//! that a table asks for; a key that no table asks for is unknown.

use super::fault::{At, Fault, Faults, Place};
use super::input::Input;
use super::names::{child_path, variable_of};
use super::parameter::{Reference, SCHEME};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One pass over an [`Input`].
pub(crate) struct Reading<'i> {
    pub(crate) input: &'i Input,
    pub(crate) root: Spanned<DeTable<'i>>,
    /// The first syntax error.
    broken: Option<Place>,
    notes: RefCell<Notes>,
}

/// The findings of a pass.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) faults: Vec<Fault>,
    pub(crate) warnings: Vec<String>,
    /// Values that are needed and were not fetched.
    pub(crate) unfetched: Vec<(At, Unfetched)>,
    /// Every path that was asked for, and whether it is a table or a list of tables.
    asked: BTreeMap<String, bool>,
    /// Tables whose other keys are not judged.
    open: BTreeSet<String>,
    /// Variables that were read.
    used: BTreeSet<String>,
}

/// A value from elsewhere that was not fetched.
#[derive(Debug, Clone)]
pub(crate) enum Unfetched {
    /// The parameter of this name.
    Parameter(String),
    /// The metadata at this URL.
    Metadata(String),
}

impl Notes {
    /// A key that is read twice has its fault once.
    pub(crate) fn fault(&mut self, at: &At, message: impl Display) {
        let fault = Fault { place: at.place.clone(), key: at.key.clone(), message: message.to_string() };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// In the order of the file; the environment last.
    pub(crate) fn into_faults(mut self) -> Faults {
        self.faults.sort_by(|a, b| (&a.place, &a.key).cmp(&(&b.place, &b.key)));
        Faults(self.faults)
    }
}

impl<'i> Reading<'i> {
    /// Parses the file as far as that is possible.
    pub(crate) fn new(input: &'i Input) -> Self {
        let (root, errors) = DeTable::parse_recoverable(input.file.text());
        let mut faults: Vec<Fault> = Vec::new();
        for error in errors {
            let place = input.file.place(error.span().map_or(0, |span| span.start));
            // One mistake makes the parser stumble several times over the same spot.
            if faults.last().is_none_or(|last| last.place != place) {
                let message = format!("not TOML: {}", error.message());
                faults.push(Fault { place, key: String::new(), message });
            }
        }
        let broken = faults.first().map(|fault| fault.place.clone());
        Self { input, root, broken, notes: RefCell::new(Notes { faults, ..Notes::default() }) }
    }

    pub(crate) fn fault(&self, at: &At, message: impl Display) {
        self.notes.borrow_mut().fault(at, message);
    }

    pub(crate) fn warn(&self, message: impl Into<String>) {
        self.notes.borrow_mut().warnings.push(message.into());
    }

    /// Notes that the value here is needed and was not fetched.
    pub(crate) fn miss(&self, at: &At, what: Unfetched) {
        let missed = &mut self.notes.borrow_mut().unfetched;
        if !missed.iter().any(|(other, _)| other.key == at.key) {
            missed.push((at.clone(), what));
        }
    }

    /// Whether the value of this key was noted as not fetched.
    pub(crate) fn misses(&self, key: &str) -> bool {
        self.notes.borrow().unfetched.iter().any(|(at, _)| at.key == key)
    }

    /// Notes that this key was asked for.
    pub(crate) fn ask(&self, path: &str, is_table: bool) {
        self.notes.borrow_mut().asked.insert(path.to_owned(), is_table);
    }

    /// Does not judge the keys inside.
    pub(crate) fn open(&self, path: &str) {
        self.notes.borrow_mut().open.insert(path.to_owned());
    }

    /// The value of a variable, which is then a known one.
    pub(crate) fn variable(&self, name: &str) -> Option<&'i str> {
        let text = self.input.variables.get(name)?;
        self.notes.borrow_mut().used.insert(name.to_owned());
        Some(text)
    }

    /// All variables that begin like this, without the beginning.
    pub(crate) fn variables_below<'s>(&'s self, prefix: &'s str) -> impl Iterator<Item = &'s str> {
        self.input.variables.keys().filter_map(move |name| name.strip_prefix(prefix))
    }

    /// The value behind a reference. `None`, and a note of it, if there is none.
    pub(crate) fn parameter(&self, reference: &Reference<'_>, at: &At) -> Option<&'i str> {
        let name =
            reference.name(self.input.prefix.as_deref()).map_err(|error| self.fault(at, error)).ok()?;
        match self.input.parameters.get(&name) {
            Some(Ok(value)) => return Some(value),
            Some(Err(error)) => self.fault(at, format!("{SCHEME}{name}: {error}")),
            None => self.miss(at, Unfetched::Parameter(name)),
        }
        None
    }

    /// Whether the file has syntax errors: a key that seems missing may be among
    /// what was not understood.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Whether the keys that matter are right and known, as far as they were read.
    pub(crate) fn is_sound(&self, matters: impl Fn(&str) -> bool) -> bool {
        let notes = self.notes.borrow();
        let mut keys =
            notes.faults.iter().map(|f| &f.key).chain(notes.unfetched.iter().map(|(at, _)| &at.key));
        !self.is_broken() && !keys.any(|key| matters(key))
    }

    /// Ends the pass: what was never asked for is a fault.
    pub(crate) fn finish(self) -> Notes {
        self.unknown_keys(self.root.get_ref(), "");
        let mut notes = self.notes.into_inner();
        let is_open =
            |name: &str| notes.open.iter().any(|path| name.starts_with(&format!("{}_", variable_of(path))));
        let unknown =
            self.input.variables.keys().filter(|name| !notes.used.contains(*name) && !is_open(name));
        let unknown: Vec<Fault> = unknown
            .map(|name| Fault {
                place: Place::Variable(name.clone()),
                key: String::new(),
                message: "no option has this variable".to_owned(),
            })
            .collect();
        notes.faults.extend(unknown);
        notes
    }

    /// Every path that was asked for, for the test that the default file has them all.
    #[cfg(test)]
    pub(crate) fn asked(&self) -> Vec<String> {
        self.notes.borrow().asked.keys().cloned().collect()
    }

    fn unknown_keys(&self, table: &DeTable<'_>, path: &str) {
        if self.notes.borrow().open.contains(path) {
            return;
        }
        for (name, value) in table {
            let at =
                At { place: self.input.file.place(name.span().start), key: child_path(path, name.get_ref()) };
            let asked = self.notes.borrow().asked.get(&at.key).copied();
            match asked {
                Some(true) => self.unknown_keys_inside(value.get_ref(), &at.key),
                Some(false) => {}
                // Behind a broken header a key may be in the wrong table.
                None if self.broken.as_ref().is_some_and(|broken| at.place > *broken) => {}
                None => self.fault(&at, format!("unknown key; known here: {}", self.known(path))),
            }
        }
    }

    fn unknown_keys_inside(&self, value: &DeValue<'_>, path: &str) {
        if let Some(table) = value.as_table() {
            self.unknown_keys(table, path);
        }
        for (i, item) in value.as_array().into_iter().flatten().enumerate() {
            self.unknown_keys_inside(item.get_ref(), &format!("{path}[{i}]"));
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
