//! The hand-over: a ticket and a verifier in, credentials out, once.

use super::audit::{AuditEvent, EventKind, Subject};
use super::credentials::HandOver;
use super::ids::SupportId;
use super::ports::session_store::TakeError;
use super::refusal::{RedeemError, TicketError};
use super::seal::Purpose;
use super::ticket::{BoundTicket, VerifiedTicket};
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
    /// This request's reference.
    pub reference: SupportId,
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
        let now = self.ports.clock.now();
        let token = request.ticket.as_deref().ok_or(TicketError::Missing)?;
        let ticket = self
            .verify_ticket(token, now)
            .await?
            .bind(request.verifier.as_deref(), request.cognito_id.as_deref())?;

        let taken = match self.ports.sessions.take(&ticket.session.handle(), &ticket.jti, now).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return Err(RedeemError::Gone),
            Err(TakeError::Unavailable) => return Err(RedeemError::Store),
            Err(TakeError::Uncertain) => {
                self.uncertain(&ticket, &request, "take_outcome_unknown").await;
                return Err(RedeemError::Uncertain);
            }
        };

        let opened = self.ports.keys.open(&Purpose::credentials(&ticket.session), &taken.sealed).await.ok();
        let Some(hand_over) = opened.as_ref().and_then(HandOver::from_plaintext) else {
            self.uncertain(&ticket, &request, "seal_not_opened").await;
            return Err(RedeemError::Uncertain);
        };

        let delivered =
            request.event(EventKind::Delivered, self.ports.clock.now(), &ticket, (&hand_over).into());
        if self.ports.audit.record(&delivered).await.is_err() {
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
    async fn uncertain(&self, ticket: &BoundTicket, request: &RedeemRequest, code: &'static str) {
        let now = self.ports.clock.now();
        let event = request.event(EventKind::Uncertain, now, ticket, Subject::default()).with_code(code);
        let recorded = self.ports.sessions.release(&ticket.session.handle(), &event).await.is_ok();
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
        let claims = self.ports.keys.verify(token).await?;
        VerifiedTicket::new(claims, &self.settings.tickets.issuer, self.settings.binding, now)
    }
}

impl RedeemRequest {
    /// An event of the login that the ticket belongs to.
    fn event(
        &self,
        kind: EventKind,
        at: OffsetDateTime,
        ticket: &BoundTicket,
        subject: Subject,
    ) -> AuditEvent {
        AuditEvent {
            login: Some(ticket.login.clone()),
            session: Some(ticket.session.handle()),
            reference: Some(self.reference.clone()),
            source_ip: self.source_ip,
            ..AuditEvent::new(kind, at, subject)
        }
    }
}
