//! OpenSSL's command line as the other side: whatever it encrypts is decrypted, and the
//! other way round, with each hash function and each mask.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use vestibule_oaep::{Hash, Oaep, RsaKey};

const HASHES: [(Hash, &str); 4] =
    [(Hash::Sha1, "sha1"), (Hash::Sha256, "sha256"), (Hash::Sha384, "sha384"), (Hash::Sha512, "sha512")];
/// The longest that fits with SHA-512 into 2,048 bits.
const PLAINTEXT: &[u8] = &[0x5a; 126];

fn key_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/keys/decryption-new.key.pem")
}

fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    let command = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("openssl starts: run the tests with `tests/run`");
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    output.stdout
}

fn der(how: &[&str]) -> Vec<u8> {
    let file = key_file();
    openssl(&[how, &["-in", file.to_str().unwrap(), "-outform", "DER"]].concat(), b"")
}

fn pkcs8() -> Vec<u8> {
    der(&["pkcs8", "-topk8", "-nocrypt"])
}

fn private() -> RsaKey {
    RsaKey::from_pkcs8(&pkcs8()).unwrap()
}

fn public() -> RsaKey {
    RsaKey::from_public_key(&der(&["pkey", "-pubout"])).unwrap()
}

fn pkeyutl(operation: &str, digest: &str, mask: &str, input: &[u8]) -> Vec<u8> {
    let (digest, mask) = (format!("rsa_oaep_md:{digest}"), format!("rsa_mgf1_md:{mask}"));
    let file = key_file();
    let options = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", &digest, "-pkeyopt", &mask];
    openssl(&[&["pkeyutl", operation, "-inkey", file.to_str().unwrap()], &options[..]].concat(), input)
}

fn every_pair() -> impl Iterator<Item = (Oaep, &'static str, &'static str)> {
    HASHES.into_iter().flat_map(|(digest, name)| {
        HASHES.into_iter().map(move |(mask, mask_name)| (Oaep { digest, mask }, name, mask_name))
    })
}

#[test]
fn what_openssl_encrypts_is_decrypted_by_its_own_pair_only() {
    let key = private();
    for (oaep, digest, mask) in every_pair() {
        let ciphertext = pkeyutl("-encrypt", digest, mask, PLAINTEXT);
        for (other, ..) in every_pair() {
            let mut buffer = vec![0; key.size()];
            let length = key.decrypt(other, &ciphertext, &mut buffer);
            assert_eq!(length, (other == oaep).then_some(PLAINTEXT.len()), "{oaep:?} {other:?}");
            if length.is_some() {
                assert_eq!(&buffer[..PLAINTEXT.len()], PLAINTEXT);
            }
        }
    }
}

#[test]
fn what_is_encrypted_openssl_decrypts() {
    let key = public();
    for (oaep, digest, mask) in every_pair() {
        let mut ciphertext = vec![0; key.size()];
        assert_eq!(key.encrypt(oaep, PLAINTEXT, &mut ciphertext), Some(key.size()));
        assert_eq!(pkeyutl("-decrypt", digest, mask, &ciphertext), PLAINTEXT);
    }
}

#[test]
fn whatever_is_wrong_is_none() {
    let (key, public) = (private(), public());
    let oaep = Oaep { digest: Hash::Sha256, mask: Hash::Sha1 };
    let mut ciphertext = vec![0; key.size()];
    public.encrypt(oaep, b"content key", &mut ciphertext).unwrap();
    let mut buffer = vec![0; key.size()];
    assert_eq!(key.decrypt(oaep, &ciphertext, &mut buffer), Some(11));

    for at in [0, 1, 100, 255] {
        let mut tampered = ciphertext.clone();
        tampered[at] ^= 1;
        assert_eq!(key.decrypt(oaep, &tampered, &mut buffer), None, "{at}");
    }
    for wrong in [&[][..], &ciphertext[1..], &[&ciphertext[..], &[0]].concat(), &[0; 256], &[0xff; 256]] {
        assert_eq!(key.decrypt(oaep, wrong, &mut buffer), None);
    }
    assert_eq!(key.decrypt(oaep, &ciphertext, &mut buffer[..255]), None, "a buffer that is too short");
    assert_eq!(public.decrypt(oaep, &ciphertext, &mut buffer), None, "without the private key");
    assert_eq!(public.encrypt(oaep, &[0; 300], &mut buffer), None, "what does not fit");
}

#[test]
fn keys_are_rsa_and_nothing_else() {
    let pkcs8 = pkcs8();
    assert!(RsaKey::from_pkcs8(&pkcs8).is_some());
    for junk in [&[][..], b"junk", &pkcs8[1..], &pkcs8[..pkcs8.len() - 1], &[&pkcs8[..], &[0]].concat()] {
        assert!(RsaKey::from_pkcs8(junk).is_none());
        assert!(RsaKey::from_public_key(junk).is_none());
    }
    assert!(RsaKey::from_public_key(&pkcs8).is_none(), "a private key is no public one");
    let elliptic = openssl(
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-outform", "DER"],
        b"",
    );
    assert!(RsaKey::from_pkcs8(&elliptic).is_none());
}

#[test]
fn threads_share_a_key() {
    let (key, public) = (private(), public());
    let oaep = Oaep { digest: Hash::Sha1, mask: Hash::Sha1 };
    let mut ciphertext = vec![0; key.size()];
    public.encrypt(oaep, PLAINTEXT, &mut ciphertext).unwrap();
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                let mut buffer = vec![0; key.size()];
                for _ in 0..20 {
                    assert_eq!(key.decrypt(oaep, &ciphertext, &mut buffer), Some(PLAINTEXT.len()));
                }
            });
        }
    });
}
