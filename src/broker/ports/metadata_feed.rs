//! Where the identity providers' metadata comes from.

use crate::saml::IdpMetadata;
use async_trait::async_trait;
use time::OffsetDateTime;

/// Where the identity providers' metadata comes from, as it changes. A source
/// that fails is logged, counted and tried again; what it gave last stays.
#[async_trait]
pub trait MetadataFeed: Send + Sync {
    /// Looks at all sources whose time has come; news of those that have some.
    async fn due(&self, now: OffsetDateTime) -> Vec<News>;

    /// Looks at the source of one identity provider though its time has not
    /// come, at most once a minute for whatever reason, since anybody can send
    /// a response that no key has signed. Who asks while somebody else looks
    /// waits for the outcome; nobody waits for longer than a login may.
    async fn out_of_turn(&self, idp: &str, now: OffsetDateTime) -> Option<News>;

    /// When the next source's time comes; `None`: never.
    fn next_due(&self) -> Option<OffsetDateTime>;

    /// What came cannot be believed after all, for this reason.
    fn rejected(&self, idp: &str, why: &str);

    /// Takes note of the fingerprints of a provider's keys; those noted before
    /// if they were others. Remembers across restarts where it keeps anything.
    fn note_keys(&self, idp: &str, keys: Vec<String>) -> Option<Vec<String>>;

    /// `None` for a provider without a source.
    fn health(&self, idp: &str) -> Option<SourceHealth>;
}

/// What a source of metadata says now.
#[derive(Debug)]
pub struct News {
    /// The configured name of the identity provider.
    pub idp: String,
    /// Read, its signature verified where one is asked for, not expired, and of
    /// the same entity as before.
    pub metadata: IdpMetadata,
}

/// How it stands with one source of metadata.
#[derive(Debug, Clone)]
pub struct SourceHealth {
    /// When it last gave metadata, or said that there is nothing newer.
    pub confirmed: Option<OffsetDateTime>,
    /// How often it gave none, or none that can be used, since the start.
    pub failures: u64,
}
