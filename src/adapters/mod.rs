//! The implementations of the ports: embedded ones in [`local`], AWS's in [`aws`],
//! metadata at URLs in [`metadata`]. [`open()`] chooses among them by configuration.

pub mod aws;
mod error;
mod key_admin;
mod key_marker;
pub mod local;
pub mod metadata;
mod open;
mod rotation;
mod seal;

pub use error::OpenError;
pub use key_admin::{KeyAdmin, KeyInfo};
pub use key_marker::KeyMarker;
pub use open::{Opened, keys_table_endpoint, open, open_console, open_key_ring};
