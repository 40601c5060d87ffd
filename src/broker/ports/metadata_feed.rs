//! One source of metadata: where an identity provider's document is fetched, and
//! where the last good one is kept.

use crate::saml::IdpMetadata;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::OffsetDateTime;

/// One identity provider's source, a URL or a file. It fetches and keeps; when it
/// is asked, and what is accepted of it, is the caller's decision.
#[async_trait]
pub trait MetadataFeed: Send + Sync {
    /// Asks for the source's document. The answer is [`Fetched::Unchanged`] only
    /// if `known` has a version and the source still has that document. Any other
    /// document is parsed; its signature is verified where one is required, and it
    /// is of `known.entity_id`, where one is known. Whether it has expired is not checked.
    /// A server is waited for no longer than `timeout`.
    ///
    /// # Errors
    /// A sentence for the operator.
    async fn fetch(&self, known: Known<'_>, timeout: Duration) -> Result<Fetched, String>;

    /// Replaces the last good document on disk, whole or not at all. Does nothing
    /// where none is kept: for a file, and without a directory for it.
    ///
    /// # Errors
    /// A sentence for the operator.
    async fn keep(&self, last_good: LastGood) -> Result<(), String>;

    /// Notes with the last good document that the source confirmed it, and by
    /// which version the source knows it. Does nothing where none is kept.
    ///
    /// # Errors
    /// A sentence for the operator: it cannot be written, or is gone.
    async fn confirm(&self, version: &DocumentVersion, now: OffsetDateTime) -> Result<(), String>;

    /// Keeps the fingerprints of which the audit trail knows, across restarts where
    /// there is a directory.
    ///
    /// # Errors
    /// A sentence for the operator.
    async fn keep_reported_keys(&self, keys: &[String]) -> Result<(), String>;
}

/// What is known of a source's document before it is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// The version in use; `None` asks for the document whether or not it has changed.
    pub version: Option<&'a DocumentVersion>,
    /// The entity id that the source's metadata had before; it must not change.
    pub entity_id: Option<&'a str>,
}

/// What a source answers.
#[derive(Debug)]
pub enum Fetched {
    /// The document of [`Known::version`], by the version that the source calls it now.
    Unchanged(DocumentVersion),
    /// Another document.
    Document {
        /// What it says.
        metadata: IdpMetadata,
        /// The document as it came.
        bytes: Vec<u8>,
        /// Its version.
        version: DocumentVersion,
    },
}

/// Tells one document of a source from the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentVersion {
    /// What the source calls it.
    pub validators: Validators,
    /// Of the document, in hexadecimal.
    pub sha256: String,
}

/// What a server calls a document (RFC 9110, 8.8). Of a file the tag is made from
/// its inode, length and time of change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// `ETag`
    pub etag: Option<String>,
    /// `Last-Modified`
    pub last_modified: Option<String>,
}

/// The last document of a source that was accepted.
#[derive(Debug, Clone)]
pub struct LastGood {
    /// The entity id of its identity provider.
    pub entity_id: String,
    /// The document as it came.
    pub bytes: Vec<u8>,
    /// Its version.
    pub version: DocumentVersion,
    /// When the source last gave or confirmed it.
    pub confirmed: OffsetDateTime,
}
