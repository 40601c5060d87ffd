//! THE table: every refusal, its status, and what a person reads.
//!
//! Fixed sentences, no text of the request. The codes are stable and come from
//! the rooms that refuse; `docs/ERRORS.md` explains each to the operator.

use crate::broker::ports::TokenServiceError;
use crate::broker::{
    LoginError, RedeemError, RelayStateError, RoleRefusal, SamlRefusal, StartError, TicketError,
};
use http::StatusCode;

/// Why a request is refused, cut by who refuses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    // The request itself.
    /// No such path.
    NotFound,
    /// No such method on this path.
    MethodNotAllowed {
        /// The methods that there are.
        allow: &'static str,
    },
    /// Another content type than the route's.
    ContentType,
    /// A compressed body.
    ContentEncoding,
    /// A body beyond the route's cap.
    BodyTooLarge,
    /// A body that did not arrive in time.
    BodyTimeout,
    /// A body that broke off.
    BodyIncomplete,
    /// A form with an invalid escape, or not UTF-8.
    FormMalformed,
    /// A form with two fields of one name.
    DuplicateField,
    /// A form without `SAMLResponse`.
    ResponseMissing,
    /// An authorizer's event that is not one.
    EventMalformed,
    /// An authorizer's event that is not allowed anything (API Gateway's word).
    Unauthorized,
    // Us.
    /// All slots are taken.
    Busy,
    /// A defect of ours.
    Internal,
    // The use cases.
    /// `GET /saml/login`
    Start(StartError),
    /// `POST /saml`
    Login(LoginError),
    /// `GET /saml`
    Redeem(RedeemError),
    /// `GET /users`
    Ping(PingError),
}

/// Why a ping is not answered with success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PingError {
    /// No `Authorization` header of AWS Signature Version 4.
    #[error("the request is not signed")]
    NotSigned,
    /// The signature, or what it says, does not hold.
    #[error("the signature does not hold")]
    Invalid,
    /// Signed more than five minutes away from our clock.
    #[error("the signature's time is too far from now")]
    Expired,
    /// The session's policies do not allow `execute-api:Invoke`.
    #[error("the credentials do not allow the ping")]
    NotAllowed,
}

impl PingError {
    /// The stable, documented code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotSigned => "ping_not_signed",
            Self::Invalid => "ping_signature_invalid",
            Self::Expired => "ping_signature_expired",
            Self::NotAllowed => "ping_not_allowed",
        }
    }
}

impl Error {
    /// The stable, documented code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::MethodNotAllowed { .. } => "method_not_allowed",
            Self::ContentType => "content_type",
            Self::ContentEncoding => "content_encoding",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyTimeout => "body_timeout",
            Self::BodyIncomplete => "body_incomplete",
            Self::FormMalformed => "form_malformed",
            Self::DuplicateField => "duplicate_field",
            Self::ResponseMissing => "response_missing",
            Self::EventMalformed => "event_malformed",
            Self::Unauthorized => "unauthorized",
            Self::Busy => "busy",
            Self::Internal => "internal",
            Self::Start(e) => e.code(),
            Self::Login(e) => e.code(),
            Self::Redeem(e) => e.code(),
            Self::Ping(e) => e.code(),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row<'a> {
    /// The answer's status.
    pub status: StatusCode,
    /// The page's heading.
    pub title: &'static str,
    /// What happened, in a sentence.
    pub happened: &'static str,
    /// The operator's own words, where a rule has some.
    pub operator_says: Option<&'a str>,
    /// What to do now, in a sentence.
    pub to_do: &'static str,
    /// Seconds after which asking again may help.
    pub retry_after: Option<u32>,
}

const fn row(
    status: StatusCode,
    title: &'static str,
    happened: &'static str,
    to_do: &'static str,
) -> Row<'static> {
    Row { status, title, happened, operator_says: None, to_do, retry_after: None }
}

