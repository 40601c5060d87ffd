//! Steps 5 to 8: from a decision to credentials that wait and the ticket that takes them. The
//! same for a login of its own and for each part of a choice.

use super::attempt::Attempt;
use super::audit::{AuditEvent, EventKind, Subject};
use super::credentials::{Credentials, HandOver};
use super::ids::{Handle, Jti, LoginId};
use super::place::Place;
use super::ports::session_store::{Basis, BeginError, LoginStart, PutError, UsedMessage, UsedOnce};
use super::reason::{Reason, lifetime};
use super::recipient::Recipient;
use super::reference::{log_access_key, log_login};
use super::refusal::{ConsoleError, LoginError};
use super::seal::{Sealed, SealedSession};
use super::shell::AskedByShell;
use super::steps::Step;
use super::ticket::{Ticket, TicketClaims};
use super::use_cases::Broker;
use crate::roles::{Grant, Use};
use crate::saml::Identity;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// How long a login may take from `begin` to `put` before its reservation ends
/// by itself. Longer than the token service's timeout with its retries (adapters
/// keep within 20 s); shorter, and slow logins would lose their place; longer, and
/// a crashed one would block its session id.
const RESERVATION_LIFETIME: Duration = Duration::seconds(60);

/// What is to be issued, and where it will wait.
pub(super) struct Order<'a> {
    pub(super) attempt: &'a Attempt,
    pub(super) grant: Grant,
    pub(super) place: Place,
    pub(super) for_use: Use,
    /// Of a sign-in to the console: where it leads.
    pub(super) destination: Option<&'a str>,
    pub(super) part: Option<Part>,
    /// To whom it is sealed, where it is.
    pub(super) recipient: Option<Recipient>,
    /// The program that asked for it.
    pub(super) shell: Option<Arc<AskedByShell>>,
}

/// What makes a login a part of a choice.
pub(super) struct Part {
    /// The choice's login.
    pub(super) choice: LoginId,
    /// The reason, where the rule asks for one: given before AWS is asked.
    pub(super) reason: Option<Reason>,
}

/// A login that failed after its start, and what is known of it.
struct Unissued {
    error: LoginError,
    subject: Subject,
}

/// Why there is no ticket.
pub(super) enum Unbegun {
    /// The store did not begin the login; the caller knows what that means.
    Refused(BeginError, Box<Subject>),
    Failed(LoginError),
}

impl Order<'_> {
    fn subject(&self) -> Subject {
        Subject {
            choice: self.part.as_ref().map(|part| part.choice.clone()),
            reason: self.part.as_ref().and_then(|part| part.reason.clone()),
            device: self.is_for_another_device().then(|| "another".to_owned()),
            asked_from: self.shell.as_ref().and_then(|shell| shell.address()),
            ..Subject::from(&self.grant)
        }
    }

    /// How long a ticket and a session last that usually do so long: somebody may have to write.
    pub(super) fn lifetime(&self, usual: Duration) -> Duration {
        lifetime(usual, self.ask_reason().is_some() || self.is_for_another_device())
    }

    fn is_for_another_device(&self) -> bool {
        self.shell.as_ref().is_some_and(|shell| shell.is_another_device())
    }

    /// A part has its reason before it begins.
    fn ask_reason(&self) -> Option<&str> {
        if self.part.is_some() { None } else { self.grant.ask_reason() }
    }

    fn event(&self, kind: EventKind, at: OffsetDateTime, login: &LoginId, subject: Subject) -> AuditEvent {
        let event = self.attempt.event(kind, at, Some(login), subject);
        // What a part is for, it says itself.
        let subject = event.subject.used_for(self.for_use);
        AuditEvent { session: Some(self.place.handle.clone()), subject, ..event }
    }
}

impl Broker {
    /// Steps 5 to 8.
    pub(super) async fn issue(&self, order: &Order<'_>) -> Result<Ticket, Unbegun> {
        let login = self.begin(order).await?;
        match self.credentials(order, &login).await {
            Ok(ticket) => Ok(ticket),
            Err(Unissued { error, subject }) => {
                let now = self.ports.clock.now();
                let event = order.event(EventKind::Failed, now, &login, subject).with_code(error.code());
                self.record_failure(&order.place.handle, &event).await;
                Err(Unbegun::Failed(error))
            }
        }
    }

    /// Step 5. One transaction: use the assertion, or hold on to the choice; reserve the
    /// session id; record the start.
    async fn begin(&self, order: &Order<'_>) -> Result<LoginId, Unbegun> {
        let now = self.ports.clock.now();
        let subject = order.subject();
        let basis = match &order.part {
            Some(part) => {
                let session = order.attempt.relay_state.session.handle();
                Basis::Choice { session, login: part.choice.clone() }
            }
            // What is used stays used, and a store is paid for saying so again.
            None if self.is_known_replay(&subject, now) => return Err(Unbegun::Failed(LoginError::Replayed)),
            None => Basis::Message(self.used_message(order.grant.identity())),
        };
        let login = LoginId::new(now, &*self.ports.random);
        let start = LoginStart {
            login: login.clone(),
            basis,
            session: order.place.handle.clone(),
            reservation_ends: now + RESERVATION_LIFETIME,
            event: order.event(EventKind::Started, now, &login, subject),
        };
        match self.steps.measure(Step::StoreBegin, self.ports.sessions.begin(&start)).await {
            Ok(()) => {
                log_login(&login);
                Ok(login)
            }
            Err(error) => Err(Unbegun::Refused(error, Box::new(start.event.subject))),
        }
    }

