//! What honest identity providers send, in all its varieties: all of it is accepted.

use super::*;
use forge::{Style, at, p384};

#[test]
fn adfs_shaped() {
    let identity = accepted(&Forge::default().xml());
    assert_eq!(identity.idp(), "ADFS");
    assert_eq!(identity.issuer(), ISSUER);
    assert_eq!(identity.assertion_id(), Forge::default().assertion_id);
    assert_eq!(identity.role_session_name(), "paula@example.com");
    assert_eq!(identity.roles(), Forge::default().roles);
    assert_eq!(identity.authn_context(), Some("urn:federation:authentication:windows"));
    assert_eq!(identity.session_index(), Some(Forge::default().assertion_id.as_str()));
    assert_eq!(identity.session_not_on_or_after(), None);
    assert_eq!(identity.not_on_or_after(), now() + Duration::minutes(5) + service().clock_skew);
    assert_eq!(identity.original().expose(), STANDARD.encode(Forge::default().xml()));
}

#[test]
fn response_signed() {
    accepted(&Forge::response_signed().xml());
}

#[test]
fn both_signed() {
    accepted(&Forge::both_signed().xml());
}

#[test]
fn every_algorithm_on_the_list() {
    for signing in [
        Signing::hashing(Hash::Sha256),
        Signing::hashing(Hash::Sha384),
        Signing::hashing(Hash::Sha512),
        Signing { digest: Hash::Sha512, ..Signing::default() },
        Signing::with(p256()),
        Signing { hash: Hash::Sha384, digest: Hash::Sha384, ..Signing::with(p384()) },
    ] {
        accepted(&Forge { assertion_signing: Some(signing), ..Forge::default() }.xml());
    }
}

/// Okta, Shibboleth, pysaml2 and others write other prefixes than AD FS.
#[test]
fn every_prefix() {
    for protocol in ["samlp", "saml2p", "ns0"] {
        for assertion in ["", "saml2", "ns1"] {
            for prefix in ["ds", "", "dsig"] {
                for declared_above in [false, true] {
                    let style = Style { protocol, assertion, declared_above };
                    let signing = Signing { prefix, ..Signing::default() };
                    accepted(
                        &Forge {
                            style,
                            assertion_signing: Some(signing.clone()),
                            response_signing: Some(signing),
                            ..Forge::default()
                        }
                        .xml(),
                    );
                }
            }
        }
    }
}

/// Okta: `xs` is listed because it is used in values (`xsi:type="xs:string"`).
#[test]
fn inclusive_prefixes() {
    let edit =
        |xml: String| xml.replace("<saml2:AttributeValue>", "<saml2:AttributeValue xsi:type=\"xs:string\">");
    for prefix_list in ["xs", "xs xsi", "#default xs", "unknown"] {
        accepted(
            &Forge {
                style: Style { protocol: "saml2p", assertion: "saml2", declared_above: true },
                assertion_signing: Some(Signing { prefix_list, ..Signing::default() }),
                edit,
                ..Forge::default()
            }
            .xml(),
        );
    }
}

/// White space between elements is signed, and means nothing.
#[test]
fn indented() {
    let edit = |xml: String| xml.replace("><", ">\n  <");
    accepted(&Forge { edit, ..Forge::both_signed() }.xml());
}

#[test]
fn line_ends_of_another_system() {
    let edit = |xml: String| xml.replace("><", ">\n<");
    let unix = Forge { edit, ..Forge::default() }.xml();
    accepted(&unix);
    accepted(&unix.replace('\n', "\r\n"));
}

#[test]
fn base64_in_lines() {
    let xml = Forge::default().xml();
    let in_lines = |text: &str, end: &str| {
        let lines: Vec<&str> =
            text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
        lines.join(end)
    };
    // The form field.
    let field = in_lines(&STANDARD.encode(&xml), "\r\n");
    let identity = accept_field(&field, &Limits::default(), &providers(), now()).expect("accepted");
    assert_eq!(identity.original().expose(), STANDARD.encode(&xml), "for STS, without line ends");
    // The signature, as .NET (`\r\n`, literally or as a reference) and Java write it.
    let value = element(&xml, "SignatureValue");
    let value = &value["<ds:SignatureValue>".len()..value.len() - "</ds:SignatureValue>".len()];
    for end in ["\n", "\r\n", "&#13;\n", " "] {
        accepted(&replace(&xml, value, &in_lines(value, end)));
    }
}

#[test]
fn values_in_cdata_and_references() {
    let edit = |xml: String| {
        let xml = replace(&xml, PERSON, "<![CDATA[EXAMPLE\\]]>pa&#117;l&#x61;");
        replace(&xml, "Domain Users", "R&amp;D &lt;all&gt;")
    };
    accepted(&Forge { edit, ..Forge::default() }.xml());
}

#[test]
fn not_ascii() {
    let groups = vec!["Domänen-Benutzer".into(), "利用者".into(), "𝔊roup".into()];
    accepted(&Forge { groups, session_name: "paula@example.com".into(), ..Forge::default() }.xml());
    let name_id = "EXAMPLE\\Åsa".to_owned();
    let identity = judge(&Forge { name_id: name_id.clone(), ..Forge::default() }.xml()).unwrap();
    assert_eq!(identity.name_id(), name_id);
}

#[test]
fn declaration_and_byte_order_mark() {
    let xml = Forge::default().xml();
    accepted(&format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}\n"));
    accepted(&format!("\u{feff}{xml}"));
}

/// A comment between elements cuts nothing.
#[test]
fn comments_between_elements() {
    let xml = Forge::default().xml();
    accepted(&replace(&xml, "<AttributeStatement>", "<!-- claims --><AttributeStatement>"));
    accepted(&format!("<!-- before -->{xml}<!-- after -->"));
}

#[test]
fn six_hundred_roles() {
    let roles: Vec<String> = (0..600).map(|i| role(&format!("R{i}"))).collect();
    let xml = Forge { roles: roles.clone(), groups: Vec::new(), ..Forge::default() }.xml();
    assert!(STANDARD.encode(&xml).len() > 90_000);
    assert_eq!(accepted(&xml).roles(), roles);
}

#[test]
fn response_without_issuer_and_destination() {
    accepted(&Forge { response_issuer: None, destination: None, ..Forge::default() }.xml());
}

#[test]
fn session_that_ends() {
    let forge = Forge { session_not_on_or_after: Some(at(8 * 3_600)), ..Forge::default() };
    let ends = accepted(&forge.xml()).session_not_on_or_after();
    assert_eq!(ends, Some(now() + Duration::hours(8)));
}
