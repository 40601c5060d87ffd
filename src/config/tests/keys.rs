//! Our own SAML keys, limits, and what our requests ask for.

use super::*;
use crate::saml::{Comparison, VerificationKey};
use base64::engine::general_purpose::STANDARD;

/// A key of this kind and its certificate, in PEM.
fn pem(kind: &'static rcgen::SignatureAlgorithm) -> (String, Vec<u8>) {
    let key = rcgen::KeyPair::generate_for(kind).unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    let block = |name: &str, der: &[u8]| {
        format!("-----BEGIN {name}-----\n{}\n-----END {name}-----\n", STANDARD.encode(der))
    };
    let text = block("PRIVATE KEY", &key.serialize_der()) + &block("CERTIFICATE", certificate.der());
    (text, certificate.der().to_vec())
}

pub(super) fn rsa() -> (String, Vec<u8>) {
    pem(&rcgen::PKCS_RSA_SHA256)
}

/// The least, with these lines in `[saml]` and in its identity provider.
fn with(saml: &str, idp: &str) -> String {
    LEAST.replace("[[saml.idp]]", &format!("[saml]\n{saml}\n[[saml.idp]]\n{idp}"))
}

#[test]
fn keys_come_from_files_or_as_text_and_our_metadata_shows_the_newest() {
    let files = Files::new();
    let ((signing, signing_der), (new, new_der), (old, _)) =
        (pem(&rcgen::PKCS_ECDSA_P256_SHA256), rsa(), rsa());
    let (signing, new) = (files.write("signing.pem", &signing), files.write("new.pem", &new));
    let text = with(
        &format!("signing_key = {signing:?}\ndecryption_keys = [{new:?}, {old:?}]"),
        "sign_requests = true",
    );
    let config = files.loads(&text);
    assert!(config.broker.signing_key.is_some());
    assert!(!config.broker.service.decryption_keys.is_empty());
    assert_eq!(config.certificates.signing, [signing_der]);
    assert_eq!(config.certificates.encryption, [new_der]);
    assert!(config.broker.providers.current().iter().all(|provider| provider.sign_requests));

    let none = files.loads(LEAST);
    assert!(none.broker.signing_key.is_none() && none.broker.service.decryption_keys.is_empty());
}

#[test]
fn keys_that_cannot_be_used_are_faults_that_show_nothing_of_them() {
    let files = Files::new();
    let ((rsa_pem, _), (other, _), (p256, _)) = (rsa(), rsa(), pem(&rcgen::PKCS_ECDSA_P256_SHA256));
    let block = |text: &str, name: &str| {
        let (start, end) = (format!("-----BEGIN {name}-----"), format!("-----END {name}-----\n"));
        let from = text.find(&start).unwrap();
        text[from..text.find(&end).unwrap() + end.len()].to_owned()
    };
    let certificate_only = block(&rsa_pem, "CERTIFICATE");
    let key_only = block(&rsa_pem, "PRIVATE KEY");
    let mixed = key_only.clone() + &block(&other, "CERTIFICATE");
    for (text, expected) in [
        ("no/such/file.pem", "cannot be read"),
        (certificate_only.as_str(), "BEGIN PRIVATE KEY"),
        (key_only.as_str(), "certificate (BEGIN CERTIFICATE) beside it"),
        (mixed.as_str(), "of another key"),
        (p256.as_str(), "another kind or size"),
    ] {
        let faults = files.faults(&with(&format!("decryption_keys = [{text:?}]"), ""), &[]);
        let [fault] = faults.as_slice() else { panic!("{faults:#?}") };
        assert!(fault.contains("saml.decryption_keys[0]") && fault.contains(expected), "{fault}");
        assert!(!fault.contains("MII"), "{fault}");
    }
}

