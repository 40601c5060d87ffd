//! Splicing: encrypted elements are replaced by their plaintext in the text of the
//! document, which is then parsed.
//!
//! So everything is read by one parser from one tree; no fragment is parsed by
//! itself and inserted into a tree. A plaintext may be anything: after the parse
//! each splice must be exactly one element of the expected name, from its first
//! character to its last. Then the rest of the tree is as it was before.

use crate::saml::refusal::SamlRefusal;
use crate::saml::xml::limits::Limits;
use crate::saml::xml::names::SAML;
use crate::saml::xml::nodes;
use crate::saml::xml::parse::{tree, with_normal_line_ends};
use crate::saml::xml::scan::declarations;
use roxmltree::{Document, Node};
use std::ops::Range;
use zeroize::Zeroizing;

/// An encrypted element, and what replaces it.
pub(in crate::saml) struct Piece<'a, 'i> {
    /// `EncryptedAssertion`, `EncryptedID` or `EncryptedAttribute`.
    pub(in crate::saml) wrapper: Node<'a, 'i>,
    /// The SAML element that it must contain.
    pub(in crate::saml) name: &'static str,
    pub(in crate::saml) plaintext: Zeroizing<Vec<u8>>,
}

/// A text with its encrypted elements decrypted. It is a secret and wiped on drop.
pub(in crate::saml) struct Spliced {
    text: Zeroizing<String>,
    places: Vec<(Range<usize>, &'static str)>,
}

/// As one block (`response/message.rs`).
impl Drop for Spliced {
    fn drop(&mut self) {
        self.text.clear();
    }
}

impl Spliced {
    /// Replaces the wrappers, which are disjoint and in document order. `None` if a
    /// plaintext is not UTF-8, or does not begin with a start tag.
    pub(in crate::saml) fn new(whole: &str, pieces: &[Piece<'_, '_>]) -> Option<Self> {
        // A plaintext is shorter than its ciphertext, so the capacity suffices and
        // no reallocation leaves an unwiped copy behind.
        let mut text = Zeroizing::new(String::with_capacity(whole.len()));
        let mut places = Vec::with_capacity(pieces.len());
        let mut done = 0;
        for piece in pieces {
            let place = piece.wrapper.range();
            text.push_str(whole.get(done..place.start)?);
            let start = text.len();
            push_in_context(&mut text, piece)?;
            places.push((start..text.len(), piece.name));
            done = place.end;
        }
        text.push_str(whole.get(done..)?);
        Some(Self { text, places })
    }

    /// Parses the text within the caps, and checks that each plaintext is one whole
    /// element at its place.
    pub(in crate::saml) fn parse(&self, limits: &Limits) -> Result<Document<'_>, SamlRefusal> {
        let document = tree(&self.text, limits)?;
        let is_whole = |node: Node<'_, '_>| {
            let range = node.range();
            self.places.iter().any(|(place, name)| *place == range && nodes::is(node, SAML, name))
        };
        let whole = document.descendants().filter(|node| is_whole(*node)).count();
        if whole == self.places.len() { Ok(document) } else { Err(SamlRefusal::NotDecryptable) }
    }
}

