//! What a response is held against: ourselves, and the request that it answers.

use crate::saml::authn_request::SentAuthnRequest;
use crate::saml::xmlenc::keys::DecryptionKeys;
use time::{Duration, OffsetDateTime};

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
    /// What identity providers encrypt for.
    pub decryption_keys: DecryptionKeys,
    /// How long ago an assertion may have been issued, skew aside. `None`: as
    /// long as it says it is valid. A stolen identity provider key (Golden SAML)
    /// signs for as long as it likes; this and the next are our own limits.
    pub max_assertion_age: Option<Duration>,
    /// From its issue, for how long an assertion may say it is valid. AD FS
    /// says 60 minutes.
    pub max_assertion_lifetime: Option<Duration>,
    /// For how long a request of ours may be answered: a person's time to sign in.
    pub request_lifetime: Duration,
}

impl ServiceProvider {
    /// From when on a request of ours is not answered any more, skew aside.
    pub(super) fn request_not_on_or_after(&self, issued_at: OffsetDateTime) -> OffsetDateTime {
        issued_at.saturating_add(self.request_lifetime)
    }
}

/// What a response may be an answer to. Whoever accepts one has looked
/// [`in_response_to`](super::verify::VerifiedAssertion::in_response_to) up.
#[derive(Debug, Clone, Copy)]
pub enum Expected<'e> {
    /// No request of ours is known by that name, or none was named.
    Unsolicited,
    /// This request, which was made for the very session that is signing in.
    InResponseTo(&'e SentAuthnRequest),
}
