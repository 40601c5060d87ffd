//! The whole login on AWS: real `vestibule` processes and the real SDK on real
//! wires, against DynamoDB, KMS and SSM emulators and a strict STS; responses are
//! forged, and genuinely signed. By script and in a browser, two servers on the
//! same tables, every service failing in its own ways, and what all of it costs.
#![allow(clippy::disallowed_methods)]

mod actions;
mod auditor;
mod choice;
mod cloud;
mod faults;
mod figures;
mod login;
mod people;
mod programs;
mod protocol;
mod sealed;
mod storm;
mod task_role;
mod two_servers;

#[path = "../support/mod.rs"]
mod support;
