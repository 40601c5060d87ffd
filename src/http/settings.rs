//! What this layer is told by the configuration.

use crate::config::{JwtIn, Network, SignOn};
use std::time::Duration;

/// What this room needs to know, finished and typed.
pub struct HttpSettings {
    /// How the world names us: scheme and host, no trailing slash.
    pub public_url: String,
    /// The page that receives the ticket.
    pub redirect_url: String,
    /// Where in the redirect the ticket stands.
    pub jwt_in: JwtIn,
    /// Origins whose pages may read our answers.
    pub allowed_origins: Vec<String>,
    /// What pages sign a ping for, where whoever checks it knows itself by another
    /// name than `public_url`: a gateway.
    pub ping_url: Option<String>,
    /// Networks whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// Whom a refused person should ask.
    pub contact: Option<String>,
    /// How pages send people to the identity providers.
    pub sign_on: Vec<SignOn>,
    /// The region that signatures of the ping must name.
    pub region: String,
    /// The product's version.
    pub version: String,
    /// Our SP metadata (`saml::ServiceProviderMetadata`).
    pub service_provider_metadata: String,
    /// Requests worked on at once; more are answered 503 `busy`.
    pub max_concurrent_requests: usize,
    /// How long a client may take to send its request's body.
    pub request_timeout: Duration,
}

/// A setting that cannot stand in an HTTP header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} cannot stand in an HTTP header: {value:?}")]
pub struct SettingsError {
    /// The option's name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}
