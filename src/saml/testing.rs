//! What the unit tests share: a signer and a genuine response.
#![allow(clippy::disallowed_methods, reason = "a signer in tests needs randomness")]

use super::authn_request::RequestedAuthn;
use super::dsig::algorithm::SHA256_URI;
use super::dsig::key::VerificationKey;
use super::metadata::idp::Validity;
use super::provider::{IdentityProvider, IdentityProviders};
use super::refusal::SamlRefusal;
use super::response::expected::{Expected, ServiceProvider};
use super::response::identity::Identity;
use super::response::message::ResponseMessage;
use super::select::selectors::Selectors;
use super::xml::canonicalization::canonicalize;
use super::xml::limits::Limits;
use super::xml::nodes;
use super::xmlenc::keys::DecryptionKeys;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::LazyLock;
use time::{Duration, OffsetDateTime};

pub(super) const ACS: &str = "https://vestibule.example.com/saml";
pub(super) const ISSUER: &str = "http://adfs.example.com/adfs/services/trust";

/// 2026-11-23T05:46:00Z, when the response below is fresh.
pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_795_412_760).unwrap()
}

pub(super) enum TestKey {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

pub(super) static EC: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()));
pub(super) static EC384: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap()));
pub(super) static RSA: LazyLock<TestKey> =
    LazyLock::new(|| TestKey::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));