const BAD_REQUEST: StatusCode = StatusCode::BAD_REQUEST;
const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
const UNAUTHORIZED: StatusCode = StatusCode::UNAUTHORIZED;
const UNAVAILABLE: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

const START_AT_THE_PAGE: &str = "Go back to the page where you began, and sign in from there.";
const SIGN_IN_AGAIN: &str = "Please sign in again.";
const AGAIN_THEN_ASK: &str = "Please sign in again. If this happens a second time, ask for help.";
const ASK: &str = "Signing in again will not change this. Please ask for help and read out the reference.";
const SETTINGS_WRONG: &str = "The settings of your company's sign-in service and of this one do not fit together. Please ask for help and read out the reference.";

/// The row of a refusal.
pub fn table(error: &Error) -> Row<'_> {
    match error {
        Error::NotFound => row(
            StatusCode::NOT_FOUND,
            "There is nothing here",
            "This address does not exist.",
            "Check the address, or go to the start page.",
        ),
        Error::MethodNotAllowed { .. } => row(
            StatusCode::METHOD_NOT_ALLOWED,
            "This cannot be done here",
            "This address does not answer that kind of request.",
            START_AT_THE_PAGE,
        ),
        Error::ContentType => row(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The message has the wrong format",
            "What was sent here does not have the format that this address takes.",
            START_AT_THE_PAGE,
        ),
        Error::ContentEncoding => row(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The message has the wrong format",
            "What was sent here is compressed, which this address does not take.",
            START_AT_THE_PAGE,
        ),
        Error::BodyTooLarge => row(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The message is too long",
            "What was sent here is longer than any sign-in should be.",
            "If you were signing in, you may be in very many groups. Please ask for help and read out the reference.",
        ),
        Error::BodyTimeout => row(
            StatusCode::REQUEST_TIMEOUT,
            "The message took too long",
            "Your connection was too slow, and the sign-in did not arrive in time.",
            SIGN_IN_AGAIN,
        ),
        Error::BodyIncomplete => row(
            BAD_REQUEST,
            "The message broke off",
            "The connection was interrupted before the sign-in had arrived.",
            SIGN_IN_AGAIN,
        ),
        Error::FormMalformed => row(
            BAD_REQUEST,
            "The message could not be read",
            "What was sent here is damaged.",
            AGAIN_THEN_ASK,
        ),
        Error::DuplicateField => row(
            BAD_REQUEST,
            "The message could not be read",
            "What was sent here says the same thing twice, so it is not clear what counts.",
            AGAIN_THEN_ASK,
        ),
        Error::ResponseMissing => row(
            BAD_REQUEST,
            "There was no sign-in",
            "This address takes the answer of your company's sign-in service, and there was none.",
            START_AT_THE_PAGE,
        ),
        Error::EventMalformed => row(
            BAD_REQUEST,
            "The event could not be read",
            "What was sent here is not an authorizer event.",
            "Send the event as API Gateway does.",
        ),
        // API Gateway's own word, so that a gateway can pass it on as it is.
        Error::Unauthorized => row(UNAUTHORIZED, "Unauthorized", "Unauthorized", ""),
        Error::Busy => Row {
            retry_after: Some(1),
            ..row(
                UNAVAILABLE,
                "Too many people at once",
                "Right now more people are signing in than this service can take.",
                "Please wait a moment, then sign in again.",
            )
        },
        Error::Internal => row(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong on our side",
            "This service made a mistake while working on your request.",
            AGAIN_THEN_ASK,
        ),
        Error::Start(e) => start(*e),
        Error::Login(e) => login(e),
        Error::Redeem(e) => redeem(*e),
        Error::Ping(e) => ping(*e),
    }
}

