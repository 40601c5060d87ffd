//! Sealing to a key, and opening what carries the own name.

use super::concat_kdf::{MAX_BITS, concat_kdf};
use super::x25519::{PrivateKey, PublicKey, Unusable};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, RandomizedNonceKey, UnboundKey};
use aws_lc_rs::constant_time;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use zeroize::Zeroizing;

const ALG: &str = "ECDH-ES";
const ENC: &str = "A256GCM";

/// The longest JWE that is opened: credentials with a session token of AWS's longest, several
/// times over.
pub const MAX_CHARS: usize = 64 * 1024;

/// The protected header (RFC 7518 section 4.6.1). Whatever else there is would change how it is
/// read, so it is refused.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: Cow<'a, str>,
    enc: Cow<'a, str>,
    epk: EphemeralKey<'a>,
    apu: Cow<'a, str>,
    apv: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cty: Option<Cow<'a, str>>,
}

/// The sender's key: for one message (RFC 8037 section 2).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EphemeralKey<'a> {
    kty: Cow<'a, str>,
    crv: Cow<'a, str>,
    x: Cow<'a, str>,
}

/// Seals for the holder of the key. `apu` names the message and `apv` who waits for it: both
/// are readable, and changing either makes it impossible to open.
///
/// # Errors
/// [`Unusable`] if the library fails.
pub fn seal(plaintext: &[u8], to: &PublicKey, apu: &str, apv: &str, cty: &str) -> Result<String, Unusable> {
    let ephemeral = PrivateKey::generate()?;
    let header = Header {
        alg: ALG.into(),
        enc: ENC.into(),
        epk: EphemeralKey {
            kty: "OKP".into(),
            crv: "X25519".into(),
            x: ephemeral.public_key().as_str().into(),
        },
        apu: URL_SAFE_NO_PAD.encode(apu).into(),
        apv: URL_SAFE_NO_PAD.encode(apv).into(),
        cty: Some(cty.into()),
    };
    let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).map_err(|_| Unusable)?);
    let key = content_key(&ephemeral, to, apu.as_bytes(), apv.as_bytes())?;
    let key = RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| Unusable)?;
    // The capacity holds all of it: a buffer that grows leaves copies behind.
    let mut body = Zeroizing::new(Vec::with_capacity(plaintext.len()));
    body.extend_from_slice(plaintext);
    let sealed = key.seal_in_place_separate_tag(Aad::from(&header), &mut body);
    let (nonce, tag) = sealed.map_err(|_| Unusable)?;
    let [nonce, body, tag] = [nonce.as_ref(), &**body, tag.as_ref()].map(|part| URL_SAFE_NO_PAD.encode(part));
    // ECDH-ES agrees on the key itself: there is no encrypted one.
    Ok(format!("{header}..{nonce}.{body}.{tag}"))
}

/// What was sealed for this key and for `apv`, which is looked at before the key is used: what
/// somebody else waits for is none of ours, whoever sealed it.
pub fn open(jwe: &str, key: &PrivateKey, apv: &str) -> Option<Zeroizing<Vec<u8>>> {
    if jwe.len() > MAX_CHARS {
        return None;
    }
    let mut parts = jwe.split('.');
    let (protected, "", nonce, body, tag, None) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next())
    else {
        return None;
    };
    let header = URL_SAFE_NO_PAD.decode(protected).ok()?;
    let Header { alg, enc, epk, apu, apv: sealed_for, .. } = serde_json::from_slice(&header).ok()?;
    let sealed_for = URL_SAFE_NO_PAD.decode(&*sealed_for).ok()?;
    constant_time::verify_slices_are_equal(&sealed_for, apv.as_bytes()).ok()?;
    if (&*alg, &*enc, &*epk.kty, &*epk.crv) != (ALG, ENC, "OKP", "X25519") {
        return None;
    }
    let apu = URL_SAFE_NO_PAD.decode(&*apu).ok()?;
    let content_key = content_key(key, &PublicKey::parse(&epk.x)?, &apu, &sealed_for).ok()?;
    let content_key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &content_key).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(&URL_SAFE_NO_PAD.decode(nonce).ok()?).ok()?;
    let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
    let mut sealed = Zeroizing::new(Vec::with_capacity(body.len()));
    URL_SAFE_NO_PAD.decode_vec(body, &mut sealed).ok()?;
    if tag.len() != AES_256_GCM.tag_len() {
        return None;
    }
    sealed.extend_from_slice(&tag);
    let length = content_key.open_in_place(nonce, Aad::from(protected), &mut sealed).ok()?.len();
    sealed.truncate(length);
    Some(sealed)
}

