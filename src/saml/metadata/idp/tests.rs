use super::*;
use crate::saml::metadata::sign_on_service::{HTTP_POST, HTTP_REDIRECT};
use crate::saml::testing::{EC, RSA, TestKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

mod keys;
mod signed;

fn certificate() -> String {
    let pair = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&pair).unwrap();
    let text = STANDARD.encode(certificate.der());
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\r\n  ")
}

fn key(usage: &str, certificate: &str) -> String {
    format!(
        "<KeyDescriptor{usage}><KeyInfo xmlns='{DSIG}'><X509Data><X509Certificate>{certificate}\
         </X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
    )
}

fn entity(id: &str, keys: &str) -> String {
    format!(
        "<EntityDescriptor xmlns='{METADATA}' entityID='{id}' validUntil='2027-01-01T00:00:00Z'>\
         <RoleDescriptor xmlns:fed='urn:fed' protocolSupportEnumeration='urn:fed'>{}</RoleDescriptor>\
         <SPSSODescriptor protocolSupportEnumeration='{SAMLP}'>{}</SPSSODescriptor>\
         <IDPSSODescriptor protocolSupportEnumeration='urn:oasis:names:tc:SAML:1.1:protocol {SAMLP}'>{keys}\
         <SingleSignOnService Binding='{HTTP_POST}' Location='https://idp.example.com/ls/'/>\
         </IDPSSODescriptor></EntityDescriptor>",
        key(" use='signing'", &certificate()),
        key(" use='signing'", &certificate()),
    )
}

fn fingerprint(certificate: &str) -> String {
    let der = STANDARD.decode(certificate.split_ascii_whitespace().collect::<String>()).unwrap();
    VerificationKey::from_certificate(&der).unwrap().fingerprint().to_owned()
}

/// The root with an `ID` and a place for its signature.
fn signable(root: &str) -> String {
    let at = root.find('>').unwrap();
    let (start, rest) = root.split_at(at);
    format!("{start} ID='_root'>{{signature}}{}", rest.strip_prefix('>').unwrap())
}

fn signed_by(signer: &TestKey, root: &str) -> String {
    signer.put(&signable(root), "{signature}", "_root")
}

fn aggregate_of(entities: &str) -> String {
    format!("<EntitiesDescriptor xmlns='{METADATA}'>{entities}</EntitiesDescriptor>")
}

fn parse_signed(xml: &str) -> Result<IdpMetadata, MetadataError> {
    IdpMetadata::parse_signed(xml.as_bytes(), None, &[EC.key()])
}

fn refused(xml: &str) -> SamlRefusal {
    match parse_signed(xml) {
        Err(MetadataError::Signature(refusal)) => refusal,
        other => unreachable!("{other:?}"),
    }
}

/// Metadata of one identity provider, its key ours or the attacker's.
fn honest() -> String {
    entity("urn:idp", &key(" use='signing'", &certificate()))
}

fn evil() -> String {
    entity("urn:evil", &key(" use='signing'", &certificate()))
}

