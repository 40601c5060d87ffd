//! How the forge encrypts: everything that identity providers do, and worse.

use super::signing::pem;
use super::{DSIG, SAML};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{Pkcs1PublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::sync::LazyLock;
use vestibule::saml::{DecryptionKey, DecryptionKeys};
use vestibule_oaep::{Hash, Oaep, RsaKey};

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";
const XENC11: &str = "http://www.w3.org/2009/xmlenc11#";

/// Whose key the content key is wrapped for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Recipient {
    /// The service's newer key.
    New,
    /// The one that it still has, for those who have not seen the newer.
    Old,
    /// Somebody else's.
    Stranger,
}

impl Recipient {
    /// PKCS #8, in DER.
    fn private(self) -> Vec<u8> {
        pem(match self {
            Self::New => include_str!("../../../fixtures/keys/decryption-new.key.pem"),
            Self::Old => include_str!("../../../fixtures/keys/decryption-old.key.pem"),
            Self::Stranger => include_str!("../../../fixtures/keys/rsa.key.pem"),
        })
    }

    fn public(self) -> PublicEncryptingKey {
        PrivateDecryptingKey::from_pkcs8(&self.private()).unwrap().public_key()
    }

    /// What an operator has: the key and a certificate of it, in one PEM file.
    pub fn pem(self) -> String {
        let private = self.private();
        let pair = rcgen::KeyPair::try_from(private.as_slice()).unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&pair).unwrap();
        let block = |kind: &str, der: &[u8]| {
            format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der))
        };
        block("PRIVATE KEY", &private) + &block("CERTIFICATE", certificate.der())
    }

    pub fn decryption_key(self) -> DecryptionKey {
        DecryptionKey::from_pkcs8(&self.private()).unwrap()
    }
}

/// The service's two keys.
pub fn decryption_keys() -> DecryptionKeys {
    // Reading an RSA key costs more than using it, and everybody asks.
    static KEYS: LazyLock<DecryptionKeys> = LazyLock::new(|| {
        DecryptionKeys::new(vec![Recipient::New.decryption_key(), Recipient::Old.decryption_key()])
    });
    KEYS.clone()
}

/// Where the `EncryptedKey` stands.
#[derive(Clone, Copy)]
pub enum Place {
    Inside,
    Beside,
    BesideWithRetrievalMethod,
    Nowhere,
    InsideAndBeside,
}

/// How the last block of CBC is filled.
#[derive(Clone, Copy)]
pub enum Padding {
    /// XML Encryption: anything, and the last byte counts.
    Arbitrary,
    Pkcs7,
    /// The last byte is this.
    Wrong(u8),
}

/// How to encrypt one element.
#[derive(Clone)]
pub struct Encrypting {
    pub recipient: Recipient,
    /// Local name of the content algorithm: `aes256-cbc`.
    pub content: &'static str,
    /// Local name of the key transport: `rsa-oaep-mgf1p`, `rsa-oaep`, `rsa-1_5`.
    pub transport: &'static str,
    /// The DigestMethod: `sha1`, `sha256`, `sha384`, `sha512`; empty: SHA-1, not named.
    pub digest: &'static str,
    /// What the mask is made with, of the same; empty: SHA-1. Named by `rsa-oaep` only,
    /// and there not if it is empty.
    pub mask: &'static str,
    /// How many other recipients' keys come before ours.
    pub others: usize,
    pub place: Place,
    pub padding: Padding,
    /// The content key is this long instead of the algorithm's length.
    pub key_length: Option<usize>,
    /// Changes the ciphertext.
    pub tamper: fn(Vec<u8>) -> Vec<u8>,
    /// Changes the wrapped key.
    pub tamper_key: fn(Vec<u8>) -> Vec<u8>,
}

impl Default for Encrypting {
    /// As AD FS does.
    fn default() -> Self {
        Self {
            recipient: Recipient::New,
            content: "aes256-cbc",
            transport: "rsa-oaep-mgf1p",
            digest: "sha1",
            mask: "",
            others: 0,
            place: Place::Inside,
            padding: Padding::Arbitrary,
            key_length: None,
            tamper: |bytes| bytes,
            tamper_key: |bytes| bytes,
        }
    }
}

