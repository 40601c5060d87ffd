//! The document: how it is encoded, parsed and canonicalized, and how big it is.

use super::*;

// ---------------------------------------------------------------- two parsers

#[test]
fn attlist_default() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let doctype = "<!DOCTYPE samlp:Response [<!ATTLIST Assertion ID CDATA \"_evil\">]>";
    assert_eq!(refused(&format!("{doctype}{genuine}")), SamlRefusal::Doctype);
}

#[test]
fn entity_in_id() {
    let forge = Forge::default();
    accepted(&forge.xml());
    let (head, tail) = forge.assertion_id.split_at(8);
    let doctype = format!("<!DOCTYPE samlp:Response [<!ENTITY e \"{head}\">]>");
    let id = format!("Assertion ID=\"{}\"", forge.assertion_id);
    let evil = replace(&forge.xml(), &id, &format!("Assertion ID=\"&e;{tail}\""));
    assert_eq!(refused(&format!("{doctype}{evil}")), SamlRefusal::Doctype);
    assert_eq!(refused(&evil), SamlRefusal::NotXml, "an entity that nobody declared");
}

#[test]
fn external_entity() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    for doctype in [
        "<!DOCTYPE r SYSTEM \"http://evil.example/x.dtd\">",
        "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
        "<!DOCTYPE r>",
    ] {
        assert_eq!(refused(&format!("{doctype}{genuine}")), SamlRefusal::Doctype, "{doctype}");
    }
}

#[test]
fn billion_laughs() {
    accepted(&Forge::default().xml());
    let mut doctype = String::from("<!DOCTYPE r [<!ENTITY l0 \"ha\">");
    for level in 1..10 {
        let inner = format!("&l{};", level - 1).repeat(10);
        doctype += &format!("<!ENTITY l{level} \"{inner}\">");
    }
    assert_eq!(refused(&format!("{doctype}]>{}", Forge::default().xml())), SamlRefusal::Doctype);
}

#[test]
fn duplicate_id() {
    let forge = Forge::default();
    accepted(&forge.xml());
    let evil =
        replace(&forge.xml(), "<samlp:Status>", &format!("<samlp:Status ID=\"{}\">", forge.assertion_id));
    assert!(careless_verifier_accepts(&forge.xml()));
    assert_eq!(refused(&evil), SamlRefusal::DuplicateId);
}

/// The family of CVE-2025-66567: two parsers see two attributes of this name.
#[test]
fn duplicate_namespaced_id() {
    let forge = Forge::default();
    accepted(&forge.xml());
    for attribute in ["e:ID", "e:id", "xml:id", "Id"] {
        let evil = replace(
            &forge.xml(),
            "<samlp:Status>",
            &format!("<samlp:Status xmlns:e=\"urn:e\" {attribute}=\"{}\">", forge.assertion_id),
        );
        assert_eq!(refused(&evil), SamlRefusal::DuplicateId, "{attribute}");
    }
}

/// `attribute("ID")` by local name would read `e:ID`, which the reference names.
#[test]
fn namespaced_id_on_the_evil_assertion() {
    let genuine = signed_assertion();
    let id = Forge::default().assertion_id;
    let evil = replace(
        &evil_assertion_with(&signature_of(&genuine)),
        "<Assertion ID=\"_evil\"",
        &format!("<Assertion xmlns:e=\"urn:e\" e:ID=\"{id}\" ID=\"_evil\""),
    );
    accepted(&Forge::default().xml());
    assert_eq!(refused(&response_around(&evil)), SamlRefusal::ReferenceRefused);
}

#[test]
fn duplicate_attributes() {
    let forge = Forge::default();
    accepted(&forge.xml());
    let id = format!("<Assertion ID=\"{}\"", forge.assertion_id);
    let evil = replace(&forge.xml(), &id, &format!("{id} ID=\"_evil\""));
    assert_eq!(refused(&evil), SamlRefusal::NotXml);
    let xmlns = format!("<Issuer xmlns=\"{SAML}\"");
    let evil = replace(&forge.xml(), &xmlns, &format!("{xmlns} xmlns=\"urn:evil\""));
    assert_eq!(refused(&evil), SamlRefusal::NotXml);
}

