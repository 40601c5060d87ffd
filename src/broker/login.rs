//! The story of a login: an identity provider's post in, a ticket out.
//!
//! The order is the protocol (`docs/PROTOCOL.md`): nothing is written before a
//! rule has decided, nothing is asked of STS before the start is recorded,
//! and nothing can fail after the session is stored.

use super::attempt::{Attempt, LoginPost};
use super::audit::{EventKind, Subject};
use super::credentials::HandOver;
use super::ids::{Handle, Jti, LoginId};
use super::ports::session_store::{Basis, BeginError, LoginStart, PutError, UsedMessage, UsedOnce};
use super::reason::lifetime;
use super::reference::{log_access_key, log_login};
use super::refusal::LoginError;
use super::refusal_log;
use super::seal::{Purpose, Sealed, SealedSession};
use super::steps::Step;
use super::ticket::Ticket;
use super::use_cases::Broker;
use crate::roles::{Circumstances, Grant, Offers};
use crate::saml::Identity;
use time::Duration;

/// How long a login may take from `begin` to `put` before its reservation ends
/// by itself. Longer than the token service's timeout with its retries (adapters
/// keep within 20 s); shorter, and slow logins would lose their place; longer, and
/// a crashed one would block its session id.
const RESERVATION_LIFETIME: Duration = Duration::seconds(60);

/// What a post leads to.
#[derive(Debug)]
pub enum LoginOutcome {
    /// Credentials wait.
    Issued(Issued),
    /// The person signed in at the provider's own portal, so nobody waits for credentials:
    /// a login can only begin at the page. Nothing was used up or recorded.
    BeginAtPage {
        /// Name of the identity provider.
        idp: String,
    },
}

/// A login that succeeded: credentials wait, and this ticket takes them.
#[derive(Debug)]
pub struct Issued {
    /// For the redirect.
    pub ticket: Ticket,
    /// Name of the identity provider, for logs.
    pub idp: String,
    /// The rule that decided, for logs.
    pub rule: String,
}

/// A login that failed after its start, and what is known of it.
struct Unissued {
    error: LoginError,
    subject: Subject,
}

impl Broker {
    /// One login, from the post to the ticket.
    ///
    /// Run it to its end even if the client goes away (spawn it).
    ///
    /// # Errors
    /// [`LoginError`]; then no credentials wait.
    pub async fn login(&self, post: LoginPost) -> Result<LoginOutcome, LoginError> {
        if let Some(idp) = self.portal(&post) {
            return Ok(LoginOutcome::BeginAtPage { idp });
        }
        self.steps.measure(Step::Login, self.post(post)).await.map(LoginOutcome::Issued)
    }

    async fn post(&self, post: LoginPost) -> Result<Issued, LoginError> {
        let attempt = Attempt::new(post, self.settings.binding)?;
        let identity = self.identify(&attempt).await?;
        let grant = self.decide(&attempt, identity).await?;
        // Nothing is used up where credentials could not be locked away.
        self.ports.keys.ready().await.map_err(|_| LoginError::Keys)?;
        let login = self.begin(&attempt, &grant).await?;
        match self.issue(&attempt, &grant, &login).await {
            Ok(ticket) => {
                Ok(Issued { ticket, idp: grant.identity().idp().to_owned(), rule: grant.rule().to_owned() })
            }
            Err(Unissued { error, subject }) => {
                self.record_failure(&attempt, &login, &error, subject).await;
                Err(error)
            }
        }
    }

    /// Step 4. The rules: which role, on which terms?
    async fn decide(&self, attempt: &Attempt, identity: Identity) -> Result<Grant, LoginError> {
        let circumstances = Circumstances { page: attempt.began_at.name(), ..Circumstances::default() };
        let offers = self.settings.rules.decide_for(identity.into(), circumstances);
        match offers.and_then(Offers::first) {
            Ok(grant) => Ok(grant),
            Err(denial) => {
                refusal_log::no_role(&attempt.reference, &denial);
                let subject = Subject::from(&*denial.identity).with_offered_roles(denial.identity.roles());
                let subject = Subject { rule: denial.rule.clone(), ..subject };
                self.record_refusal(attempt, denial.refusal.code(), subject).await;
                Err(LoginError::Role(self.settings.answer(denial.refusal, denial.identity.idp())))
            }
        }
    }

