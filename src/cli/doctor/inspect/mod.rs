//! Looks at AWS without changing anything: what `doctor` asks.
//!
//! The service itself needs none of these permissions but KMS's, so that every
//! look may end in [`Unseen::NotAllowed`], which proves nothing.

mod bucket;
mod kms;
mod query;
mod tables;

pub(crate) use bucket::anonymous_reads;
pub(crate) use kms::KmsLook;
pub(crate) use query::{QueryService, describe_role_arn};
pub(crate) use tables::TablesLook;

use crate::adapters::aws::Sdk;
use aws_sdk_sts::config::ProvideCredentials;

/// Why something was not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unseen {
    /// There is no such thing.
    Missing,
    /// We may not look: this was said.
    NotAllowed(String),
    /// The service does not know the question (an emulator, an old region).
    NotKnownThere(String),
    /// It did not answer, or with a fault: this.
    NoAnswer(String),
}

impl std::fmt::Display for Unseen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("there is none"),
            Self::NotAllowed(said) => write!(f, "no permission ({said})"),
            Self::NotKnownThere(said) => write!(f, "the service does not know the question ({said})"),
            Self::NoAnswer(said) => write!(f, "no answer ({said})"),
        }
    }
}

/// The most characters of what a service said that are repeated.
const MAX_SAID_CHARS: usize = 300;

impl Unseen {
    /// By the service's code, which all protocols of AWS share.
    fn of(code: &str, message: &str) -> Self {
        let said =
            shortened(&if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") });
        match code {
            "ResourceNotFoundException" | "NoSuchEntity" | "NotFoundException" => Self::Missing,
            "UnknownOperationException" | "InvalidAction" | "NotImplemented" => Self::NotKnownThere(said),
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

    /// Of an error of the SDK.
    fn of_sdk<E>(error: &aws_sdk_dynamodb::error::SdkError<E>) -> Self
    where
        E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::error::Error + 'static,
    {
        use aws_sdk_dynamodb::error::ProvideErrorMetadata;
        match error.code() {
            Some(code) => Self::of(code, error.message().unwrap_or_default()),
            None => Self::NoAnswer(innermost(error)),
        }
    }
}

/// Whether there are credentials to sign with, and what is said if not.
///
/// # Errors
/// Where they were looked for, in one line.
pub(crate) async fn credentials(sdk: &Sdk, region: &str) -> Result<(), String> {
    let provider = sdk.at(region, None).await.credentials_provider();
    let provider = provider.ok_or_else(|| "the SDK knows no way to any".to_owned())?;
    provider.provide_credentials().await.map(|_| ()).map_err(|e| innermost(&e))
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    shortened(&error.to_string())
}

/// The first line: what follows is for those who read logs.
fn shortened(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(MAX_SAID_CHARS).collect()
}
