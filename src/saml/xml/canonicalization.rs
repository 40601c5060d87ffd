//! Exclusive XML Canonicalization 1.0 (W3C, 18 July 2002), without comments.
//!
//! Of the node sets in the specification, an XML Signature as SAML profiles it
//! needs only one: an element with all its descendants, except the signature.
//! The element is visited once, without recursion. Names are slices of the parsed
//! text, because the tree has namespaces but not prefixes, and two prefixes may
//! be bound to the same namespace.

use super::limits::USUAL_DEPTH;
use super::nodes::{cut, same};
use super::scan::is_absolute_uri;
use roxmltree::{Attribute, Node, NodeId, NodeType};

/// The document cannot be canonicalized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalizationError {
    /// A namespace URI is relative (Canonical XML 1.0, section 1.3: an error).
    #[error("a namespace URI is relative")]
    RelativeNamespace,
    /// The node to canonicalize is not an element.
    #[error("only elements can be canonicalized")]
    NotAnElement,
}

/// Writes the canonical form of `apex` and its descendants to `out`, except
/// `without` (the enveloped signature) and its descendants. `inclusive_prefixes`
/// is the `InclusiveNamespaces` `PrefixList` (`#default` means the default
/// namespace).
///
/// The document's text must have only `\n` line ends (XML 1.0, 2.11), as in a
/// [`ResponseMessage`](crate::saml::ResponseMessage).
///
/// # Errors
/// [`CanonicalizationError`]; the content of `out` is then meaningless.
pub fn canonicalize(
    apex: Node<'_, '_>,
    without: Option<NodeId>,
    inclusive_prefixes: &[&str],
    out: &mut Vec<u8>,
) -> Result<(), CanonicalizationError> {
    if !apex.is_element() {
        return Err(CanonicalizationError::NotAnElement);
    }
    let text = apex.document().input_text();
    let (rendered, attributes) = (Vec::with_capacity(USUAL_DEPTH), Vec::with_capacity(USUAL_DEPTH));
    let mut writer = Writer { text, inclusive_prefixes, rendered, attributes, out };
    let mut open: Vec<Open<'_, '_>> = Vec::with_capacity(USUAL_DEPTH);
    let mut node = apex;
    loop {
        if Some(node.id()) != without {
            match node.node_type() {
                NodeType::Element => {
                    let rendered = writer.rendered.len();
                    let name = writer.start_tag(node)?;
                    if let Some(child) = node.first_child() {
                        open.push(Open { node, name, rendered });
                        node = child;
                        continue;
                    }
                    writer.end_tag(name, rendered);
                }
                NodeType::Text => writer.text(node.text().unwrap_or_default()),
                NodeType::PI => writer.processing_instruction(node),
                NodeType::Comment | NodeType::Root => {}
            }
        }
        // Go on in document order, closing the elements that end here.
        node = loop {
            let Some(parent) = open.last() else { return Ok(()) };
            if let Some(sibling) = node.next_sibling() {
                break sibling;
            }
            writer.end_tag(parent.name, parent.rendered);
            node = parent.node;
            open.pop();
        };
    }
}

/// An element whose end tag is still to be written.
struct Open<'a, 'i> {
    node: Node<'a, 'i>,
    /// Its name as written, prefix included.
    name: &'i str,
    /// How many namespace declarations were rendered outside it.
    rendered: usize,
}

struct Writer<'a, 'i, 'o> {
    text: &'i str,
    inclusive_prefixes: &'o [&'o str],
    /// Namespace declarations rendered on the current element and its ancestors:
    /// prefix (empty: the default namespace) and URI. The last one is in effect.
    rendered: Vec<(&'a str, &'a str)>,
    /// The current element's attributes. A field so that its memory is reused.
    attributes: Vec<(Attribute<'a, 'i>, &'a str)>,
    out: &'o mut Vec<u8>,
}

impl<'a, 'i: 'a> Writer<'a, 'i, '_> {
    fn start_tag(&mut self, element: Node<'a, 'i>) -> Result<&'i str, CanonicalizationError> {
        let name = self.name_at(element.range().start + 1, element.tag_name().name());
        let outside = self.rendered.len();

