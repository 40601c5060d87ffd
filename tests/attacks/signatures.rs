//! What a signature consists of, what it refers to, and that it is there.

use super::*;

// ---------------------------------------------------------------- look-ups by name

/// ruby-saml CVE-2024-45409: `//ds:DigestValue` finds the attacker's first.
#[test]
fn second_digest_value_inside_status_detail() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let tampered = replace(&genuine, PERSON, EVIL);
    let digest = Hash::Sha256.of(&signed_bytes(&tampered, &Forge::default().assertion_id));
    let evil = replace(
        &tampered,
        "</samlp:Status>",
        &format!(
            "<samlp:StatusDetail><ds:DigestValue xmlns:ds=\"{DSIG}\">{digest}</ds:DigestValue>\
             </samlp:StatusDetail></samlp:Status>"
        ),
    );
    assert_eq!(refused(&evil), SamlRefusal::DigestMismatch);
}

/// The attacker's SignedInfo has the tampered assertion's digest.
fn forged_signed_info(genuine: &str, tampered: &str) -> String {
    let info = element(genuine, "SignedInfo");
    let old = Hash::Sha256.of(&signed_bytes(genuine, &Forge::default().assertion_id));
    replace(info, &old, &Hash::Sha256.of(&signed_bytes(tampered, &Forge::default().assertion_id)))
}

/// xml-crypto CVE-2025-29774: the digest is read from one, the signature checked on the other.
#[test]
fn two_signed_infos() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let tampered = replace(&genuine, PERSON, EVIL);
    let forged = forged_signed_info(&genuine, &tampered);
    let info = element(&genuine, "SignedInfo");
    for pair in [format!("{forged}{info}"), format!("{info}{forged}")] {
        assert_eq!(refused(&replace(&tampered, info, &pair)), SamlRefusal::SignatureMalformed);
    }
}

/// The second SignedInfo hides where only `//ds:SignedInfo` looks.
#[test]
fn second_signed_info_inside_an_object() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let tampered = replace(&genuine, PERSON, EVIL);
    let object = format!("<ds:Object>{}</ds:Object></ds:Signature>", forged_signed_info(&genuine, &tampered));
    let evil = replace(&tampered, "</ds:Signature>", &object);
    assert_eq!(refused(&evil), SamlRefusal::SignatureMalformed);
}

/// xml-crypto CVE-2025-29775: canonicalization drops the comment, `firstChild` reads it.
#[test]
fn comment_inside_digest_value() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let tampered = replace(&genuine, PERSON, EVIL);
    let digest = Hash::Sha256.of(&signed_bytes(&tampered, &Forge::default().assertion_id));
    let comment = format!("<ds:DigestValue><!--{digest}-->");
    let evil = replace(&tampered, "<ds:DigestValue>", &comment);
    assert_eq!(refused(&evil), SamlRefusal::SignatureMalformed);
}

#[test]
fn comment_inside_signature_value() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let evil = replace(&genuine, "<ds:SignatureValue>", "<ds:SignatureValue><!---->");
    assert_eq!(refused(&evil), SamlRefusal::SignatureMalformed);
}

#[test]
fn two_signature_values() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let value = element(&genuine, "SignatureValue");
    assert_eq!(refused(&replace(&genuine, value, &value.repeat(2))), SamlRefusal::SignatureMalformed);
}

#[test]
fn two_signatures_on_one_element() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let signature = signature_of(&genuine);
    assert_eq!(
        refused(&replace(&genuine, &signature, &signature.repeat(2))),
        SamlRefusal::SignatureMisplaced
    );
}

// ---------------------------------------------------------------- references

/// goxmldsig CVE-2026-33487.
#[test]
fn two_references() {
    let refusal = signed_info_edited(|info| {
        let reference = element(&format!("<x xmlns:ds=\"{DSIG}\">{info}</x>"), "Reference").to_owned();
        replace(&info, &reference, &reference.repeat(2))
    });
    assert_eq!(refusal, SamlRefusal::ReferenceRefused);
}

#[test]
fn reference_to_the_whole_document() {
    fn whole(info: String) -> String {
        replace(&info, &format!("URI=\"#{}\"", Forge::default().assertion_id), "URI=\"\"")
    }
    assert_eq!(signed_info_edited(whole), SamlRefusal::ReferenceRefused);
}

#[test]
fn reference_by_xpointer() {
    fn pointer(info: String) -> String {
        let id = Forge::default().assertion_id;
        replace(&info, &format!("URI=\"#{id}\""), &format!("URI=\"#xpointer(id('{id}'))\""))
    }
    assert_eq!(signed_info_edited(pointer), SamlRefusal::ReferenceRefused);
}

#[test]
fn reference_to_another_server() {
    fn elsewhere(info: String) -> String {
        let id = Forge::default().assertion_id;
        replace(&info, &format!("URI=\"#{id}\""), &format!("URI=\"http://evil.example/#{id}\""))
    }
    assert_eq!(signed_info_edited(elsewhere), SamlRefusal::ReferenceRefused);
}

#[test]
fn reference_without_uri() {
    fn without(info: String) -> String {
        replace(&info, &format!(" URI=\"#{}\"", Forge::default().assertion_id), "")
    }
    assert_eq!(signed_info_edited(without), SamlRefusal::ReferenceRefused);
}

