//! Selecting: which values an assertion was made for.

pub(super) mod selector;
pub(super) mod selectors;
