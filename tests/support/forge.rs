//! The forge: makes any response, honest or evil, and signs what it makes.
//!
//! It shares nothing with the verifier but `canonicalize`, which is judged
//! against libxml2 elsewhere. Documents come from templates and are changed as
//! text: before signing ([`Forge::edit`]), inside what is signed
//! ([`Signing::edit_signed_info`]), or afterwards by whoever calls.
#![allow(dead_code, missing_docs, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// ECDSA needs randomness; nothing here is an edge of the service.
#![allow(clippy::disallowed_methods)]

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::sync::OnceLock;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use vestibule::saml::{
    Identity, IdentityProvider, IdentityProviders, Limits, Refusal, ResponseMessage, Selectors,
    ServiceProvider, VerificationKey, canonicalize,
};

pub const ISSUER: &str = "http://adfs.example.com/adfs/services/trust";
pub const ACS: &str = "https://vestibule.example.com/saml";
pub const AUDIENCE: &str = "urn:amazon:webservices";
pub const PERSON: &str = "EXAMPLE\\paula";
/// What an attacker wants to come out as.
pub const EVIL: &str = "EXAMPLE\\administrator";

pub const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// The time at which everything here is issued.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_795_424_400).expect("2026-11-23T09:00:00Z")
}

/// So many seconds from [`now`], as xs:dateTime.
pub fn at(seconds: i64) -> String {
    (now() + Duration::seconds(seconds)).format(&Rfc3339).expect("a year of four digits")
}

/// `arn:…:saml-provider/ADFS,arn:…:role/NAME`
pub fn role(name: &str) -> String {
    format!("arn:aws:iam::123456789012:saml-provider/ADFS,arn:aws:iam::123456789012:role/{name}")
}

// ------------------------------------------------------------------ keys

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
            RsaKeyPair::from_pkcs8(&pem(include_str!("../../fixtures/keys/rsa.key.pem"))).unwrap(),
        )),
        certificate: STANDARD.encode(pem(include_str!("../../fixtures/keys/rsa.cert.pem"))),
    })
}

/// The fixtures' P-256 key; ADFS may sign with it too.
pub fn p256() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key {
        pair: Pair::Ecdsa(
            EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &pem(include_str!("../../fixtures/keys/p256.key.pem")),
            )
            .unwrap(),
        ),
        certificate: STANDARD.encode(pem(include_str!("../../fixtures/keys/p256.cert.pem"))),
    })
}

