//! What the tests share. A test file takes all of it with `mod support;`, and
//! uses some.

#![allow(dead_code, unused_imports, unused_macros, clippy::disallowed_methods)]

pub mod aws;
pub mod browser;
pub mod child;
pub mod cloud;
pub mod computer;
pub mod contract;
pub mod corpus;
pub mod fault_proxy;
pub mod faults;
pub mod federation;
pub mod forge;
pub mod grants;
pub mod idp;
pub mod lambda_runtime;
pub mod log;
pub mod metadata_server;
pub mod other_idp;
pub mod process;
pub mod ring;
pub mod rotation;
pub mod saml_idp;
pub mod sealed;
pub mod server;
pub mod sigv4;
pub mod sts;
pub mod test_service;
pub mod trail_file;
pub mod trail_rules;
pub mod waiting;
pub mod wire;
