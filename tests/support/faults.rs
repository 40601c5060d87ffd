//! Ports that fail on purpose, at a named step, in a named way.
//!
//! Each wraps a real port; a fault happens before that one is asked (then it
//! certainly did nothing) or after it has answered (then it did).

use async_trait::async_trait;
use jsonwebtoken::jwk::JwkSet;
use secrecy::SecretSlice;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use time::{Duration, OffsetDateTime};
use tokio::sync::Notify;
use vestibule::broker::ports::{
    AuditTrail, BeginError, ChoiceStart, Held, KeyRing, KeyRingError, LoginStart, NotReady, PutError,
    RoleUsed, SessionStore, StoreUnavailable, TakeError, Taken, TokenService, TokenServiceError, UsedOnce,
};
use vestibule::broker::{
    AuditEvent, Credentials, EventKind, Handle, Jti, Ports, Purpose, Sealed, SealedSession, SweepReport,
    Ticket, TicketClaims, TicketError,
};
use vestibule::roles::Grant;
use vestibule::system::ManualClock;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The port is not asked: down, busy, refused.
    Down,
    /// The port is not asked, and the caller cannot know that.
    DownUnknown,
    /// The port did it, and the answer was lost.
    AnswerLost,
    /// The process dies before the port is asked.
    DieBefore,
    /// The process dies when the port has done it.
    DieAfter,
    /// The port does it, but so many seconds pass meanwhile.
    Slow(i64),
    /// The port has a defect.
    Panic,
}

/// Which fault happens at which step. A step is a method's name, or
/// `record login.delivered` and the like.
pub struct Plan {
    clock: Arc<ManualClock>,
    faults: Mutex<HashMap<String, Fault>>,
    issued: AtomicUsize,
    /// While it is locked, `take` waits before it begins.
    gate: tokio::sync::Mutex<()>,
    /// Notified of each `take` that arrives.
    at_gate: Notify,
}

impl Plan {
    /// Nothing goes wrong yet.
    pub fn new(clock: Arc<ManualClock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            faults: Mutex::default(),
            issued: AtomicUsize::new(0),
            gate: tokio::sync::Mutex::default(),
            at_gate: Notify::new(),
        })
    }

    /// From now on, this step fails in this way.
    pub fn at(&self, step: &str, fault: Fault) {
        self.faults.lock().unwrap().insert(step.to_owned(), fault);
    }

    /// From now on, everything works.
    pub fn mend(&self) {
        self.faults.lock().unwrap().clear();
    }

    /// Holds each `take` before it begins, until the guard is dropped.
    pub async fn hold_takes(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.gate.lock().await
    }

    /// Waits until a `take` has come.
    pub async fn take_came(&self) {
        self.at_gate.notified().await;
    }

    /// How often the issuer was really asked.
    pub fn issued(&self) -> usize {
        self.issued.load(Ordering::SeqCst)
    }

    fn fault(&self, step: &str) -> Option<Fault> {
        self.faults.lock().unwrap().get(step).copied()
    }

    /// `Err` if the port is not to be asked.
    fn before(&self, step: &str) -> Result<(), ()> {
        match self.fault(step) {
            Some(Fault::DieBefore) => std::process::abort(),
            Some(Fault::Panic) => panic!("a defect"),
            Some(Fault::Down) => Err(()),
            Some(Fault::Slow(seconds)) => {
                self.clock.advance(Duration::seconds(seconds));
                Ok(())
            }
            Some(Fault::AnswerLost | Fault::DieAfter | Fault::DownUnknown) | None => Ok(()),
        }
    }

    /// `Err` if its answer is to be lost.
    fn after(&self, step: &str) -> Result<(), ()> {
        match self.fault(step) {
            Some(Fault::DieAfter) => std::process::abort(),
            Some(Fault::AnswerLost) => Err(()),
            Some(Fault::Down | Fault::DownUnknown | Fault::DieBefore | Fault::Slow(_) | Fault::Panic)
            | None => Ok(()),
        }
    }
}

/// The same ports, with faults in them.
pub fn faulty(ports: Ports, plan: &Arc<Plan>) -> Ports {
    let port = Arc::new(Faulty { plan: plan.clone(), inner: ports.clone() });
    Ports { token_service: port.clone(), sessions: port.clone(), audit: port.clone(), keys: port, ..ports }
}

struct Faulty {
    plan: Arc<Plan>,
    inner: Ports,
}

#[async_trait]
impl TokenService for Faulty {
    async fn assume_role(
        &self,
        grant: &Grant,
        now: OffsetDateTime,
    ) -> Result<Credentials, TokenServiceError> {
        self.plan.before("issue").map_err(|()| TokenServiceError::Unavailable)?;
        self.plan.issued.fetch_add(1, Ordering::SeqCst);
        let credentials = self.inner.token_service.assume_role(grant, now).await;
        self.plan.after("issue").map_err(|()| TokenServiceError::Unavailable)?;
        credentials
    }
}