/// Of one message: the agreement of its two keys, with both names in it.
fn content_key(
    own: &PrivateKey,
    other: &PublicKey,
    apu: &[u8],
    apv: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Unusable> {
    Ok(concat_kdf(&*own.agree(other)?, ENC, apu, apv, MAX_BITS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    const STATE: &str = "3Zq9x4bJk2mVwY7tLr5NdA";

    fn sealed(plaintext: &[u8]) -> (String, PrivateKey) {
        let key = PrivateKey::generate().unwrap();
        (seal(plaintext, key.public_key(), "jti", STATE, "json").unwrap(), key)
    }

    fn header(jwe: &str) -> serde_json::Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwe.split('.').next().unwrap()).unwrap()).unwrap()
    }

    fn with_header(jwe: &str, header: &serde_json::Value) -> String {
        let rest = jwe.split_once('.').unwrap().1;
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
    }

    #[test]
    fn the_header_is_the_documented_one() {
        let (jwe, _) = sealed(b"secret");
        let header = header(&jwe);
        let epk = header["epk"]["x"].as_str().unwrap();
        let expected = serde_json::json!({
            "alg": "ECDH-ES", "enc": "A256GCM", "cty": "json",
            "epk": {"kty": "OKP", "crv": "X25519", "x": epk},
            "apu": "anRp", "apv": URL_SAFE_NO_PAD.encode(STATE),
        });
        assert_eq!((epk.len(), &header), (43, &expected));
    }

    #[test]
    fn no_two_messages_share_a_key() {
        let key = PrivateKey::generate().unwrap();
        let one = || seal(b"secret", key.public_key(), "jti", STATE, "json").unwrap();
        let (first, second) = (one(), one());
        assert_ne!(header(&first)["epk"], header(&second)["epk"]);
        for (part, other) in first.split('.').zip(second.split('.')).filter(|(part, _)| !part.is_empty()) {
            assert_ne!(part, other);
        }
    }

    #[test]
    fn attack_a_message_for_another_key_or_for_who_waits_elsewhere() {
        let (jwe, key) = sealed(b"secret");
        assert_eq!(open(&jwe, &key, STATE).unwrap().to_vec(), b"secret");
        assert!(open(&jwe, &PrivateKey::generate().unwrap(), STATE).is_none());
        for other in ["", "4Zq9x4bJk2mVwY7tLr5NdA", &STATE[..21]] {
            assert!(open(&jwe, &key, other).is_none(), "{other}");
        }
        // And it cannot be made to name us.
        let mut renamed = header(&jwe);
        renamed["apv"] = URL_SAFE_NO_PAD.encode("4Zq9x4bJk2mVwY7tLr5NdA").into();
        assert!(open(&with_header(&jwe, &renamed), &key, "4Zq9x4bJk2mVwY7tLr5NdA").is_none());
    }

    #[test]
    fn attack_a_header_that_says_something_else() {
        let (jwe, key) = sealed(b"secret");
        let whole = header(&jwe);
        for (name, value) in [
            ("alg", "dir".into()),
            ("alg", "ECDH-ES+A256KW".into()),
            ("enc", "A128GCM".into()),
            ("enc", "none".into()),
            ("apu", "anRq".into()),
            ("crit", serde_json::json!(["exp"])),
            ("zip", "DEF".into()),
            ("epk", serde_json::json!({"kty": "OKP", "crv": "X25519", "x": "A".repeat(43)})),
            ("epk", serde_json::json!({"kty": "EC", "crv": "P-256", "x": "A", "y": "A"})),
        ] {
            let mut header = whole.clone();
            header[name] = value;
            assert!(open(&with_header(&jwe, &header), &key, STATE).is_none(), "{header}");
        }
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened(plaintext in any::<Vec<u8>>()) {
            let (jwe, key) = sealed(&plaintext);
            prop_assert_eq!(open(&jwe, &key, STATE).unwrap().to_vec(), plaintext);
        }

        #[test]
        fn what_was_changed_is_not(at in any::<proptest::sample::Index>(), with in "[A-Za-z0-9._-]") {
            let (jwe, key) = sealed(b"secret");
            let at = at.index(jwe.len());
            let changed = format!("{}{with}{}", &jwe[..at], &jwe[at + 1..]);
            prop_assert!(changed == jwe || open(&changed, &key, STATE).is_none());
            prop_assert!(open(&jwe[..at], &key, STATE).is_none());
        }

        #[test]
        fn nothing_makes_it_panic(text in "[A-Za-z0-9._-]{0,200}") {
            let key = PrivateKey::generate().unwrap();
            prop_assert!(open(&text, &key, STATE).is_none());
        }
    }
}
