//! The source of credentials: AWS STS, or a local stand-in.

use crate::broker::credentials::Credentials;
use crate::broker::token_service_error::TokenServiceError;
use crate::roles::Grant;
use async_trait::async_trait;
use time::OffsetDateTime;

/// Gives credentials for a decision. AWS STS, or a local stand-in.
#[async_trait]
pub trait TokenService: Send + Sync {
    /// Credentials for exactly the grant's role, valid for its duration at
    /// most, never past the identity provider's `SessionNotOnOrAfter`, scoped
    /// down by its policies.
    ///
    /// # Errors
    /// [`TokenServiceError`]; then no credentials exist, or none are known.
    async fn assume_role(&self, grant: &Grant, now: OffsetDateTime)
    -> Result<Credentials, TokenServiceError>;
}
