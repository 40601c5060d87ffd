//! What URLs give at start, before the configuration is finished.

use super::cache::Cache;
use super::feed::ConfiguredFeed;
use crate::broker::ports::{Clock, Known, LastGood, SecureRandom};
use crate::broker::{IdpMetadata, check_not_expired, fetch_update};
use crate::config::{FetchedMetadata, Metadata, MetadataPlace, MetadataSource};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Fetches from all URLs, and falls back to their last good documents. Gives the
/// metadata or a sentence for each, and warnings. No URL is waited for longer than
/// `timeout`; nothing is written unless it is to `keep` what it finds.
pub async fn obtain(
    metadata: &Metadata,
    keep: bool,
    timeout: Duration,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn SecureRandom>,
) -> (FetchedMetadata, Vec<String>) {
    let mut asked = JoinSet::new();
    for source in &metadata.sources {
        if let MetadataPlace::Url(url) = &source.place {
            let cache = metadata.cache.as_deref().map(|at| {
                let cache = Cache::new(at, &source.idp, Arc::clone(random));
                if keep { cache } else { cache.read_only() }
            });
            let feed = ConfiguredFeed { source: source.clone(), cache };
            let start = Start { feed, url: url.clone(), clock: Arc::clone(clock), warnings: Vec::new() };
            asked.spawn(start.obtain(timeout));
        }
    }
    let (mut found, mut warnings) = (FetchedMetadata::new(), Vec::new());
    while let Some(ended) = asked.join_next().await {
        if let Ok((source, outcome, its_warnings)) = ended {
            found.insert(source.key, outcome);
            warnings.extend(its_warnings);
        }
    }
    (found, warnings)
}

struct Start {
    feed: ConfiguredFeed,
    url: String,
    clock: Arc<dyn Clock>,
    warnings: Vec<String>,
}

impl Start {
    async fn obtain(
        mut self,
        timeout: Duration,
    ) -> (MetadataSource, Result<IdpMetadata, String>, Vec<String>) {
        let last_good = self.last_good();
        let last_metadata = match &last_good {
            Some(last_good) => self.parse(last_good).await,
            None => Err("nothing is kept of it".to_owned()),
        };
        let known = Known {
            // A last good document that cannot be used is asked for again, all of it.
            version: last_good.as_ref().filter(|_| last_metadata.is_ok()).map(|last| &last.version),
            entity_id: last_good.as_ref().map(|last| last.entity_id.as_str()),
        };
        let outcome = match fetch_update(&self.feed, known, timeout, &*self.clock).await {
            Ok(update) => {
                if let Err(why) = update.kept {
                    self.warn(&why);
                }
                update.metadata.map_or(last_metadata, Ok)
            }
            Err(why) => self.fall_back(&why, last_good, last_metadata),
        };
        (self.feed.source, outcome, self.warnings)
    }

    fn last_good(&mut self) -> Option<LastGood> {
        self.feed.last_good().unwrap_or_else(|why| {
            self.warn(&why);
            None
        })
    }

    async fn parse(&self, last_good: &LastGood) -> Result<IdpMetadata, String> {
        let (metadata, _) = self.feed.parse(last_good.bytes.clone(), Some(&last_good.entity_id)).await?;
        check_not_expired(&metadata, self.clock.now())?;
        Ok(metadata)
    }

    fn fall_back(
        &mut self,
        why: &str,
        last_good: Option<LastGood>,
        last_metadata: Result<IdpMetadata, String>,
    ) -> Result<IdpMetadata, String> {
        let url = &self.url;
        let metadata = last_metadata.map_err(|nor| {
            format!(
                "{url} gives no metadata that can be used ({why}), and neither is there a last good one ({nor})"
            )
        })?;
        if let Some(LastGood { confirmed, .. }) = last_good {
            self.warn(&format!(
                "{url} gives no metadata that can be used ({why}); going by the last good one, of {confirmed}"
            ));
        }
        Ok(metadata)
    }

    fn warn(&mut self, why: &str) {
        self.warnings.push(format!("identity provider {}: {why}", self.feed.source.idp));
    }
}
