//! The key ring in a file. Credentials are sealed with AES-256-GCM, tickets
//! signed with HS256 (RFC 7515), each under a key of its own.
//!
//! A new key is published in the file before anyone signs with it, and every
//! process checks the file at least that often: a rotation fails no login.

use super::keyfile::{self, FileId, KeyBytes, base64_key, random_key};
use crate::adapters::error::OpenError;
use crate::adapters::key_admin::{KeyAdmin, KeyInfo};
use crate::adapters::rotation::{self, RELOAD_INTERVAL, RingKey};
use crate::adapters::seal::{KID_CHARS, Parts, Sealer, random_kid};
use crate::broker::ports::{Clock, KeyRing, KeyRingError, SecureRandom};
use crate::broker::{
    Purpose, Sealed, Ticket, TicketClaims, TicketError, decode_ticket, encode_ticket, ticket_kid,
};
use async_trait::async_trait;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use secrecy::SecretSlice;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use time::{Duration, OffsetDateTime};

/// How long a process relies on the keys it has read before it checks whether
/// the file was replaced.
const REFRESH_INTERVAL: Duration = Duration::seconds(10);

/// How long a new key is in the file before it is used. Longer than
/// [`REFRESH_INTERVAL`], or a ticket could meet a process that does not know its key.
const PUBLISH_INTERVAL: Duration = Duration::seconds(15);

#[derive(Clone, Serialize, Deserialize)]
struct Key {
    kid: String,
    #[serde(with = "time::serde::rfc3339")]
    created: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    signs_from: OffsetDateTime,
    #[serde(with = "base64_key")]
    sealing: KeyBytes,
    #[serde(with = "base64_key")]
    signing: KeyBytes,
}

impl Key {
    fn random(random: &dyn SecureRandom, now: OffsetDateTime, signs_from: OffsetDateTime) -> Self {
        Self {
            kid: random_kid(random),
            created: now,
            signs_from,
            sealing: random_key(random),
            signing: random_key(random),
        }
    }

    fn sealer(&self) -> Result<Sealer, KeyRingError> {
        Sealer::new(&self.kid, &self.sealing).ok_or(KeyRingError::Unavailable)
    }

    fn info(&self) -> KeyInfo {
        KeyInfo { kid: self.kid.clone(), created: self.created, signs_from: self.signs_from }
    }
}

impl RingKey for Key {
    fn kid(&self) -> &str {
        &self.kid
    }
    fn signs_from(&self) -> OffsetDateTime {
        self.signs_from
    }
}

/// The keys, oldest first; the last one whose time has come seals and signs.
#[derive(Serialize, Deserialize)]
struct Ring {
    keys: Vec<Key>,
}

impl keyfile::Content for Ring {
    const KIND: &'static str = "Vestibule key ring";
    fn is_sound(&self) -> bool {
        !self.keys.is_empty() && self.keys.iter().all(|key| key.kid.len() == KID_CHARS)
    }
}

struct Loaded {
    ring: Ring,
    file: FileId,
    looked_at: OffsetDateTime,
    reloaded_for_unknown: Option<OffsetDateTime>,
    /// Whether the file could not be read the last time.
    lost: bool,
}

/// The ring in one file of mode 0600.
pub struct LocalKeyRing {
    path: PathBuf,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
    loaded: Mutex<Loaded>,
}

