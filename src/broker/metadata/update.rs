//! Fetch and accept: the same at start and while the service runs.

use crate::broker::ports::metadata_feed::{DocumentVersion, Fetched, Known, LastGood, MetadataFeed};
use crate::broker::ports::system::Clock;
use crate::saml::IdpMetadata;
use std::time::Duration;
use time::OffsetDateTime;

/// What a source has now.
pub struct MetadataUpdate {
    /// `None`: what is known is unchanged.
    pub metadata: Option<IdpMetadata>,
    /// Its version.
    pub version: DocumentVersion,
    /// Whether it could be kept as the last good one, or confirmed; else a sentence.
    pub kept: Result<(), String>,
}

/// Fetches from a source. A document that has not expired is accepted, and is the
/// last good one from then on.
///
/// # Errors
/// A sentence for the operator: there is no usable document.
pub async fn fetch_update(
    feed: &dyn MetadataFeed,
    known: Known<'_>,
    timeout: Duration,
    clock: &dyn Clock,
) -> Result<MetadataUpdate, String> {
    let fetched = feed.fetch(known, timeout).await?;
    let now = clock.now();
    match fetched {
        Fetched::Unchanged(version) => {
            let kept = feed.confirm(&version, now).await;
            Ok(MetadataUpdate { metadata: None, version, kept })
        }
        Fetched::Document { metadata, bytes, version } => {
            check_not_expired(&metadata, now)?;
            let entity_id = metadata.entity_id.clone();
            let kept =
                feed.keep(LastGood { entity_id, bytes, version: version.clone(), confirmed: now }).await;
            Ok(MetadataUpdate { metadata: Some(metadata), version, kept })
        }
    }
}

/// Metadata must not be used after its `validUntil` (metadata 2.3.1).
///
/// # Errors
/// A sentence for the operator.
pub fn check_not_expired(metadata: &IdpMetadata, now: OffsetDateTime) -> Result<(), String> {
    match metadata.valid_until {
        Some(end) if end <= now => Err(format!("it has expired: it was valid until {end}")),
        Some(_) | None => Ok(()),
    }
}
