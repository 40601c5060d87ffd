//! The contract of `KeyRing` (`src/broker/ports/`), rotation included.

use super::start_of_time;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::PublicKeyUse;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret, SecretSlice};
use std::sync::Arc;
use vestibule::broker::ports::{KeyRing, KeyRingError};
use vestibule::broker::{
    Binding, Jti, LoginId, Purpose, RelayState, Sealed, SessionId, TicketClaims, TicketError, TicketKind,
    ticket_kid,
};

/// Where one ring's keys live.
pub trait KeyRingUnderTest: Send + Sync {
    /// The ring, as one more process opens it.
    fn open(&self) -> Arc<dyn KeyRing>;
    /// Rotates as an operator does, and lets the time pass until the new key signs.
    fn rotate(&self);
    /// Another Vestibule's ring.
    fn stranger(&self) -> Arc<dyn KeyRing>;
}

/// `keyring_contract!(MyKeyRing::new())`: one test per sentence of the contract.
macro_rules! keyring_contract {
    ($under_test:expr) => {
        keyring_contract! { @each $under_test;
            what_is_sealed_opens_for_its_purpose_only,
            a_changed_seal_is_broken,
            a_seal_hides_its_plaintext_and_is_never_the_same_twice,
            what_is_signed_verifies,
            a_ticket_that_we_did_not_sign_is_invalid,
            a_ticket_chooses_its_key_but_not_its_algorithm,
            what_is_no_ticket_is_malformed,
            keys_outlive_the_process,
            protocol_rotation_between_issue_and_take,
            protocol_rotation_during_login,
            a_rotation_reaches_every_process,
            its_public_keys_verify_its_tickets_and_secrets_have_none,
        }
    };
    (@each $under_test:expr; $($name:ident,)*) => {
        $(#[tokio::test]
        async fn $name() {
            contract::keyring::$name(&$under_test).await;
        })*
    };
}
pub(crate) use keyring_contract;

const PLAINTEXT: &[u8] = b"canary: the secret access key";

pub fn session(n: u8) -> SessionId {
    SessionId::parse(&format!("session-number-{n:03}")).unwrap()
}

pub fn purpose(n: u8) -> Purpose {
    Purpose::credentials(&session(n))
}

pub fn plaintext() -> SecretSlice<u8> {
    PLAINTEXT.to_vec().into()
}

pub fn claims(n: u8) -> TicketClaims {
    let now = start_of_time().unix_timestamp();
    TicketClaims {
        kind: TicketKind::HandOver,
        part: None,
        nbf: None,
        iss: "https://vestibule.example.com".to_owned(),
        aud: "https://vestibule.example.com".to_owned(),
        sub: session(n).as_str().to_owned(),
        jti: Jti::from_stored(format!("jti-{n}")),
        login: LoginId::from_stored(format!("login-{n}")),
        reference: Some(format!("7K3F-000{n}")),
        challenge: "c".repeat(43),
        sealed: true,
        ask: Some("Which \"ticket\" is this for, \u{1F511}?".to_owned()),
        page: Some("wiki".to_owned()),
        iat: now,
        exp: now + 30,
    }
}

async fn opens(ring: &Arc<dyn KeyRing>, n: u8, sealed: &Sealed) -> bool {
    matches!(ring.open(&purpose(n), sealed).await, Ok(p) if p.expose_secret() == PLAINTEXT)
}

async fn broken(ring: &Arc<dyn KeyRing>, n: u8, sealed: &Sealed) -> bool {
    matches!(ring.open(&purpose(n), sealed).await, Err(KeyRingError::BrokenSeal))
}

pub async fn what_is_sealed_opens_for_its_purpose_only(under_test: &dyn KeyRingUnderTest) {
    let ring = under_test.open();
    let sealed = ring.seal(&purpose(1), &plaintext()).await.unwrap();
    assert!(opens(&ring, 1, &sealed).await);
    assert!(opens(&ring, 1, &sealed).await, "opening consumes nothing");
    assert!(broken(&ring, 2, &sealed).await);
    let empty = ring.seal(&purpose(1), &Vec::new().into()).await.unwrap();
    assert!(ring.open(&purpose(1), &empty).await.unwrap().expose_secret().is_empty());
    // The same session id, but for a request; and the other way round.
    let relay_state = |challenge: char| {
        let text = format!("{}##{}", session(1).as_str(), challenge.to_string().repeat(43));
        RelayState::parse(Some(&text), Binding::Challenge).unwrap()
    };
    let request = Purpose::request(&relay_state('a'), "ADFS");
    assert!(ring.open(&request, &sealed).await.is_err());
    let of_request = ring.seal(&request, &plaintext()).await.unwrap();
    assert!(ring.open(&request, &of_request).await.is_ok(), "control");
    assert!(broken(&ring, 1, &of_request).await);
    for other in [Purpose::request(&relay_state('b'), "ADFS"), Purpose::request(&relay_state('a'), "Okta")] {
        assert!(matches!(ring.open(&other, &of_request).await, Err(KeyRingError::BrokenSeal)));
    }
    let stranger = under_test.stranger();
    let foreign = stranger.seal(&purpose(1), &plaintext()).await.unwrap();
    assert!(opens(&stranger, 1, &foreign).await, "control");
    assert!(broken(&ring, 1, &foreign).await);
}