        // Exclusive C14N, 3: namespaces that the element's name or an attribute's
        // visibly utilizes, and that are not yet in effect in the output.
        self.declare(prefix(name), element.tag_name().namespace().unwrap_or_default())?;
        self.attributes.clear();
        for attribute in element.attributes() {
            let name = self.name_at(attribute.range().start, attribute.name());
            if let Some(uri) = attribute.namespace() {
                self.declare(prefix(name), uri)?;
            }
            self.attributes.push((attribute, name));
        }
        // Also those of the PrefixList that are in scope, utilized or not.
        for listed in self.inclusive_prefixes {
            let wanted = Some(*listed).filter(|p| *p != "#default");
            match (element.namespaces().find(|ns| ns.name() == wanted), wanted) {
                (Some(namespace), _) => {
                    self.declare(namespace.name().unwrap_or_default(), namespace.uri())?
                }
                (None, None) => self.declare("", "")?,
                (None, Some(_)) => {}
            }
        }

        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        // Canonical XML 1.0, 2.2: namespaces by prefix, the default first; then
        // attributes by namespace URI and local name, those without one first.
        let new = self.rendered.get_mut(outside..).unwrap_or_default();
        if new.len() > 1 {
            new.sort_unstable();
        }
        for (prefix, uri) in &*new {
            self.out.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
            self.out.extend_from_slice(prefix.as_bytes());
            attribute_value(uri, self.out);
        }
        // Most elements have one or none.
        if self.attributes.len() > 1 {
            let by_name = |(one, _): &(Attribute<'_, '_>, &str), (other, _): &(Attribute<'_, '_>, &str)| {
                one.namespace().cmp(&other.namespace()).then_with(|| one.name().cmp(other.name()))
            };
            self.attributes.sort_unstable_by(by_name);
        }
        for (attribute, name) in &self.attributes {
            self.out.push(b' ');
            self.out.extend_from_slice(name.as_bytes());
            attribute_value(attribute.value(), self.out);
        }
        self.out.push(b'>');
        Ok(name)
    }

    /// Adds a namespace declaration to render, unless it is in effect.
    fn declare(&mut self, prefix: &'a str, uri: &'a str) -> Result<(), CanonicalizationError> {
        // `xml` is bound without a declaration (Namespaces in XML 1.0, 3).
        if prefix == "xml" {
            return Ok(());
        }
        let in_effect = self.rendered.iter().rev().find(|(p, _)| same(p, prefix)).map(|(_, uri)| *uri);
        // No default namespace is in effect until one is rendered, so `xmlns=""`
        // is rendered only to undo another.
        let in_effect = in_effect.or(if prefix.is_empty() { Some("") } else { None });
        if !in_effect.is_some_and(|in_effect| same(in_effect, uri)) {
            if !uri.is_empty() && !is_absolute_uri(uri) {
                return Err(CanonicalizationError::RelativeNamespace);
            }
            self.rendered.push((prefix, uri));
        }
        Ok(())
    }

    fn end_tag(&mut self, name: &str, rendered: usize) {
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
        self.rendered.truncate(rendered);
    }

    fn text(&mut self, text: &str) {
        escape(text, self.out, |byte| match byte {
            b'&' => Some(b"&amp;"),
            b'<' => Some(b"&lt;"),
            b'>' => Some(b"&gt;"),
            b'\r' => Some(b"&#xD;"),
            _ => None,
        });
    }

    fn processing_instruction(&mut self, node: Node<'a, 'i>) {
        let Some(instruction) = node.pi() else { return };
        self.out.extend_from_slice(b"<?");
        self.out.extend_from_slice(instruction.target.as_bytes());
        if let Some(value) = instruction.value {
            self.out.push(b' ');
            escape(value, self.out, |byte| if byte == b'\r' { Some(b"&#xD;") } else { None });
        }
        self.out.extend_from_slice(b"?>");
    }

    /// The name at this position of the text, prefix included, whose local part is `local`.
    fn name_at(&self, start: usize, local: &str) -> &'i str {
        let rest = self.text.get(start..).unwrap_or_default();
        // Mostly it has no prefix.
        let after = rest.strip_prefix(local).map(|after| after.bytes().next());
        let end = match after {
            Some(None) => local.len(),
            Some(Some(byte)) if is_end(byte) => local.len(),
            _ => rest.bytes().position(is_end).unwrap_or(rest.len()),
        };
        rest.get(..end).unwrap_or_default()
    }
}

/// Whether a name ends before this byte.
const fn is_end(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'/' | b'>' | b'=')
}

fn prefix(name: &str) -> &str {
    cut(name, b':').map_or("", |(prefix, _)| prefix)
}

/// `="value"` (Canonical XML 1.0, 2.3).
fn attribute_value(value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"=\"");
    escape(value, out, |byte| match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'"' => Some(b"&quot;"),
        b'\t' => Some(b"&#x9;"),
        b'\n' => Some(b"&#xA;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    });
    out.push(b'"');
}

/// Copies `text`, replacing single bytes (all of them ASCII).
#[inline]
fn escape(text: &str, out: &mut Vec<u8>, replacement: impl Fn(u8) -> Option<&'static [u8]>) {
    let mut rest = text.as_bytes();
    // Most text needs no escapes. The compiler vectorizes a loop over all of it
    // that does not stop early.
    if !rest.iter().fold(false, |any, byte| any | replacement(*byte).is_some()) {
        out.extend_from_slice(rest);
        return;
    }
    while let Some((at, with)) = rest.iter().enumerate().find_map(|(at, b)| Some((at, replacement(*b)?))) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.extend_from_slice(with);
        rest = rest.get(at + 1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests;
