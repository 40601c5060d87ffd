//! Looks at AWS without changing anything: what `doctor` asks.
//!
//! The service itself needs none of these permissions but KMS's, so that every
//! look may end in [`Unseen::NotAllowed`], which proves nothing.

mod bucket;
mod kms;
mod query;
mod tables;

pub use bucket::anonymous_reads;
pub use kms::KmsLook;
pub use query::{Answer, QueryService, describe_role_arn};
pub use tables::{TableFacts, TablesLook};

/// Why something was not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unseen {
    /// There is no such thing.
    Missing,
    /// We may not look, or have no credentials to ask with: this, it was said.
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
            None => {
                let mut cause: &dyn std::error::Error = error;
                let mut credentials = false;
                while let Some(source) = cause.source() {
                    cause = source;
                    credentials |= cause.to_string().contains("credential");
                }
                let said = shortened(&cause.to_string());
                if credentials { Self::NotAllowed(said) } else { Self::NoAnswer(said) }
            }
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_SAID_CHARS).collect()
}
