//! The sources of metadata, looked at again while the service runs.

use super::fetch::{Fetched, Fetcher, Validators};
use super::kept::{self, Kept};
use super::schedule::Bounds;
use super::{blocking, judged};
use crate::broker::CurrentProviders;
use crate::broker::IdpMetadata;
use crate::broker::ports::{Clock, MetadataFeed, News, SecureRandom, SourceHealth};
use crate::config::{Metadata, MetadataPlace, MetadataSource};
use async_trait::async_trait;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long one URL may take in the background: a large aggregate, far away.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a login may wait for it.
const LOGIN_PATIENCE: Duration = Duration::from_secs(3);

/// Anybody can send a response that no key has signed.
const OUT_OF_TURN: time::Duration = time::Duration::minutes(1);

/// How many logins may wait for one source at once; more are answered by what is known.
const WAITING_LOGINS: usize = 32;

/// All sources of one Vestibule.
pub struct MetadataWatch {
    sources: Vec<Arc<Watched>>,
}

/// One source.
struct Watched {
    source: MetadataSource,
    entity_id: String,
    fetcher: Option<Fetcher>,
    cache: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
    /// Held while somebody looks.
    seen: tokio::sync::Mutex<Seen>,
    facts: Mutex<Facts>,
    waiting: Semaphore,
}

/// What was seen last.
#[derive(Default)]
struct Seen {
    validators: Validators,
    sha256: String,
    stamp: Option<Stamp>,
}

/// Which file it was: a file that is replaced or written has another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    changed: (i64, i64),
}

/// What others ask, without waiting for who looks.
struct Facts {
    bounds: Bounds,
    due: OffsetDateTime,
    looks: u64,
    last_out_of_turn: Option<OffsetDateTime>,
    confirmed: Option<OffsetDateTime>,
    failures: u64,
    failures_in_a_row: u32,
    keys: Option<Vec<String>>,
    /// Why what was seen last is not believed after all.
    rejected: Option<String>,
}

enum Look {
    Unchanged,
    News(IdpMetadata),
}

impl MetadataWatch {
    /// The sources of these identity providers, which were just read.
    pub fn new(
        metadata: &Metadata,
        trust: &CurrentProviders,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn SecureRandom>,
    ) -> Self {
        let providers = trust.current();
        let now = clock.now();
        let watched = |source: &MetadataSource| {
            let provider = providers.iter().find(|provider| provider.name == source.idp)?;
            let url = match &source.place {
                MetadataPlace::Url(url) => Some(url),
                MetadataPlace::File(_) => None,
            };
            let directory = metadata.cache.as_deref();
            let kept =
                url.zip(directory).and_then(|(url, at)| kept::load(at, &source.idp, url).ok().flatten());
            let confirmed = kept.as_ref().map_or(now, |kept| kept.header.confirmed);
            let keys = directory.and_then(|at| {
                kept::load_keys(at, &source.idp).unwrap_or_else(|why| {
                    tracing::warn!(idp = source.idp, why, "the keys that were reported last are not known");
                    None
                })
            });
            let bounds = Bounds {
                refresh: metadata.refresh,
                cache_duration: provider.validity.cache_duration,
                valid_until: provider.validity.until,
                is_file: url.is_none(),
            };
            let facts = Facts {
                bounds,
                due: bounds.after_success(confirmed, chance(&**random)),
                looks: 0,
                last_out_of_turn: None,
                confirmed: Some(confirmed),
                failures: 0,
                failures_in_a_row: 0,
                keys,
                rejected: None,
            };
            let seen = kept.map_or_else(Seen::default, |kept| Seen {
                validators: kept.header.validators.clone(),
                sha256: kept::sha256(&kept.document),
                stamp: None,
            });
            Some(Arc::new(Watched {
                entity_id: provider.entity_id.clone(),
                fetcher: url.map(|url| Fetcher::new(url, source)),
                source: source.clone(),
                cache: metadata.cache.clone(),
                clock: Arc::clone(clock),
                random: Arc::clone(random),
                seen: tokio::sync::Mutex::new(seen),
                facts: Mutex::new(facts),
                waiting: Semaphore::new(WAITING_LOGINS),
            }))
        };
        Self { sources: metadata.sources.iter().filter_map(watched).collect() }
    }

    fn of(&self, idp: &str) -> Option<&Arc<Watched>> {
        self.sources.iter().find(|watched| watched.source.idp == idp)
    }
}

