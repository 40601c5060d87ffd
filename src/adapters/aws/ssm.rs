//! The Parameter Store of AWS Systems Manager: configured values, decrypted, at start.

use super::error::innermost;
use super::sdk::Sdk;
use crate::config::{ParameterError, ParameterSource, Parameters};
use async_trait::async_trait;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::config::retry::RetryConfig;
use aws_sdk_ssm::config::timeout::TimeoutConfig;
use aws_sdk_ssm::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_ssm::operation::get_parameters::GetParametersError;
use std::time::Duration;

/// The most names in one call (API reference, `GetParameters`).
const MAX_NAMES: usize = 10;

/// How long one call may take in all. A start waits for it; better a clear
/// fault soon than a supervisor's timeout.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The most characters of a transport error that are repeated.
const MAX_REASON_CHARS: usize = 400;

/// The Parameter Store of one region.
pub struct ParameterStore(Client);

impl ParameterStore {
    /// Nothing is asked yet.
    pub async fn open(sdk: &Sdk, region: &str) -> Self {
        let config = aws_sdk_ssm::config::Builder::from(&sdk.at(region, None).await)
            .retry_config(RetryConfig::standard().with_max_attempts(3))
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(TIMEOUT / 3)
                    .operation_timeout(TIMEOUT)
                    .build(),
            )
            .build();
        Self(Client::from_conf(config))
    }

    /// One call. `GetParameters` also for one name: then one action is all that
    /// the role needs.
    async fn get(&self, names: &[String]) -> Result<Parameters, ParameterError> {
        let answer = self
            .0
            .get_parameters()
            .set_names(Some(names.to_vec()))
            .with_decryption(true)
            .send()
            .await
            .map_err(|error| parameter_error(&error))?;
        let mut found: Parameters =
            names.iter().map(|name| (name.clone(), Err(ParameterError::NotFound))).collect();
        for parameter in answer.parameters.unwrap_or_default() {
            if let (Some(name), Some(value)) = (parameter.name, parameter.value) {
                found.insert(name, Ok(value));
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl ParameterSource for ParameterStore {
    async fn fetch(&self, names: &[String]) -> Parameters {
        let mut found = Parameters::new();
        for batch in names.chunks(MAX_NAMES) {
            match self.get(batch).await {
                Ok(parameters) => found.extend(parameters),
                // One forbidden name fails the whole call: ask for each, to find out which.
                Err(ParameterError::Denied | ParameterError::KeyDenied) if batch.len() > 1 => {
                    for name in batch {
                        let one = self.get(std::slice::from_ref(name)).await;
                        found.extend(one.unwrap_or_else(|error| [(name.clone(), Err(error))].into()));
                    }
                }
                Err(error) => {
                    found.extend(batch.iter().map(|name| (name.clone(), Err(error.clone()))));
                }
            }
        }
        found
    }
}

/// A missing permission on the parameter and one on its key come back under the
/// same code; KMS's speaks of itself.
fn parameter_error(error: &SdkError<GetParametersError>) -> ParameterError {
    let message = error.message().unwrap_or_default();
    match error.code() {
        Some("InvalidKeyId") => ParameterError::KeyDenied,
        Some("AccessDeniedException" | "AccessDenied") => {
            let of_kms = ["kms:", "KMS", "customer master key", "ciphertext"]
                .iter()
                .any(|word| message.contains(word));
            if of_kms { ParameterError::KeyDenied } else { ParameterError::Denied }
        }
        _ => {
            let reason = match error.code() {
                Some(_) => DisplayErrorContext(error).to_string(),
                None => innermost(error),
            };
            ParameterError::Unavailable(reason.chars().take(MAX_REASON_CHARS).collect())
        }
    }
}
