//! The identity providers that are trusted, and their keys.

use super::authn_request::RequestedAuthn;
use super::dsig::key::VerificationKey;
use super::metadata::idp::{IdpMetadata, Validity};
use super::metadata::sign_on_service::{SignOnService, takes_requests};
use super::select::selectors::Selectors;

/// One identity provider: as configured, with the keys of its metadata.
#[derive(Clone)]
pub struct IdentityProvider {
    /// The operator's name for it.
    pub name: String,
    /// Its entity id: the issuer of its assertions.
    pub entity_id: String,
    /// Its signing keys, all of them tried. Never empty ([`IdentityProviders::new`]).
    pub keys: Vec<VerificationKey>,
    /// For how long the keys are trusted.
    pub validity: Validity,
    /// Audiences that its assertions may name. Empty: the service provider's.
    pub audiences: Vec<String>,
    /// Whether it may start a login (a response without `InResponseTo`).
    pub idp_initiated: bool,
    /// Literal `InResponseTo` values that mean "unsolicited" at this identity
    /// provider (pysaml2-based ones send `IdP_Initiated_Login`).
    pub in_response_to_literals: Vec<String>,
    /// What our requests ask of it, and its responses must then fulfil.
    pub requested_authn: RequestedAuthn,
    /// Where our requests may be sent, according to its metadata.
    pub sign_on_services: Vec<SignOnService>,
    /// Whether our requests to it are signed.
    pub sign_requests: bool,
    /// The `NameIDPolicy/@Format` that our requests ask for.
    pub name_id_format: Option<String>,
    /// Where its assertions have the values.
    pub selectors: Selectors,
}

/// All configured identity providers, by issuer.
#[derive(Clone)]
pub struct IdentityProviders {
    providers: Vec<IdentityProvider>,
    /// Fingerprints of keys that are never trusted, even if metadata lists them later.
    denied: Vec<String>,
}

impl IdentityProvider {
    /// Whether it takes requests of ours, so that logins may start here.
    pub fn takes_requests(&self) -> bool {
        takes_requests(&self.sign_on_services)
    }
}

impl IdentityProviders {
    /// Removes the denied keys: stolen ones, which metadata may continue to list
    /// for a while. Each is named by the SHA-256 of its certificate
    /// ([`VerificationKey::fingerprint`]) or, better, of the key itself
    /// ([`VerificationKey::key_fingerprint`]), which a new certificate does not
    /// change: 64 hexadecimal digits, with colons and spaces between them or not.
    ///
    /// # Errors
    /// A sentence when an entry is no SHA-256, or as [`new`](Self::new), also
    /// where a provider has no other key.
    pub fn without_keys(providers: Vec<IdentityProvider>, denied: &[String]) -> Result<Self, String> {
        let denied = denied.iter().map(|text| Self::fingerprint(text)).collect::<Result<Vec<_>, _>>()?;
        Self { providers, denied }.checked()
    }

    /// Returns the providers with one of them as its new metadata describes it.
    /// Configured values stay, and so do its entity id and the denied keys.
    ///
    /// # Errors
    /// A sentence when it is another provider's metadata, or as
    /// [`without_keys`](Self::without_keys).
    pub fn renewed(&self, name: &str, metadata: IdpMetadata) -> Result<Self, String> {
        let mut renewed = self.clone();
        let provider = renewed.providers.iter_mut().find(|provider| provider.name == name);
        let provider = provider.ok_or_else(|| format!("no identity provider is named {name}"))?;
        if provider.entity_id != metadata.entity_id {
            return Err(format!("the metadata is that of {}, another identity provider", metadata.entity_id));
        }
        provider.validity = metadata.validity();
        provider.keys = metadata.signing_keys;
        provider.sign_on_services = metadata.sign_on_services;
        renewed.checked()
    }

    fn checked(mut self) -> Result<Self, String> {
        let denied = self.denied;
        let is_denied = |key: &VerificationKey| {
            denied.iter().any(|print| print == key.fingerprint() || print == key.key_fingerprint())
        };
        for provider in &mut self.providers {
            let before = provider.keys.len();
            provider.keys.retain(|key| !is_denied(key));
            if provider.keys.is_empty() && before > 0 {
                return Err(format!("identity provider {} has no key that is not denied", provider.name));
            }
        }
        Ok(Self { denied, ..Self::new(self.providers)? })
    }

