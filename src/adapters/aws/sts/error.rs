//! What STS's refusals and its silence mean, by who must act.

use crate::broker::ports::TokenServiceError;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

/// The error by who must act.
pub(super) fn token_service_error<E: ProvideErrorMetadata>(error: &SdkError<E>) -> TokenServiceError {
    match error {
        SdkError::TimeoutError(_) => TokenServiceError::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => TokenServiceError::Timeout,
        SdkError::ServiceError(refusal) => {
            let status = refusal.raw().status().as_u16();
            by_code(refusal.err().code(), refusal.err().message().unwrap_or_default(), status)
        }
        // Not sent: the request cannot be built, in any region.
        SdkError::ConstructionFailure(_) => TokenServiceError::Refused,
        // No connection, or an answer that is not STS's (a proxy's page).
        SdkError::DispatchFailure(_) | SdkError::ResponseError(_) | _ => TokenServiceError::Unavailable,
    }
}

/// Codes of the API reference of `AssumeRoleWithSAML`, of its common errors, and
/// of what the SDKs know as throttling.
fn by_code(code: Option<&str>, message: &str, status: u16) -> TokenServiceError {
    match code.unwrap_or_default() {
        "ExpiredTokenException" | "ExpiredToken" => TokenServiceError::AssertionExpired,
        "InvalidIdentityToken" | "InvalidIdentityTokenException" => TokenServiceError::AssertionInvalid,
        "IDPRejectedClaim" | "IDPRejectedClaimException" => TokenServiceError::ClaimRejected,
        "AccessDenied" | "AccessDeniedException" => TokenServiceError::NotTrusted,
        "RegionDisabledException" => TokenServiceError::RegionDisabled,
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" => TokenServiceError::PolicyMalformed,
        "PackedPolicyTooLarge" | "PackedPolicyTooLargeException" => TokenServiceError::PolicyTooLarge,
        // The one ValidationError that an operator can mend has no code of its own.
        "ValidationError" if message.contains("MaxSessionDuration") => TokenServiceError::DurationTooLong,
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "SlowDown" => TokenServiceError::Throttled,
        "RequestTimeout" | "RequestTimeoutException" => TokenServiceError::Timeout,
        _ if status == 429 => TokenServiceError::Throttled,
        // Without a code it was not STS that answered.
        "" => TokenServiceError::Unavailable,
        _ if status >= 500 => TokenServiceError::Unavailable,
        _ => TokenServiceError::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_sts_is_cut_by_who_must_act() {
        let maximum = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        for (code, message, status, error) in [
            ("ExpiredTokenException", "", 400, TokenServiceError::AssertionExpired),
            ("InvalidIdentityToken", "", 400, TokenServiceError::AssertionInvalid),
            ("IDPRejectedClaim", "", 403, TokenServiceError::ClaimRejected),
            ("AccessDenied", "", 403, TokenServiceError::NotTrusted),
            ("RegionDisabledException", "", 403, TokenServiceError::RegionDisabled),
            ("MalformedPolicyDocument", "", 400, TokenServiceError::PolicyMalformed),
            ("PackedPolicyTooLarge", "", 400, TokenServiceError::PolicyTooLarge),
            ("ValidationError", maximum, 400, TokenServiceError::DurationTooLong),
            ("ValidationError", "1 validation error detected", 400, TokenServiceError::Refused),
            ("Throttling", "", 400, TokenServiceError::Throttled),
            ("NewKindOfThrottling", "", 429, TokenServiceError::Throttled),
            ("ServiceUnavailable", "", 503, TokenServiceError::Unavailable),
            ("InternalFailure", "", 500, TokenServiceError::Unavailable),
            ("NewRefusal", "", 400, TokenServiceError::Refused),
            ("", "", 403, TokenServiceError::Unavailable),
        ] {
            assert_eq!(by_code(Some(code), message, status), error, "{code} {status}");
        }
        assert_eq!(by_code(None, "", 502), TokenServiceError::Unavailable);
    }
}
