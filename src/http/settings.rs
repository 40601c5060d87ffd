//! The settings of the HTTP layer, finished and typed.

use crate::config::{JwtIn, Network, RulesHold, SignOn};
use std::collections::BTreeMap;
use std::time::Duration;

/// The settings of the HTTP layer.
pub struct HttpSettings {
    /// The address of this service: scheme and host, no trailing slash.
    pub public_url: String,
    /// The page that receives the ticket.
    pub redirect_url: String,
    /// Whether the redirect carries the ticket in its fragment or its query.
    pub jwt_in: JwtIn,
    /// Origins whose pages may read our answers; each `[[page]]` has one of its own.
    pub allowed_origins: Vec<String>,
    /// The address that pages sign a ping for, if a gateway checks it under another
    /// one than `public_url`.
    pub ping_url: Option<String>,
    /// Networks whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// The contact on refusal pages.
    pub contact: Option<String>,
    /// The names of AWS accounts, by their ids.
    pub accounts: BTreeMap<String, String>,
    /// The identity providers, as `/config.json` lists them for pages.
    pub sign_on: Vec<SignOn>,
    /// The region in the scope of a ping's signature.
    pub region: String,
    /// Whether the credentials are this service's own, of which AWS knows nothing.
    pub local_credentials: bool,
    /// Whether a person can have a role without the rules.
    pub rules_hold: RulesHold,
    /// The product's version.
    pub version: String,
    /// Our SP metadata (`saml::ServiceProviderMetadata`).
    pub service_provider_metadata: String,
    /// Requests handled at once; more are answered 503 `busy`.
    pub max_concurrent_requests: usize,
    /// Requests of one client in progress; more are answered 429 `too_many_requests`.
    pub max_requests_per_client: usize,
    /// Posts of one client a minute, and as many takes and starts; more are answered 429.
    pub max_posts_per_minute: usize,
    /// The time limit for receiving a request's body.
    pub request_timeout: Duration,
}

/// A setting with a value that an HTTP header cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} cannot stand in an HTTP header: {value:?}")]
pub struct SettingsError {
    /// The option's name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}
