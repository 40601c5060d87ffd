//! The commands, a file or a directory each.

#[cfg(unix)]
mod check;
#[cfg(unix)]
mod doctor;
#[cfg(unix)]
pub mod explain;
#[cfg(unix)]
mod init;
#[cfg(unix)]
mod keys;
#[cfg(unix)]
mod operator;
#[cfg(unix)]
mod outcome;
#[cfg(unix)]
mod rules;
#[cfg(unix)]
mod runtime;
#[cfg(unix)]
mod serve;

#[cfg(feature = "shell")]
use crate::shell;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

/// SAML sign-in to short-lived AWS credentials, handed over exactly once.
#[derive(Parser)]
#[command(name = "vestibule", version, arg_required_else_help = true, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[cfg(unix)]
    #[command(flatten)]
    Operator(Box<operator::Command>),
    #[cfg(feature = "shell")]
    #[command(flatten)]
    Shell(shell::Command),
    /// Write the completions of a shell to standard output
    #[cfg(feature = "shell")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs one command line.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Iterator<Item = (String, String)>,
) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(e) => {
            // clap prints help to stdout and faults to stderr; a closed pipe is no fault of ours.
            e.print().unwrap_or_default();
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
    match arguments.command {
        #[cfg(unix)]
        Command::Operator(command) => operator::run(*command, environment),
        #[cfg(feature = "shell")]
        Command::Shell(command) => shell::run(&command, environment),
        #[cfg(feature = "shell")]
        Command::Completions { shell } => completions(shell),
    }
}

#[cfg(feature = "shell")]
fn completions(shell: clap_complete::Shell) -> ExitCode {
    use clap::CommandFactory;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "vestibule", &mut script);
    shell::print(&script)
}
