//! `fixtures/`: what identity providers send and publish, rebuilt by
//!
//! ```sh
//! cargo test --test fixtures -- --ignored rebuild
//! ```

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use std::path::{Path, PathBuf};
use support::forge::{
    self, DSIG, Forge, ISSUER, Key, PERSON, SAMLP, Signing, accept_field, adfs, at, element, p256, p384,
    providers, rsa,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use vestibule::saml::{IdentityProvider, IdentityProviders, IdpMetadata, Limits, SamlRefusal};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn read(file: &str) -> String {
    std::fs::read_to_string(directory().join(file)).expect(file)
}

/// The responses, each with the metadata that it is to be verified with.
fn responses() -> Vec<(&'static str, &'static str, Forge)> {
    let ecdsa = Forge { assertion_signing: Some(Signing::with(p256())), ..Forge::default() };
    vec![
        ("adfs.xml", "FederationMetadata.xml", Forge::of_size(8 * 1024)),
        ("response-signed.xml", "FederationMetadata.xml", Forge::response_signed()),
        ("both-signed.xml", "metadata.xml", Forge::both_signed()),
        ("ecdsa-p256.xml", "metadata.xml", ecdsa),
    ]
}

/// All generated files, by name.
fn generated() -> Vec<(&'static str, String)> {
    let mut files: Vec<_> = responses().into_iter().map(|(file, _, forge)| (file, forge.xml())).collect();
    files.push(("FederationMetadata.xml", federation_metadata()));
    files.push(("metadata.xml", plain_metadata()));
    files.push(("expectations.toml", expectations()));
    files
}

fn expectations() -> String {
    let mut text = format!(
        "# Generated; see README.md. The time at which the responses are good:\nat = \"{}\"\n",
        at(0)
    );
    for (file, metadata, forge) in responses() {
        text += &format!(
            "\n[[response]]\nfile = \"{file}\"\nmetadata = \"{metadata}\"\nname_id = '{}'\n\
             role_session_name = \"{}\"\nroles = {}\nexpired_at = \"{}\"\n",
            forge.name_id,
            forge.session_name,
            forge.roles.len(),
            at(5 * 60 + 60),
        );
    }
    text
}

fn key_descriptor(usage: &str, key: &Key) -> String {
    format!(
        "<KeyDescriptor{usage}><KeyInfo xmlns=\"{DSIG}\"><X509Data><X509Certificate>{}</X509Certificate>\
         </X509Data></KeyInfo></KeyDescriptor>",
        key.certificate
    )
}

fn sign_on(binding: &str) -> String {
    format!(
        "<SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:{binding}\" \
         Location=\"https://adfs.example.com/adfs/ls/\" />"
    )
}

/// AD FS's: WS-Federation first, the encryption key always before the signing key, signed.
fn federation_metadata() -> String {
    let encryption = key_descriptor(" use=\"encryption\"", p384());
    let signing = key_descriptor(" use=\"signing\"", rsa());
    let ws = |kind: &str, key: &str| {
        format!(
            "<RoleDescriptor xsi:type=\"fed:{kind}\" protocolSupportEnumeration=\"http://docs.oasis-open.org/wsfed/federation/200706\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:fed=\"http://docs.oasis-open.org/wsfed/federation/200706\">{key}<fed:PassiveRequestorEndpoint>\
             <EndpointReference xmlns=\"http://www.w3.org/2005/08/addressing\">\
             <Address>https://adfs.example.com/adfs/ls/</Address></EndpointReference>\
             </fed:PassiveRequestorEndpoint></RoleDescriptor>"
        )
    };
    let document = format!(
        "<EntityDescriptor ID=\"_5c9d3f0e-0a5b-4c54-9f0e-3d5c7f2b8a33\" entityID=\"{ISSUER}\" \
         xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">{application}{token_service}\
         <SPSSODescriptor WantAssertionsSigned=\"true\" protocolSupportEnumeration=\"{SAMLP}\">{encryption}{signing}\
         <AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"https://adfs.example.com/adfs/ls/\" index=\"0\" isDefault=\"true\" /></SPSSODescriptor>\
         <IDPSSODescriptor protocolSupportEnumeration=\"{SAMLP}\">{encryption}{signing}{redirect}{post}</IDPSSODescriptor>\
         <ContactPerson contactType=\"support\" /></EntityDescriptor>",
        application = ws("ApplicationServiceType", &encryption),
        token_service = ws("SecurityTokenServiceType", &signing),
        redirect = sign_on("HTTP-Redirect"),
        post = sign_on("HTTP-POST"),
    );
    Signing::default().sign(&document, "_5c9d3f0e-0a5b-4c54-9f0e-3d5c7f2b8a33")
}

/// A small product's, in the middle of a rollover: two keys, one of them without a `use`.
fn plain_metadata() -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<EntityDescriptor entityID=\"{ISSUER}\" \
         xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\">\n  <IDPSSODescriptor protocolSupportEnumeration=\"{SAMLP}\">\n    \
         {}\n    {}\n    {}\n  </IDPSSODescriptor>\n</EntityDescriptor>\n",
        key_descriptor(" use=\"signing\"", p256()),
        key_descriptor("", rsa()),
        sign_on("HTTP-Redirect"),
    )
}