#[test]
fn undeclared_prefix() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    assert_eq!(refused(&replace(&genuine, "<samlp:Status>", "<samlp:Status e:x=\"\">")), SamlRefusal::NotXml);
}

#[test]
fn two_roots() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    assert_eq!(refused(&format!("{genuine}{}", Forge::evil().xml())), SamlRefusal::NotXml);
    assert_eq!(refused(&format!("{}{genuine}", Forge::evil().xml())), SamlRefusal::NotXml);
}

#[test]
fn trailing_junk() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    for junk in ["junk", "</x>", "<x", "&amp;", "]]>", "\0"] {
        assert_eq!(refused(&format!("{genuine}{junk}")), SamlRefusal::NotXml, "{junk:?}");
    }
}

#[test]
fn truncated() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    assert_eq!(refused(&genuine[..genuine.len() - 1]), SamlRefusal::NotXml);
}

#[test]
fn control_characters() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    for evil in ["\u{0}", "\u{1}", "\u{fffe}"] {
        assert_eq!(refused(&replace(&genuine, "AWS-Production<", &format!("{evil}<"))), SamlRefusal::NotXml);
    }
}

#[test]
fn other_encodings() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(genuine.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let judge_bytes = |bytes: &[u8]| {
        accept_field(&STANDARD.encode(bytes), &Limits::default(), &providers(), now()).map(drop)
    };
    assert_eq!(judge_bytes(&utf16), Err(SamlRefusal::NotUtf8));
    let declared = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{genuine}");
    assert_eq!(judge_bytes(declared.as_bytes()), Err(SamlRefusal::NotUtf8));
    let latin1 = replace(&genuine, "Domain Users", "Dom\u{1}nen").into_bytes();
    let latin1: Vec<u8> = latin1.into_iter().map(|b| if b == 1 { 0xe4 } else { b }).collect();
    assert_eq!(judge_bytes(&latin1), Err(SamlRefusal::NotUtf8));
}

// ---------------------------------------------------------------- canonicalization

/// ruby-saml CVE-2025-66568, xmlseclibs CVE-2025-66475: canonicalization fails
/// on it and gives nothing, whose digest the attacker knows.
#[test]
fn relative_namespace_with_digest_of_nothing() {
    let forge = Forge::default();
    accepted(&forge.xml());
    for uri in ["1", "../evil", "relative"] {
        let evil = replace(
            &Forge::evil().assertion(),
            "<Assertion ID=\"_evil\"",
            &format!("<Assertion xmlns:e=\"{uri}\" e:e=\"\" ID=\"_evil\""),
        );
        let of_nothing = Signing::default().signature("_evil", &Hash::Sha256.of(b""));
        let evil = evil.replacen("</Issuer>", &format!("</Issuer>{of_nothing}"), 1);
        assert_eq!(refused(&response_around(&evil)), SamlRefusal::NotCanonicalizable, "{uri}");
    }
}

#[test]
fn relative_namespace_above_the_signed_element() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let evil = replace(&genuine, "<samlp:Response ", "<samlp:Response xmlns:e=\"1\" ");
    assert_eq!(refused(&evil), SamlRefusal::NotCanonicalizable);
}

/// The signature covers nothing, and the assertion is gone.
#[test]
fn digest_of_nothing() {
    accepted(&Forge::default().xml());
    let of_nothing = Signing::default().signature("_evil", &Hash::Sha256.of(b""));
    let evil = response_around(&evil_assertion_with(&of_nothing));
    assert_eq!(refused(&evil), SamlRefusal::DigestMismatch);
}

#[test]
fn namespace_of_a_signed_element_changed_from_outside() {
    let style = forge::Style { protocol: "samlp", assertion: "saml", declared_above: true };
    let genuine = Forge { style, ..Forge::default() }.xml();
    accepted(&genuine);
    // Exclusive canonicalization has to write the inherited declaration.
    let evil = replace(&genuine, &format!("xmlns:saml=\"{SAML}\""), "xmlns:saml=\"urn:evil\"");
    assert_eq!(refused(&evil), SamlRefusal::NotOneAssertion);
}

