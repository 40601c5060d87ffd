//! Selecting: which values an assertion was made for, and where it has them.

use super::selector::{attribute_values, path};
use super::{Refusal, Selector};
use roxmltree::Node;
use std::collections::BTreeMap;

/// The selectors of one identity provider. The defaults are AD FS's and AWS's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selectors {
    /// `Subject/NameID`
    pub name_id: Selector,
    /// `AttributeStatement/Attribute[@Name='https://aws.amazon.com/SAML/Attributes/Role']/AttributeValue`
    pub roles: Selector,
    /// `AttributeStatement/Attribute[@Name='https://aws.amazon.com/SAML/Attributes/RoleSessionName']/AttributeValue`
    pub role_session_name: Selector,
    /// `AuthnStatement/AuthnContext/AuthnContextClassRef`
    pub authn_context: Selector,
    /// `AuthnStatement/@SessionIndex`
    pub session_index: Selector,
    /// More values, by the name that rules and audit use.
    pub more: BTreeMap<String, Selector>,
}

impl Default for Selectors {
    fn default() -> Self {
        Self {
            name_id: path(&["Subject", "NameID"]),
            roles: attribute_values("https://aws.amazon.com/SAML/Attributes/Role"),
            role_session_name: attribute_values("https://aws.amazon.com/SAML/Attributes/RoleSessionName"),
            authn_context: path(&["AuthnStatement", "AuthnContext", "AuthnContextClassRef"]),
            session_index: path(&["AuthnStatement"]).attribute("SessionIndex"),
            more: BTreeMap::new(),
        }
    }
}

/// What the selectors found in one assertion.
pub(super) struct Selected {
    pub(super) name_id: String,
    pub(super) roles: Vec<String>,
    pub(super) role_session_name: String,
    pub(super) authn_context: Option<String>,
    pub(super) session_index: Option<String>,
    pub(super) more: BTreeMap<String, Vec<String>>,
}

impl Selectors {
    /// Reads every value from an assertion. Roles may be none (the rules say so).
    pub(super) fn read(&self, assertion: Node<'_, '_>) -> Result<Selected, Refusal> {
        let one = |selector: &Selector| Ok(selector.value(assertion)?.map(str::to_owned));
        let all =
            |selector: &Selector| Ok(selector.values(assertion)?.into_iter().map(str::to_owned).collect());
        Ok(Selected {
            name_id: one(&self.name_id)?.ok_or(Refusal::NoNameId)?,
            roles: all(&self.roles)?,
            role_session_name: one(&self.role_session_name)?.ok_or(Refusal::NoRoleSessionName)?,
            authn_context: one(&self.authn_context)?,
            session_index: one(&self.session_index)?,
            more: self
                .more
                .iter()
                .map(|(name, s)| Ok((name.clone(), all(s)?)))
                .collect::<Result<_, Refusal>>()?,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_what_their_documentation_says() {
        let defaults = Selectors::default();
        let role = "AttributeStatement/Attribute[@Name='https://aws.amazon.com/SAML/Attributes/Role']/AttributeValue";
        for (selector, text) in [
            (&defaults.name_id, "Subject/NameID"),
            (&defaults.roles, role),
            (&defaults.role_session_name, &*role.replace("/Role'", "/RoleSessionName'")),
            (&defaults.authn_context, "AuthnStatement/AuthnContext/AuthnContextClassRef"),
            (&defaults.session_index, "AuthnStatement/@SessionIndex"),
        ] {
            assert_eq!(selector, &Selector::compile(text).unwrap());
            assert_eq!(selector.to_string(), text);
        }
    }
}
