//! The signature and digest algorithms that are accepted.

use crate::saml::refusal::SamlRefusal;
use aws_lc_rs::digest;

pub(in crate::saml) const SHA256_URI: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
pub(super) const ENVELOPED_SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// The hash functions that signatures and digests may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::saml) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// A signature algorithm from the allow-list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::saml) enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5.
    Rsa(Hash),
    /// ECDSA on the key's own curve.
    Ecdsa(Hash),
}

/// The allow-list of signatures (RFC 6931, 2.3). SHA-1, MD5 and HMAC are not on it.
pub(super) fn signature_algorithm(uri: &str) -> Result<SignatureAlgorithm, SamlRefusal> {
    match uri {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Ok(SignatureAlgorithm::Rsa(Hash::Sha256)),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Ok(SignatureAlgorithm::Rsa(Hash::Sha384)),
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Ok(SignatureAlgorithm::Rsa(Hash::Sha512)),
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Ok(SignatureAlgorithm::Ecdsa(Hash::Sha256)),
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => Ok(SignatureAlgorithm::Ecdsa(Hash::Sha384)),
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512" => Ok(SignatureAlgorithm::Ecdsa(Hash::Sha512)),
        _ => Err(SamlRefusal::AlgorithmRefused),
    }
}

/// The allow-list of digests (XML Encryption 5.7; RFC 6931, 2.1).
pub(super) fn digest_hash(uri: &str) -> Result<Hash, SamlRefusal> {
    match uri {
        SHA256_URI => Ok(Hash::Sha256),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Ok(Hash::Sha384),
        "http://www.w3.org/2001/04/xmlenc#sha512" => Ok(Hash::Sha512),
        _ => Err(SamlRefusal::AlgorithmRefused),
    }
}

impl Hash {
    pub(super) fn digest(self, data: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, data)
    }
}
