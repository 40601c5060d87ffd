//! RelayState: where the credentials wait, and what proves the browser that takes them.

use super::ids::SessionId;
use super::refusal::RelayStateError;
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// `session-id "##" challenge`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayState {
    /// Where the credentials will wait.
    pub session: SessionId,
    /// What will prove the browser.
    pub challenge: Challenge,
}

impl RelayState {
    /// # Errors
    /// [`RelayStateError`].
    pub fn parse(text: Option<&str>, binding: Binding) -> Result<Self, RelayStateError> {
        let text = text.filter(|t| !t.is_empty()).ok_or(RelayStateError::Missing)?;
        let (session, challenge) = text.split_once("##").ok_or(RelayStateError::Malformed)?;
        Ok(Self {
            session: SessionId::parse(session).ok_or(RelayStateError::Malformed)?,
            challenge: Challenge::parse(challenge, binding).ok_or(RelayStateError::Malformed)?,
        })
    }
}

/// What the second half of RelayState is, and so what proves the browser at the hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// base64url(SHA-256(verifier)): only the page that made the verifier can take the
    /// credentials.
    Challenge,
    /// The code itself, for pages of the 2017 sample. Proves nothing about the browser.
    Plain,
}

/// The second half of a RelayState.
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
