//! The values that are read from an assertion, and where they are in it.

use super::selector::{Selector, attribute_values, path};
use super::source::Source;
use crate::saml::refusal::SamlRefusal;
use crate::saml::trace::Tracer;
use crate::saml::xml::blanks::trim_blanks;
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
pub(in crate::saml) struct Selected {
    pub(in crate::saml) name_id: String,
    pub(in crate::saml) roles: Vec<String>,
    pub(in crate::saml) role_session_name: String,
    pub(in crate::saml) authn_context: Option<String>,
    pub(in crate::saml) session_index: Option<String>,
    pub(in crate::saml) more: BTreeMap<String, Vec<String>>,
}

impl Selectors {
    /// Reads all values from an assertion. It may have no roles: rules decide then.
    pub(in crate::saml) fn read(
        &self,
        source: Source<'_, '_>,
        trace: Tracer<'_>,
    ) -> Result<Selected, SamlRefusal> {
        // An `xs:string` is what it is, white space included: " admin" is not "admin".
        let as_it_is: fn(&str) -> &str = |value| value;
        let one = |name: &'static str, selector: &Selector, read: fn(&str) -> &str| {
            let found = selector.value(source).map(|value| value.map(read));
            trace.selected(name.into(), selector, found.as_ref().ok().map(Option::as_slice));
            found.map(|value| value.map(str::to_owned))
        };
        let all = |name: &str, selector: &Selector, read: fn(&str) -> &str| {
            let found = selector.values(source).map(|values| values.into_iter().map(read).collect());
            trace.selected(name.to_owned().into(), selector, found.as_ref().ok().map(Vec::as_slice));
            found.map(|values: Vec<&str>| values.into_iter().map(str::to_owned).collect::<Vec<_>>())
        };
        // A method of signing in, not a value about the person; an `xs:anyURI`.
        let method = || {
            let class = self.authn_context.value(source)?.map(trim_blanks);
            trace.maybe_theirs("authn_context", class);
            Ok(class.map(str::to_owned))
        };
        Ok(Selected {
            name_id: one("name_id", &self.name_id, as_it_is)?.ok_or(SamlRefusal::NoNameId)?,
            // These two AWS reads too, and trims.
            roles: all("roles", &self.roles, trim_blanks)?,
            role_session_name: one("role_session_name", &self.role_session_name, trim_blanks)?
                .ok_or(SamlRefusal::NoRoleSessionName)?,
            authn_context: method()?,
            session_index: one("session_index", &self.session_index, as_it_is)?,
            more: self
                .more
                .iter()
                .map(|(name, selector)| Ok((name.clone(), all(name, selector, as_it_is)?)))
                .collect::<Result<_, SamlRefusal>>()?,
        })
    }
}

#[cfg(test)]
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