/// Appends a plaintext with the namespaces that only the wrapper declares: the
/// parent of the `EncryptedData` is its context (XML Encryption 4).
fn push_in_context(text: &mut String, piece: &Piece<'_, '_>) -> Option<()> {
    let plaintext = std::str::from_utf8(&piece.plaintext).ok()?;
    let normal;
    let plaintext = if plaintext.contains('\r') {
        normal = with_normal_line_ends(plaintext);
        &normal
    } else {
        plaintext
    };
    let plaintext = plaintext.trim_ascii();
    let (name, declared) = declarations(plaintext).ok()?;
    let (name, rest) = plaintext.split_at_checked(name)?;
    text.push_str(name);
    let outside = piece.wrapper.parent_element()?;
    for namespace in piece.wrapper.namespaces() {
        let prefix = namespace.name();
        let inherited = outside.lookup_namespace_uri(prefix) == Some(namespace.uri());
        if !inherited && prefix != Some("xml") && !declared.contains(&prefix) {
            text.push_str(if prefix.is_some() { " xmlns:" } else { " xmlns" });
            text.push_str(prefix.unwrap_or_default());
            text.push_str("=\"");
            text.push_str(&quick_xml::escape::escape(namespace.uri()));
            text.push('"');
        }
    }
    text.push_str(rest);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::xml::canonicalization::canonicalize;
    use proptest::prelude::*;

    const WHOLE: &str = "<r xmlns:a='urn:a'><b>1</b><s:W xmlns:s='urn:oasis:names:tc:SAML:2.0:assertion' \
                         xmlns:q='urn:&quot;q&lt;' xmlns:a='urn:b'><x/></s:W><b>2</b><!-- c --></r>";

    fn wrapper<'a, 'i>(document: &'a Document<'i>) -> Node<'a, 'i> {
        document.descendants().find(|n| n.tag_name().name() == "W").unwrap()
    }

    fn spliced(plaintext: &[u8]) -> Option<Spliced> {
        let document = Document::parse(WHOLE).unwrap();
        let plaintext = Zeroizing::new(plaintext.to_vec());
        Spliced::new(WHOLE, &[Piece { wrapper: wrapper(&document), name: "A", plaintext }])
    }

    fn canonical(document: &Document<'_>, without: Node<'_, '_>) -> Vec<u8> {
        let mut out = Vec::new();
        canonicalize(document.root_element(), Some(without.id()), &[], &mut out).unwrap();
        out
    }

    /// If it parses, all the rest is as it was. Returns whether it does.
    fn nothing_breaks_out(plaintext: &[u8]) -> bool {
        let Some(spliced) = spliced(plaintext) else { return false };
        let Ok(document) = spliced.parse(&Limits::default()) else { return false };
        let [(place, _)] = spliced.places.as_slice() else { unreachable!() };
        let inside = document.descendants().find(|n| n.range() == *place && n.is_element()).unwrap();
        let before = Document::parse(WHOLE).unwrap();
        assert_eq!(canonical(&document, inside), canonical(&before, wrapper(&before)));
        true
    }

    #[test]
    fn the_wrapper_s_namespaces_are_those_of_its_place() {
        let spliced = spliced(b"\r\n<s:A a:b='' q:c='' xmlns:q='urn:own'\r\n/>\n").unwrap();
        let document = spliced.parse(&Limits::default()).unwrap();
        let inside = document.descendants().find(|n| n.tag_name().name() == "A").unwrap();
        assert_eq!(inside.attribute(("urn:b", "b")), Some(""), "the wrapper's, not its parent's");
        assert_eq!(inside.attribute(("urn:own", "c")), Some(""), "its own before the wrapper's");
        assert!(nothing_breaks_out(b"<s:A q:c=''/>"));
        let undeclared = spliced_text(b"<s:A xmlns:s='urn:oasis:names:tc:SAML:2.0:assertion'/>");
        assert!(
            undeclared.contains(" xmlns:q=\"urn:&quot;q&lt;\" xmlns:a=\"urn:b\" xmlns:s="),
            "{undeclared}"
        );
    }

    fn spliced_text(plaintext: &[u8]) -> String {
        spliced(plaintext).unwrap().text.to_string()
    }

    fn piece() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "<s:A>",
            "</s:A>",
            "<s:A/>",
            "</r>",
            "<r>",
            "<b>",
            "</b>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "<?p",
            "?>",
            "<!DOCTYPE r>",
            "&amp;",
            "&#60;",
            "'",
            "\"",
            " xmlns:s='urn:x'",
            " x='",
            "text",
            "\r\n",
            "<",
            ">",
            "</s:W>",
            "<s:W>",
            "\u{feff}",
            "<?xml version='1.0'?>",
        ];
        prop_oneof![proptest::sample::select(PIECES).prop_map(str::to_owned), "[ a<>/?!='\"-]{0,3}"]
    }

    proptest! {
        #[test]
        fn nothing_ever_breaks_out(pieces in proptest::collection::vec(piece(), 0..12)) {
            let inner = pieces.concat();
            nothing_breaks_out(inner.as_bytes());
            nothing_breaks_out(format!("<s:A>{inner}</s:A>").as_bytes());
            nothing_breaks_out(format!("<s:A{inner}</s:A>").as_bytes());
            prop_assert!(nothing_breaks_out(b"<s:A/>"));
        }

        #[test]
        fn never_panics(plaintext in any::<Vec<u8>>(), text in any::<String>()) {
            nothing_breaks_out(&plaintext);
            nothing_breaks_out(text.as_bytes());
            nothing_breaks_out(format!("<s:A {text}").as_bytes());
        }
    }
}
