//! Selecting values from an assertion.

pub(super) mod selector;
pub(super) mod selectors;
pub(super) mod source;
