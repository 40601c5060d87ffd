//! What seals credentials and signs tickets.

use crate::broker::refusal::TicketError;
use crate::broker::seal::{Purpose, Sealed};
use crate::broker::ticket::{Ticket, TicketClaims};
use async_trait::async_trait;
use jsonwebtoken::jwk::JwkSet;
use secrecy::SecretSlice;
use time::{Duration, OffsetDateTime};

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
    /// [`Broker`](crate::broker::Broker) checks the claims against the clock.
    ///
    /// # Errors
    /// [`TicketError`].
    async fn verify(&self, token: &str) -> Result<TicketClaims, TicketError>;

    /// Succeeds if it could seal and sign now, as far as that is known without asking
    /// another service (readiness).
    ///
    /// # Errors
    /// [`KeyRingError::Unavailable`].
    async fn ready(&self) -> Result<(), KeyRingError> {
        Ok(())
    }

    /// When the key that seals and signs now was made; `None` where it is not known.
    fn created(&self) -> Option<OffsetDateTime> {
        None
    }

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
