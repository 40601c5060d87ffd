//! A world in memory that behaves as the ports' contracts say, with a clock to
//! move and faults to switch on. Nothing in it believes anything about its callers.

use async_trait::async_trait;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use secrecy::{ExposeSecret, SecretSlice};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use time::{Duration, OffsetDateTime};
use tokio::sync::{Semaphore, SemaphorePermit};
use vestibule::broker::ports::*;
use vestibule::broker::*;
use vestibule::roles::{Grant, Rules};
use vestibule::saml::{DecryptionKeys, IdentityProviders, Limits, ServiceProvider};

pub const PUBLIC_URL: &str = "https://vestibule.example.com";

/// Faults to switch on, and what they do.
#[derive(Default)]
pub struct Faults {
    /// Every store call fails; nothing is written.
    pub store_down: AtomicBool,
    /// `take` deletes and then says that it does not know.
    pub take_uncertain: AtomicBool,
    /// `record` fails.
    pub record_fails: AtomicBool,
    /// The key ring does not answer.
    pub keys_down: AtomicBool,
    /// The key ring panics: a defect.
    pub keys_panic: AtomicBool,
}

impl Faults {
    pub fn on(fault: &AtomicBool) {
        fault.store(true, Ordering::SeqCst);
    }
    fn is(fault: &AtomicBool) -> bool {
        fault.load(Ordering::SeqCst)
    }
}

enum Place {
    Reserved { login: LoginId, ends: OffsetDateTime },
    Waiting(SealedSession),
}

#[derive(Default)]
struct State {
    claims: HashSet<Handle>,
    places: HashMap<Handle, Place>,
    ended: HashSet<LoginId>,
    audit: Vec<AuditEvent>,
}

pub struct FakeWorld {
    state: Mutex<State>,
    now: Mutex<OffsetDateTime>,
    pub faults: Faults,
    /// Holds `take` before it begins, while [`FakeWorld::close_gate`]'s permit lives.
    gate: Semaphore,
    /// Counts those who have come to the gate.
    pub at_gate: Semaphore,
}

/// More than any test has takes.
const MANY: usize = 1_000;

/// 2026-11-23T06:00:00Z
pub fn start_of_time() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_795_413_600).unwrap()
}

impl FakeWorld {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            now: Mutex::new(start_of_time()),
            faults: Faults::default(),
            gate: Semaphore::new(MANY),
            at_gate: Semaphore::new(0),
        })
    }

    pub fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            token_service: self.clone(),
            sessions: self.clone(),
            audit: self.clone(),
            users: self.clone(),
            keys: self.clone(),
            clock: self.clone(),
            random: self.clone(),
        }
    }

    pub fn broker(self: &Arc<Self>, binding: Binding) -> Arc<Broker> {
        let settings = BrokerSettings {
            providers: IdentityProviders::new(Vec::new()).unwrap().into(),
            service: ServiceProvider {
                entity_id: "urn:amazon:webservices".into(),
                acs_url: format!("{PUBLIC_URL}/saml"),
                audiences: vec!["urn:amazon:webservices".into()],
                clock_skew: Duration::seconds(60),
                decryption_keys: DecryptionKeys::default(),
                max_assertion_age: None,
                max_assertion_lifetime: None,
                request_lifetime: Duration::minutes(10),
            },
            signing_key: None,
            limits: Limits::default(),
            rules: Rules::new(Vec::new(), Default::default()),
            binding,
            tickets: TicketSettings { issuer: PUBLIC_URL.into(), lifetime: Duration::seconds(30) },
            session_lifetime: Duration::seconds(60),
        };
        Arc::new(Broker::new(settings, self.ports()))
    }

    pub fn pass(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }

    pub async fn close_gate(&self) -> SemaphorePermit<'_> {
        self.gate.acquire_many(MANY as u32).await.unwrap()
    }

    pub fn audited(&self) -> Vec<EventKind> {
        self.state().audit.iter().map(|event| event.kind).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(&self) -> Result<MutexGuard<'_, State>, StoreUnavailable> {
        if Faults::is(&self.faults.store_down) { Err(StoreUnavailable) } else { Ok(self.state()) }
    }

    fn keys(&self) -> Result<(), KeyRingError> {
        assert!(!Faults::is(&self.faults.keys_panic), "a defect");
        if Faults::is(&self.faults.keys_down) { Err(KeyRingError::Unavailable) } else { Ok(()) }
    }
}

impl Clock for FakeWorld {
    fn now(&self) -> OffsetDateTime {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SecureRandom for FakeWorld {
    fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).unwrap();
    }
}

#[async_trait]
impl TokenService for FakeWorld {
    async fn assume_role(
        &self,
        _grant: &Grant,
        _now: OffsetDateTime,
    ) -> Result<Credentials, TokenServiceError> {
        Err(TokenServiceError::Unavailable)
    }
}

