//! Whom the rules are asked about: who signed in, or somebody made up.

use super::arn::RoleArn;
use crate::saml::Identity;
use std::collections::BTreeMap;

/// What the rules look at.
pub(super) struct Person<'p> {
    pub(super) idp: &'p str,
    pub(super) name_id: &'p str,
    /// `role,provider` in either order, unchecked.
    pub(super) roles: &'p [String],
    pub(super) values: &'p BTreeMap<String, Vec<String>>,
    pub(super) authn_context: Option<&'p str>,
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
}

impl Person<'_> {
    /// A further selected value; empty if absent.
    pub(super) fn values(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }
}

impl<'p> From<&'p Identity> for Person<'p> {
    fn from(identity: &'p Identity) -> Self {
        Self {
            idp: identity.idp(),
            name_id: identity.name_id(),
            roles: identity.roles(),
            values: identity.all_values(),
            authn_context: identity.authn_context(),
        }
    }
}
