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
}

/// The pages beside the built-in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pages(Vec<Page>);

impl Pages {
    /// Of a configuration, in which each has a name and an origin of its own.
    pub fn new(pages: Vec<Page>) -> Self {
        Self(pages)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Page> {
        self.0.iter()
    }

    /// The page of this name.
    pub fn by_name(&self, name: &str) -> Option<&Page> {
        self.0.iter().find(|page| page.name == name)
    }

    /// The page of this origin; the built-in one has none here.
    pub fn by_origin(&self, origin: &str) -> Option<&Page> {
        self.0.iter().find(|page| page.origin == origin)
    }

    /// The page whose name has this digest.
    pub(super) fn by_digest(&self, digest: ShortDigest) -> Option<&Page> {
        self.0.iter().find(|page| page.digest() == digest)
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
