//! What is cached: one sealed file for a server and a role. Its key lies elsewhere.
//!
//! A file is replaced whole, and a key has a name of its own. So whoever is killed between two
//! steps leaves the old entry with its key or the new one with its own, and perhaps a key
//! that no entry names: it has a mark, by which the next writer removes it.

use super::document::{Document, moment};
use super::exit::Failure;
use super::files::{self, Held};
use super::keys::KeyPlace;
use super::server::Server;
use crate::jose::{self, PrivateKey};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::path::PathBuf;
use time::{Duration, OffsetDateTime};

/// With less left, credentials are renewed rather than given: what a tool begins with them
/// should not end in the middle.
pub(super) const LEAST_LEFT: Duration = Duration::minutes(5);

/// What lies in a file, in clear but for `jwe`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) server: String,
    pub(super) role: String,
    pub(super) account: String,
    pub(super) user: String,
    pub(super) expiration: String,
    #[serde(default)]
    pub(super) region: Option<String>,
    /// The login's own: the JWE is bound to it.
    pub(super) state: String,
    /// The public key that the JWE is sealed to.
    pub(super) key: String,
    pub(super) key_place: KeyPlace,
    /// As it came from the service.
    pub(super) jwe: String,
}

impl Entry {
    /// Whether enough is left of it.
    pub(super) fn is_fresh(&self, now: OffsetDateTime) -> bool {
        moment(&self.expiration).is_some_and(|at| at - now >= LEAST_LEFT)
    }

    fn key_name(&self) -> String {
        key_name(&id(&self.server, &self.role), &self.key)
    }
}

fn key_name(id: &str, key: &str) -> String {
    format!("{id}.{}", key.get(..16).unwrap_or(key))
}

/// The name of what belongs to a server and a role (empty: to whichever is chosen).
pub(super) fn id(server: &str, role: &str) -> String {
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("{server}\0{role}").as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing into a string cannot fail.
        write!(hex, "{byte:02x}").unwrap_or_default();
        hex
    })
}

/// The directory with the entries.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    pub(super) directory: PathBuf,
}

