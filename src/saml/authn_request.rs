//! Asking: the AuthnRequest of a login that starts here (core 3.4; profiles
//! 4.1.4.1), written for the HTTP-Redirect or the HTTP-POST binding, and what
//! its answer must then be.

use super::instant::format_instant;
use super::signing::{SigningError, SigningKey};
use super::xml::{HTTP_POST, SAML, SAMLP};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use quick_xml::Writer;
use quick_xml::events::BytesText;
use time::OffsetDateTime;

/// DEFLATE's usual compromise between size and time.
const DEFLATE_LEVEL: u8 = 6;

/// Ours have 72 characters.
const MAX_ID_CHARS: usize = 256;

/// The `ID` of a request: what its answer names as `InResponseTo`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AuthnRequestId(String);

impl AuthnRequestId {
    /// These bytes as an `xs:ID`, which begins with no digit. They must be
    /// unguessable (core 1.3.4: 128 bits of chance at least).
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(format!("_{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// One that could be ours, and its bytes.
    pub fn parse(text: &str) -> Option<(Self, Vec<u8>)> {
        let encoded = text.strip_prefix('_').filter(|encoded| encoded.len() <= MAX_ID_CHARS)?;
        Some((Self(text.to_owned()), URL_SAFE_NO_PAD.decode(encoded).ok()?))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What we know of a request of ours when its answer comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentAuthnRequest {
    /// Its `ID`.
    pub id: AuthnRequestId,
    /// The configured name of the identity provider that it was sent to.
    pub idp: String,
    /// Its `IssueInstant`.
    pub issued_at: OffsetDateTime,
}

/// What a response may be an answer to. Whoever accepts one has looked
/// [`in_response_to`](super::VerifiedAssertion::in_response_to) up.
#[derive(Debug, Clone, Copy)]
pub enum Expected<'e> {
    /// No request of ours is known by that name, or none was named.
    Unsolicited,
    /// This request, which was made for the very session that is signing in.
    InResponseTo(&'e SentAuthnRequest),
}

/// What our requests ask of one identity provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestedAuthn {
    /// The person has to sign in anew (core 3.4.1, `ForceAuthn`).
    pub force_authn: bool,
    /// How the person has to sign in.
    pub authn_context: Option<RequestedAuthnContext>,
}

/// Core 3.3.2.2.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedAuthnContext {
    /// How the answer's context may relate to these.
    pub comparison: Comparison,
    /// `AuthnContextClassRef` URIs, the most wanted first.
    pub class_refs: Vec<String>,
}

/// `RequestedAuthnContext/@Comparison`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// One of these. The only one that we can check ourselves.
    Exact,
    /// At least as strong as one of these.
    Minimum,
    /// At most as strong as one of these.
    Maximum,
    /// Stronger than all of these.
    Better,
}

impl Comparison {
    /// As the request writes it.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Exact, Self::Minimum, Self::Maximum, Self::Better].into_iter().find(|c| c.as_str() == text)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Better => "better",
        }
    }
}

/// One request, before it is written.
#[derive(Debug, Clone, Copy)]
pub struct AuthnRequest<'r> {
    /// Its `ID`, new every time.
    pub id: &'r AuthnRequestId,
    /// Its `IssueInstant`.
    pub issued_at: OffsetDateTime,
    /// The identity provider's `SingleSignOnService` for the binding used.
    pub destination: &'r str,
    /// Our entity id.
    pub issuer: &'r str,
    /// Where the answer is to be posted.
    pub acs_url: &'r str,
    /// The kind of NameID that is wanted; the identity provider's own if `None`.
    pub name_id_format: Option<&'r str>,
    /// What is asked of the identity provider.
    pub requested_authn: &'r RequestedAuthn,
}

