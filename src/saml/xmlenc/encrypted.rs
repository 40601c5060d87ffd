//! The structure of an encrypted element (core 2.3.4 and 6; XML Encryption 1.1):
//! one ciphertext, its key wrapped for one or a few recipients, beside it or inside,
//! with RSA-OAEP and AES.
//!
//! Anyone who has our certificate can encrypt for us, so decrypting proves
//! nothing. What an attacker can see of a message (its structure and its
//! algorithms) has a refusal of its own. Everything that depends on a key or on
//! the plaintext is `None` here, and one refusal for the sender.

use crate::saml::refusal::SamlRefusal;
use crate::saml::xml::names::{DSIG, XENC, XENC11};
use crate::saml::xml::nodes::{self, Children};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use roxmltree::Node;
use vestibule_oaep::{Hash, Oaep};
use zeroize::Zeroizing;

/// The longest wrapped key, in base64 characters: as for signatures, 1,024
/// bytes (RSA of 8,192 bits) are 1,368; the rest is for white space.
const MAX_WRAPPED_KEY_CHARS: usize = 4_096;
/// The most recipients of one ciphertext. Whoever sends it lets us try each with each
/// of our keys, which is the dearest thing that a stranger can ask for.
const MAX_RECIPIENTS: usize = 4;
/// `EncryptedData/@Type` of an element (XML Encryption 3.1; core 2.3.4).
const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
/// The block of AES, and so the length of a CBC initialization vector.
const BLOCK: usize = 16;

/// The content of an `EncryptedAssertion`, `EncryptedID` or `EncryptedAttribute`,
/// its structure checked.
pub(in crate::saml) struct Encrypted {
    pub(super) content: Content,
    pub(in crate::saml) ciphertext: Vec<u8>,
    /// The content key, wrapped for each recipient. Which is ours is found by trying: what
    /// KeyInfo says of it is no help where a certificate was renewed.
    pub(super) wrapped_keys: Vec<WrappedKey>,
}

/// An `EncryptedKey`: the content key, encrypted for one recipient.
pub(super) struct WrappedKey {
    /// How it may have been encrypted, the likeliest first.
    pub(super) readings: Vec<Oaep>,
    pub(super) bytes: Vec<u8>,
}

impl Encrypted {
    /// Core 2.2.4, 2.3.4 and 2.7.3.2; XML Encryption 3. Each `EncryptedKey`, inside the
    /// `EncryptedData` or beside it, is for its one ciphertext, so the links between the
    /// two in KeyInfo and ReferenceList are not needed.
    pub(in crate::saml) fn read(wrapper: Node<'_, '_>) -> Result<Self, SamlRefusal> {
        let mut parts = parts_of(wrapper);
        let data = parts.expect("EncryptedData")?;
        let mut beside = Vec::new();
        while let Some(key) = parts.optional("EncryptedKey")? {
            beside.push(key);
        }
        parts.end()?;
        if nodes::attribute(data, "Type").is_some_and(|kind| kind != ELEMENT) {
            return Err(SamlRefusal::EncryptionRefused);
        }

        let mut parts = parts_of(data);
        let content = Content::read(parts.expect("EncryptionMethod")?)?;
        let key_info = parts.next_if(DSIG, "KeyInfo")?;
        let ciphertext = cipher_value(parts.expect("CipherData")?, usize::MAX)?;
        parts.optional("EncryptionProperties")?;
        parts.end()?;

        let inside = key_info.into_iter().flat_map(|info| nodes::children(info, XENC, "EncryptedKey"));
        let keys: Vec<_> = inside.chain(beside).take(MAX_RECIPIENTS + 1).collect();
        if keys.is_empty() || keys.len() > MAX_RECIPIENTS {
            return Err(SamlRefusal::EncryptionRefused);
        }
        let wrapped_keys = keys.into_iter().map(WrappedKey::read).collect::<Result<_, _>>()?;
        Ok(Self { content, ciphertext, wrapped_keys })
    }
}

