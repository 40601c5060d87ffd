//! Signing our requests: a detached signature for the HTTP-Redirect binding
//! and an enveloped one for HTTP-POST.

use super::algorithm::{ENVELOPED_SIGNATURE, Hash, SHA256_URI};
use super::key::{KeyError, fingerprint};
use crate::saml::xml::canonicalization::canonicalize;
use crate::saml::xml::names::{DSIG, EXC_C14N};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Document;

/// The private key that our requests are signed with.
pub struct SigningKey {
    pair: Pair,
    key_fingerprint: String,
    /// Base64.
    certificate: Option<String>,
}

enum Pair {
    /// With SHA-256, which every identity provider verifies.
    Rsa(RsaKeyPair),
    /// With SHA-256.
    P256(EcdsaKeyPair),
    /// With SHA-384.
    P384(EcdsaKeyPair),
}

/// The request could not be signed. The cause is never in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request could not be signed")]
pub struct SigningError;

impl SigningKey {
    /// RSA of 2,048 to 8,192 bits, or ECDSA on P-256 or P-384, PKCS #8 in DER.
    ///
    /// # Errors
    /// [`KeyError::UnsupportedPrivateKey`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let rsa = || RsaKeyPair::from_pkcs8(der).map(Pair::Rsa);
        let p256 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Pair::P256);
        let p384 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, der).map(Pair::P384);
        let pair =
            rsa().or_else(|_| p256()).or_else(|_| p384()).map_err(|_| KeyError::UnsupportedPrivateKey)?;
        let public: Result<PublicKeyX509Der<'_>, _> = match &pair {
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::P256(pair) | Pair::P384(pair) => pair.public_key().as_der(),
        };
        let key_fingerprint = fingerprint(public.map_err(|_| KeyError::UnsupportedPrivateKey)?.as_ref());
        Ok(Self { pair, key_fingerprint, certificate: None })
    }

    /// With its certificate (DER), which enveloped signatures then have in their `KeyInfo`: some
    /// identity providers read it there first, and then compare it with our metadata.
    #[must_use]
    pub fn with_certificate(self, der: &[u8]) -> Self {
        Self { certificate: Some(STANDARD.encode(der)), ..self }
    }

    /// The SHA-256 of its public half, as [`VerificationKey::key_fingerprint`] says it.
    ///
    /// [`VerificationKey::key_fingerprint`]: super::key::VerificationKey::key_fingerprint
    pub fn key_fingerprint(&self) -> &str {
        &self.key_fingerprint
    }

    /// The URI of its signature algorithm (RFC 6931, 2.3).
    pub(in crate::saml) const fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::Rsa(_) => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Pair::P256(_) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Pair::P384(_) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        }
    }

    /// The signature as XML Signature writes it: ECDSA's is its two integers.
    pub(in crate::saml) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        // The library draws from its own generator and ignores this one.
        #[allow(clippy::disallowed_methods)]
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(|_| SigningError)?;
                Ok(signature)
            }
            Pair::P256(pair) | Pair::P384(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| SigningError)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }

    /// Signs the root of a document, which has this `ID`. The signature is
    /// inserted after the first `place` in the text (core 5.4).
    pub(in crate::saml) fn sign_enveloped(
        &self,
        xml: &str,
        id: &str,
        place: &str,
    ) -> Result<String, SigningError> {
        let document = Document::parse(xml).map_err(|_| SigningError)?;
        let mut canonical = Vec::new();
        canonicalize(document.root_element(), None, &[], &mut canonical).map_err(|_| SigningError)?;
        let digest = STANDARD.encode(Hash::Sha256.digest(&canonical));
        // Already in canonical form, so these bytes are the ones to sign.
        let signed_info = format!(
            "<ds:SignedInfo xmlns:ds=\"{DSIG}\"><ds:CanonicalizationMethod Algorithm=\"{EXC_C14N}\">\
             </ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod>\
             <ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"{ENVELOPED_SIGNATURE}\">\
             </ds:Transform><ds:Transform Algorithm=\"{EXC_C14N}\"></ds:Transform></ds:Transforms>\
             <ds:DigestMethod Algorithm=\"{SHA256_URI}\"></ds:DigestMethod>\
             <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
            self.algorithm(),
        );
        let value = STANDARD.encode(self.sign(signed_info.as_bytes())?);
        let key_info = self.certificate.as_ref().map(|certificate| {
            format!(
                "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate>\
                 </ds:X509Data></ds:KeyInfo>"
            )
        });
        let key_info = key_info.unwrap_or_default();
        let (before, after) = xml.split_once(place).ok_or(SigningError)?;
        Ok(format!(
            "{before}{place}<ds:Signature xmlns:ds=\"{DSIG}\">{signed_info}\
             <ds:SignatureValue>{value}</ds:SignatureValue>{key_info}</ds:Signature>{after}"
        ))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.algorithm())
    }
}
