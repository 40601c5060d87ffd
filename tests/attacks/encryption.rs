//! Encrypted assertions and values. Encryption authenticates no one, since our
//! key is public: a decrypted assertion counts only with its signature, and the
//! answers tell an attacker who tampers nothing.

use super::*;
use forge::{Encrypting, Padding, Place, Recipient, decryption_keys};
use vestibule::saml::{DecryptionKeys, Expected, ResponseMessage, ServiceProvider};

fn encrypted(xml: &str) -> String {
    Encrypting::default().assertion_of(xml)
}

/// What becomes of a response whose one assertion decrypts to this.
fn inside(plaintext: &[u8]) -> SamlRefusal {
    refused(&response_around(&Encrypting::default().wrap("EncryptedAssertion", plaintext)))
}

fn judge_with(keys: DecryptionKeys, xml: &str) -> Result<Identity, SamlRefusal> {
    let service = ServiceProvider { decryption_keys: keys, ..service() };
    let message = ResponseMessage::decode(&STANDARD.encode(xml), &Limits::default(), None)?;
    let message = message.decrypt(&service.decryption_keys)?;
    let providers = providers();
    let verified = message.parse()?.find_issuer(&providers)?.verify()?;
    verified.accept(&service, Expected::Unsolicited, now()).map_err(|refused| refused.refusal)
}

// ------------------------------------------------------------------ honest

#[test]
fn honest_every_algorithm_and_place() {
    let plain = Forge::default().xml();
    for how in Encrypting::every() {
        let xml = how.assertion_of(&plain);
        assert!(!xml.contains("paula"));
        let identity = accepted(&xml);
        assert_eq!(identity.roles(), Forge::default().roles);
        assert_eq!(identity.original().expose(), STANDARD.encode(&xml), "for STS, as it came");
    }
}

#[test]
fn honest_every_padding_and_length() {
    for spaces in 0..17 {
        for padding in [Padding::Arbitrary, Padding::Pkcs7] {
            let plaintext = signed_assertion() + &" ".repeat(spaces);
            let how = Encrypting { padding, ..Encrypting::default() };
            accepted(&response_around(&how.wrap("EncryptedAssertion", plaintext.as_bytes())));
        }
    }
}

#[test]
fn honest_two_keys_while_one_replaces_the_other() {
    for recipient in [Recipient::New, Recipient::Old] {
        accepted(&Encrypting { recipient, ..Encrypting::default() }.assertion_of(&Forge::default().xml()));
    }
    let old = Encrypting { recipient: Recipient::Old, ..Encrypting::default() };
    let only_new = DecryptionKeys::new(vec![Recipient::New.decryption_key()]);
    let refusal = judge_with(only_new, &old.assertion_of(&Forge::default().xml())).err();
    assert_eq!(refusal, Some(SamlRefusal::NotDecryptable));
}

/// The Response's signature covers the ciphertext, and must hold there.
#[test]
fn honest_response_signed_around_the_ciphertext() {
    let xml = encrypted(&Forge::default().xml());
    let both = Signing::default().sign(&xml, &Forge::default().response_id);
    accepted(&both);
    let unsigned_destination = replace(&xml, &format!(" Destination=\"{}\"", forge::ACS), "");
    accepted(&unsigned_destination);
    let both = Signing::default().sign(&unsigned_destination, &Forge::default().response_id);
    assert_eq!(refused(&both), SamlRefusal::WrongDestination, "a signed message needs one");
}

/// xmlsec1 and others encrypt an element in place, without what is declared above it.
#[test]
fn honest_namespaces_of_the_place_it_stands() {
    let style = forge::Style { protocol: "samlp", assertion: "saml", declared_above: true };
    let xml = Forge { style, ..Forge::default() }.xml();
    assert!(!element(&xml, "Assertion").contains("xmlns:saml="));
    accepted(&encrypted(&xml));
    // Declared on EncryptedAssertion alone.
    let style = forge::Style { declared_above: false, ..style };
    let xml = Forge { style, ..Forge::default() }.xml();
    let bare = element(&xml, "Assertion").replacen(&format!(" xmlns:saml=\"{SAML}\""), "", 1);
    let wrapped = Encrypting::default().wrap("EncryptedAssertion", bare.as_bytes());
    let wrapped = wrapped.replace("s:Encrypted", "saml:Encrypted").replace("xmlns:s=", "xmlns:saml=");
    accepted(&replace(&xml, element(&xml, "Assertion"), &wrapped));
}

