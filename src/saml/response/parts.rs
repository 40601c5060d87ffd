//! Reading parts of a response that are required or optional.

use crate::saml::refusal::SamlRefusal;
use crate::saml::xml::blanks::trim_blanks;
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
        .filter(|confirmation| uri(*confirmation, "Method") == Some(BEARER))
}

/// An attribute of the type `xs:anyURI`. A blank one is absent (core 1.3.2).
pub(super) fn uri<'a>(element: Node<'a, '_>, name: &str) -> Option<&'a str> {
    nodes::attribute(element, name).map(trim_blanks).filter(|uri| !uri.is_empty())
}

/// The `ID` of a message (core 1.3.4, an `xs:ID`). A first digit and colons are let
/// pass, which that type excludes and identity providers write.
pub(super) fn id<'a>(element: Node<'a, '_>) -> Result<&'a str, SamlRefusal> {
    let is_name = |id: &&str| {
        !id.is_empty() && id.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
    };
    nodes::attribute(element, "ID").filter(is_name).ok_or(SamlRefusal::Incomplete)
}

/// The request that an element answers (core 3.2.2, an `xs:NCName`). Some identity
/// providers write an empty one, which is not the same as none.
pub(super) fn in_response_to<'a>(element: Node<'a, '_>) -> Option<&'a str> {
    nodes::attribute(element, "InResponseTo").map(trim_blanks)
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