impl LocalKeyRing {
    /// Opens the file, creating it with one key if it is missing.
    ///
    /// # Errors
    /// [`OpenError`], also if other users could reach the keys.
    pub fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
    ) -> Result<Self, OpenError> {
        let now = clock.now();
        let (ring, file) =
            keyfile::load_or_create(path, &*random, || Ring { keys: vec![Key::random(&*random, now, now)] })?;
        let loaded =
            Mutex::new(Loaded { ring, file, looked_at: now, reloaded_for_unknown: None, lost: false });
        Ok(Self { path: path.to_owned(), clock, random, loaded })
    }

    /// Adds a key, which takes over when every process has seen it, and forgets
    /// those whose tickets and sessions have long died. Answers the new key.
    ///
    /// # Errors
    /// [`OpenError`]; then the ring is as it was.
    pub fn rotate(&self, now: OffsetDateTime) -> Result<KeyInfo, OpenError> {
        let new = Key::random(&*self.random, now, now + PUBLISH_INTERVAL);
        let info = new.info();
        let (ring, file) = keyfile::update(&self.path, &*self.random, |ring: &mut Ring| {
            rotation::add(&mut ring.keys, new, now);
        })?;
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.ring = ring;
        loaded.file = file;
        Ok(info)
    }

    /// The keys, oldest first.
    pub fn list(&self) -> Vec<KeyInfo> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.ring.keys.iter().map(Key::info).collect()
    }

    /// The key that seals and signs, of a file that was looked at so recently.
    fn current(&self, known_for: Duration) -> Result<Key, KeyRingError> {
        let now = self.clock.now();
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if (loaded.lost || (now - loaded.looked_at).abs() >= known_for)
            && let Err(error) = self.look(&mut loaded, now)
        {
            // What is sealed and signed now could not be opened after a restart, and other
            // processes cannot verify it. What was, still can: by the known keys.
            if !loaded.lost {
                tracing::error!(%error, code = "keys_unavailable", "the key ring cannot be read again: no logins");
            }
            loaded.lost = true;
            return Err(KeyRingError::Unavailable);
        }
        if std::mem::take(&mut loaded.lost) {
            tracing::info!(code = "keys_unavailable", "the key ring can be read again");
        }
        rotation::current(&loaded.ring.keys, now).cloned().ok_or(KeyRingError::Unavailable)
    }

    /// `None`: no key of this name, even after reading the file again.
    fn named(&self, kid: &str) -> Result<Option<Key>, KeyRingError> {
        let now = self.clock.now();
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = rotation::named(&loaded.ring.keys, kid) {
            return Ok(Some(key.clone()));
        }
        if loaded.reloaded_for_unknown.is_some_and(|last| (now - last).abs() < RELOAD_INTERVAL) {
            return Ok(None);
        }
        loaded.reloaded_for_unknown = Some(now);
        self.look(&mut loaded, now).map_err(|error| {
            tracing::error!(%error, "the key ring cannot be read again");
            KeyRingError::Unavailable
        })?;
        Ok(rotation::named(&loaded.ring.keys, kid).cloned())
    }

    /// Reads the file again if it is another one.
    fn look(&self, loaded: &mut Loaded, now: OffsetDateTime) -> Result<(), OpenError> {
        if FileId::at(&self.path)? != loaded.file {
            (loaded.ring, loaded.file) = keyfile::load(&self.path)?;
        }
        loaded.looked_at = now;
        Ok(())
    }
}

#[async_trait]
impl KeyRing for LocalKeyRing {
    async fn seal(&self, purpose: &Purpose, plaintext: &SecretSlice<u8>) -> Result<Sealed, KeyRingError> {
        self.current(REFRESH_INTERVAL)?.sealer()?.seal(purpose, plaintext, &*self.random)
    }

    async fn open(&self, purpose: &Purpose, sealed: &Sealed) -> Result<SecretSlice<u8>, KeyRingError> {
        let parts = Parts::of(sealed).ok_or(KeyRingError::BrokenSeal)?;
        let key = self.named(parts.kid)?.ok_or(KeyRingError::BrokenSeal)?;
        key.sealer()?.open(purpose, parts)
    }

    async fn sign(&self, claims: &TicketClaims) -> Result<Ticket, KeyRingError> {
        let key = self.current(REFRESH_INTERVAL)?;
        encode_ticket(claims, &key.kid, Algorithm::HS256, &EncodingKey::from_secret(&key.signing))
            .map_err(|_| KeyRingError::Unavailable)
    }

    /// Looks at the file now: a probe is not to be told what was.
    async fn ready(&self) -> Result<(), KeyRingError> {
        self.current(Duration::ZERO).map(|_| ())
    }

    async fn verify(&self, token: &str) -> Result<TicketClaims, TicketError> {
        let kid = ticket_kid(token)?;
        let key = self.named(&kid).map_err(|_| TicketError::KeysUnavailable)?.ok_or(TicketError::Invalid)?;
        decode_ticket(token, Algorithm::HS256, &DecodingKey::from_secret(&key.signing))
    }

    fn created(&self) -> Option<OffsetDateTime> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        rotation::current(&loaded.ring.keys, self.clock.now()).map(|key| key.created)
    }
}

#[async_trait]
impl KeyAdmin for LocalKeyRing {
    async fn create(&self) -> Result<KeyInfo, String> {
        // Opening the ring has made its first key.
        self.list().pop().ok_or_else(|| "the key ring is empty".to_owned())
    }

    async fn rotate(&self) -> Result<KeyInfo, String> {
        Self::rotate(self, self.clock.now()).map_err(|e| e.to_string())
    }

    async fn list(&self) -> Result<Vec<KeyInfo>, String> {
        Ok(Self::list(self))
    }
}