#[test]
fn honest_line_ends_and_white_space_inside() {
    let edit = |xml: String| xml.replace("><", ">\n<");
    let assertion = Forge { edit, ..Forge::default() }.assertion().replace('\n', "\r\n");
    let plaintext = format!("\r\n {assertion}\n");
    let wrapped = Encrypting::default().wrap("EncryptedAssertion", plaintext.as_bytes());
    accepted(&response_around(&wrapped));
}

/// A name or a value that only mentions it is no encrypted assertion.
#[test]
fn honest_mention_of_an_encrypted_assertion() {
    accepted(&Forge { groups: vec!["EncryptedAssertion".into()], ..Forge::default() }.xml());
}

/// And what is not a message of ours is refused as if it did not mention it.
#[test]
fn a_mention_of_an_encrypted_assertion_changes_no_refusal() {
    let two = signed_assertion() + &evil_assertion();
    let response = response_around(&two);
    for (xml, refusal) in [
        (response.clone(), SamlRefusal::NotOneAssertion),
        (response.replace("samlp:Response", "samlp:ArtifactResponse"), SamlRefusal::NotAResponse),
    ] {
        assert_eq!(refused(&xml), refusal);
        assert_eq!(refused(&format!("{xml}<!-- EncryptedAssertion -->")), refusal);
    }
}

/// One key pair has one fingerprint, whatever it is for: that is how a key with two uses is found.
#[test]
fn a_decryption_key_has_the_fingerprint_of_its_public_half() {
    let key = Recipient::Stranger.decryption_key();
    assert_eq!(key.key_fingerprint(), rsa().verification().key_fingerprint());
}

#[test]
fn decryption_keys_are_not_printed() {
    let key = "DecryptionKey(RSA of 2048 bits)";
    assert_eq!(format!("{:?}", decryption_keys()), format!("DecryptionKeys([{key}, {key}])"));
}

// ------------------------------------------------------------------ attacks

/// GHES CVE-2024-4985 and CVE-2024-9487, Keycloak CVE-2026-2092.
#[test]
fn self_encrypted_unsigned_assertion() {
    accepted(&encrypted(&Forge::default().xml()));
    assert_eq!(inside(evil_assertion().as_bytes()), SamlRefusal::NotDecryptable);
    // With an honest signature of somebody else, or of another element.
    let strangers = Forge { assertion_signing: Some(Signing::with(stranger())), ..Forge::evil() };
    assert_eq!(inside(strangers.assertion().as_bytes()), SamlRefusal::NotDecryptable);
    let carried = evil_assertion_with(&signature_of(&Forge::default().xml()));
    assert_eq!(inside(carried.as_bytes()), SamlRefusal::NotDecryptable);
}

/// The Response's signature vouches for the ciphertext only.
#[test]
fn response_signed_and_nothing_inside() {
    let xml = encrypted(&Forge::default().not_signed().xml());
    let signed = Signing::default().sign(&xml, &Forge::default().response_id);
    assert_eq!(refused(&signed), SamlRefusal::NotDecryptable);
    // Signed before it was encrypted: what it covers is not there any more.
    assert_eq!(refused(&encrypted(&Forge::response_signed().xml())), SamlRefusal::NotDecryptable);
    assert_eq!(refused(&encrypted(&Forge::both_signed().xml())), SamlRefusal::NotDecryptable);
}

/// All signatures that are there must hold.
#[test]
fn response_signature_that_does_not_hold() {
    let xml = encrypted(&Forge::default().xml());
    let id = Forge::default().response_id;
    let by_stranger = Signing::with(stranger()).sign(&xml, &id);
    assert_eq!(refused(&by_stranger), SamlRefusal::NotDecryptable);
    let changed = replace(&Signing::default().sign(&xml, &id), "consent:unspecified", "consent:obtained");
    assert_eq!(refused(&changed), SamlRefusal::NotDecryptable);
    // Another ciphertext under the genuine signature of the Response.
    let signed = Signing::default().sign(&xml, &id);
    let other = Forge { roles: vec![role("ADFS-Other")], ..Forge::default() }.assertion();
    let other = Encrypting::default().wrap("EncryptedAssertion", other.as_bytes());
    let start = signed.find("<s:EncryptedAssertion").unwrap();
    let end = signed.find("</s:EncryptedAssertion>").unwrap() + "</s:EncryptedAssertion>".len();
    accepted(&signed);
    assert_eq!(refused(&replace(&signed, &signed[start..end], &other)), SamlRefusal::NotDecryptable);
}

