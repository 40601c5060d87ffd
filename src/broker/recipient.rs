//! Who a sealed delivery is for. Whoever has the whole store, the log and every key of the
//! ring opens nothing of it.

use super::credentials::{HandOver, HandedOver};
use super::ids::Jti;
use super::refusal::LoginError;
use super::relay_state::RelayState;
use super::ticket::{Ticket, TicketClaims};
use crate::delivery;
use crate::jose::{self, PublicKey};
use crate::roles::Use;

/// The holder of a key, and the name under which it waits: it opens what carries that name,
/// and nothing else.
#[derive(Debug, Clone)]
pub(super) struct Recipient {
    pub(super) key: PublicKey,
    /// A page's session id, or the state of a program at a shell.
    pub(super) waits_as: String,
}

impl Recipient {
    /// The page that began a sealed login.
    pub(super) fn of_page(relay_state: &RelayState) -> Option<Self> {
        let key = relay_state.proof.key()?.clone();
        Some(Self { key, waits_as: relay_state.session.as_str().to_owned() })
    }

    /// The ticket, inside its JWE: a nested JWT (RFC 7519 section 5.2).
    pub(super) fn seal_ticket(&self, ticket: &Ticket, jti: &Jti) -> Result<Ticket, LoginError> {
        self.seal(ticket.expose().as_bytes(), jti, "JWT").map(Ticket::from_signed)
    }

    /// What is handed over, as `GET /saml` would write it. What stays readable beside it is for
    /// the record.
    pub(super) fn seal_hand_over(
        &self,
        hand_over: HandOver,
        for_use: Use,
        jti: &Jti,
    ) -> Result<HandOver, LoginError> {
        let json = delivery::credential_process::json(&hand_over.written().ok_or(LoginError::Keys)?);
        let jwe = self.seal(&json, jti, "json")?;
        let HandOver { handed_over, .. } = &hand_over;
        let handed_over = HandedOver::Sealed {
            jwe,
            for_use,
            access_key_id: handed_over.access_key_id().to_owned(),
            expiration: handed_over.expiration(),
        };
        Ok(HandOver { handed_over, ..hand_over })
    }

    /// What a ticket says that is sealed for it.
    pub(super) fn named_in(&self, claims: TicketClaims) -> TicketClaims {
        TicketClaims { challenge: self.key.as_str().to_owned(), sealed: true, ..claims }
    }

    fn seal(&self, plaintext: &[u8], jti: &Jti, cty: &'static str) -> Result<String, LoginError> {
        jose::seal(plaintext, &self.key, jti.as_str(), &self.waits_as, cty).map_err(|_| LoginError::Keys)
    }
}
