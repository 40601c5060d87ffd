//! The commands. Each is a file in this room; what they share is how they
//! load the configuration and how they say what is wrong.

mod check;
pub mod demo;
mod log;
mod serve;

use crate::config::Config;
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit code for a configuration or an environment that the operator must mend
/// (sysexits.h's EX_CONFIG), so that supervisors need not try again.
const EX_CONFIG: u8 = 78;

/// SAML sign-in to short-lived AWS credentials, handed over exactly once.
#[derive(Parser)]
#[command(name = "vestibule", version, arg_required_else_help = true, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Try it: everything embedded, an AD FS look-alike to sign in at, one URL
    ///
    /// No AWS account, no configuration, nothing kept: keys, people and the
    /// database live in a temporary directory that is removed at the end.
    Demo(demo::Options),
    /// Run the service
    ///
    /// Stops at the first SIGTERM or SIGINT, after the logins under way have ended.
    Serve {
        /// The configuration (config/vestibule.toml documents every option)
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Read a configuration and report every fault at once, with its place
    ///
    /// Nothing is started and nothing is written. Exit code 0: usable (warnings
    /// may be printed); 78: not usable.
    Check {
        /// The configuration
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
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
        Command::Demo(options) => demo::run(&options),
        Command::Serve { config } => match load(&config, environment) {
            Some(config) => serve::run(config),
            None => ExitCode::from(EX_CONFIG),
        },
        Command::Check { config } => check::run(&config, environment),
    }
}

/// Loads the configuration, or prints all that is wrong with it.
fn load(path: &Path, environment: impl Iterator<Item = (String, String)>) -> Option<Config> {
    match Config::load(path, environment) {
        Ok(config) => Some(config),
        Err(faults) => {
            say(&faults.to_string());
            None
        }
    }
}

/// Prints to the operator (standard error: standard output is for results).
#[allow(clippy::print_stderr, reason = "the one place where a command speaks to its operator")]
fn say(text: &str) {
    eprintln!("{text}");
}
