//! Metadata: identity providers' is read, ours is written (SAML metadata 2.0).

use super::VerificationKey;
use time::OffsetDateTime;

/// What we take from an identity provider's metadata.
pub struct IdpMetadata {
    /// `EntityDescriptor/@entityID`.
    pub entity_id: String,
    /// Keys with `use="signing"` or without `use`, in document order. Never empty.
    pub signing_keys: Vec<VerificationKey>,
    /// `SingleSignOnService` elements, in document order.
    pub sign_on_services: Vec<SignOnService>,
    /// `validUntil`, the earliest on the way to the descriptor.
    pub valid_until: Option<OffsetDateTime>,
}

/// One `SingleSignOnService`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOnService {
    /// The binding's URI.
    pub binding: String,
    /// Where to send the browser.
    pub location: String,
}

/// Why a metadata document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Not UTF-8, not well-formed, or with a DOCTYPE.
    #[error("not a well-formed XML document: {0}")]
    NotXml(String),
    /// The root is not an EntityDescriptor or EntitiesDescriptor.
    #[error("not SAML metadata: the root element is not EntityDescriptor or EntitiesDescriptor")]
    NotMetadata,
    /// No (or not exactly one) entity with an IDPSSODescriptor for SAML 2.0.
    #[error("no identity provider in it")]
    NoIdentityProvider,
    /// Several identity providers, and none was named.
    #[error("several identity providers in it; name one with entity_id")]
    SeveralIdentityProviders,
    /// No usable signing key: nothing could ever be verified.
    #[error("no usable signing key for {0}")]
    NoSigningKey(String),
}

impl IdpMetadata {
    /// Reads one identity provider (`entity_id` chooses where there are several).
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn parse(_xml: &[u8], _entity_id: Option<&str>) -> Result<Self, MetadataError> {
        todo!()
    }
}

/// Our own SP metadata: entity id, ACS with HTTP-POST binding, `WantAssertionsSigned`.
pub fn service_provider_metadata(_entity_id: &str, _acs_url: &str) -> String {
    todo!()
}