/// Keycloak CVE-2024-8698: a signature in the root is taken to cover the root.
#[test]
fn root_signature_referencing_the_assertion() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let signature = signature_of(&genuine);
    let moved = without_signature(&genuine).replacen("</Issuer>", &format!("</Issuer>{signature}"), 1);
    assert!(careless_verifier_accepts(&moved));
    assert_eq!(refused(&moved), SamlRefusal::ReferenceRefused);
}

/// The assertion's signature refers to the Response.
#[test]
fn assertion_signature_referencing_the_root() {
    let genuine = Forge::response_signed().xml();
    accepted(&genuine);
    let signature = signature_of(&genuine);
    let moved = without_signature(&genuine);
    let place = moved.rfind("</Issuer>").unwrap() + "</Issuer>".len();
    let moved = format!("{}{signature}{}", &moved[..place], &moved[place..]);
    assert!(careless_verifier_accepts(&moved));
    assert_eq!(refused(&moved), SamlRefusal::ReferenceRefused);
}

/// GHES CVE-2024-6800: another document of this issuer, signed, and public.
fn signed_metadata() -> String {
    let metadata = format!(
        "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" ID=\"_metadata\" \
         entityID=\"{ISSUER}\"><md:Organization /></md:EntityDescriptor>"
    );
    Signing::default().sign(&metadata, "_metadata")
}

#[test]
fn signed_metadata_as_the_signed_part() {
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", signed_metadata());
    let evil = response_around(&format!("{extensions}{}", evil_assertion()));
    assert_eq!(wrapped(&evil), SamlRefusal::SignatureMisplaced);
}

#[test]
fn signed_metadata_whose_signature_moved_to_the_assertion() {
    let metadata = signed_metadata();
    let evil = evil_assertion_with(&signature_of(&metadata));
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", without_signature(&metadata));
    assert_eq!(wrapped(&response_around(&format!("{extensions}{evil}"))), SamlRefusal::ReferenceRefused);
}

#[test]
fn signed_metadata_under_the_assertions_id() {
    let metadata = signed_metadata();
    let evil = evil_assertion_with(&signature_of(&metadata)).replace("ID=\"_evil\"", "ID=\"_metadata\"");
    assert_eq!(refused(&response_around(&evil)), SamlRefusal::DigestMismatch);
    let extensions = format!("<samlp:Extensions>{}</samlp:Extensions>", without_signature(&metadata));
    assert_eq!(wrapped(&response_around(&format!("{extensions}{evil}"))), SamlRefusal::DuplicateId);
}

// ---------------------------------------------------------------- signatures absent or partial

#[test]
fn unsigned() {
    accepted(&Forge::default().xml());
    assert_eq!(refused(&Forge::default().not_signed().xml()), SamlRefusal::NotSigned);
}

#[test]
fn signature_stripped() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    assert_eq!(refused(&without_signature(&genuine)), SamlRefusal::NotSigned);
}

#[test]
fn tampered() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    assert_eq!(refused(&replace(&genuine, PERSON, EVIL)), SamlRefusal::DigestMismatch);
    let response_signed = Forge::response_signed().xml();
    accepted(&response_signed);
    assert_eq!(refused(&replace(&response_signed, PERSON, EVIL)), SamlRefusal::DigestMismatch);
}

/// The digest was made to fit, so SignedInfo is another one.
#[test]
fn tampered_with_a_fitting_digest() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let tampered = replace(&genuine, PERSON, EVIL);
    let forged = forged_signed_info(&genuine, &tampered);
    let evil = replace(&tampered, element(&genuine, "SignedInfo"), &forged);
    assert_eq!(refused(&evil), SamlRefusal::SignatureMismatch);
}

/// Two signatures: one good is not enough.
#[test]
fn one_of_two_signatures_is_a_strangers() {
    accepted(&Forge::both_signed().xml());
    let evil = Forge { assertion_signing: Some(Signing::with(stranger())), ..Forge::both_signed() };
    assert_eq!(refused(&evil.xml()), SamlRefusal::SignatureMismatch);
    let evil = Forge { response_signing: Some(Signing::with(stranger())), ..Forge::both_signed() };
    assert_eq!(refused(&evil.xml()), SamlRefusal::SignatureMismatch);
}

/// Either may be all there is, but taking the inner one out changes what the outer one covers.
#[test]
fn one_of_two_signatures_stripped() {
    let genuine = Forge::both_signed().xml();
    accepted(&genuine);
    let (start, end) = (genuine.rfind("<ds:Signature ").unwrap(), genuine.rfind("</ds:Signature>").unwrap());
    let inner_stripped = [&genuine[..start], &genuine[end + "</ds:Signature>".len()..]].concat();
    assert_eq!(refused(&inner_stripped), SamlRefusal::DigestMismatch);
    accepted(&without_signature(&genuine));
}

/// A genuine signature elsewhere in the document is not let pass unread.
#[test]
fn signature_where_none_may_stand() {
    let genuine = Forge::default().xml();
    accepted(&genuine);
    let signature = signature_of(&genuine);
    for place in ["</samlp:Status>", "</Subject>", "</Conditions>", "</AttributeStatement>", "</KeyInfo>"] {
        let evil = replace(&genuine, place, &format!("{signature}{place}"));
        assert_eq!(refused(&evil), SamlRefusal::SignatureMisplaced, "{place}");
    }
}