#[test]
fn another_recipient() {
    let how = Encrypting { recipient: Recipient::Stranger, ..Encrypting::default() };
    assert_eq!(refused(&how.assertion_of(&Forge::default().xml())), SamlRefusal::NotDecryptable);
}

#[test]
fn no_key_is_configured() {
    let xml = encrypted(&Forge::default().xml());
    assert_eq!(judge_with(DecryptionKeys::default(), &xml).err(), Some(SamlRefusal::EncryptedAssertion));
    assert!(judge_with(decryption_keys(), &xml).is_ok());
    // Without `decrypt` it is not half-read either.
    let message = ResponseMessage::decode(&STANDARD.encode(&xml), &Limits::default(), None).ok().unwrap();
    assert_eq!(message.parse().err(), Some(SamlRefusal::EncryptedAssertion));
}

/// Every class of place in the ciphertext: vector or nonce, first, inner and
/// last blocks, tag; of the wrapped key: its beginning, middle and end.
#[test]
fn tampered_ciphertext() {
    let xml = Forge::default().xml();
    let flips: [fn(Vec<u8>) -> Vec<u8>; 10] = [
        |b| flipped(b, 0),
        |b| flipped(b, 11),
        |b| flipped(b, 12),
        |b| flipped(b, 15),
        |b| flipped(b, 16),
        |b| flipped(b, 33),
        |b| {
            let at = b.len() / 2;
            flipped(b, at)
        },
        |b| {
            let at = b.len() - 33;
            flipped(b, at)
        },
        |b| {
            let at = b.len() - 17;
            flipped(b, at)
        },
        |b| {
            let at = b.len() - 1;
            flipped(b, at)
        },
    ];
    for content in ["aes128-cbc", "aes256-cbc", "aes128-gcm", "aes256-gcm"] {
        for tamper in flips {
            let how = Encrypting { content, tamper, ..Encrypting::default() };
            assert_eq!(refused(&how.assertion_of(&xml)), SamlRefusal::NotDecryptable, "{content}");
        }
    }
    for tamper_key in flips {
        let how = Encrypting { tamper_key, ..Encrypting::default() };
        assert_eq!(refused(&how.assertion_of(&xml)), SamlRefusal::NotDecryptable);
    }
}

fn flipped(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
    bytes[at] ^= 1;
    bytes
}

#[test]
fn truncated_or_prolonged_ciphertext() {
    let xml = Forge::default().xml();
    let cuts: [fn(Vec<u8>) -> Vec<u8>; 9] = [
        |_| Vec::new(),
        |b| b[..11].to_vec(),
        |b| b[..16].to_vec(),
        |b| b[..28].to_vec(),
        |b| b[..32].to_vec(),
        |b| b[..b.len() - 1].to_vec(),
        |b| b[..b.len() - 16].to_vec(),
        |b| b[16..].to_vec(),
        |b| [b, vec![0; 16]].concat(),
    ];
    for content in ["aes256-cbc", "aes256-gcm"] {
        for tamper in cuts {
            let how = Encrypting { content, tamper, ..Encrypting::default() };
            assert_eq!(refused(&how.assertion_of(&xml)), SamlRefusal::NotDecryptable, "{content}");
        }
    }
    for tamper_key in cuts {
        let how = Encrypting { tamper_key, ..Encrypting::default() };
        assert_eq!(refused(&how.assertion_of(&xml)), SamlRefusal::NotDecryptable);
    }
}

