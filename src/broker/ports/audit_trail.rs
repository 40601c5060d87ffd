//! Where events are recorded.

use super::session_store::{StoreUnavailable, UsedOnce};
use crate::broker::audit::AuditEvent;
use async_trait::async_trait;
use time::OffsetDateTime;

/// Where events are recorded: append-only, ordered.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Durable when it returns. A final event (see
    /// [`EventKind::is_final`](crate::broker::EventKind::is_final)) closes its login.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn record(&self, event: &AuditEvent) -> Result<(), StoreUnavailable>;

    /// In one transaction: uses up the name and records `event`, which belongs to no
    /// login. Durable when it returns. `false`: the name was used before, and nothing
    /// is written, not even a write that changes nothing. The name is forgotten by the
    /// sweeper, as that of an assertion is.
    ///
    /// # Errors
    /// [`StoreUnavailable`]. It may be repeated; then the answer may be `false` although
    /// it was this caller's.
    async fn record_once(&self, once: &UsedOnce, event: &AuditEvent) -> Result<bool, StoreUnavailable>;

    /// The newest events first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn recent(&self, limit: usize) -> Result<Vec<AuditEvent>, StoreUnavailable>;

    /// Closes logins that nothing else will close, each exactly once:
    /// reservations that expired without a session (`login.abandoned`), sessions
    /// that were not taken (`login.expired`), takes that were never recorded
    /// (`login.uncertain`), choices whose time is over (`choice.ended`). Removes what has
    /// expired, names used once included; no part of a choice ends with it.
    ///
    /// # Errors
    /// [`StoreUnavailable`]; what was swept so far stays swept.
    async fn sweep(&self, now: OffsetDateTime) -> Result<SweepReport, StoreUnavailable>;

    /// Succeeds if a login could be recorded now: a read and a durable write work
    /// (readiness).
    ///
    /// # Errors
    /// [`NotReady`].
    async fn ready(&self) -> Result<(), NotReady>;

    /// How much room the store takes, where it is on a disk of ours.
    fn figures(&self) -> Option<StoreFigures> {
        None
    }
}

/// Why no login could be recorded now: a stable word, for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotReady(pub &'static str);

impl From<StoreUnavailable> for NotReady {
    fn from(_: StoreUnavailable) -> Self {
        Self("store_unavailable")
    }
}

/// Bytes on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreFigures {
    /// The database.
    pub database: u64,
    /// Its write-ahead log.
    pub journal: u64,
    /// What is free beside them.
    pub free: u64,
}

/// What one sweep closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Starts that never ended.
    pub abandoned: usize,
    /// Sessions that were not taken in time.
    pub expired: usize,
    /// Takes that were never recorded.
    pub uncertain: usize,
    /// Choices whose time was over.
    pub choices_ended: usize,
    /// Names used once that could not be used again anyway.
    pub used_once_forgotten: usize,
}
