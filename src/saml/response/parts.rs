//! Reading parts of a response that are required or optional.

use crate::saml::refusal::SamlRefusal;
use crate::saml::xml::instant::parse_instant;
use crate::saml::xml::names::SAML;
use crate::saml::xml::nodes;
use roxmltree::Node;
use time::OffsetDateTime;

/// `SubjectConfirmation/@Method` of the browser profile (profiles 3.3).
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// The bearer confirmations of a subject (profiles 3.3).
pub(super) fn bearers<'a, 'i: 'a>(subject: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    nodes::children(subject, SAML, "SubjectConfirmation")
        .filter(|confirmation| nodes::attribute(*confirmation, "Method") == Some(BEARER))
}

/// A required attribute, which must not be empty.
pub(super) fn required<'a>(element: Node<'a, '_>, name: &str) -> Result<&'a str, SamlRefusal> {
    nodes::attribute(element, name).filter(|value| !value.is_empty()).ok_or(SamlRefusal::Incomplete)
}

/// An optional attribute with an instant. Any other value is refused.
pub(super) fn instant(element: Node<'_, '_>, name: &str) -> Result<Option<OffsetDateTime>, SamlRefusal> {
    nodes::attribute(element, name).map(|text| parse_instant(text).ok_or(SamlRefusal::Incomplete)).transpose()
}

/// An optional element, which may be present once.
pub(super) fn one<'a, 'i: 'a>(
    parent: Node<'a, 'i>,
    name: &'static str,
) -> Result<Option<Node<'a, 'i>>, SamlRefusal> {
    nodes::at_most_one(parent, SAML, name).map_err(|_| SamlRefusal::Incomplete)
}
