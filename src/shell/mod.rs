//! The commands for people's own machines: `vestibule login` and what follows from it.
//! docs/SHELL.md is for who uses them.
//!
//! A sign-in (`sign_in.rs`) makes a key, asks the service (`remote.rs`), opens a browser
//! (`browser.rs`), waits on loopback (`callback.rs`, `pages.rs`) or for a text that is pasted
//! (`paste.rs`), and caches what it gets (`cache.rs`), sealed to that key (`keys.rs`).
//! `obtain.rs` signs in only if nothing fresh is cached, once for all who wait
//! (`attempt.rs`). Each command has its file; `exec` has an endpoint (`endpoint.rs`). What
//! differs between Unix and Windows is in `platform/`.

mod attempt;
mod aws_config;
mod browser;
mod cache;
mod callback;
mod command;
mod console;
mod context;
mod credential_process;
mod credentials;
mod document;
mod endpoint;
mod environment;
mod exec;
mod exit;
mod files;
mod keys;
mod login;
mod logout;
mod names;
mod obtain;
mod output;
mod pages;
mod paste;
mod platform;
mod profiles;
mod remote;
mod runtime;
mod server;
mod settings;
mod sign_in;

pub use command::{Command, print, run};
