//! XML: caps, the parse, reading nodes, and exclusive canonicalization.

pub(super) mod blanks;
pub(super) mod canonicalization;
pub(super) mod instant;
pub(super) mod limits;
pub(super) mod names;
pub(super) mod nodes;
pub(super) mod parse;
pub(super) mod scan;
