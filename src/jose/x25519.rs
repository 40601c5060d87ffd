//! X25519 keys (RFC 7748), as 43 characters of base64url.

use aws_lc_rs::agreement::{self, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::encoding::{AsBigEndian, Curve25519SeedBin};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

/// A key has so many bytes.
const KEY_BYTES: usize = 32;

/// The crypto library did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key cannot be used")]
pub struct Unusable;

/// A public key that somebody else sent.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    text: String,
    bytes: [u8; KEY_BYTES],
}

impl PublicKey {
    /// 32 bytes in base64url. `None` too for a key of low order: with one, anybody knows what
    /// is agreed on (RFC 7748 section 6.1).
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; KEY_BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let key = Self { text: text.to_owned(), bytes };
        // All zeros is what every private key comes to with those, and the library refuses it.
        PrivateKey::generate().ok()?.agree(&key).ok()?;
        Some(key)
    }

    /// As it was sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({})", self.text)
    }
}

/// A private key with its public one.
pub struct PrivateKey {
    key: agreement::PrivateKey,
    public: PublicKey,
}

impl PrivateKey {
    /// A new one.
    ///
    /// # Errors
    /// [`Unusable`] if the library gives none.
    pub fn generate() -> Result<Self, Unusable> {
        agreement::PrivateKey::generate(&X25519).map_err(|_| Unusable).and_then(Self::new)
    }

    /// What [`to_bytes`](Self::to_bytes) gave.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::new(agreement::PrivateKey::from_private_key(&X25519, bytes).ok()?).ok()
    }

    /// For its owner to keep.
    ///
    /// # Errors
    /// [`Unusable`] if the library does not give them.
    pub fn to_bytes(&self) -> Result<Zeroizing<[u8; KEY_BYTES]>, Unusable> {
        let seed: Curve25519SeedBin<'_> = self.key.as_be_bytes().map_err(|_| Unusable)?;
        seed.as_ref().try_into().map(Zeroizing::new).map_err(|_| Unusable)
    }

    /// For everybody.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// What the two keys have in common.
    pub(super) fn agree(&self, other: &PublicKey) -> Result<Zeroizing<[u8; KEY_BYTES]>, Unusable> {
        let other = UnparsedPublicKey::new(&X25519, &other.bytes);
        agree(&self.key, other, Unusable, |shared| {
            shared.try_into().map(Zeroizing::new).map_err(|_| Unusable)
        })
    }

    fn new(key: agreement::PrivateKey) -> Result<Self, Unusable> {
        let public = key.compute_public_key().map_err(|_| Unusable)?;
        let bytes: [u8; KEY_BYTES] = public.as_ref().try_into().map_err(|_| Unusable)?;
        Ok(Self { key, public: PublicKey { text: URL_SAFE_NO_PAD.encode(bytes), bytes } })
    }
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({}, …)", self.public.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037 appendix A.6, whose keys are those of RFC 7748 section 6.1.
    #[test]
    fn the_secret_of_rfc_8037_is_agreed_on() {
        let ephemeral = URL_SAFE_NO_PAD.decode("dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo").unwrap();
        let ephemeral = PrivateKey::from_bytes(&ephemeral).unwrap();
        assert_eq!(ephemeral.public_key().as_str(), "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo");
        let bob = PublicKey::parse("3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08").unwrap();
        let z = ephemeral.agree(&bob).unwrap();
        let z: String = z.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(z, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    }

    /// All points of order 1, 2, 4 and 8, in every spelling of 32 bytes: modulo p = 2^255 - 19,
    /// and with the bit that X25519 ignores (cr.yp.to/ecdh.html, "validate").
    #[test]
    fn attack_a_key_of_low_order() {
        let low = |last: u8| {
            let mut p = [0xff; KEY_BYTES];
            (p[0], p[31]) = (last, 0x7f);
            p
        };
        let eight = |hex: &str| -> [u8; KEY_BYTES] {
            let bytes = (0..64).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap());
            bytes.collect::<Vec<_>>().try_into().unwrap()
        };
        let (mut one, zero) = ([0; KEY_BYTES], [0; KEY_BYTES]);
        one[0] = 1;
        let points = [
            zero,
            one,
            eight("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
            eight("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
            low(0xec),
            low(0xed),
            low(0xee),
        ];
        for point in points {
            let mut ignored = point;
            ignored[31] |= 0x80;
            for bytes in [point, ignored] {
                assert_eq!(PublicKey::parse(&URL_SAFE_NO_PAD.encode(bytes)), None, "{bytes:02x?}");
            }
        }
    }

    #[test]
    fn a_key_is_43_characters_and_comes_back() {
        let key = PrivateKey::generate().unwrap();
        let again = PrivateKey::from_bytes(&*key.to_bytes().unwrap()).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        let text = key.public_key().as_str();
        assert_eq!((text.len(), PublicKey::parse(text).as_ref()), (43, Some(key.public_key())));
        // The last character has four bits; the two others must be zero.
        let other = format!("{}{}", &text[..42], if text.ends_with('B') { 'D' } else { 'B' });
        for wrong in ["", &text[..42], &format!("{text}="), &format!("{text}A"), &format!(" {text}"), &other]
        {
            assert_eq!(PublicKey::parse(wrong), None, "{wrong}");
        }
        assert!(PrivateKey::from_bytes(&[1; 31]).is_none());
    }

    #[test]
    fn a_private_key_is_not_shown() {
        let key = PrivateKey::generate().unwrap();
        let secret = URL_SAFE_NO_PAD.encode(*key.to_bytes().unwrap());
        assert!(!format!("{key:?}").contains(&secret));
    }
}