pub async fn a_changed_seal_is_broken(under_test: &dyn KeyRingUnderTest) {
    let ring = under_test.open();
    let sealed = ring.seal(&purpose(1), &plaintext()).await.unwrap();
    let bytes = sealed.as_bytes();
    for i in 0..bytes.len() {
        for bit in [1, 0x80] {
            let mut changed = bytes.to_vec();
            changed[i] ^= bit;
            assert!(broken(&ring, 1, &Sealed::from_ciphertext(changed)).await, "byte {i}");
        }
        let cut = Sealed::from_ciphertext(bytes[..i].to_vec());
        assert!(broken(&ring, 1, &cut).await, "cut at {i}");
    }
    let longer = Sealed::from_ciphertext([bytes, b"x"].concat());
    assert!(broken(&ring, 1, &longer).await);
}

pub async fn a_seal_hides_its_plaintext_and_is_never_the_same_twice(under_test: &dyn KeyRingUnderTest) {
    let ring = under_test.open();
    let one = ring.seal(&purpose(1), &plaintext()).await.unwrap();
    let two = ring.seal(&purpose(1), &plaintext()).await.unwrap();
    assert_ne!(one, two);
    for sealed in [one, two] {
        assert!(!sealed.as_bytes().windows(6).any(|w| w == &PLAINTEXT[..6]));
    }
}

pub async fn what_is_signed_verifies(under_test: &dyn KeyRingUnderTest) {
    let ring = under_test.open();
    let ticket = ring.sign(&claims(1)).await.unwrap();
    assert_eq!(ring.verify(ticket.expose()).await, Ok(claims(1)));
    // The claims are judged by who has the clock and the settings.
    let foreign = TicketClaims { exp: 0, iss: "https://other.example".to_owned(), ..claims(2) };
    let ticket = ring.sign(&foreign).await.unwrap();
    assert_eq!(ring.verify(ticket.expose()).await, Ok(foreign));
}

pub async fn a_ticket_that_we_did_not_sign_is_invalid(under_test: &dyn KeyRingUnderTest) {
    let ring = under_test.open();
    let ticket = under_test.stranger().sign(&claims(1)).await.unwrap();
    assert_eq!(ring.verify(ticket.expose()).await, Err(TicketError::Invalid), "another's key");

    let ticket = ring.sign(&claims(1)).await.unwrap();
    let other = ring.sign(&claims(2)).await.unwrap();
    let [header, payload, signature] = parts(ticket.expose());
    let [_, other_payload, other_signature] = parts(other.expose());
    let swapped = format!("{header}.{other_payload}.{signature}");
    assert_eq!(ring.verify(&swapped).await, Err(TicketError::Invalid), "another's claims");
    let swapped = format!("{header}.{payload}.{other_signature}");
    assert_eq!(ring.verify(&swapped).await, Err(TicketError::Invalid), "another's signature");
    assert_eq!(ring.verify(&format!("{header}.{payload}.")).await, Err(TicketError::Invalid), "none");
}

pub async fn a_ticket_chooses_its_key_but_not_its_algorithm(under_test: &dyn KeyRingUnderTest) {
    let ring = under_test.open();
    let old = ring.sign(&claims(1)).await.unwrap();
    under_test.rotate();
    let new = ring.sign(&claims(1)).await.unwrap();
    let [_, payload, signature] = parts(old.expose());
    let [new_header, ..] = parts(new.expose());
    let under_another_kid = format!("{new_header}.{payload}.{signature}");
    assert_eq!(ring.verify(&under_another_kid).await, Err(TicketError::Invalid));

    let kid = ticket_kid(old.expose()).unwrap();
    for algorithm in ["none", "HS384", "RS256"] {
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"JWT","alg":"{algorithm}","kid":"{kid}"}}"#));
        for signature in ["", signature] {
            let forged = format!("{header}.{payload}.{signature}");
            let refused = ring.verify(&forged).await;
            assert!(matches!(refused, Err(TicketError::Invalid | TicketError::Malformed)), "{algorithm}");
        }
    }
}

