//! A broker that has only a key ring: an authorizer must ask no other port.

use async_trait::async_trait;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use secrecy::SecretSlice;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use vestibule::broker::ports::*;
use vestibule::broker::*;
use vestibule::roles::{Grant, Rules};
use vestibule::saml::Limits;

use crate::forge;

const KID: &str = "fuzz-1";
const KEY: &[u8] = b"a key of the fuzz targets, no more";
const ISSUER: &str = "https://vestibule.example.com";

struct KeysOnly;

/// A broker at the forge's time, and a ticket of its own with its verifier.
pub async fn broker() -> (Broker, String, String) {
    let port = Arc::new(KeysOnly);
    let ports = Ports {
        token_service: port.clone(),
        sessions: port.clone(),
        audit: port.clone(),
        keys: port.clone(),
        clock: port.clone(),
        random: port,
        console: None,
    };
    let settings = BrokerSettings {
        providers: forge::providers().into(),
        service: forge::service(),
        signing_key: None,
        limits: Limits::default(),
        rules: Rules::new(Vec::new(), Default::default()),
        pages: Default::default(),
        console: None,
        shell: None,
        binding: Binding::Challenge,
        tickets: TicketSettings { issuer: ISSUER.into(), lifetime: Duration::seconds(30) },
        session_lifetime: Duration::seconds(60),
    };
    let verifier = "v".repeat(43);
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    let claims = TicketClaims {
        kind: TicketKind::default(),
        iss: ISSUER.into(),
        aud: ISSUER.into(),
        sub: "session-of-the-target".into(),
        jti: Jti::random(&KeysOnly),
        login: LoginId::new(forge::now(), &KeysOnly),
        reference: None,
        challenge: base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, hash),
        sealed: false,
        ask: None,
        part: None,
        page: None,
        iat: forge::now().unix_timestamp(),
        nbf: None,
        exp: forge::now().unix_timestamp() + 30,
    };
    let ticket = KeysOnly.sign(&claims).await.expect("a ticket").expose().to_owned();
    (Broker::new(settings, ports), ticket, verifier)
}

#[async_trait]
impl KeyRing for KeysOnly {
    async fn seal(&self, _: &Purpose, _: &SecretSlice<u8>) -> Result<Sealed, KeyRingError> {
        unreachable!()
    }
    async fn open(&self, _: &Purpose, _: &Sealed) -> Result<SecretSlice<u8>, KeyRingError> {
        unreachable!()
    }
    async fn sign(&self, claims: &TicketClaims) -> Result<Ticket, KeyRingError> {
        encode_ticket(claims, KID, Algorithm::HS256, &EncodingKey::from_secret(KEY))
            .map_err(|_| KeyRingError::Unavailable)
    }
    async fn verify(&self, token: &str) -> Result<TicketClaims, TicketError> {
        if ticket_kid(token)? != KID {
            return Err(TicketError::Invalid);
        }
        decode_ticket(token, Algorithm::HS256, &DecodingKey::from_secret(KEY))
    }
    async fn public_keys(&self) -> Result<JwkSet, KeyRingError> {
        unreachable!()
    }
}

impl Clock for KeysOnly {
    fn now(&self) -> OffsetDateTime {
        forge::now()
    }
}

impl SecureRandom for KeysOnly {
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("random bytes");
    }
}

#[async_trait]
impl TokenService for KeysOnly {
    async fn assume_role(&self, _: &Grant, _: OffsetDateTime) -> Result<Credentials, TokenServiceError> {
        unreachable!()
    }
}

#[async_trait]
impl SessionStore for KeysOnly {
    async fn begin(&self, _: &LoginStart) -> Result<(), BeginError> {
        unreachable!()
    }
    async fn open_choice(&self, _: &ChoiceStart) -> Result<(), BeginError> {
        unreachable!()
    }
    async fn look(&self, _: &Handle, _: OffsetDateTime) -> Result<Option<Held>, StoreUnavailable> {
        unreachable!()
    }
    async fn roles_used(&self, _: &str, _: &str) -> Result<Vec<RoleUsed>, StoreUnavailable> {
        unreachable!()
    }
    async fn put(&self, _: &SealedSession, _: &AuditEvent) -> Result<(), PutError> {
        unreachable!()
    }
    async fn release(&self, _: &Handle, _: &AuditEvent) -> Result<(), StoreUnavailable> {
        unreachable!()
    }
    async fn take(&self, _: &Handle, _: &Jti, _: OffsetDateTime) -> Result<Option<Taken>, TakeError> {
        unreachable!()
    }
}

#[async_trait]
impl AuditTrail for KeysOnly {
    async fn record(&self, _: &AuditEvent) -> Result<(), StoreUnavailable> {
        unreachable!()
    }
    async fn record_once(&self, _: &UsedOnce, _: &AuditEvent) -> Result<bool, StoreUnavailable> {
        unreachable!()
    }
    async fn recent(&self, _: usize) -> Result<Vec<AuditEvent>, StoreUnavailable> {
        unreachable!()
    }
    async fn sweep(&self, _: OffsetDateTime) -> Result<SweepReport, StoreUnavailable> {
        unreachable!()
    }
    async fn ready(&self) -> Result<(), NotReady> {
        unreachable!()
    }
}
