//! Identity providers' metadata as it changes: fetched or read again, checked,
//! and the last good one kept on disk.
//!
//! ```text
//! obtain (start.rs)   before the configuration is finished: the URL, else what is kept
//! MetadataWatch (watch.rs)  while the service runs: the port `MetadataFeed`
//!   fetch.rs          one question to one URL
//!   kept.rs           the files of `saml.metadata_cache`
//!   schedule.rs       when to ask again
//! ```

mod fetch;
mod kept;
mod schedule;
mod start;
mod watch;

pub use kept::{KeptFacts, kept_facts};
pub use start::obtain;
pub use watch::MetadataWatch;

use crate::broker::IdpMetadata;
use crate::config::MetadataSource;
use std::sync::Arc;
use time::OffsetDateTime;

/// Off the threads that serve: a large aggregate takes a second to read, and a
/// slow disk may take longer to write it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|e| format!("it ended unexpectedly: {e}"))?
}

/// Reads what a source gave; what has expired is not believed anew.
async fn judged(
    source: &MetadataSource,
    document: &Arc<Vec<u8>>,
    known: Option<&str>,
    now: OffsetDateTime,
) -> Result<IdpMetadata, String> {
    let (source, document, known) = (source.clone(), Arc::clone(document), known.map(str::to_owned));
    let read = move || source.read(&document, known.as_deref()).map_err(|e| e.to_string());
    let metadata = blocking(read).await?;
    match metadata.valid_until {
        Some(end) if end <= now => Err(format!("it has expired: it was valid until {end}")),
        Some(_) | None => Ok(metadata),
    }
}
