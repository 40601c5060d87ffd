//! The Concat KDF (NIST SP 800-56A section 5.8.1, as RFC 7518 section 4.6.2 uses it).

use aws_lc_rs::digest::{Context, SHA256};
use zeroize::Zeroizing;

/// The most bits that one round of SHA-256 gives.
pub(super) const MAX_BITS: u32 = 256;

/// The key for the content encryption `enc`, of so many bits: [`MAX_BITS`] at most.
pub(super) fn concat_kdf(shared: &[u8], enc: &str, apu: &[u8], apv: &[u8], bits: u32) -> Zeroizing<Vec<u8>> {
    let mut hash = Context::new(&SHA256);
    hash.update(&1_u32.to_be_bytes());
    hash.update(shared);
    for data in [enc.as_bytes(), apu, apv] {
        // All of them are parts of what fits into a header.
        hash.update(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(data);
    }
    hash.update(&bits.to_be_bytes());
    let length = usize::try_from(bits.min(MAX_BITS) / 8).unwrap_or_default();
    Zeroizing::new(hash.finish().as_ref().iter().copied().take(length).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    /// RFC 7518 appendix C. Its Z is that of two P-256 keys; what follows is the same.
    #[test]
    fn the_key_of_rfc_7518_is_derived() {
        let z = [
            158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163,
            218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
        ];
        let key = concat_kdf(&z, "A128GCM", b"Alice", b"Bob", 128);
        assert_eq!(URL_SAFE_NO_PAD.encode(&*key), "VqqN6vgjbSBcIijNcacQGg");
    }

    #[test]
    fn every_part_is_in_the_key() {
        let all = [
            concat_kdf(b"z", "A256GCM", b"u", b"v", 256),
            concat_kdf(b"y", "A256GCM", b"u", b"v", 256),
            concat_kdf(b"z", "A192GCM", b"u", b"v", 256),
            concat_kdf(b"z", "A256GCM", b"uv", b"", 256),
            concat_kdf(b"z", "A256GCM", b"", b"uv", 256),
            concat_kdf(b"z", "A256GCM", b"v", b"u", 256),
        ];
        let different: std::collections::BTreeSet<_> = all.iter().map(|key| key.to_vec()).collect();
        assert_eq!(different.len(), all.len());
        assert!(different.iter().all(|key| key.len() == 32));
    }
}
