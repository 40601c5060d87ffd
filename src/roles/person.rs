//! Whom the rules are asked about: who signed in, or somebody made up.

use super::arn::RoleArn;
use crate::saml::Identity;
use std::collections::BTreeMap;
use time::Duration;

/// What a login is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Use {
    /// Credentials for a page.
    #[default]
    Page,
    /// Credentials for a shell.
    Shell,
    /// A sign-in to the AWS console.
    Console,
}

impl Use {
    /// With the words of the configuration.
    pub const ALL: [(&str, Self); 3] =
        [("page", Self::Page), ("shell", Self::Shell), ("console", Self::Console)];

    /// The word of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Shell => "shell",
            Self::Console => "console",
        }
    }
}

/// The name of the page that the service has itself, where every login begins that does not
/// say where.
pub const BUILT_IN_PAGE: &str = "built-in";

/// What a login is judged by, beside the person.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'c> {
    /// The page at which it began.
    pub page: &'c str,
    /// What it is for.
    pub for_use: Use,
}

impl Default for Circumstances<'_> {
    fn default() -> Self {
        Self { page: BUILT_IN_PAGE, for_use: Use::Page }
    }
}

/// What the rules look at.
#[derive(Clone, Copy)]
pub(super) struct Person<'p> {
    pub(super) idp: &'p str,
    pub(super) name_id: &'p str,
    /// `role,provider` in either order, unchecked.
    pub(super) roles: &'p [String],
    pub(super) values: &'p BTreeMap<String, Vec<String>>,
    pub(super) authn_context: Option<&'p str>,
    pub(super) authn_age: Duration,
    pub(super) for_use: Use,
    pub(super) page: &'p str,
}

/// Somebody made up, to ask the rules about. It is no [`Identity`]: nobody has signed in,
/// and what the rules answer is no [`Grant`](super::Grant).
#[derive(Debug, Clone, Default)]
pub struct MadeUpPerson {
    /// The configured name of the identity provider.
    pub idp: String,
    /// The subject's NameID.
    pub name_id: String,
    /// The roles that the identity provider offers, each with the SAML provider of its account.
    pub roles: Vec<RoleArn>,
    /// Further selected values.
    pub values: BTreeMap<String, Vec<String>>,
    /// The AuthnContextClassRef.
    pub authn_context: Option<String>,
    /// How long ago the person signed in there.
    pub authn_age: Duration,
    /// What the credentials are for.
    pub for_use: Use,
    /// The page at which the login began; the built-in one, if there is none.
    pub page: Option<String>,
}

impl Person<'_> {
    /// A further selected value; empty if absent.
    pub(super) fn values(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
}

impl<'p> Person<'p> {
    pub(super) fn under(self, circumstances: Circumstances<'p>) -> Self {
        let Circumstances { page, for_use } = circumstances;
        Self { page, for_use, ..self }
    }
}

/// Under the circumstances of most logins.
impl<'p> From<&'p Identity> for Person<'p> {
    fn from(identity: &'p Identity) -> Self {
        Self {
            idp: identity.idp(),
            name_id: identity.name_id(),
            roles: identity.roles(),
            values: identity.all_values(),
            authn_context: identity.authn_context(),
            authn_age: identity.authn_age(),
            for_use: Use::Page,
            page: BUILT_IN_PAGE,
        }
    }
}
