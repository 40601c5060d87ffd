//! XML Signature as SAML profiles it (core 5.4), strictly.

use super::{Identity, IdentityProvider, Refusal, ResponseMessage, ServiceProvider};
use time::OffsetDateTime;

/// An assertion whose signature holds: only [`UnverifiedResponse::verify`]
/// makes one, and it reads only nodes inside the signed element, on the very
/// tree that was canonicalized.
///
/// [`UnverifiedResponse::verify`]: super::UnverifiedResponse::verify
pub struct VerifiedAssertion<'m, 'i> {
    message: &'m ResponseMessage,
    provider: &'i IdentityProvider,
    document: roxmltree::Document<'m>,
    assertion: roxmltree::NodeId,
}

impl<'i> VerifiedAssertion<'_, 'i> {
    /// The identity provider whose key made the signature.
    pub fn provider(&self) -> &'i IdentityProvider {
        self.provider
    }

    /// Is it meant for us, now, and who is it about? (accept.rs has the checks)
    ///
    /// # Errors
    /// An accepting or selecting [`Refusal`] (`NotSuccess` and below).
    pub fn accept(self, _service: &ServiceProvider, _now: OffsetDateTime) -> Result<Identity, Refusal> {
        todo!()
    }
}
