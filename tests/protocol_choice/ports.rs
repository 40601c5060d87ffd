//! Ports in front of the service's own that fail, wait or repeat for one role only. What
//! fails for all is in `tests/support/faults.rs`, behind them.

use async_trait::async_trait;
use secrecy::SecretString;
use std::sync::{Arc, Mutex};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use vestibule::broker::ports::{
    BeginError, ChoiceStart, ConsoleSignIn, Held, LoginStart, PutError, RoleUsed, SessionStore,
    StoreUnavailable, TakeError, Taken, TokenService, TokenServiceError,
};
use vestibule::broker::{AuditEvent, ConsoleError, Credentials, Handle, Jti, Ports, SealedSession};
use vestibule::roles::Grant;

use super::support::test_service::role_arn;

/// Where somebody waits until the test lets him go on.
pub struct Gate {
    came: Semaphore,
    open: Semaphore,
}

impl Gate {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { came: Semaphore::new(0), open: Semaphore::new(0) })
    }

    /// Waits until somebody is here.
    pub async fn came(&self) {
        self.came.acquire().await.unwrap().forget();
    }

    /// From now on nobody waits here.
    pub fn open(&self) {
        self.open.add_permits(1_000);
    }

    async fn pass(&self) {
        self.came.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }
}

/// What happens at a step.
#[derive(Clone)]
pub enum Then {
    /// The store is not asked.
    Down,
    /// STS says no.
    Sts(TokenServiceError),
    /// It is asked twice, as by an adapter that lost the first answer.
    Twice,
    /// It is asked when the gate is open.
    Wait(Arc<Gate>),
}

/// What happens at which step, for which role. Steps without a role are of `""`.
pub struct Faults(Mutex<Vec<(&'static str, String, Then)>>);

impl Faults {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    /// From now on, at this step of this role.
    pub fn at(&self, step: &'static str, role: &str, then: Then) {
        let role = if role.is_empty() { String::new() } else { role_arn(role) };
        self.0.lock().unwrap().push((step, role, then));
    }

    /// Somebody waits at this step from now on.
    pub fn gate(&self, step: &'static str, role: &str) -> Arc<Gate> {
        let gate = Gate::new();
        self.at(step, role, Then::Wait(gate.clone()));
        gate
    }

    /// From now on, everything works.
    pub fn mend(&self) {
        self.0.lock().unwrap().clear();
    }

    /// The same ports, with this in front.
    pub fn over(self: &Arc<Self>, ports: Ports) -> Ports {
        let front = Arc::new(Front { faults: self.clone(), inner: ports.clone() });
        Ports { token_service: front.clone(), sessions: front, ..ports }
    }

    async fn of(&self, step: &str, role: &str) -> Option<Then> {
        let found = {
            let faults = self.0.lock().unwrap();
            faults.iter().find(|(at, of, _)| *at == step && of == role).map(|(_, _, then)| then.clone())
        };
        if let Some(Then::Wait(gate)) = &found {
            gate.pass().await;
        }
        found
    }
}

struct Front {
    faults: Arc<Faults>,
    inner: Ports,
}

fn role(event: &AuditEvent) -> &str {
    event.subject.role.as_deref().unwrap_or_default()
}

#[async_trait]
impl TokenService for Front {
    async fn assume_role(
        &self,
        grant: &Grant,
        now: OffsetDateTime,
    ) -> Result<Credentials, TokenServiceError> {
        if let Some(Then::Sts(error)) = self.faults.of("issue", grant.role().as_str()).await {
            return Err(error);
        }
        self.inner.token_service.assume_role(grant, now).await
    }
}

#[async_trait]
impl SessionStore for Front {
    async fn begin(&self, start: &LoginStart) -> Result<(), BeginError> {
        match self.faults.of("begin", role(&start.event)).await {
            Some(Then::Down) => return Err(BeginError::Unavailable),
            Some(Then::Twice) => self.inner.sessions.begin(start).await?,
            _ => {}
        }
        self.inner.sessions.begin(start).await
    }

    async fn open_choice(&self, start: &ChoiceStart) -> Result<(), BeginError> {
        if let Some(Then::Twice) = self.faults.of("open_choice", "").await {
            self.inner.sessions.open_choice(start).await?;
        }
        self.inner.sessions.open_choice(start).await
    }

    async fn look(&self, session: &Handle, now: OffsetDateTime) -> Result<Option<Held>, StoreUnavailable> {
        self.faults.of("look", "").await;
        self.inner.sessions.look(session, now).await
    }

    async fn roles_used(&self, idp: &str, name_id: &str) -> Result<Vec<RoleUsed>, StoreUnavailable> {
        self.inner.sessions.roles_used(idp, name_id).await
    }

    async fn put(&self, session: &SealedSession, event: &AuditEvent) -> Result<(), PutError> {
        if let Some(Then::Down) = self.faults.of("put", role(event)).await {
            return Err(PutError::Unavailable);
        }
        self.inner.sessions.put(session, event).await
    }

    async fn release(&self, session: &Handle, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        if let Some(Then::Down) = self.faults.of("release", role(event)).await {
            return Err(StoreUnavailable);
        }
        self.inner.sessions.release(session, event).await
    }

    async fn take(
        &self,
        session: &Handle,
        jti: &Jti,
        now: OffsetDateTime,
    ) -> Result<Option<Taken>, TakeError> {
        self.inner.sessions.take(session, jti, now).await
    }
}

/// A federation endpoint that gives an address for each access key, or none.
pub struct Console(pub Result<(), ConsoleError>);

#[async_trait]
impl ConsoleSignIn for Console {
    async fn sign_in(
        &self,
        credentials: &Credentials,
        _: &str,
        destination: &str,
    ) -> Result<SecretString, ConsoleError> {
        self.0?;
        let key = &credentials.access_key_id;
        Ok(format!("https://signin.aws.amazon.com/federation?key={key}&Destination={destination}").into())
    }
}
