//! What libraries took for a value in 2025 and 2026: each trick at every value that counts,
//! in an assertion that the identity provider signed.

use super::*;

/// Element, its content, and what there is without it.
const VALUES: [(&str, &str, Option<SamlRefusal>); 5] = [
    ("Issuer", ISSUER, Some(SamlRefusal::UnknownIssuer)),
    ("NameID", PERSON, Some(SamlRefusal::NoNameId)),
    ("Audience", "urn:amazon:webservices", Some(SamlRefusal::WrongAudience)),
    ("AttributeValue", "paula@example.com", Some(SamlRefusal::NoRoleSessionName)),
    // Not everybody says it, and rules need not ask.
    ("AuthnContextClassRef", "urn:federation:authentication:windows", None),
];

/// Signed with this in place of the element, in the Assertion.
fn signed_with(name: &str, content: &str, instead: &str) -> String {
    let forge = Forge::default();
    let xml = forge.clone().not_signed().xml();
    let genuine = element(&xml, "Assertion");
    let at = genuine.find(&format!(">{content}</{name}>")).unwrap_or_else(|| panic!("{name}: {xml}"));
    let start = genuine[..at].rfind('<').unwrap();
    let end = at + content.len() + name.len() + 4;
    let assertion = [&genuine[..start], instead, &genuine[end..]].concat();
    Signing::default().sign(&replace(&xml, genuine, &assertion), &forge.assertion_id)
}

/// `None`: accepted. Nothing but the genuine value ever is read.
fn accepts(xml: &str) -> Option<SamlRefusal> {
    let outcome = judge(xml);
    if let Ok(identity) = &outcome {
        let class =
            identity.authn_context().is_none_or(|class| class == "urn:federation:authentication:windows");
        assert!(identity.name_id() == PERSON && class, "{xml}");
        assert_eq!(identity.role_session_name(), "paula@example.com");
    }
    outcome.err()
}

#[test]
fn honest_values_stand_where_they_stood() {
    for (name, content, _) in VALUES {
        let same = format!("<{name}>{content}</{name}>");
        assert_eq!(accepts(&signed_with(name, content, &same)), None, "{name}");
    }
}

/// samlify #634 and "Hacking SAML" (2026-08): a reader stops at a processing instruction or a
/// comment (authentik CVE-2026-57580), and what follows is not the person's any more.
#[test]
fn instructions_comments_and_elements_inside_a_value() {
    for (name, content, _) in VALUES {
        let (before, after) = content.split_at(3);
        for inside in ["<?cut?>", "<!-- cut -->", "<cut/>", "<cut>x</cut>", "<?xml-stylesheet href='x'?>"] {
            for value in [
                format!("{before}{inside}{after}"),
                format!("{inside}{content}"),
                format!("{content}{inside}.evil"),
            ] {
                let xml = signed_with(name, content, &format!("<{name}>{value}</{name}>"));
                let expected =
                    if name == "Issuer" { SamlRefusal::UnknownIssuer } else { SamlRefusal::ValueNotText };
                assert_eq!(accepts(&xml), Some(expected), "{name}: {value}");
            }
        }
    }
}

/// crewjam GO-2026-6909, "The Fragile Lock" (2025-12): names compared without their namespace.
#[test]
fn values_of_a_foreign_namespace() {
    for (name, content, absent) in VALUES {
        for instead in [
            format!("<{name} xmlns=\"urn:foreign\">{content}</{name}>"),
            format!("<x:{name} xmlns:x=\"urn:foreign\">{content}</x:{name}>"),
            format!("<{name} xmlns=\"\">{content}</{name}>"),
            format!("<{name} xmlns=\"{SAML}#\">{content}</{name}>"),
            format!("<{name} xmlns=\"urn:oasis:names:tc:SAML:1.0:assertion\">{content}</{name}>"),
        ] {
            assert_eq!(accepts(&signed_with(name, content, &instead)), absent, "{instead}");
        }
    }
}

/// crewjam's nil Issuer: a check that is skipped where there is nothing to check.
#[test]
fn values_that_are_not_there() {
    for (name, content, absent) in VALUES {
        for instead in [String::new(), format!("<{name}/>"), format!("<{name}> \n</{name}>")] {
            assert_eq!(accepts(&signed_with(name, content, &instead)), absent, "{instead}");
        }
    }
}

/// The same inside the signature, which nobody has signed yet when it is read.
#[test]
fn instructions_inside_the_signature() {
    let genuine = Forge::default().xml();
    for name in ["ds:SignedInfo", "ds:Reference", "ds:Transforms", "ds:DigestValue", "ds:SignatureValue"] {
        for inside in ["<?cut?>", "<!-- cut -->", "!", "<cut/>"] {
            let start = genuine.find(&format!("<{name}")).unwrap();
            let at = start + genuine[start..].find('>').unwrap() + 1;
            let evil = [&genuine[..at], inside, &genuine[at..]].concat();
            let refusal = refused(&evil);
            assert!(
                matches!(refusal, SamlRefusal::SignatureMalformed | SamlRefusal::TransformRefused),
                "{name} {inside}: {refusal:?}"
            );
        }
    }
}

/// "Attribute pollution": a second attribute of one name, whose value another reader takes.
#[test]
fn a_second_attribute_of_the_same_name() {
    let forge = Forge::default();
    let xml = forge.clone().not_signed().xml();
    let name = "https://aws.amazon.com/SAML/Attributes/RoleSessionName";
    let second = format!(
        "<Attribute Name=\"{name}\"><AttributeValue>admin@example.com</AttributeValue></Attribute></AttributeStatement>"
    );
    let xml = replace(&xml, "</AttributeStatement>", &second);
    let signed = Signing::default().sign(&xml, &forge.assertion_id);
    assert_eq!(refused(&signed), SamlRefusal::ValueNotSingle);
}
