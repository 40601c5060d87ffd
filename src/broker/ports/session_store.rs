//! Where sessions wait: what a store has to do at once, and how it fails.

use crate::broker::audit::AuditEvent;
use crate::broker::ids::{Handle, Jti, LoginId};
use crate::broker::seal::{Sealed, SealedSession};
use async_trait::async_trait;
use time::OffsetDateTime;

/// Where sessions and choices wait. Five methods that write, each one transaction, and two
/// that read.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// In one transaction: uses up the assertion and the request that it
    /// answers, or asks that the choice waits ([`Basis`]); reserves the session id (free, or
    /// its holder's time is over at `start.event.at`), opens the login, records `start.event`.
    /// All or nothing: what is refused uses nothing up. Of several
    /// reasons the first in this order is the answer: `IssuedBeforeRestore`, `Replayed`,
    /// `RequestAnswered`, `ChoiceOver`, `SessionTaken`. Repeating a `begin` with the same
    /// login id succeeds and changes nothing, also when the choice is over meanwhile.
    ///
    /// # Errors
    /// [`BeginError`].
    async fn begin(&self, start: &LoginStart) -> Result<(), BeginError>;

    /// In one transaction: uses up the assertion and the request that it answers, keeps the
    /// choice under the session id (free, or its holder's time is over at `start.event.at`)
    /// until its `expires_at`, opens the login, records `start.event` (`choice.opened`). The
    /// refusals are those of [`begin`](Self::begin) by a message, in the same order. Repeating it
    /// with the same login id succeeds and changes nothing.
    ///
    /// A choice is no session: `put` does not make it one, and `take` does not see it. It holds
    /// the session id until its end; [`sweep`](crate::broker::ports::AuditTrail::sweep) records that
    /// (`choice.ended`) and removes it. Parts that were begun go on.
    ///
    /// # Errors
    /// [`BeginError`].
    async fn open_choice(&self, start: &ChoiceStart) -> Result<(), BeginError>;

    /// What holds the session id at `now`, as of all that was written before it was asked;
    /// `None` if nothing does, or its time is over. Changes nothing.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn look(&self, session: &Handle, now: OffsetDateTime) -> Result<Option<Held>, StoreUnavailable>;

    /// The roles that this person had last, by the row of who signed in: those of parts of
    /// choices, and the one of the last login of any kind; newest first, at most
    /// [`MOST_ROLES_USED`], and perhaps a moment behind.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn roles_used(&self, idp: &str, name_id: &str) -> Result<Vec<RoleUsed>, StoreUnavailable>;

    /// In one transaction, on condition that the reservation is this login's
    /// and has not ended at `event.at`: stores the session and records
    /// `event` (`login.issued`). With it, or afterwards, the row of who signed in
    /// (`idp#NameID`) is brought up to date, where the login is a part of a choice together
    /// with the roles that the person had last; one that is behind is no failure, since it can
    /// be rebuilt from the audit trail. Repeating a `put` succeeds and changes nothing.
    ///
    /// # Errors
    /// [`PutError`].
    async fn put(&self, session: &SealedSession, event: &AuditEvent) -> Result<(), PutError>;

    /// In one transaction: ends this login's hold on the session id, be it a
    /// reservation or a waiting session (of a part: the part's, not the choice's), and records `event` (`login.failed`,
    /// `login.uncertain`) unless the login has ended. An event without
    /// a subject is recorded with the subject of the login's last event. The assertion
    /// stays used.
    ///
    /// # Errors
    /// [`StoreUnavailable`]: nothing was written.
    async fn release(&self, session: &Handle, event: &AuditEvent) -> Result<(), StoreUnavailable>;

    /// One delete that returns what it deleted, on condition that the session
    /// exists, is no choice, has this jti and has not expired at `now`: exactly one of any
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
    /// What it is begun by.
    pub basis: Basis,
    /// Handle of the session id, or of a part of its choice.
    pub session: Handle,
    /// When the reservation ends by itself.
    pub reservation_ends: OffsetDateTime,
    /// `login.started`, written in the same transaction.
    pub event: AuditEvent,
}

/// What a login is begun by.
#[derive(Debug, Clone)]
pub enum Basis {
    /// A message that is used by it.
    Message(UsedMessage),
    /// A choice, of which it is a part: it waits under this handle, is of this login, and is not
    /// over at `event.at`. That its message was accepted is the choice's own record; a choice of
    /// an assertion that was issued before the store was restored begins nothing, since the copy
    /// may not know what was taken.
    Choice {
        /// Handle of the session id.
        session: Handle,
        /// The choice's login.
        login: LoginId,
    },
}

/// A message, and what is used up by it.
#[derive(Debug, Clone)]
pub struct UsedMessage {
    /// The assertion, by the handle of (issuer, assertion id).
    pub assertion: UsedOnce,
    /// The request of ours that it answers, if it answers one.
    pub request: Option<UsedOnce>,
    /// When the assertion was issued at the earliest, by our clock: the identity provider's
    /// may be ahead, and what it issued before a restore must not look as if it came after.
    pub issued_at: OffsetDateTime,
}

/// A choice that wants to be kept.
#[derive(Debug, Clone)]
pub struct ChoiceStart {
    /// What it is made of.
    pub message: UsedMessage,
    /// The choice: its own login, the session id, the jti of its ticket, what is sealed, and
    /// its end.
    pub choice: SealedSession,
    /// `choice.opened`, written in the same transaction.
    pub event: AuditEvent,
}

/// What holds a session id.
#[derive(Debug, Clone)]
pub enum Held {
    /// A login that has begun, and has put nothing yet.
    Reserved,
    /// Credentials that wait: whose, for which ticket, until when.
    Waiting {
        /// The login.
        login: LoginId,
        /// Its ticket's.
        jti: Jti,
        /// From then on they cannot be taken.
        ends_at: OffsetDateTime,
    },
    /// A choice.
    Choice(SealedSession),
}

/// How many [`roles_used`](SessionStore::roles_used) a store knows of one person.
pub const MOST_ROLES_USED: usize = 20;

/// A role that a person had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleUsed {
    /// Its ARN.
    pub role: String,
    /// When credentials of it were issued last.
    pub at: OffsetDateTime,
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
    /// The assertion, or the choice's, was issued before the store was restored from a copy,
    /// which may not know that it was used.
    #[error("the assertion was issued before the store was restored")]
    IssuedBeforeRestore,
    /// The assertion was used before.
    #[error("the assertion was used before")]
    Replayed,
    /// The request was answered before, by another assertion.
    #[error("the request was answered before")]
    RequestAnswered,
    /// The choice is over, or there never was one of this login.
    #[error("the choice is over")]
    ChoiceOver,
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
