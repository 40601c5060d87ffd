//! Opens an address in the person's browser. No shell reads the address.

use super::environment::Environment;
use super::platform::{openers, set_apart};
use std::process::Stdio;
use tokio::process::Command;

/// Whether there is anything that could open an address.
pub(super) fn is_likely(environment: &Environment) -> bool {
    !openers(environment).is_empty()
}

/// Tries one after the other until one does not fail; whether one did.
pub(super) async fn open(environment: &Environment, address: &str) -> bool {
    for opener in openers(environment) {
        let Some(mut command) = command(&opener, address) else { continue };
        // A browser that was started directly ends when it is closed, or when the process does
        // that it handed the address to: an exit of zero is a success, whenever it comes.
        if let Ok(mut child) = command.spawn()
            && child.wait().await.is_ok_and(|status| status.success())
        {
            return true;
        }
    }
    false
}

fn command(opener: &[String], address: &str) -> Option<Command> {
    let (program, arguments) = opener.split_first()?;
    let mut command = Command::new(program);
    let has_place = arguments.iter().any(|argument| argument.contains("%s"));
    command.args(arguments.iter().map(|argument| argument.replace("%s", address)));
    if !has_place {
        command.arg(address);
    }
    // A tool that reads our output must not wait for the browser's.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    set_apart(&mut command);
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_one_argument() {
        let address = "https://a.example/#shell=x;&role=y z";
        for (opener, last) in [("b", address), ("b --url=%s", &*format!("--url={address}"))] {
            let opener: Vec<String> = opener.split(' ').map(str::to_owned).collect();
            let command = command(&opener, address).unwrap();
            assert_eq!(command.as_std().get_args().last().unwrap(), last);
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn one_that_fails_is_followed_by_the_next() {
        let with = |list: &str| Environment::new([("BROWSER".to_owned(), list.to_owned())].into_iter());
        assert!(open(&with("/nonexistent:false:true"), "x").await);
        assert!(!open(&with("/nonexistent:false"), "x").await);
    }
}