impl AuthnRequest<'_> {
    /// The address to send the browser to: the HTTP-Redirect binding with
    /// DEFLATE (bindings 3.4.4.1), signed if there is a key.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn redirect_url(
        &self,
        relay_state: Option<&str>,
        key: Option<&SigningKey>,
    ) -> Result<String, SigningError> {
        let deflated = miniz_oxide::deflate::compress_to_vec(self.to_xml().as_bytes(), DEFLATE_LEVEL);
        // The order is the binding's, and the signature is over these very characters.
        let mut query = parameter("SAMLRequest", &STANDARD.encode(deflated));
        if let Some(relay_state) = relay_state {
            query = query + "&" + &parameter("RelayState", relay_state);
        }
        if let Some(key) = key {
            query = query + "&" + &parameter("SigAlg", key.algorithm());
            let signature = key.sign(query.as_bytes())?;
            query = query + "&" + &parameter("Signature", &STANDARD.encode(signature));
        }
        let separator = if self.destination.contains('?') { '&' } else { '?' };
        Ok(format!("{}{separator}{query}", self.destination))
    }

    /// The value of the form field `SAMLRequest`: the HTTP-POST binding
    /// (bindings 3.5.4), with an enveloped signature if there is a key.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn post_field(&self, key: Option<&SigningKey>) -> Result<String, SigningError> {
        let xml = self.to_xml();
        let xml = match key {
            // Core 3.2.1: the signature follows the Issuer.
            Some(key) => key.sign_enveloped(&xml, self.id, "</saml:Issuer>")?,
            None => xml,
        };
        Ok(STANDARD.encode(xml))
    }

    fn to_xml(self) -> String {
        let mut writer = Writer::new(Vec::new());
        // Writing to memory does not fail, and the writer writes UTF-8.
        let written = self.write(&mut writer);
        debug_assert!(written.is_ok());
        String::from_utf8(writer.into_inner()).unwrap_or_default()
    }

    fn write(self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let issued_at = format_instant(self.issued_at);
        let mut request = writer
            .create_element("samlp:AuthnRequest")
            .with_attribute(("xmlns:samlp", SAMLP))
            .with_attribute(("xmlns:saml", SAML))
            .with_attribute(("ID", self.id.as_str()))
            .with_attribute(("Version", "2.0"))
            .with_attribute(("IssueInstant", &*issued_at))
            .with_attribute(("Destination", self.destination));
        if self.requested_authn.force_authn {
            request = request.with_attribute(("ForceAuthn", "true"));
        }
        request
            .with_attribute(("ProtocolBinding", HTTP_POST))
            .with_attribute(("AssertionConsumerServiceURL", self.acs_url))
            .write_inner_content(|writer| {
                writer.create_element("saml:Issuer").write_text_content(BytesText::new(self.issuer))?;
                if let Some(format) = self.name_id_format {
                    let policy = writer.create_element("samlp:NameIDPolicy");
                    policy
                        .with_attribute(("Format", format))
                        .with_attribute(("AllowCreate", "true"))
                        .write_empty()?;
                }
                match &self.requested_authn.authn_context {
                    Some(context) => context.write(writer),
                    None => Ok(()),
                }
            })?;
        Ok(())
    }
}

