//! Why this role, or why none: the way the rules went, in words.

/// One line per rule looked at, in order, without attribute values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation(pub(super) Vec<String>);

impl Explanation {
    /// The lines.
    pub fn lines(&self) -> &[String] {
        &self.0
    }
}
