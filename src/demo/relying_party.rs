//! The application that the look-alike knows.

/// The application that the look-alike knows: AD FS's "relying party trust".
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// Its identifier, the audience of assertions (`urn:amazon:webservices`).
    pub id: String,
    /// Where responses are posted to.
    pub acs_url: String,
    /// Its home page, for people who open the sign-on page directly.
    pub home_url: String,
}
