//! What URLs give at start, before the configuration is finished.

use super::fetch::{Fetched, Fetcher, Validators};
use super::judged;
use super::kept::{self, Kept};
use crate::broker::IdpMetadata;
use crate::broker::ports::{Clock, SecureRandom};
use crate::config::{FetchedMetadata, Metadata, MetadataPlace, MetadataSource};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::task::JoinSet;

/// Asks all URLs, and falls back to what is kept of them. Gives the metadata or
/// a sentence for each, and warnings. Nobody is waited for longer than `patience`;
/// nothing is written unless it is to `keep` what it finds.
pub async fn obtain(
    metadata: &Metadata,
    keep: bool,
    patience: Duration,
    clock: &dyn Clock,
    random: Arc<dyn SecureRandom>,
) -> (FetchedMetadata, Vec<String>) {
    let mut asked = JoinSet::new();
    for source in &metadata.sources {
        if let MetadataPlace::Url(url) = &source.place {
            let start = Start {
                fetcher: Fetcher::new(url, source),
                url: url.clone(),
                source: source.clone(),
                cache: metadata.cache.clone(),
                keep,
                random: Arc::clone(&random),
                now: clock.now(),
                warnings: Vec::new(),
            };
            asked.spawn(start.obtain(patience));
        }
    }
    let (mut found, mut warnings) = (FetchedMetadata::new(), Vec::new());
    while let Some(ended) = asked.join_next().await {
        if let Ok((key, outcome, told)) = ended {
            found.insert(key, outcome);
            warnings.extend(told);
        }
    }
    (found, warnings)
}

struct Start {
    source: MetadataSource,
    url: String,
    fetcher: Fetcher,
    cache: Option<PathBuf>,
    keep: bool,
    random: Arc<dyn SecureRandom>,
    now: OffsetDateTime,
    warnings: Vec<String>,
}

impl Start {
    async fn obtain(mut self, patience: Duration) -> (String, Result<IdpMetadata, String>, Vec<String>) {
        let (kept, last_good) = match self.kept().await {
            Some((kept, last_good)) => (Some(kept), last_good),
            None => (None, Err("nothing is kept of it".to_owned())),
        };
        // Where what is kept is of no use, all of it is asked for again.
        let known = kept.as_ref().filter(|_| last_good.is_ok()).map(|kept| kept.header.validators.clone());
        let outcome = match (self.fetcher.get(known.unwrap_or_default(), patience).await, kept) {
            (Ok(Fetched::Unchanged), kept) => {
                if let Some(mut kept) = kept {
                    kept.header.confirmed = self.now;
                    self.keep(&kept);
                }
                last_good
            }
            (Ok(Fetched::Document(document, validators)), kept) => {
                let entity_id = kept.as_ref().map(|kept| kept.header.entity_id.as_str());
                match self.believe(document, validators, entity_id).await {
                    Ok(metadata) => Ok(metadata),
                    Err(why) => self.fall_back(&why, kept, last_good),
                }
            }
            (Err(why), kept) => self.fall_back(&why, kept, last_good),
        };
        (self.source.key, outcome, self.warnings)
    }

    /// What is kept, and what it says now.
    async fn kept(&mut self) -> Option<(Kept, Result<IdpMetadata, String>)> {
        let kept = match kept::load(self.cache.as_deref()?, &self.source.idp, &self.url) {
            Ok(kept) => kept?,
            Err(why) => {
                self.warnings.push(format!("identity provider {}: {why}", self.source.idp));
                return None;
            }
        };
        let document = Arc::new(kept.document.clone());
        let judged = judged(&self.source, &document, Some(&kept.header.entity_id), self.now).await;
        Some((kept, judged))
    }

    async fn believe(
        &mut self,
        document: Vec<u8>,
        validators: Validators,
        known: Option<&str>,
    ) -> Result<IdpMetadata, String> {
        let document = Arc::new(document);
        let metadata = judged(&self.source, &document, known, self.now).await?;
        let document = Arc::try_unwrap(document).unwrap_or_else(|shared| shared.to_vec());
        self.keep(&Kept::new(&self.url, &metadata.entity_id, document, validators, self.now));
        Ok(metadata)
    }

    fn keep(&mut self, kept: &Kept) {
        if let Some(directory) = self.cache.as_ref().filter(|_| self.keep)
            && let Err(why) = kept::save(directory, &self.source.idp, kept, &*self.random)
        {
            self.warnings.push(format!("identity provider {}: {why}", self.source.idp));
        }
    }

    fn fall_back(
        &mut self,
        why: &str,
        kept: Option<Kept>,
        last_good: Result<IdpMetadata, String>,
    ) -> Result<IdpMetadata, String> {
        let (idp, url) = (&self.source.idp, &self.url);
        match (last_good, kept) {
            (Ok(metadata), Some(kept)) => {
                let confirmed = kept.header.confirmed;
                let warning = format!(
                    "identity provider {idp}: {url} gives no metadata that can be used ({why}); going by the \
                     last good one, of {confirmed}"
                );
                self.warnings.push(warning);
                Ok(metadata)
            }
            (Err(nor), _) => Err(format!(
                "{url} gives no metadata that can be used ({why}), and neither is there a last good one ({nor})"
            )),
            (Ok(_), None) => Err(why.to_owned()),
        }
    }
}