pub async fn what_is_no_ticket_is_malformed(under_test: &dyn KeyRingUnderTest) {
    let ring = under_test.open();
    let ticket = ring.sign(&claims(1)).await.unwrap();
    let [_, payload, signature] = parts(ticket.expose());
    let no_kid = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
    for token in [
        String::new(),
        "x".to_owned(),
        "..".to_owned(),
        format!("{no_kid}.{payload}.{signature}"),
        format!("{}{}", ticket.expose(), "A".repeat(4096)),
    ] {
        assert_eq!(ring.verify(&token).await, Err(TicketError::Malformed), "{token:.20}");
    }
}

pub async fn keys_outlive_the_process(under_test: &dyn KeyRingUnderTest) {
    let ring = under_test.open();
    let sealed = ring.seal(&purpose(1), &plaintext()).await.unwrap();
    let ticket = ring.sign(&claims(1)).await.unwrap();
    drop(ring);
    let ring = under_test.open();
    assert!(opens(&ring, 1, &sealed).await);
    assert_eq!(ring.verify(ticket.expose()).await, Ok(claims(1)));
}

pub async fn protocol_rotation_between_issue_and_take(under_test: &dyn KeyRingUnderTest) {
    let ring = under_test.open();
    let sealed = ring.seal(&purpose(1), &plaintext()).await.unwrap();
    let ticket = ring.sign(&claims(1)).await.unwrap();
    for _ in 0..3 {
        under_test.rotate();
        assert!(opens(&ring, 1, &sealed).await);
        assert_eq!(ring.verify(ticket.expose()).await, Ok(claims(1)));
        let new = ring.sign(&claims(2)).await.unwrap();
        assert_ne!(ticket_kid(new.expose()), ticket_kid(ticket.expose()), "a new key signs");
    }
}

pub async fn protocol_rotation_during_login(under_test: &dyn KeyRingUnderTest) {
    let ring = under_test.open();
    let sealed = ring.seal(&purpose(1), &plaintext()).await.unwrap();
    under_test.rotate();
    let ticket = ring.sign(&claims(1)).await.unwrap();
    under_test.rotate();
    let new = ring.sign(&claims(2)).await.unwrap();
    assert_ne!(ticket_kid(new.expose()), ticket_kid(ticket.expose()), "a new key signs");
    for ring in [ring, under_test.open()] {
        assert_eq!(ring.verify(ticket.expose()).await, Ok(claims(1)));
        assert!(opens(&ring, 1, &sealed).await);
    }
}

/// None is restarted; what one signs and seals, the others accept at once.
pub async fn a_rotation_reaches_every_process(under_test: &dyn KeyRingUnderTest) {
    let rings = [under_test.open(), under_test.open(), under_test.open()];
    let mut kids = Vec::new();
    for n in 0..3 {
        for signer in &rings {
            let ticket = signer.sign(&claims(n)).await.unwrap();
            let sealed = signer.seal(&purpose(n), &plaintext()).await.unwrap();
            for ring in &rings {
                assert_eq!(ring.verify(ticket.expose()).await, Ok(claims(n)));
                assert!(opens(ring, n, &sealed).await);
            }
            kids.push(ticket_kid(ticket.expose()).unwrap());
        }
        under_test.rotate();
    }
    kids.dedup();
    assert_eq!(kids.len(), 3, "all of them sign with the new key as soon as one does");
}

fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// As somebody else would verify: with the published set alone.
pub async fn its_public_keys_verify_its_tickets_and_secrets_have_none(under_test: &impl KeyRingUnderTest) {
    let ring = under_test.open();
    let old = ring.sign(&claims(1)).await.unwrap();
    under_test.rotate();
    let new = ring.sign(&claims(2)).await.unwrap();
    // Of a process that has signed nothing.
    let set = under_test.open().public_keys().await.unwrap();
    let algorithm = jsonwebtoken::decode_header(old.expose()).unwrap().alg;
    if algorithm == Algorithm::HS256 {
        assert_eq!(set.keys, []);
        return;
    }
    assert_eq!(set.keys.len(), 2, "those of tickets under way");
    for (ticket, n) in [(old, 1), (new, 2)] {
        let jwk = set.find(&ticket_kid(ticket.expose()).unwrap()).unwrap();
        assert_eq!(jwk.common.public_key_use, Some(PublicKeyUse::Signature));
        assert_eq!(jwk.common.key_algorithm.unwrap().to_string(), format!("{algorithm:?}"));
        let text = serde_json::to_value(jwk).unwrap();
        assert!(["d", "k", "p", "q"].iter().all(|private| text.get(private).is_none()), "{text}");
        let mut validation = Validation::new(algorithm);
        (validation.validate_exp, validation.validate_aud) = (false, false);
        let key = DecodingKey::from_jwk(jwk).unwrap();
        let read = jsonwebtoken::decode::<TicketClaims>(ticket.expose(), &key, &validation).unwrap();
        assert_eq!(read.claims, claims(n));
    }
}
