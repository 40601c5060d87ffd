//! AWS STS: `AssumeRoleWithSAML` or `AssumeRole`, asked in the configured region, then
//! in the next one, and answered within its time whatever happens.

mod assume_role;
mod error;
mod scope_down;
mod with_saml;

use super::sdk::Sdk;
use crate::broker::Credentials;
use crate::broker::ports::{TokenService, TokenServiceError};
use crate::config::{AssumeRole, StsOperation};
use crate::roles::{Grant, ProviderArn, partition_of_region};
use assume_role::Person;
use async_trait::async_trait;
use aws_sdk_sts::Client;
use aws_sdk_sts::config::retry::RetryConfig;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::RequestId;
use error::token_service_error;
use std::time::Duration;
use time::OffsetDateTime;

/// How long one attempt may take. STS answers in tenths of a second; what takes
/// longer is better asked again.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// How often one region is asked at most, where there is no other, and where
/// there is. Only outages are asked again, and so an assertion may be redeemed
/// twice; credentials that never arrived expire unknown.
const ATTEMPTS_ALONE: u32 = 3;
const ATTEMPTS_BESIDE_OTHERS: u32 = 2;

/// STS gives nothing shorter (API reference, `DurationSeconds`). It still ends
/// the credentials at `SessionNotOnOrAfter`.
const SHORTEST_SECONDS: i64 = 900;

/// STS never gives longer ones.
const LONGEST_SECONDS: i64 = 43_200;

/// STS in one region.
struct Regional {
    region: String,
    client: Client,
}

/// What is asked.
enum Call<'a> {
    WithSaml { grant: &'a Grant, provider: &'a ProviderArn, seconds: i32 },
    AssumeRole { grant: &'a Grant, seconds: i32, settings: &'a AssumeRole, person: Person },
}

/// Credentials of AWS.
pub struct AwsSts {
    regions: Vec<Regional>,
    timeout: Duration,
    operation: StsOperation,
}

impl AwsSts {
    /// STS in the first of these regions and, during its outages, in the next;
    /// each at AWS's address or its own. `timeout` bounds a whole `issue`,
    /// failover included.
    pub async fn open(
        sdk: &Sdk,
        regions: &[(&str, Option<&str>)],
        timeout: Duration,
        operation: StsOperation,
    ) -> Self {
        let attempts = if regions.len() > 1 { ATTEMPTS_BESIDE_OTHERS } else { ATTEMPTS_ALONE };
        let mut clients = Vec::new();
        for (region, endpoint) in regions {
            let config = aws_sdk_sts::config::Builder::from(&sdk.at(region, *endpoint).await)
                .retry_config(
                    RetryConfig::standard()
                        .with_max_attempts(attempts)
                        .with_initial_backoff(Duration::from_millis(200))
                        .with_max_backoff(Duration::from_secs(1)),
                )
                .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT).build())
                .build();
            clients.push(Regional { region: (*region).to_owned(), client: Client::from_conf(config) });
        }
        Self { regions: clients, timeout, operation }
    }

    /// What is to be asked, in whichever region; all that can be refused without asking is.
    fn call<'a>(&'a self, grant: &'a Grant, now: OffsetDateTime) -> Result<Call<'a>, TokenServiceError> {
        let session_ends = grant.identity().session_not_on_or_after();
        let seconds = seconds(grant.duration(), session_ends, now)?;
        let partition = self.regions.first().map(|regional| partition_of_region(&regional.region));
        if partition != Some(grant.role().partition()) {
            return Err(TokenServiceError::WrongPartition);
        }
        Ok(match &self.operation {
            StsOperation::AssumeRoleWithSaml => Call::WithSaml {
                grant,
                // The configuration has no maps with this operation.
                provider: grant.provider().ok_or(TokenServiceError::AssertionInvalid)?,
                seconds,
            },
            StsOperation::AssumeRole(settings) => Call::AssumeRole {
                grant,
                seconds: assume_role::fits(seconds, session_ends, now)?,
                settings,
                person: Person::of(grant, settings)?,
            },
        })
    }

    /// Asks region after region, as long as an outage is all that is wrong.
    async fn ask(&self, call: &Call<'_>) -> Result<Credentials, TokenServiceError> {
        let mut error = TokenServiceError::Unavailable;
        for regional in &self.regions {
            match regional.ask(call).await {
                Ok(credentials) => return Ok(credentials),
                Err(e) => error = e,
            }
            if !error.is_outage() {
                break;
            }
        }
        Err(error)
    }
}

