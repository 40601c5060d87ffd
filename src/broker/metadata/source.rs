//! One source of metadata: fetched by one caller at a time, and waited for by a
//! bounded number of logins for a bounded time.

use super::providers::CurrentProviders;
use super::schedule::Bounds;
use super::state::{FetchCount, SourceHealth, SourceState};
use super::update::fetch_update;
use crate::broker::ports::metadata_feed::{DocumentVersion, Known, MetadataFeed};
use crate::broker::ports::system::{Clock, SecureRandom};
use crate::saml::{IdentityProvider, IdpMetadata};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

/// How long a URL may take in the background: a large aggregate, far away.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a login waits for a fetch.
const LOGIN_FETCH_TIMEOUT: Duration = Duration::from_secs(3);

/// How many logins may wait for one source at once; more are answered by what is known.
const MAX_WAITING_LOGINS: usize = 32;

/// A configured source, opened, with what is kept of it.
pub struct MetadataSource {
    /// The configured name of the identity provider.
    pub idp: String,
    /// The configuration key that names the source, for logs.
    pub key: String,
    /// Files are cheap to read, and so are read more often.
    pub is_file: bool,
    /// Where it is fetched and kept.
    pub feed: Arc<dyn MetadataFeed>,
    /// The last good document that is kept: its version, and when it was confirmed.
    pub last_good: Option<(DocumentVersion, OffsetDateTime)>,
    /// The fingerprints of which the audit trail knows.
    pub reported_keys: Option<Vec<String>>,
}

/// What every source is renewed with.
pub(crate) struct RenewalContext {
    pub(crate) refresh: time::Duration,
    pub(crate) providers: CurrentProviders,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn SecureRandom>,
}

/// A source that is renewed.
pub(crate) struct RenewedSource {
    idp: String,
    key: String,
    entity_id: String,
    feed: Arc<dyn MetadataFeed>,
    context: Arc<RenewalContext>,
    /// The version in use. Held during a fetch, so that there is one at a time.
    version: tokio::sync::Mutex<Option<DocumentVersion>>,
    /// Read without waiting for a fetch.
    state: Mutex<SourceState>,
    waiting_logins: Semaphore,
}

impl RenewedSource {
    /// `provider` is what its metadata says now.
    pub(crate) fn new(
        source: MetadataSource,
        provider: &IdentityProvider,
        context: &Arc<RenewalContext>,
    ) -> Self {
        let bounds = Bounds {
            refresh: context.refresh,
            cache_duration: provider.validity.cache_duration,
            valid_until: provider.validity.until,
            is_file: source.is_file,
        };
        let (version, confirmed) = source.last_good.unzip();
        let confirmed = confirmed.unwrap_or_else(|| context.clock.now());
        let state = SourceState::new(bounds, confirmed, source.reported_keys, jitter(&*context.random));
        Self {
            idp: source.idp,
            key: source.key,
            entity_id: provider.entity_id.clone(),
            feed: source.feed,
            context: Arc::clone(context),
            version: tokio::sync::Mutex::new(version),
            state: Mutex::new(state),
            waiting_logins: Semaphore::new(MAX_WAITING_LOGINS),
        }
    }

    pub(super) fn idp(&self) -> &str {
        &self.idp
    }

    pub(super) fn due(&self) -> OffsetDateTime {
        self.state().due()
    }

    pub(super) fn health(&self) -> SourceHealth {
        self.state().health()
    }

    pub(super) fn reported_keys(&self) -> Option<Vec<String>> {
        self.state().reported_keys()
    }

    /// Fetches in the background, and renews the identity provider.
    pub(super) async fn refresh(&self) {
        let seen = self.state().fetches();
        self.fetch_unless_fetched(seen, FETCH_TIMEOUT).await;
    }

    /// Fetches for a login although the source is not due, at most once a minute.
    /// A login that comes during a fetch waits for its outcome. The answer is
    /// whether this call has fetched another document.
    pub(super) async fn refresh_out_of_turn(&self, now: OffsetDateTime) -> bool {
        let Ok(_place) = self.waiting_logins.try_acquire() else { return false };
        let permitted = self.state().permit_out_of_turn(now);
        let fetched = async {
            match permitted {
                Some(seen) => self.fetch_unless_fetched(seen, LOGIN_FETCH_TIMEOUT).await,
                None => {
                    drop(self.version.lock().await);
                    false
                }
            }
        };
        tokio::time::timeout(LOGIN_FETCH_TIMEOUT, fetched).await.unwrap_or(false)
    }

