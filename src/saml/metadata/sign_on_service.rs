//! Where, and by which binding, requests are sent to an identity provider.

/// The binding that a browser posts a form by (bindings 3.5).
pub const HTTP_POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// The binding that an address carries (bindings 3.4).
pub const HTTP_REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// One `SingleSignOnService`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOnService {
    /// The binding's URI.
    pub binding: String,
    /// Where to send the browser.
    pub location: String,
}

/// Whether one of them has a binding that a browser can carry a request by.
pub(in crate::saml) fn takes_requests(services: &[SignOnService]) -> bool {
    services.iter().any(|service| service.binding == HTTP_REDIRECT || service.binding == HTTP_POST)
}
