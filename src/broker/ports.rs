//! The ports: what the use cases need from the world.
//!
//! Each doc comment is the contract; `tests/store_contract.rs`,
//! `tests/keyring_contract.rs` and `tests/token_service_contract.rs` judge every
//! adapter by it (`tests/metadata.rs` the one feed of metadata). An implementation bounds its own waiting: no method may hang.

pub use super::token_service_error::TokenServiceError;

use super::{
    AuditEvent, Credentials, Handle, IdpMetadata, Jti, LoginId, Purpose, Sealed, SealedSession, SweepReport,
    Ticket, TicketClaims, TicketError,
};
use crate::roles::Grant;
use async_trait::async_trait;
use jsonwebtoken::jwk::JwkSet;
use secrecy::SecretSlice;
use time::{Duration, OffsetDateTime};

/// What time it is. Asked at the edge and once per step that waits.
pub trait Clock: Send + Sync {
    /// The current time, UTC.
    fn now(&self) -> OffsetDateTime;
}

/// Unpredictable bytes.
pub trait SecureRandom: Send + Sync {
    /// Fills the buffer from a cryptographic generator.
    fn fill(&self, buffer: &mut [u8]);
}

/// Gives credentials for a decision. AWS STS, or a local stand-in.
#[async_trait]
pub trait TokenService: Send + Sync {
    /// Credentials for exactly the grant's role, valid for its duration at
    /// most, never past the identity provider's `SessionNotOnOrAfter`, scoped
    /// down by its policies.
    ///
    /// # Errors
    /// [`TokenServiceError`]; then no credentials exist, or nobody knows them.
    async fn assume_role(&self, grant: &Grant, now: OffsetDateTime)
    -> Result<Credentials, TokenServiceError>;
}

/// A name that is used once: an assertion, or a request of ours. The store keeps it
/// until it could not be used again anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedOnce {
    /// Handle of the name.
    pub handle: Handle,
    /// When the store may forget it.
    pub not_on_or_after: OffsetDateTime,
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
    /// Handle of the session id.
    pub session: Handle,
    /// When the reservation ends by itself.
    pub reservation_ends: OffsetDateTime,
    /// `login.started`, written in the same transaction.
    pub event: AuditEvent,
}

/// Why a login could not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
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

/// A session, taken: it exists nowhere else any more.
#[derive(Debug)]
pub struct Taken {
    /// The login it came from.
    pub login: LoginId,
    /// The sealed hand-over.
    pub sealed: Sealed,
}

/// Where sessions wait. Four methods, four transactions.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// In one transaction: claims the assertion and the request that it
    /// answers, reserves the session id (free, or its holder's time is over at
    /// `start.event.at`), opens the login, records `start.event`. All or
    /// nothing: what is refused leaves everything unclaimed. Of several
    /// reasons the first in this order is the answer: `Replayed`,
    /// `RequestAnswered`, `SessionTaken`. Repeating a `begin` with the same
    /// login id succeeds and changes nothing.
    ///
    /// # Errors
    /// [`BeginError`].
    async fn begin(&self, start: &LoginStart) -> Result<(), BeginError>;

    /// In one transaction, on condition that the reservation is this login's
    /// and has not ended at `event.at`: stores the session and records
    /// `event` (`login.issued`). Repeating a `put` succeeds and changes nothing.
    ///
    /// # Errors
    /// [`PutError`].
    async fn put(&self, session: &SealedSession, event: &AuditEvent) -> Result<(), PutError>;

    /// In one transaction: ends this login's hold on the session id, be it a
    /// reservation or a waiting session, and records `event` (`login.failed`,
    /// `login.uncertain`) unless the login has ended. Where the event does not
    /// know whom the login was about, it is recorded with what the login's last
    /// event said of it. The claim on the assertion stays.
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

/// Nothing was written, or nothing could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store is unavailable")]
pub struct StoreUnavailable;

/// Where events are recorded: append-only, ordered.
#[async_trait]
pub trait AuditTrail: Send + Sync {
    /// Durable when it returns. A final event (see
    /// [`EventKind::is_final`](super::EventKind::is_final)) closes its login.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn record(&self, event: &AuditEvent) -> Result<(), StoreUnavailable>;

    /// The newest events first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn recent(&self, limit: usize) -> Result<Vec<AuditEvent>, StoreUnavailable>;

    /// Closes logins that nobody else will close, each exactly once:
    /// reservations that ended without an end (`login.abandoned`), sessions
    /// that nobody took (`login.expired`), takes that were never recorded
    /// (`login.uncertain`). Removes what has expired, claims included.
    ///
    /// # Errors
    /// [`StoreUnavailable`]; what was swept so far stays swept.
    async fn sweep(&self, now: OffsetDateTime) -> Result<SweepReport, StoreUnavailable>;

    /// Answers if a read and a durable write would work now (readiness).
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn ready(&self) -> Result<(), StoreUnavailable>;
}