fn start(error: StartError) -> Row<'static> {
    match error {
        StartError::RelayState(e) => relay_state(e),
        StartError::UnknownProvider => row(
            StatusCode::NOT_FOUND,
            "There is no such sign-in service",
            "The page sent you to sign in at a service that is not known here.",
            START_AT_THE_PAGE,
        ),
        StartError::NoSignOnService => row(
            StatusCode::NOT_FOUND,
            "The sign-in cannot start here",
            "Sign-ins at your company start at its own sign-in page.",
            ASK,
        ),
        StartError::Keys => row(
            UNAVAILABLE,
            "The sign-in cannot start",
            "This service cannot use its keys right now.",
            AGAIN_THEN_ASK,
        ),
    }
}

fn login(error: &LoginError) -> Row<'_> {
    match error {
        LoginError::RelayState(e) => relay_state(*e),
        LoginError::Saml(e) => saml(*e),
        LoginError::Role(e) => role(e),
        LoginError::Replayed => row(
            StatusCode::CONFLICT,
            "This sign-in was already used",
            "Each sign-in counts once, and this one has arrived before. That happens after going back or reloading.",
            SIGN_IN_AGAIN,
        ),
        LoginError::RequestAnswered => row(
            StatusCode::CONFLICT,
            "This sign-in was used before",
            "You signed in a second time for a request that had its answer.",
            START_AT_THE_PAGE,
        ),
        LoginError::SessionTaken => row(
            StatusCode::CONFLICT,
            "Another sign-in is waiting",
            "Credentials of an earlier sign-in are still waiting for the same page, and were left untouched.",
            "Go back to the page where you began. If it shows nothing, wait a minute and sign in again.",
        ),
        LoginError::TokenService(e) => issue(*e),
        LoginError::Keys => row(
            UNAVAILABLE,
            "Credentials could not be protected",
            "You were signed in, but the credentials could not be locked away safely, so they were thrown away.",
            AGAIN_THEN_ASK,
        ),
        LoginError::Store => row(
            UNAVAILABLE,
            "This service is not ready",
            "The sign-in could not be recorded, so no credentials were given.",
            "Please wait a moment, then sign in again.",
        ),
        LoginError::TooSlow => row(
            UNAVAILABLE,
            "The sign-in took too long",
            "AWS answered so late that your place was no longer kept, so the credentials were thrown away.",
            SIGN_IN_AGAIN,
        ),
    }
}

fn issue(error: TokenServiceError) -> Row<'static> {
    const NOT_ACCEPTED: &str = "AWS did not accept the sign-in";
    const NOT_ANSWERED: &str = "AWS did not answer";
    const WAIT: &str = "Please wait a moment, then sign in again.";
    const REFUSED: StatusCode = StatusCode::BAD_GATEWAY;
    match error {
        TokenServiceError::AssertionExpired => row(
            REFUSED,
            "Your sign-in is too old for AWS",
            "You were signed in here, but your sign-in had ended when AWS was asked for credentials.",
            AGAIN_THEN_ASK,
        ),
        TokenServiceError::AssertionInvalid => row(
            REFUSED,
            NOT_ACCEPTED,
            "You were signed in here, but AWS could not verify the answer of your company's sign-in service.",
            ASK,
        ),
        TokenServiceError::ClaimRejected => row(
            REFUSED,
            NOT_ACCEPTED,
            "You were signed in here, but AWS did not accept what your company's sign-in service says about you.",
            ASK,
        ),
        TokenServiceError::NotTrusted => row(
            REFUSED,
            "Your role is not open to you",
            "You were signed in here, but in AWS your role does not allow people to come in this way.",
            ASK,
        ),
        TokenServiceError::WrongPartition => row(
            REFUSED,
            "Your role is in another AWS",
            "You were signed in here, but your role belongs to another part of AWS than this service.",
            ASK,
        ),
        TokenServiceError::RegionDisabled => row(
            REFUSED,
            NOT_ACCEPTED,
            "You were signed in here, but the AWS region of this service is switched off for your role's account.",
            ASK,
        ),
        TokenServiceError::DurationTooLong => row(
            REFUSED,
            NOT_ACCEPTED,
            "You were signed in here, but the credentials were to last longer than your role allows.",
            ASK,
        ),
        TokenServiceError::PolicyMalformed => row(
            REFUSED,
            NOT_ACCEPTED,
            "You were signed in here, but AWS does not understand the limits that were set for your role.",
            ASK,
        ),
        TokenServiceError::PolicyTooLarge => row(
            REFUSED,
            NOT_ACCEPTED,
            "You were signed in here, but the limits that were set for your role are longer than AWS takes.",
            ASK,
        ),
        TokenServiceError::Refused => row(
            REFUSED,
            NOT_ACCEPTED,
            "You were signed in here, but AWS refused to give credentials for your role.",
            ASK,
        ),
        TokenServiceError::Throttled => row(
            UNAVAILABLE,
            "Too many people at once",
            "You were signed in here, but AWS is asked for credentials too often right now.",
            WAIT,
        ),
        TokenServiceError::Timeout => row(
            UNAVAILABLE,
            NOT_ANSWERED,
            "You were signed in here, but AWS did not give credentials in time.",
            WAIT,
        ),
        TokenServiceError::Unavailable => row(
            UNAVAILABLE,
            NOT_ANSWERED,
            "You were signed in here, but AWS could not be asked for credentials.",
            WAIT,
        ),
    }
}