#[async_trait]
impl SessionStore for Faulty {
    async fn begin(&self, start: &LoginStart) -> Result<(), BeginError> {
        self.plan.before("begin").map_err(|()| BeginError::Unavailable)?;
        let answer = self.inner.sessions.begin(start).await;
        self.plan.after("begin").map_err(|()| BeginError::Unavailable)?;
        answer
    }

    async fn open_choice(&self, start: &ChoiceStart) -> Result<(), BeginError> {
        self.plan.before("open_choice").map_err(|()| BeginError::Unavailable)?;
        let answer = self.inner.sessions.open_choice(start).await;
        self.plan.after("open_choice").map_err(|()| BeginError::Unavailable)?;
        answer
    }

    async fn look(&self, session: &Handle, now: OffsetDateTime) -> Result<Option<Held>, StoreUnavailable> {
        self.plan.before("look").map_err(|()| StoreUnavailable)?;
        let answer = self.inner.sessions.look(session, now).await;
        self.plan.after("look").map_err(|()| StoreUnavailable)?;
        answer
    }

    async fn roles_used(&self, idp: &str, name_id: &str) -> Result<Vec<RoleUsed>, StoreUnavailable> {
        self.plan.before("roles_used").map_err(|()| StoreUnavailable)?;
        self.inner.sessions.roles_used(idp, name_id).await
    }

    async fn put(&self, session: &SealedSession, event: &AuditEvent) -> Result<(), PutError> {
        self.plan.before("put").map_err(|()| PutError::Unavailable)?;
        let answer = self.inner.sessions.put(session, event).await;
        self.plan.after("put").map_err(|()| PutError::Unavailable)?;
        answer
    }

    async fn release(&self, session: &Handle, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        self.plan.before("release").map_err(|()| StoreUnavailable)?;
        let answer = self.inner.sessions.release(session, event).await;
        self.plan.after("release").map_err(|()| StoreUnavailable)?;
        answer
    }

    async fn take(
        &self,
        session: &Handle,
        jti: &Jti,
        now: OffsetDateTime,
    ) -> Result<Option<Taken>, TakeError> {
        self.plan.at_gate.notify_one();
        drop(self.plan.gate.lock().await);
        if self.plan.fault("take") == Some(Fault::DownUnknown) {
            return Err(TakeError::Uncertain);
        }
        self.plan.before("take").map_err(|()| TakeError::Unavailable)?;
        let answer = self.inner.sessions.take(session, jti, now).await;
        self.plan.after("take").map_err(|()| TakeError::Uncertain)?;
        answer
    }
}

#[async_trait]
impl AuditTrail for Faulty {
    async fn record(&self, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        let step = record(event.kind);
        self.plan.before(&step).map_err(|()| StoreUnavailable)?;
        let answer = self.inner.audit.record(event).await;
        self.plan.after(&step).map_err(|()| StoreUnavailable)?;
        answer
    }

    async fn record_once(&self, once: &UsedOnce, event: &AuditEvent) -> Result<bool, StoreUnavailable> {
        let step = record(event.kind);
        self.plan.before(&step).map_err(|()| StoreUnavailable)?;
        let answer = self.inner.audit.record_once(once, event).await;
        self.plan.after(&step).map_err(|()| StoreUnavailable)?;
        answer
    }

    async fn recent(&self, limit: usize) -> Result<Vec<AuditEvent>, StoreUnavailable> {
        self.inner.audit.recent(limit).await
    }

    async fn sweep(&self, now: OffsetDateTime) -> Result<SweepReport, StoreUnavailable> {
        self.inner.audit.sweep(now).await
    }

    async fn ready(&self) -> Result<(), NotReady> {
        self.plan.before("ready").map_err(|()| StoreUnavailable)?;
        self.inner.audit.ready().await
    }
}

/// The step of recording an event of this kind.
pub fn record(kind: EventKind) -> String {
    format!("record {}", kind.as_str())
}

#[async_trait]
impl KeyRing for Faulty {
    async fn seal(&self, purpose: &Purpose, plaintext: &SecretSlice<u8>) -> Result<Sealed, KeyRingError> {
        self.plan.before("seal").map_err(|()| KeyRingError::Unavailable)?;
        self.inner.keys.seal(purpose, plaintext).await
    }

    async fn open(&self, purpose: &Purpose, sealed: &Sealed) -> Result<SecretSlice<u8>, KeyRingError> {
        self.plan.before("open").map_err(|()| KeyRingError::Unavailable)?;
        self.inner.keys.open(purpose, sealed).await
    }

    async fn sign(&self, claims: &TicketClaims) -> Result<Ticket, KeyRingError> {
        self.plan.before("sign").map_err(|()| KeyRingError::Unavailable)?;
        self.inner.keys.sign(claims).await
    }

    async fn verify(&self, token: &str) -> Result<TicketClaims, TicketError> {
        self.plan.before("verify").map_err(|()| TicketError::KeysUnavailable)?;
        self.inner.keys.verify(token).await
    }

    async fn public_keys(&self) -> Result<JwkSet, KeyRingError> {
        self.plan.before("public_keys").map_err(|()| KeyRingError::Unavailable)?;
        self.inner.keys.public_keys().await
    }
}
