//! What waits of a login whose role is still to be chosen: the response itself, and when it
//! was accepted. It is verified again whenever it is looked at, so what it says of the person
//! is never kept beside it.

use crate::saml::Identity;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use secrecy::{ExposeSecret, SecretSlice};
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// The fastest level: role values repeat each other, so any level makes them small.
const LEVEL: u8 = 1;

/// A response that waits.
pub(super) struct WaitingResponse {
    /// When it was accepted: as of then it is verified again.
    pub(super) accepted_at: OffsetDateTime,
    /// In the form that STS takes.
    pub(super) saml_response: Zeroizing<String>,
}

impl WaitingResponse {
    /// The bytes to seal: the moment in nanoseconds since 1970 (16 bytes, big-endian), then the
    /// XML, deflated. Its base64 is the only one there is (`ResponseMessage::decode`).
    pub(super) fn plaintext(identity: &Identity, accepted_at: OffsetDateTime) -> Option<SecretSlice<u8>> {
        let base64 = identity.original().expose();
        let xml = Zeroizing::new(base64_simd::STANDARD.decode_to_vec(base64).ok()?);
        let deflated = Zeroizing::new(compress_to_vec(&xml, LEVEL));
        let mut plaintext = Vec::with_capacity(16 + deflated.len());
        plaintext.extend_from_slice(&accepted_at.unix_timestamp_nanos().to_be_bytes());
        plaintext.extend_from_slice(&deflated);
        Some(plaintext.into())
    }

    /// `None` for what was not written here. `max_chars`: of the longest response.
    pub(super) fn from_plaintext(plaintext: &SecretSlice<u8>, max_chars: usize) -> Option<Self> {
        let (moment, deflated) = plaintext.expose_secret().split_first_chunk::<16>()?;
        let accepted_at = OffsetDateTime::from_unix_timestamp_nanos(i128::from_be_bytes(*moment)).ok()?;
        let xml = Zeroizing::new(decompress_to_vec_with_limit(deflated, max_chars).ok()?);
        let saml_response = Zeroizing::new(base64_simd::STANDARD.encode_to_string(&**xml));
        Some(Self { accepted_at, saml_response })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_comes_back_as_it_was() {
        let identity = Identity::for_tests("ADFS", "anna", &[]);
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_764_000_000_123_456_789).unwrap();
        let plaintext = WaitingResponse::plaintext(&identity, at).unwrap();
        let waiting = WaitingResponse::from_plaintext(&plaintext, 100).unwrap();
        assert_eq!(waiting.accepted_at, at);
        assert_eq!(*waiting.saml_response, identity.original().expose());
        assert!(WaitingResponse::from_plaintext(&plaintext, 1).is_none(), "longer than any");
        for length in 0..16 {
            let cut = plaintext.expose_secret()[..length].to_vec().into();
            assert!(WaitingResponse::from_plaintext(&cut, 100).is_none(), "{length}");
        }
    }
}
