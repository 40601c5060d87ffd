//! Public keys, and the signature algorithms each may be used with.

use super::algorithm::{Hash, SignatureAlgorithm};
use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{self as algorithms, ParsedPublicKey, VerificationAlgorithm};
use time::OffsetDateTime;
use x509_cert::der::asn1::{Any, AnyRef, BitString, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Encode, Tag};
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::{Certificate, SubjectPublicKeyInfo};

/// rsaEncryption (RFC 8017, appendix C).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// id-ecPublicKey, secp256r1, secp384r1 (RFC 5480, 2.1.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// A public key that may sign for one issuer.
#[derive(Clone)]
pub struct VerificationKey {
    family: Family,
    /// One parsed key for each [`Hash`](enum@Hash): parsing costs as much as verifying.
    by_hash: [ParsedPublicKey; 3],
    not_after: Option<OffsetDateTime>,
    fingerprint: String,
    key_fingerprint: String,
}

/// A certificate or key that cannot be used for verification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not an X.509 certificate.
    #[error("it is not an X.509 certificate")]
    NotACertificate,
    /// Neither RSA nor ECDSA on P-256 or P-384.
    #[error("it is neither RSA nor ECDSA on P-256 or P-384")]
    UnsupportedKey,
    /// RSA of fewer than 2,048 bits, or of more than 8,192.
    #[error("it is RSA of {0} bits, and 2,048 to 8,192 are accepted")]
    RsaSize(usize),
    /// No private key of a usable kind, in PKCS #8.
    #[error("the private key is not PKCS #8, or of another kind or size than is used here")]
    UnsupportedPrivateKey,
}

/// What kind of key, and so the form of its signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// With the length in bytes of its modulus, and so of a signature.
    Rsa(usize),
    /// With the length in bytes of each of a signature's two integers.
    Ecdsa(usize),
}

impl VerificationKey {
    /// The public key of a DER certificate. Its own validity period and
    /// issuer do not matter: the key is trusted because metadata lists it (metadata 2.4.1.1).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_certificate(der: &[u8]) -> Result<Self, KeyError> {
        let certificate = Certificate::from_der(der).map_err(|_| KeyError::NotACertificate)?;
        let certified = certificate.tbs_certificate();
        let not_after = certified.validity().not_after.to_unix_duration().as_secs();
        let not_after =
            i64::try_from(not_after).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
        Self::new(certified.subject_public_key_info(), not_after, fingerprint(der))
    }

    /// Whether this is the DER of a certificate, with any kind of key.
    pub fn is_certificate(der: &[u8]) -> bool {
        Certificate::from_der(der).is_ok()
    }

    /// A bare public key: a DER `SubjectPublicKeyInfo` (RFC 5280, 4.1.2.7).
    ///
    /// # Errors
    /// [`KeyError::UnsupportedKey`].
    pub fn from_public_key(der: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::UnsupportedKey)?;
        Self::new(&info, None, fingerprint(der))
    }

    /// A bare RSA key, of its two numbers (XML Signature 4.4.2.2: big-endian).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        let number = |bytes| UintRef::new(bytes).map_err(|_| KeyError::UnsupportedKey);
        let (modulus, exponent) = (number(modulus)?, number(exponent)?);
        let encode = || -> Result<Vec<u8>, x509_cert::der::Error> {
            let mut numbers = modulus.to_der()?;
            numbers.append(&mut exponent.to_der()?);
            // RSAPublicKey (RFC 8017, A.1.1).
            let key = AnyRef::new(Tag::Sequence, &numbers)?.to_der()?;
            let algorithm = AlgorithmIdentifierOwned { oid: RSA_ENCRYPTION, parameters: Some(Any::null()) };
            let subject_public_key = BitString::from_bytes(&key)?;
            SubjectPublicKeyInfo { algorithm, subject_public_key }.to_der()
        };
        Self::from_public_key(&encode().map_err(|_| KeyError::UnsupportedKey)?)
    }

    fn new(
        info: &SubjectPublicKeyInfo,
        not_after: Option<OffsetDateTime>,
        fingerprint: String,
    ) -> Result<Self, KeyError> {
        let der = info.to_der().map_err(|_| KeyError::UnsupportedKey)?;
        let curve =
            || info.algorithm.parameters.as_ref().and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
        let (family, [sha256, sha384, sha512]) = match info.algorithm.oid {
            RSA_ENCRYPTION => {
                // Its size is checked here and not only at the first signature.
                let bits = rsa_bits(info).ok_or(KeyError::UnsupportedKey)?;
                if !(2_048..=8_192).contains(&bits) {
                    return Err(KeyError::RsaSize(bits));
                }
                PublicEncryptingKey::from_der(&der).map_err(|_| KeyError::UnsupportedKey)?;
                (Family::Rsa(bits.div_ceil(8)), RSA)
            }
            EC_PUBLIC_KEY => match curve() {
                Some(SECP256R1) => (Family::Ecdsa(32), P256),
                Some(SECP384R1) => (Family::Ecdsa(48), P384),
                _ => return Err(KeyError::UnsupportedKey),
            },
            _ => return Err(KeyError::UnsupportedKey),
        };
        let parse = |a| ParsedPublicKey::new(a, &der).map_err(|_| KeyError::UnsupportedKey);
        let by_hash = [parse(sha256)?, parse(sha384)?, parse(sha512)?];
        let key_fingerprint = self::fingerprint(&der);
        Ok(Self { family, by_hash, not_after, fingerprint, key_fingerprint })
    }

    /// The end of the certificate's validity. For display and warnings only: no
    /// signature is refused because of it.
    pub fn not_after(&self) -> Option<OffsetDateTime> {
        self.not_after
    }

    /// The SHA-256 of the certificate (or the bare key), 64 hexadecimal digits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The SHA-256 of the key itself, the same in every certificate.
    pub fn key_fingerprint(&self) -> &str {
        &self.key_fingerprint
    }

    /// Whether it is of the type that this algorithm is for.
    pub(in crate::saml) fn is_for(&self, algorithm: SignatureAlgorithm) -> bool {
        matches!(
            (self.family, algorithm),
            (Family::Rsa(_), SignatureAlgorithm::Rsa(_)) | (Family::Ecdsa(_), SignatureAlgorithm::Ecdsa(_))
        )
    }

    /// Does the work of verifying a signature, of numbers that are in range and wrong.
    pub(in crate::saml) fn take_its_time(&self, message: &[u8]) {
        let [sha256, ..] = &self.by_hash;
        let signature = match self.family {
            Family::Rsa(length) => {
                let mut two = vec![0; length.saturating_sub(1)];
                two.push(2);
                two
            }
            // SEQUENCE { INTEGER 1, INTEGER 1 }
            Family::Ecdsa(_) => vec![0x30, 6, 2, 1, 1, 2, 1, 1],
        };
        std::hint::black_box(sha256.verify_sig(message, &signature).is_ok());
    }

    /// Whether this key made this signature. `false` if the algorithm is for
    /// another type of key.
    pub(in crate::saml) fn verifies(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let [sha256, sha384, sha512] = &self.by_hash;
        let by_hash = |hash| match hash {
            Hash::Sha256 => sha256,
            Hash::Sha384 => sha384,
            Hash::Sha512 => sha512,
        };
        match (self.family, algorithm) {
            (Family::Rsa(_), SignatureAlgorithm::Rsa(hash)) => {
                by_hash(hash).verify_sig(message, signature).is_ok()
            }
            (Family::Ecdsa(length), SignatureAlgorithm::Ecdsa(hash)) => ecdsa_der(signature, length)
                .is_some_and(|signature| by_hash(hash).verify_sig(message, &signature).is_ok()),
            (Family::Rsa(_), SignatureAlgorithm::Ecdsa(_))
            | (Family::Ecdsa(_), SignatureAlgorithm::Rsa(_)) => false,
        }
    }
}

