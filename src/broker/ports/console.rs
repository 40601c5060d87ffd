//! Signing in to the AWS console with credentials.

use crate::broker::credentials::Credentials;
use crate::broker::refusal::ConsoleError;
use async_trait::async_trait;
use secrecy::SecretString;

/// Exchanges credentials for the address by which a browser is signed in to the AWS
/// console: AWS's federation endpoint, one for each partition.
#[async_trait]
pub trait ConsoleSignIn: Send + Sync {
    /// The address, which signs in whoever opens it first, to `destination`. The session
    /// lasts as long as the credentials.
    ///
    /// # Errors
    /// [`ConsoleError`]; then no address is known to anybody.
    async fn sign_in(
        &self,
        credentials: &Credentials,
        partition: &str,
        destination: &str,
    ) -> Result<SecretString, ConsoleError>;
}
