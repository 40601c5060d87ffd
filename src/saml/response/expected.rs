//! What a response is checked against: ourselves, and the request it answers.

use crate::saml::authn_request::SentAuthnRequest;
use crate::saml::xmlenc::keys::DecryptionKeys;
use time::{Duration, OffsetDateTime};

/// Ourselves: what an assertion must be addressed to, and our limits.
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
    /// The keys that identity providers encrypt for.
    pub decryption_keys: DecryptionKeys,
    /// How long ago an assertion may have been issued, skew aside. `None`: only
    /// its own validity counts. Someone with a stolen identity provider key
    /// (Golden SAML) can sign any validity; this and the next are our own limits.
    pub max_assertion_age: Option<Duration>,
    /// The longest validity of an assertion, counted from its `IssueInstant`. AD FS
    /// sets 60 minutes.
    pub max_assertion_lifetime: Option<Duration>,
    /// For how long a request of ours may be answered: the time to sign in.
    pub request_lifetime: Duration,
}

impl ServiceProvider {
    /// The instant from which on a request of ours may not be answered, skew aside.
    pub(super) fn request_not_on_or_after(&self, issued_at: OffsetDateTime) -> OffsetDateTime {
        issued_at.saturating_add(self.request_lifetime)
    }
}

/// What a response may answer. The caller has looked up
/// [`in_response_to`](super::verify::VerifiedAssertion::in_response_to).
#[derive(Debug, Clone, Copy)]
pub enum Expected<'e> {
    /// The response names no request, or none that we know.
    Unsolicited,
    /// This request, which was made for the session that is signing in.
    InResponseTo(&'e SentAuthnRequest),
}
