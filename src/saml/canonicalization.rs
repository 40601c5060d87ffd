//! Exclusive XML Canonicalization 1.0 (W3C, 18 July 2002), without comments.

/// The document cannot be canonicalized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalizationError {
    /// A namespace URI is relative (canonical XML 1.0, section 4.7... an error there).
    #[error("a namespace URI is relative")]
    RelativeNamespace,
}

/// Writes the canonical form of `apex` and its descendants to `out`, leaving
/// out `without` (the enveloped signature) and its descendants.
/// `inclusive_prefixes` is the `InclusiveNamespaces` `PrefixList`
/// (`#default` stands for the default namespace).
///
/// # Errors
/// [`CanonicalizationError`]; then `out` holds nothing of use.
pub fn canonicalize(
    _apex: roxmltree::Node<'_, '_>,
    _without: Option<roxmltree::NodeId>,
    _inclusive_prefixes: &[&str],
    _out: &mut Vec<u8>,
) -> Result<(), CanonicalizationError> {
    todo!()
}
