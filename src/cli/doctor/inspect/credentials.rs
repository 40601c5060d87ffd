//! Whether the SDK finds credentials.

use super::error::innermost;
use crate::adapters::aws::Sdk;
use aws_sdk_sts::config::ProvideCredentials;

/// Whether there are credentials to sign with.
///
/// # Errors
/// The SDK's reason, in one line.
pub(crate) async fn credentials(sdk: &Sdk, region: &str) -> Result<(), String> {
    let provider = sdk.at(region, None).await.credentials_provider();
    let provider = provider.ok_or_else(|| "the SDK knows no way to any".to_owned())?;
    provider.provide_credentials().await.map(|_| ()).map_err(|e| innermost(&e))
}