impl TestKey {
    pub(super) fn public_key(&self) -> Vec<u8> {
        match self {
            Self::P256(pair) | Self::P384(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Rsa(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
        }
    }

    pub(super) fn key(&self) -> VerificationKey {
        VerificationKey::from_public_key(&self.public_key()).unwrap()
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::P384(_) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
            Self::Rsa(_) => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(pair) | Self::P384(pair) => {
                pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
            }
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// Replaces `marker` by a signature over the element with this `ID`.
    pub(super) fn put(&self, xml: &str, marker: &str, id: &str) -> String {
        // Another signature's marker is not there yet when this one is made.
        let bare = xml.replace(marker, "").replace("{response-signature}", "");
        let document = roxmltree::Document::parse(&bare).unwrap();
        let element = document.descendants().find(|n| nodes::attribute(*n, "ID") == Some(id)).unwrap();
        let mut canonical = Vec::new();
        canonicalize(element, None, &[], &mut canonical).unwrap();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &canonical);
        // Already in canonical form, but for the namespace that the parent declares.
        let signed_info = format!(
            "<ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\">\
             </ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod>\
             <ds:Reference URI=\"#{id}\"><ds:Transforms>\
             <ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>\
             <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms>\
             <ds:DigestMethod Algorithm=\"{SHA256_URI}\"></ds:DigestMethod>\
             <ds:DigestValue>{}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
            self.algorithm(),
            STANDARD.encode(digest.as_ref()),
        );
        let declared = " xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";
        let canonical = signed_info.replacen("<ds:SignedInfo", &format!("<ds:SignedInfo{declared}"), 1);
        let value = STANDARD.encode(self.sign(canonical.as_bytes()));
        let signature = format!(
            "<ds:Signature{declared}>{signed_info}<ds:SignatureValue>{value}</ds:SignatureValue>\
             <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><KeyName>whatever</KeyName></KeyInfo></ds:Signature>"
        );
        xml.replace(marker, &signature)
    }
}

/// As AD FS writes it for AWS, with places for two signatures.
pub(super) const RESPONSE: &str = r#"<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r1" Version="2.0" IssueInstant="2026-11-23T05:45:59.123Z" Destination="https://vestibule.example.com/saml"><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">http://adfs.example.com/adfs/services/trust</Issuer>{response-signature}<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status><Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a1" IssueInstant="2026-11-23T05:45:59.123Z" Version="2.0"><Issuer>http://adfs.example.com/adfs/services/trust</Issuer>{assertion-signature}<Subject><NameID>EXAMPLE\jane</NameID><SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData NotOnOrAfter="2026-11-23T05:50:59.123Z" Recipient="https://vestibule.example.com/saml"/></SubjectConfirmation></Subject><Conditions NotBefore="2026-11-23T05:45:59.123Z" NotOnOrAfter="2026-11-23T06:45:59.123Z"><AudienceRestriction><Audience>urn:amazon:webservices</Audience></AudienceRestriction></Conditions><AttributeStatement><Attribute Name="https://aws.amazon.com/SAML/Attributes/RoleSessionName"><AttributeValue>jane@example.com</AttributeValue></Attribute><Attribute Name="https://aws.amazon.com/SAML/Attributes/Role"><AttributeValue>arn:aws:iam::123456789012:saml-provider/ADFS,arn:aws:iam::123456789012:role/ADFS-Production</AttributeValue><AttributeValue>arn:aws:iam::123456789012:saml-provider/ADFS,arn:aws:iam::123456789012:role/ADFS-Test</AttributeValue></Attribute></AttributeStatement><AuthnStatement AuthnInstant="2026-11-23T05:45:58.000Z" SessionIndex="_a1"><AuthnContext><AuthnContextClassRef>urn:federation:authentication:windows</AuthnContextClassRef></AuthnContext></AuthnStatement></Assertion></samlp:Response>"#;

/// `xml` with the assertion signed, as a form field.
pub(super) fn assertion_signed(xml: &str) -> String {
    encoded(&EC.put(xml, "{assertion-signature}", "_a1").replace("{response-signature}", ""))
}

/// `xml` with only the response signed, as a form field.
pub(super) fn response_signed(xml: &str) -> String {
    encoded(&EC.put(&xml.replace("{assertion-signature}", ""), "{response-signature}", "_r1"))
}

pub(super) fn encoded(xml: &str) -> String {
    STANDARD.encode(xml)
}

pub(super) fn provider(keys: Vec<VerificationKey>) -> IdentityProvider {
    IdentityProvider {
        name: "ADFS".to_owned(),
        entity_id: ISSUER.to_owned(),
        keys,
        validity: Validity::default(),
        audiences: Vec::new(),
        idp_initiated: true,
        in_response_to_literals: vec!["IdP_Initiated_Login".to_owned()],
        requested_authn: RequestedAuthn::default(),
        sign_on_services: Vec::new(),
        sign_requests: false,
        name_id_format: None,
        selectors: Selectors::default(),
    }
}

pub(super) fn service() -> ServiceProvider {
    ServiceProvider {
        entity_id: "urn:amazon:webservices".to_owned(),
        acs_url: ACS.to_owned(),
        audiences: vec!["urn:amazon:webservices".to_owned()],
        clock_skew: Duration::seconds(60),
        decryption_keys: DecryptionKeys::default(),
        max_assertion_age: None,
        max_assertion_lifetime: None,
        request_lifetime: Duration::minutes(10),
    }
}

/// All steps, with one provider that has the EC key.
pub(super) fn sign_in(form_field: &str, now: OffsetDateTime) -> Result<Identity, SamlRefusal> {
    sign_in_at(form_field, now, provider(vec![EC.key()]))
}

pub(super) fn sign_in_at(
    form_field: &str,
    now: OffsetDateTime,
    provider: IdentityProvider,
) -> Result<Identity, SamlRefusal> {
    sign_in_as(form_field, provider, &service(), Expected::Unsolicited, now)
}

pub(super) fn sign_in_as(
    form_field: &str,
    provider: IdentityProvider,
    service: &ServiceProvider,
    expected: Expected<'_>,
    now: OffsetDateTime,
) -> Result<Identity, SamlRefusal> {
    let providers = IdentityProviders::new(vec![provider]).unwrap();
    let message =
        ResponseMessage::decode(form_field, &Limits::default(), None)?.decrypt(&service.decryption_keys)?;
    let verified = message.parse()?.find_issuer(&providers)?.verify()?;
    verified.accept(service, expected, now).map_err(|refused| refused.refusal)
}