#[test]
fn what_a_request_asks_for_is_said_per_identity_provider() {
    let files = Files::new();
    let idp = "force_authn = true\nauthn_context = [\"urn:mfa\", \"urn:card\"]\n\
               authn_context_comparison = \"minimum\"\nname_id_format = \"urn:persistent\"";
    let config = files.loads(&with("request_lifetime = \"5m\"", idp));
    let providers = config.broker.providers.current();
    let provider = providers.by_name("ADFS").unwrap();
    let context = provider.requested_authn.authn_context.as_ref().unwrap();
    assert!(provider.requested_authn.force_authn && !provider.sign_requests);
    assert_eq!((context.comparison, context.class_refs.len()), (Comparison::Minimum, 2));
    assert_eq!(provider.name_id_format.as_deref(), Some("urn:persistent"));
    assert_eq!(config.broker.service.request_lifetime, time::Duration::minutes(5));
    let faults = files.faults(&with("", "authn_context_comparison = \"stronger\""), &[]);
    assert!(faults[0].contains("\"exact\", \"minimum\""), "{faults:#?}");
}

#[test]
fn a_request_that_must_be_signed_needs_a_key() {
    let files = Files::new();
    let faults = files.faults(&with("", "sign_requests = true"), &[]);
    assert!(faults[0].contains("saml.idp[0].sign_requests") && faults[0].contains("saml.signing_key"));
}

/// A running service takes such metadata; if its next start did not, one provider's change
/// would stop everybody.
#[test]
fn metadata_that_wants_signed_requests_stops_nobody() {
    let files = Files::new();
    let wanting =
        metadata(IDP).replace("<IDPSSODescriptor ", "<IDPSSODescriptor WantAuthnRequestsSigned=' true ' ");
    files.write("adfs.xml", &wanting);
    let warned = |idp: &str| {
        let config = files.loads(&with("", idp));
        assert!(!config.broker.providers.current().by_name("ADFS").unwrap().sign_requests, "{idp}");
        config.warnings.iter().any(|warning| warning.contains("WantAuthnRequestsSigned"))
    };
    assert!(warned(""));
    assert!(!warned("sign_requests = false"), "the operator knows");
    let sign_on_url = "sign_on_url = \"https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx\"";
    assert!(!warned(sign_on_url), "people begin there, and no request is sent");
    assert!(warned(&format!("{sign_on_url}\nidp_initiated = false")));
    files.write("adfs.xml", &metadata(IDP));
    assert!(!warned(""));
}

#[test]
fn nobody_can_sign_in_by_it_is_a_warning() {
    let files = Files::new();
    let text = metadata(IDP);
    let service = &text[text.find("<SingleSignOnService").unwrap()..text.find("</IDPSSO").unwrap()];
    files.write("adfs.xml", &text.replace(service, ""));
    let config = files.loads(&with("", "idp_initiated = false"));
    let warned = config.warnings.iter().any(|warning| warning.contains("nobody can sign in by it"));
    assert!(warned, "{:#?}", config.warnings);
    let config = files.loads(LEAST);
    assert!(config.warnings.iter().any(|w| w.contains("no sign_on_url")), "{:#?}", config.warnings);
    assert!(!config.broker.providers.current().iter().any(|provider| provider.takes_requests()));
}

#[test]
fn stolen_keys_are_denied_whatever_metadata_says() {
    let files = Files::new();
    let provider = files.loads(LEAST).broker.providers.current();
    let key: &VerificationKey = &provider.by_name("ADFS").unwrap().keys[0];
    for fingerprint in [key.fingerprint().to_uppercase(), key.key_fingerprint().to_owned()] {
        let faults = files.faults(&with(&format!("denied_keys = [{fingerprint:?}]"), ""), &[]);
        assert!(faults[0].contains("no key that is not denied"), "{faults:#?}");
    }
    files.loads(&with(&format!("denied_keys = [{:?}]", "ab".repeat(32)), ""));
    let faults = files.faults(&with("denied_keys = [\"abc\"]", ""), &[]);
    assert!(faults[0].contains("saml.denied_keys[0]"), "{faults:#?}");
}

#[test]
fn limits_on_assertions_are_off_unless_set() {
    let files = Files::new();
    let service = files.loads(LEAST).broker.service;
    assert_eq!((service.max_assertion_age, service.max_assertion_lifetime), (None, None));
    let limits = "max_assertion_age = \"5m\"\nmax_assertion_lifetime = \"2h\"";
    let service = files.loads(&with(limits, "")).broker.service;
    let minutes = |n| Some(time::Duration::minutes(n));
    assert_eq!((service.max_assertion_age, service.max_assertion_lifetime), (minutes(5), minutes(120)));
    assert_eq!(files.faults(&with("max_assertion_age = \"10s\"", ""), &[]).len(), 1);
}