#[async_trait]
impl MetadataFeed for MetadataWatch {
    async fn due(&self, now: OffsetDateTime) -> Vec<News> {
        let mut looking = JoinSet::new();
        for watched in self.sources.iter().filter(|watched| watched.facts().due <= now) {
            let watched = Arc::clone(watched);
            looking.spawn(async move { watched.look(PATIENCE).await });
        }
        let mut news = Vec::new();
        while let Some(ended) = looking.join_next().await {
            news.extend(ended.ok().flatten());
        }
        news
    }

    async fn out_of_turn(&self, idp: &str, now: OffsetDateTime) -> Option<News> {
        let watched = self.of(idp)?;
        let _place = watched.waiting.try_acquire().ok()?;
        let looks = {
            let mut facts = watched.facts();
            let too_soon = facts.last_out_of_turn.is_some_and(|last| now < last + OUT_OF_TURN);
            if !too_soon {
                facts.last_out_of_turn = Some(now);
            }
            // Too soon to ask, but not to wait for who asks just now.
            (!too_soon).then_some(facts.looks)
        };
        let look = async {
            match looks {
                Some(looks) => watched.look_unless(looks, LOGIN_PATIENCE).await,
                None => {
                    drop(watched.seen.lock().await);
                    None
                }
            }
        };
        tokio::time::timeout(LOGIN_PATIENCE, look).await.ok().flatten()
    }

    fn next_due(&self) -> Option<OffsetDateTime> {
        self.sources.iter().map(|watched| watched.facts().due).min()
    }

    fn rejected(&self, idp: &str, why: &str) {
        if let Some(watched) = self.of(idp) {
            watched.facts().rejected = Some(why.to_owned());
            watched.failed(why);
        }
    }

    fn note_keys(&self, idp: &str, keys: Vec<String>) -> Option<Vec<String>> {
        let watched = self.of(idp)?;
        let before = watched.facts().keys.replace(keys.clone());
        if before.as_ref() == Some(&keys) {
            return None;
        }
        if let Some(directory) = &watched.cache
            && let Err(why) = kept::save_keys(directory, idp, &keys, &*watched.random)
        {
            tracing::warn!(idp, why, "the keys in use are not kept");
        }
        before
    }

    fn health(&self, idp: &str) -> Option<SourceHealth> {
        let facts = self.of(idp)?.facts();
        Some(SourceHealth { confirmed: facts.confirmed, failures: facts.failures })
    }
}

impl Watched {
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look(&self, patience: Duration) -> Option<News> {
        let looks = self.facts().looks;
        self.look_unless(looks, patience).await
    }

    /// Looks, unless somebody else has since `looks` was read.
    async fn look_unless(&self, looks: u64, patience: Duration) -> Option<News> {
        let mut seen = self.seen.lock().await;
        {
            let mut facts = self.facts();
            if facts.looks != looks {
                return None;
            }
            facts.looks += 1;
            // In case that this is cut short.
            facts.due = facts.bounds.after_failure(self.clock.now(), 1, 0);
        }
        let looked = match &self.source.place {
            MetadataPlace::Url(url) => self.look_at_url(url, &mut seen, patience).await,
            MetadataPlace::File(path) => self.look_at_file(path, &mut seen).await,
        };
        let rejected = self.facts().rejected.take();
        match looked {
            Ok(Look::Unchanged) if rejected.is_some() => {
                self.failed(rejected.as_deref().unwrap_or_default());
                self.facts().rejected = rejected;
                None
            }
            Ok(look) => self.succeeded(look),
            Err(why) => {
                self.failed(&why);
                None
            }
        }
    }

    async fn look_at_url(&self, url: &str, seen: &mut Seen, patience: Duration) -> Result<Look, String> {
        let fetcher = self.fetcher.as_ref().ok_or("it is not a URL")?;
        // That it is unchanged would be no answer about one that has expired.
        let known = if self.is_valid() { seen.validators.clone() } else { Validators::default() };
        match fetcher.get(known, patience).await? {
            Fetched::Unchanged => {
                if !self.keep_again(url).await {
                    // Nothing is kept to go with them: next time all of it.
                    seen.validators = Validators::default();
                }
                Ok(Look::Unchanged)
            }
            Fetched::Document(document, validators) => {
                let sha256 = kept::sha256(&document);
                if sha256 == seen.sha256 && self.is_valid() && self.keep_again(url).await {
                    seen.validators = validators;
                    return Ok(Look::Unchanged);
                }
                let (metadata, document) = self.judged(document).await?;
                self.keep(Kept::new(url, &self.entity_id, document, validators.clone(), self.clock.now()))
                    .await;
                (seen.validators, seen.sha256) = (validators, sha256);
                Ok(Look::News(metadata))
            }
        }
    }

