//! The forge's keys, and how it signs.

use super::{DSIG, ENVELOPED, EXCLUSIVE, replace};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::sync::OnceLock;
use vestibule::saml::{VerificationKey, canonicalize};

/// A key pair with a certificate.
pub struct Key {
    pair: Pair,
    /// DER in base64.
    pub certificate: String,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
}

/// The fixtures' RSA key: what the service expects ADFS to sign with.
pub fn rsa() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key {
        pair: Pair::Rsa(Box::new(
            RsaKeyPair::from_pkcs8(&pem(include_str!("../../../fixtures/keys/rsa.key.pem"))).unwrap(),
        )),
        certificate: STANDARD.encode(pem(include_str!("../../../fixtures/keys/rsa.cert.pem"))),
    })
}

/// The fixtures' P-256 key; ADFS may sign with it too.
pub fn p256() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key {
        pair: Pair::Ecdsa(
            EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &pem(include_str!("../../../fixtures/keys/p256.key.pem")),
            )
            .unwrap(),
        ),
        certificate: STANDARD.encode(pem(include_str!("../../../fixtures/keys/p256.cert.pem"))),
    })
}

/// The fixtures' P-384 key; ADFS may sign with it too.
pub fn p384() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key {
        pair: Pair::Ecdsa(
            EcdsaKeyPair::from_pkcs8(
                &ECDSA_P384_SHA384_FIXED_SIGNING,
                &pem(include_str!("../../../fixtures/keys/p384.key.pem")),
            )
            .unwrap(),
        ),
        certificate: STANDARD.encode(pem(include_str!("../../../fixtures/keys/p384.cert.pem"))),
    })
}

/// A key that nobody trusts for [`ISSUER`], made now.
pub fn stranger() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| {
        let pair =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
        Key {
            pair: Pair::Rsa(Box::new(RsaKeyPair::from_pkcs8(&pair.serialize_der()).unwrap())),
            certificate: STANDARD.encode(certificate.der()),
        }
    })
}

impl Key {
    /// The public key, as a DER SubjectPublicKeyInfo.
    pub fn public(&self) -> Vec<u8> {
        use x509_cert::der::{Decode, Encode};
        let certificate = STANDARD.decode(&self.certificate).unwrap();
        let certificate = x509_cert::Certificate::from_der(&certificate).unwrap();
        certificate.tbs_certificate().subject_public_key_info().to_der().unwrap()
    }

    /// As the service's configuration holds it.
    pub fn verification(&self) -> VerificationKey {
        VerificationKey::from_certificate(&STANDARD.decode(&self.certificate).unwrap()).unwrap()
    }
}

/// A file in PEM, as DER.
pub fn pem_file(file: &std::path::Path) -> Vec<u8> {
    pem(&std::fs::read_to_string(file).unwrap())
}

pub(super) fn pem(text: &str) -> Vec<u8> {
    let body = text.lines().skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
    let body: String = body.take_while(|line| !line.starts_with("-----END")).collect();
    STANDARD.decode(body).unwrap()
}

// ------------------------------------------------------------------ signing

/// A digest algorithm by what is computed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub fn of(self, bytes: &[u8]) -> String {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        STANDARD.encode(digest::digest(algorithm, bytes))
    }

    pub const fn uri(self) -> &'static str {
        match self {
            Self::Sha1 => "http://www.w3.org/2000/09/xmldsig#sha1",
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    const fn bits(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }
}

/// How to sign one element.
#[derive(Clone)]
pub struct Signing {
    pub key: &'static Key,
    /// What is computed over SignedInfo.
    pub hash: Hash,
    /// What is computed over the element.
    pub digest: Hash,
    /// The signature's prefix; empty: the default namespace.
    pub prefix: &'static str,
    /// `InclusiveNamespaces PrefixList` for the element.
    pub prefix_list: &'static str,
    /// Instead of the algorithm that `key` and `hash` imply.
    pub claims: Option<&'static str>,
    /// An HMAC with this key, instead of a signature.
    pub hmac: Option<Vec<u8>>,
    /// This SignatureValue, made elsewhere.
    pub value: Option<&'static str>,
    /// The certificate in KeyInfo; `None`: no KeyInfo.
    pub key_info: Option<&'static Key>,
    /// Changes SignedInfo's text before it is signed.
    pub edit_signed_info: fn(String) -> String,
    /// Replacements in SignedInfo before it is signed, each of what is there once.
    pub signed_info_edits: Vec<(String, String)>,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            key: rsa(),
            hash: Hash::Sha256,
            digest: Hash::Sha256,
            prefix: "ds",
            prefix_list: "",
            claims: None,
            hmac: None,
            value: None,
            key_info: Some(rsa()),
            edit_signed_info: |text| text,
            signed_info_edits: Vec::new(),
        }
    }
}

impl Signing {
    pub fn with(key: &'static Key) -> Self {
        Self { key, key_info: Some(key), ..Self::default() }
    }

    pub fn hashing(hash: Hash) -> Self {
        Self { hash, digest: hash, ..Self::default() }
    }

    /// Signs the element with this `ID`: an enveloped signature behind its
    /// Issuer, or as its first child where it has none.
    pub fn sign(&self, xml: &str, id: &str) -> String {
        let (digest, place) = {
            let document = parse(xml);
            let target = document.descendants().find(|n| n.attribute("ID") == Some(id)).expect("the ID");
            let first = target.first_element_child().expect("a child");
            let issuer = first.tag_name().name() == "Issuer";
            let place = if issuer { first.range().end } else { first.range().start };
            let prefixes: Vec<&str> = self.prefix_list.split_whitespace().collect();
            (self.digest.of(&canonical(target, &prefixes)), place)
        };
        let signature = self.signature(id, &digest);
        [&xml[..place], &signature, &xml[place..]].concat()
    }

