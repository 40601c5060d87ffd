//! The pages at which a login can begin, and to which the person comes back.
//!
//! A page is an origin of its own, or a script of one could read what is the other's. Which
//! one began is sealed into our request's `ID`, so a login that begins at an identity provider
//! belongs to the built-in page.

use crate::roles::BUILT_IN_PAGE;
use aws_lc_rs::digest::{SHA256, digest};
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

/// The first eight bytes of the SHA-256 of a page's name: in the request's `ID` there is
/// little room, and the names are the operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageDigest(pub(super) [u8; 8]);

impl PageDigest {
    fn of(name: &str) -> Self {
        let hash = digest(&SHA256, name.as_bytes());
        // A SHA-256 is longer.
        Self(hash.as_ref().first_chunk().copied().unwrap_or_default())
    }
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

    pub(super) fn digest_of(&self, name: &str) -> Option<PageDigest> {
        self.by_name(name).map(|page| PageDigest::of(&page.name))
    }

    pub(super) fn by_digest(&self, digest: PageDigest) -> Option<&Page> {
        self.0.iter().find(|page| PageDigest::of(&page.name) == digest)
    }
}

/// The page at which the login of a request began: the built-in one, until another is
/// known. All clones are one.
#[derive(Debug, Clone, Default)]
pub struct BeganAt(Arc<OnceLock<String>>);

impl BeganAt {
    /// Its name.
    pub fn name(&self) -> &str {
        self.0.get().map_or(BUILT_IN_PAGE, String::as_str)
    }

    /// Its name, if it is another one than the built-in.
    pub fn other(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    /// Another than the built-in one. The first one stays.
    pub fn set(&self, page: &Page) {
        let _ = self.0.set(page.name.clone());
    }
}