    /// Notes the fingerprints in use; those noted before, if they were others.
    pub(super) async fn note_keys(&self, keys: &[String]) -> Option<Vec<String>> {
        let before = self.state().note_keys(keys)?;
        if let Err(why) = self.feed.keep_reported_keys(keys).await {
            tracing::warn!(idp = self.idp, why, "the keys in use are not kept");
        }
        before
    }

    /// Fetches, unless another caller has begun to since `seen`.
    async fn fetch_unless_fetched(&self, seen: FetchCount, timeout: Duration) -> bool {
        let mut version = self.version.lock().await;
        if !self.state().begin(seen, self.context.clock.now()) {
            return false;
        }
        match self.fetch(&mut version, timeout).await {
            Ok(None) => {
                self.unchanged();
                false
            }
            // Before the lock is released: a login that waits for it finds the new keys.
            Ok(Some(metadata)) => {
                self.renew(metadata);
                true
            }
            Err(why) => {
                self.state().failed(self.context.clock.now(), jitter(&*self.context.random));
                self.log_failure(&why);
                false
            }
        }
    }

    async fn fetch(
        &self,
        version: &mut Option<DocumentVersion>,
        timeout: Duration,
    ) -> Result<Option<IdpMetadata>, String> {
        // Metadata that has expired is asked for anew: it would not help that it is unchanged.
        let is_valid = self.state().is_valid(self.context.clock.now());
        let known = Known {
            version: version.as_ref().filter(|_| is_valid),
            entity_id: Some(self.entity_id.as_str()),
        };
        let update = fetch_update(&*self.feed, known, timeout, &*self.context.clock).await?;
        *version = Some(update.version);
        match (&update.metadata, update.kept) {
            // The last good document is gone from the disk: the next fetch asks for all of it.
            (None, Err(_)) => *version = None,
            (Some(_), Err(why)) => {
                tracing::warn!(idp = self.idp, why, "the last good metadata is not kept");
            }
            (_, Ok(())) => {}
        }
        Ok(update.metadata)
    }

    fn unchanged(&self) {
        let outcome = self.state().unchanged(self.context.clock.now(), jitter(&*self.context.random));
        match outcome {
            Ok(recovered) => self.log_recovery(recovered),
            Err(why) => self.log_failure(&why),
        }
    }

    fn renew(&self, metadata: IdpMetadata) {
        let (now, random) = (self.context.clock.now(), &*self.context.random);
        let recovered = self.state().renewed(metadata.validity(), now, jitter(random));
        self.log_recovery(recovered);
        if let Err(why) = self.context.providers.renew(&self.idp, metadata) {
            self.state().rejected(why.clone(), now, jitter(random));
            self.log_failure(&why);
        }
    }

    fn log_recovery(&self, recovered: bool) {
        if recovered {
            tracing::info!(idp = self.idp, "metadata can be had again");
        }
    }

    fn log_failure(&self, why: &str) {
        let (valid_until, failures) = {
            let state = self.state();
            (state.valid_until(), state.failures_in_a_row())
        };
        let (idp, key) = (&self.idp, &self.key);
        match valid_until {
            Some(end) if end <= self.context.clock.now() => tracing::error!(
                idp, key, why, failures, expired = %end,
                "no metadata that can be used, and the known one has expired: nobody signs in by it"
            ),
            Some(end) => tracing::warn!(
                idp, key, why, failures, valid_until = %end,
                "no metadata that can be used; the known keys stay until it expires"
            ),
            None => {
                tracing::warn!(idp, key, why, failures, "no metadata that can be used; the known keys stay");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, SourceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Spreads servers that were started at the same time.
fn jitter(random: &dyn SecureRandom) -> u8 {
    let mut byte = [0];
    random.fill(&mut byte);
    u8::from_ne_bytes(byte)
}

#[cfg(test)]
mod tests;
