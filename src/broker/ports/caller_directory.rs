//! The callers that sign requests with delivered credentials.

use async_trait::async_trait;
use time::OffsetDateTime;

/// Finds the caller of a request that is signed with delivered credentials (the ping).
#[async_trait]
pub trait CallerDirectory: Send + Sync {
    /// The secret that this access key signs with, if key and session token
    /// belong together and have not expired, and if its policies allow the
    /// action; `None` otherwise.
    async fn caller(&self, access_key_id: &str, session_token: &str, now: OffsetDateTime) -> Option<Caller>;
}

/// A caller, authenticated only if the signature made with its secret is right.
pub struct Caller {
    /// The secret access key.
    pub secret_access_key: secrecy::SecretString,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`
    pub assumed_role_arn: String,
    /// Whether the session's policies allow the ping (`execute-api:Invoke`).
    pub ping_allowed: bool,
}