    /// Step 5. One transaction: use the assertion, reserve the session id, record the start.
    async fn begin(&self, attempt: &Attempt, grant: &Grant) -> Result<LoginId, LoginError> {
        let identity = grant.identity();
        let now = self.ports.clock.now();
        let subject = Subject::from(grant);
        // What is used stays used, and a store is paid for saying so again.
        if self.is_known_replay(&subject, now) {
            return Err(LoginError::Replayed);
        }
        let login = LoginId::new(now, &*self.ports.random);
        let start = LoginStart {
            login: login.clone(),
            basis: Basis::Message(UsedMessage {
                assertion: UsedOnce {
                    handle: Handle::of_assertion(identity.issuer(), identity.assertion_id()),
                    not_on_or_after: identity.not_on_or_after(),
                },
                request: identity.in_response_to().map(|answered| UsedOnce {
                    handle: Handle::of_request(answered.id.as_str()),
                    not_on_or_after: answered.not_on_or_after,
                }),
                // Its clock may be ahead: by ours it was issued then, at the earliest.
                issued_at: identity.issued_at().saturating_sub(self.settings.service.clock_skew),
            }),
            session: attempt.relay_state.session.handle(),
            reservation_ends: now + RESERVATION_LIFETIME,
            event: attempt.event(EventKind::Started, now, Some(&login), subject),
        };
        let error = match self.steps.measure(Step::StoreBegin, self.ports.sessions.begin(&start)).await {
            Ok(()) => {
                log_login(&login);
                return Ok(login);
            }
            Err(BeginError::IssuedBeforeRestore) => LoginError::IssuedBeforeRestore,
            Err(BeginError::Replayed) => LoginError::Replayed,
            Err(BeginError::RequestAnswered) => LoginError::RequestAnswered,
            Err(BeginError::SessionTaken | BeginError::ChoiceOver) => LoginError::SessionTaken,
            Err(BeginError::Unavailable) => return Err(LoginError::Store),
        };
        self.record_refusal(attempt, error.code(), start.event.subject).await;
        Err(error)
    }

    /// Steps 6 to 8. Once there are credentials, a failure names their access key:
    /// CloudTrail does.
    async fn issue(&self, attempt: &Attempt, grant: &Grant, login: &LoginId) -> Result<Ticket, Unissued> {
        let credentials = self.ports.token_service.assume_role(grant, self.ports.clock.now());
        let credentials = match self.steps.measure(Step::Sts, credentials).await {
            Ok(credentials) => credentials,
            Err(error) => return Err(Unissued { error: error.into(), subject: grant.into() }),
        };
        log_access_key(&credentials.access_key_id);
        let subject = Subject::from(grant).with_credentials(&credentials);
        let hand_over = HandOver::new(grant, credentials);
        let deposited = self.deposit(attempt, grant, login, hand_over, &subject).await;
        deposited.map_err(|error| Unissued { error, subject })
    }

    /// Steps 7 and 8. Seal, ticket, and one transaction that stores and records.
    async fn deposit(
        &self,
        attempt: &Attempt,
        grant: &Grant,
        login: &LoginId,
        hand_over: HandOver,
        subject: &Subject,
    ) -> Result<Ticket, LoginError> {
        let sealed = self.seal(attempt, hand_over).await?;
        let now = self.ports.clock.now();
        let jti = Jti::random(&*self.ports.random);
        let claims = self.settings.tickets.claims(attempt, login, &jti, grant.ask_reason(), now);
        let ticket = self.steps.measure(Step::KeysSign, self.ports.keys.sign(&claims)).await;
        let ticket = ticket.map_err(|_| LoginError::Keys)?;

        let handle = attempt.relay_state.session.handle();
        let expires_at = now + lifetime(self.settings.session_lifetime, grant.ask_reason());
        let session = SealedSession::new(login.clone(), handle, jti, sealed, expires_at);
        let issued = attempt.event(EventKind::Issued, now, Some(login), subject.clone());
        let put = self.steps.measure(Step::StorePut, self.ports.sessions.put(&session, &issued)).await;
        put.map_err(|e| match e {
            PutError::ReservationEnded => LoginError::TooSlow,
            PutError::Unavailable => LoginError::Store,
        })?;
        Ok(ticket)
    }

    /// Consumes the hand-over: after this the only copy of the credentials is sealed.
    async fn seal(&self, attempt: &Attempt, hand_over: HandOver) -> Result<Sealed, LoginError> {
        let plaintext = hand_over.to_plaintext().ok_or(LoginError::Keys)?;
        let purpose = Purpose::credentials(&attempt.relay_state.session);
        let sealed = self.steps.measure(Step::KeysSeal, self.ports.keys.seal(&purpose, &plaintext)).await;
        sealed.map_err(|_| LoginError::Keys)
    }
}