#[async_trait]
impl TokenService for AwsSts {
    async fn assume_role(
        &self,
        grant: &Grant,
        now: OffsetDateTime,
    ) -> Result<Credentials, TokenServiceError> {
        let call = self.call(grant, now).inspect_err(|error| log_error(*error, None, None, "none"))?;
        tokio::time::timeout(self.timeout, self.ask(&call)).await.unwrap_or_else(|_| {
            log_error(TokenServiceError::Timeout, None, None, "all");
            Err(TokenServiceError::Timeout)
        })
    }
}

impl Regional {
    async fn ask(&self, call: &Call<'_>) -> Result<Credentials, TokenServiceError> {
        let answer = match call {
            Call::WithSaml { grant, provider, seconds } => {
                with_saml::ask(&self.client, grant, provider, *seconds)
                    .await
                    .map_err(|refusal| self.refused(&refusal, token_service_error(&refusal)))
            }
            Call::AssumeRole { grant, seconds, settings, person } => {
                assume_role::ask(&self.client, grant, settings, person, *seconds).await.map_err(|refusal| {
                    let general = token_service_error(&refusal);
                    self.refused(&refusal, assume_role::meaning(&refusal, general))
                })
            }
        };
        answer?.and_then(known).ok_or_else(|| {
            log_error(TokenServiceError::Unavailable, None, None, &self.region);
            TokenServiceError::Unavailable
        })
    }

    fn refused<E>(&self, refusal: &SdkError<E>, error: TokenServiceError) -> TokenServiceError
    where
        SdkError<E>: ProvideErrorMetadata + RequestId,
    {
        log_error(error, refusal.code(), refusal.request_id(), &self.region);
        error
    }
}

/// AWS's message is not logged: it repeats values of the assertion.
fn log_error(error: TokenServiceError, aws_code: Option<&str>, aws_request_id: Option<&str>, region: &str) {
    tracing::warn!(
        code = error.code(),
        aws_code,
        aws_request_id,
        region,
        hint = error.hint(),
        "STS gave no credentials"
    );
}

/// The `DurationSeconds` to ask for: the grant's duration, no longer than the identity
/// provider's session where STS lets us say so.
fn seconds(
    granted: time::Duration,
    session_ends: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Result<i32, TokenServiceError> {
    let mut seconds = granted.whole_seconds();
    if let Some(ends) = session_ends {
        let left = (ends - now).whole_seconds();
        if left <= 0 {
            return Err(TokenServiceError::AssertionExpired);
        }
        seconds = seconds.min(left);
    }
    i32::try_from(seconds.clamp(SHORTEST_SECONDS, LONGEST_SECONDS)).map_err(|_| TokenServiceError::Refused)
}

fn known(credentials: aws_sdk_sts::types::Credentials) -> Option<Credentials> {
    Some(Credentials {
        expiration: OffsetDateTime::from_unix_timestamp(credentials.expiration.secs()).ok()?,
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.into(),
        session_token: credentials.session_token.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn the_duration_is_cut_to_the_session_but_never_below_what_sts_takes() {
        let ask = |granted, left: Option<i64>| {
            seconds(time::Duration::seconds(granted), left.map(|s| NOW + time::Duration::seconds(s)), NOW)
        };
        assert_eq!(ask(3_600, None), Ok(3_600));
        assert_eq!(ask(3_600, Some(36_000)), Ok(3_600));
        assert_eq!(ask(3_600, Some(1_200)), Ok(1_200));
        // STS cuts the rest itself.
        assert_eq!(ask(3_600, Some(60)), Ok(900));
        assert_eq!(ask(3_600, Some(0)), Err(TokenServiceError::AssertionExpired));
        assert_eq!(ask(3_600, Some(-1)), Err(TokenServiceError::AssertionExpired));
        assert_eq!(ask(100_000, None), Ok(43_200));
    }
}
