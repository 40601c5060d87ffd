//! The key that signs requests, and its certificate, for identity providers that
//! want requests signed (metadata 2.4.3, `WantAuthnRequestsSigned`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// Identity providers take the key from our metadata; some look at the end.
const YEARS: i64 = 10;

/// RSA, which every identity provider takes, and its certificate: one PEM text.
pub(super) fn make(now: OffsetDateTime) -> Result<Zeroizing<Vec<u8>>, String> {
    let failed = |e: rcgen::Error| format!("no key could be made: {e}");
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072).map_err(failed)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Vestibule: SAML requests");
    params.not_before = now;
    params.not_after = now + Duration::days(YEARS * 365);
    let certificate = params.self_signed(&key).map_err(failed)?;
    let private = Zeroizing::new(key.serialize_der());
    let mut text = Zeroizing::new(Vec::with_capacity(6_000));
    block(&mut text, "PRIVATE KEY", &private);
    block(&mut text, "CERTIFICATE", certificate.der());
    Ok(text)
}

/// RFC 7468.
fn block(text: &mut Vec<u8>, label: &str, der: &[u8]) {
    text.extend(format!("-----BEGIN {label}-----\n").bytes());
    let base64 = Zeroizing::new(STANDARD.encode(der));
    for line in base64.as_bytes().chunks(64) {
        text.extend(line);
        text.push(b'\n');
    }
    text.extend(format!("-----END {label}-----\n").bytes());
}