    async fn keep(&self, kept: Kept) {
        let Some(directory) = self.cache.clone() else { return };
        let (idp, random) = (self.source.idp.clone(), Arc::clone(&self.random));
        let kept = blocking(move || kept::save(&directory, &idp, &kept, &*random)).await;
        if let Err(why) = kept {
            tracing::warn!(idp = self.source.idp, why, "the last good metadata is not kept");
        }
    }

    /// Says of what is kept that it was confirmed. `false` if nothing is.
    async fn keep_again(&self, url: &str) -> bool {
        let Some(directory) = self.cache.clone() else { return true };
        let (idp, url, random) = (self.source.idp.clone(), url.to_owned(), Arc::clone(&self.random));
        let now = self.clock.now();
        let again = move || {
            let mut kept = kept::load(&directory, &idp, &url)?.ok_or("nothing is kept")?;
            kept.header.confirmed = now;
            kept::save(&directory, &idp, &kept, &*random)
        };
        blocking(again).await.is_ok()
    }

    async fn look_at_file(&self, path: &Path, seen: &mut Seen) -> Result<Look, String> {
        let stamp = Stamp::of(path)?;
        if seen.stamp == Some(stamp) && self.is_valid() {
            return Ok(Look::Unchanged);
        }
        let path = path.to_owned();
        let document = blocking(move || MetadataSource::read_file(&path)).await?;
        let sha256 = kept::sha256(&document);
        if sha256 == seen.sha256 && self.is_valid() {
            seen.stamp = Some(stamp);
            return Ok(Look::Unchanged);
        }
        let (metadata, _) = self.judged(document).await?;
        (seen.stamp, seen.sha256) = (Some(stamp), sha256);
        Ok(Look::News(metadata))
    }

    async fn judged(&self, document: Vec<u8>) -> Result<(IdpMetadata, Vec<u8>), String> {
        let document = Arc::new(document);
        let metadata = judged(&self.source, &document, Some(&self.entity_id), self.clock.now()).await?;
        Ok((metadata, Arc::try_unwrap(document).unwrap_or_else(|shared| shared.to_vec())))
    }

    /// Whether what was seen last may still be used.
    fn is_valid(&self) -> bool {
        let now = self.clock.now();
        self.facts().bounds.valid_until.is_none_or(|end| now < end)
    }

    fn succeeded(&self, look: Look) -> Option<News> {
        let now = self.clock.now();
        let mut facts = self.facts();
        if std::mem::take(&mut facts.failures_in_a_row) > 0 {
            tracing::info!(idp = self.source.idp, "metadata can be had again");
        }
        facts.confirmed = Some(now);
        if let Look::News(metadata) = &look {
            facts.bounds.cache_duration = metadata.cache_duration;
            facts.bounds.valid_until = metadata.valid_until;
        }
        facts.due = facts.bounds.after_success(now, chance(&*self.random));
        match look {
            Look::Unchanged => None,
            Look::News(metadata) => Some(News { idp: self.source.idp.clone(), metadata }),
        }
    }

    fn failed(&self, why: &str) {
        let now = self.clock.now();
        let mut facts = self.facts();
        facts.failures += 1;
        facts.failures_in_a_row = facts.failures_in_a_row.saturating_add(1);
        facts.due = facts.bounds.after_failure(now, facts.failures_in_a_row, chance(&*self.random));
        let (idp, key, failures) = (&self.source.idp, &self.source.key, facts.failures_in_a_row);
        match facts.bounds.valid_until {
            Some(end) if end <= now => tracing::error!(
                idp, key, why, failures, expired = %end,
                "no metadata that can be used, and the known one has expired: nobody signs in by it"
            ),
            Some(end) => tracing::warn!(
                idp, key, why, failures, valid_until = %end,
                "no metadata that can be used; the known keys stay until it expires"
            ),
            None => {
                tracing::warn!(idp, key, why, failures, "no metadata that can be used; the known keys stay")
            }
        }
    }
}

impl Stamp {
    fn of(path: &Path) -> Result<Self, String> {
        let meta = std::fs::metadata(path).map_err(|e| e.to_string())?;
        Ok(Self { inode: meta.ino(), length: meta.len(), changed: (meta.ctime(), meta.ctime_nsec()) })
    }
}

fn chance(random: &dyn SecureRandom) -> u8 {
    let mut byte = [0];
    random.fill(&mut byte);
    u8::from_ne_bytes(byte)
}
