//! Our own SAML keys: a private key and its certificate, in PEM.

use super::read::section::{Found, Section};
use super::read_file;
use crate::saml::{DecryptionKey, DecryptionKeys, KeyError, SigningKey, VerificationKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key and a chain of certificates have some thousand bytes.
const MAX_PEM_BYTES: u64 = 1 << 16;

/// Our own keys, read.
#[derive(Default)]
pub(super) struct Keys {
    pub(super) signing: Option<Arc<SigningKey>>,
    /// Certificates (DER) of the signing key, for our metadata.
    pub(super) signing_certificates: Vec<Vec<u8>>,
    pub(super) decryption: DecryptionKeys,
    /// Of the newest decryption key only: identity providers shall use that one.
    pub(super) encryption_certificates: Vec<Vec<u8>>,
}

/// `saml.signing_key`, `saml.decryption_keys`
pub(super) fn keys(section: &Section<'_>) -> Keys {
    let signing = section.optional("signing_key", |text| {
        pair(text, SigningKey::from_pkcs8, |key: &SigningKey| key.key_fingerprint().to_owned())
    });
    let decryption = section.list("decryption_keys", |text| {
        pair(text, DecryptionKey::from_pkcs8, |key: &DecryptionKey| key.key_fingerprint().to_owned())
    });
    let mut keys = Keys::default();
    if let Some(Found { value: (key, certificate), .. }) = signing {
        keys.signing = Some(Arc::new(key));
        keys.signing_certificates.push(certificate);
    }
    let decryption = decryption.unwrap_or_default().into_iter().map(|found| found.value);
    let (decryption, mut certificates): (Vec<_>, Vec<_>) = decryption.unzip();
    certificates.truncate(1);
    keys.decryption = DecryptionKeys::new(decryption);
    keys.encryption_certificates = certificates;
    keys
}

/// A private key and its certificate: a file, or its text (from the Parameter
/// Store, say).
fn pair<K>(
    text: &str,
    read: impl FnOnce(&[u8]) -> Result<K, KeyError>,
    fingerprint: impl FnOnce(&K) -> String,
) -> Result<(K, Vec<u8>), String> {
    let pem = if text.trim_start().starts_with("-----BEGIN ") {
        Zeroizing::new(text.as_bytes().to_vec())
    } else {
        let read = read_file(Path::new(text), MAX_PEM_BYTES);
        Zeroizing::new(read.map_err(|error| format!("the key file cannot be read: {error}"))?)
    };
    let private = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|_| {
        "expected a PEM text with BEGIN PRIVATE KEY (PKCS #8; openssl pkcs8 -topk8 -nocrypt makes one)"
            .to_owned()
    })?;
    let key = read(private.secret_pkcs8_der()).map_err(|error| error.to_string())?;
    let certificate = CertificateDer::from_pem_slice(&pem)
        .map_err(|_| "expected the key's certificate (BEGIN CERTIFICATE) beside it".to_owned())?;
    let certified = VerificationKey::from_certificate(&certificate).map_err(|error| error.to_string())?;
    if certified.key_fingerprint() != fingerprint(&key) {
        return Err("the certificate is of another key than the one beside it".to_owned());
    }
    Ok((key, certificate.to_vec()))
}
