//! The seal that all key rings share: AES-256-GCM, a key of its own for each purpose,
//! all of them from one key with a name.

use crate::broker::ports::{KeyRingError, SecureRandom};
use crate::broker::{Purpose, Sealed};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretSlice};
use zeroize::Zeroizing;

/// Version of the sealed format: version, kid, nonce, ciphertext with tag.
const VERSION: u8 = 1;

/// 12 random bytes in base64url.
pub(super) const KID_CHARS: usize = 16;

/// A new key's name.
pub(super) fn random_kid(random: &dyn SecureRandom) -> String {
    let mut kid = [0; KID_CHARS / 4 * 3];
    random.fill(&mut kid);
    URL_SAFE_NO_PAD.encode(kid)
}

/// A sealing key takes 32 bytes.
const KEY_BYTES: usize = 32;

/// A sealing key and its name.
pub(super) struct Sealer {
    kid: String,
    key: Prk,
}

impl Sealer {
    /// `None` if the name or the key has the wrong length.
    pub(super) fn new(kid: &str, key: &[u8]) -> Option<Self> {
        let ours = kid.len() == KID_CHARS && key.len() == KEY_BYTES;
        ours.then(|| Self {
            kid: kid.to_owned(),
            key: Salt::new(HKDF_SHA256, b"vestibule seal").extract(key),
        })
    }

    /// Random nonces are safe for 2^32 messages under one key (SP 800-38D section
    /// 8.3), and anyone may ask for AuthnRequests. With a key for each purpose they use
    /// up that of their own RelayState only.
    fn key(&self, purpose: &Purpose) -> Result<LessSafeKey, KeyRingError> {
        let info = [purpose.handle().as_str().as_bytes()];
        let key = self.key.expand(&info, &AES_256_GCM).map_err(|_| KeyRingError::Unavailable)?;
        Ok(LessSafeKey::new(UnboundKey::from(key)))
    }

    pub(super) fn seal(
        &self,
        purpose: &Purpose,
        plaintext: &SecretSlice<u8>,
        random: &dyn SecureRandom,
    ) -> Result<Sealed, KeyRingError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let plaintext = plaintext.expose_secret();
        let mut body = Zeroizing::new(Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len()));
        body.extend_from_slice(plaintext);
        self.key(purpose)?
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
            .key(purpose)?
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

/// The parts of a sealed message.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::SessionId;

    /// The worst case: the same nonce each time.
    struct Stuck;

    impl SecureRandom for Stuck {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn a_nonce_met_again_for_another_purpose_tells_nothing() {
        let sealer = Sealer::new("kid-of-16-chars-", &[1; KEY_BYTES]).unwrap();
        let purpose =
            |n: u8| Purpose::credentials(&SessionId::parse(&format!("session-number-{n}")).unwrap());
        let ciphertext = |n| {
            let plaintext = vec![b'a'; 64].into();
            let sealed = sealer.seal(&purpose(n), &plaintext, &Stuck).unwrap();
            Parts::of(&sealed).unwrap().body[..64].to_vec()
        };
        assert_eq!(ciphertext(1), ciphertext(1), "control: one key, one nonce");
        assert_ne!(ciphertext(1), ciphertext(2));
        assert!(Sealer::new("short", &[1; KEY_BYTES]).is_none());
        assert!(Sealer::new("kid-of-16-chars-", &[1; 31]).is_none());
    }
}
