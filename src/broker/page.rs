//! The pages at which a login can begin, and to which the person comes back; and for what.
//!
//! A page is an origin of its own, or a script of one could read what is the other's. Which
//! one began is sealed into our request's `ID`, so a login that begins at an identity provider
//! belongs to the built-in page.

use crate::roles::{BUILT_IN_PAGE, Use};
use crate::saml::ShortDigest;
use std::sync::{Arc, OnceLock};

/// A page beside the built-in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The operator's name for it.
    pub name: String,
    /// Where it gets its tickets.
    pub redirect_url: String,
    /// As browsers send it in `Origin`.
    pub origin: String,
    /// Whether people choose among their roles there.
    pub choose: bool,
}

/// The pages beside the built-in one, and whether people choose there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages {
    others: Vec<Page>,
    /// The origins of the built-in page.
    built_in_at: Vec<String>,
    /// The origins at which the built-in page lets people choose. None where it does not.
    built_in_chooses_at: Vec<String>,
}

impl Pages {
    /// Of a configuration, in which each has a name and an origin of its own.
    pub fn new(pages: Vec<Page>) -> Self {
        Self { others: pages, ..Self::default() }
    }

    /// The same where the built-in page is on these origins.
    #[must_use]
    pub fn built_in_at(self, origins: Vec<String>) -> Self {
        Self { built_in_at: origins, ..self }
    }

    /// The same where people choose at the built-in page, on these origins.
    #[must_use]
    pub fn choosing_at(self, origins: Vec<String>) -> Self {
        Self { built_in_chooses_at: origins, ..self }
    }

    /// Whether people choose at the page at which a login began.
    pub fn may_choose(&self, began_at: &BeganAt) -> bool {
        match began_at.other() {
            None => !self.built_in_chooses_at.is_empty(),
            Some(name) => self.by_name(name).is_some_and(|page| page.choose),
        }
    }

    /// Whether people choose at the page of this name, the built-in one if there is none, on
    /// this origin.
    pub(super) fn chooses_at(&self, origin: &str, page: Option<&str>) -> bool {
        match page {
            None => self.built_in_chooses_at.iter().any(|own| own == origin),
            Some(name) => self.by_name(name).is_some_and(|page| page.choose && page.origin == origin),
        }
    }

    /// Whether the page of this name, the built-in one if there is none, is on this origin.
    pub(super) fn is_at(&self, origin: &str, page: Option<&str>) -> bool {
        match page {
            None => self.built_in_at.iter().any(|own| own == origin),
            Some(name) => self.by_name(name).is_some_and(|page| page.origin == origin),
        }
    }

    /// All origins at which people choose.
    pub fn choosers(&self) -> impl Iterator<Item = &String> {
        let others = self.others.iter().filter(|page| page.choose).map(|page| &page.origin);
        self.built_in_chooses_at.iter().chain(others)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Page> {
        self.others.iter()
    }

    /// The page of this name.
    pub fn by_name(&self, name: &str) -> Option<&Page> {
        self.others.iter().find(|page| page.name == name)
    }

    /// The page of this origin; the built-in one has none here.
    pub fn by_origin(&self, origin: &str) -> Option<&Page> {
        self.others.iter().find(|page| page.origin == origin)
    }

    /// The page whose name has this digest.
    pub(super) fn by_digest(&self, digest: ShortDigest) -> Option<&Page> {
        self.others.iter().find(|page| page.digest() == digest)
    }
}

impl Page {
    /// Of its name: what a request's `ID` has of it.
    pub(super) fn digest(&self) -> ShortDigest {
        ShortDigest::of(&self.name)
    }
}

/// The page at which the login of a request began, and for what: the built-in one, and for
/// its credentials, until else is known. All clones are one.
#[derive(Debug, Clone, Default)]
pub struct BeganAt(Arc<Began>);

#[derive(Debug, Default)]
struct Began {
    page: OnceLock<String>,
    for_use: OnceLock<Use>,
}

impl BeganAt {
    /// Its name.
    pub fn name(&self) -> &str {
        self.0.page.get().map_or(BUILT_IN_PAGE, String::as_str)
    }

    /// Its name, if it is another one than the built-in.
    pub fn other(&self) -> Option<&str> {
        self.0.page.get().map(String::as_str)
    }

    /// What the login is for.
    pub fn for_use(&self) -> Use {
        self.0.for_use.get().copied().unwrap_or_default()
    }

    /// Another than the built-in one. The first one stays.
    pub(super) fn set(&self, page: &Page) {
        let _ = self.0.page.set(page.name.clone());
    }

    /// Another use than the page's. The first one stays.
    pub(super) fn set_use(&self, for_use: Use) {
        let _ = self.0.for_use.set(for_use);
    }
}