/// The padding oracle's question, and others: there is one answer to all.
#[test]
fn whatever_the_plaintext_is_the_answer_is_one() {
    let xml = Forge::default().xml();
    for last in [0, 17, 32, 255] {
        let how = Encrypting { padding: Padding::Wrong(last), ..Encrypting::default() };
        assert_eq!(refused(&how.assertion_of(&xml)), SamlRefusal::NotDecryptable, "padding of {last}");
    }
    for key_length in [0, 1, 15, 16, 24, 31, 33, 64] {
        let how = Encrypting { key_length: Some(key_length), ..Encrypting::default() };
        assert_eq!(refused(&how.assertion_of(&xml)), SamlRefusal::NotDecryptable, "key of {key_length}");
    }
    let evil = evil_assertion();
    let issuer = |issuer: &str| Forge { issuer: issuer.into(), ..Forge::default() }.assertion();
    for plaintext in [
        &b""[..],
        b" ",
        b"not XML",
        b"\xff\xfe",
        b"<",
        b"<a/>",
        b"<Assertion/>",
        b"<a:Assertion/>",
        evil.as_bytes(),
        issuer("urn:nobody").as_bytes(),
        signed_assertion().replace("Reference URI=\"#", "Reference URI=\"#x").as_bytes(),
        signed_assertion().replace("rsa-sha256", "rsa-sha1").as_bytes(),
        signed_assertion().replace(PERSON, EVIL).as_bytes(),
        signed_assertion()
            .replace("<SubjectConfirmation ", "<SubjectConfirmation ID='_2' id='_2' ")
            .as_bytes(),
        Forge::default().xml().as_bytes(),
    ] {
        assert_eq!(
            inside(plaintext),
            SamlRefusal::NotDecryptable,
            "{:?}",
            String::from_utf8_lossy(plaintext)
        );
    }
}

/// The plaintext is one Assertion, from its first character to its last.
#[test]
fn plaintext_that_breaks_out_of_its_place() {
    let genuine = signed_assertion();
    let evil = evil_assertion();
    let open = evil.strip_suffix("</Assertion>").unwrap();
    for plaintext in [
        format!("{genuine}{evil}"),
        format!("{evil}{genuine}"),
        format!("{genuine}<evil/>"),
        format!("{genuine}text"),
        format!("text{genuine}"),
        format!("{genuine}</s:EncryptedAssertion>"),
        format!("{genuine}</samlp:Response>"),
        format!("{genuine}</samlp:Response><samlp:Response xmlns:samlp=\"{SAMLP}\">"),
        format!("</samlp:Response>{genuine}<samlp:Response>"),
        format!("{genuine}<!--"),
        format!("{genuine}<!-- -->"),
        format!("<!-- -->{genuine}"),
        format!("{genuine}<?p?>"),
        format!("<?p?>{genuine}"),
        format!("<?xml version=\"1.0\"?>{genuine}"),
        format!("\u{feff}{genuine}"),
        format!("{genuine}<![CDATA["),
        format!("{genuine}<![CDATA[]]>"),
        format!("{genuine}]]>"),
        format!("{genuine}&#32;"),
        format!("<!DOCTYPE a [<!ENTITY e \"x\">]>{genuine}"),
        format!("{genuine}<!DOCTYPE a>"),
        format!("<x>{genuine}</x>"),
        format!("<Assertion xmlns=\"{SAML}\">{genuine}</Assertion>"),
        format!("{open}{genuine}</Assertion>"),
        format!("{open}<Advice>{genuine}</Advice></Assertion>"),
        open.to_owned(),
        genuine.strip_suffix("</Assertion>").unwrap().to_owned(),
        genuine.replace(PERSON, "&e;"),
        genuine.replace("\"_c0b1", "\"&e;_c0b1"),
        genuine.replacen("<Assertion ", "<Assertion x ", 1),
        genuine.replacen("<Assertion ", "<Assertion xmlns:p='' ", 1),
        genuine.replacen("<Assertion ", "<Assertion\0", 1),
    ] {
        assert_eq!(inside(plaintext.as_bytes()), SamlRefusal::NotDecryptable, "{plaintext}");
    }
    accepted(&response_around(&Encrypting::default().wrap("EncryptedAssertion", genuine.as_bytes())));
    // In honest places comments and instructions change nothing, and in values they are refused by name.
    let harmless = replace(&genuine, "<Subject>", "<!-- c --><Subject>");
    accepted(&response_around(&Encrypting::default().wrap("EncryptedAssertion", harmless.as_bytes())));
    let cut = genuine.replace(PERSON, "EXAMPLE\\pau<!-- -->la");
    assert_eq!(inside(cut.as_bytes()), SamlRefusal::ValueNotText);
}

#[test]
fn encryption_inside_encryption() {
    let once = Encrypting::default().wrap("EncryptedAssertion", signed_assertion().as_bytes());
    assert_eq!(inside(once.as_bytes()), SamlRefusal::NotDecryptable);
    let advice = format!("<Advice>{once}</Advice></Assertion>");
    let carrying = Forge { edit: |xml| xml, ..Forge::default() }.not_signed().assertion();
    let carrying = replace(&carrying, "</Assertion>", &advice);
    let signed = Signing::default().sign(&carrying, &Forge::default().assertion_id);
    assert_eq!(inside(signed.as_bytes()), SamlRefusal::NotDecryptable);
}

