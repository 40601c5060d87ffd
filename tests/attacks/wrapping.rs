//! Signature wrapping: a genuine signature over something else than what is read.

use super::*;

/// The evil Response holds the signature, which holds the genuine Response.
#[test]
fn xsw1_genuine_response_inside_the_signature() {
    let genuine = Forge::response_signed().xml();
    accepted(&genuine);
    let signature = signature_of(&genuine);
    let carrying = replace(
        &signature,
        "</ds:Signature>",
        &format!("<ds:Object>{}</ds:Object></ds:Signature>", without_signature(&genuine)),
    );
    let evil = Forge { response_id: "_evil_response".into(), ..Forge::evil() }.xml();
    let evil = evil.replacen("</Issuer>", &format!("</Issuer>{carrying}"), 1);
    assert_eq!(wrapped(&evil), SamlRefusal::NotOneAssertion);
}

/// The evil Response holds the signature, detached, beside the genuine Response.
#[test]
fn xsw2_genuine_response_beside_the_signature() {
    let genuine = Forge::response_signed().xml();
    accepted(&genuine);
    let beside = format!("{}{}", without_signature(&genuine), signature_of(&genuine));
    let evil = Forge { response_id: "_evil_response".into(), ..Forge::evil() }.xml();
    let evil = evil.replacen("</Issuer>", &format!("</Issuer>{beside}"), 1);
    assert_eq!(wrapped(&evil), SamlRefusal::NotOneAssertion);
}

/// The evil Assertion precedes the genuine one.
#[test]
fn xsw3_evil_assertion_before_the_genuine_one() {
    let evil = response_around(&format!("{}{}", evil_assertion(), signed_assertion()));
    assert_eq!(wrapped(&evil), SamlRefusal::NotOneAssertion);
}

/// The evil Assertion holds the genuine one.
#[test]
fn xsw4_evil_assertion_around_the_genuine_one() {
    let around = replace(&evil_assertion(), "</Assertion>", &format!("{}</Assertion>", signed_assertion()));
    assert_eq!(wrapped(&response_around(&around)), SamlRefusal::NotOneAssertion);
}

/// The evil Assertion holds the signature; the genuine one comes last, without it.
#[test]
fn xsw5_evil_assertion_with_the_signature_genuine_one_last() {
    let genuine = signed_assertion();
    let evil = evil_assertion_with(&signature_of(&genuine));
    let evil = response_around(&format!("{evil}{}", without_signature(&genuine)));
    assert_eq!(wrapped(&evil), SamlRefusal::NotOneAssertion);
}

/// The evil Assertion holds the signature, which holds the genuine one.
#[test]
fn xsw6_genuine_assertion_inside_the_evil_ones_signature() {
    let genuine = signed_assertion();
    let inside = replace(
        &signature_of(&genuine),
        "</ds:Signature>",
        &format!("{}</ds:Signature>", without_signature(&genuine)),
    );
    assert_eq!(wrapped(&response_around(&evil_assertion_with(&inside))), SamlRefusal::NotOneAssertion);
}

/// The evil Assertion hides in an Extensions element.
#[test]
fn xsw7_evil_assertion_in_extensions() {
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", evil_assertion());
    let evil = response_around(&format!("{extensions}{}", signed_assertion()));
    assert_eq!(wrapped(&evil), SamlRefusal::NotOneAssertion);
}

/// The evil Assertion holds the signature, the genuine one its Object.
#[test]
fn xsw8_genuine_assertion_in_the_signatures_object() {
    let genuine = signed_assertion();
    let object = format!("<ds:Object>{}</ds:Object></ds:Signature>", without_signature(&genuine));
    let signature = replace(&signature_of(&genuine), "</ds:Signature>", &object);
    assert_eq!(wrapped(&response_around(&evil_assertion_with(&signature))), SamlRefusal::NotOneAssertion);
}

#[test]
fn evil_assertion_first() {
    let evil =
        replace(&Forge::default().xml(), "<samlp:Status>", &format!("{}<samlp:Status>", evil_assertion()));
    assert_eq!(wrapped(&evil), SamlRefusal::NotOneAssertion);
}

#[test]
fn evil_assertion_last() {
    let evil = response_around(&format!("{}{}", signed_assertion(), evil_assertion()));
    assert_eq!(wrapped(&evil), SamlRefusal::NotOneAssertion);
}

#[test]
fn evil_assertion_in_the_genuine_signatures_object() {
    let object = format!("<ds:Object>{}</ds:Object></ds:Signature>", evil_assertion());
    let evil = replace(&Forge::default().xml(), "</ds:Signature>", &object);
    assert_eq!(wrapped(&evil), SamlRefusal::NotOneAssertion);
}

