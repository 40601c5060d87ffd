//! The identity providers we believe, and the keys each is believed by.

use super::{Selectors, VerificationKey};

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
        for (index, provider) in providers.iter().enumerate() {
            let IdentityProvider { name, entity_id, .. } = provider;
            if provider.keys.is_empty() {
                return Err(format!(
                    "identity provider {name} has no signing key, so nothing of it could be verified"
                ));
            }
            if entity_id.is_empty() {
                return Err(format!("identity provider {name} has no entity id"));
            }
            for earlier in providers.iter().take(index) {
                if earlier.name == *name {
                    return Err(format!("two identity providers are named {name}"));
                }
                if earlier.entity_id == *entity_id {
                    let other = &earlier.name;
                    return Err(format!(
                        "identity providers {other} and {name} have one entity id, {entity_id}"
                    ));
                }
            }
        }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::saml::testing::{EC, provider};

    #[test]
    fn providers_without_keys_or_with_shared_names_are_refused() {
        let named = |name: &str, entity_id: &str| IdentityProvider {
            name: name.to_owned(),
            entity_id: entity_id.to_owned(),
            ..provider(vec![EC.key()])
        };
        assert!(IdentityProviders::new(vec![provider(vec![])]).is_err());
        assert!(IdentityProviders::new(vec![named("a", "")]).is_err());
        assert!(IdentityProviders::new(vec![named("a", "urn:1"), named("a", "urn:2")]).is_err());
        assert!(IdentityProviders::new(vec![named("a", "urn:1"), named("b", "urn:1")]).is_err());

        let providers = IdentityProviders::new(vec![named("a", "urn:1"), named("b", "urn:2")]).unwrap();
        assert_eq!(providers.by_issuer("urn:2").map(|p| p.name.as_str()), Some("b"));
        assert!(providers.by_issuer("urn:3").is_none());
        assert_eq!(providers.iter().count(), 2);
    }
}