impl Encrypting {
    /// Everything that is accepted: each algorithm with each place of the key.
    pub fn every() -> Vec<Self> {
        let mut every = Vec::new();
        for content in ["aes128-cbc", "aes256-cbc", "aes128-gcm", "aes256-gcm"] {
            for place in [Place::Inside, Place::Beside, Place::BesideWithRetrievalMethod] {
                for (transport, digest, mask) in
                    [("rsa-oaep-mgf1p", "", ""), ("rsa-oaep-mgf1p", "sha1", ""), ("rsa-oaep", "", "")]
                {
                    every.push(Self { content, transport, digest, mask, place, ..Self::default() });
                }
            }
        }
        let hashes = ["", "sha1", "sha256", "sha384", "sha512"];
        for (digest, mask) in hashes.into_iter().flat_map(|digest| hashes.map(|mask| (digest, mask))) {
            every.push(Self { transport: "rsa-oaep", digest, mask, ..Self::default() });
        }
        for digest in hashes {
            // As the specification has it, and with one hash for both.
            for mask in ["", digest] {
                every.push(Self { digest, mask, ..Self::default() });
            }
        }
        for others in 1..4 {
            every.push(Self { others, ..Self::default() });
            every.push(Self { others, place: Place::Beside, content: "aes128-gcm", ..Self::default() });
        }
        every
    }

    /// A document with its Assertion encrypted.
    pub fn assertion_of(&self, xml: &str) -> String {
        let assertion = super::element(xml, "Assertion");
        xml.replacen(assertion, &self.wrap("EncryptedAssertion", assertion.as_bytes()), 1)
    }

    /// `<EncryptedAssertion>` (or the like) with this in it.
    pub fn wrap(&self, name: &str, plaintext: &[u8]) -> String {
        let (data, beside) = self.encrypt(plaintext);
        format!("<s:{name} xmlns:s=\"{SAML}\">{data}{beside}</s:{name}>")
    }

    fn encrypt(&self, plaintext: &[u8]) -> (String, String) {
        let length = if self.content.starts_with("aes128") { 16 } else { 32 };
        // Not random, and never the same for two plaintexts of different length.
        let key = vec![plaintext.len() as u8 ^ 0x5a; self.key_length.unwrap_or(length)];
        let ciphertext = (self.tamper)(self.content(&key, plaintext));
        let wrapped = STANDARD.encode((self.tamper_key)(self.wrapped(self.recipient, &key)));
        let to_another = STANDARD.encode(self.wrapped(Recipient::Stranger, &key));
        let ciphertext = lines(&STANDARD.encode(ciphertext));

        let digest = match self.digest {
            "" => String::new(),
            "sha1" => format!("<DigestMethod xmlns=\"{DSIG}\" Algorithm=\"{DSIG}sha1\" />"),
            "sha384" => {
                let uri = "http://www.w3.org/2001/04/xmldsig-more#sha384";
                format!("<DigestMethod xmlns=\"{DSIG}\" Algorithm=\"{uri}\" />")
            }
            hash => format!("<DigestMethod xmlns=\"{DSIG}\" Algorithm=\"{XENC}{hash}\" />"),
        };
        let mask = match (self.transport, self.mask) {
            (_, "") | ("rsa-oaep-mgf1p" | "rsa-1_5", _) => String::new(),
            (_, hash) => format!("<m:MGF xmlns:m=\"{XENC11}\" Algorithm=\"{XENC11}mgf1{hash}\"/>"),
        };
        let of =
            |name: &str| if matches!(name, "rsa-oaep" | "aes128-gcm" | "aes256-gcm") { XENC11 } else { XENC };
        let id = if matches!(self.place, Place::BesideWithRetrievalMethod) { " Id=\"_key\"" } else { "" };
        let key = format!(
            "<e:EncryptedKey xmlns:e=\"{XENC}\"{id}><e:EncryptionMethod Algorithm=\"{}{}\">{digest}{mask}\
             </e:EncryptionMethod><KeyInfo xmlns=\"{DSIG}\"><X509Data><X509IssuerSerial>\
             <X509IssuerName>CN=service</X509IssuerName><X509SerialNumber>1</X509SerialNumber>\
             </X509IssuerSerial></X509Data></KeyInfo><e:CipherData><e:CipherValue>{wrapped}</e:CipherValue>\
             </e:CipherData></e:EncryptedKey>",
            of(self.transport),
            self.transport
        );
        let key = key.replace(&wrapped, &to_another).repeat(self.others) + &key;
        let retrieval = format!("<RetrievalMethod Type=\"{XENC}EncryptedKey\" URI=\"#_key\"/>");
        let (inside, beside) = match self.place {
            Place::Inside => (key, String::new()),
            Place::Beside => (String::new(), key),
            Place::BesideWithRetrievalMethod => (retrieval, key),
            Place::Nowhere => (String::new(), String::new()),
            Place::InsideAndBeside => (key.clone(), key),
        };
        let key_info =
            if inside.is_empty() { inside } else { format!("<KeyInfo xmlns=\"{DSIG}\">{inside}</KeyInfo>") };
        let data = format!(
            "<xenc:EncryptedData Type=\"{XENC}Element\" xmlns:xenc=\"{XENC}\"><xenc:EncryptionMethod \
             Algorithm=\"{}{}\" />{key_info}<xenc:CipherData><xenc:CipherValue>{ciphertext}</xenc:CipherValue>\
             </xenc:CipherData></xenc:EncryptedData>",
            of(self.content),
            self.content
        );
        (data, beside)
    }