impl WrappedKey {
    fn read(key: Node<'_, '_>) -> Result<Self, SamlRefusal> {
        let mut parts = parts_of(key);
        let readings = transport(parts.expect("EncryptionMethod")?)?;
        parts.next_if(DSIG, "KeyInfo")?;
        let bytes = cipher_value(parts.expect("CipherData")?, MAX_WRAPPED_KEY_CHARS)?;
        for name in ["EncryptionProperties", "ReferenceList", "CarriedKeyName"] {
            parts.optional(name)?;
        }
        parts.end()?;
        Ok(Self { readings, bytes })
    }
}

/// The bytes of a `CipherData`. A `CipherReference`, which would have to be
/// fetched, is refused.
fn cipher_value(data: Node<'_, '_>, max_chars: usize) -> Result<Vec<u8>, SamlRefusal> {
    let mut parts = parts_of(data);
    let value = parts.expect("CipherValue")?;
    parts.end()?;
    nodes::base64_text(value, max_chars).ok_or(SamlRefusal::EncryptionRefused)
}

fn parts_of<'a, 'i>(parent: Node<'a, 'i>) -> Children<'a, 'i> {
    Children::of(parent, XENC, SamlRefusal::EncryptionRefused)
}

fn algorithm_of<'a>(method: Node<'a, '_>) -> Result<&'a str, SamlRefusal> {
    nodes::attribute(method, "Algorithm").ok_or(SamlRefusal::EncryptionRefused)
}

/// The allow-list of key transport (XML Encryption 1.1, 5.5.2), and the ways to read it. It
/// has neither RSA 1.5 nor labels.
fn transport(method: Node<'_, '_>) -> Result<Vec<Oaep>, SamlRefusal> {
    let mut parts = parts_of(method);
    parts.optional("KeySize")?;
    let digest = parts.next_if(DSIG, "DigestMethod")?.map(algorithm_of).transpose()?;
    let mask = parts.next_if(XENC11, "MGF")?.map(algorithm_of).transpose()?;
    parts.end()?;
    // Both default to SHA-1.
    let digest = digest.map_or(Ok(Hash::Sha1), oaep_digest)?;
    let mask = mask.map(oaep_mask).transpose()?;
    match (algorithm_of(method)?, mask) {
        ("http://www.w3.org/2009/xmlenc11#rsa-oaep", mask) => {
            Ok(vec![Oaep { digest, mask: mask.unwrap_or(Hash::Sha1) }])
        }
        // This algorithm fixes the mask to SHA-1. Some software (node's xml-encryption
        // before 6) takes the digest for both, and nothing in the message tells.
        ("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p", None | Some(Hash::Sha1)) => {
            let by_specification = Oaep { digest, mask: Hash::Sha1 };
            let alike = Oaep { digest, mask: digest };
            Ok(if digest == Hash::Sha1 { vec![by_specification] } else { vec![by_specification, alike] })
        }
        _ => Err(SamlRefusal::EncryptionRefused),
    }
}

fn oaep_digest(uri: &str) -> Result<Hash, SamlRefusal> {
    match uri {
        "http://www.w3.org/2000/09/xmldsig#sha1" => Ok(Hash::Sha1),
        "http://www.w3.org/2001/04/xmlenc#sha256" => Ok(Hash::Sha256),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Ok(Hash::Sha384),
        "http://www.w3.org/2001/04/xmlenc#sha512" => Ok(Hash::Sha512),
        _ => Err(SamlRefusal::EncryptionRefused),
    }
}

fn oaep_mask(uri: &str) -> Result<Hash, SamlRefusal> {
    match uri {
        "http://www.w3.org/2009/xmlenc11#mgf1sha1" => Ok(Hash::Sha1),
        "http://www.w3.org/2009/xmlenc11#mgf1sha256" => Ok(Hash::Sha256),
        "http://www.w3.org/2009/xmlenc11#mgf1sha384" => Ok(Hash::Sha384),
        "http://www.w3.org/2009/xmlenc11#mgf1sha512" => Ok(Hash::Sha512),
        _ => Err(SamlRefusal::EncryptionRefused),
    }
}

/// The allow-list of content encryption (XML Encryption 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Aes128Cbc,
    Aes256Cbc,
    Aes128Gcm,
    Aes256Gcm,
}

