//! The hand-over: a ticket and a verifier in, credentials out, once.

use super::audit::{AuditEvent, EventKind, Subject};
use super::credentials::HandOver;
use super::ids::SupportId;
use super::ports::session_store::TakeError;
use super::reason::{Reason, Unrecordable};
use super::reference::{Reference, log_access_key, log_login};
use super::refusal::{RedeemError, TicketError};
use super::steps::Step;
use super::ticket::{Caller, RedeemableTicket, TicketClaims, VerifiedTicket};
use super::use_cases::Broker;
use std::net::IpAddr;
use time::OffsetDateTime;

/// What the caller of `GET /saml` sent.
pub struct RedeemRequest {
    /// From `Authorization`, with or without `Bearer`.
    pub ticket: Option<String>,
    /// From `Vestibule-Verifier`.
    pub verifier: Option<String>,
    /// From `COGNITO_ID`.
    pub cognito_id: Option<String>,
    /// From `Vestibule-Reason`, where it is sent.
    pub reason: Option<Result<Reason, Unrecordable>>,
    /// From `Origin`.
    pub origin: Option<String>,
    /// This request's reference.
    pub reference: Reference,
    /// The client's address.
    pub source_ip: Option<IpAddr>,
}

impl Broker {
    /// Takes the credentials: check everything, delete once, record, hand over.
    ///
    /// Run it to its end even if the client goes away (spawn it).
    ///
    /// # Errors
    /// [`RedeemError`]; then nothing is handed over.
    pub async fn redeem(&self, request: RedeemRequest) -> Result<HandOver, RedeemError> {
        self.steps.measure(Step::Redeem, self.take(request)).await
    }

    async fn take(&self, mut request: RedeemRequest) -> Result<HandOver, RedeemError> {
        let now = self.ports.clock.now();
        let token = request.ticket.as_deref().ok_or(TicketError::Missing)?;
        let claims = self.claims(token).await?;
        // The signature is ours: whatever becomes of the request, it is one of that login.
        log_login(&claims.login);
        if let Some(reference) = claims.reference.as_deref().and_then(SupportId::parse) {
            request.reference.adopt(reference);
        }
        let ticket = self
            .judge_ticket(claims, now)?
            .bind(&request.caller(), &self.settings.pages)?
            .answer(request.reason.take())?;

        let taken = self.ports.sessions.take(&ticket.place.handle, &ticket.jti, now);
        let taken = match self.steps.measure(Step::StoreTake, taken).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return Err(RedeemError::Gone),
            Err(TakeError::Unavailable) => return Err(RedeemError::Store),
            Err(TakeError::Uncertain) => {
                self.uncertain(&ticket, &request, "take_outcome_unknown").await;
                return Err(RedeemError::Uncertain);
            }
        };

        let opened = self.ports.keys.open(&ticket.place.purpose, &taken.sealed);
        let opened = self.steps.measure(Step::KeysOpen, opened).await.ok();
        let Some(hand_over) = opened.as_ref().and_then(HandOver::from_plaintext) else {
            self.uncertain(&ticket, &request, "seal_not_opened").await;
            return Err(RedeemError::Uncertain);
        };

        log_access_key(hand_over.handed_over.access_key_id());
        let subject = Subject::from(&hand_over).with_reason(ticket.reason.clone());
        let delivered = request.event(EventKind::Delivered, self.ports.clock.now(), &ticket, subject);
        let recorded = self.ports.audit.record(&delivered);
        if self.steps.measure(Step::StoreRecord, recorded).await.is_err() {
            tracing::error!(
                reference = request.reference.as_str(),
                "delivery not recorded: nothing handed over"
            );
            return Err(RedeemError::Uncertain);
        }
        Ok(hand_over)
    }

    /// Credentials may be gone. Makes sure that they are, so that this ticket is
    /// not honoured again, and records it. If that cannot be written either,
    /// the sweeper will report what it finds.
    async fn uncertain(&self, ticket: &RedeemableTicket, request: &RedeemRequest, code: &'static str) {
        let now = self.ports.clock.now();
        let event = request.event(EventKind::Uncertain, now, ticket, Subject::default()).with_code(code);
        let released = self.ports.sessions.release(&ticket.place.handle, &event);
        let recorded = self.steps.measure(Step::StoreRelease, released).await.is_ok();
        tracing::error!(reference = request.reference.as_str(), code, recorded, "delivery uncertain");
    }

    /// Checks a ticket's signature, issuer, audience and time.
    ///
    /// # Errors
    /// [`TicketError`].
    pub async fn verify_ticket(
        &self,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<VerifiedTicket, TicketError> {
        let claims = self.claims(token).await?;
        self.judge_ticket(claims, now)
    }

    /// The claims of a ticket that one of our keys has signed.
    pub(super) async fn claims(&self, token: &str) -> Result<TicketClaims, TicketError> {
        self.steps.measure(Step::KeysVerify, self.ports.keys.verify(token)).await
    }

    pub(super) fn judge_ticket(
        &self,
        claims: TicketClaims,
        now: OffsetDateTime,
    ) -> Result<VerifiedTicket, TicketError> {
        VerifiedTicket::new(claims, &self.settings.tickets.issuer, self.settings.binding, now)
    }
}

impl RedeemRequest {
    fn caller(&self) -> Caller<'_> {
        Caller {
            origin: self.origin.as_deref(),
            verifier: self.verifier.as_deref(),
            cognito_id: self.cognito_id.as_deref(),
        }
    }

    /// An event of the login that the ticket belongs to.
    fn event(
        &self,
        kind: EventKind,
        at: OffsetDateTime,
        ticket: &RedeemableTicket,
        subject: Subject,
    ) -> AuditEvent {
        AuditEvent {
            login: Some(ticket.login.clone()),
            session: Some(ticket.place.handle.clone()),
            reference: Some(self.reference.current().clone()),
            source_ip: self.source_ip,
            ..AuditEvent::new(kind, at, subject)
        }
    }
}
