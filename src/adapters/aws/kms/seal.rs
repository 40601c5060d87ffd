//! A data key at work. From one secret, protected by KMS, come two: one seals
//! credentials (AES-256-GCM), one signs tickets (HS256, RFC 7515).

use crate::broker::ports::{Entropy, KeyRingError};
use crate::broker::{Sealed, SessionId};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::Zeroizing;

/// Version of the sealed format: version, kid, nonce, ciphertext with tag.
const SEAL_VERSION: u8 = 1;

/// 12 random bytes in base64url.
pub(super) const KID_CHARS: usize = 16;

const KEY_BYTES: usize = 32;

/// In memory only, wiped when dropped.
pub(super) struct DataKey {
    kid: String,
    sealing: LessSafeKey,
    /// For HS256.
    pub(super) signing: Zeroizing<Vec<u8>>,
}

impl DataKey {
    /// `None` if it is no data key of ours.
    pub(super) fn derive(kid: &str, secret: &[u8]) -> Option<Self> {
        if secret.len() != KEY_BYTES || kid.len() != KID_CHARS {
            return None;
        }
        let prk = Salt::new(HKDF_SHA256, b"vestibule key ring").extract(secret);
        let sealing = UnboundKey::new(&AES_256_GCM, &expand(&prk, b"seal credentials")?).ok()?;
        let signing = expand(&prk, b"sign tickets")?;
        Some(Self { kid: kid.to_owned(), sealing: LessSafeKey::new(sealing), signing })
    }

    pub(super) fn seal(
        &self,
        session: &SessionId,
        plaintext: &SecretSlice<u8>,
        entropy: &dyn Entropy,
    ) -> Result<Sealed, KeyRingError> {
        // Random nonces are safe for 2^32 messages under one key (SP 800-38D section 8.3).
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let plaintext = plaintext.expose_secret();
        let mut body = Zeroizing::new(Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len()));
        body.extend_from_slice(plaintext);
        self.sealing
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                self.associated_data(session),
                &mut *body,
            )
            .map_err(|_| KeyRingError::Unavailable)?;
        let mut sealed = Vec::with_capacity(1 + KID_CHARS + NONCE_LEN + body.len());
        sealed.push(SEAL_VERSION);
        sealed.extend_from_slice(self.kid.as_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&body);
        Ok(Sealed::from_ciphertext(sealed))
    }

    pub(super) fn open(
        &self,
        session: &SessionId,
        parts: Parts<'_>,
    ) -> Result<SecretSlice<u8>, KeyRingError> {
        let mut body = Zeroizing::new(parts.body.to_vec());
        let plaintext = self
            .sealing
            .open_in_place(parts.nonce, self.associated_data(session), &mut body)
            .map_err(|_| KeyRingError::BrokenSeal)?;
        Ok(plaintext.to_vec().into())
    }

    /// Version and kid have a fixed length, so the parts cannot be shifted.
    fn associated_data(&self, session: &SessionId) -> Aad<Vec<u8>> {
        let mut data = vec![SEAL_VERSION];
        data.extend_from_slice(self.kid.as_bytes());
        data.extend_from_slice(session.as_str().as_bytes());
        Aad::from(data)
    }
}

/// RFC 5869, section 2.3; as long as the hash.
fn expand(prk: &Prk, purpose: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
    prk.expand(&[purpose], HKDF_SHA256).ok()?.fill(&mut key).ok()?;
    Some(key)
}

/// What a seal consists of.
pub(super) struct Parts<'a> {
    pub(super) kid: &'a str,
    nonce: Nonce,
    body: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn of(sealed: &'a Sealed) -> Option<Self> {
        let rest = sealed.as_bytes().strip_prefix(&[SEAL_VERSION])?;
        let (kid, rest) = rest.split_at_checked(KID_CHARS)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        Some(Self { kid: std::str::from_utf8(kid).ok()?, nonce, body })
    }
}
