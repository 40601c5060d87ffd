//! The commands for who runs the service.

use super::runtime::in_runtime;
use super::{check, doctor, explain, init, keys, rules, serve};
#[cfg(feature = "demo")]
use crate::demo;
use clap::Subcommand;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(super) enum Command {
    /// Try it: everything embedded, an AD FS look-alike to sign in at, one URL
    ///
    /// No AWS account, nothing to configure, nothing kept: configuration, keys and
    /// database are in a temporary directory that is removed at the end.
    #[cfg(feature = "demo")]
    Demo(demo::Options),
    /// Run the service
    ///
    /// Stops at the first SIGTERM or SIGINT, after the logins under way have ended.
    /// Reads the configuration again at SIGHUP, and keeps the old one if it has a fault.
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
        /// Ask the Parameter Store for values that are references (ssm:…), with
        /// the credentials of this process; else they are left unchecked
        #[arg(long)]
        resolve: bool,
    },
    /// Look whether everything is as it must be, and say what to do if not
    ///
    /// Metadata and certificates, IAM's copy of them, STS and its clock, KMS with
    /// its context, tables, trust policies, permissions; files and disk where
    /// they are local. Changes nothing. Exit code 0: nothing wrong was found
    /// (what could not be looked at is listed as unknown); 1: warnings; 2: faults, or
    /// an argument is wrong.
    Doctor(doctor::Options),
    /// Say why a response would be accepted or refused, step by step
    ///
    /// Offline, by the functions that judge in the service: the signature and its
    /// key, every check with the clock, the values by name and length, each rule.
    /// FILE is a credential while it lasts: keep it as one. Exit code 0: would be
    /// accepted, as far as it can be told offline, or would begin a login at the
    /// page; 1: would be refused; 2: FILE cannot be read, or an argument is wrong;
    /// 78: the configuration is not usable.
    Explain(explain::Options),
    /// Write what is special to a site: configuration, AD FS script, trust policy
    ///
    /// From the identity provider's metadata. All files or none are written, and
    /// none is overwritten without --force. The README.md among them says what to do
    /// with them. Exit code 78: all that is wrong with the options is said at once.
    Init(init::Options),
    /// Ask the rules about somebody made up: their tests, or one question
    Rules {
        #[command(subcommand)]
        command: rules::Command,
    },
    /// The keys that seal waiting credentials and sign tickets
    Keys {
        #[command(subcommand)]
        command: keys::Command,
    },
}

pub(super) fn run(command: Command, environment: impl Iterator<Item = (String, String)>) -> ExitCode {
    match command {
        #[cfg(feature = "demo")]
        Command::Demo(options) => in_runtime(demo::run(&options)),
        Command::Serve { config } => in_runtime(serve::run(&config, environment)),
        Command::Check { config, resolve } => in_runtime(check::run(&config, resolve, environment)),
        Command::Doctor(options) => doctor::run(&options, environment),
        Command::Explain(options) => explain::run(&options, environment),
        Command::Init(options) => in_runtime(async move { init::run(&options).await }),
        Command::Rules { command } => rules::run(command, environment),
        Command::Keys { command } => in_runtime(keys::run(command, environment)),
    }
}