// ---------------------------------------------------------------- comments

/// The CVE-2017-11427 family. Canonicalization drops the comment, so the
/// signature still holds; what is read must not end at it.
#[test]
fn comment_in_name_id() {
    let forge = Forge { name_id: "EXAMPLE\\administrator.evil".into(), ..Forge::default() };
    assert_eq!(judge(&forge.xml()).unwrap().name_id(), "EXAMPLE\\administrator.evil");
    let evil = replace(&forge.xml(), ".evil", "<!---->.evil");
    assert!(careless_verifier_accepts(&evil), "the signature still holds");
    assert_eq!(refused(&evil), SamlRefusal::ValueNotText);
}

#[test]
fn comment_in_role() {
    let forge = Forge { roles: vec![role("ADFS-ProductionAdmin.not")], ..Forge::default() };
    assert_eq!(accepted(&forge.xml()).roles(), [role("ADFS-ProductionAdmin.not")]);
    let evil = replace(&forge.xml(), ".not", "<!---->.not");
    assert!(careless_verifier_accepts(&evil), "the signature still holds");
    assert_eq!(refused(&evil), SamlRefusal::ValueNotText);
}

#[test]
fn comment_in_role_session_name() {
    let forge = Forge { session_name: "admin.evil".into(), ..Forge::default() };
    assert_eq!(accepted(&forge.xml()).role_session_name(), "admin.evil");
    let evil = replace(&forge.xml(), "admin.evil", "admin<!---->.evil");
    assert!(careless_verifier_accepts(&evil), "the signature still holds");
    assert_eq!(refused(&evil), SamlRefusal::ValueNotText);
}

#[test]
fn comment_in_audience() {
    accepted(&Forge::default().xml());
    let other = Forge { audiences: vec![format!("{AUDIENCE}.evil")], ..Forge::default() }.xml();
    assert_eq!(refused(&other), SamlRefusal::WrongAudience);
    let evil = replace(&other, &format!("{AUDIENCE}.evil"), &format!("{AUDIENCE}<!---->.evil"));
    assert!(careless_verifier_accepts(&evil), "the signature still holds");
    assert_eq!(refused(&evil), SamlRefusal::ValueNotText);
}

#[test]
fn comment_in_issuer() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let issuer = format!("<Issuer>{ISSUER}</Issuer>");
    let evil = replace(&genuine, &issuer, &format!("<Issuer>{ISSUER}<!---->.evil</Issuer>"));
    assert_eq!(refused(&evil), SamlRefusal::UnknownIssuer);
}

// ---------------------------------------------------------------- size

/// A document that only the caps refuse, first with the default limit of
/// characters, then with none to speak of.
fn too_complex(xml: &str, cap: Cap) {
    accepted(&Forge::default().xml());
    let field = STANDARD.encode(xml);
    if field.len() > Limits::default().max_response_chars {
        assert_eq!(
            accept_field(&field, &Limits::default(), &providers(), now()).map(drop),
            Err(SamlRefusal::TooLong)
        );
    }
    let limits = Limits { max_response_chars: usize::MAX, ..Limits::default() };
    assert_eq!(
        accept_field(&field, &limits, &providers(), now()).map(drop),
        Err(SamlRefusal::TooComplex(cap))
    );
}

/// The honest response with something big in a part that is not signed.
fn with_extensions(extensions: &str) -> String {
    let genuine = Forge::default().xml();
    replace(
        &genuine,
        "<samlp:Status>",
        &format!("<samlp:Extensions>{extensions}</samlp:Extensions><samlp:Status>"),
    )
}

#[test]
fn ten_megabytes() {
    accepted(&Forge::default().xml());
    assert_eq!(refused(&with_extensions(&"x".repeat(10 * 1024 * 1024))), SamlRefusal::TooLong);
    let spaces = format!("{}{}", STANDARD.encode(Forge::default().xml()), " ".repeat(10 * 1024 * 1024));
    let outcome = accept_field(&spaces, &Limits::default(), &providers(), now());
    assert_eq!(outcome.map(drop), Err(SamlRefusal::TooLong));
}

