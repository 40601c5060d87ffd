//! What every command needs: the environment, the settings, the cache, the clock, the terminal.

use super::cache::Cache;
use super::environment::Environment;
use super::exit::{Exit, Failure};
use super::remote::printable;
use super::server::Server;
use super::settings::Settings;
use crate::broker::ports::Clock;
use crate::system::{SystemClock, print_message};
use std::io::IsTerminal;
use time::OffsetDateTime;

pub(super) struct Context {
    pub(super) environment: Environment,
    pub(super) cache: Cache,
    pub(super) settings: Settings,
    pub(super) clock: SystemClock,
    /// Whether somebody reads standard error as it comes.
    pub(super) is_watched: bool,
}

impl Context {
    pub(super) fn new(environment: Environment) -> Result<Self, Failure> {
        Ok(Self {
            cache: Cache { directory: environment.cache_directory()? },
            settings: Settings::read(&environment)?,
            environment,
            clock: SystemClock,
            is_watched: std::io::stderr().is_terminal(),
        })
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// The server that was named, or that is remembered.
    pub(super) fn server(&self, named: Option<&str>) -> Result<Server, Failure> {
        match named.or(self.environment.get("VESTIBULE_SERVER")) {
            Some(address) => Server::parse(address),
            None => self.settings.server.clone().ok_or_else(|| {
                Failure::new(
                    Exit::Configuration,
                    "no server is known; run `vestibule login https://…` with your company's address once",
                )
            }),
        }
    }

    /// The role that was named, or chosen last, or is the only one cached.
    pub(super) fn role(&self, server: &Server, named: Option<&str>) -> Result<Option<String>, Failure> {
        if let Some(role) = named {
            return Ok(Some(role.to_owned()));
        }
        if let Some(role) = self.cache.last_role(server)? {
            self.progress(&format!("the role that was chosen last: {}", printable(&role)));
            return Ok(Some(role));
        }
        let mut cached: Vec<_> =
            self.cache.entries()?.into_iter().filter(|entry| entry.server == server.as_str()).collect();
        Ok(if cached.len() == 1 { cached.pop().map(|entry| entry.role) } else { None })
    }

    /// What somebody must see, and a tool may show.
    pub(super) fn say(&self, sentence: &str) {
        print_message(&format!("vestibule: {sentence}"));
    }

    /// What is of use only while one waits.
    pub(super) fn progress(&self, sentence: &str) {
        if self.is_watched {
            self.say(sentence);
        }
    }
}
