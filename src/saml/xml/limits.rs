//! The caps on a document.

/// What is set aside for what is open at once: a genuine response takes no more.
pub(super) const USUAL_DEPTH: usize = 12;

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
