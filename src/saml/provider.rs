//! The identity providers we believe, and the keys each is believed by.

use super::Selectors;

/// A public key that may sign for one issuer.
pub struct VerificationKey {}

/// A certificate or key that cannot be used for verification.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not an X.509 certificate.
    #[error("not an X.509 certificate")]
    NotACertificate,
    /// Neither RSA (2,048 to 8,192 bits) nor ECDSA on P-256 or P-384.
    #[error("the key is neither RSA of 2,048 to 8,192 bits nor ECDSA on P-256 or P-384")]
    UnsupportedKey,
}

impl VerificationKey {
    /// The public key of a DER certificate. Its own validity period and
    /// issuer do not matter: metadata is what makes it believed (metadata 2.4.1.1).
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_certificate(_der: &[u8]) -> Result<Self, KeyError> {
        todo!()
    }
}

/// One identity provider as configured.
pub struct IdentityProvider {
    /// The operator's name for it.
    pub name: String,
    /// Its entity id: the issuer of its assertions.
    pub entity_id: String,
    /// Its signing keys, all of them tried. Never empty ([`IdentityProviders::new`]).
    pub keys: Vec<VerificationKey>,
    /// Audiences its assertions may name; empty: the service provider's.
    pub audiences: Vec<String>,
    /// Whether it may start a login (a response without `InResponseTo`).
    pub idp_initiated: bool,
    /// Literal `InResponseTo` values that mean "unsolicited" at this identity
    /// provider (pysaml2-based ones send `IdP_Initiated_Login`).
    pub in_response_to_literals: Vec<String>,
    /// Where its assertions hold the values.
    pub selectors: Selectors,
}

/// All configured identity providers, by issuer.
pub struct IdentityProviders(Vec<IdentityProvider>);

impl IdentityProviders {
    /// # Errors
    /// A sentence when a provider has no key, or two have one name or issuer.
    pub fn new(providers: Vec<IdentityProvider>) -> Result<Self, String> {
        Ok(Self(providers))
    }
    /// The provider of this issuer.
    pub fn by_issuer(&self, entity_id: &str) -> Option<&IdentityProvider> {
        self.0.iter().find(|p| p.entity_id == entity_id)
    }
    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &IdentityProvider> {
        self.0.iter()
    }
}
