//! A data key at work. From one secret, protected by KMS, come two: one seals
//! credentials (AES-256-GCM), one signs tickets (HS256, RFC 7515).

use crate::adapters::seal::Sealer;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;

/// In memory only, wiped when dropped.
pub(super) struct DataKey {
    pub(super) sealer: Sealer,
    /// For HS256.
    pub(super) signing: Zeroizing<Vec<u8>>,
}

impl DataKey {
    /// `None` if the length is wrong.
    pub(super) fn derive(kid: &str, secret: &[u8]) -> Option<Self> {
        if secret.len() != KEY_BYTES {
            return None;
        }
        let prk = Salt::new(HKDF_SHA256, b"vestibule key ring").extract(secret);
        let sealer = Sealer::new(kid, &expand(&prk, b"seal credentials")?)?;
        let signing = expand(&prk, b"sign tickets")?;
        Some(Self { sealer, signing })
    }
}

/// RFC 5869, section 2.3; as long as the hash.
fn expand(prk: &Prk, purpose: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
    prk.expand(&[purpose], HKDF_SHA256).ok()?.fill(&mut key).ok()?;
    Some(key)
}
