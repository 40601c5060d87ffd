//! The story of a login: an identity provider's post in, a ticket out.
//!
//! The order is the protocol (`docs/PROTOCOL.md`): nothing is written before a
//! rule has decided, nothing is asked of STS before the start is recorded,
//! and nothing can fail after the session is stored.

use super::audit::{AuditEvent, EventKind, Subject};
use super::credentials::HandOver;
use super::ids::{Handle, Jti, LoginId, SupportId};
use super::ports::session_store::{BeginError, LoginStart, PutError, UsedOnce};
use super::refusal::LoginError;
use super::refusal_log;
use super::relay_state::RelayState;
use super::seal::{Purpose, SealedSession};
use super::ticket::{Ticket, TicketClaims};
use super::use_cases::Broker;
use crate::roles::Grant;
use crate::saml::Identity;
use std::net::IpAddr;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// How long a login may take from `begin` to `put` before its reservation ends
/// by itself. Longer than the issuer's timeout with its retries (adapters keep
/// within 20 s); shorter, and slow logins would lose their place; longer, and a
/// crashed one would block its session id.
const RESERVATION_LIFETIME: Duration = Duration::seconds(60);

/// What the browser posted.
pub struct LoginPost {
    /// The form field `SAMLResponse`.
    pub saml_response: Zeroizing<String>,
    /// The form field `RelayState`.
    pub relay_state: Option<String>,
    /// This request's reference.
    pub reference: SupportId,
    /// The client's address.
    pub source_ip: Option<IpAddr>,
}

/// A login that succeeded: credentials wait, and this takes them.
#[derive(Debug)]
pub struct Issued {
    /// For the redirect.
    pub ticket: Ticket,
    /// Name of the identity provider, for logs.
    pub idp: String,
    /// The rule that decided, for logs.
    pub rule: String,
}

impl Broker {
    /// One login, from the post to the ticket.
    ///
    /// Run it to its end even if the client goes away (spawn it).
    ///
    /// # Errors
    /// [`LoginError`]; then no credentials wait.
    pub async fn login(&self, post: LoginPost) -> Result<Issued, LoginError> {
        let relay = RelayState::parse(post.relay_state.as_deref(), self.settings.binding)?;
        let identity = self.identify(&post, &relay).await?;
        let grant = self.grant(identity, &post, &relay).await?;
        let login = self.begin(&grant, &post, &relay).await?;
        match self.issue(&login, &grant, &post, &relay).await {
            Ok(ticket) => {
                Ok(Issued { ticket, idp: grant.identity().idp().to_owned(), rule: grant.rule().to_owned() })
            }
            Err(error) => {
                self.fail(login, &grant, &post, &relay, &error).await;
                Err(error)
            }
        }
    }

    /// The rules: which role, on which terms?
    async fn grant(
        &self,
        identity: Identity,
        post: &LoginPost,
        relay: &RelayState,
    ) -> Result<Grant, LoginError> {
        match self.settings.rules.decide(identity) {
            Ok(grant) => Ok(grant),
            Err(denial) => {
                refusal_log::no_role(&post.reference, &denial);
                let subject = Subject { rule: denial.rule.clone(), ..subject_of(&denial.identity) };
                self.refused(post, relay, denial.refusal.code(), subject).await;
                Err(LoginError::Role(denial.refusal))
            }
        }
    }

    /// One transaction: claim the assertion, reserve the session id, record the start.
    async fn begin(
        &self,
        grant: &Grant,
        post: &LoginPost,
        relay: &RelayState,
    ) -> Result<LoginId, LoginError> {
        let identity = grant.identity();
        let now = self.ports.clock.now();
        let login = LoginId::random(&*self.ports.random);
        let start = LoginStart {
            login: login.clone(),
            assertion: UsedOnce {
                handle: Handle::of_assertion(identity.issuer(), identity.assertion_id()),
                not_on_or_after: identity.not_on_or_after(),
            },
            request: identity.in_response_to().map(|answered| UsedOnce {
                handle: Handle::of_request(answered.id.as_str()),
                not_on_or_after: answered.not_on_or_after,
            }),
            session: relay.session.handle(),
            reservation_ends: now + RESERVATION_LIFETIME,
            event: event(EventKind::Started, now, Some(login.clone()), post, relay, subject_of_grant(grant)),
        };
        let error = match self.ports.sessions.begin(&start).await {
            Ok(()) => return Ok(login),
            Err(BeginError::Replayed) => LoginError::Replayed,
            Err(BeginError::RequestAnswered) => LoginError::RequestAnswered,
            Err(BeginError::SessionTaken) => LoginError::SessionTaken,
            Err(BeginError::Unavailable) => return Err(LoginError::Store),
        };
        self.refused(post, relay, error.code(), subject_of_grant(grant)).await;
        Err(error)
    }