/// The fixtures' P-384 key; ADFS may sign with it too.
pub fn p384() -> &'static Key {
    static KEY: OnceLock<Key> = OnceLock::new();
    KEY.get_or_init(|| Key {
        pair: Pair::Ecdsa(
            EcdsaKeyPair::from_pkcs8(
                &ECDSA_P384_SHA384_FIXED_SIGNING,
                &pem(include_str!("../../fixtures/keys/p384.key.pem")),
            )
            .unwrap(),
        ),
        certificate: STANDARD.encode(pem(include_str!("../../fixtures/keys/p384.cert.pem"))),
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
    /// As the service's configuration holds it.
    pub fn verification(&self) -> VerificationKey {
        VerificationKey::from_certificate(&STANDARD.decode(&self.certificate).unwrap()).unwrap()
    }
}

fn pem(text: &str) -> Vec<u8> {
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
    /// The certificate in KeyInfo; `None`: no KeyInfo.
    pub key_info: Option<&'static Key>,
    /// Changes SignedInfo's text before it is signed.
    pub edit_signed_info: fn(String) -> String,
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
            key_info: Some(rsa()),
            edit_signed_info: |text| text,
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
        let signed_info = (self.edit_signed_info)(self.signed_info(id, digest));
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
        if let Some(secret) = &self.hmac {
            return STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed_info));
        }
        match &self.key.pair {
            Pair::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding = match self.hash {
                    // The library does not sign with SHA-1; see the test `sha1`.
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

fn parse(xml: &str) -> roxmltree::Document<'_> {
    roxmltree::Document::parse(xml).expect("the forge writes XML")
}

fn canonical(node: roxmltree::Node<'_, '_>, prefixes: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    canonicalize(node, None, prefixes, &mut out).expect("canonicalizable");
    out
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

// ------------------------------------------------------------------ responses

/// Everything about one response. The default is honest and in AD FS's shape.
#[derive(Clone)]
pub struct Forge {
    pub response_id: String,
    pub assertion_id: String,
    pub issuer: String,
    /// `None`: the Response has no Issuer.
    pub response_issuer: Option<String>,
    pub destination: Option<String>,
    pub in_response_to: Option<String>,
    pub status: String,
    pub name_id: String,
    pub recipient: String,
    pub confirmed_until: String,
    pub not_before: String,
    pub not_on_or_after: String,
    pub audiences: Vec<String>,
    pub session_name: String,
    pub roles: Vec<String>,
    pub groups: Vec<String>,
    pub authn_context: String,
    pub session_not_on_or_after: Option<String>,
    pub style: Style,
    pub assertion_signing: Option<Signing>,
    pub response_signing: Option<Signing>,
    /// Changes the text before it is signed.
    pub edit: fn(String) -> String,
}

/// How names are written.
#[derive(Clone, Copy)]
pub struct Style {
    /// Prefix of `samlp:`; never empty.
    pub protocol: &'static str,
    /// Prefix of `saml:`; empty: the default namespace, declared on the Assertion.
    pub assertion: &'static str,
    /// Declarations of all prefixes on the Response, and some that nobody uses.
    pub declared_above: bool,
}

impl Default for Forge {
    fn default() -> Self {
        Self {
            response_id: "_6f2d6a80-31f6-4b5e-a2c3-0a4f2b8f0d11".into(),
            assertion_id: "_c0b1c7a2-9d3e-4d6a-8f21-5f6c1f0a7e22".into(),
            issuer: ISSUER.into(),
            response_issuer: Some(ISSUER.into()),
            destination: Some(ACS.into()),
            in_response_to: None,
            status: "urn:oasis:names:tc:SAML:2.0:status:Success".into(),
            name_id: PERSON.into(),
            recipient: ACS.into(),
            confirmed_until: at(5 * 60),
            not_before: at(0),
            not_on_or_after: at(60 * 60),
            audiences: vec![AUDIENCE.into()],
            session_name: "paula@example.com".into(),
            roles: vec![role("ADFS-Production"), role("ADFS-Dev"), role("ADFS-Audit")],
            groups: vec!["Domain Users".into(), "AWS-Production".into()],
            authn_context: "urn:federation:authentication:windows".into(),
            session_not_on_or_after: None,
            style: Style { protocol: "samlp", assertion: "", declared_above: false },
            assertion_signing: Some(Signing::default()),
            response_signing: None,
            edit: |xml| xml,
        }
    }
}

impl Forge {
    /// About somebody else, under another `ID`, not signed: what an attacker writes.
    pub fn evil() -> Self {
        Self {
            assertion_id: "_evil".into(),
            name_id: EVIL.into(),
            session_name: "administrator@example.com".into(),
            roles: vec![role("ADFS-ProductionAdmin")],
            assertion_signing: None,
            ..Self::default()
        }
    }

    pub fn unsigned_with(mut self) -> Self {
        (self.assertion_signing, self.response_signing) = (None, None);
        self
    }

    /// Only the Response is signed.
    pub fn response_signed() -> Self {
        Self { response_signing: Some(Signing::default()), assertion_signing: None, ..Self::default() }
    }

    /// Both are signed.
    pub fn both_signed() -> Self {
        Self { response_signing: Some(Signing::default()), ..Self::default() }
    }

    /// The document, signed as asked.
    pub fn xml(&self) -> String {
        let mut xml = (self.edit)(self.unsigned());
        if let Some(signing) = &self.assertion_signing {
            xml = signing.sign(&xml, &self.assertion_id);
        }
        if let Some(signing) = &self.response_signing {
            xml = signing.sign(&xml, &self.response_id);
        }
        xml
    }

    /// The signed Assertion alone, as text.
    pub fn assertion(&self) -> String {
        element(&self.xml(), "Assertion").to_owned()
    }

    fn unsigned(&self) -> String {
        let Style { protocol, assertion, declared_above } = self.style;
        let mut above = format!(" xmlns:{protocol}=\"{SAMLP}\"");
        let (a, own) = if assertion.is_empty() {
            (String::new(), format!(" xmlns=\"{SAML}\""))
        } else if declared_above {
            above += &format!(" xmlns:{assertion}=\"{SAML}\"");
            (format!("{assertion}:"), String::new())
        } else {
            (format!("{assertion}:"), format!(" xmlns:{assertion}=\"{SAML}\""))
        };
        if declared_above {
            above += " xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" \
                       xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:unused=\"urn:unused\"";
        }
        let attribute = |name: &str, value: &Option<String>| {
            value.as_ref().map_or(String::new(), |value| format!(" {name}=\"{value}\""))
        };
        let issuer = self
            .response_issuer
            .as_ref()
            .map_or(String::new(), |issuer| format!("<{a}Issuer{own}>{issuer}</{a}Issuer>"));
        let p = protocol;
        format!(
            "<{p}:Response ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{issued}\"{destination} \
             Consent=\"urn:oasis:names:tc:SAML:2.0:consent:unspecified\"{in_response_to}{above}>{issuer}\
             <{p}:Status><{p}:StatusCode Value=\"{status}\" /></{p}:Status>{assertion}</{p}:Response>",
            id = self.response_id,
            issued = at(0),
            destination = attribute("Destination", &self.destination),
            in_response_to = attribute("InResponseTo", &self.in_response_to),
            status = self.status,
            assertion = self.assertion_text(&a, &own),
        )
    }

    fn assertion_text(&self, a: &str, own: &str) -> String {
        let values = |name: &str, values: &[String]| {
            let values: String = values
                .iter()
                .map(|value| format!("<{a}AttributeValue>{value}</{a}AttributeValue>"))
                .collect();
            format!("<{a}Attribute Name=\"{name}\">{values}</{a}Attribute>")
        };
        let audiences: String =
            self.audiences.iter().map(|audience| format!("<{a}Audience>{audience}</{a}Audience>")).collect();
        let session_ends = self
            .session_not_on_or_after
            .as_ref()
            .map_or(String::new(), |end| format!(" SessionNotOnOrAfter=\"{end}\""));
        format!(
            "<{a}Assertion ID=\"{id}\" IssueInstant=\"{issued}\" Version=\"2.0\"{own}>\
             <{a}Issuer>{issuer}</{a}Issuer>\
             <{a}Subject><{a}NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">{name_id}</{a}NameID>\
             <{a}SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <{a}SubjectConfirmationData NotOnOrAfter=\"{confirmed_until}\" Recipient=\"{recipient}\" />\
             </{a}SubjectConfirmation></{a}Subject>\
             <{a}Conditions NotBefore=\"{not_before}\" NotOnOrAfter=\"{not_on_or_after}\">\
             <{a}AudienceRestriction>{audiences}</{a}AudienceRestriction></{a}Conditions>\
             <{a}AttributeStatement>{session_name}{roles}{groups}</{a}AttributeStatement>\
             <{a}AuthnStatement AuthnInstant=\"{issued}\" SessionIndex=\"{id}\"{session_ends}>\
             <{a}AuthnContext><{a}AuthnContextClassRef>{authn_context}</{a}AuthnContextClassRef></{a}AuthnContext>\
             </{a}AuthnStatement></{a}Assertion>",
            id = self.assertion_id,
            issued = at(0),
            issuer = self.issuer,
            name_id = self.name_id,
            confirmed_until = self.confirmed_until,
            recipient = self.recipient,
            not_before = self.not_before,
            not_on_or_after = self.not_on_or_after,
            session_name = values(
                "https://aws.amazon.com/SAML/Attributes/RoleSessionName",
                std::slice::from_ref(&self.session_name)
            ),
            roles = values("https://aws.amazon.com/SAML/Attributes/Role", &self.roles),
            groups = values("http://schemas.xmlsoap.org/claims/Group", &self.groups),
            authn_context = self.authn_context,
        )
    }
}

// ------------------------------------------------------------------ surgery

/// The text of the first element with this local name, tags included.
pub fn element<'x>(xml: &'x str, local_name: &str) -> &'x str {
    let document = parse(xml);
    let node = document.descendants().find(|n| n.tag_name().name() == local_name).expect("the element");
    &xml[node.range()]
}

