//! Encrypted assertions: the document as it is, and with its assertion, or what
//! it has there, encrypted with our public key. Then one byte of the ciphertext,
//! or of the wrapped key, is changed.
#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use std::ops::Range;
use std::sync::LazyLock;
use vestibule::saml::{Identity, IdentityProviders, Limits, SamlRefusal};
use vestibule_fuzz::forge::{EVIL, Encrypting, accept_field, now, providers};
use vestibule_fuzz::within;

static PROVIDERS: LazyLock<IdentityProviders> = LazyLock::new(providers);

/// The whole validation, within its memory. What is decrypted is there twice.
fn judged(xml: &str) -> Result<Identity, SamlRefusal> {
    let providers = &*PROVIDERS;
    let field = STANDARD.encode(xml);
    let outcome =
        within(field.len(), 100, 64 * 1024, || accept_field(&field, &Limits::default(), providers, now()));
    if let Ok(identity) = &outcome {
        assert_ne!(identity.name_id(), EVIL);
    }
    outcome
}

/// From the first tag with `Assertion` in it to the last, well-formed or not.
fn assertion(xml: &str) -> Option<Range<usize>> {
    let start = xml[..xml.find("Assertion")?].rfind('<')?;
    let last = xml.rfind("Assertion")?;
    let end = last + xml[last..].find('>')? + 1;
    (start < last).then_some(start..end)
}

/// One of these base64 values with one byte changed: every other time one of the
/// first, which in CBC changes just that byte of the plaintext.
fn changed(xml: &str, which: usize, chance: usize) -> Option<String> {
    let (start, _) = xml.match_indices("CipherValue>").nth(which)?;
    let start = start + "CipherValue>".len();
    let end = start + xml[start..].find('<')?;
    let base64: String = xml[start..end].split_ascii_whitespace().collect();
    let mut bytes = STANDARD.decode(base64).ok()?;
    let place = chance / 2 % if chance % 2 == 0 { 16 } else { bytes.len() };
    bytes[place] ^= u8::try_from(chance % 255).ok()? + 1;
    Some(format!("{}{}{}", &xml[..start], STANDARD.encode(bytes), &xml[end..]))
}

fuzz_target!(|xml: &str| {
    let _ = judged(xml);

    let Some(range) = assertion(xml) else { return };
    let chance = xml.bytes().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let content = ["aes128-cbc", "aes256-cbc", "aes128-gcm", "aes256-gcm"][chance % 4];
    let how = Encrypting { content, ..Encrypting::default() };
    let wrapped = how.wrap("EncryptedAssertion", xml[range.clone()].as_bytes());
    let before = &xml[..range.start];
    let encrypted = format!("{before}{wrapped}{}", &xml[range.end..]);
    let outcome = judged(&encrypted);

    // Opening and closing tag: the first is the wrapped key's, the third the content's.
    let already = before.matches("CipherValue>").count();
    let key = changed(&encrypted, already, chance / 4).expect("just written");
    assert!(judged(&key).is_err(), "another wrapped key");
    let other = changed(&encrypted, already + 2, chance / 4).expect("just written");
    match (outcome, judged(&other)) {
        (_, Err(_)) => {}
        (_, Ok(_)) if content.ends_with("gcm") => panic!("another ciphertext under the same tag"),
        // In CBC the first block can be changed bit by bit; white space inside
        // the start tag is not signed, everything else is.
        (Ok(one), Ok(other)) => assert_eq!(
            (one.assertion_id(), one.name_id(), one.role_session_name(), one.roles()),
            (other.assertion_id(), other.name_id(), other.role_session_name(), other.roles()),
        ),
        (Err(_), Ok(_)) => {}
    }
});
