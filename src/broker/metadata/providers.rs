//! The identity providers of the moment.

use crate::saml::{IdentityProviders, IdpMetadata};
use std::sync::{Arc, PoisonError, RwLock};

/// The identity providers of the moment. A login takes them once, and goes by
/// the same to its end. All clones renew the same ones.
#[derive(Clone)]
pub struct CurrentProviders(Arc<RwLock<Arc<IdentityProviders>>>);

impl From<IdentityProviders> for CurrentProviders {
    fn from(providers: IdentityProviders) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(providers))))
    }
}

impl CurrentProviders {
    /// A snapshot, which later renewals do not change.
    pub fn current(&self) -> Arc<IdentityProviders> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces what is known of one identity provider by its metadata
    /// ([`IdentityProviders::renewed`]).
    ///
    /// # Errors
    /// A sentence; nothing has changed then.
    pub fn renew(&self, idp: &str, metadata: IdpMetadata) -> Result<(), String> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(current.renewed(idp, metadata)?);
        Ok(())
    }
}
