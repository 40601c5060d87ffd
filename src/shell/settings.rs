//! `shell.toml`: the server, and where keys are kept. It has no secret.

use super::environment::Environment;
use super::exit::{Exit, Failure};
use super::files;
use super::keys::KeyPlace;
use super::server::Server;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What a person has set, or a sign-in remembered.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) server: Option<Server>,
    /// Where the keys of new sign-ins are kept; without it the keyring, where there is one.
    pub(super) cache: Option<KeyPlace>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    server: Option<String>,
    cache: Option<KeyPlace>,
}

impl Settings {
    pub(super) fn read(environment: &Environment) -> Result<Self, Failure> {
        let path = path(environment)?;
        match files::read(&path)? {
            None => Ok(Self::default()),
            Some(bytes) => Self::parse(&path, &bytes),
        }
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Failure> {
        let fault = |line: usize, what: &str| {
            Failure::new(
                Exit::Configuration,
                format!("{}, line {line}: {what}; correct the file or remove it", path.display()),
            )
        };
        let text = std::str::from_utf8(bytes).map_err(|_| fault(1, "it is not UTF-8"))?;
        let line = |at: usize| text.bytes().take(at).filter(|b| *b == b'\n').count() + 1;
        let read: Text = toml::from_str(text)
            .map_err(|e| fault(line(e.span().map_or(0, |span| span.start)), e.message().trim()))?;
        let server = read.server.as_deref().map(Server::parse).transpose().map_err(|failure| {
            let at = text.find("server").unwrap_or_default();
            fault(line(at), &failure.sentence)
        })?;
        Ok(Self { server, cache: read.cache })
    }

    /// Keeps the person's own lines as they are.
    pub(super) fn remember(
        environment: &Environment,
        server: Option<&Server>,
        cache: Option<KeyPlace>,
    ) -> Result<(), Failure> {
        let path = path(environment)?;
        let old = files::read(&path)?.unwrap_or_default();
        let old = String::from_utf8_lossy(&old);
        let mut new = old.clone().into_owned();
        if let Some(server) = server {
            // TOML's basic strings and Rust's differ in no character that an address may have.
            new = with_line(&new, "server", &format!("{:?}", server.as_str()));
        }
        if let Some(cache) = cache {
            new = with_line(&new, "cache", &format!("{:?}", cache.word()));
        }
        if new == old {
            return Ok(());
        }
        if let Some(directory) = path.parent() {
            files::private_directory(directory)?;
        }
        files::write_private(&path, new.as_bytes())
    }
}

fn path(environment: &Environment) -> Result<PathBuf, Failure> {
    Ok(environment.config_directory()?.join("shell.toml"))
}

/// The text with `key = value`, in the place of the line that has the key now.
fn with_line(text: &str, key: &str, value: &str) -> String {
    let new = format!("{key} = {value}\n");
    let is_its = |line: &&str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    match lines.iter().position(is_its) {
        Some(index) => {
            if let Some(line) = lines.get_mut(index) {
                *line = &new;
            }
        }
        None => lines.insert(0, &new),
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::environment::CONFIG;

    fn parse(text: &str) -> Result<Settings, Failure> {
        Settings::parse(Path::new("shell.toml"), text.as_bytes())
    }

    #[test]
    fn a_fault_has_its_place() {
        for (text, place) in [
            ("server = \"https://a.example\"\ncolour = 1\n", "line 2"),
            ("\nserver = \"http://a.example\"\n", "line 2"),
            ("cache = \"cloud\"", "line 1"),
            ("server = ", "line 1"),
        ] {
            let failure = parse(text).unwrap_err();
            assert!(failure.sentence.contains(place), "{}", failure.sentence);
            assert_eq!(failure.exit, Exit::Configuration);
            assert!(!failure.sentence.contains('\n'), "{}", failure.sentence);
        }
    }

    #[test]
    fn what_is_remembered_is_read_and_the_rest_stays() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap().to_owned();
        let environment = Environment::new([(CONFIG.0.to_owned(), home)].into_iter());
        assert_eq!(Settings::read(&environment).unwrap(), Settings::default());
        let server = Server::parse("https://a.example").unwrap();
        Settings::remember(&environment, Some(&server), None).unwrap();
        let path = path(&environment).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("# mine\n{text}")).unwrap();
        let server = Server::parse("https://b.example").unwrap();
        Settings::remember(&environment, Some(&server), Some(KeyPlace::File)).unwrap();
        let read = Settings::read(&environment).unwrap();
        assert_eq!(read, Settings { server: Some(server), cache: Some(KeyPlace::File) });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "cache = \"file\"\n# mine\nserver = \"https://b.example\"\n");
    }
}