#[async_trait]
impl SessionStore for FakeWorld {
    async fn begin(&self, start: &LoginStart) -> Result<(), BeginError> {
        let mut state = self.store().map_err(|_| BeginError::Unavailable)?;
        let at = start.event.at;
        match state.places.get(&start.session) {
            Some(Place::Reserved { login, .. }) if *login == start.login => return Ok(()),
            _ if state.claims.contains(&start.assertion.handle) => return Err(BeginError::Replayed),
            Some(Place::Reserved { ends, .. }) if at < *ends => return Err(BeginError::SessionTaken),
            Some(Place::Waiting(session)) if at < session.expires_at() => {
                return Err(BeginError::SessionTaken);
            }
            _ => {}
        }
        state.claims.insert(start.assertion.handle.clone());
        let place = Place::Reserved { login: start.login.clone(), ends: start.reservation_ends };
        state.places.insert(start.session.clone(), place);
        state.audit.push(start.event.clone());
        Ok(())
    }

    async fn put(&self, session: &SealedSession, event: &AuditEvent) -> Result<(), PutError> {
        let mut state = self.store().map_err(|_| PutError::Unavailable)?;
        match state.places.get(session.session()) {
            Some(Place::Waiting(waiting)) if waiting.login() == session.login() => return Ok(()),
            Some(Place::Reserved { login, ends }) if login == session.login() && event.at < *ends => {}
            _ => return Err(PutError::ReservationEnded),
        }
        state.places.insert(session.session().clone(), Place::Waiting(session.clone()));
        state.audit.push(event.clone());
        Ok(())
    }

    async fn release(&self, session: &Handle, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        let mut state = self.store()?;
        if let Some(Place::Reserved { login, .. }) = state.places.get(session)
            && Some(login) == event.login.as_ref()
        {
            state.places.remove(session);
        }
        let login = event.login.clone().unwrap();
        if state.ended.insert(login) {
            state.audit.push(event.clone());
        }
        Ok(())
    }

    async fn take(
        &self,
        session: &Handle,
        jti: &Jti,
        now: OffsetDateTime,
    ) -> Result<Option<Taken>, TakeError> {
        self.at_gate.add_permits(1);
        let _pass = self.gate.acquire().await.unwrap();
        let mut state = self.store().map_err(|_| TakeError::Unavailable)?;
        let Some(Place::Waiting(waiting)) = state.places.get(session) else { return Ok(None) };
        if waiting.jti() != jti || now >= waiting.expires_at() {
            return Ok(None);
        }
        let taken = Taken { login: waiting.login().clone(), sealed: waiting.sealed().clone() };
        state.places.remove(session);
        if Faults::is(&self.faults.take_uncertain) { Err(TakeError::Uncertain) } else { Ok(Some(taken)) }
    }
}

#[async_trait]
impl AuditTrail for FakeWorld {
    async fn record(&self, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        if Faults::is(&self.faults.record_fails) {
            return Err(StoreUnavailable);
        }
        let mut state = self.store()?;
        if event.kind.is_final() {
            state.ended.extend(event.login.clone());
        }
        state.audit.push(event.clone());
        Ok(())
    }

    async fn recent(&self, limit: usize) -> Result<Vec<AuditEvent>, StoreUnavailable> {
        Ok(self.store()?.audit.iter().rev().take(limit).cloned().collect())
    }

    async fn sweep(&self, _now: OffsetDateTime) -> Result<SweepReport, StoreUnavailable> {
        Err(StoreUnavailable)
    }

    async fn ready(&self) -> Result<(), StoreUnavailable> {
        self.store().map(drop)
    }
}

#[async_trait]
impl UserDirectory for FakeWorld {
    async fn signed_in(&self, _event: &AuditEvent) -> Result<(), StoreUnavailable> {
        self.store().map(drop)
    }
}

const KID: &str = "fake-1";
const KEY: &[u8] = b"a key of the fake world, 32 bytes";

/// The seal: its purpose, a line break, the plaintext. Not a secret here, but
/// bound to its purpose like a real one.
#[async_trait]
impl KeyRing for FakeWorld {
    async fn seal(&self, purpose: &Purpose, plaintext: &SecretSlice<u8>) -> Result<Sealed, KeyRingError> {
        self.keys()?;
        Ok(Sealed::from_ciphertext(
            [purpose.handle().as_str().as_bytes(), b"\n", plaintext.expose_secret()].concat(),
        ))
    }

    async fn open(&self, purpose: &Purpose, sealed: &Sealed) -> Result<SecretSlice<u8>, KeyRingError> {
        self.keys()?;
        let bound = [purpose.handle().as_str().as_bytes(), b"\n"].concat();
        let plaintext = sealed.as_bytes().strip_prefix(bound.as_slice()).ok_or(KeyRingError::BrokenSeal)?;
        Ok(plaintext.to_vec().into())
    }

    async fn sign(&self, claims: &TicketClaims) -> Result<Ticket, KeyRingError> {
        self.keys()?;
        encode_ticket(claims, KID, Algorithm::HS256, &EncodingKey::from_secret(KEY))
            .map_err(|_| KeyRingError::Unavailable)
    }

