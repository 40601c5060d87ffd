//! What HTTP answers to a refusal: the rows of the list in `src/refusals.rs`.
//!
//! Fixed sentences, no text of the request. `docs/ERRORS.md` explains each code to
//! the operator.

use crate::broker::ports::TokenServiceError;
use crate::broker::{
    ChoiceError, ConsoleError, KeyError, LoginError, RedeemError, RelayStateError, RoleRefusal, SamlRefusal,
    ShellError, StartError, StepUp, TicketError,
};
use http::StatusCode;

request_errors! { refusal_enum
    /// Why a request is refused: by itself, by us, or by a use case.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum Error
}

ping_errors! { refusal_enum
    /// Why a ping is not answered with success.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum PingError
}

impl Error {
    /// The operator's own words, where a rule has some.
    pub fn operator_says(&self) -> Option<&str> {
        if let RoleRefusal::Rule { message, .. } = self.role()? { Some(message) } else { None }
    }

    /// The operator's sentence by which the person is asked for a reason.
    pub fn ask(&self) -> Option<&str> {
        let (Self::Redeem(error) | Self::Choice(ChoiceError::Redeem(error))) = self else { return None };
        match error {
            RedeemError::ReasonRequired { ask } => Some(ask),
            RedeemError::ReasonMalformed { ask } => ask.as_deref(),
            RedeemError::Ticket(_) | RedeemError::Gone | RedeemError::Store | RedeemError::Uncertain => None,
        }
    }

    /// The sign-in by which the person can have a role nevertheless.
    pub fn step_up(&self) -> Option<&StepUp> {
        self.role()?.step_up()
    }

    /// The rules' refusal of a role, if it is one.
    fn role(&self) -> Option<&RoleRefusal> {
        let (Self::Login(error) | Self::Choice(ChoiceError::Login(error))) = self else { return None };
        if let LoginError::Role(refusal) = error { Some(refusal) } else { None }
    }

    /// Seconds after which asking again may help.
    pub fn retry_after(&self) -> Option<u32> {
        if let Self::TooManyRequests { retry_after } = self {
            return Some(*retry_after);
        }
        self.row().retry_after
    }
}

/// What the list has a row for.
pub trait Refusal {
    /// Its row.
    fn row(&self) -> &'static Row;
}

/// One row of the list.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The stable code.
    pub code: &'static str,
    /// Who must act.
    pub who: &'static [Who],
    /// The answer's status.
    pub status: StatusCode,
    /// The page's heading.
    pub title: &'static str,
    /// What happened, in a sentence.
    pub happened: &'static str,
    /// What to do now, in a sentence.
    pub to_do: &'static str,
    /// Seconds after which asking again may help; see also [`Error::retry_after`].
    pub retry_after: Option<u32>,
}

/// Who must act on a refusal (`docs/ERRORS.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The person who signs in.
    Person,
    /// The page's developer.
    Page,
    /// The identity provider's administrator.
    IdP,
    /// The operator of this Vestibule.
    Operator,
    /// The administrator of roles and SAML provider in the AWS account.
    Aws,
    /// The developers of Vestibule: a defect.
    Us,
}

// Titles.
const BEGIN_AT_THE_PAGE: &str = "Please begin at the page";
const EXPIRED: &str = "The sign-in has expired";
const MESSAGE_UNREADABLE: &str = "The message could not be read";
const NOT_ACCEPTED: &str = "AWS did not accept the sign-in";
const NOT_ANSWERED: &str = "AWS did not answer";
const NOT_READY: &str = "This service is not ready";
const NOT_VALID: &str = "The sign-in is not valid here";
const PERSON_UNCLEAR: &str = "It is not clear who signed in";
const PING_REFUSED: &str = "The ping was refused";
const TICKET_NOT_VALID: &str = "The ticket is not valid";
const TOO_MANY: &str = "Too many people at once";
const UNREADABLE: &str = "The sign-in could not be read";
const UNVERIFIED: &str = "The sign-in could not be verified";
const WRONG_FORMAT: &str = "The message has the wrong format";

// What to do.
const AGAIN_THEN_ASK: &str = "Please sign in again. If this happens a second time, ask for help.";
const ASK: &str = "Signing in again will not change this. Please ask for help and read out the reference.";
const SETTINGS_WRONG: &str = "The settings of your company's sign-in service and of this one do not fit together. Please ask for help and read out the reference.";
const SIGN_IN_AGAIN: &str = "Please sign in again.";
const START_AT_THE_PAGE: &str = "Go back to the page where you began, and sign in from there.";
const TRY_AGAIN: &str = "Try again in a moment.";
const WAIT: &str = "Please wait a moment, then sign in again.";

/// The rows of a section, one for each variant.
macro_rules! rows {
    (
        { $name:ident }
        $([ $($outer:ident($inner:ident)),+ ])?
        $(
            $(#[$doc:meta])*
            $variant:ident $(($($data:ty),+))? $({ $($field:ident: $type:ty),+ })? $($mark:ident)?
            $code:literal $($who:ident)|+ $status:literal $title:tt $happened:literal $to_do:tt
            $(retry_after $seconds:literal)?;
        )+
    ) => {
        impl Refusal for $name {
            fn row(&self) -> &'static Row {
                match self {
                    $($(Self::$outer(inner) => inner.row(),)+)?
                    $(
                        Self::$variant { .. } => const {
                            &Row {
                                code: $code,
                                who: &[$(Who::$who),+],
                                status: status($status),
                                title: $title,
                                happened: $happened,
                                to_do: $to_do,
                                retry_after: rows!(optional $($seconds)?),
                            }
                        },
                    )+
                }
            }
        }
    };
    (optional) => { None };
    (optional $seconds:literal) => { Some($seconds) };
}

request_errors! { rows Error }
ping_errors! { rows PingError }
start_errors! { rows StartError }
login_errors! { rows LoginError }
key_errors! { rows KeyError }
relay_state_errors! { rows RelayStateError }
saml_refusals! { rows SamlRefusal }
role_refusals! { rows RoleRefusal }
token_service_errors! { rows TokenServiceError }
choice_errors! { rows ChoiceError }
console_errors! { rows ConsoleError }
shell_errors! { rows ShellError }
redeem_errors! { rows RedeemError }
ticket_errors! { rows TicketError }

/// A number that is no status would be a fault of the list, and ours.
const fn status(number: u16) -> StatusCode {
    match StatusCode::from_u16(number) {
        Ok(status) => status,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests;
