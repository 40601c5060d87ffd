//! The commands, and how each ends.

use super::context::Context;
use super::environment::Environment;
use super::exit::Failure;
use super::output::write;
use super::platform::{close_to_others, exit_with};
use super::runtime::block_on;
use super::{console, credentials, exec, login, logout, profiles};
use crate::system::print_message;
use clap::Subcommand;
use std::process::ExitCode;

/// What people run on their own machines (docs/SHELL.md).
#[derive(Subcommand)]
pub enum Command {
    /// Sign in by the browser, and cache credentials for AWS's tools
    ///
    /// The address of your company's Vestibule is remembered. What is cached is sealed;
    /// the key that opens it lies in the system's keyring, or in a file that is yours alone.
    Login(login::Options),
    /// Write credentials for AWS's tools: for `credential_process` in ~/.aws/config
    ///
    /// From the cache; signs in by the browser if nothing is cached that lasts 5 minutes
    /// more. However many processes ask at once, one browser opens.
    Credentials(credentials::Options),
    /// Run a command with credentials that are renewed while it runs
    ///
    /// Its exit code is the command's own, 128 and the signal's number if a signal ended
    /// it, 127 if there is no such command, 126 if it cannot be run.
    Exec(exec::Options),
    /// Open the AWS console in the browser
    Console(console::Options),
    /// Show, write or remove our part of ~/.aws/config
    ///
    /// Without --write and --remove it shows what it would write, and changes nothing.
    Profiles(profiles::Options),
    /// Remove what is cached, and the keys that open it
    ///
    /// Credentials that a tool has already hold until they expire.
    Logout(logout::Options),
}

/// Runs a command; a failure is one sentence, and a code of the table in docs/SHELL.md.
pub fn run(command: &Command, environment: impl Iterator<Item = (String, String)>) -> ExitCode {
    close_to_others();
    let outcome = Context::new(Environment::new(environment)).and_then(|context| match command {
        Command::Login(options) => block_on(login::run(&context, options)).map(|()| 0),
        Command::Credentials(options) => credentials::run(&context, options).map(|()| 0),
        Command::Exec(options) => block_on(exec::run(context, options)),
        Command::Console(options) => block_on(console::run(&context, options)).map(|()| 0),
        Command::Profiles(options) => profiles::run(&context, options).map(|()| 0),
        Command::Logout(options) => logout::run(&context, options).map(|()| 0),
    });
    ended(outcome)
}

/// Prints a result that needs nothing of what a command needs.
pub fn print(result: &[u8]) -> ExitCode {
    ended(write(result).map(|()| 0))
}

fn ended(outcome: Result<i32, Failure>) -> ExitCode {
    match outcome {
        Ok(code) => exit_with(code),
        Err(Failure { exit, sentence }) => {
            print_message(&format!("vestibule: {sentence}"));
            ExitCode::from(exit.code())
        }
    }
}
