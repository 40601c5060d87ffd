//! Renewal of metadata: each source is fetched when it is due, and out of turn
//! when a login needs a newer key; every change of keys is an audit event.

use super::source::{MetadataSource, RenewalContext, RenewedSource};
use super::state::SourceHealth;
use crate::broker::audit::{AuditEvent, EventKind, Subject};
use crate::broker::use_cases::Broker;
use crate::saml::{IdentityProvider, IdentityProviders};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;

/// The health of what we know of one identity provider.
#[derive(Debug, Clone)]
pub struct ProviderHealth {
    /// The configured name.
    pub idp: String,
    /// From when on it is not trusted any more, if its metadata says so.
    pub valid_until: Option<OffsetDateTime>,
    /// Its keys: the fingerprint, and the certificate's end.
    pub keys: Vec<(String, Option<OffsetDateTime>)>,
    /// The source of its metadata; `None` if it is not renewed.
    pub source: Option<SourceHealth>,
}

impl Broker {
    /// Renews metadata from these sources, every `refresh` unless the metadata
    /// itself asks for less.
    #[must_use]
    pub fn renewed_from(mut self, sources: Vec<MetadataSource>, refresh: Duration) -> Self {
        let context = Arc::new(RenewalContext {
            refresh,
            providers: self.settings.providers.clone(),
            clock: Arc::clone(&self.ports.clock),
            random: Arc::clone(&self.ports.random),
        });
        let providers = self.settings.providers.current();
        let renewed = |source: MetadataSource| {
            let provider = providers.iter().find(|provider| provider.name == source.idp)?;
            Some(Arc::new(RenewedSource::new(source, provider, &context)))
        };
        self.metadata = sources.into_iter().filter_map(renewed).collect();
        self
    }

    /// What `sources` renew from here on, with the keys that this process has reported
    /// already: else a change that comes with a new configuration would be nobody's.
    #[must_use]
    pub fn with_reported_keys(&self, mut sources: Vec<MetadataSource>) -> Vec<MetadataSource> {
        for source in &mut sources {
            if let Some(keys) = self.source_of(&source.idp).and_then(|known| known.reported_keys()) {
                source.reported_keys = Some(keys);
            }
        }
        sources
    }

    /// Fetches from all sources that are due, and renews their identity
    /// providers. What is wrong with a source is in the log.
    pub async fn refresh_metadata(&self) {
        let now = self.ports.clock.now();
        let mut refreshing = JoinSet::new();
        for source in self.metadata.iter().filter(|source| source.due() <= now) {
            let source = Arc::clone(source);
            refreshing.spawn(async move { source.refresh().await });
        }
        // A panic of one source does not end the others.
        while refreshing.join_next().await.is_some() {}
        self.report_changed_keys().await;
    }

    /// When [`refresh_metadata`](Self::refresh_metadata) has something to do
    /// next; `None`: never.
    pub fn metadata_due(&self) -> Option<OffsetDateTime> {
        self.metadata.iter().map(|source| source.due()).min()
    }

    /// The health of each identity provider.
    pub fn provider_health(&self) -> Vec<ProviderHealth> {
        let health = |provider: &IdentityProvider| ProviderHealth {
            idp: provider.name.clone(),
            valid_until: provider.validity.until,
            keys: provider.keys.iter().map(|k| (k.fingerprint().to_owned(), k.not_after())).collect(),
            source: self.source_of(&provider.name).map(|source| source.health()),
        };
        self.settings.providers.current().iter().map(health).collect()
    }

    /// After a signature that none of the known keys made, or metadata that has
    /// expired: whether there are newer ones, after a fetch out of turn if need be.
    pub(crate) async fn has_newer_keys(&self, idp: &str, known: &Arc<IdentityProviders>) -> bool {
        if let Some(source) = self.source_of(idp)
            && source.refresh_out_of_turn(self.ports.clock.now()).await
        {
            self.report_changed_keys().await;
        }
        // Another caller may have renewed them meanwhile.
        !Arc::ptr_eq(known, &self.settings.providers.current())
    }

    /// Each process reports for itself when it begins to accept other keys.
    async fn report_changed_keys(&self) {
        for provider in self.settings.providers.current().iter() {
            let Some(source) = self.source_of(&provider.name) else { continue };
            let mut keys: Vec<_> = provider.keys.iter().map(|key| key.fingerprint().to_owned()).collect();
            keys.sort_unstable();
            let Some(before) = source.note_keys(&keys).await else { continue };
            let (keys_added, keys_removed) = (without(&keys, &before), without(&before, &keys));
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
                source.note_keys(&before).await;
            }
        }
    }

    fn source_of(&self, idp: &str) -> Option<&Arc<RenewedSource>> {
        self.metadata.iter().find(|source| source.idp() == idp)
    }
}

fn without(these: &[String], those: &[String]) -> Vec<String> {
    these.iter().filter(|key| !those.contains(key)).cloned().collect()
}
