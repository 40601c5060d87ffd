//! Sessions, claims, users and the audit trail in DynamoDB. What is in the
//! tables is in [`schema`]; how AWS is called, and what its errors mean, in
//! `call`.
//!
//! What one login asks of DynamoDB: `begin` and `put` a transaction each, one
//! `UpdateItem` for the users row; the hand-over one `DeleteItem` (never
//! repeated) and one transaction for `login.delivered`. Everything else is read
//! or written only when something went wrong.

mod audit;
mod call;
pub mod schema;
mod sessions;
mod sweep;

pub(super) use call::{patient, table_error};
pub use schema::Tables;

use crate::broker::ports::{
    AuditTrail, BeginError, LoginStart, PutError, SecureRandom, SessionStore, StoreUnavailable, TakeError,
    Taken, UserDirectory,
};
use crate::broker::{AuditEvent, Handle, Jti, LoginId, SealedSession, SweepReport};
use async_trait::async_trait;
use audit::Recorder;
use aws_sdk_dynamodb::Client;
use call::within;
use std::sync::{Arc, Mutex};
use time::OffsetDateTime;

/// The store in five tables of one region (the fifth, the key ring's, is not
/// its own: see [`kms`](super::kms)).
pub struct DynamoDbStore {
    client: Client,
    /// For the one call that must not be repeated, not even inside the SDK.
    once: Client,
    tables: Tables,
    random: Arc<dyn SecureRandom>,
    recorder: Recorder,
    /// Chosen at random: tells this process's requests from another one's.
    process: String,
    claims_swept: Mutex<Option<OffsetDateTime>>,
}

impl DynamoDbStore {
    /// Asks nothing of AWS yet. Timeouts and retries are the store's own,
    /// whatever the client's were.
    pub fn new(client: &Client, tables: Tables, random: Arc<dyn SecureRandom>) -> Self {
        Self {
            client: patient(client),
            once: call::once(client),
            tables,
            process: LoginId::random(&*random).as_str().to_owned(),
            random,
            recorder: Recorder::default(),
            claims_swept: Mutex::new(None),
        }
    }
}

#[async_trait]
impl SessionStore for DynamoDbStore {
    async fn begin(&self, start: &LoginStart) -> Result<(), BeginError> {
        within(sessions::begin(self, start)).await.unwrap_or(Err(BeginError::Unavailable))
    }

    async fn put(&self, session: &SealedSession, event: &AuditEvent) -> Result<(), PutError> {
        within(sessions::put(self, session, event)).await.unwrap_or(Err(PutError::Unavailable))
    }

    async fn release(&self, session: &Handle, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        within(sessions::release(self, session, event)).await?
    }

    /// Not `within`: its only bound is the SDK's, which tells what it knows.
    async fn take(
        &self,
        session: &Handle,
        jti: &Jti,
        now: OffsetDateTime,
    ) -> Result<Option<Taken>, TakeError> {
        sessions::take(self, session, jti, now).await
    }
}

#[async_trait]
impl AuditTrail for DynamoDbStore {
    async fn record(&self, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        within(audit::record(self, event)).await?
    }

    /// Newest by recording: exact among the events of one server, as good as the
    /// clocks between servers. Read from an index, so a moment behind.
    async fn recent(&self, limit: usize) -> Result<Vec<AuditEvent>, StoreUnavailable> {
        audit::recent(self, limit).await
    }

    async fn sweep(&self, now: OffsetDateTime) -> Result<SweepReport, StoreUnavailable> {
        sweep::sweep(self, now).await
    }

    async fn ready(&self) -> Result<(), StoreUnavailable> {
        within(sessions::ready(self)).await?
    }
}

#[async_trait]
impl UserDirectory for DynamoDbStore {
    async fn signed_in(&self, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        within(sessions::signed_in(self, event)).await?
    }
}
