//! The structure of an encrypted element (core 2.3.4 and 6; XML Encryption 1.1):
//! one ciphertext with one key, beside it or inside, RSA-OAEP and AES.
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
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
};
use roxmltree::Node;
use zeroize::Zeroizing;

/// The longest wrapped key, in base64 characters: as for signatures, 1,024
/// bytes (RSA of 8,192 bits) are 1,368; the rest is for white space.
const MAX_WRAPPED_KEY_CHARS: usize = 4_096;
/// `EncryptedData/@Type` of an element (XML Encryption 3.1; core 2.3.4).
const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
/// The block of AES, and so the length of a CBC initialization vector.
const BLOCK: usize = 16;

/// The content of an `EncryptedAssertion`, `EncryptedID` or `EncryptedAttribute`,
/// its structure checked.
pub(in crate::saml) struct Encrypted {
    pub(super) content: Content,
    pub(super) ciphertext: Vec<u8>,
    pub(super) transport: &'static OaepAlgorithm,
    pub(super) wrapped_key: Vec<u8>,
}

impl Encrypted {
    /// Core 2.2.4, 2.3.4 and 2.7.3.2; XML Encryption 3. There is one
    /// `EncryptedKey`, inside the `EncryptedData` or beside it, so the links
    /// between the two in KeyInfo and ReferenceList are not needed.
    pub(in crate::saml) fn read(wrapper: Node<'_, '_>) -> Result<Self, SamlRefusal> {
        let mut parts = parts_of(wrapper);
        let data = parts.expect("EncryptedData")?;
        let beside = parts.optional("EncryptedKey")?;
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
        let mut keys = inside.chain(beside);
        let (Some(key), None) = (keys.next(), keys.next()) else {
            return Err(SamlRefusal::EncryptionRefused);
        };
        let mut parts = parts_of(key);
        let transport = transport(parts.expect("EncryptionMethod")?)?;
        parts.next_if(DSIG, "KeyInfo")?;
        let wrapped_key = cipher_value(parts.expect("CipherData")?, MAX_WRAPPED_KEY_CHARS)?;
        for name in ["EncryptionProperties", "ReferenceList", "CarriedKeyName"] {
            parts.optional(name)?;
        }
        parts.end()?;
        Ok(Self { content, ciphertext, transport, wrapped_key })
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

/// The allow-list of key transport (XML Encryption 5.5.2). It has neither RSA 1.5
/// nor labels, nor a digest other than the mask's, which the library does not
/// support.
fn transport(method: Node<'_, '_>) -> Result<&'static OaepAlgorithm, SamlRefusal> {
    let mut parts = parts_of(method);
    parts.optional("KeySize")?;
    let digest = parts.next_if(DSIG, "DigestMethod")?.map(algorithm_of).transpose()?;
    let mask = parts.next_if(XENC11, "MGF")?.map(algorithm_of).transpose()?;
    parts.end()?;
    let digest = digest.unwrap_or("http://www.w3.org/2000/09/xmldsig#sha1");
    match (algorithm_of(method)?, digest, mask) {
        (
            "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" | "http://www.w3.org/2009/xmlenc11#rsa-oaep",
            "http://www.w3.org/2000/09/xmldsig#sha1",
            None | Some("http://www.w3.org/2009/xmlenc11#mgf1sha1"),
        ) => Ok(&OAEP_SHA1_MGF1SHA1),
        // According to the specification the mask is SHA-1's here. The software
        // that sends this (node's xml-encryption) uses SHA-256 for both; with
        // SHA-1 decryption fails, with the one refusal.
        (
            "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
            "http://www.w3.org/2001/04/xmlenc#sha256",
            None,
        )
        | (
            "http://www.w3.org/2009/xmlenc11#rsa-oaep",
            "http://www.w3.org/2001/04/xmlenc#sha256",
            Some("http://www.w3.org/2009/xmlenc11#mgf1sha256"),
        ) => Ok(&OAEP_SHA256_MGF1SHA256),
        (
            "http://www.w3.org/2009/xmlenc11#rsa-oaep",
            "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Some("http://www.w3.org/2009/xmlenc11#mgf1sha384"),
        ) => Ok(&OAEP_SHA384_MGF1SHA384),
        (
            "http://www.w3.org/2009/xmlenc11#rsa-oaep",
            "http://www.w3.org/2001/04/xmlenc#sha512",
            Some("http://www.w3.org/2009/xmlenc11#mgf1sha512"),
        ) => Ok(&OAEP_SHA512_MGF1SHA512),
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
