//! What the use cases refuse. Each reason has a stable code.

use super::token_service_error::TokenServiceError;
use crate::roles::RoleRefusal;
use crate::saml::SamlRefusal;

/// Why a RelayState is refused, before the response is even read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RelayStateError {
    /// The form has no RelayState, or an empty one.
    #[error("there is no RelayState")]
    Missing,
    /// Not `session-id##claim`.
    #[error("the RelayState is not one of ours")]
    Malformed,
}

impl RelayStateError {
    /// The stable, documented code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "relay_state_missing",
            Self::Malformed => "relay_state_malformed",
        }
    }
}

/// Why a login does not start here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The RelayState is not one of ours.
    #[error(transparent)]
    RelayState(#[from] RelayStateError),
    /// No identity provider of this name is configured.
    #[error("no identity provider of this name is configured")]
    UnknownProvider,
    /// Its metadata names no address that a request could be sent to.
    #[error("the identity provider takes no requests by a binding that a browser can carry")]
    NoSignOnService,
    /// The key ring cannot be used, or the signing key.
    #[error("the key ring is unavailable")]
    Keys,
}

impl StartError {
    /// The stable, documented code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RelayState(e) => e.code(),
            Self::UnknownProvider => "idp_unknown",
            Self::NoSignOnService => "idp_takes_no_requests",
            Self::Keys => LoginError::Keys.code(),
        }
    }
}

/// Why a login failed. Cut by who must act: the page's developer (RelayState),
/// the identity provider's administrator or an attacker (Saml), the person's
/// administrator (Role), the person (Replayed, SessionTaken), the operator (rest).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// The RelayState is not one of ours.
    #[error(transparent)]
    RelayState(#[from] RelayStateError),
    /// The response is not believed.
    #[error(transparent)]
    Saml(#[from] SamlRefusal),
    /// No role.
    #[error(transparent)]
    Role(RoleRefusal),
    /// The assertion was used before.
    #[error("the assertion was used before")]
    Replayed,
    /// The request was answered before, by another assertion.
    #[error("the request was answered before")]
    RequestAnswered,
    /// The session id is taken.
    #[error("the session id is taken")]
    SessionTaken,
    /// No credentials.
    #[error(transparent)]
    TokenService(#[from] TokenServiceError),
    /// Sealing or signing failed.
    #[error("the key ring is unavailable")]
    Keys,
    /// Nothing was stored.
    #[error("the store is unavailable")]
    Store,
    /// The reservation ended before the credentials came.
    #[error("the login took too long")]
    TooSlow,
}

impl LoginError {
    /// The stable, documented code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RelayState(e) => e.code(),
            Self::Saml(e) => e.code(),
            Self::Role(e) => e.code(),
            Self::Replayed => "assertion_replayed",
            Self::RequestAnswered => "request_answered",
            Self::SessionTaken => "session_waiting",
            Self::TokenService(e) => e.code(),
            Self::Keys => "keys_unavailable",
            Self::Store => "store_unavailable",
            Self::TooSlow => "login_too_slow",
        }
    }
}

/// Why nothing is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// The ticket or its binding does not hold; nothing was consumed.
    #[error(transparent)]
    Ticket(#[from] TicketError),
    /// Already taken, expired or unknown: one answer for all three.
    #[error("there is nothing to take")]
    Gone,
    /// Nothing was consumed; try again.
    #[error("the store is unavailable")]
    Store,
    /// The credentials may be gone; sign in again.
    #[error("it is not certain whether the credentials still exist")]
    Uncertain,
}

impl RedeemError {
    /// The stable, documented code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ticket(e) => e.code(),
            Self::Gone => "gone",
            Self::Store => "store_unavailable",
            Self::Uncertain => "delivery_uncertain",
        }
    }
}

/// Why a ticket takes nothing. Whatever the reason, nothing was consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// No `Authorization` header.
    #[error("there is no ticket")]
    Missing,
    /// Not a JWT with our claims.
    #[error("the ticket is not one of ours")]
    Malformed,
    /// No valid key of ours made this signature, or it is for somebody else.
    #[error("the ticket's signature, issuer or audience is wrong")]
    Invalid,
    /// 30 seconds are over.
    #[error("the ticket has expired")]
    Expired,
    /// No `Vestibule-Verifier` header.
    #[error("there is no verifier")]
    VerifierMissing,
    /// The verifier does not meet the ticket's challenge.
    #[error("the verifier does not meet the ticket's challenge")]
    VerifierMismatch,
    /// `binding = "plain"` needs `COGNITO_ID`.
    #[error("there is no COGNITO_ID")]
    CognitoIdMissing,
    /// `COGNITO_ID` is not the ticket's session id.
    #[error("COGNITO_ID is not the ticket's session id")]
    CognitoIdMismatch,
    /// The key ring does not answer. Try again.
    #[error("the key ring is unavailable")]
    KeysUnavailable,
}

impl TicketError {
    /// The stable, documented code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "ticket_missing",
            Self::Malformed => "ticket_malformed",
            Self::Invalid => "ticket_invalid",
            Self::Expired => "ticket_expired",
            Self::VerifierMissing => "verifier_missing",
            Self::VerifierMismatch => "verifier_mismatch",
            Self::CognitoIdMissing => "cognito_id_missing",
            Self::CognitoIdMismatch => "cognito_id_mismatch",
            Self::KeysUnavailable => "keys_unavailable",
        }
    }
}