impl Content {
    fn read(method: Node<'_, '_>) -> Result<Self, SamlRefusal> {
        let mut parts = parts_of(method);
        parts.optional("KeySize")?;
        parts.end()?;
        match algorithm_of(method)? {
            "http://www.w3.org/2001/04/xmlenc#aes128-cbc" => Ok(Self::Aes128Cbc),
            "http://www.w3.org/2001/04/xmlenc#aes256-cbc" => Ok(Self::Aes256Cbc),
            "http://www.w3.org/2009/xmlenc11#aes128-gcm" => Ok(Self::Aes128Gcm),
            "http://www.w3.org/2009/xmlenc11#aes256-gcm" => Ok(Self::Aes256Gcm),
            _ => Err(SamlRefusal::EncryptionRefused),
        }
    }

    /// The library refuses a key of another length than the algorithm's.
    pub(super) fn decrypt(self, key: &[u8], ciphertext: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        // Decrypted in place: this one copy is wiped in every case.
        let buffer = Zeroizing::new(ciphertext.to_vec());
        match self {
            Self::Aes128Cbc => cbc(UnboundCipherKey::new(&AES_128, key).ok()?, buffer),
            Self::Aes256Cbc => cbc(UnboundCipherKey::new(&AES_256, key).ok()?, buffer),
            Self::Aes128Gcm => gcm(UnboundKey::new(&aead::AES_128_GCM, key).ok()?, buffer),
            Self::Aes256Gcm => gcm(UnboundKey::new(&aead::AES_256_GCM, key).ok()?, buffer),
        }
    }
}

/// XML Encryption 5.2: the initialization vector, then whole blocks. Unlike in
/// PKCS #7, only the last byte of the padding has a meaning.
fn cbc(key: UnboundCipherKey, mut buffer: Zeroizing<Vec<u8>>) -> Option<Zeroizing<Vec<u8>>> {
    let (iv, body) = buffer.split_first_chunk_mut::<BLOCK>()?;
    let context = DecryptionContext::Iv128((&*iv).into());
    let padded = DecryptingKey::cbc(key).ok()?.decrypt(body, context).ok()?;
    let padding = usize::from(*padded.last()?);
    let length = padded.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding))?;
    buffer.copy_within(BLOCK..BLOCK + length, 0);
    buffer.truncate(length);
    Some(buffer)
}

/// XML Encryption 5.2: 96 bits of nonce, the ciphertext, 128 bits of tag.
fn gcm(key: UnboundKey, mut buffer: Zeroizing<Vec<u8>>) -> Option<Zeroizing<Vec<u8>>> {
    let nonce = *buffer.first_chunk::<{ aead::NONCE_LEN }>()?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let plaintext = LessSafeKey::new(key).open_within(nonce, Aad::empty(), &mut buffer, aead::NONCE_LEN..);
    let length = plaintext.ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::cipher::{EncryptingKey, EncryptionContext};

    fn key() -> UnboundCipherKey {
        UnboundCipherKey::new(&AES_128, &[1; 16]).unwrap()
    }

    /// Two blocks that end in this byte, encrypted and decrypted.
    fn padded_with(last: u8) -> Option<Vec<u8>> {
        let mut body: Vec<u8> = (100..131).collect();
        body.push(last);
        let context = EncryptionContext::Iv128((&[2; BLOCK]).into());
        EncryptingKey::cbc(key()).unwrap().less_safe_encrypt(&mut body, context).unwrap();
        let buffer = Zeroizing::new([&[2; BLOCK][..], &body].concat());
        cbc(key(), buffer).map(|plaintext| plaintext.to_vec())
    }

    #[test]
    fn padding_is_one_block_at_most_of_anything() {
        assert_eq!(padded_with(1), Some((100..131).collect()));
        assert_eq!(padded_with(16), Some((100..116).collect()));
        for wrong in [0, 17, 32, 33, 255] {
            assert_eq!(padded_with(wrong), None, "{wrong}");
        }
        for length in [0, 1, 15, 16, 17, 31] {
            assert!(cbc(key(), Zeroizing::new(vec![0; length])).is_none(), "{length}");
        }
    }

    #[test]
    fn what_is_too_short_for_a_tag_has_none() {
        for length in [0, 11, 12, 27, 28] {
            let key = UnboundKey::new(&aead::AES_128_GCM, &[1; 16]).unwrap();
            assert!(gcm(key, Zeroizing::new(vec![0; length])).is_none(), "{length}");
        }
    }
}
