//! Reading the nodes of a parsed tree: elements by name and namespace, attributes
//! without a namespace, and text that has nothing else beside it.

use crate::saml::refusal::SamlRefusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Attribute, Node};

/// Whether two texts are equal, which mostly are empty or one and the same. To compare
/// nothing with nothing costs half a microsecond where memcmp reads what is not there
/// (glibc's for AVX-512, given the dangling pointer of an empty text).
pub(in crate::saml) fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && (one.is_empty() || one == other)
}

/// The text before and behind the first of these ASCII characters. Names and instants are so
/// short that the search of `split_once` takes longer to begin than to walk to the end.
pub(super) fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == at)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// The un-prefixed attribute of this name. `Node::attribute("ID")` would also
/// find `evil:ID`, whichever comes first.
pub(in crate::saml) fn attribute<'a>(element: Node<'a, '_>, name: &str) -> Option<&'a str> {
    element.attributes().find(|a| a.name() == name && a.namespace().is_none()).map(|a| a.value())
}

/// The child elements of this expanded name, in document order.
pub(in crate::saml) fn children<'a, 'i: 'a>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    parent.children().filter(move |child| is(*child, namespace, name))
}

/// The one child element of this expanded name: `Ok(None)` if there is none,
/// `Err` if there are several.
pub(in crate::saml) fn at_most_one<'a, 'i: 'a>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Node<'a, 'i>>, Several> {
    let mut found = children(parent, namespace, name);
    let first = found.next();
    if found.next().is_some() { Err(Several) } else { Ok(first) }
}

/// There are several elements where at most one is allowed.
pub(in crate::saml) struct Several;

/// Whether the node is an element of this expanded name.
pub(in crate::saml) fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    // The local name first: it differs most often.
    let tag = node.tag_name();
    tag.name() == name && tag.namespace() == Some(namespace) && node.is_element()
}

/// The whole text of an element that contains only text. `None` if it contains a
/// comment, a processing instruction or an element: the text before a comment is
/// not the value (the CVE-2017-11427 family).
///
/// The parser joins text, CDATA sections and character references into one node.
pub(in crate::saml) fn pure_text<'a>(element: Node<'a, '_>) -> Option<&'a str> {
    match element.first_child() {
        None => Some(""),
        Some(only) if only.is_text() && only.next_sibling().is_none() => only.text(),
        Some(_) => None,
    }
}

/// The bytes of an element that contains base64 and nothing else, not even a
/// comment (xml-crypto's CVE-2025-29775). White space is allowed anywhere in it.
pub(in crate::saml) fn base64_text(element: Node<'_, '_>, max_chars: usize) -> Option<Vec<u8>> {
    let text = pure_text(element).filter(|text| text.len() <= max_chars)?;
    let mut text = text.as_bytes().to_vec();
    text.retain(|b| !b.is_ascii_whitespace());
    STANDARD.decode(text).ok()
}

/// The children of an element that contains only elements, taken in order.
pub(in crate::saml) struct Children<'a, 'i> {
    next: Option<Node<'a, 'i>>,
    namespace: &'static str,
    malformed: SamlRefusal,
}

impl<'a, 'i> Children<'a, 'i> {
    /// `namespace` is that of most children. `malformed` refuses anything else.
    pub(in crate::saml) fn of(parent: Node<'a, 'i>, namespace: &'static str, malformed: SamlRefusal) -> Self {
        Self { next: parent.first_child(), namespace, malformed }
    }

    /// The next child, which must be this element.
    pub(in crate::saml) fn expect(&mut self, name: &str) -> Result<Node<'a, 'i>, SamlRefusal> {
        self.optional(name)?.ok_or(self.malformed)
    }

    /// The next child, if it is this element.
    pub(in crate::saml) fn optional(&mut self, name: &str) -> Result<Option<Node<'a, 'i>>, SamlRefusal> {
        self.next_if(self.namespace, name)
    }

    /// The next child, if it is this element of another namespace.
    pub(in crate::saml) fn next_if(
        &mut self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Node<'a, 'i>>, SamlRefusal> {
        self.skip_space()?;
        match self.next {
            Some(node) if is(node, namespace, name) => {
                self.next = node.next_sibling();
                Ok(Some(node))
            }
            _ => Ok(None),
        }
    }

    /// Nothing but white space is left.
    pub(in crate::saml) fn end(&mut self) -> Result<(), SamlRefusal> {
        self.skip_space()?;
        if self.next.is_some() { Err(self.malformed) } else { Ok(()) }
    }

    /// White space between elements is not content. Genuine signatures and
    /// encrypted elements have no comments, instructions or other text.
    fn skip_space(&mut self) -> Result<(), SamlRefusal> {
        while let Some(node) = self.next.filter(|node| !node.is_element()) {
            let is_space = |text: &str| text.bytes().all(|b| b.is_ascii_whitespace());
            if !node.is_text() || !node.text().is_some_and(is_space) {
                return Err(self.malformed);
            }
            self.next = node.next_sibling();
        }
        Ok(())
    }
}

/// Whether a reader could take an attribute for an identifier: `ID` (SAML), `Id`
/// (XML Signature), `id`, `xml:id`, or the same name in any other namespace.
pub(in crate::saml) fn is_identifier(attribute: &Attribute<'_, '_>) -> bool {
    attribute.name().eq_ignore_ascii_case("id")
}

#[cfg(test)]
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
