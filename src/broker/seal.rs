//! Sealed bytes, what they are sealed for, and the session that stores keep.

use super::ids::{Handle, Jti, LoginId, SessionId};
use super::relay_state::RelayState;
use time::OffsetDateTime;

/// Credentials as a store sees them: sealed, with the conditions of their take.
#[derive(Debug, Clone)]
pub struct SealedSession {
    login: LoginId,
    session: Handle,
    jti: Jti,
    sealed: Sealed,
    expires_at: OffsetDateTime,
}

impl SealedSession {
    /// What [`SessionStore::put`](super::ports::SessionStore::put) stores.
    pub fn new(
        login: LoginId,
        session: Handle,
        jti: Jti,
        sealed: Sealed,
        expires_at: OffsetDateTime,
    ) -> Self {
        Self { login, session, jti, sealed, expires_at }
    }
    /// The login it belongs to.
    pub fn login(&self) -> &LoginId {
        &self.login
    }
    /// Handle of the session id.
    pub fn session(&self) -> &Handle {
        &self.session
    }
    /// The jti of the one ticket that can take it.
    pub fn jti(&self) -> &Jti {
        &self.jti
    }
    pub fn sealed(&self) -> &Sealed {
        &self.sealed
    }
    /// From this instant on it cannot be taken.
    pub fn expires_at(&self) -> OffsetDateTime {
        self.expires_at
    }
}

/// What a key ring has sealed. Only key rings make one (and stores give it back),
/// and it is all of the credentials that a store ever sees.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// For key rings: wraps a ciphertext. For stores: wraps what they kept.
    pub fn from_ciphertext(ciphertext: Vec<u8>) -> Self {
        Self(ciphertext)
    }
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// What a seal is for. Sealed bytes cannot be opened for another purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose(Handle);

impl Purpose {
    /// Credentials that wait for this session.
    pub fn credentials(session: &SessionId) -> Self {
        Self(Handle::of(&[b"credentials", session.as_str().as_bytes()]))
    }
    /// Credentials of a part of this session's choice, by its handle.
    pub fn part(session: &SessionId, part: &Handle) -> Self {
        Self(Handle::of(&[b"part credentials", session.as_str().as_bytes(), part.as_str().as_bytes()]))
    }
    /// The response of a choice that waits for this session.
    pub fn choice(session: &SessionId) -> Self {
        Self(Handle::of(&[b"choice", session.as_str().as_bytes()]))
    }
    /// The request of a login that was begun for this RelayState at this
    /// identity provider (its configured name).
    pub fn request(relay: &RelayState, idp: &str) -> Self {
        let (session, proof) = (relay.session.as_str(), relay.proof.as_str());
        Self(Handle::of(&[b"request", session.as_bytes(), proof.as_bytes(), idp.as_bytes()]))
    }
    /// The leave to begin a sealed login for this RelayState at this page.
    pub fn permit(relay: &RelayState, page: &str) -> Self {
        let (session, proof) = (relay.session.as_str(), relay.proof.as_str());
        Self(Handle::of(&[b"permit", session.as_bytes(), proof.as_bytes(), page.as_bytes()]))
    }
    /// What a program at a shell asked for under this state.
    pub fn shell(state: &str) -> Self {
        Self(Handle::of(&[b"shell", state.as_bytes()]))
    }
    /// What key rings take as associated data.
    pub fn handle(&self) -> &Handle {
        &self.0
    }
}
