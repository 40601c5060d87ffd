//! The hand-over: a ticket and a verifier in, credentials out, once.

use super::audit::{AuditEvent, EventKind, Subject};
use super::credentials::HandOver;
use super::ids::SupportId;
use super::ports::session_store::TakeError;
use super::refusal::{RedeemError, TicketError};
use super::seal::Purpose;
use super::ticket::BoundTicket;
use super::use_cases::Broker;
use std::net::IpAddr;

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

        let subject = Subject {
            idp: Some(hand_over.idp.clone()),
            name_id: hand_over.name_id.clone(),
            role_session_name: Some(hand_over.user.clone()),
            role: Some(hand_over.role.clone()),
            rule: Some(hand_over.rule.clone()),
            access_key_id: Some(hand_over.credentials.access_key_id.clone()),
            expiration: Some(hand_over.credentials.expiration),
            ..Subject::default()
        };
        let delivered = self.event(EventKind::Delivered, &ticket, &request, subject);
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
        let mut event = self.event(EventKind::Uncertain, ticket, request, Subject::default());
        event.code = Some(code.to_owned());
        let recorded = self.ports.sessions.release(&ticket.session.handle(), &event).await.is_ok();
        tracing::error!(reference = request.reference.as_str(), code, recorded, "delivery uncertain");
    }

    fn event(
        &self,
        kind: EventKind,
        ticket: &BoundTicket,
        request: &RedeemRequest,
        subject: Subject,
    ) -> AuditEvent {
        AuditEvent {
            at: self.ports.clock.now(),
            kind,
            login: Some(ticket.login.clone()),
            session: Some(ticket.session.handle()),
            reference: Some(request.reference.clone()),
            source_ip: request.source_ip,
            code: None,
            subject,
        }
    }
}