impl std::fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerificationKey")
            .field("family", &self.family)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

type ByHash = [&'static dyn VerificationAlgorithm; 3];
static RSA: ByHash = [
    &algorithms::RSA_PKCS1_2048_8192_SHA256,
    &algorithms::RSA_PKCS1_2048_8192_SHA384,
    &algorithms::RSA_PKCS1_2048_8192_SHA512,
];
static P256: ByHash = [
    &algorithms::ECDSA_P256_SHA256_ASN1,
    &algorithms::ECDSA_P256_SHA384_ASN1,
    &algorithms::ECDSA_P256_SHA512_ASN1,
];
static P384: ByHash = [
    &algorithms::ECDSA_P384_SHA256_ASN1,
    &algorithms::ECDSA_P384_SHA384_ASN1,
    &algorithms::ECDSA_P384_SHA512_ASN1,
];

/// XML Signature writes an ECDSA signature as its two integers, each as long
/// as the curve's order (RFC 4050, 3.3; XML Signature 1.1, 6.4.3). The library
/// has that form for two of our six combinations, and DER for all.
fn ecdsa_der(signature: &[u8], length: usize) -> Option<Vec<u8>> {
    if signature.len() != 2 * length {
        return None;
    }
    let (r, s) = signature.split_at_checked(length)?;
    let mut body = Vec::with_capacity(signature.len() + 6);
    for integer in [r, s] {
        let zeros = integer.iter().take_while(|b| **b == 0).count().min(length - 1);
        let magnitude = integer.get(zeros..)?;
        let sign = magnitude.first().is_some_and(|b| *b >= 0x80);
        body.push(0x02);
        body.push(u8::try_from(magnitude.len() + usize::from(sign)).ok()?);
        body.extend(sign.then_some(0));
        body.extend_from_slice(magnitude);
    }
    // At most 2 * (2 + 1 + 48) = 102 bytes: the short form of length.
    let mut der = vec![0x30, u8::try_from(body.len()).ok().filter(|n| *n < 0x80)?];
    der.append(&mut body);
    Some(der)
}

/// The size of an RSA key's modulus (RFC 8017, A.1.1), whatever the size.
fn rsa_bits(info: &SubjectPublicKeyInfo) -> Option<usize> {
    let key = AnyRef::from_der(info.subject_public_key.as_bytes()?).ok()?;
    let modulus: Result<UintRef<'_>, x509_cert::der::Error> = key.sequence(|reader| {
        let modulus = UintRef::decode(reader)?;
        UintRef::decode(reader)?;
        Ok(modulus)
    });
    let bytes = modulus.ok()?.as_bytes();
    let leading_zeros = bytes.first()?.leading_zeros();
    Some(bytes.len() * 8 - leading_zeros as usize)
}

