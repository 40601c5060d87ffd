//! Who waits by a key of their own, and opens what is sealed to it.

use vestibule::broker::SessionId;
use vestibule::jose::{self, PrivateKey};

/// Who waits: a page, or a program at a shell.
pub struct Waiting {
    /// Session id, or state.
    pub name: String,
    pub key: PrivateKey,
}

impl Waiting {
    pub fn page(number: u32) -> Self {
        Self { name: format!("session-of-page-{number:06}"), key: PrivateKey::generate().unwrap() }
    }

    pub fn program(number: u32) -> Self {
        Self { name: format!("state-of-shell-{number:07}"), key: PrivateKey::generate().unwrap() }
    }

    pub fn key(&self) -> &str {
        self.key.public_key().as_str()
    }

    pub fn relay_state(&self) -> String {
        format!("{}##{}", self.name, self.key())
    }

    pub fn session(&self) -> SessionId {
        SessionId::parse(&self.name).unwrap()
    }

    pub fn open(&self, jwe: &str) -> String {
        let opened = jose::open(jwe, &self.key, &self.name).unwrap_or_else(|| panic!("not opened: {jwe}"));
        String::from_utf8(opened.to_vec()).unwrap()
    }
}
