//! Selectors: small XPath-like paths that cannot leave the verified element.

use std::collections::BTreeMap;

/// A compiled selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {}

/// Where a selector's text is wrong, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at character {position}")]
pub struct SelectorError {
    /// 1-based character position in the selector.
    pub position: usize,
    /// What is wrong, in a few words.
    pub message: String,
}

impl Selector {
    /// Compiles a selector.
    ///
    /// # Errors
    /// [`SelectorError`] with the place.
    pub fn compile(_text: &str) -> Result<Self, SelectorError> {
        todo!()
    }
}

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
        todo!()
    }
}
