//! What a program at a shell opens: only a JWE that is the sealed one to the last character. A
//! part `@` of the input stands for the sealed one's own, and JSON for its base64url.
#![no_main]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use vestibule::jose::{PrivateKey, open, seal};

const STATE: &str = "3Zq9x4bJk2mVwY7tLr5NdA";

thread_local! {
    static SEALED: (PrivateKey, String) = {
        let key = PrivateKey::generate().expect("a key");
        let jwe = seal(b"secret", key.public_key(), "jti", STATE, "json").expect("a JWE");
        (key, jwe)
    };
}

fuzz_target!(|text: &str| {
    SEALED.with(|(key, sealed)| {
        // A dot may stand in JSON, and no line break in a JWE.
        let parts = text.split('\n').zip(sealed.split('.').chain(std::iter::repeat(""))).map(|(part, own)| {
            match part {
                "@" => own.to_owned(),
                json if json.starts_with('{') => URL_SAFE_NO_PAD.encode(json.replace("EPK", &epk(own))),
                other => other.to_owned(),
            }
        });
        let jwe = parts.collect::<Vec<_>>().join(".");
        let opened = open(&jwe, key, STATE);
        assert_eq!(opened.is_some(), jwe == *sealed, "{jwe}");
    });
});

/// The sender's key, in the sealed one's header.
fn epk(header: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(header).unwrap_or_default();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap_or_default();
    header["epk"]["x"].as_str().unwrap_or_default().to_owned()
}