impl Cache {
    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}.json"))
    }

    fn entry(&self, id: &str) -> Result<Option<Entry>, Failure> {
        // What is not whole or of another version is as good as none.
        Ok(files::read(&self.path(id))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// What is cached for a role.
    pub(super) fn find(&self, server: &Server, role: &str) -> Result<Option<Entry>, Failure> {
        let entry = self.entry(&id(server.as_str(), role))?;
        Ok(entry.filter(|entry| entry.server == server.as_str() && entry.role == role))
    }

    /// Everything that is cached.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, Failure> {
        let names = files::names(&self.directory)?;
        let ids = names.iter().filter_map(|name| name.strip_suffix(".json"));
        ids.filter_map(|id| self.entry(id).transpose()).collect()
    }

    /// Opens an entry; `None` if its key is gone, or was another's.
    ///
    /// # Errors
    ///
    /// The keyring or the disk refuses.
    pub(super) fn open(&self, entry: &Entry) -> Result<Option<Document>, Failure> {
        let Some(key) = entry.key_place.get(&self.directory, &entry.key_name())? else { return Ok(None) };
        let opened = jose::open(&entry.jwe, &key, &entry.state);
        let document = opened.and_then(|json| Document::read(&json));
        // What is readable by all must not say more than what is sealed.
        Ok(document.filter(|document| {
            document.role == entry.role && document.credentials.expiration == entry.expiration
        }))
    }

    /// The entry for a role with enough left, opened.
    ///
    /// # Errors
    ///
    /// The keyring or the disk refuses.
    pub(super) fn fresh(
        &self,
        server: &Server,
        role: &str,
        now: OffsetDateTime,
    ) -> Result<Option<(Entry, Document)>, Failure> {
        // A second look: another process may have replaced entry and key after the first.
        for _ in 0..2 {
            let Some(entry) = self.find(server, role)?.filter(|entry| entry.is_fresh(now)) else {
                return Ok(None);
            };
            if let Some(document) = self.open(&entry)? {
                return Ok(Some((entry, document)));
            }
        }
        Ok(None)
    }

    /// Keeps an entry and the key that opens it.
    ///
    /// # Errors
    ///
    /// The keyring or the disk refuses; what was cached before is still there.
    pub(super) fn store(&self, entry: &Entry, key: &PrivateKey) -> Result<(), Failure> {
        let _held = Held::take(&self.directory)?;
        self.remove_unnamed_keys()?;
        let id = id(&entry.server, &entry.role);
        let name = entry.key_name();
        if let Some(old) = self.entry(&id)? {
            self.mark(&old.key_name(), old.key_place)?;
        }
        self.mark(&name, entry.key_place)?;
        entry.key_place.put(&self.directory, &name, key)?;
        let json = serde_json::to_vec(entry)
            .map_err(|e| Failure::disk(&self.path(&id), &std::io::Error::other(e)))?;
        files::write_private(&self.path(&id), &json)?;
        self.remove_unnamed_keys()
    }

    /// Removes an entry and its key; others' are left.
    ///
    /// # Errors
    ///
    /// The keyring or the disk refuses.
    pub(super) fn remove(&self, entry: &Entry) -> Result<(), Failure> {
        let _held = Held::take(&self.directory)?;
        let id = id(&entry.server, &entry.role);
        // The key first: without it the rest is worth nothing.
        entry.key_place.remove(&self.directory, &entry.key_name())?;
        files::remove(&self.path(&id))?;
        self.remove_unnamed_keys()
    }

    /// Notes that there may be a key of this name.
    fn mark(&self, name: &str, place: KeyPlace) -> Result<(), Failure> {
        files::write_private(&self.directory.join(format!("{name}.mark")), place.word().as_bytes())
    }

    /// Removes each marked key that no entry names, and the marks.
    fn remove_unnamed_keys(&self) -> Result<(), Failure> {
        for file in files::names(&self.directory)? {
            let Some(name) = file.strip_suffix(".mark") else { continue };
            let id = name.split('.').next().unwrap_or_default();
            if self.entry(id)?.is_none_or(|entry| entry.key_name() != name) {
                let mark = files::read(&self.directory.join(&file))?;
                let place = match mark.as_deref() {
                    Some(b"keyring") => KeyPlace::Keyring,
                    _ => KeyPlace::File,
                };
                // A keyring that is locked now keeps its mark.
                if place.remove(&self.directory, name).is_err() {
                    continue;
                }
            }
            files::remove(&self.directory.join(&file))?;
        }
        Ok(())
    }

    fn last_path(&self, server: &Server) -> PathBuf {
        self.directory.join(format!("{}.last", id(server.as_str(), "")))
    }

    /// The role that was chosen last at this server.
    pub(super) fn last_role(&self, server: &Server) -> Result<Option<String>, Failure> {
        let role = files::read(&self.last_path(server))?.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(role.filter(|role| !role.is_empty()))
    }

    pub(super) fn remember_role(&self, server: &Server, role: &str) -> Result<(), Failure> {
        // Who holds the directory removes what looks half-written.
        let _held = Held::take(&self.directory)?;
        files::write_private(&self.last_path(server), role.as_bytes())
    }

    pub(super) fn forget_role(&self, server: &Server) -> Result<(), Failure> {
        files::remove(&self.last_path(server)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::document::EXAMPLE;

    const ROLE: &str = "arn:aws:iam::123456789012:role/Reader";

    fn server() -> Server {
        Server::parse("https://a.example").unwrap()
    }

    fn entry() -> (Entry, PrivateKey) {
        let key = PrivateKey::generate().unwrap();
        let jwe = jose::seal(EXAMPLE.as_bytes(), key.public_key(), "jti", "state", "json").unwrap();
        let entry = Entry {
            server: server().as_str().into(),
            role: ROLE.into(),
            account: "123456789012".into(),
            user: "ada".into(),
            expiration: "2026-11-28T13:00:00Z".into(),
            region: None,
            state: "state".into(),
            key: key.public_key().as_str().into(),
            key_place: KeyPlace::File,
            jwe,
        };
        (entry, key)
    }

    fn at(text: &str) -> OffsetDateTime {
        moment(text).unwrap()
    }

    #[test]
    fn what_is_stored_is_found_until_it_is_stale_or_removed() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache { directory: dir.path().join("c") };
        let fresh = |now| cache.fresh(&server(), ROLE, at(now)).unwrap();
        assert!(fresh("2026-11-28T12:00:00Z").is_none());
        for _ in 0..2 {
            let (entry, key) = entry();
            cache.store(&entry, &key).unwrap();
            assert_eq!(fresh("2026-11-28T12:55:00Z").unwrap().1.user, "ada");
            assert!(fresh("2026-11-28T12:55:01Z").is_none());
            // The entry, its key, the lock; nothing of the entry before.
            assert_eq!(files::names(&cache.directory).unwrap().len(), 3);
        }
        let found = cache.entries().unwrap();
        cache.remove(&found[0]).unwrap();
        assert_eq!(files::names(&cache.directory).unwrap(), ["store.lock"]);
    }

    #[test]
    fn an_entry_without_its_key_or_with_other_words_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache { directory: dir.path().to_owned() };
        let (entry, key) = entry();
        cache.store(&entry, &key).unwrap();
        assert!(cache.open(&entry).unwrap().is_some());
        let longer = Entry { expiration: "2027-11-28T13:00:00Z".into(), ..entry.clone() };
        assert!(cache.open(&longer).unwrap().is_none());
        let other = Entry { state: "other".into(), ..entry.clone() };
        assert!(cache.open(&other).unwrap().is_none());
        entry.key_place.remove(&cache.directory, &entry.key_name()).unwrap();
        assert!(cache.open(&entry).unwrap().is_none());
    }

    #[test]
    fn a_key_that_no_entry_names_is_removed_by_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache { directory: dir.path().to_owned() };
        let (killed, key) = entry();
        // Killed between key and entry.
        cache.mark(&killed.key_name(), KeyPlace::File).unwrap();
        KeyPlace::File.put(&cache.directory, &killed.key_name(), &key).unwrap();
        assert_eq!(files::names(dir.path()).unwrap().len(), 2);
        let (entry, key) = entry();
        cache.store(&entry, &key).unwrap();
        assert_eq!(files::names(dir.path()).unwrap().len(), 3);
        assert!(cache.open(&entry).unwrap().is_some());
    }

    #[test]
    fn a_broken_entry_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache { directory: dir.path().to_owned() };
        std::fs::write(cache.path(&id(server().as_str(), ROLE)), "{\"server\":").unwrap();
        assert!(cache.find(&server(), ROLE).unwrap().is_none());
        assert!(cache.entries().unwrap().is_empty());
    }

    #[test]
    fn the_last_role_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache { directory: dir.path().join("new") };
        assert_eq!(cache.last_role(&server()).unwrap(), None);
        cache.remember_role(&server(), ROLE).unwrap();
        assert_eq!(cache.last_role(&server()).unwrap().as_deref(), Some(ROLE));
        cache.forget_role(&server()).unwrap();
        assert_eq!(cache.last_role(&server()).unwrap(), None);
    }
}