/// Replaces what must be there exactly once.
pub fn replace(xml: &str, from: &str, to: &str) -> String {
    assert_eq!(xml.matches(from).count(), 1, "{from} in {xml}");
    xml.replacen(from, to, 1)
}

/// The element's text without the first signature in it.
pub fn without_signature(xml: &str) -> String {
    let mut xml = xml.to_owned();
    let signature = element(&xml, "Signature").to_owned();
    let start = xml.find(&signature).expect("found above");
    xml.replace_range(start..start + signature.len(), "");
    xml
}

// ------------------------------------------------------------------ the service's side

/// What the service is configured with: all three keys, the EC ones first.
pub fn adfs() -> IdentityProvider {
    IdentityProvider {
        name: "ADFS".into(),
        entity_id: ISSUER.into(),
        keys: vec![p256().verification(), p384().verification(), rsa().verification()],
        audiences: Vec::new(),
        idp_initiated: true,
        in_response_to_literals: vec!["IdP_Initiated_Login".into()],
        selectors: Selectors::default(),
    }
}

pub fn providers() -> IdentityProviders {
    IdentityProviders::new(vec![adfs()]).expect("one with keys")
}

pub fn service() -> ServiceProvider {
    ServiceProvider {
        entity_id: AUDIENCE.into(),
        acs_url: ACS.into(),
        audiences: vec![AUDIENCE.into()],
        clock_skew: Duration::seconds(60),
    }
}

