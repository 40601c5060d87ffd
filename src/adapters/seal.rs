//! The seal that all key rings share: AES-256-GCM under a key with a name.

use crate::broker::ports::{Entropy, KeyRingError};
use crate::broker::{Purpose, Sealed};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::Zeroizing;

/// Version of the sealed format: version, kid, nonce, ciphertext with tag.
const VERSION: u8 = 1;

/// 12 random bytes in base64url.
pub(super) const KID_CHARS: usize = 16;

/// A sealing key and its name.
pub(super) struct Sealer {
    kid: String,
    key: LessSafeKey,
}

impl Sealer {
    /// `None` if these are no name and no key of ours.
    pub(super) fn new(kid: &str, key: &[u8]) -> Option<Self> {
        let key = UnboundKey::new(&AES_256_GCM, key).ok()?;
        (kid.len() == KID_CHARS).then(|| Self { kid: kid.to_owned(), key: LessSafeKey::new(key) })
    }

    pub(super) fn seal(
        &self,
        purpose: &Purpose,
        plaintext: &SecretSlice<u8>,
        entropy: &dyn Entropy,
    ) -> Result<Sealed, KeyRingError> {
        // Random nonces are safe for 2^32 messages under one key (SP 800-38D section 8.3).
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let plaintext = plaintext.expose_secret();
        let mut body = Zeroizing::new(Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len()));
        body.extend_from_slice(plaintext);
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                self.associated_data(purpose),
                &mut *body,
            )
            .map_err(|_| KeyRingError::Unavailable)?;
        let mut sealed = Vec::with_capacity(1 + KID_CHARS + NONCE_LEN + body.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(self.kid.as_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        Ok(Sealed::from_ciphertext(sealed))
    }

    pub(super) fn open(&self, purpose: &Purpose, parts: Parts<'_>) -> Result<SecretSlice<u8>, KeyRingError> {
        let mut body = Zeroizing::new(parts.body.to_vec());
        let plaintext = self
            .key
            .open_in_place(parts.nonce, self.associated_data(purpose), &mut body)
            .map_err(|_| KeyRingError::BrokenSeal)?;
        Ok(plaintext.to_vec().into())
    }

    /// Version and kid have a fixed length, so the parts cannot be shifted.
    fn associated_data(&self, purpose: &Purpose) -> Aad<Vec<u8>> {
        let mut data = vec![VERSION];
        data.extend_from_slice(self.kid.as_bytes());
        data.extend_from_slice(purpose.handle().as_str().as_bytes());
        Aad::from(data)
    }
}

/// What a seal consists of.
pub(super) struct Parts<'a> {
    pub(super) kid: &'a str,
    nonce: Nonce,
    body: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn of(sealed: &'a Sealed) -> Option<Self> {
        let rest = sealed.as_bytes().strip_prefix(&[VERSION])?;
        let (kid, rest) = rest.split_at_checked(KID_CHARS)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        Some(Self { kid: std::str::from_utf8(kid).ok()?, nonce, body })
    }
}