/// ECDSA signatures differ from one making to the next; all else must not.
fn without_ecdsa_value(file: &str, text: &str) -> String {
    if file.starts_with("ecdsa") {
        text.replace(element(text, "SignatureValue"), "")
    } else {
        text.to_owned()
    }
}

#[test]
#[ignore = "writes fixtures/"]
fn rebuild() {
    for (file, text) in generated() {
        let path = directory().join(file);
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        if old.is_empty() || without_ecdsa_value(file, &old) != without_ecdsa_value(file, &text) {
            std::fs::write(path, text).unwrap();
        }
    }
}

#[test]
fn the_command_rebuilds_what_is_committed() {
    for (file, text) in generated() {
        let same = without_ecdsa_value(file, &read(file)) == without_ecdsa_value(file, &text);
        assert!(same, "{file} differs: cargo test --test fixtures -- --ignored rebuild");
    }
}

/// From the files alone: metadata, response, expectation.
#[test]
fn every_response_is_accepted_at_its_time_and_not_later() {
    let expectations: toml::Table = read("expectations.toml").parse().unwrap();
    let time = |value: &toml::Value| OffsetDateTime::parse(value.as_str().unwrap(), &Rfc3339).unwrap();
    let cases = expectations["response"].as_array().unwrap();
    assert_eq!(cases.len(), responses().len());
    for case in cases {
        let text = |key: &str| case[key].as_str().unwrap();
        let metadata = IdpMetadata::parse(read(text("metadata")).as_bytes(), None).unwrap();
        let provider =
            IdentityProvider { entity_id: metadata.entity_id, keys: metadata.signing_keys, ..adfs() };
        let providers = IdentityProviders::new(vec![provider]).unwrap();
        let field = STANDARD.encode(read(text("file")));
        let judge = |now| accept_field(&field, &Limits::default(), &providers, now);

        let identity = judge(time(&expectations["at"])).unwrap();
        assert_eq!(identity.name_id(), text("name_id"));
        assert_eq!(identity.role_session_name(), text("role_session_name"));
        assert_eq!(identity.roles().len() as i64, case["roles"].as_integer().unwrap());
        assert_eq!(judge(time(&case["expired_at"])).err(), Some(SamlRefusal::Expired));
    }
}

#[test]
fn metadata_is_read_as_it_comes() {
    let federation = IdpMetadata::parse(read("FederationMetadata.xml").as_bytes(), None).unwrap();
    assert_eq!(federation.entity_id, ISSUER);
    assert_eq!(federation.signing_keys.len(), 1, "the encryption key, listed first, is none of them");
    assert_eq!(federation.signing_keys[0].fingerprint(), rsa().verification().fingerprint());
    assert_eq!(federation.sign_on_services.len(), 2);
    let plain = IdpMetadata::parse(read("metadata.xml").as_bytes(), None).unwrap();
    assert_eq!(plain.signing_keys.len(), 2);
}

/// The big ones are made when needed.
#[test]
fn every_size_up_to_the_limit() {
    for characters in [8 * 1024, 40 * 1024, 95 * 1024] {
        let forge = Forge::of_size(characters);
        let field = STANDARD.encode(forge.xml());
        assert!(field.len() <= characters && characters - field.len() < 200, "{}", field.len());
        let identity = accept_field(&field, &Limits::default(), &providers(), forge::now()).unwrap();
        assert_eq!(identity.name_id(), PERSON);
        assert_eq!(identity.roles().len(), forge.roles.len());
    }
}
