//! The whole login on AWS: real `vestibule` processes and the real SDK on real
//! wires, against DynamoDB, KMS and SSM emulators and a strict STS; responses are
//! forged, and genuinely signed. By script and in a browser, two servers on the
//! same tables, every service failing in its own ways, and what all of it costs.
#![allow(clippy::disallowed_methods)]

mod actions;
mod auditor;
mod cloud;
mod faults;
mod figures;
mod login;
mod people;
mod protocol;
mod storm;
mod two_servers;

#[path = "../support/forge.rs"]
mod forge;
#[path = "../support"]
mod support {
    #[allow(dead_code, reason = "other tests use the rest")]
    pub mod aws;
    #[allow(dead_code, reason = "other tests use the rest")]
    pub mod browser;
    #[allow(dead_code, reason = "other tests use the rest")]
    pub mod fault_proxy;
    #[allow(dead_code, reason = "other tests use the rest")]
    pub mod lambda_runtime;
    #[allow(dead_code, reason = "other tests use the rest")]
    pub mod process;
    #[allow(dead_code, reason = "other tests use the rest")]
    pub mod server;
    #[allow(dead_code, reason = "other tests use the rest")]
    pub mod wire;
}
