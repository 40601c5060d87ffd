//! The parts of a response that must be there, or may be once.

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

/// An attribute that must be there and not be empty.
pub(super) fn required<'a>(element: Node<'a, '_>, name: &str) -> Result<&'a str, SamlRefusal> {
    nodes::attribute(element, name).filter(|value| !value.is_empty()).ok_or(SamlRefusal::Incomplete)
}

/// An instant, if the attribute is there; a value that is none is not ignored.
pub(super) fn instant(element: Node<'_, '_>, name: &str) -> Result<Option<OffsetDateTime>, SamlRefusal> {
    nodes::attribute(element, name).map(|text| parse_instant(text).ok_or(SamlRefusal::Incomplete)).transpose()
}

/// The element that may be there once.
pub(super) fn one<'a, 'i: 'a>(
    parent: Node<'a, 'i>,
    name: &'static str,
) -> Result<Option<Node<'a, 'i>>, SamlRefusal> {
    nodes::at_most_one(parent, SAML, name).map_err(|_| SamlRefusal::Incomplete)
}