    /// What a message uses up.
    pub(super) fn used_message(&self, identity: &Identity) -> UsedMessage {
        UsedMessage {
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
        }
    }

    /// Steps 6 to 8. Once there are credentials, a failure names their access key:
    /// CloudTrail does.
    async fn credentials(&self, order: &Order<'_>, login: &LoginId) -> Result<Ticket, Unissued> {
        let subject = order.subject();
        let credentials = self.ports.token_service.assume_role(&order.grant, self.ports.clock.now());
        let credentials = match self.steps.measure(Step::Sts, credentials).await {
            Ok(credentials) => credentials,
            Err(error) => return Err(Unissued { error: error.into(), subject }),
        };
        log_access_key(&credentials.access_key_id);
        let subject = subject.with_credentials(&credentials);
        let deposited = self.deposit(order, login, credentials, &subject).await;
        deposited.map_err(|error| Unissued { error, subject })
    }

    /// What will be handed over: the credentials, or a sign-in to the console in their place.
    async fn hand_over(&self, order: &Order<'_>, credentials: Credentials) -> Result<HandOver, LoginError> {
        let Order { grant, part, .. } = order;
        let hand_over = match order.destination {
            None => HandOver::new(grant, credentials),
            Some(destination) => {
                let console = self.ports.console.as_ref().ok_or(ConsoleError::Off)?;
                let address = console.sign_in(&credentials, grant.role().partition(), destination);
                let address = self.steps.measure(Step::Console, address).await?;
                HandOver::console(grant, &credentials, address)
            }
        };
        Ok(match part {
            Some(Part { choice, reason }) => hand_over.of_choice(choice.clone(), reason.clone()),
            None => hand_over,
        })
    }

    /// Steps 7 and 8. What is handed over, seal, ticket, and one transaction that stores and
    /// records.
    async fn deposit(
        &self,
        order: &Order<'_>,
        login: &LoginId,
        credentials: Credentials,
        subject: &Subject,
    ) -> Result<Ticket, LoginError> {
        let hand_over = self.hand_over(order, credentials).await?;
        let jti = Jti::random(&*self.ports.random);
        let hand_over = match &order.recipient {
            Some(recipient) => recipient.seal_hand_over(hand_over, order.for_use, &jti)?,
            None => hand_over,
        };
        let sealed = self.seal(&order.place, hand_over).await?;
        let now = self.ports.clock.now();
        let claims = self.settings.tickets.claims(order.attempt, login, &jti, now);
        let claims = claims.of_part(order.place.part.clone()).asking(order.ask_reason());
        let claims = claims.lasting(order.lifetime(self.settings.tickets.lifetime));
        let ticket = self.ticket(claims, order.recipient.as_ref()).await?;

        let expires_at = now + order.lifetime(self.settings.session_lifetime);
        let session = SealedSession::new(login.clone(), order.place.handle.clone(), jti, sealed, expires_at);
        let issued = order.event(EventKind::Issued, now, login, subject.clone());
        let put = self.steps.measure(Step::StorePut, self.ports.sessions.put(&session, &issued)).await;
        put.map_err(|e| match e {
            PutError::ReservationEnded => LoginError::TooSlow,
            PutError::Unavailable => LoginError::Store,
        })?;
        Ok(ticket)
    }

    /// Signs a ticket, and seals it for who waits.
    pub(super) async fn ticket(
        &self,
        claims: TicketClaims,
        recipient: Option<&Recipient>,
    ) -> Result<Ticket, LoginError> {
        let claims = match recipient {
            Some(recipient) => recipient.named_in(claims),
            None => claims,
        };
        let signed = self.steps.measure(Step::KeysSign, self.ports.keys.sign(&claims)).await;
        let signed = signed.map_err(|_| LoginError::Keys)?;
        match recipient {
            Some(recipient) => recipient.seal_ticket(&signed, &claims.jti),
            None => Ok(signed),
        }
    }

    /// Consumes the hand-over: after this the only copy of the credentials is sealed.
    async fn seal(&self, place: &Place, hand_over: HandOver) -> Result<Sealed, LoginError> {
        let plaintext = hand_over.to_plaintext().ok_or(LoginError::Keys)?;
        let sealed = self.ports.keys.seal(&place.purpose, &plaintext);
        self.steps.measure(Step::KeysSeal, sealed).await.map_err(|_| LoginError::Keys)
    }
}
