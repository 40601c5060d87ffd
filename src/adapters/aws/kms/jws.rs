//! Tickets that KMS signs: JWS (RFC 7515) and JWK (RFC 7517), assembled here because
//! libraries for them want the key, which KMS keeps.

use super::ring::KmsAlgorithm;
use crate::broker::{TicketClaims, TicketError, TicketKind, decode_ticket};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters, EllipticCurveKeyType,
    Jwk, KeyAlgorithm, PublicKeyUse, RSAKeyParameters, RSAKeyType,
};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

/// Coordinates and signature halves of P-256 (RFC 7518, section 3.4).
const P256_BYTES: usize = 32;

/// SHA-256's.
const MAC_BYTES: usize = 32;

/// Header and payload, as they are signed (RFC 7515, section 5.1).
pub(super) fn signing_input(
    claims: &TicketClaims,
    kid: &str,
    algorithm: KmsAlgorithm,
) -> serde_json::Result<String> {
    let header = serde_json::json!({ "typ": claims.kind.typ(), "alg": algorithm.name(), "kid": kid });
    let (header, claims) = (header.to_string(), serde_json::to_vec(claims)?);
    Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims)))
}

/// The compact serialization (RFC 7515, section 7.1).
pub(super) fn with_signature(signing_input: &str, signature: &[u8]) -> String {
    format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The signing input of a token and its MAC: of the right length and under the
/// right algorithm, but not verified.
///
/// # Errors
/// [`TicketError`].
pub(super) fn mac_of(token: &str) -> Result<(&str, Vec<u8>), TicketError> {
    let (input, mac) = token.rsplit_once('.').ok_or(TicketError::Malformed)?;
    let header = jsonwebtoken::decode_header(token).map_err(|_| TicketError::Malformed)?;
    let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| TicketError::Malformed)?;
    let possible = header.alg == Algorithm::HS256 && mac.len() == MAC_BYTES;
    if possible { Ok((input, mac)) } else { Err(TicketError::Invalid) }
}

/// The claims of a signing input that was verified.
///
/// # Errors
/// [`TicketError::Malformed`].
pub(super) fn claims_of(verified_input: &str) -> Result<TicketClaims, TicketError> {
    let (header, payload) = verified_input.split_once('.').ok_or(TicketError::Malformed)?;
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TicketError::Malformed)?;
    let header: Header = serde_json::from_slice(&header).map_err(|_| TicketError::Malformed)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| TicketError::Malformed)?;
    let claims: TicketClaims = serde_json::from_slice(&payload).map_err(|_| TicketError::Malformed)?;
    Ok(TicketClaims { kind: TicketKind::of_typ(header.typ.as_deref())?, ..claims })
}

/// KMS answers ECDSA signatures in ASN.1 (RFC 3279); JWS wants `r || s` (RFC 7518, section 3.4).
pub(super) fn es256(asn1: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = two_integers(asn1)?;
    Some([fixed(r)?, fixed(s)?].concat())
}

fn fixed(integer: UintRef<'_>) -> Option<[u8; P256_BYTES]> {
    let mut bytes = [0; P256_BYTES];
    let start = P256_BYTES.checked_sub(integer.as_bytes().len())?;
    bytes.get_mut(start..)?.copy_from_slice(integer.as_bytes());
    Some(bytes)
}

fn two_integers(asn1: &[u8]) -> Option<(UintRef<'_>, UintRef<'_>)> {
    let mut reader = SliceReader::new(asn1).ok()?;
    let pair = reader.sequence(|inner| Ok::<_, x509_cert::der::Error>((inner.decode()?, inner.decode()?)));
    let integers = pair.ok()?;
    reader.is_finished().then_some(integers)
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// A public key that tickets can be verified with.
pub(super) enum PublicKey {
    /// ES256: the coordinates.
    P256 { x: Vec<u8>, y: Vec<u8> },
    /// RS256: modulus and exponent.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

impl PublicKey {
    /// As KMS answers it: SubjectPublicKeyInfo (RFC 5280). `None`: neither P-256
    /// nor RSA (secp256k1, say, with which KMS signs by the same name as with P-256).
    pub(super) fn from_spki(spki: &[u8]) -> Option<Self> {
        let info = SubjectPublicKeyInfoRef::from_der(spki).ok()?;
        let key = info.subject_public_key.as_bytes()?;
        match info.algorithm.oid {
            RSA => {
                let (n, e) = two_integers(key)?;
                Some(Self::Rsa { n: n.as_bytes().to_vec(), e: e.as_bytes().to_vec() })
            }
            EC_PUBLIC_KEY if info.algorithm.parameters_oid() == Ok(P256) => {
                // Uncompressed (SEC 1, section 2.3.3).
                let (x, y) = key.strip_prefix(&[4])?.split_at_checked(P256_BYTES)?;
                (y.len() == P256_BYTES).then(|| Self::P256 { x: x.to_vec(), y: y.to_vec() })
            }
            _ => None,
        }
    }

    /// How its private half signs.
    pub(super) const fn algorithm(&self) -> KmsAlgorithm {
        match self {
            Self::P256 { .. } => KmsAlgorithm::Es256,
            Self::Rsa { .. } => KmsAlgorithm::Rs256,
        }
    }

    /// Checks a ticket's signature.
    ///
    /// # Errors
    /// [`TicketError`].
    pub(super) fn verify(&self, token: &str) -> Result<TicketClaims, TicketError> {
        let (algorithm, key) = match self {
            Self::P256 { x, y } => {
                (Algorithm::ES256, DecodingKey::from_ec_der(&[&[4], &x[..], &y[..]].concat()))
            }
            Self::Rsa { n, e } => (Algorithm::RS256, DecodingKey::from_rsa_raw_components(n, e)),
        };
        decode_ticket(token, algorithm, &key)
    }

    /// For others to verify with.
    pub(super) fn to_jwk(&self, kid: &str) -> Jwk {
        let encode = |bytes: &Vec<u8>| URL_SAFE_NO_PAD.encode(bytes);
        let (name, algorithm) = match self {
            Self::P256 { x, y } => {
                let (key_type, curve) = (EllipticCurveKeyType::EC, EllipticCurve::P256);
                let parameters = EllipticCurveKeyParameters { key_type, curve, x: encode(x), y: encode(y) };
                (KeyAlgorithm::ES256, AlgorithmParameters::EllipticCurve(parameters))
            }
            Self::Rsa { n, e } => {
                let parameters = RSAKeyParameters { key_type: RSAKeyType::RSA, n: encode(n), e: encode(e) };
                (KeyAlgorithm::RS256, AlgorithmParameters::RSA(parameters))
            }
        };
        let common = CommonParameters {
            public_key_use: Some(PublicKeyUse::Signature),
            key_algorithm: Some(name),
            key_id: Some(kid.to_owned()),
            ..CommonParameters::default()
        };
        Jwk { common, algorithm }
    }
}
