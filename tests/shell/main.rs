//! The commands for people's own machines, as processes, against a stand-in of the service.
//! docs/SHELL.md promises what is tried here.
#![allow(clippy::disallowed_methods)]

mod canaries;
mod disk;
mod docs;
mod exec;
mod failures;
mod keyring;
mod person;
mod profiles;
mod real;
mod sign_in;
mod speed;
mod stand_in;
#[path = "../support/mod.rs"]
mod support;
mod tools;
mod windows;
