//! The errors of inspections.

use crate::adapters::aws;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use std::fmt;

/// Why an inspection shows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum InspectError {
    /// There is no such thing.
    Missing,
    /// No permission; with the service's message.
    NotAllowed(String),
    /// The service does not have this operation (an emulator, an old region).
    NotSupported(String),
    /// No answer, or an unexpected one: this.
    NoAnswer(String),
}

impl fmt::Display for InspectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("there is none"),
            Self::NotAllowed(said) => write!(f, "no permission ({said})"),
            Self::NotSupported(said) => write!(f, "the service does not know the question ({said})"),
            Self::NoAnswer(said) => write!(f, "no answer ({said})"),
        }
    }
}

/// The most characters of what a service said that are repeated.
const MAX_SAID_CHARS: usize = 300;

impl InspectError {
    /// By the service's code, which all protocols of AWS share.
    pub(super) fn of(code: &str, message: &str) -> Self {
        let said =
            shortened(&if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") });
        match code {
            "ResourceNotFoundException" | "NoSuchEntity" | "NotFoundException" => Self::Missing,
            "UnknownOperationException" | "InvalidAction" | "NotImplemented" => Self::NotSupported(said),
            "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "MissingAuthenticationToken"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "SignatureDoesNotMatch" => Self::NotAllowed(said),
            _ => Self::NoAnswer(said),
        }
    }

    /// By an error of the SDK.
    pub(super) fn of_sdk<E>(error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error.code() {
            Some(code) => Self::of(code, error.message().unwrap_or_default()),
            None => Self::NoAnswer(innermost(error)),
        }
    }
}

/// The innermost cause, in one line.
pub(super) fn innermost(error: &dyn Error) -> String {
    shortened(&aws::innermost(error))
}

/// The first line; the rest belongs into logs.
fn shortened(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(MAX_SAID_CHARS).collect()
}