#[test]
fn several_assertions_some_encrypted() {
    let genuine = signed_assertion();
    let one = Encrypting::default().wrap("EncryptedAssertion", genuine.as_bytes());
    let evil = Encrypting::default().wrap("EncryptedAssertion", evil_assertion().as_bytes());
    for children in [
        format!("{one}{evil}"),
        format!("{evil}{one}"),
        format!("{one}{one}"),
        format!("{one}{genuine}"),
        format!("{genuine}{evil}"),
        format!("{one}{}", evil_assertion()),
        format!("{}{one}", evil_assertion()),
        format!("<samlp:Extensions>{one}</samlp:Extensions>"),
        format!("<samlp:Extensions>{one}</samlp:Extensions>{genuine}"),
        replace(&genuine, "</Assertion>", &format!("<Advice>{one}</Advice></Assertion>")),
        replace(&one, "</s:EncryptedAssertion>", &format!("{one}</s:EncryptedAssertion>")),
    ] {
        assert_eq!(refused(&response_around(&children)), SamlRefusal::NotOneAssertion, "{children}");
    }
}

/// Caps hold for what comes out as for what comes in.
#[test]
fn more_than_the_caps_after_decryption() {
    let genuine = signed_assertion();
    let with = |more: &str| replace(&genuine, "<AttributeStatement>", &format!("{more}<AttributeStatement>"));
    let namespaces = (0..60).map(|i| format!(" xmlns:n{i}='urn:{i}'")).collect::<String>();
    for bomb in [
        "<a/>".repeat(20_000),
        "<a>".repeat(70) + &"</a>".repeat(70),
        format!("<a{}/>", (0..70).map(|i| format!(" a{i}=''")).collect::<String>()),
        format!("<a{namespaces}>").repeat(10) + &"</a>".repeat(10),
    ] {
        let xml = response_around(&Encrypting::default().wrap("EncryptedAssertion", with(&bomb).as_bytes()));
        let limits = Limits { max_response_chars: 1_000_000, ..Limits::default() };
        let refusal = accept_field(&STANDARD.encode(xml), &limits, &providers(), now()).err();
        assert_eq!(refusal, Some(SamlRefusal::NotDecryptable));
    }
}

/// After decryption it is the very same validation.
#[test]
fn no_check_is_skipped() {
    for (forge, expected) in [
        (Forge { audiences: vec!["urn:other".into()], ..Forge::default() }, SamlRefusal::WrongAudience),
        (Forge { recipient: "https://evil.example".into(), ..Forge::default() }, SamlRefusal::WrongRecipient),
        (Forge { not_on_or_after: at(-120), ..Forge::default() }, SamlRefusal::Expired),
        (Forge { not_before: at(120), ..Forge::default() }, SamlRefusal::NotYetValid),
        (Forge { in_response_to: Some("_x".into()), ..Forge::default() }, SamlRefusal::UnknownRequest),
        (
            Forge { status: "urn:oasis:names:tc:SAML:2.0:status:Responder".into(), ..Forge::default() },
            SamlRefusal::NotSuccess,
        ),
    ] {
        assert_eq!(refused(&forge.xml()), expected);
        assert_eq!(refused(&encrypted(&forge.xml())), expected);
    }
}

/// A key for each of several recipients (XML Encryption 3.5): whoever sends it has us try,
/// so there are few.
#[test]
fn honest_several_recipients_and_the_most_of_them() {
    let xml = Forge::default().xml();
    for others in 0..4 {
        for recipient in [Recipient::New, Recipient::Old] {
            accepted(&Encrypting { others, recipient, ..Encrypting::default() }.assertion_of(&xml));
        }
        let nobody = Encrypting { others, recipient: Recipient::Stranger, ..Encrypting::default() };
        assert_eq!(refused(&nobody.assertion_of(&xml)), SamlRefusal::NotDecryptable);
    }
    accepted(&Encrypting { place: Place::InsideAndBeside, ..Encrypting::default() }.assertion_of(&xml));
}