    /// Takes the providers as they are configured.
    ///
    /// # Errors
    /// A sentence when a provider has no key, or two have the same name or issuer.
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
        Ok(Self { providers, denied: Vec::new() })
    }

    /// Turns a SHA-256 as people write it (colons, spaces, capitals) into the form
    /// of our fingerprints.
    ///
    /// # Errors
    /// A sentence when it is not a SHA-256.
    pub fn fingerprint(text: &str) -> Result<String, String> {
        let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
        if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(digits.to_ascii_lowercase())
        } else {
            Err(format!("{text:?} is not the SHA-256 of a certificate or key: 64 hexadecimal digits"))
        }
    }

    /// The provider of this issuer.
    pub fn by_issuer(&self, entity_id: &str) -> Option<&IdentityProvider> {
        self.providers.iter().find(|p| p.entity_id == entity_id)
    }
    /// The provider with this configured name.
    pub fn by_name(&self, name: &str) -> Option<&IdentityProvider> {
        self.providers.iter().find(|p| p.name == name)
    }
    /// All of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &IdentityProvider> {
        self.providers.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::metadata::sign_on_service::HTTP_POST;
    use crate::saml::testing::{EC, ISSUER, RSA, provider};
    use time::OffsetDateTime;

    fn metadata(entity_id: &str, signing_keys: Vec<VerificationKey>) -> IdpMetadata {
        IdpMetadata {
            entity_id: entity_id.to_owned(),
            signing_keys,
            sign_on_services: Vec::new(),
            want_authn_requests_signed: true,
            valid_until: None,
            cache_duration: None,
        }
    }

    #[test]
    fn metadata_renews_the_keys_and_nothing_that_is_configured() {
        let configured = IdentityProvider {
            audiences: vec!["urn:ours".to_owned()],
            idp_initiated: false,
            ..provider(vec![EC.key()])
        };
        let other = IdentityProvider {
            name: "other".to_owned(),
            entity_id: "urn:other".to_owned(),
            ..provider(vec![EC.key()])
        };
        let before = IdentityProviders::new(vec![configured, other]).unwrap();
        let after = before.renewed("ADFS", metadata(ISSUER, vec![EC.key(), RSA.key()])).unwrap();
        let counts =
            |providers: &IdentityProviders| providers.iter().map(|p| p.keys.len()).collect::<Vec<_>>();
        assert_eq!((counts(&before), counts(&after)), (vec![1, 1], vec![2, 1]));
        let renewed = after.by_issuer(ISSUER).unwrap();
        assert!(renewed.audiences == ["urn:ours"] && !renewed.idp_initiated);
        let ends = OffsetDateTime::UNIX_EPOCH;
        let ending = IdpMetadata { valid_until: Some(ends), ..metadata(ISSUER, vec![RSA.key()]) };
        let ending = before.renewed("ADFS", ending).unwrap();
        assert_eq!(ending.by_issuer(ISSUER).unwrap().validity.until, Some(ends));

        assert!(before.renewed("ADFS", metadata("urn:other", vec![RSA.key()])).is_err());
        assert!(before.renewed("nobody", metadata(ISSUER, vec![RSA.key()])).is_err());
        assert!(before.renewed("ADFS", metadata(ISSUER, vec![])).is_err());
    }

    #[test]
    fn logins_start_here_where_a_browser_can_carry_the_request() {
        let post = SignOnService { binding: HTTP_POST.to_owned(), location: "https://idp/".to_owned() };
        let open = IdentityProvider { sign_on_services: vec![post], ..provider(vec![EC.key()]) };
        let providers = IdentityProviders::new(vec![open]).unwrap();
        assert!(providers.by_name("ADFS").is_some_and(IdentityProvider::takes_requests));
        assert!(providers.by_name("adfs").is_none());
        assert!(!provider(vec![EC.key()]).takes_requests());
    }

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

    #[test]
    fn a_stolen_key_is_not_trusted_in_any_certificate() {
        let stolen = EC.key();
        let pair = rcgen::KeyPair::generate().unwrap();
        let again =
            || rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&pair).unwrap().der().to_vec();
        let (one, other) = (again(), again());
        let keys = || {
            let certified = [&one, &other].map(|der| VerificationKey::from_certificate(der).unwrap());
            let mut keys = vec![EC.key(), RSA.key()];
            keys.extend(certified);
            keys
        };
        let left = |denied: &[String]| {
            let providers = IdentityProviders::without_keys(vec![provider(keys())], denied).unwrap();
            providers.iter().map(|p| p.keys.len()).sum::<usize>()
        };
        let colons = |print: &str| {
            let pairs: Vec<_> = print.as_bytes().chunks(2).map(|b| std::str::from_utf8(b).unwrap()).collect();
            pairs.join(":").to_uppercase()
        };
        let [_, _, first, _] = &*keys() else { unreachable!() };
        assert_ne!(first.fingerprint(), first.key_fingerprint());
        assert_eq!(left(&[]), 4);
        assert_eq!(left(&[colons(stolen.fingerprint())]), 3);
        assert_eq!(left(&[first.fingerprint().to_owned()]), 3);
        assert_eq!(left(&[first.key_fingerprint().to_owned()]), 2);

        // And neither do they come back with the next metadata.
        let denied = [stolen.fingerprint().to_owned()];
        let providers = IdentityProviders::without_keys(vec![provider(keys())], &denied).unwrap();
        let renewed = |keys| providers.renewed("ADFS", metadata(ISSUER, keys));
        assert_eq!(
            renewed(vec![RSA.key(), EC.key()]).unwrap().iter().map(|p| p.keys.len()).sum::<usize>(),
            1
        );
        assert!(renewed(vec![EC.key()]).is_err());

        let only = || vec![provider(vec![EC.key()])];
        let denied = &[stolen.fingerprint().to_owned()];
        let why = |providers| IdentityProviders::without_keys(providers, denied).err().unwrap();
        assert_eq!(why(only()), "identity provider ADFS has no key that is not denied");
        assert!(why(vec![provider(vec![])]).contains("has no signing key"));
        for nonsense in ["", "AB:CD", &"g".repeat(64), &"a".repeat(40)] {
            assert!(IdentityProviders::without_keys(only(), &[nonsense.to_owned()]).is_err(), "{nonsense}");
        }
    }
}
