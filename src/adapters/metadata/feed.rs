//! A configured source of metadata: a URL or a file, with the cache of what it gave.

use super::cache::{self, Cache};
use super::fetch::{Fetcher, Response};
use crate::broker::ports::{
    DocumentVersion, Fetched, Known, LastGood, MetadataFeed, SecureRandom, Validators,
};
use crate::broker::{self, IdpMetadata};
use crate::config::{Metadata, MetadataPlace, MetadataSource};
use async_trait::async_trait;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// The configured sources, with what is kept of them, for renewal while the
/// service runs.
pub fn open_sources(metadata: &Metadata, random: &Arc<dyn SecureRandom>) -> Vec<broker::MetadataSource> {
    let open = |source: &MetadataSource| {
        let cache = metadata.cache.as_deref().map(|at| Cache::new(at, &source.idp, Arc::clone(random)));
        let reported_keys = cache.as_ref().and_then(|cache| {
            cache.load_keys().unwrap_or_else(|why| {
                tracing::warn!(idp = source.idp, why, "the keys that were reported last are not known");
                None
            })
        });
        let feed = ConfiguredFeed { source: source.clone(), cache };
        broker::MetadataSource {
            idp: source.idp.clone(),
            key: source.key.clone(),
            is_file: matches!(source.place, MetadataPlace::File(_)),
            last_good: feed.last_good().ok().flatten().map(|last| (last.version, last.confirmed)),
            reported_keys,
            feed: Arc::new(feed),
        }
    };
    metadata.sources.iter().map(open).collect()
}

/// What a source has now: the metadata, and the document that it was read from.
///
/// # Errors
/// A sentence for the operator.
pub async fn read_now(source: &MetadataSource, timeout: Duration) -> Result<(IdpMetadata, Vec<u8>), String> {
    let feed = ConfiguredFeed { source: source.clone(), cache: None };
    match feed.fetch(Known::default(), timeout).await? {
        Fetched::Document { metadata, bytes, .. } => Ok((metadata, bytes)),
        Fetched::Unchanged(_) => Err("it says that nothing has changed, and was not asked that".to_owned()),
    }
}

pub(super) struct ConfiguredFeed {
    pub(super) source: MetadataSource,
    pub(super) cache: Option<Cache>,
}

#[async_trait]
impl MetadataFeed for ConfiguredFeed {
    async fn fetch(&self, known: Known<'_>, timeout: Duration) -> Result<Fetched, String> {
        let validators = known.version.map(|version| &version.validators);
        let response = match &self.source.place {
            MetadataPlace::Url(url) => {
                Fetcher::new(url, &self.source).get(validators.cloned().unwrap_or_default(), timeout).await?
            }
            MetadataPlace::File(path) => read_file(path, validators).await?,
        };
        let (bytes, version) = match (response, known.version) {
            (Response::Document(bytes, validators), _) => {
                let sha256 = cache::sha256(&bytes);
                (bytes, DocumentVersion { validators, sha256 })
            }
            (Response::NotModified, Some(version)) => return Ok(Fetched::Unchanged(version.clone())),
            (Response::NotModified, None) => return Err("it answers 304".to_owned()),
        };
        if known.version.is_some_and(|known| known.sha256 == version.sha256) {
            return Ok(Fetched::Unchanged(version));
        }
        let (metadata, bytes) = self.parse(bytes, known.entity_id).await?;
        Ok(Fetched::Document { metadata, bytes, version })
    }

    async fn keep(&self, last_good: LastGood) -> Result<(), String> {
        let Some((cache, url)) = self.cached_url() else { return Ok(()) };
        blocking(move || cache.save(&url, &last_good)).await
    }

    async fn confirm(&self, version: &DocumentVersion, now: OffsetDateTime) -> Result<(), String> {
        let Some((cache, url)) = self.cached_url() else { return Ok(()) };
        let version = version.clone();
        let confirm = move || {
            let last_good = cache.load(&url)?.ok_or("nothing is kept")?;
            cache.save(&url, &LastGood { version, confirmed: now, ..last_good })
        };
        blocking(confirm).await
    }

    async fn keep_reported_keys(&self, keys: &[String]) -> Result<(), String> {
        let Some(cache) = self.cache.clone() else { return Ok(()) };
        let keys = keys.to_vec();
        blocking(move || cache.save_keys(&keys)).await
    }
}

impl ConfiguredFeed {
    /// The last good document of a URL; `None` if there is none.
    pub(super) fn last_good(&self) -> Result<Option<LastGood>, String> {
        match self.cached_url() {
            Some((cache, url)) => cache.load(&url),
            None => Ok(None),
        }
    }

    /// Parses a document, and verifies its signature if the source must be signed.
    pub(super) async fn parse(
        &self,
        document: Vec<u8>,
        entity_id: Option<&str>,
    ) -> Result<(IdpMetadata, Vec<u8>), String> {
        let (source, entity_id) = (self.source.clone(), entity_id.map(str::to_owned));
        let parse = move || {
            let metadata = source.read(&document, entity_id.as_deref()).map_err(|e| e.to_string())?;
            Ok((metadata, document))
        };
        blocking(parse).await
    }

    /// Documents of files are not kept: the file is there at the next start.
    fn cached_url(&self) -> Option<(Cache, String)> {
        match &self.source.place {
            MetadataPlace::Url(url) => Some((self.cache.clone()?, url.clone())),
            MetadataPlace::File(_) => None,
        }
    }
}

/// Reads a file, unless it is still the one that `known` was made from.
async fn read_file(path: &Path, known: Option<&Validators>) -> Result<Response, String> {
    let facts = std::fs::metadata(path).map_err(|e| e.to_string())?;
    // A file that is replaced or written has another.
    let etag = format!("{}-{}-{}.{}", facts.ino(), facts.len(), facts.ctime(), facts.ctime_nsec());
    let validators = Validators { etag: Some(etag), last_modified: None };
    if known == Some(&validators) {
        return Ok(Response::NotModified);
    }
    let path = path.to_owned();
    let document = blocking(move || MetadataSource::read_file(&path)).await?;
    Ok(Response::Document(document, validators))
}

/// Runs off the threads that serve: a large aggregate takes a second to parse, and
/// a slow disk may take longer to write it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|e| format!("it ended unexpectedly: {e}"))?
}
