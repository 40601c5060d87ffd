//! How what is handed over is written out. Pure, and below the use cases: a sealed delivery
//! is written before it is sealed.
//!
//! A format is one function from a [`HandOver`], or from the [`Credentials`] where it knows no
//! others, to bytes that are wiped once they have been sent. A new one is a file here and
//! a route that offers it.

pub mod credential_process;
pub mod dynamodb;
mod hand_over;
mod json;
pub mod sealed;

pub use hand_over::{Credentials, HandOver, HandedOver};
pub use json::rfc3339;
