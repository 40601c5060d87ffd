//! The ports of the store, each operation bounded in time.

use super::call::within;
use super::db::Db;
use super::schema::Tables;
use super::{audit, begin, meta, once, sessions, sweep, users};
use crate::adapters::key_marker::KeyMarker;
use crate::broker::ports::{
    AuditTrail, Basis, BeginError, ChoiceStart, Held, LoginStart, NotReady, PutError, RoleUsed, SecureRandom,
    SessionStore, StoreUnavailable, TakeError, Taken, UsedMessage, UsedOnce,
};
use crate::broker::{AuditEvent, Handle, Jti, SealedSession, SweepReport};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use std::sync::Arc;
use time::OffsetDateTime;

/// The store in four tables of one region. A fifth one is the key ring's
/// ([`kms`](crate::adapters::aws::kms)).
pub struct DynamoDbStore {
    db: Db,
    known: meta::Known,
}

impl DynamoDbStore {
    /// Asks nothing of AWS yet. Timeouts and retries are the store's own,
    /// whatever the client's were.
    pub fn new(client: &Client, tables: Tables, random: Arc<dyn SecureRandom>) -> Self {
        Self { db: Db::new(client, tables, random), known: meta::Known::default() }
    }
}

#[async_trait]
impl SessionStore for DynamoDbStore {
    async fn begin(&self, start: &LoginStart) -> Result<(), BeginError> {
        let from = within(meta::accept_issued_from(&self.db, &self.known, start.event.at)).await??;
        if let Basis::Message(message) = &start.basis {
            accepted(message, from)?;
        }
        within(begin::begin(&self.db, start, from)).await.unwrap_or(Err(BeginError::Unavailable))
    }

    async fn open_choice(&self, start: &ChoiceStart) -> Result<(), BeginError> {
        let from = within(meta::accept_issued_from(&self.db, &self.known, start.event.at)).await??;
        accepted(&start.message, from)?;
        within(begin::open_choice(&self.db, start)).await.unwrap_or(Err(BeginError::Unavailable))
    }

    async fn look(&self, session: &Handle, now: OffsetDateTime) -> Result<Option<Held>, StoreUnavailable> {
        within(begin::look(&self.db, session, now)).await?
    }

    async fn roles_used(&self, idp: &str, name_id: &str) -> Result<Vec<RoleUsed>, StoreUnavailable> {
        within(users::roles_used(&self.db, idp, name_id)).await?
    }

    async fn put(&self, session: &SealedSession, event: &AuditEvent) -> Result<(), PutError> {
        within(sessions::put(&self.db, session, event)).await.unwrap_or(Err(PutError::Unavailable))?;
        // Not in the transaction, where a write costs twice as much.
        if !within(users::signed_in(&self.db, event)).await.is_ok_and(|updated| updated.is_ok()) {
            tracing::warn!("users row not updated; rebuild it from the audit");
        }
        Ok(())
    }

    async fn release(&self, session: &Handle, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        within(sessions::release(&self.db, session, event)).await?
    }

    /// Not `within`: the SDK's own timeout says whether the request was sent.
    async fn take(
        &self,
        session: &Handle,
        jti: &Jti,
        now: OffsetDateTime,
    ) -> Result<Option<Taken>, TakeError> {
        sessions::take(&self.db, session, jti, now).await
    }
}

fn accepted(message: &UsedMessage, from: Option<OffsetDateTime>) -> Result<(), BeginError> {
    let before = from.is_some_and(|from| message.issued_at < from);
    if before { Err(BeginError::IssuedBeforeRestore) } else { Ok(()) }
}

#[async_trait]
impl AuditTrail for DynamoDbStore {
    async fn record(&self, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        within(audit::record(&self.db, event)).await?
    }

    async fn record_once(&self, once: &UsedOnce, event: &AuditEvent) -> Result<bool, StoreUnavailable> {
        within(once::record_once(&self.db, once, event)).await?
    }

    /// Newest by recording: exact among the events of one server, as good as the
    /// clocks between servers. Read from an index, so a moment behind.
    async fn recent(&self, limit: usize) -> Result<Vec<AuditEvent>, StoreUnavailable> {
        audit::recent(&self.db, limit).await
    }

    async fn sweep(&self, now: OffsetDateTime) -> Result<SweepReport, StoreUnavailable> {
        within(meta::live_on(&self.db, &self.known, now)).await??;
        sweep::sweep(&self.db, now).await
    }

    async fn ready(&self) -> Result<(), NotReady> {
        Ok(within(sessions::ready(&self.db)).await??)
    }
}

#[async_trait]
impl KeyMarker for DynamoDbStore {
    async fn has_ring(&self) -> Result<bool, StoreUnavailable> {
        within(meta::has_ring(&self.db)).await?
    }

    async fn note_ring(&self) -> Result<(), StoreUnavailable> {
        within(meta::note_ring(&self.db)).await?
    }
}