pub(in crate::saml) fn fingerprint(der: &[u8]) -> String {
    use std::fmt::Write;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    digest.as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::testing::{EC, EC384, RSA};

    #[test]
    fn a_certificate_is_told_from_a_key() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&pair).unwrap();
        assert!(VerificationKey::is_certificate(certificate.der()));
        assert!(!VerificationKey::is_certificate(&EC.public_key()));
    }

    #[test]
    fn a_key_is_known_by_its_fingerprint() {
        let key = EC.key();
        let printed = format!("{key:?}");
        assert!(printed.starts_with("VerificationKey { family: Ecdsa(32), fingerprint: "), "{printed}");
        assert!(printed.contains(key.fingerprint()) && printed.ends_with(", .. }"), "{printed}");
    }

    #[test]
    fn each_key_verifies_its_own_algorithms_only() {
        let message = b"message";
        let (rsa, p256, p384) = (RSA.key(), EC.key(), EC384.key());
        let (by_rsa, by_p256, by_p384) = (RSA.sign(message), EC.sign(message), EC384.sign(message));
        let (rsa_sha256, ecdsa_sha256) =
            (SignatureAlgorithm::Rsa(Hash::Sha256), SignatureAlgorithm::Ecdsa(Hash::Sha256));
        let ecdsa_sha384 = SignatureAlgorithm::Ecdsa(Hash::Sha384);

        assert!(rsa.verifies(rsa_sha256, message, &by_rsa));
        assert!(p256.verifies(ecdsa_sha256, message, &by_p256));
        assert!(p384.verifies(ecdsa_sha384, message, &by_p384));

        assert!(!rsa.verifies(SignatureAlgorithm::Rsa(Hash::Sha384), message, &by_rsa));
        assert!(!rsa.verifies(ecdsa_sha256, message, &by_rsa));
        assert!(!p256.verifies(rsa_sha256, message, &by_p256));
        assert!(!p256.verifies(ecdsa_sha384, message, &by_p256));
        assert!(!p384.verifies(ecdsa_sha384, message, &by_p256));
        assert!(!p256.verifies(ecdsa_sha256, b"other", &by_p256));
        for nonsense in [&[][..], &[0; 64], &[0xff; 64], &by_p256[..63], &[0; 256]] {
            assert!(!p256.verifies(ecdsa_sha256, message, nonsense));
            assert!(!rsa.verifies(rsa_sha256, message, nonsense));
        }
    }

    #[test]
    fn ecdsa_signatures_with_leading_zeros_verify() {
        // One in 128 signatures has an integer that starts with a zero byte.
        let key = EC.key();
        for number in 0..300_u32 {
            let message = number.to_be_bytes();
            assert!(key.verifies(SignatureAlgorithm::Ecdsa(Hash::Sha256), &message, &EC.sign(&message)));
        }
        let mut fixed = [0; 64];
        fixed[31] = 1;
        fixed[32] = 0x80;
        let der = ecdsa_der(&fixed, 32).unwrap();
        assert_eq!(der[..8], [0x30, 3 + 35, 2, 1, 1, 2, 33, 0]);
        assert_eq!(ecdsa_der(&[0; 64], 32).unwrap(), [0x30, 6, 2, 1, 0, 2, 1, 0]);
    }

    #[test]
    fn weak_and_unknown_keys_are_refused() {
        assert_eq!(VerificationKey::from_public_key(b"").err(), Some(KeyError::UnsupportedKey));
        assert_eq!(VerificationKey::from_certificate(b"junk").err(), Some(KeyError::NotACertificate));
        assert_eq!(
            VerificationKey::from_certificate(&RSA.public_key()).err(),
            Some(KeyError::NotACertificate)
        );
        // A P-521 key's parameters instead of P-384's.
        let mut spki = EC384.public_key();
        let oid = spki.windows(5).position(|w| w == [0x2b, 0x81, 0x04, 0x00, 0x22]).unwrap();
        spki[oid + 4] = 0x23;
        assert_eq!(VerificationKey::from_public_key(&spki).err(), Some(KeyError::UnsupportedKey));
    }

    #[test]
    fn certificates_tell_their_end_and_fingerprint() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let certificate = params.self_signed(&pair).unwrap();
        let key = VerificationKey::from_certificate(certificate.der()).unwrap();
        assert_eq!(key.not_after(), Some(rcgen::date_time_ymd(2031, 2, 3)));
        assert_eq!(key.fingerprint().len(), 64);
    }
}
