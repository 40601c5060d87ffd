//! The users who have signed in so far.

use super::session_store::StoreUnavailable;
use crate::broker::audit::AuditEvent;
use async_trait::async_trait;

/// Who has signed in so far; can be rebuilt from the audit trail.
#[async_trait]
pub trait UserDirectory: Send + Sync {
    /// Brings the row of `idp#NameID` up to date with a `login.issued` event.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn signed_in(&self, event: &AuditEvent) -> Result<(), StoreUnavailable>;
}
