//! Where sessions wait: what a store has to do at once, and how it fails.

use crate::broker::audit::AuditEvent;
use crate::broker::ids::{Handle, Jti, LoginId};
use crate::broker::seal::{Sealed, SealedSession};
use async_trait::async_trait;
use time::OffsetDateTime;

/// Where sessions wait. Four methods, four transactions.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// In one transaction: uses up the assertion and the request that it
    /// answers, reserves the session id (free, or its holder's time is over at
    /// `start.event.at`), opens the login, records `start.event`. All or
    /// nothing: what is refused uses nothing up. Of several
    /// reasons the first in this order is the answer: `IssuedBeforeRestore`, `Replayed`,
    /// `RequestAnswered`, `SessionTaken`. Repeating a `begin` with the same
    /// login id succeeds and changes nothing.
    ///
    /// # Errors
    /// [`BeginError`].
    async fn begin(&self, start: &LoginStart) -> Result<(), BeginError>;

    /// In one transaction, on condition that the reservation is this login's
    /// and has not ended at `event.at`: stores the session and records
    /// `event` (`login.issued`). With it, or afterwards, the row of who signed in
    /// (`idp#NameID`) is brought up to date; one that is behind is no failure, since it can
    /// be rebuilt from the audit trail. Repeating a `put` succeeds and changes nothing.
    ///
    /// # Errors
    /// [`PutError`].
    async fn put(&self, session: &SealedSession, event: &AuditEvent) -> Result<(), PutError>;

    /// In one transaction: ends this login's hold on the session id, be it a
    /// reservation or a waiting session, and records `event` (`login.failed`,
    /// `login.uncertain`) unless the login has ended. An event without
    /// a subject is recorded with the subject of the login's last event. The assertion
    /// stays used.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: nothing was written.
    async fn release(&self, session: &Handle, event: &AuditEvent) -> Result<(), StoreUnavailable>;

    /// One delete that returns what it deleted, on condition that the session
    /// exists, has this jti and has not expired at `now`: exactly one of any
    /// number of callers gets it. `None` if any part of the condition fails.
    /// Never retried, not even inside.
    ///
    /// # Errors
    /// [`TakeError`].
    async fn take(
        &self,
        session: &Handle,
        jti: &Jti,
        now: OffsetDateTime,
    ) -> Result<Option<Taken>, TakeError>;
}

/// A start that wants to be recorded: step 5 of `docs/PROTOCOL.md`.
#[derive(Debug, Clone)]
pub struct LoginStart {
    /// This login's own id. A repeated `begin` with the same id is the same `begin`.
    pub login: LoginId,
    /// The assertion, by the handle of (issuer, assertion id).
    pub assertion: UsedOnce,
    /// The request of ours that it answers, if it answers one.
    pub request: Option<UsedOnce>,
    /// When the assertion was issued at the earliest, by our clock: the identity provider's
    /// may be ahead, and what it issued before a restore must not look as if it came after.
    pub issued_at: OffsetDateTime,
    /// Handle of the session id.
    pub session: Handle,
    /// When the reservation ends by itself.
    pub reservation_ends: OffsetDateTime,
    /// `login.started`, written in the same transaction.
    pub event: AuditEvent,
}

/// A name that is used once: an assertion, a request of ours, or the refusal of an
/// assertion on one day. The store keeps it until it could not be used again anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedOnce {
    /// Handle of the name.
    pub handle: Handle,
    /// From when on it could not be used anyway. A store keeps it for a day longer, since clocks
    /// jump, its own and others'.
    pub not_on_or_after: OffsetDateTime,
}

/// A session, taken: it exists nowhere else any more.
#[derive(Debug)]
pub struct Taken {
    /// The login it came from.
    pub login: LoginId,
    /// The sealed hand-over.
    pub sealed: Sealed,
}

/// Why a login could not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// The assertion was issued before the store was restored from a copy, which may not
    /// know that it was used.
    #[error("the assertion was issued before the store was restored")]
    IssuedBeforeRestore,
    /// The assertion was used before.
    #[error("the assertion was used before")]
    Replayed,
    /// The request was answered before, by another assertion.
    #[error("the request was answered before")]
    RequestAnswered,
    /// The session id is reserved or has waiting credentials.
    #[error("the session id is taken")]
    SessionTaken,
    /// Nothing was written.
    #[error("the store is unavailable")]
    Unavailable,
}

/// Why a write did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// The reservation is not (any longer) this login's.
    #[error("the reservation has ended")]
    ReservationEnded,
    /// Nothing was written.
    #[error("the store is unavailable")]
    Unavailable,
}

/// Why a take gave nothing, although the store was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TakeError {
    /// It is certain that nothing was deleted.
    #[error("the store is unavailable")]
    Unavailable,
    /// The item may have been deleted. Never retried.
    #[error("the outcome of the delete is unknown")]
    Uncertain,
}

/// Nothing was written, or nothing could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store is unavailable")]
pub struct StoreUnavailable;
