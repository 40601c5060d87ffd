//! How a table is read: the environment and the Parameter Store over the TOML
//! file, and every fault with its place.

pub(crate) mod fault;
pub(crate) mod parameter;
pub(crate) mod reader;
pub(crate) mod section;
pub(crate) mod tree;
pub(crate) mod values;