    /// A signature of whatever has this digest and `ID`.
    pub fn signature(&self, id: &str, digest: &str) -> String {
        let mut signed_info = (self.edit_signed_info)(self.signed_info(id, digest));
        for (from, to) in &self.signed_info_edits {
            signed_info = replace(&signed_info, from, to);
        }
        let value = {
            let whole = self.wrap(&signed_info);
            let document = parse(&whole);
            self.value(&canonical(document.root_element().first_element_child().unwrap(), &[]))
        };
        let p = self.colon();
        let key_info = self.key_info.map_or(String::new(), |key| {
            // AD FS: in the default namespace, whatever the prefix outside.
            format!(
                "<KeyInfo xmlns=\"{DSIG}\"><X509Data><X509Certificate>{}</X509Certificate></X509Data></KeyInfo>",
                key.certificate
            )
        });
        self.wrap(&format!("{signed_info}<{p}SignatureValue>{value}</{p}SignatureValue>{key_info}"))
    }

    fn colon(&self) -> String {
        if self.prefix.is_empty() { String::new() } else { format!("{}:", self.prefix) }
    }

    fn wrap(&self, inside: &str) -> String {
        let (p, xmlns) = if self.prefix.is_empty() {
            (String::new(), "xmlns".to_owned())
        } else {
            (self.colon(), format!("xmlns:{}", self.prefix))
        };
        format!("<{p}Signature {xmlns}=\"{DSIG}\">{inside}</{p}Signature>")
    }

    fn signed_info(&self, id: &str, digest: &str) -> String {
        let p = self.colon();
        let inclusive = if self.prefix_list.is_empty() {
            String::new()
        } else {
            format!(
                "<ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE}\" PrefixList=\"{}\"></ec:InclusiveNamespaces>",
                self.prefix_list
            )
        };
        format!(
            "<{p}SignedInfo>\
             <{p}CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\" />\
             <{p}SignatureMethod Algorithm=\"{method}\" />\
             <{p}Reference URI=\"#{id}\">\
             <{p}Transforms><{p}Transform Algorithm=\"{ENVELOPED}\" />\
             <{p}Transform Algorithm=\"{EXCLUSIVE}\">{inclusive}</{p}Transform></{p}Transforms>\
             <{p}DigestMethod Algorithm=\"{digest_method}\" />\
             <{p}DigestValue>{digest}</{p}DigestValue>\
             </{p}Reference></{p}SignedInfo>",
            method = self.method(),
            digest_method = self.digest.uri(),
        )
    }

    fn method(&self) -> String {
        if let Some(claimed) = self.claims {
            return claimed.to_owned();
        }
        let family = match (&self.hmac, &self.key.pair) {
            (Some(_), _) => "hmac",
            (None, Pair::Rsa(_)) => "rsa",
            (None, Pair::Ecdsa(_)) => "ecdsa",
        };
        format!("http://www.w3.org/2001/04/xmldsig-more#{family}-{}", self.hash.bits())
    }

    fn value(&self, signed_info: &[u8]) -> String {
        if let Some(value) = self.value {
            return value.to_owned();
        }
        if let Some(secret) = &self.hmac {
            return STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed_info));
        }
        match &self.key.pair {
            Pair::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding = match self.hash {
                    // The library does not sign with SHA-1: see `value`.
                    Hash::Sha1 | Hash::Sha256 => &RSA_PKCS1_SHA256,
                    Hash::Sha384 => &RSA_PKCS1_SHA384,
                    Hash::Sha512 => &RSA_PKCS1_SHA512,
                };
                let mut value = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), signed_info, &mut value).unwrap();
                STANDARD.encode(value)
            }
            Pair::Ecdsa(pair) => STANDARD.encode(pair.sign(&SystemRandom::new(), signed_info).unwrap()),
        }
    }
}

pub(super) fn parse(xml: &str) -> roxmltree::Document<'_> {
    roxmltree::Document::parse(xml).expect("the forge writes XML")
}

pub(super) fn canonical(node: roxmltree::Node<'_, '_>, prefixes: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    canonicalize(node, None, prefixes, &mut out).expect("canonicalizable");
    out
}

/// What the first signature is computed over, and the signature.
pub fn signed_info_and_value(xml: &str) -> (Vec<u8>, Vec<u8>) {
    let document = parse(xml);
    let find = |name: &str| document.descendants().find(|n| n.has_tag_name((DSIG, name))).expect("signed");
    let value = find("SignatureValue").text().expect("a value");
    (canonical(find("SignedInfo"), &[]), STANDARD.decode(value).expect("base64"))
}

/// The canonical form of the element with this `ID`, without its signature.
pub fn signed_bytes(xml: &str, id: &str) -> Vec<u8> {
    let document = parse(xml);
    let target = document.descendants().find(|n| n.attribute("ID") == Some(id)).expect("the ID");
    let signature = target.children().find(|n| n.has_tag_name((DSIG, "Signature"))).map(|n| n.id());
    let mut out = Vec::new();
    canonicalize(target, signature, &[], &mut out).expect("canonicalizable");
    out
}
