//! The configuration: one TOML file, the environment over it, all faults at once.
//!
//! `config/vestibule.toml` documents every option. Each table has a file here
//! with its finished struct and the function that reads it, one call for each
//! option (`read/section.rs`); [`Config`] holds them all. Paths in the file are
//! relative to the working directory.
//!
//! A new option is one line in the file of its table and its description in
//! `config/vestibule.toml`; a test fails until both are there.

mod accounts;
mod assume_role;
mod backend;
mod console;
mod delivery;
mod draft;
mod fixed;
mod idp;
mod log;
mod metadata;
mod page;
mod pin;
mod read;
mod role_map;
mod rule;
mod rule_test;
mod saml;
mod saml_keys;
mod server;
mod shell;
mod ssm;
#[cfg(test)]
mod tests;
mod whole;

pub use accounts::Accounts;
pub use assume_role::{AssumeRole, PersonValue, StsOperation, is_in_tags};
pub use backend::{DynamoDb, Keys, Kms, Signing, Store, Sts};
pub use console::ConsoleFederation;
pub use delivery::JwtIn;
pub use draft::{Checked, CheckedRules, Draft};
pub use fixed::Fixed;
pub use idp::SignOn;
pub use log::Log;
pub use metadata::{FetchedMetadata, Metadata, MetadataPlace, MetadataSource};
pub use pin::{NetworkPin, RulesHold};
pub use read::fault::{Fault, Faults, Place};
pub use read::parameter::{ParameterError, ParameterSource, Parameters};
pub use read::values::{Network, duration};
pub use rule_test::{TestFailure, TestedRule};
pub use saml_keys::Certificates;
pub use server::Server;
pub use whole::Config;