fn relay_state(error: RelayStateError) -> Row<'static> {
    match error {
        RelayStateError::Missing => row(
            BAD_REQUEST,
            "Please begin at the page",
            "The sign-in does not say which page it is for. That happens when it is started from a bookmark or a portal.",
            START_AT_THE_PAGE,
        ),
        RelayStateError::Malformed => row(
            BAD_REQUEST,
            "Please begin at the page",
            "The sign-in does not say properly which page it is for.",
            START_AT_THE_PAGE,
        ),
    }
}

fn role(error: &RoleRefusal) -> Row<'_> {
    match error {
        RoleRefusal::NoRoleOffered => row(
            FORBIDDEN,
            "You have no AWS role",
            "You are signed in, but your company's sign-in service gives you no role in AWS.",
            "Ask for a role, then sign in again.",
        ),
        RoleRefusal::NoUsableRole => row(
            FORBIDDEN,
            "None of your AWS roles fits",
            "You are signed in, but none of your roles belongs to the AWS accounts that this service is for.",
            ASK,
        ),
        RoleRefusal::NoRule => row(
            FORBIDDEN,
            "Your role is not allowed here",
            "You are signed in, but none of your roles may be used through this service.",
            "If you need access, ask for a role that may be used here, then sign in again.",
        ),
        RoleRefusal::Ambiguous => row(
            FORBIDDEN,
            "Several of your roles fit",
            "You are signed in, but more than one of your roles could be used, and this service does not guess.",
            ASK,
        ),
        RoleRefusal::Rule { message } => Row {
            operator_says: Some(message),
            ..row(
                FORBIDDEN,
                "Access is not allowed",
                "You are signed in, but access is not allowed for you.",
                "If you think that this is wrong, ask for help and read out the reference.",
            )
        },
        RoleRefusal::SessionName => row(
            FORBIDDEN,
            "Your name does not fit AWS",
            "You are signed in, but AWS does not accept the name that your company's sign-in service gives you.",
            ASK,
        ),
    }
}

const UNREADABLE: &str = "The sign-in could not be read";
const UNVERIFIED: &str = "The sign-in could not be verified";
const NOT_VALID: &str = "The sign-in is not valid here";
const EXPIRED: &str = "The sign-in has expired";
const PERSON_UNCLEAR: &str = "It is not clear who signed in";

/// Rows of the list (`src/refusals.rs`) as rows of this table.
macro_rules! rows {
    (
        { $name:ident $refusal:ident }
        $(
            $(#[$doc:meta])*
            $variant:ident $(($($data:ty),+))? $mark:ident
            $code:literal $($who:ident)|+ $status:literal $title:tt $happened:literal $to_do:tt;
        )+
    ) => {
        match $refusal {
            $($name::$variant { .. } => row(status($status), $title, $happened, $to_do),)+
        }
    };
}

fn saml(refusal: SamlRefusal) -> Row<'static> {
    saml_refusals!(rows SamlRefusal refusal)
}

