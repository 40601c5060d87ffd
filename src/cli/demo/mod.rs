//! `vestibule demo`: everything embedded, with a small look-alike of AD FS to
//! sign in at. The parts: who works there (`people.rs`), what it says about
//! them (`token.rs`, `metadata.rs`), how it signs (`sign.rs`), and its pages
//! (`idp.rs`, `pages.rs`). Nothing here verifies anything.

mod idp;
mod metadata;
mod pages;
mod people;
mod sign;
mod token;

#[cfg(test)]
mod tests;

pub use idp::{LookAlike, RelyingParty};
pub use people::{ACCOUNT, COMPANY, PEOPLE, PROVIDER_ARN, Person};
pub use sign::SigningError;
pub use token::Flaw;

/// The rules for the people of [`PEOPLE`], to be appended to the demo's configuration.
pub const RULES: &str = include_str!("rules.toml");
