//! Metadata that must be signed, and attacks on the signature.

use super::*;

#[test]
fn honest_signed_metadata_is_read() {
    assert_eq!(parse_signed(&signed_by(&EC, &honest())).unwrap().entity_id, "urn:idp");
    let aggregate = signed_by(&EC, &aggregate_of(&honest()));
    assert_eq!(parse_signed(&aggregate).unwrap().entity_id, "urn:idp");
    // Either of two pinned certificates, since those roll over too.
    let by_rsa = signed_by(&RSA, &honest());
    let both = [EC.key(), RSA.key()];
    assert!(IdpMetadata::parse_signed(by_rsa.as_bytes(), None, &both).is_ok());
    // A member's own signature inside is covered by the root's, and asked nothing.
    let member = honest().replacen(" entityID", " ID='_member' entityID", 1);
    let member = member.replacen("<RoleDescriptor", "{member}<RoleDescriptor", 1);
    let member = RSA.put(&member, "{member}", "_member");
    assert_eq!(parse_signed(&signed_by(&EC, &aggregate_of(&member))).unwrap().entity_id, "urn:idp");
}

#[test]
fn attack_signature_left_out() {
    assert_eq!(refused(&honest()), SamlRefusal::NotSigned);
}

#[test]
fn attack_signed_by_a_stranger_whose_certificate_is_in_key_info() {
    assert_eq!(refused(&signed_by(&RSA, &honest())), SamlRefusal::SignatureMismatch);
    assert!(IdpMetadata::parse_signed(signed_by(&EC, &honest()).as_bytes(), None, &[]).is_err());
}

#[test]
fn attack_a_key_added_after_signing() {
    let signed = signed_by(&EC, &honest());
    let more = key(" use='signing'", &certificate());
    let evil = signed.replacen("<SingleSignOnService", &format!("{more}<SingleSignOnService"), 1);
    assert_ne!(evil, signed);
    assert_eq!(refused(&evil), SamlRefusal::DigestMismatch);
    assert_eq!(refused(&signed.replace("2027-01-01", "2097-01-01")), SamlRefusal::DigestMismatch);
    assert_eq!(refused(&signed.replace("https://idp.", "https://evil.")), SamlRefusal::DigestMismatch);
}

#[test]
fn attack_an_evil_root_around_the_signed_entity() {
    let signed = signed_by(&EC, &honest());
    assert_eq!(refused(&aggregate_of(&format!("{}{signed}", evil()))), SamlRefusal::NotSigned);
    assert_eq!(refused(&aggregate_of(&format!("{signed}{}", evil()))), SamlRefusal::NotSigned);
    let extended =
        evil().replacen("<RoleDescriptor", &format!("<Extensions>{signed}</Extensions><RoleDescriptor"), 1);
    assert_eq!(refused(&extended), SamlRefusal::NotSigned);
}

#[test]
fn attack_the_signature_moved_to_an_evil_root_that_holds_the_signed_one() {
    let signed = signed_by(&EC, &honest());
    let start = signed.find("<ds:Signature").unwrap();
    let end = signed.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = signed.get(start..end).unwrap();
    let bare = signed.replace(signature, "");
    let holding = |id: &str, inside: &str| {
        evil().replacen(" entityID", &format!("{id} entityID"), 1).replacen(
            "<RoleDescriptor",
            &format!("{signature}<Extensions>{inside}</Extensions><RoleDescriptor"),
            1,
        )
    };
    assert_eq!(refused(&holding("", &bare)), SamlRefusal::ReferenceRefused);
    assert_eq!(refused(&holding(" ID='_evil'", &bare)), SamlRefusal::ReferenceRefused);
    assert_eq!(refused(&holding(" ID='_root'", &bare)), SamlRefusal::DuplicateId);
    assert_eq!(refused(&holding(" ID='_root'", "")), SamlRefusal::DigestMismatch);
    // And the signed one with an identifier in another spelling.
    let respelt = bare.replace(" ID='_root'", " Id='_root'");
    assert_eq!(refused(&holding(" ID='_root'", &respelt)), SamlRefusal::DuplicateId);
}

/// The enveloped signature's own element is left out of the digest, and its
/// KeyInfo may hold anything.
#[test]
fn attack_an_entity_inside_the_root_s_own_signature() {
    for signed in [signed_by(&EC, &aggregate_of(&honest())), signed_by(&EC, &honest())] {
        for place in ["<KeyName>", "</KeyInfo>"] {
            let evil = signed.replacen(place, &format!("{}{place}", evil()), 1);
            assert_ne!(evil, signed);
            assert_eq!(parse_signed(&evil).unwrap().entity_id, "urn:idp");
            let by_name = IdpMetadata::parse_signed(evil.as_bytes(), Some("urn:evil"), &[EC.key()]);
            assert_eq!(by_name.err(), Some(MetadataError::NotInIt("urn:evil".to_owned())));
        }
    }
}

#[test]
fn attack_two_signatures_on_the_root() {
    let once =
        EC.put(&signable(&honest()).replace("{signature}", "{signature}{another}"), "{signature}", "_root");
    let other = RSA.put(&signable(&honest()), "{signature}", "_root");
    let start = other.find("<ds:Signature").unwrap();
    let end = other.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    assert_eq!(
        refused(&once.replace("{another}", other.get(start..end).unwrap())),
        SamlRefusal::SignatureMisplaced
    );
}

#[test]
fn attack_a_reference_to_nothing_or_to_a_member() {
    let signed = signed_by(&EC, &aggregate_of(&honest().replacen(" entityID", " ID='_member' entityID", 1)));
    assert_eq!(refused(&signed.replace("URI=\"#_root\"", "URI=\"\"")), SamlRefusal::ReferenceRefused);
    assert_eq!(refused(&signed.replace("URI=\"#_root\"", "URI=\"#_member\"")), SamlRefusal::ReferenceRefused);
    assert_eq!(refused(&signed.replace(" ID='_root'", "")), SamlRefusal::ReferenceRefused);
}

#[test]
fn attack_a_comment_inside_a_certificate() {
    let signed = signed_by(&EC, &honest());
    let commented = signed.replacen("<X509Certificate>", "<X509Certificate><!-- -->", 3);
    // Not covered by the signature, so it verifies; and then it is no certificate.
    let error = parse_signed(&commented).err();
    assert!(matches!(error, Some(MetadataError::NoSigningKey { .. })), "{error:?}");
}

#[test]
fn attack_an_algorithm_of_the_attacker_s_choice() {
    let signed = signed_by(&EC, &honest());
    let algorithm = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
    for weak in ["http://www.w3.org/2000/09/xmldsig#hmac-sha1", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"]
    {
        assert_eq!(refused(&signed.replace(algorithm, weak)), SamlRefusal::AlgorithmRefused);
    }
}