    async fn verify(&self, token: &str) -> Result<TicketClaims, TicketError> {
        self.keys().map_err(|_| TicketError::KeysUnavailable)?;
        if ticket_kid(token)? != KID {
            return Err(TicketError::Invalid);
        }
        decode_ticket(token, Algorithm::HS256, &DecodingKey::from_secret(KEY))
    }

    async fn public_keys(&self) -> Result<JwkSet, KeyRingError> {
        self.keys()?;
        Ok(JwkSet { keys: Vec::new() })
    }
}

/// A session that waits, and what takes it.
pub struct Waiting {
    pub session: SessionId,
    pub verifier: String,
    pub ticket: String,
}

pub const ACCESS_KEY_ID: &str = "ASIAFAKEWORLD";
pub const SECRET_ACCESS_KEY: &str = "secret-access-key-canary";
pub const SESSION_TOKEN: &str = "session-token-canary";
pub const ROLE: &str = "arn:aws:iam::123456789012:role/ADFS-Production";

impl FakeWorld {
    /// Steps 5 to 8 of the protocol, through the ports, without an assertion.
    pub async fn waiting(&self, binding: Binding) -> Waiting {
        let id = |length| {
            let mut bytes = vec![0; length];
            self.fill(&mut bytes);
            base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)
        };
        let session = SessionId::parse(&id(16)).unwrap();
        let verifier = id(32);
        let challenge = match binding {
            Binding::Plain => verifier.clone(),
            Binding::Challenge => {
                let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
                base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, hash)
            }
        };
        let now = Clock::now(self);
        let login = LoginId::random(self);
        let event = |kind| AuditEvent {
            at: now,
            kind,
            login: Some(login.clone()),
            session: Some(session.handle()),
            reference: None,
            source_ip: None,
            code: None,
            subject: Subject::default(),
        };
        let start = LoginStart {
            login: login.clone(),
            assertion: UsedOnce {
                handle: Handle::of_assertion("fake", &id(16)),
                not_on_or_after: now + Duration::minutes(5),
            },
            request: None,
            session: session.handle(),
            reservation_ends: now + Duration::seconds(60),
            event: event(EventKind::Started),
        };
        self.begin(&start).await.unwrap();
        let plaintext = serde_json::json!({
            "access_key_id": ACCESS_KEY_ID,
            "secret_access_key": SECRET_ACCESS_KEY,
            "session_token": SESSION_TOKEN,
            "expiration": (now + Duration::hours(1)).unix_timestamp(),
            "role": ROLE,
            "account": "123456789012",
            "user": "alice@example.com",
            "idp": "ADFS",
            "rule": "production",
        });
        let plaintext = plaintext.to_string().into_bytes().into();
        let sealed = self.seal(&Purpose::credentials(&session), &plaintext).await.unwrap();
        let jti = Jti::random(self);
        let expires_at = now + Duration::seconds(60);
        let sealed = SealedSession::new(login.clone(), session.handle(), jti.clone(), sealed, expires_at);
        self.put(&sealed, &event(EventKind::Issued)).await.unwrap();
        let claims = TicketClaims {
            iss: PUBLIC_URL.into(),
            aud: PUBLIC_URL.into(),
            sub: session.as_str().into(),
            jti,
            login,
            challenge,
            iat: now.unix_timestamp(),
            exp: now.unix_timestamp() + 30,
        };
        let ticket = self.sign(&claims).await.unwrap().expose().to_owned();
        Waiting { session, verifier, ticket }
    }

    /// Another ticket for a session, as if of another login.
    pub async fn ticket_with(&self, session: &SessionId, change: impl FnOnce(&mut TicketClaims)) -> String {
        let now = Clock::now(self).unix_timestamp();
        let mut claims = TicketClaims {
            iss: PUBLIC_URL.into(),
            aud: PUBLIC_URL.into(),
            sub: session.as_str().into(),
            jti: Jti::random(self),
            login: LoginId::random(self),
            challenge: "x".repeat(43),
            iat: now,
            exp: now + 30,
        };
        change(&mut claims);
        self.sign(&claims).await.unwrap().expose().to_owned()
    }
}

/// Knows the one caller whose credentials [`FakeWorld::waiting`] hands out.
pub struct FakeCallers {
    pub ping_allowed: bool,
}

#[async_trait]
impl CallerDirectory for FakeCallers {
    async fn caller(&self, access_key_id: &str, session_token: &str, _now: OffsetDateTime) -> Option<Caller> {
        (access_key_id == ACCESS_KEY_ID && session_token == SESSION_TOKEN).then(|| Caller {
            secret_access_key: SECRET_ACCESS_KEY.into(),
            assumed_role_arn: "arn:aws:sts::123456789012:assumed-role/ADFS-Production/alice@example.com"
                .into(),
            ping_allowed: self.ping_allowed,
        })
    }
}
