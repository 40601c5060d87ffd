//! Reading a parsed tree without its traps: names with their namespace,
//! attributes without one, text that is text.

use roxmltree::{Attribute, Node};

/// `saml:`, the elements of an assertion.
pub(super) const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// `samlp:`, the elements of a response.
pub(super) const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// `md:`, the elements of metadata.
pub(super) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// `ds:`, the elements of a signature.
pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
/// `ec:`, the exclusive canonicalization algorithm and its one element.
pub(super) const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// `xsi:`, attributes that any element may carry.
pub(super) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The un-prefixed attribute of this name. `Node::attribute("ID")` would also
/// find `evil:ID`, whichever comes first.
pub(super) fn attribute<'a>(element: Node<'a, '_>, name: &str) -> Option<&'a str> {
    element.attributes().find(|a| a.name() == name && a.namespace().is_none()).map(|a| a.value())
}

/// The child elements of this expanded name, in document order.
pub(super) fn children<'a, 'i: 'a>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    parent.children().filter(move |child| is(*child, namespace, name))
}

/// The one child element of this expanded name: `Ok(None)` if there is none,
/// `Err` if there are several.
pub(super) fn at_most_one<'a, 'i: 'a>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Node<'a, 'i>>, Several> {
    let mut found = children(parent, namespace, name);
    let first = found.next();
    if found.next().is_some() { Err(Several) } else { Ok(first) }
}

/// More than one element where one may stand.
pub(super) struct Several;

/// Whether the node is an element of this expanded name.
pub(super) fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    // The local name first: it differs most often.
    let tag = node.tag_name();
    tag.name() == name && tag.namespace() == Some(namespace) && node.is_element()
}

/// The whole text of an element that holds nothing but text. `None` if a
/// comment, a processing instruction or an element stands in it: what comes
/// before a comment is not the value (the CVE-2017-11427 family).
///
/// The parser joins text, CDATA sections and character references into one
/// node, so there are no pieces to put together.
pub(super) fn pure_text<'a>(element: Node<'a, '_>) -> Option<&'a str> {
    match element.first_child() {
        None => Some(""),
        Some(only) if only.is_text() && only.next_sibling().is_none() => only.text(),
        Some(_) => None,
    }
}

/// Whether an attribute is an identifier to somebody: `ID` (SAML), `Id`
/// (XML Signature), `id`, `xml:id`, or the like in any other namespace.
pub(super) fn is_identifier(attribute: &Attribute<'_, '_>) -> bool {
    attribute.name().eq_ignore_ascii_case("id")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use roxmltree::Document;

    #[test]
    fn an_attribute_in_a_namespace_is_another_attribute() {
        let document = Document::parse("<a xmlns:e='urn:evil' e:ID='no' ID='yes'/>").unwrap();
        assert_eq!(attribute(document.root_element(), "ID"), Some("yes"));
        let document = Document::parse("<a xmlns:e='urn:evil' e:ID='no'/>").unwrap();
        assert_eq!(attribute(document.root_element(), "ID"), None);
    }

    #[test]
    fn text_is_whole_or_not_text() {
        for (xml, text) in [
            ("<a/>", Some("")),
            ("<a></a>", Some("")),
            ("<a>x&amp;<![CDATA[<y>]]>z</a>", Some("x&<y>z")),
            ("<a>admin<!---->.evil</a>", None),
            ("<a><!----></a>", None),
            ("<a><b/></a>", None),
            ("<a>x<?p?></a>", None),
        ] {
            assert_eq!(pure_text(Document::parse(xml).unwrap().root_element()), text, "{xml}");
        }
    }
}
