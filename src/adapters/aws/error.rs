//! Descriptions of failed calls.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;

/// The service's code and message, or why there is no answer.
pub(super) fn described<E>(error: &SdkError<E>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => format!("no answer ({})", innermost(error)),
    }
}

/// The end of the chain of causes: "connection refused", "operation timed out", "no AWS
/// credentials (…)".
pub fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    let said = error.to_string();
    no_credentials(&said).unwrap_or(said)
}

/// The SDK lists each of its ways to credentials on a line. Who has none named a profile, or
/// should have.
fn no_credentials(said: &str) -> Option<String> {
    let (_, ways) = said.split_once("no credentials found in chain")?;
    let profile = ways.lines().find_map(|line| line.trim().strip_prefix("Profile: "));
    let why = profile.and_then(|why| why.rsplit_once("not enabled: ").map(|(_, why)| why));
    Some(format!("no AWS credentials ({})", why.unwrap_or("neither a profile nor a role")))
}
