//! The addresses and bindings that an identity provider takes requests at.

/// The binding that uses a posted form (bindings 3.5).
pub const HTTP_POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// The binding that uses a URL query (bindings 3.4).
pub const HTTP_REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";

/// One `SingleSignOnService`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOnService {
    /// The binding's URI.
    pub binding: String,
    /// The URL that the browser is sent to.
    pub location: String,
}

/// Whether one of them has a binding for browsers.
pub(in crate::saml) fn takes_requests(services: &[SignOnService]) -> bool {
    services.iter().any(|service| service.binding == HTTP_REDIRECT || service.binding == HTTP_POST)
}
