//! `saml.signing_key` and `saml.decryption_keys`: a private key and its
//! certificate, in PEM.

use super::read::file::read_pem;
use super::read::section::Section;
use crate::saml::{DecryptionKey, DecryptionKeys, KeyError, SigningKey, VerificationKey};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use std::sync::Arc;

/// A key and a chain of certificates have some thousand bytes.
const MAX_PEM_BYTES: u64 = 1 << 16;

/// The service's own SAML keys.
pub(super) struct SamlKeys {
    pub(super) signing: Option<Arc<SigningKey>>,
    pub(super) decryption: DecryptionKeys,
    pub(super) certificates: Certificates,
}

/// Certificates (DER) of the service's own SAML keys, for its metadata.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    /// Of the key that signs requests.
    pub signing: Vec<Vec<u8>>,
    /// Of the newest decryption key only, so that identity providers use that one.
    pub encryption: Vec<Vec<u8>>,
}

pub(super) fn saml_keys(section: &Section<'_>) -> SamlKeys {
    let signing = section.optional("signing_key", |text| {
        pair(text, SigningKey::from_pkcs8, |key: &SigningKey| key.key_fingerprint().to_owned())
    });
    let decryption = section.list("decryption_keys", |text| {
        pair(text, DecryptionKey::from_pkcs8, |key: &DecryptionKey| key.key_fingerprint().to_owned())
    });
    let (signing, signing_certificate): (Option<SigningKey>, Option<Vec<u8>>) = signing.unzip();
    let signing = signing.map(|key| match &signing_certificate {
        Some(certificate) => key.with_certificate(certificate),
        None => key,
    });
    let (decryption, mut encryption): (Vec<_>, Vec<_>) = decryption.into_iter().unzip();
    encryption.truncate(1);
    SamlKeys {
        signing: signing.map(Arc::new),
        decryption: DecryptionKeys::new(decryption),
        certificates: Certificates { signing: signing_certificate.into_iter().collect(), encryption },
    }
}

/// A private key and its certificate, from a PEM file or its text.
fn pair<K>(
    text: &str,
    read: impl FnOnce(&[u8]) -> Result<K, KeyError>,
    fingerprint: impl FnOnce(&K) -> String,
) -> Result<(K, Vec<u8>), String> {
    let pem =
        read_pem(text, MAX_PEM_BYTES).map_err(|error| format!("the key file cannot be read: {error}"))?;
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
