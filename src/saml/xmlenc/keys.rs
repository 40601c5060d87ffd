//! Our decryption keys, and opening what was encrypted for one of them.

use super::encrypted::{Encrypted, WrappedKey};
use crate::saml::dsig::key::{KeyError, fingerprint};
use crate::saml::trace::Tracer;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::PrivateDecryptingKey;
use std::sync::Arc;
use vestibule_oaep::{Oaep, RsaKey};
use zeroize::Zeroizing;

/// A private key that identity providers encrypt for.
pub struct DecryptionKey {
    key: RsaKey,
    key_fingerprint: String,
}

impl DecryptionKey {
    /// An RSA key of 2,048 to 8,192 bits, PKCS #8 in DER (RFC 5208, 5).
    ///
    /// # Errors
    /// [`KeyError::UnsupportedPrivateKey`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let key = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| KeyError::UnsupportedPrivateKey)?;
        let public: PublicKeyX509Der<'_> =
            key.public_key().as_der().map_err(|_| KeyError::UnsupportedPrivateKey)?;
        let key_fingerprint = fingerprint(public.as_ref());
        let key = RsaKey::from_pkcs8(der).ok_or(KeyError::UnsupportedPrivateKey)?;
        Ok(Self { key, key_fingerprint })
    }

    /// The SHA-256 of its public half, as [`VerificationKey::key_fingerprint`] says it.
    ///
    /// [`VerificationKey::key_fingerprint`]: crate::saml::VerificationKey::key_fingerprint
    pub fn key_fingerprint(&self) -> &str {
        &self.key_fingerprint
    }

    /// The content key, by the first reading that gives one. AWS-LC's OAEP does not
    /// reveal, by its time or otherwise, why it failed, so there is no need to continue
    /// with a random key.
    fn unwrap(&self, wrapped: &WrappedKey) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(vec![0; self.key.size()]);
        let read = |reading: &Oaep| self.key.decrypt(*reading, &wrapped.bytes, &mut buffer);
        let length = wrapped.readings.iter().find_map(read)?;
        buffer.truncate(length);
        Some(buffer)
    }
}

impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DecryptionKey(RSA of {} bits)", self.key.size() * 8)
    }
}

/// Our decryption keys, all of which are tried: two during a rotation. Without
/// any, encrypted assertions are refused.
#[derive(Debug, Clone, Default)]
pub struct DecryptionKeys(Arc<[DecryptionKey]>);

impl DecryptionKeys {
    /// The newest first: trying costs one RSA operation per key.
    pub fn new(keys: Vec<DecryptionKey>) -> Self {
        Self(keys.into())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The plaintext, if one of the keys opens it.
    pub(in crate::saml) fn open(
        &self,
        encrypted: &Encrypted,
        trace: Tracer<'_>,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let unwrap = |key| {
            let unwrapped = |wrapped| Some((key, DecryptionKey::unwrap(key, wrapped)?));
            encrypted.wrapped_keys.iter().find_map(unwrapped)
        };
        let opened = self.0.iter().find_map(unwrap);
        let Some((key, content_key)) = opened else {
            trace.all_ours("key_tried", self.0.iter().map(DecryptionKey::key_fingerprint));
            trace.ours("cause", "no_key_opens_it");
            return None;
        };
        trace.ours("key", key.key_fingerprint());
        let plaintext = encrypted.content.decrypt(&content_key, &encrypted.ciphertext);
        if plaintext.is_none() {
            trace.ours("cause", "content_not_decryptable");
        }
        plaintext
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_not_printed() {
        let keys = DecryptionKeys::default();
        assert!(keys.is_empty());
        assert_eq!(format!("{keys:?}"), "DecryptionKeys([])");
    }
}
