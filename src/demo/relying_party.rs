//! The application that the look-alike knows.

/// The application that the look-alike knows: AD FS's "relying party trust".
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// Its identifier, the audience of assertions (`urn:amazon:webservices`).
    pub id: String,
    /// Where responses are posted to.
    pub acs_url: String,
    /// Where people find it, for those who came to the sign-on page without it.
    pub home_url: String,
}
