//! `vestibule exec`: a command that has credentials for as long as it runs.

use super::aws_config::sections;
use super::cache::Entry;
use super::context::Context;
use super::endpoint::Endpoint;
use super::environment::Environment;
use super::exit::{Exit, Failure};
use super::files;
use super::obtain::{Wanted, WantedOptions, obtain};
use super::platform::{self, EMPTY_FILE, Signals, code};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::PathBuf;
use tokio::process::Command;

/// Of the command.
#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    wanted: WantedOptions,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What AWS's tools would take credentials from before they ask an endpoint.
const REMOVED: [&str; 13] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CREDENTIAL_FILE",
];

/// The command's own exit code; 128 and the signal's number, if one ended it.
///
/// # Errors
///
/// Nobody signs in, or the command cannot be run.
pub(super) async fn run(context: Context, options: &Options) -> Result<i32, Failure> {
    let wanted = Wanted::new(&context, &options.wanted)?;
    let found = obtain(&context, &wanted).await?;
    // The command keeps its role, whatever is chosen last meanwhile.
    let wanted = Wanted { role: Some(found.0.role.clone()), ..wanted };
    let mut command = command(&context, &found.0, &options.command)?;
    let endpoint = Endpoint::serve(context, wanted, found).await?;
    for (name, value) in endpoint.variables() {
        command.env(name, value.as_str());
    }
    // Before the command, so that a signal in between is not lost.
    let mut signals = Signals::catch()
        .map_err(|e| Failure::new(Exit::Failed, format!("signals cannot be caught: {e}; run this again")))?;
    let mut child = command.spawn().map_err(|e| cannot_run(&options.command, &e))?;
    drop(command);
    let id = child.id();
    let ended = tokio::select! {
        ended = child.wait() => ended,
        never = signals.send_on(id) => match never {},
    };
    let status = ended.map_err(|e| Failure::new(Exit::Failed, format!("the command was lost: {e}")))?;
    Ok(code(status))
}

fn command(context: &Context, entry: &Entry, words: &[OsString]) -> Result<Command, Failure> {
    let nothing = || Failure::new(Exit::Usage, "name a command behind --");
    let (program, arguments) = words.split_first().ok_or_else(nothing)?;
    let mut command = Command::new(platform::program(program, &context.environment));
    command.args(arguments);
    for name in REMOVED {
        command.env_remove(name);
    }
    let given = |name| context.environment.get(name);
    let region = given("AWS_REGION").or(given("AWS_DEFAULT_REGION")).or(entry.region.as_deref());
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        if let Some(region) = region.filter(|_| given(name).is_none()) {
            command.env(name, region);
        }
    }
    for (name, path) in winning_files(&context.environment)? {
        context.say(&format!(
            "{} gives its [default] profile credentials of its own; the command does not see that file",
            path.display()
        ));
        command.env(name, EMPTY_FILE);
    }
    Ok(command)
}

/// AWS's files whose `[default]` would win over an endpoint: with other credentials than those
/// that were asked for, a command would do its work in another account.
fn winning_files(environment: &Environment) -> Result<Vec<(&'static str, PathBuf)>, Failure> {
    let files = [
        ("AWS_SHARED_CREDENTIALS_FILE", environment.aws_credentials()?),
        ("AWS_CONFIG_FILE", environment.aws_config()?),
    ];
    let wins = |(_, path): &(&str, PathBuf)| {
        // What cannot be read by us cannot be read by the command.
        let bytes = files::read(path).ok().flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        sections(&text)
            .is_ok_and(|all| all.iter().any(|section| section.name == "default" && section.has_credentials()))
    };
    Ok(files.into_iter().filter(wins).collect())
}

fn cannot_run(words: &[OsString], error: &std::io::Error) -> Failure {
    let name = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    if error.kind() == ErrorKind::NotFound {
        return Failure::new(Exit::NotFound, format!("{name}: there is no such command; see PATH"));
    }
    // A script of Windows reads some arguments as commands (BatBadBut), and gets none of those.
    if error.kind() == ErrorKind::InvalidInput {
        let sentence = format!("{name} cannot be given these arguments ({error}); call its program itself");
        return Failure::new(Exit::NotExecutable, sentence);
    }
    Failure::new(Exit::NotExecutable, format!("{name} cannot be run ({error}); see its mode and its kind"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::environment::HOME;

    #[test]
    fn a_default_profile_with_credentials_would_win() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap().to_owned();
        let environment = Environment::new([(HOME.to_owned(), home)].into_iter());
        let aws = dir.path().join(".aws");
        std::fs::create_dir(&aws).unwrap();
        let names =
            || -> Vec<&str> { winning_files(&environment).unwrap().iter().map(|(name, _)| *name).collect() };
        std::fs::write(aws.join("config"), "[default]\nregion = a\n[profile b]\nrole_arn = c\n").unwrap();
        assert_eq!(names(), [""; 0]);
        std::fs::write(aws.join("credentials"), "[default]\naws_access_key_id = a\n").unwrap();
        assert_eq!(names(), ["AWS_SHARED_CREDENTIALS_FILE"]);
        std::fs::write(aws.join("config"), "[default]\nsso_session = a\n").unwrap();
        assert_eq!(names(), ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"]);
    }
}