    fn content(&self, key: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let mut buffer = plaintext.to_vec();
        // A key of a wrong length encrypts nothing; the ciphertext does not matter then.
        let key = if self.key_length.is_some() { &[7; 32][..] } else { key };
        if self.content.ends_with("gcm") {
            let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
            let key = LessSafeKey::new(UnboundKey::new(algorithm, key).unwrap());
            let nonce = [9; 12];
            key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut buffer)
                .unwrap();
            return [&nonce[..], &buffer].concat();
        }
        let padding = 16 - buffer.len() % 16;
        let (fill, last) = match self.padding {
            Padding::Arbitrary => (0xa5, padding as u8),
            Padding::Pkcs7 => (padding as u8, padding as u8),
            Padding::Wrong(last) => (0, last),
        };
        buffer.resize(buffer.len() + padding - 1, fill);
        buffer.push(last);
        let algorithm = if key.len() == 16 { &AES_128 } else { &AES_256 };
        let key = EncryptingKey::cbc(UnboundCipherKey::new(algorithm, key).unwrap()).unwrap();
        let iv = [3; 16];
        key.less_safe_encrypt(&mut buffer, EncryptionContext::Iv128((&iv).into())).unwrap();
        [&iv[..], &buffer].concat()
    }

    fn wrapped(&self, recipient: Recipient, key: &[u8]) -> Vec<u8> {
        let public = recipient.public();
        let mut wrapped = vec![0; public.key_size_bytes()];
        if self.transport == "rsa-1_5" {
            let public = Pkcs1PublicEncryptingKey::new(public).unwrap();
            return public.encrypt(key, &mut wrapped).unwrap().to_vec();
        }
        let der: PublicKeyX509Der<'_> = public.as_der().unwrap();
        let public = RsaKey::from_public_key(der.as_ref()).unwrap();
        let oaep = Oaep { digest: oaep_hash(self.digest), mask: oaep_hash(self.mask) };
        assert_eq!(public.encrypt(oaep, key, &mut wrapped), Some(wrapped.len()));
        wrapped
    }
}

fn oaep_hash(name: &str) -> Hash {
    match name {
        "sha256" => Hash::Sha256,
        "sha384" => Hash::Sha384,
        "sha512" => Hash::Sha512,
        _ => Hash::Sha1,
    }
}

/// base64 as Java and .NET write it.
fn lines(base64: &str) -> String {
    let lines: Vec<&str> =
        base64.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}
