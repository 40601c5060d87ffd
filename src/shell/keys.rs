//! Where the private keys lie that open what is cached: the system's keyring, or files.
//!
//! Each key has a name of its own: in Linux's keyring a second session that wrote the same name
//! would hide its key from the first one, since the session keyring is searched before the
//! person's persistent one.

use super::exit::{Exit, Failure};
use super::files;
use super::platform::{KEYRING, keyring_entry};
use crate::jose::PrivateKey;
use keyring_core::Entry;
use serde::{Deserialize, Serialize};
use std::path::Path;
use zeroize::Zeroizing;

const SERVICE: &str = "vestibule";

/// Where a key lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum KeyPlace {
    /// The system's keyring
    Keyring,
    /// A file beside the cache that its owner alone reads
    File,
}

impl KeyPlace {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
        }
    }

    /// For people.
    pub(super) const fn described(self) -> &'static str {
        match self {
            Self::Keyring => KEYRING,
            Self::File => "a file that is yours alone",
        }
    }

    /// What was wanted, if it works; else the keyring, where one works.
    ///
    /// # Errors
    ///
    /// The keyring was wanted, and does not work. Said before anybody signs in for nothing.
    pub(super) fn usable(wanted: Option<Self>, directory: &Path) -> Result<Self, Failure> {
        match wanted {
            Some(Self::File) => Ok(Self::File),
            Some(Self::Keyring) if Self::probe(directory)? == Self::File => Err(refused(&"it keeps nothing")),
            Some(Self::Keyring) => Ok(Self::Keyring),
            None => Self::probe(directory),
        }
    }

    /// One at a time: who tries the keyring removes what another one has tried there.
    fn probe(directory: &Path) -> Result<Self, Failure> {
        let path = directory.join("keyring.lock");
        let lock = files::lock_file(&path)?;
        lock.lock().map_err(|e| Failure::disk(&path, &e))?;
        let works = || {
            let entry = entry("probe").ok()?;
            entry.set_secret(b"probe").ok()?;
            let read = entry.get_secret().ok()?;
            entry.delete_credential().ok();
            (read == b"probe").then_some(())
        };
        Ok(if works().is_some() { Self::Keyring } else { Self::File })
    }

    /// # Errors
    ///
    /// The keyring or the disk refuses.
    pub(super) fn put(self, directory: &Path, name: &str, key: &PrivateKey) -> Result<(), Failure> {
        let bytes =
            key.to_bytes().map_err(|_| Failure::new(Exit::Failed, "the key cannot be written out"))?;
        match self {
            Self::File => files::write_private(&file(directory, name), bytes.as_slice()),
            Self::Keyring => entry(name)?.set_secret(bytes.as_slice()).map_err(|e| refused(&e)),
        }
    }

    /// The key; `None` if it is not there, or none.
    ///
    /// # Errors
    ///
    /// The keyring or the disk refuses.
    pub(super) fn get(self, directory: &Path, name: &str) -> Result<Option<PrivateKey>, Failure> {
        let bytes = match self {
            Self::File => files::read(&file(directory, name))?,
            Self::Keyring => match entry(name)?.get_secret() {
                Ok(bytes) => Some(bytes),
                Err(keyring_core::Error::NoEntry) => None,
                Err(e) => return Err(refused(&e)),
            },
        };
        Ok(bytes.map(Zeroizing::new).and_then(|bytes| PrivateKey::from_bytes(&bytes)))
    }

    /// Removes it, if it is there.
    ///
    /// # Errors
    ///
    /// The keyring or the disk refuses.
    pub(super) fn remove(self, directory: &Path, name: &str) -> Result<(), Failure> {
        match self {
            Self::File => files::remove(&file(directory, name)).map(drop),
            Self::Keyring => match entry(name)?.delete_credential() {
                Ok(()) | Err(keyring_core::Error::NoEntry) => Ok(()),
                Err(e) => Err(refused(&e)),
            },
        }
    }
}

fn file(directory: &Path, name: &str) -> std::path::PathBuf {
    directory.join(format!("{name}.key"))
}

fn entry(name: &str) -> Result<Entry, Failure> {
    keyring_entry(SERVICE, name).map_err(|e| refused(&e))
}

fn refused(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        Exit::Keyring,
        format!(
            "the system's keyring refuses ({error}); unlock it, or sign in with `vestibule login --cache file`"
        ),
    )
}
