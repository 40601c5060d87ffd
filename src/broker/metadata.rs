//! Whom we believe, as it changes while logins run: metadata is renewed, and
//! every change of keys is an audit event.

use super::audit::{AuditEvent, EventKind, Subject};
use super::ports::metadata_feed::{MetadataFeed, News, SourceHealth};
use super::use_cases::Broker;
use crate::saml::{IdentityProviders, IdpMetadata};
use std::sync::{Arc, PoisonError, RwLock};
use time::OffsetDateTime;

/// The identity providers of the moment. A login takes them once, and goes by
/// the same to its end.
pub struct CurrentProviders(RwLock<Arc<IdentityProviders>>);

impl From<IdentityProviders> for CurrentProviders {
    fn from(providers: IdentityProviders) -> Self {
        Self(RwLock::new(Arc::new(providers)))
    }
}

impl CurrentProviders {
    /// Those of now.
    pub fn current(&self) -> Arc<IdentityProviders> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on this one is as its metadata describes it
    /// ([`IdentityProviders::renewed`]).
    ///
    /// # Errors
    /// A sentence; nothing has changed then.
    pub fn renew(&self, idp: &str, metadata: IdpMetadata) -> Result<(), String> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(current.renewed(idp, metadata)?);
        Ok(())
    }
}

/// How it stands with what we know of one identity provider.
#[derive(Debug, Clone)]
pub struct ProviderHealth {
    /// The configured name.
    pub idp: String,
    /// From when on it is not believed any more, if its metadata says so.
    pub valid_until: Option<OffsetDateTime>,
    /// Its keys: the fingerprint, and the certificate's end.
    pub keys: Vec<(String, Option<OffsetDateTime>)>,
    /// The source of its metadata; `None` if nothing looks at it again.
    pub source: Option<SourceHealth>,
}

impl Broker {
    /// Looks at those sources of metadata whose time has come, and believes what
    /// they say from now on. What is wrong with them is in the log.
    pub async fn refresh_metadata(&self) {
        let Some(feed) = &self.metadata else { return };
        for news in feed.due(self.ports.clock.now()).await {
            self.believe(&**feed, news);
        }
        self.report_changed_keys(&**feed).await;
    }

    /// When [`refresh_metadata`](Self::refresh_metadata) will have something to
    /// do; `None`: never.
    pub fn metadata_due(&self) -> Option<OffsetDateTime> {
        self.metadata.as_ref()?.next_due()
    }

    /// How it stands with each identity provider.
    pub fn provider_health(&self) -> Vec<ProviderHealth> {
        let health = |provider: &crate::saml::IdentityProvider| ProviderHealth {
            idp: provider.name.clone(),
            valid_until: provider.validity.until,
            keys: provider.keys.iter().map(|k| (k.fingerprint().to_owned(), k.not_after())).collect(),
            source: self.metadata.as_ref().and_then(|feed| feed.health(&provider.name)),
        };
        self.settings.providers.current().iter().map(health).collect()
    }

    /// After a signature that none of the known keys made, or a key past its
    /// time: whether looking at the metadata out of turn has changed anything.
    pub(super) async fn has_newer_keys(&self, idp: &str, known: &Arc<IdentityProviders>) -> bool {
        let Some(feed) = &self.metadata else { return false };
        if let Some(news) = feed.out_of_turn(idp, self.ports.clock.now()).await {
            self.believe(&**feed, news);
            self.report_changed_keys(&**feed).await;
        }
        // Or somebody else has looked meanwhile.
        !Arc::ptr_eq(known, &self.settings.providers.current())
    }

    fn believe(&self, feed: &dyn MetadataFeed, News { idp, metadata }: News) {
        if let Err(why) = self.settings.providers.renew(&idp, metadata) {
            feed.rejected(&idp, &why);
        }
    }

    /// Each process says for itself when it begins to believe other keys.
    async fn report_changed_keys(&self, feed: &dyn MetadataFeed) {
        for provider in self.settings.providers.current().iter() {
            let mut now: Vec<_> = provider.keys.iter().map(|key| key.fingerprint().to_owned()).collect();
            now.sort_unstable();
            let Some(before) = feed.note_keys(&provider.name, now.clone()) else { continue };
            let without = |these: &[String], those: &[String]| -> Vec<String> {
                these.iter().filter(|key| !those.contains(key)).cloned().collect()
            };
            let (keys_added, keys_removed) = (without(&now, &before), without(&before, &now));
            tracing::warn!(
                idp = provider.name,
                added = keys_added.join(" "),
                removed = keys_removed.join(" "),
                "the identity provider's keys have changed"
            );
            let subject = Subject { keys_added, keys_removed, ..Subject::from(provider) };
            let changed = AuditEvent::new(EventKind::KeysChanged, self.ports.clock.now(), subject);
            if self.ports.audit.record(&changed).await.is_err() {
                tracing::error!(idp = provider.name, "change of keys not recorded yet: store unavailable");
                feed.note_keys(&provider.name, before);
            }
        }
    }
}