/// XML Encryption 1.1, 5.5.2: the mask of `rsa-oaep-mgf1p` is SHA-1's; that of `rsa-oaep` is
/// what is said, and nothing else.
#[test]
fn a_mask_that_was_not_said_opens_nothing() {
    let xml = Forge::default().xml();
    for (digest, mask) in [("sha1", "sha256"), ("sha256", "sha512"), ("sha512", "sha384")] {
        let how = Encrypting { digest, mask, ..Encrypting::default() };
        assert_eq!(refused(&how.assertion_of(&xml)), SamlRefusal::NotDecryptable, "{digest} {mask}");
    }
    let said =
        Encrypting { transport: "rsa-oaep", digest: "sha256", mask: "sha384", ..Encrypting::default() };
    let honest = said.assertion_of(&xml);
    accepted(&honest);
    let other = replace(&honest, "mgf1sha384", "mgf1sha256");
    assert_eq!(refused(&other), SamlRefusal::NotDecryptable);
}

/// What an attacker sees anyway is refused by its name.
#[test]
fn structure_and_algorithms_outside_the_list() {
    let xml = Forge::default().xml();
    for how in [
        Encrypting { transport: "rsa-1_5", digest: "", ..Encrypting::default() },
        Encrypting { place: Place::Nowhere, ..Encrypting::default() },
        Encrypting { others: 4, ..Encrypting::default() },
        Encrypting { others: 2, place: Place::InsideAndBeside, ..Encrypting::default() },
    ] {
        assert_eq!(refused(&how.assertion_of(&xml)), SamlRefusal::EncryptionRefused);
    }
    let honest = encrypted(&xml);
    accepted(&honest);
    let mgf = |hash: &str| {
        let xenc11 = "http://www.w3.org/2009/xmlenc11#";
        format!("<MGF xmlns='{xenc11}' Algorithm='{xenc11}mgf1{hash}'/></e:EncryptionMethod>")
    };
    accepted(&replace(&honest, "</e:EncryptionMethod>", &mgf("sha1")));
    let reference = "<xenc:CipherReference URI=\"https://evil.example/\"/>";
    let value = element(&honest, "CipherValue").to_owned();
    for (from, to) in [
        ("aes256-cbc", "aes192-cbc"),
        ("aes256-cbc", "tripledes-cbc"),
        ("aes256-cbc", "kw-aes256"),
        ("rsa-oaep-mgf1p", "rsa-oaep"),
        ("#sha1", "#md5"),
        ("<DigestMethod ", "<e:OAEPparams>AAAA</e:OAEPparams><DigestMethod "),
        // This algorithm has one mask, and it is SHA-1's.
        ("</e:EncryptionMethod>", &mgf("sha256")),
        ("</e:EncryptionMethod>", &mgf("md5")),
        (
            "Type=\"http://www.w3.org/2001/04/xmlenc#Element\"",
            "Type=\"http://www.w3.org/2001/04/xmlenc#Content\"",
        ),
        ("<e:EncryptedKey ", "<e:AgreementMethod "),
        ("</xenc:EncryptedData>", "</xenc:EncryptedData><evil/>"),
        ("<xenc:CipherData>", "<xenc:CipherData><evil/>"),
        ("<xenc:CipherData>", "<!-- --><xenc:CipherData>"),
        (&value, reference),
        (&value, &value.replacen(">", "><!-- -->", 1)),
        (&value, &value.replacen(">", ">!", 1)),
    ] {
        let evil = honest.replace(from, to).replace(
            "</e:EncryptedKey>",
            if to.contains("Agree") { "</e:AgreementMethod>" } else { "</e:EncryptedKey>" },
        );
        assert_ne!(evil, honest, "{from}");
        assert_eq!(refused(&evil), SamlRefusal::EncryptionRefused, "{to}");
    }
}

// ------------------------------------------------------------------ values

/// A response with values encrypted before the Assertion is signed.
fn with_values(edit: fn(String) -> String) -> String {
    Forge { edit, ..Forge::default() }.xml()
}

fn encrypted_id(xml: String) -> String {
    let name_id = element(&xml, "NameID").to_owned();
    replace(&xml, &name_id, &Encrypting::default().wrap("EncryptedID", name_id.as_bytes()))
}

fn encrypted_attribute(xml: String) -> String {
    let start = xml.find("<Attribute ").unwrap();
    let end = xml[start..].find("</Attribute>").unwrap() + start + "</Attribute>".len();
    let attribute = xml[start..end].to_owned();
    // Its namespace is the Assertion's default one: the place gives it.
    replace(&xml, &attribute, &Encrypting::default().wrap("EncryptedAttribute", attribute.as_bytes()))
}

