//! The small values of a login: ids, RelayState, handles.

use super::Jti;
use super::ports::SecureRandom;
use super::refusal::RelayStateError;
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Names one waiting place: a Cognito identity id, or a random one.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId(String);

impl SessionId {
    /// 16 to 128 of `[A-Za-z0-9:_-]`.
    pub fn parse(text: &str) -> Option<Self> {
        let ok = (16..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-'));
        ok.then(|| Self(text.to_owned()))
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// What stores know it by.
    pub fn handle(&self) -> Handle {
        Handle::of(&[b"session", self.0.as_bytes()])
    }
}

/// Shows the handle: whoever reads a log cannot name the session.
impl std::fmt::Debug for SessionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionId({})", self.handle().as_str())
    }
}

/// What the claim in RelayState is, and so what proves the browser at the hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// base64url(SHA-256(verifier)): only who made it can take the credentials.
    Challenge,
    /// The code itself, for pages of the 2017 sample. Proves nothing about the browser.
    Plain,
}

/// The claim of a RelayState.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// Exactly 43 of `[A-Za-z0-9_-]`, or 32 to 128 of them with [`Binding::Plain`].
    pub fn parse(text: &str, binding: Binding) -> Option<Self> {
        let length = match binding {
            Binding::Challenge => 43..=43,
            Binding::Plain => 32..=128,
        };
        let ok = length.contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        ok.then(|| Self(text.to_owned()))
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Challenge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Challenge(…)")
    }
}

/// What the page kept, and shows to take the credentials (RFC 7636's
/// `code_verifier` with `S256`, to the letter).
pub struct Verifier(secrecy::SecretString);

impl Verifier {
    /// 43 to 128 of `[A-Za-z0-9._~-]` (RFC 7636 section 4.1).
    pub fn parse(text: &str) -> Option<Self> {
        let ok = (43..=128).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-'));
        ok.then(|| Self(text.into()))
    }
    /// Whether the challenge was made from this verifier, compared in constant time.
    pub fn meets(&self, challenge: &str) -> bool {
        use secrecy::ExposeSecret;
        let hash = digest::digest(&digest::SHA256, self.0.expose_secret().as_bytes());
        let expected = URL_SAFE_NO_PAD.encode(hash);
        aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), challenge.as_bytes()).is_ok()
    }
}

/// `session-id "##" claim`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayState {
    /// Where the credentials are to wait.
    pub session: SessionId,
    /// What will prove the browser.
    pub challenge: Challenge,
}

impl RelayState {
    /// # Errors
    /// [`RelayStateError`].
    pub fn parse(text: Option<&str>, binding: Binding) -> Result<Self, RelayStateError> {
        let text = text.filter(|t| !t.is_empty()).ok_or(RelayStateError::Missing)?;
        let (session, claim) = text.split_once("##").ok_or(RelayStateError::Malformed)?;
        Ok(Self {
            session: SessionId::parse(session).ok_or(RelayStateError::Malformed)?,
            challenge: Challenge::parse(claim, binding).ok_or(RelayStateError::Malformed)?,
        })
    }
}

/// SHA-256 of a name, base64url: what stores and logs know things by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Handle(String);

impl Handle {
    /// The handle of a name made of parts. Parts are length-prefixed, so that
    /// ("ab", "c") and ("a", "bc") differ.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        Self(URL_SAFE_NO_PAD.encode(context.finish()))
    }
    /// The handle of an assertion: unique per issuer (core 1.3.4).
    pub fn of_assertion(issuer: &str, assertion_id: &str) -> Self {
        Self::of(&[b"assertion", issuer.as_bytes(), assertion_id.as_bytes()])
    }
    /// The handle of a request of ours, for its one answer.
    pub fn of_request(id: &str) -> Self {
        Self::of(&[b"request", id.as_bytes()])
    }
    /// A handle as a store kept it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
    /// 43 characters of base64url.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a seal is for: the same bytes are worth nothing anywhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose(Handle);

impl Purpose {
    /// Credentials that wait for this session.
    pub fn credentials(session: &SessionId) -> Self {
        Self(Handle::of(&[b"credentials", session.as_str().as_bytes()]))
    }
    /// The request of a login that was begun for this RelayState at this
    /// identity provider (its configured name).
    pub fn request(relay: &RelayState, idp: &str) -> Self {
        let (session, challenge) = (relay.session.as_str(), relay.challenge.as_str());
        Self(Handle::of(&[b"request", session.as_bytes(), challenge.as_bytes(), idp.as_bytes()]))
    }
    /// What key rings take as associated data.
    pub fn handle(&self) -> &Handle {
        &self.0
    }
}

/// One login's own id: 16 random bytes, base64url. Not a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LoginId(String);

impl LoginId {
    /// A new one.
    pub fn random(random: &dyn SecureRandom) -> Self {
        Self(random_id(random))
    }
    /// An id as a store kept it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a person reads out on the phone: `7K3F-9QTZ`. One per request, in
/// every log line of it, in every answer (`X-Request-Id`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SupportId(String);

impl SupportId {
    /// A new one: 8 characters (40 bits) that cannot be confused with one another
    /// when read out (Crockford's base32).
    pub fn random(random: &dyn SecureRandom) -> Self {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let mut bytes = [0_u8; 8];
        random.fill(&mut bytes);
        let mut text = String::with_capacity(9);
        for (i, byte) in bytes.iter().enumerate() {
            if i == 4 {
                text.push('-');
            }
            text.push(char::from(ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'0')));
        }
        Self(text)
    }
    /// A reference as a store kept it.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

pub(super) fn random_id(random: &dyn SecureRandom) -> String {
    let mut bytes = [0_u8; 16];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
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
    /// The ciphertext.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

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
    /// The sealed bytes.
    pub fn sealed(&self) -> &Sealed {
        &self.sealed
    }
    /// From this instant on it cannot be taken.
    pub fn expires_at(&self) -> OffsetDateTime {
        self.expires_at
    }
}