/// Who has signed in so far; can be rebuilt from the audit trail.
#[async_trait]
pub trait UserDirectory: Send + Sync {
    /// Brings the row of `idp#NameID` up to date with a `login.issued` event.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn signed_in(&self, event: &AuditEvent) -> Result<(), StoreUnavailable>;
}

/// Why a key operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// The ring cannot be read, or what protects it does not answer.
    #[error("the key ring is unavailable")]
    Unavailable,
    /// The sealed bytes are not ours, not for this purpose, or were changed.
    #[error("the seal is broken")]
    BrokenSeal,
}

/// What seals credentials and signs tickets. Keys have a `kid`; several are valid.
#[async_trait]
pub trait KeyRing: Send + Sync {
    /// Encrypts under the current key, for this purpose only (associated data).
    ///
    /// # Errors
    /// [`KeyRingError::Unavailable`].
    async fn seal(&self, purpose: &Purpose, plaintext: &SecretSlice<u8>) -> Result<Sealed, KeyRingError>;

    /// Opens what any key of the ring has sealed for this purpose.
    ///
    /// # Errors
    /// [`KeyRingError`].
    async fn open(&self, purpose: &Purpose, sealed: &Sealed) -> Result<SecretSlice<u8>, KeyRingError>;

    /// Signs a ticket with the current key; its `kid` is in the header.
    ///
    /// # Errors
    /// [`KeyRingError::Unavailable`].
    async fn sign(&self, claims: &TicketClaims) -> Result<Ticket, KeyRingError>;

    /// Checks the signature only, by the `kid`'s key and its algorithm;
    /// [`Broker`](super::Broker) checks the claims against the clock.
    ///
    /// # Errors
    /// [`TicketError`].
    async fn verify(&self, token: &str) -> Result<TicketClaims, TicketError>;

    /// What others verify tickets with (RFC 7517): the public key of each ticket
    /// that may be under way, and of each that is signed while they keep this
    /// answer no longer than [`PUBLIC_KEYS_KEPT`]. A secret key has no public
    /// half, so a ring of those publishes none: the empty set.
    ///
    /// # Errors
    /// [`KeyRingError::Unavailable`]: not all of them could be had.
    async fn public_keys(&self) -> Result<JwkSet, KeyRingError> {
        Ok(JwkSet { keys: Vec::new() })
    }
}

/// How long others may keep [`KeyRing::public_keys`]: a key is published so much
/// longer before it signs than the ring itself needs.
pub const PUBLIC_KEYS_KEPT: Duration = Duration::minutes(1);

/// What a source of metadata says now.
#[derive(Debug)]
pub struct News {
    /// The configured name of the identity provider.
    pub idp: String,
    /// Read, its signature verified where one is asked for, not expired, and of
    /// the same entity as before.
    pub metadata: IdpMetadata,
}

/// How it stands with one source of metadata.
#[derive(Debug, Clone)]
pub struct SourceHealth {
    /// When it last gave metadata, or said that there is nothing newer.
    pub confirmed: Option<OffsetDateTime>,
    /// How often it gave none, or none that can be used, since the start.
    pub failures: u64,
}

/// Where the identity providers' metadata comes from, as it changes. A source
/// that fails is logged, counted and tried again; what it gave last stays.
#[async_trait]
pub trait MetadataFeed: Send + Sync {
    /// Looks at all sources whose time has come; news of those that have some.
    async fn due(&self, now: OffsetDateTime) -> Vec<News>;

    /// Looks at the source of one identity provider though its time has not
    /// come, at most once a minute for whatever reason, since anybody can send
    /// a response that no key has signed. Who asks while somebody else looks
    /// waits for the outcome; nobody waits for longer than a login may.
    async fn out_of_turn(&self, idp: &str, now: OffsetDateTime) -> Option<News>;

    /// When the next source's time comes; `None`: never.
    fn next_due(&self) -> Option<OffsetDateTime>;

    /// What came cannot be believed after all, for this reason.
    fn rejected(&self, idp: &str, why: &str);

    /// Takes note of the fingerprints of a provider's keys; those noted before
    /// if they were others. Remembers across restarts where it keeps anything.
    fn note_keys(&self, idp: &str, keys: Vec<String>) -> Option<Vec<String>>;

    /// `None` for a provider without a source.
    fn health(&self, idp: &str) -> Option<SourceHealth>;
}

/// Whose request a signature with delivered credentials is (the ping).
#[async_trait]
pub trait CallerDirectory: Send + Sync {
    /// The secret that this access key signs with, if key and session token
    /// belong together and have not expired, and if its policies allow the
    /// action; `None` otherwise.
    async fn caller(&self, access_key_id: &str, session_token: &str, now: OffsetDateTime) -> Option<Caller>;
}

/// A caller, to be believed if the signature made with its secret is right.
pub struct Caller {
    /// The secret access key.
    pub secret_access_key: secrecy::SecretString,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`
    pub assumed_role_arn: String,
    /// Whether the session's policies allow the ping (`execute-api:Invoke`).
    pub ping_allowed: bool,
}