#[test]
fn depth_100_000() {
    let deep = with_extensions(&format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000)));
    too_complex(&deep, Cap::Depth);
}

#[test]
fn depth_within_the_limit_of_characters() {
    let deep = with_extensions(&format!("{}{}", "<a>".repeat(9_000), "</a>".repeat(9_000)));
    assert!(STANDARD.encode(&deep).len() <= Limits::default().max_response_chars);
    too_complex(&deep, Cap::Depth);
}

#[test]
fn attributes_100_000() {
    let many: String = (0..100_000).map(|i| format!(" a{i}=\"\"")).collect();
    too_complex(&with_extensions(&format!("<a{many} />")), Cap::Attributes);
}

#[test]
fn namespaces_100_000() {
    let many: String = (0..100_000).map(|i| format!(" xmlns:n{i}=\"urn:n\"")).collect();
    too_complex(&with_extensions(&format!("<a{many} />")), Cap::Attributes);
    let spread: String = (0..100_000).map(|i| format!("<a xmlns:n{i}=\"urn:n\" />")).collect();
    too_complex(&with_extensions(&spread), Cap::Namespaces);
}

#[test]
fn nodes_100_000() {
    too_complex(&with_extensions(&"<a/>".repeat(100_000)), Cap::Nodes);
    too_complex(&with_extensions(&"<!---->x".repeat(100_000)), Cap::Nodes);
}

// ---------------------------------------------------------------- the form field

#[test]
fn not_base64() {
    accepted(&Forge::default().xml());
    let judge = |field: &str| accept_field(field, &Limits::default(), &providers(), now()).map(drop);
    let honest = STANDARD.encode(Forge::default().xml());
    assert_eq!(judge(&honest), Ok(()));
    for evil in ["%%%", "PHg", &honest[1..], &honest.replace(['+', '/'], "-"), &format!("{honest}AAAA=")] {
        assert_eq!(judge(evil), Err(SamlRefusal::NotBase64));
    }
    assert_eq!(judge(""), Err(SamlRefusal::Empty));
    assert_eq!(judge(" \r\n"), Err(SamlRefusal::Empty));
    assert_eq!(judge(&STANDARD.encode("just text")), Err(SamlRefusal::NotXml));
}

/// The HTTP-Redirect binding's encoding in the HTTP-POST binding's place.
#[test]
fn deflated() {
    accepted(&Forge::default().xml());
    for field in [
        // zlib's and raw DEFLATE of `<samlp:Response … ID="_1" Version="2.0"/>`.
        "eJyzKU7MzSmwCkotLsjPK05VqMjNySu2AgvaKpUW5VnlJxZnFlvlJeamFluVJFsFO/r6WBnpGVgVFOWX5Cfn5ygpeLrYKsUbKimEpRYVZ+bn2SoBpZX07QDKKR45",
        "sylOzM0psApKLS7IzytOVajIzckrtgIL2iqVFuVZ5ScWZxZb5SXmphZblSRbBTv6+lgZ6RlYFRTll+Qn5+coKXi62CrFGyophKUWFWfm59kqAaWV9O0A",
    ] {
        let outcome = accept_field(field, &Limits::default(), &providers(), now());
        assert_eq!(outcome.map(drop), Err(SamlRefusal::Compressed), "{field}");
    }
}

/// What is refused names a code, and nothing of what was sent.
#[test]
fn refusals_repeat_nothing_of_the_message() {
    for forge in [
        Forge { audiences: vec!["canary".into()], ..Forge::default() },
        Forge { issuer: "canary".into(), ..Forge::default() },
        Forge { recipient: "canary".into(), ..Forge::default() },
        Forge { name_id: "canary<!---->".into(), ..Forge::default() },
    ] {
        let refusal = refused(&forge.xml());
        assert!(!format!("{refusal} {refusal:?} {}", refusal.code()).contains("canary"));
    }
    let identity = judge(&Forge { name_id: "canary".into(), ..Forge::default() }.xml()).unwrap();
    assert!(!format!("{identity:?}").contains("canary"));
    assert!(identity.original().expose().len() > 1_000);
}
