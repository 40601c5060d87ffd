//! The layers of the server from saml/ up to http/, under the server's name.
#![allow(missing_docs, rustdoc::broken_intra_doc_links)]

#[macro_use]
#[path = "../../src/refusals.rs"]
mod refusals;

#[path = "../../src/broker/mod.rs"]
pub mod broker;
#[path = "../../src/config/mod.rs"]
pub mod config;
#[path = "../../src/delivery/mod.rs"]
pub mod delivery;
#[path = "../../src/http/mod.rs"]
pub mod http;
#[path = "../../src/jose/mod.rs"]
pub mod jose;
#[path = "../../src/roles/mod.rs"]
pub mod roles;
#[path = "../../src/saml/mod.rs"]
pub mod saml;
