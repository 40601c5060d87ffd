//! Which keys are read, and why others are not.

use super::*;

fn rsa_key_value(signer: &TestKey) -> String {
    use aws_lc_rs::signature::KeyPair;
    let TestKey::Rsa(pair) = signer else { unreachable!() };
    let public = pair.public_key();
    let number = |bytes: &[u8]| STANDARD.encode(bytes);
    format!(
        "<KeyDescriptor use='signing'><KeyInfo xmlns='{DSIG}'><KeyValue><RSAKeyValue><Modulus>\n{}\n</Modulus>\
         <Exponent>{}</Exponent></RSAKeyValue></KeyValue></KeyInfo></KeyDescriptor>",
        number(public.modulus().big_endian_without_leading_zero()),
        number(public.exponent().big_endian_without_leading_zero()),
    )
}

fn keys_of(keys: &str) -> Vec<String> {
    let metadata = IdpMetadata::parse(entity("urn:idp", keys).as_bytes(), None).unwrap();
    metadata.signing_keys.iter().map(|key| key.fingerprint().to_owned()).collect()
}

#[test]
fn a_key_is_read_in_the_forms_that_people_publish() {
    let certified = certificate();
    let armoured = format!("\n-----BEGIN CERTIFICATE-----\n{certified}\n-----END CERTIFICATE-----\n");
    assert_eq!(keys_of(&key("", &armoured)), [fingerprint(&certified)]);
    assert_eq!(keys_of(&key("", certified.trim_end_matches('='))), [fingerprint(&certified)]);

    assert_eq!(keys_of(&rsa_key_value(&RSA)), [RSA.key().fingerprint()]);
    let number = rsa_key_value(&RSA).replacen("<Modulus>\n", "<Modulus>AAAA", 1);
    assert_eq!(keys_of(&number), [RSA.key().fingerprint()], "leading zeros");
    let both = key("", &certified).replace("</X509Data>", "</X509Data><KeyValue><RSAKeyValue/></KeyValue>");
    assert_eq!(keys_of(&both), [fingerprint(&certified)]);
}

/// Whoever certified the key, and whoever certified them, could sign too.
#[test]
fn attack_an_authority_s_certificate_behind_the_key_s() {
    let (leaf, authority) = (certificate(), certificate());
    let data = |text: &str| format!("<X509Data><X509Certificate>{text}</X509Certificate></X509Data>");
    let beside = key("", &leaf).replace(
        "</X509Certificate>",
        &format!("</X509Certificate><X509Certificate>{authority}</X509Certificate>"),
    );
    let behind = key("", &leaf).replace("</X509Data>", &format!("</X509Data>{}", data(&authority)));
    for descriptor in [beside, behind] {
        assert!(descriptor.contains(&authority));
        assert_eq!(keys_of(&descriptor), [fingerprint(&leaf)]);
    }
    let two = key("", &leaf) + &key("", &authority);
    assert_eq!(keys_of(&two), [fingerprint(&leaf), fingerprint(&authority)]);
}

#[test]
fn no_usable_key_says_why_of_each() {
    let why = |keys: &str| match IdpMetadata::parse(entity("urn:idp", keys).as_bytes(), None) {
        Err(MetadataError::NoSigningKey { entity_id, why }) => {
            assert_eq!(entity_id, "urn:idp");
            why
        }
        other => unreachable!("{other:?}"),
    };
    assert_eq!(why(""), "it has no KeyDescriptor");
    assert_eq!(why(&key(" use='encryption'", &certificate())), "its KeyDescriptors are for encryption only");
    let short = rsa_key_value(&RSA);
    let modulus = short.find("<Modulus>").unwrap() + "<Modulus>".len()..short.find("</Modulus>").unwrap();
    let short = short.replace(&short[modulus], &STANDARD.encode([0xc1; 128]));
    for (descriptor, words) in [
        (short.clone(), "its key cannot be used: it is RSA of 1024 bits, and 2,048 to 8,192 are accepted"),
        (key("", "AAAA"), "its key cannot be used: it is not an X.509 certificate"),
        (key("", "not base64"), "its X509Certificate is not base64"),
        (key(" use=''", &certificate()), "its use is neither signing nor encryption"),
        (key("", "").replace("X509Data", "KeyName"), "it has neither an X509Certificate nor an RSAKeyValue"),
        ("<KeyDescriptor/>".to_owned(), "it has no KeyInfo"),
        (rsa_key_value(&RSA).replace("Exponent>", "E>"), "its RSAKeyValue has no Exponent in base64"),
        (rsa_key_value(&RSA).replace("Modulus>", "M>"), "its RSAKeyValue has no Modulus in base64"),
    ] {
        assert_eq!(why(&descriptor), format!("KeyDescriptor 1: {words}"));
    }
    let two = key(" use='encryption'", &certificate()) + &key("", "AAAA") + &key(" use='both'", "");
    assert_eq!(
        why(&two),
        "KeyDescriptor 2: its key cannot be used: it is not an X.509 certificate; KeyDescriptor 3: its use is \
         neither signing nor encryption"
    );
    let many = why(&short.repeat(7));
    assert!(many.contains("KeyDescriptor 5:") && !many.contains("KeyDescriptor 6:"), "{many}");
    assert!(many.ends_with("; and 2 more"), "{many}");
}
