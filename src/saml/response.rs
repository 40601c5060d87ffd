//! Reading: from the form field to one parsed tree, with every cap before its cost.

use super::{IdentityProviders, Refusal, VerifiedAssertion};
use zeroize::Zeroizing;

/// Caps on a response. Each is checked before the work it bounds is done.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Base64 characters of the form field, white space included. STS accepts 100,000.
    pub max_response_chars: usize,
    /// Nodes of the tree (elements, text, comments, processing instructions).
    pub max_nodes: u32,
    /// Nesting of elements.
    pub max_depth: u32,
    /// Attributes (namespace declarations included) on one element.
    pub max_attributes: usize,
    /// Namespace declarations in the whole document.
    pub max_namespaces: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_response_chars: 100_000,
            max_nodes: 20_000,
            max_depth: 64,
            max_attributes: 64,
            max_namespaces: 1_024,
        }
    }
}

/// The decoded XML text of a response and its cleanly re-encoded base64.
/// It is a credential until it expires: wiped on drop, no `Debug`.
pub struct ResponseMessage {
    xml: Zeroizing<String>,
    base64: Zeroizing<String>,
    limits: Limits,
}

impl ResponseMessage {
    /// Decodes the `SAMLResponse` form field (bindings 3.5.4).
    ///
    /// # Errors
    /// A reading [`Refusal`] (`Empty` to `Doctype`).
    pub fn decode(_form_field: &str, _limits: &Limits) -> Result<Self, Refusal> {
        todo!()
    }

    /// Parses the text, once.
    ///
    /// # Errors
    /// A reading [`Refusal`].
    pub fn parse(&self) -> Result<UnverifiedResponse<'_>, Refusal> {
        todo!()
    }
}

/// A parsed response of which nothing is believed yet. All it offers is
/// verification, and its claimed issuer to choose the keys by.
pub struct UnverifiedResponse<'m> {
    message: &'m ResponseMessage,
    document: roxmltree::Document<'m>,
    response: roxmltree::NodeId,
    assertion: roxmltree::NodeId,
}

impl<'m> UnverifiedResponse<'m> {
    /// The issuer that the assertion claims. For choosing keys, nothing else.
    pub fn unverified_issuer(&self) -> Option<String> {
        todo!()
    }

    /// Verifies every signature present with the keys of the claimed issuer.
    ///
    /// # Errors
    /// A verifying [`Refusal`] (`UnknownIssuer` to `SignatureMismatch`).
    pub fn verify<'i>(self, _providers: &'i IdentityProviders) -> Result<VerifiedAssertion<'m, 'i>, Refusal> {
        todo!()
    }
}
