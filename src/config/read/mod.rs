//! How a table is read: the environment and the Parameter Store over the TOML
//! file, and every fault with its place.

pub(crate) mod fault;
pub(crate) mod file;
pub(crate) mod input;
mod names;
pub(crate) mod parameter;
pub(crate) mod reading;
pub(crate) mod section;
mod value;
pub(crate) mod values;