/// The whole gate, from the form field.
pub fn gate(
    field: &str,
    limits: &Limits,
    providers: &IdentityProviders,
    now: OffsetDateTime,
) -> Result<Identity, Refusal> {
    let message = ResponseMessage::decode(field, limits)?;
    message.parse()?.verify(providers)?.accept(&service(), now)
}

/// The whole gate, for a document posted now.
pub fn judge(xml: &str) -> Result<Identity, Refusal> {
    gate(&STANDARD.encode(xml), &Limits::default(), &providers(), now())
}

/// A verifier with every mistake that `ATTACKS.md` tells of: any signature,
/// anywhere, over any element that has its `ID`. What it believes, an attacker
/// has really carried a genuine signature into.
pub fn careless_verifier_believes(xml: &str) -> bool {
    let document = parse(xml);
    document.descendants().filter(|n| n.has_tag_name((DSIG, "Signature"))).any(|signature| {
        let find = |name: &str| signature.descendants().find(|n| n.has_tag_name((DSIG, name)));
        let text = |name: &str| find(name).and_then(|n| n.text()).unwrap_or_default();
        let id =
            find("Reference").and_then(|n| n.attribute("URI")).unwrap_or_default().trim_start_matches('#');
        let Some(target) = document.descendants().find(|n| n.attribute("ID") == Some(id)) else {
            return false;
        };
        let mut bytes = Vec::new();
        canonicalize(target, Some(signature.id()), &[], &mut bytes).is_ok()
            && Hash::Sha256.of(&bytes) == text("DigestValue")
            && find("SignedInfo").is_some_and(|info| {
                let key = STANDARD.decode(&rsa().certificate).unwrap();
                let value = STANDARD.decode(text("SignatureValue")).unwrap_or_default();
                rsa_public(&key).verify(&canonical(info, &[]), &value).is_ok()
            })
    })
}

fn rsa_public(certificate: &[u8]) -> aws_lc_rs::signature::UnparsedPublicKey<Vec<u8>> {
    use x509_cert::der::{Decode, Encode};
    let certificate = x509_cert::Certificate::from_der(certificate).unwrap();
    let key = certificate.tbs_certificate().subject_public_key_info().to_der().unwrap();
    aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256, key)
}

/// The floor of a benchmark: verifies an RSA-SHA256 signature with ready key.
pub fn rsa_verifying_key() -> aws_lc_rs::signature::ParsedPublicKey {
    rsa_public(&STANDARD.decode(&rsa().certificate).unwrap()).parse().unwrap()
}
