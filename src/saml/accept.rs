//! Accepting: the genuine assertion's conditions against us and the clock.

use time::Duration;

/// What an assertion must be addressed to.
#[derive(Debug, Clone)]
pub struct ServiceProvider {
    /// Our entity id, as metadata publishes it.
    pub entity_id: String,
    /// The Assertion Consumer Service: `public_url` + `/saml`.
    pub acs_url: String,
    /// Audiences accepted when the identity provider's own list is empty.
    pub audiences: Vec<String>,
    /// How far clocks may differ. Applied to both ends of every window.
    pub clock_skew: Duration,
}
