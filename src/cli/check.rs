//! `vestibule check`: every fault of a configuration at once.

use super::{EX_CONFIG, load, say};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(path: &Path, environment: impl Iterator<Item = (String, String)>) -> ExitCode {
    let Some(config) = load(path, environment) else {
        return ExitCode::from(EX_CONFIG);
    };
    for warning in &config.warnings {
        say(&format!("warning: {warning}"));
    }
    for idp in config.broker.providers.iter() {
        say(&format!("identity provider {}: {}, {} signing key(s)", idp.name, idp.entity_id, idp.keys.len()));
    }
    say(&format!("{}: usable", path.display()));
    ExitCode::SUCCESS
}
