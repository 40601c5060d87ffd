//! RelayState: where the credentials wait, and what proves the browser that takes them.

use super::ids::SessionId;
use super::refusal::{KeyError, RelayStateError};
use crate::jose::PublicKey;
use aws_lc_rs::digest;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// `session-id "##" proof`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayState {
    /// Where the credentials will wait.
    pub session: SessionId,
    /// What will prove who waits.
    pub proof: Proof,
}

impl RelayState {
    /// # Errors
    /// [`RelayStateError`].
    pub fn parse(text: Option<&str>, binding: Binding) -> Result<Self, RelayStateError> {
        let text = text.filter(|t| !t.is_empty()).ok_or(RelayStateError::Missing)?;
        let (session, proof) = text.split_once("##").ok_or(RelayStateError::Malformed)?;
        let session = SessionId::parse(session).ok_or(RelayStateError::Malformed)?;
        Ok(Self { session, proof: Proof::parse(proof, binding)? })
    }
}

/// What the second half of RelayState is, and so what proves who waits at the hand-over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// base64url(SHA-256(verifier)): only the page that made the verifier can take the
    /// credentials.
    Challenge,
    /// A public key of the page's own: the ticket and what it takes are sealed to it, so only
    /// who has the private key can read either.
    Sealed,
    /// The code itself, for pages of the 2017 sample. Proves nothing about the browser.
    Plain,
}

/// The second half of a RelayState.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// What a verifier is compared with; with [`Binding::Plain`], nothing.
    Challenge(String),
    /// What is sealed to.
    Key(PublicKey),
}

impl Proof {
    /// Exactly 43 of `[A-Za-z0-9_-]`, or 32 to 128 of them with [`Binding::Plain`].
    ///
    /// # Errors
    /// [`RelayStateError`].
    pub fn parse(text: &str, binding: Binding) -> Result<Self, RelayStateError> {
        let length = match binding {
            Binding::Challenge | Binding::Sealed => 43..=43,
            Binding::Plain => 32..=128,
        };
        let ok = length.contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        match binding {
            _ if !ok => Err(RelayStateError::Malformed),
            Binding::Challenge | Binding::Plain => Ok(Self::Challenge(text.to_owned())),
            Binding::Sealed => Ok(Self::Key(PublicKey::parse(text).ok_or(KeyError::Refused)?)),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Challenge(challenge) => challenge,
            Self::Key(key) => key.as_str(),
        }
    }

    /// What is sealed to, where something is.
    pub fn key(&self) -> Option<&PublicKey> {
        match self {
            Self::Challenge(_) => None,
            Self::Key(key) => Some(key),
        }
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Proof(…)")
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