#[test]
fn evil_assertion_in_the_genuine_signatures_key_info() {
    let inside = format!("{}</KeyInfo>", evil_assertion());
    let evil = replace(&Forge::default().xml(), "</KeyInfo>", &inside);
    assert_eq!(wrapped(&evil), SamlRefusal::NotOneAssertion);
}

#[test]
fn evil_assertion_under_another_prefix() {
    let prefixed = Forge {
        style: forge::Style { protocol: "samlp", assertion: "x", declared_above: false },
        ..Forge::evil()
    };
    let evil = response_around(&format!("{}{}", prefixed.assertion(), signed_assertion()));
    assert_eq!(wrapped(&evil), SamlRefusal::NotOneAssertion);
}

/// The genuine Assertion is not a child of the Response, the evil one is none of SAML 2.0.
#[test]
fn genuine_assertion_nested_evil_one_in_a_foreign_namespace() {
    let foreign = evil_assertion().replace(SAML, "urn:oasis:names:tc:SAML:1.0:assertion");
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", signed_assertion());
    assert_eq!(wrapped(&response_around(&format!("{extensions}{foreign}"))), SamlRefusal::NotOneAssertion);
}

/// The root is a foreign element around the genuine Response.
#[test]
fn response_is_not_the_root() {
    let evil = format!("<evil>{}{}</evil>", evil_assertion(), Forge::default().xml());
    assert_eq!(wrapped(&evil), SamlRefusal::NotAResponse);
}

/// An honest refusal by the identity provider: signed, about nobody.
fn signed_failure() -> String {
    let mut failure = response_around("");
    failure = failure.replace("status:Success", "status:Responder");
    let id = "_a_genuine_failure";
    failure = replace(&failure, &Forge::default().response_id, id);
    let signed = Signing::default().sign(&failure, id);
    assert_eq!(refused(&signed), SamlRefusal::NotSuccess);
    signed
}

/// A genuinely signed Response without any assertion lends its signature.
#[test]
fn signed_failure_response_in_the_signatures_object() {
    let failure = signed_failure();
    let object = format!("<ds:Object>{}</ds:Object></ds:Signature>", without_signature(&failure));
    let signature = replace(&signature_of(&failure), "</ds:Signature>", &object);
    let evil = Forge::evil().xml().replacen("</Issuer>", &format!("</Issuer>{signature}"), 1);
    assert_eq!(wrapped(&evil), SamlRefusal::SignatureMalformed);
}

#[test]
fn signed_failure_response_in_extensions() {
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", signed_failure());
    let evil = response_around(&format!("{extensions}{}", evil_assertion()));
    assert_eq!(wrapped(&evil), SamlRefusal::SignatureMisplaced);
}

/// Values in the parts of the document that no signature covers.
fn smuggled() -> String {
    let evil = Forge::evil().assertion();
    [element(&evil, "Subject"), element(&evil, "AttributeStatement")]
        .map(|part| part.replacen('>', &format!(" xmlns=\"{SAML}\">"), 1))
        .concat()
}

fn honest_values(xml: &str) {
    let identity = accepted(xml);
    assert_eq!(identity.roles(), Forge::default().roles);
    assert_eq!(identity.role_session_name(), Forge::default().session_name);
}

#[test]
fn values_outside_the_signed_assertion_are_not_read() {
    let genuine = Forge::default().xml();
    honest_values(&genuine);
    let beside = replace(&genuine, "<samlp:Status>", &format!("{}<samlp:Status>", smuggled()));
    assert_eq!(refused(&beside), SamlRefusal::Incomplete);
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions><samlp:Status>", smuggled());
    honest_values(&replace(&genuine, "<samlp:Status>", &extensions));
}

/// The enveloped signature is inside the assertion, and not covered by itself.
#[test]
fn values_inside_the_signature_are_not_read() {
    let genuine = Forge::default().xml();
    honest_values(&genuine);
    let evil = replace(&genuine, "</KeyInfo>", &format!("{}</KeyInfo>", smuggled()));
    honest_values(&evil);
    // Not even by a selector that would match there.
    let loose = |xml: &str| {
        let mut provider = adfs();
        provider.selectors.more.insert("any".into(), Selector::compile("*/*/AttributeValue").unwrap());
        let providers = IdentityProviders::new(vec![provider]).unwrap();
        let identity = accept_field(&STANDARD.encode(xml), &Limits::default(), &providers, now()).unwrap();
        identity.values("any").to_vec()
    };
    let value = format!("<AttributeValue xmlns=\"{SAML}\">evil</AttributeValue></KeyInfo>");
    let evil = replace(&genuine, "</KeyInfo>", &value);
    assert!(loose(&genuine).len() > 3);
    assert_eq!(loose(&evil), loose(&genuine));
}