    /// Credentials, seal, ticket, and one transaction that stores and records.
    async fn issue(
        &self,
        login: &LoginId,
        grant: &Grant,
        post: &LoginPost,
        relay: &RelayState,
    ) -> Result<Ticket, LoginError> {
        let credentials = self.ports.token_service.assume_role(grant, self.ports.clock.now()).await?;
        let mut subject = subject_of_grant(grant);
        subject.access_key_id = Some(credentials.access_key_id.clone());
        subject.expiration = Some(credentials.expiration);

        let hand_over = HandOver {
            credentials,
            role: grant.role().as_str().to_owned(),
            account: grant.role().account().to_owned(),
            user: grant.identity().role_session_name().to_owned(),
            idp: grant.identity().idp().to_owned(),
            name_id: Some(grant.identity().name_id().to_owned()),
            rule: grant.rule().to_owned(),
        };
        let plaintext = hand_over.to_plaintext().ok_or(LoginError::Keys)?;
        let sealed = self
            .ports
            .keys
            .seal(&Purpose::credentials(&relay.session), &plaintext)
            .await
            .map_err(|_| LoginError::Keys)?;
        drop((hand_over, plaintext));

        let now = self.ports.clock.now();
        let jti = Jti::random(&*self.ports.random);
        let claims = self.ticket_claims(login, relay, jti.clone(), now);
        let ticket = self.ports.keys.sign(&claims).await.map_err(|_| LoginError::Keys)?;

        let session = SealedSession::new(
            login.clone(),
            relay.session.handle(),
            jti,
            sealed,
            now + self.settings.session_lifetime,
        );
        let issued = event(EventKind::Issued, now, Some(login.clone()), post, relay, subject);
        self.ports.sessions.put(&session, &issued).await.map_err(|e| match e {
            PutError::ReservationEnded => LoginError::TooSlow,
            PutError::Unavailable => LoginError::Store,
        })?;
        if self.ports.users.signed_in(&issued).await.is_err() {
            tracing::warn!(
                reference = post.reference.as_str(),
                "users row not updated; rebuild it from the audit"
            );
        }
        Ok(ticket)
    }

    fn ticket_claims(
        &self,
        login: &LoginId,
        relay: &RelayState,
        jti: Jti,
        now: OffsetDateTime,
    ) -> TicketClaims {
        let tickets = &self.settings.tickets;
        TicketClaims {
            iss: tickets.issuer.clone(),
            aud: tickets.issuer.clone(),
            sub: relay.session.as_str().to_owned(),
            jti,
            login: login.clone(),
            challenge: relay.challenge.as_str().to_owned(),
            iat: now.unix_timestamp(),
            exp: now.unix_timestamp() + tickets.lifetime.whole_seconds(),
        }
    }

    /// A refusal of a verified message, for the auditor. If it cannot be
    /// recorded the refusal stands all the same: nothing was given.
    pub(super) async fn refused(&self, post: &LoginPost, relay: &RelayState, code: &str, subject: Subject) {
        let mut refused = event(EventKind::Refused, self.ports.clock.now(), None, post, relay, subject);
        refused.code = Some(code.to_owned());
        if self.ports.audit.record(&refused).await.is_err() {
            tracing::error!(
                reference = post.reference.as_str(),
                code,
                "refusal not recorded: store unavailable"
            );
        }
    }

    /// After `begin`: free the session id and record why. If that cannot be
    /// written either, the sweeper will report the start as abandoned.
    async fn fail(
        &self,
        login: LoginId,
        grant: &Grant,
        post: &LoginPost,
        relay: &RelayState,
        error: &LoginError,
    ) {
        let mut failed = event(
            EventKind::Failed,
            self.ports.clock.now(),
            Some(login),
            post,
            relay,
            subject_of_grant(grant),
        );
        failed.code = Some(error.code().to_owned());
        if self.ports.sessions.release(&relay.session.handle(), &failed).await.is_err() {
            tracing::error!(
                reference = post.reference.as_str(),
                code = error.code(),
                "failure not recorded: store unavailable; the sweeper will report it"
            );
        }
    }
}

fn event(
    kind: EventKind,
    at: OffsetDateTime,
    login: Option<LoginId>,
    post: &LoginPost,
    relay: &RelayState,
    subject: Subject,
) -> AuditEvent {
    AuditEvent {
        at,
        kind,
        login,
        session: Some(relay.session.handle()),
        reference: Some(post.reference.clone()),
        source_ip: post.source_ip,
        code: None,
        subject,
    }
}

fn subject_of(identity: &Identity) -> Subject {
    Subject {
        idp: Some(identity.idp().to_owned()),
        issuer: Some(identity.issuer().to_owned()),
        assertion_id: Some(identity.assertion_id().to_owned()),
        session_index: identity.session_index().map(str::to_owned),
        in_response_to: identity.in_response_to().map(|answered| answered.id.as_str().to_owned()),
        name_id: Some(identity.name_id().to_owned()),
        role_session_name: Some(identity.role_session_name().to_owned()),
        ..Subject::default()
    }
}

fn subject_of_grant(grant: &Grant) -> Subject {
    Subject {
        role: Some(grant.role().as_str().to_owned()),
        rule: Some(grant.rule().to_owned()),
        ..subject_of(grant.identity())
    }
}
