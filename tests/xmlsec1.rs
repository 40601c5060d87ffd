//! A second opinion on encryption and signing: xmlsec1, from Debian's packages.
//! What it encrypts is decrypted here, what the forge encrypts it decrypts, and
//! it verifies what we sign. Without it the test fails: run `tests/run`.

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::forge::{self, ACS, DSIG, Encrypting, Forge, PERSON, SAML, Style, element, judge, now, replace};
use vestibule::saml::{
    AuthnRequest, AuthnRequestId, Comparison, RequestedAuthn, RequestedAuthnContext, SigningKey,
};

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";

fn fixture(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/keys").join(file)
}

fn xmlsec1(arguments: &[&str]) {
    let output = Command::new("xmlsec1").args(arguments).output();
    let output =
        output.unwrap_or_else(|e| panic!("xmlsec1 does not start ({e}): run the tests with `tests/run`"));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// In place, as it does: what is declared above the Assertion is not repeated in it.
#[test]
fn what_xmlsec1_encrypts_is_decrypted() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (document, template, output, public) =
        (file("document.xml"), file("template.xml"), file("out.xml"), file("public.pem"));
    let private = fixture("decryption-new.key.pem");
    let status = Command::new("openssl")
        .args(["pkey", "-in", private.to_str().unwrap(), "-pubout", "-out", &public])
        .status();
    assert!(status.expect("openssl").success());

    for (assertion, declared_above) in [("", false), ("saml", true), ("saml", false)] {
        for content in ["aes128-cbc", "aes256-cbc", "aes128-gcm", "aes256-gcm"] {
            let style = Style { protocol: "samlp", assertion, declared_above };
            let xml = Forge { style, ..Forge::default() }.xml();
            let (name, declaration) = match assertion {
                "" => ("EncryptedAssertion", format!("xmlns=\"{SAML}\"")),
                _ => ("saml:EncryptedAssertion", format!("xmlns:saml=\"{SAML}\"")),
            };
            let inside = element(&xml, "Assertion");
            let wrapped = xml.replace(inside, &format!("<{name} {declaration}>{inside}</{name}>"));
            std::fs::write(&document, wrapped).unwrap();
            let namespace = if content.ends_with("gcm") { XENC11 } else { XENC };
            let written = format!(
                "<e:EncryptedData xmlns:e=\"{XENC}\" Type=\"{XENC}Element\">\
                 <e:EncryptionMethod Algorithm=\"{namespace}{content}\"/><d:KeyInfo xmlns:d=\"{DSIG}\">\
                 <e:EncryptedKey><e:EncryptionMethod Algorithm=\"{XENC}rsa-oaep-mgf1p\"/><e:CipherData>\
                 <e:CipherValue/></e:CipherData></e:EncryptedKey></d:KeyInfo><e:CipherData><e:CipherValue/>\
                 </e:CipherData></e:EncryptedData>"
            );
            std::fs::write(&template, written).unwrap();
            let session_key = if content.contains("128") { "aes-128" } else { "aes-256" };
            let arguments = ["--encrypt", "--pubkey-pem", &public, "--session-key", session_key];
            let place = ["--xml-data", &document, "--node-xpath", "//*[local-name()='Assertion']"];
            xmlsec1(&[&arguments[..], &place, &["--output", &output, &template]].concat());
            let encrypted = std::fs::read_to_string(&output).unwrap();
            assert!(!encrypted.contains("paula"));
            assert_eq!(judge(&encrypted).expect("accepted").name_id(), PERSON);
        }
    }
}

/// So the forge, with which encryption is attacked, encrypts as others do.
#[test]
fn what_the_forge_encrypts_xmlsec1_decrypts() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, output) = (directory.path().join("ours.xml"), directory.path().join("out.xml"));
    let private = fixture("decryption-new.key.pem");
    for content in ["aes128-cbc", "aes256-cbc", "aes128-gcm", "aes256-gcm"] {
        let how = Encrypting { content, ..Encrypting::default() };
        std::fs::write(&ours, how.assertion_of(&Forge::default().xml())).unwrap();
        let [private, output, ours] = [&private, &output, &ours].map(|path| path.to_str().unwrap());
        xmlsec1(&["--decrypt", "--privkey-pem", private, "--output", output, ours]);
        let decrypted = std::fs::read_to_string(output).unwrap();
        let honest = Forge::default().xml();
        let theirs = replace(&honest, element(&honest, "Assertion"), element(&decrypted, "Assertion"));
        assert_eq!(judge(&theirs).expect("accepted").name_id(), PERSON);
    }
}

#[test]
fn our_requests_are_verified() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("request.xml");
    let class_refs = vec!["urn:mfa".to_owned()];
    let requested_authn = RequestedAuthn {
        force_authn: true,
        authn_context: Some(RequestedAuthnContext { comparison: Comparison::Exact, class_refs }),
    };
    let request = AuthnRequest {
        id: &AuthnRequestId::from_bytes(&[4; 20]),
        issued_at: now(),
        destination: "https://idp.example.com/sso",
        issuer: "urn:sp",
        acs_url: ACS,
        name_id_format: None,
        requested_authn: &requested_authn,
    };
    for (key, certificate) in [
        ("rsa.key.pem", "rsa.cert.pem"),
        ("p256.key.pem", "p256.cert.pem"),
        ("p384.key.pem", "p384.cert.pem"),
    ] {
        let key = SigningKey::from_pkcs8(&forge::pem_file(&fixture(key))).unwrap();
        let xml = STANDARD.decode(request.post_field(Some(&key)).unwrap()).unwrap();
        std::fs::write(&file, xml).unwrap();
        let certificate = fixture(certificate);
        let element = "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest";
        let how = ["--verify", "--pubkey-cert-pem", certificate.to_str().unwrap(), "--id-attr:ID", element];
        xmlsec1(&[&how[..], &[file.to_str().unwrap()]].concat());
    }
}