#[test]
fn honest_encrypted_name_id_and_attributes() {
    // As many as there may be; for one more see below.
    let full = |xml: String| {
        let attribute = Encrypting::default().wrap("EncryptedAttribute", b"<Attribute Name='n'/>");
        replace(&xml, "</AttributeStatement>", &(attribute.repeat(32) + "</AttributeStatement>"))
    };
    for edit in [encrypted_id, encrypted_attribute, full, |xml| encrypted_attribute(encrypted_id(xml))] {
        let xml = with_values(edit);
        let identity = accepted(&xml);
        assert_eq!(identity.role_session_name(), "paula@example.com");
        assert_eq!(identity.roles(), Forge::default().roles);
        accepted(&encrypted(&xml));
    }
}

#[test]
fn encrypted_values_are_signed_as_they_came() {
    let xml = with_values(encrypted_id);
    let evil = format!("<NameID xmlns=\"{SAML}\">{EVIL}</NameID>");
    let evil = Encrypting::default().wrap("EncryptedID", evil.as_bytes());
    let start = xml.find("<s:EncryptedID").unwrap();
    let end = xml.find("</s:EncryptedID>").unwrap() + "</s:EncryptedID>".len();
    assert_eq!(refused(&replace(&xml, &xml[start..end], &evil)), SamlRefusal::DigestMismatch);
}

#[test]
fn encrypted_values_that_are_something_else() {
    fn id_of(xml: &str, how: &Encrypting, plaintext: &str) -> String {
        let plaintext = plaintext.replace("xmlns?", &format!("xmlns='{SAML}'"));
        replace(xml, element(xml, "NameID"), &how.wrap("EncryptedID", plaintext.as_bytes()))
    }
    let edits: [fn(String) -> String; 8] = [
        |xml| id_of(&xml, &Encrypting::default(), "<Attribute xmlns?/>"),
        |xml| id_of(&xml, &Encrypting::default(), "<NameID>a</NameID><NameID>b</NameID>"),
        |xml| id_of(&xml, &Encrypting::default(), "<NameID>a</NameID></Subject><Subject>"),
        |xml| id_of(&xml, &Encrypting::default(), "paula"),
        |xml| id_of(&xml, &Encrypting::default(), "<NameID xmlns='urn:other'>a</NameID>"),
        |xml| {
            id_of(
                &xml,
                &Encrypting { recipient: Recipient::Stranger, ..Encrypting::default() },
                "<NameID xmlns?>a</NameID>",
            )
        },
        |xml| {
            id_of(
                &xml,
                &Encrypting { transport: "rsa-1_5", ..Encrypting::default() },
                "<NameID xmlns?>a</NameID>",
            )
        },
        |xml| {
            let attribute = Encrypting::default().wrap("EncryptedAttribute", b"<Attribute Name='n'/>");
            replace(&xml, "</AttributeStatement>", &(attribute.repeat(33) + "</AttributeStatement>"))
        },
    ];
    for edit in edits {
        assert_eq!(refused(&with_values(edit)), SamlRefusal::ValueNotDecryptable);
    }
    assert!(
        SamlRefusal::ValueNotDecryptable.is_authenticated()
            && !SamlRefusal::NotDecryptable.is_authenticated()
    );
    // Two are two, whether one of them was encrypted or not.
    let two = with_values(|xml| {
        let more = Encrypting::default().wrap("EncryptedID", b"<NameID>EXAMPLE\\administrator</NameID>");
        let genuine = element(&xml, "NameID").to_owned();
        replace(&xml, &genuine, &(more + &genuine))
    });
    assert_eq!(refused(&two), SamlRefusal::ValueNotSingle);
    // Without keys they are not seen.
    let refusal = judge_with(DecryptionKeys::default(), &with_values(encrypted_id)).err();
    assert_eq!(refusal, Some(SamlRefusal::NoNameId));
}

/// Its algorithm is there for everybody to see: no key of ours says it.
#[test]
fn a_visible_signature_of_a_refused_algorithm_is_called_that() {
    for recipient in [Recipient::New, Recipient::Stranger] {
        let how = Encrypting { recipient, ..Encrypting::default() };
        let xml = how.assertion_of(&Forge::both_signed().xml());
        assert!(xml.contains("xmldsig-more#rsa-sha256"));
        let weak = xml.replace("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1");
        assert_eq!(refused(&weak), SamlRefusal::AlgorithmRefused);
    }
}