impl RequestedAuthnContext {
    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let context = writer
            .create_element("samlp:RequestedAuthnContext")
            .with_attribute(("Comparison", self.comparison.as_str()));
        context.write_inner_content(|writer| {
            for class in &self.class_refs {
                let element = writer.create_element("saml:AuthnContextClassRef");
                element.write_text_content(BytesText::new(class))?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// `name=value`, with the value's every special character escaped.
fn parameter(name: &str, value: &str) -> String {
    format!("{name}={}", form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::VerificationKey;
    use crate::saml::key::{Hash, SignatureAlgorithm};
    use crate::saml::testing::{ACS, now};
    use crate::saml::trace::Tracer;
    use crate::saml::xml::{self, DSIG};
    use roxmltree::Document;

    const DESTINATION: &str = "https://adfs.example.com/adfs/ls/";

    fn request<'r>(id: &'r AuthnRequestId, requested_authn: &'r RequestedAuthn) -> AuthnRequest<'r> {
        AuthnRequest {
            id,
            issued_at: now(),
            destination: DESTINATION,
            issuer: "urn:vestibule?a=1&b='<>\"",
            acs_url: ACS,
            name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"),
            requested_authn,
        }
    }

    fn demanding() -> RequestedAuthn {
        let class_refs = vec!["urn:mfa".to_owned(), "urn:<windows>".to_owned()];
        RequestedAuthn {
            force_authn: true,
            authn_context: Some(RequestedAuthnContext { comparison: Comparison::Minimum, class_refs }),
        }
    }

    fn inflated(url: &str) -> String {
        let query = url.split_once('?').unwrap().1;
        let (_, value) = form_urlencoded::parse(query.as_bytes()).find(|(n, _)| n == "SAMLRequest").unwrap();
        let xml = miniz_oxide::inflate::decompress_to_vec(&STANDARD.decode(&*value).unwrap()).unwrap();
        String::from_utf8(xml).unwrap()
    }

    #[test]
    fn a_request_says_what_it_was_given() {
        let (id, requested_authn) = (AuthnRequestId::from_bytes(&[0xab; 20]), demanding());
        let xml = inflated(&request(&id, &requested_authn).redirect_url(None, None).unwrap());
        let document = Document::parse(&xml).unwrap();
        let root = document.root_element();
        assert!(xml::is(root, SAMLP, "AuthnRequest"));
        for (name, value) in [
            ("ID", id.as_str()),
            ("Version", "2.0"),
            ("IssueInstant", "2026-11-23T05:46:00Z"),
            ("Destination", DESTINATION),
            ("ForceAuthn", "true"),
            ("ProtocolBinding", HTTP_POST),
            ("AssertionConsumerServiceURL", ACS),
        ] {
            assert_eq!(xml::attribute(root, name), Some(value), "{name}");
        }
        // The order is the schema's.
        let names: Vec<_> = root.children().map(|child| child.tag_name().name()).collect();
        assert_eq!(names, ["Issuer", "NameIDPolicy", "RequestedAuthnContext"]);
        let issuer = root.first_child().and_then(xml::pure_text);
        assert_eq!(issuer, Some("urn:vestibule?a=1&b='<>\""));
        let context = root.last_child().unwrap();
        assert_eq!(xml::attribute(context, "Comparison"), Some("minimum"));
        let classes: Vec<_> =
            xml::children(context, SAML, "AuthnContextClassRef").filter_map(xml::pure_text).collect();
        assert_eq!(classes, ["urn:mfa", "urn:<windows>"]);

        let nothing = RequestedAuthn::default();
        let plain = AuthnRequest { name_id_format: None, ..request(&id, &nothing) };
        let plain = inflated(&plain.redirect_url(None, None).unwrap());
        assert!(!["ForceAuthn", "NameIDPolicy", "Requested"].iter().any(|word| plain.contains(word)));
        assert_eq!(
            STANDARD.encode(&plain),
            AuthnRequest { name_id_format: None, ..request(&id, &nothing) }.post_field(None).unwrap()
        );
    }

    #[test]
    fn the_signature_of_a_redirect_is_over_the_query_as_it_is() {
        let (id, requested_authn) = (AuthnRequestId::from_bytes(&[1; 20]), demanding());
        for (signing, verifying, algorithm) in keys() {
            let relay_state = Some("abc##d+/ =&é");
            let url = request(&id, &requested_authn).redirect_url(relay_state, Some(&signing)).unwrap();
            let query = url.strip_prefix("https://adfs.example.com/adfs/ls/?").unwrap();
            let names: Vec<_> =
                query.split('&').map(|parameter| parameter.split_once('=').unwrap().0).collect();
            assert_eq!(names, ["SAMLRequest", "RelayState", "SigAlg", "Signature"]);
            let (_, value) = form_urlencoded::parse(query.as_bytes()).nth(1).unwrap();
            assert_eq!(value, "abc##d+/ =&é");

            let (signed, signature) = query.split_once("&Signature=").unwrap();
            let signature = form_urlencoded::parse(signature.as_bytes()).next().unwrap().0;
            let signature = STANDARD.decode(&*signature).unwrap();
            assert!(verifying.verifies(algorithm, signed.as_bytes(), &signature));
            assert!(!verifying.verifies(algorithm, query.as_bytes(), &signature));
        }
    }

    /// A key of each kind, its public half, and the algorithm of its signatures.
    fn keys() -> [(SigningKey, VerificationKey, SignatureAlgorithm); 3] {
        [
            (&rcgen::PKCS_RSA_SHA256, SignatureAlgorithm::Rsa(Hash::Sha256)),
            (&rcgen::PKCS_ECDSA_P256_SHA256, SignatureAlgorithm::Ecdsa(Hash::Sha256)),
            (&rcgen::PKCS_ECDSA_P384_SHA384, SignatureAlgorithm::Ecdsa(Hash::Sha384)),
        ]
        .map(|(kind, algorithm)| {
            let pair = rcgen::KeyPair::generate_for(kind).unwrap();
            let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&pair).unwrap();
            let verifying = VerificationKey::from_certificate(certificate.der()).unwrap();
            (SigningKey::from_pkcs8(&pair.serialize_der()).unwrap(), verifying, algorithm)
        })
    }

    #[test]
    fn a_posted_request_is_signed_as_we_want_others_to_sign() {
        let (id, requested_authn) = (AuthnRequestId::from_bytes(&[2; 20]), demanding());
        for (signing, verifying, _) in keys() {
            let field = request(&id, &requested_authn).post_field(Some(&signing)).unwrap();
            let xml = String::from_utf8(STANDARD.decode(field).unwrap()).unwrap();
            let document = Document::parse(&xml).unwrap();
            let names: Vec<_> = document.root_element().children().map(|c| c.tag_name().name()).collect();
            assert_eq!(names, ["Issuer", "Signature", "NameIDPolicy", "RequestedAuthnContext"]);
            let signature = document.descendants().find(|n| xml::is(*n, DSIG, "Signature")).unwrap();
            let keys = [verifying];
            let verified =
                crate::saml::signature::verify_one(signature, &keys, &mut Vec::new(), Tracer::SILENT);
            assert_eq!(verified, Ok(()));
            let changed = xml.replace("ForceAuthn=\"true\"", "ForceAuthn=\"false\"");
            let document = Document::parse(&changed).unwrap();
            let signature = document.descendants().find(|n| xml::is(*n, DSIG, "Signature")).unwrap();
            let verified =
                crate::saml::signature::verify_one(signature, &keys, &mut Vec::new(), Tracer::SILENT);
            assert_eq!(verified, Err(crate::saml::SamlRefusal::DigestMismatch));
        }
    }

    #[test]
    fn comparisons_are_read_as_they_are_written() {
        use Comparison::{Better, Exact, Maximum, Minimum};
        for comparison in [Exact, Minimum, Maximum, Better] {
            assert_eq!(Comparison::parse(comparison.as_str()), Some(comparison));
        }
        assert_eq!(Comparison::parse("Exact"), None);
    }

    #[test]
    fn a_signing_key_has_the_fingerprint_of_its_public_half() {
        for (signing, verifying, _) in keys() {
            assert_eq!(signing.key_fingerprint(), verifying.key_fingerprint());
        }
    }

    #[test]
    fn keys_that_cannot_sign_are_refused_and_none_is_printed() {
        for der in
            [&b""[..], b"junk", &rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_der()]
        {
            assert!(SigningKey::from_pkcs8(der).is_err());
            assert!(crate::saml::DecryptionKey::from_pkcs8(der).is_err());
        }
        let [(rsa, ..), (p256, ..), _] = keys();
        assert_eq!(format!("{rsa:?}"), "SigningKey(http://www.w3.org/2001/04/xmldsig-more#rsa-sha256)");
        assert_eq!(format!("{p256:?}"), "SigningKey(http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256)");
    }

    #[test]
    fn an_address_may_have_a_query_already() {
        let (id, requested_authn) = (AuthnRequestId::from_bytes(&[3; 20]), RequestedAuthn::default());
        let request = AuthnRequest {
            destination: "https://idp.example.com/sso?tenant=1",
            ..request(&id, &requested_authn)
        };
        let url = request.redirect_url(None, None).unwrap();
        assert!(url.starts_with("https://idp.example.com/sso?tenant=1&SAMLRequest="));
        assert!(url.len() < 800, "{}", url.len());
    }

    #[test]
    fn ids_are_ours_or_nothing() {
        let id = AuthnRequestId::from_bytes(&[0x0f; 53]);
        assert_eq!(AuthnRequestId::parse(id.as_str()), Some((id.clone(), vec![0x0f; 53])));
        assert_eq!(id.as_str().len(), 72);
        for other in ["", "IdP_Initiated_Login", "_a.b", "_a=", &id.as_str()[1..], &format!("_{:0257}", 0)] {
            assert_eq!(AuthnRequestId::parse(other), None, "{other}");
        }
    }
}