#[test]
fn the_identity_provider_s_signing_keys_are_taken() {
    let (encryption, first, second) = (certificate(), certificate(), certificate());
    let keys = [
        key(" use='encryption'", &encryption),
        key(" use='signing'", &first),
        key(" use='signing'", "bm90IGEgY2VydGlmaWNhdGU="),
        key("", &second),
        key(" use='signing'", &first),
    ];
    let xml = entity("urn:idp", &keys.concat());
    let check = |bytes: &[u8]| {
        let metadata = IdpMetadata::parse(bytes, None).unwrap();
        assert_eq!(metadata.entity_id, "urn:idp");
        let found: Vec<_> = metadata.signing_keys.iter().map(|k| k.fingerprint().to_owned()).collect();
        assert_eq!(found, [fingerprint(&first), fingerprint(&second)]);
        let [service] = metadata.sign_on_services.as_slice() else { unreachable!() };
        assert_eq!((&*service.binding, &*service.location), (HTTP_POST, "https://idp.example.com/ls/"));
        assert_eq!(metadata.valid_until, parse_instant("2027-01-01T00:00:00Z"));
    };
    check(xml.as_bytes());
    check(format!("\u{feff}{xml}").as_bytes());
    check(format!("\u{feff}<?xml version='1.0' encoding='utf-8'?>{xml}").as_bytes());
    let utf16 = format!("\u{feff}<?xml version='1.0' encoding='utf-16'?>{xml}");
    check(&utf16.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    check(&utf16.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>());
}

#[test]
fn one_is_chosen_from_an_aggregate() {
    let keys = key("", &certificate());
    let aggregate = format!(
        "<EntitiesDescriptor xmlns='{METADATA}' validUntil='2026-12-01T00:00:00Z'>{}<EntitiesDescriptor>{}\
         </EntitiesDescriptor></EntitiesDescriptor>",
        entity("urn:one", &keys),
        entity("urn:two", &keys)
    );
    let parse = |id| IdpMetadata::parse(aggregate.as_bytes(), id);
    let both = MetadataError::SeveralIdentityProviders("urn:one, urn:two".to_owned());
    assert_eq!(parse(None).err(), Some(both));
    assert_eq!(parse(Some("urn:none")).err(), Some(MetadataError::NotInIt("urn:none".to_owned())));
    let two = parse(Some("urn:two")).unwrap();
    assert_eq!(two.entity_id, "urn:two");
    assert_eq!(two.valid_until, parse_instant("2026-12-01T00:00:00Z"));
}

#[test]
fn a_message_names_the_choice_and_never_a_whole_federation() {
    let keys = key("", &certificate());
    let aggregate = |ids: Vec<String>| {
        let entities: String = ids.iter().map(|id| entity(id, &keys)).collect();
        format!("<EntitiesDescriptor xmlns='{METADATA}'>{entities}</EntitiesDescriptor>")
    };
    let error = |xml: String, id| IdpMetadata::parse(xml.as_bytes(), id).unwrap_err().to_string();
    let many = (0..13).map(|number| format!("urn:idp-{number}&#10;{}", "x".repeat(1_000))).collect();
    let said = error(aggregate(many), None);
    assert!(said.contains("name one with entity_id: urn:idp-0") && said.ends_with(" and 3 more"), "{said}");
    assert!(said.contains("urn:idp-9") && !said.contains("urn:idp-10"), "{said}");
    assert!(said.len() < 2_500 && !said.contains('\n'), "{said}");
    // Here entity_id is set, and would be no help.
    let twice = aggregate(vec!["urn:one".into(), "urn:one".into()]);
    let said = error(twice, Some("urn:one"));
    assert!(said.contains("urn:one is in it more than once") && !said.contains("name one"), "{said}");
}

#[test]
fn what_cannot_be_used_is_refused() {
    let parse = |xml: &str| IdpMetadata::parse(xml.as_bytes(), None).err();
    assert_eq!(parse("<a/>"), Some(MetadataError::NotMetadata));
    assert!(matches!(parse("<a>"), Some(MetadataError::NotXml(_))));
    assert!(matches!(parse("<!DOCTYPE a><a/>"), Some(MetadataError::NotXml(_))));
    assert!(matches!(IdpMetadata::parse(b"\xff\xfe<", None).err(), Some(MetadataError::NotXml(_))));
    let other = entity("urn:idp", &key("", &certificate()))
        .replace("IDPSSODescriptor", "AttributeAuthorityDescriptor");
    assert_eq!(parse(&other), Some(MetadataError::NoIdentityProvider));
}

/// Metadata 2.3.1: the earliest of the entity, its roles and all that is around it.
#[test]
fn the_earliest_valid_until_on_the_way_is_taken() {
    let keys = key("", &certificate());
    let parse = |of_all: &str, of_one: &str, of_role: &str| {
        let one = entity("urn:one", &keys)
            .replace(" validUntil='2027-01-01T00:00:00Z'", of_one)
            .replace("<IDPSSODescriptor ", &format!("<IDPSSODescriptor{of_role} "));
        let xml = format!("<EntitiesDescriptor xmlns='{METADATA}'{of_all}>{one}</EntitiesDescriptor>");
        IdpMetadata::parse(xml.as_bytes(), None)
    };
    let (soon, late) = (" validUntil='2026-12-01T00:00:00Z'", " validUntil='2028-12-01T00:00:00Z'");
    let end = parse_instant("2026-12-01T00:00:00Z");
    for (of_all, of_one, of_role) in [
        (soon, late, late),
        (late, soon, late),
        (late, late, soon),
        (soon, "", ""),
        ("", soon, ""),
        ("", "", soon),
    ] {
        assert_eq!(parse(of_all, of_one, of_role).unwrap().valid_until, end);
    }
    assert_eq!(parse("", "", "").unwrap().valid_until, None);
    // What cannot be read may be over.
    for unreadable in ["2020-01-01", "2027-01-01 00:00:00Z", "", " ", "never", "2027-13-01T00:00:00Z"] {
        let of = format!(" validUntil='{unreadable}'");
        for outcome in [parse(&of, "", ""), parse("", &of, ""), parse("", "", &of)] {
            assert_eq!(outcome.err(), Some(MetadataError::ValidUntil(unreadable.to_owned())));
        }
    }
    let another = format!(
        "<EntitiesDescriptor xmlns='{METADATA}'>{}{}</EntitiesDescriptor>",
        entity("urn:one", &keys),
        entity("urn:two", &keys).replace("2027-01-01T00:00:00Z", "never")
    );
    assert!(IdpMetadata::parse(another.as_bytes(), Some("urn:one")).is_ok(), "another's does not matter");
}

#[test]
fn what_was_saved_in_its_place_is_named() {
    let error = |bytes: &[u8]| IdpMetadata::parse(bytes, None).err();
    for page in
        ["<!DOCTYPE html><html><body>Sign in</body></html>", "\n<HTML><p>no", "\u{feff}<html lang='de'/>"]
    {
        assert_eq!(error(page.as_bytes()), Some(MetadataError::Html));
    }
    let twice = format!("\u{feff}\u{feff}{}", honest());
    let wide: Vec<u8> = twice.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [twice.as_bytes(), &wide] {
        let Some(MetadataError::NotXml(why)) = error(bytes) else { unreachable!() };
        assert!(why.contains("two byte order marks"), "{why}");
    }
}

#[test]
fn the_shortest_cache_duration_on_the_way_is_taken() {
    let keys = key("", &certificate());
    let aggregate = |of_all: &str, of_one: &str| {
        let one = entity("urn:one", &keys).replace(" entityID", &format!("{of_one} entityID"));
        let xml = format!("<EntitiesDescriptor xmlns='{METADATA}'{of_all}>{one}</EntitiesDescriptor>");
        IdpMetadata::parse(xml.as_bytes(), None).unwrap().cache_duration
    };
    assert_eq!(aggregate("", ""), None);
    assert_eq!(aggregate(" cacheDuration='PT6H'", ""), Some(Duration::hours(6)));
    assert_eq!(aggregate(" cacheDuration='PT6H'", " cacheDuration='PT1H'"), Some(Duration::hours(1)));
    assert_eq!(aggregate(" cacheDuration='PT6H'", " cacheDuration='P1D'"), Some(Duration::hours(6)));
    assert_eq!(aggregate(" cacheDuration='soon'", ""), None);
}

#[test]
fn only_descriptors_in_their_place_are_entities() {
    let hidden = |wrapper: &str| aggregate_of(&format!("{}<{wrapper}>{}</{wrapper}>", honest(), evil()));
    let parse = |xml: String| IdpMetadata::parse(xml.as_bytes(), None);
    assert_eq!(parse(hidden("Extensions")).unwrap().entity_id, "urn:idp");
    assert_eq!(
        parse(
            hidden("x:EntitiesDescriptor")
                .replace("<EntitiesDescriptor ", "<EntitiesDescriptor xmlns:x='urn:x' ")
        )
        .unwrap()
        .entity_id,
        "urn:idp"
    );
    let error = parse(hidden("EntitiesDescriptor")).err();
    assert!(matches!(error, Some(MetadataError::SeveralIdentityProviders(_))), "{error:?}");
}

#[test]
fn an_aggregate_with_thousands_of_members_is_read_and_verified() {
    let keys = key("", &certificate());
    let members = |n: usize| -> String {
        let one = |i| {
            entity(&format!("urn:idp:{i}"), &keys).replacen(" entityID", &format!(" ID='_{i}' entityID"), 1)
        };
        (0..n).map(one).collect()
    };
    let aggregate = signed_by(&EC, &aggregate_of(&members(3_000)));
    let read = IdpMetadata::parse_signed(aggregate.as_bytes(), Some("urn:idp:2999"), &[EC.key()]).unwrap();
    assert_eq!(read.entity_id, "urn:idp:2999");
    let tampered = aggregate.replacen("urn:idp:7'", "urn:idp:x'", 1);
    let read = IdpMetadata::parse_signed(tampered.as_bytes(), Some("urn:idp:2999"), &[EC.key()]);
    assert_eq!(read.err(), Some(MetadataError::Signature(SamlRefusal::DigestMismatch)));
}

#[test]
fn what_a_hostile_source_makes_us_do_is_bounded() {
    let refused = |xml: String| match IdpMetadata::parse(xml.as_bytes(), None) {
        Err(MetadataError::NotXml(why)) => why,
        other => unreachable!("{other:?}"),
    };
    assert!(refused("<a>".repeat(100_000)).contains("Depth"));
    assert!(refused(" ".repeat(MAX_METADATA_BYTES + 1)).contains("longer"));
    let many: String = (0..60).map(|i| format!(" xmlns:p{i}='urn:{i}'")).collect();
    let nested = format!("<a{many}>").repeat(60);
    let copying = "<b xmlns='urn:b'/>".repeat(5_000);
    assert!(refused(format!("{nested}{copying}")).contains("Namespaces"));
}

#[test]
fn requests_go_where_a_browser_carries_them() {
    let metadata = |binding: &str| {
        let xml = entity("urn:idp", &key("", &certificate())).replace(HTTP_POST, binding);
        IdpMetadata::parse(xml.as_bytes(), None).unwrap()
    };
    assert!(metadata(HTTP_POST).takes_requests());
    assert!(metadata(HTTP_REDIRECT).takes_requests());
    assert!(!metadata("urn:oasis:names:tc:SAML:2.0:bindings:SOAP").takes_requests());
}

#[test]
fn what_is_refused_says_why() {
    for (xml, words) in [
        ("<!DOCTYPE a><a/>", "it has a document type declaration"),
        ("<a xmlns='b'/>", "it has a relative namespace URI"),
        ("<a xmlns:b=''/>", "its markup or its characters are not those of XML 1.0"),
    ] {
        let why = IdpMetadata::parse(xml.as_bytes(), None).err();
        assert_eq!(why, Some(MetadataError::NotXml(words.to_owned())));
    }
}

#[test]
fn what_is_too_long_is_refused() {
    let mut xml = entity("urn:idp", &key("", &certificate())).into_bytes();
    xml.resize(MAX_METADATA_BYTES, b' ');
    assert!(IdpMetadata::parse(&xml, None).is_ok());
    xml.push(b' ');
    assert!(matches!(IdpMetadata::parse(&xml, None), Err(MetadataError::NotXml(_))));
}
