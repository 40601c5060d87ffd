use super::*;
use crate::saml::dsig::algorithm::{Hash, SignatureAlgorithm};
use crate::saml::dsig::key::VerificationKey;
use crate::saml::dsig::verify::{Effort, verify_signature};
use crate::saml::refusal::SamlRefusal;
use crate::saml::testing::{ACS, now};
use crate::saml::trace::Tracer;
use crate::saml::xml::names::DSIG;
use crate::saml::xml::nodes;
use crate::saml::xmlenc::keys::DecryptionKey;
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
    assert!(nodes::is(root, SAMLP, "AuthnRequest"));
    for (name, value) in [
        ("ID", id.as_str()),
        ("Version", "2.0"),
        ("IssueInstant", "2026-11-23T05:46:00Z"),
        ("Destination", DESTINATION),
        ("ForceAuthn", "true"),
        ("ProtocolBinding", HTTP_POST),
        ("AssertionConsumerServiceURL", ACS),
    ] {
        assert_eq!(nodes::attribute(root, name), Some(value), "{name}");
    }
    // The order is the schema's.
    let names: Vec<_> = root.children().map(|child| child.tag_name().name()).collect();
    assert_eq!(names, ["Issuer", "NameIDPolicy", "RequestedAuthnContext"]);
    let policy = nodes::children(root, SAMLP, "NameIDPolicy").next().unwrap();
    assert_eq!(nodes::attribute(policy, "AllowCreate"), Some("true"));
    let persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    assert_eq!(nodes::attribute(policy, "Format"), Some(persistent));
    let issuer = root.first_child().and_then(nodes::pure_text);
    assert_eq!(issuer, Some("urn:vestibule?a=1&b='<>\""));
    let context = root.last_child().unwrap();
    assert_eq!(nodes::attribute(context, "Comparison"), Some("minimum"));
    let classes: Vec<_> =
        nodes::children(context, SAML, "AuthnContextClassRef").filter_map(nodes::pure_text).collect();
    assert_eq!(classes, ["urn:mfa", "urn:<windows>"]);

    let nothing = RequestedAuthn::default();
    let plain = AuthnRequest { name_id_format: None, ..request(&id, &nothing) };
    let plain = inflated(&plain.redirect_url(None, None).unwrap());
    assert!(!["ForceAuthn", "Format", "Requested"].iter().any(|word| plain.contains(word)));
    assert!(plain.contains("<samlp:NameIDPolicy AllowCreate=\"true\"/>"), "{plain}");
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
        let names: Vec<_> = query.split('&').map(|parameter| parameter.split_once('=').unwrap().0).collect();
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
        let signing = SigningKey::from_pkcs8(&pair.serialize_der()).unwrap();
        (signing.with_certificate(certificate.der()), verifying, algorithm)
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
        let signature = document.descendants().find(|n| nodes::is(*n, DSIG, "Signature")).unwrap();
        let certificate = document.descendants().find(|n| nodes::is(*n, DSIG, "X509Certificate")).unwrap();
        let certificate = nodes::base64_text(certificate, 2_000).unwrap();
        let certified = VerificationKey::from_certificate(&certificate).unwrap();
        assert_eq!(certified.key_fingerprint(), verifying.key_fingerprint());
        let keys = [verifying];
        let verified = verify_signature(signature, &keys, &mut Vec::new(), Effort::Least, Tracer::SILENT);
        assert_eq!(verified, Ok(()));
        let changed = xml.replace("ForceAuthn=\"true\"", "ForceAuthn=\"false\"");
        let document = Document::parse(&changed).unwrap();
        let signature = document.descendants().find(|n| nodes::is(*n, DSIG, "Signature")).unwrap();
        let verified = verify_signature(signature, &keys, &mut Vec::new(), Effort::Least, Tracer::SILENT);
        assert_eq!(verified, Err(SamlRefusal::DigestMismatch));
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
        assert!(DecryptionKey::from_pkcs8(der).is_err());
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
