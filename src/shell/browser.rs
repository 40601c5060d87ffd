//! Opens an address in the person's browser. No shell reads the address.

use super::environment::Environment;
use std::process::Stdio;
use tokio::process::Command;

/// What may open an address, best first; the address is the last argument, or where `%s` stands.
fn openers(environment: &Environment) -> Vec<Vec<String>> {
    let words = |command: &str| command.split_whitespace().map(str::to_owned).collect();
    let mut openers: Vec<Vec<String>> =
        environment.get("BROWSER").into_iter().flat_map(|list| list.split(':')).map(words).collect();
    let system: &[&str] = if cfg!(target_os = "macos") {
        // Over SSH a window would open on a screen that nobody looks at.
        if environment.get("SSH_CONNECTION").is_none() { &["open"] } else { &[] }
    } else if environment.get("WSL_DISTRO_NAME").is_some() {
        &["wslview", "rundll32.exe url.dll,FileProtocolHandler"]
    } else if environment.get("DISPLAY").or(environment.get("WAYLAND_DISPLAY")).is_some() {
        &["xdg-open"]
    } else {
        // xdg-open would look for a browser in the terminal.
        &[]
    };
    openers.extend(system.iter().map(|command| words(command)));
    openers.retain(|words| !words.is_empty());
    openers
}

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
    // A tool that reads our output must not wait for the browser's; Ctrl-C is not for it.
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    Some(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_persons_choice_comes_first() {
        let openers = |variables: &[(&str, &str)]| -> Vec<String> {
            openers(&environment(variables)).iter().map(|words| words.join(" ")).collect()
        };
        if cfg!(target_os = "linux") {
            assert_eq!(
                openers(&[("BROWSER", "firefox -P work %s:w3m"), ("DISPLAY", ":0")]),
                ["firefox -P work %s", "w3m", "xdg-open"]
            );
            assert_eq!(openers(&[]), [""; 0]);
            assert_eq!(openers(&[("WSL_DISTRO_NAME", "Debian")]).first().unwrap(), "wslview");
        }
    }

    #[test]
    fn the_address_is_one_argument() {
        let address = "https://a.example/#shell=x;&role=y z";
        for (opener, last) in [("b", address), ("b --url=%s", &*format!("--url={address}"))] {
            let opener: Vec<String> = opener.split(' ').map(str::to_owned).collect();
            let command = command(&opener, address).unwrap();
            assert_eq!(command.as_std().get_args().last().unwrap(), last);
        }
    }

    #[tokio::test]
    async fn one_that_fails_is_followed_by_the_next() {
        assert!(open(&environment(&[("BROWSER", "/nonexistent:false:true")]), "x").await);
        assert!(!open(&environment(&[("BROWSER", "/nonexistent:false")]), "x").await);
    }
}