/// A number that is no status would be a fault of the list, and ours.
const fn status(number: u16) -> StatusCode {
    match StatusCode::from_u16(number) {
        Ok(status) => status,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn redeem(error: RedeemError) -> Row<'static> {
    match error {
        RedeemError::Ticket(e) => ticket(e),
        RedeemError::Gone => row(
            StatusCode::NOT_FOUND,
            "There is nothing to take",
            "These credentials were already taken, or have expired, or never existed.",
            SIGN_IN_AGAIN,
        ),
        RedeemError::Store => Row {
            retry_after: Some(1),
            ..row(
                UNAVAILABLE,
                "This service is not ready",
                "The credentials could not be fetched right now, and are still waiting.",
                "Try again in a moment.",
            )
        },
        RedeemError::Uncertain => row(
            UNAVAILABLE,
            "The delivery is not certain",
            "It is not certain whether the credentials still exist, so they are given to nobody.",
            SIGN_IN_AGAIN,
        ),
    }
}

fn ticket(error: TicketError) -> Row<'static> {
    const TITLE: &str = "The ticket is not valid";
    match error {
        TicketError::Missing => row(UNAUTHORIZED, TITLE, "There is no ticket in the request.", SIGN_IN_AGAIN),
        TicketError::Malformed => {
            row(UNAUTHORIZED, TITLE, "The ticket is not one that was made here.", SIGN_IN_AGAIN)
        }
        TicketError::Invalid => {
            row(UNAUTHORIZED, TITLE, "The ticket was not made here, or was changed.", SIGN_IN_AGAIN)
        }
        TicketError::Expired => {
            row(UNAUTHORIZED, TITLE, "The ticket has expired; it lives for seconds only.", SIGN_IN_AGAIN)
        }
        TicketError::VerifierMissing => row(
            UNAUTHORIZED,
            TITLE,
            "The request does not prove that it comes from the browser that began.",
            SIGN_IN_AGAIN,
        ),
        TicketError::VerifierMismatch => row(
            UNAUTHORIZED,
            TITLE,
            "The ticket belongs to a sign-in that another browser or tab began.",
            SIGN_IN_AGAIN,
        ),
        TicketError::CognitoIdMissing => row(
            UNAUTHORIZED,
            TITLE,
            "The request does not name the session that the ticket is for.",
            SIGN_IN_AGAIN,
        ),
        TicketError::CognitoIdMismatch => {
            row(UNAUTHORIZED, TITLE, "The ticket is for another session.", SIGN_IN_AGAIN)
        }
        TicketError::KeysUnavailable => Row {
            retry_after: Some(1),
            ..row(
                UNAVAILABLE,
                "This service is not ready",
                "The ticket could not be checked right now, and nothing was taken.",
                "Try again in a moment.",
            )
        },
    }
}

fn ping(error: PingError) -> Row<'static> {
    const TITLE: &str = "The ping was refused";
    match error {
        PingError::NotSigned => {
            row(FORBIDDEN, TITLE, "The request is not signed.", "Sign it with your credentials.")
        }
        PingError::Invalid => row(
            FORBIDDEN,
            TITLE,
            "The signature does not hold, or the credentials are not known or have expired.",
            SIGN_IN_AGAIN,
        ),
        PingError::Expired => row(
            FORBIDDEN,
            TITLE,
            "The signature's time is more than five minutes away from ours.",
            "Check your clock, then try again.",
        ),
        PingError::NotAllowed => {
            row(FORBIDDEN, TITLE, "The credentials are good, but do not allow this call.", ASK)
        }
    }
}

#[cfg(test)]
mod tests;
