//! The key ring: its current key seals and signs; it is read again when it is due.

use super::data_key::DataKey;
use super::jws::{self, PublicKey};
use super::past::Past;
use super::ring::{Entry, KmsAlgorithm, Ring, TicketSigner};
use super::service::{Kms, Reason};
use super::table::RingTable;
use crate::adapters::key_admin::{KeyAdmin, KeyInfo};
use crate::adapters::key_marker::KeyMarker;
use crate::adapters::rotation::RELOAD_INTERVAL;
use crate::adapters::seal::{Parts, random_kid};
use crate::broker::ports::{Clock, KeyRing, KeyRingError, PUBLIC_KEYS_KEPT, SecureRandom};
use crate::broker::{
    Purpose, Sealed, Ticket, TicketClaims, TicketError, decode_ticket, encode_ticket, ticket_kid,
};
use crate::config::{self, Signing};
use async_trait::async_trait;
use aws_sdk_kms::types::SigningAlgorithmSpec;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use secrecy::SecretSlice;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use time::{Duration, OffsetDateTime};

/// How much longer than [`config::Kms::refresh`] a new key is published before
/// it is used: for clients that cache the public keys, for clocks that differ, and
/// for a slow read of the table.
const PUBLISH_MARGIN: Duration = PUBLIC_KEYS_KEPT.saturating_add(Duration::seconds(30));

/// How often a change of the ring is tried when others change it too.
const CHANGE_ATTEMPTS: usize = 20;

/// The ring in DynamoDB and KMS.
pub struct KmsKeyRing {
    settings: config::Kms,
    kms: Kms,
    stored: RingTable,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
    seen: Mutex<Option<Seen>>,
    /// By kid. Wiped when the ring forgets them.
    data_keys: Mutex<HashMap<String, Arc<DataKey>>>,
    /// By ARN of the KMS key, whose public half never changes.
    public_keys: Mutex<HashMap<String, Arc<PublicKey>>>,
    /// One task at a time reads the table or asks KMS for a key; the others wait, or
    /// go on with the keys that they have.
    asking: tokio::sync::Mutex<()>,
    past: Past,
}

/// The ring as it was read last; `None`: there was none.
#[derive(Clone)]
struct Seen {
    ring: Option<Arc<Ring>>,
    at: OffsetDateTime,
    for_unknown: Option<OffsetDateTime>,
}

impl KmsKeyRing {
    /// Asks nothing of AWS yet. Timeouts and retries are the ring's own, whatever
    /// the clients' were.
    pub fn new(
        kms: &aws_sdk_kms::Client,
        dynamodb: &aws_sdk_dynamodb::Client,
        settings: config::Kms,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
    ) -> Self {
        Self {
            kms: Kms::new(kms, settings.encryption_context.clone()),
            stored: RingTable::new(dynamodb, settings.keys_table.clone()),
            settings,
            clock,
            random,
            seen: Mutex::default(),
            data_keys: Mutex::default(),
            public_keys: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            past: Past::default(),
        }
    }

    /// Makes no ring where the store has been used with one.
    #[must_use]
    pub fn not_anew(self, marker: Arc<dyn KeyMarker>) -> Self {
        Self { past: Past::known_by(marker), ..self }
    }

    fn refresh(&self) -> Duration {
        self.settings.refresh.try_into().unwrap_or(Duration::MINUTE)
    }

    /// The ring, read again if it is due. If that fails, the known ring stays in use.
    async fn ring(&self) -> Result<Option<Arc<Ring>>, Reason> {
        let now = self.clock.now();
        let Some(seen) = self.seen() else {
            let _asking = self.asking.lock().await;
            return match self.seen() {
                Some(seen) => Ok(seen.ring),
                None => self.look(now).await,
            };
        };
        if (now - seen.at).abs() >= self.refresh()
            && let Ok(_asking) = self.asking.try_lock()
            && let Err(reason) = self.look(now).await
        {
            // The known keys stay valid; the next reading is due after the same interval.
            tracing::error!(reason, "the key ring cannot be read again");
            if let Some(seen) = &mut *lock(&self.seen) {
                seen.at = now;
            }
        }
        Ok(self.seen().and_then(|seen| seen.ring))
    }

    fn seen(&self) -> Option<Seen> {
        lock(&self.seen).clone()
    }

    /// Reads the table, and forgets the data keys of keys that left the ring.
    async fn look(&self, now: OffsetDateTime) -> Result<Option<Arc<Ring>>, Reason> {
        let ring = self.stored.read().await?.map(Arc::new);
        lock(&self.data_keys).retain(|kid, _| ring.as_ref().is_some_and(|ring| ring.named(kid).is_some()));
        let mut seen = lock(&self.seen);
        let for_unknown = seen.as_ref().and_then(|seen| seen.for_unknown);
        *seen = Some(Seen { ring: ring.clone(), at: now, for_unknown });
        Ok(ring)
    }

    /// Adds a key to the ring, which is made if there is none. However many processes do
    /// so at once, there is one ring with all their keys (`unless_there_is_one`: with one).
    async fn add_key(&self, unless_there_is_one: bool) -> Result<(Arc<Ring>, Arc<Entry>), Reason> {
        let now = self.clock.now();
        let mut new: Option<Arc<Entry>> = None;
        for _ in 0..CHANGE_ATTEMPTS {
            let former = self.stored.read().await?;
            if let Some(ring) = &former
                && let Some(entry) = match &new {
                    // An attempt whose answer was lost has written it.
                    Some(new) if ring.named(&new.kid).is_some() => Some(Arc::clone(new)),
                    _ if unless_there_is_one => ring.current(now).cloned(),
                    _ => None,
                }
            {
                return Ok((Arc::new(ring.clone()), entry));
            }
            let signs_from = if former.is_some() { now + self.refresh() + PUBLISH_MARGIN } else { now };
            let entry = match new.take() {
                Some(made) if made.signs_from == signs_from => made,
                _ => Arc::new(self.make(now, signs_from).await?),
            };
            let ring = match former {
                Some(former) => former.rotated(Arc::clone(&entry), now),
                None => Ring::first(Arc::clone(&entry)),
            };
            if self.stored.write(&ring).await? {
                return Ok((Arc::new(ring), entry));
            }
            new = Some(entry);
        }
        Err("others change the key ring all the time; try again".to_owned())
    }

    async fn make(&self, created: OffsetDateTime, signs_from: OffsetDateTime) -> Result<Entry, Reason> {
        let kid = random_kid(&*self.random);
        let signer = match &self.settings.signing {
            Signing::DataKey => TicketSigner::DataKey,
            Signing::KmsAsymmetric { key_id } => {
                let public = self.kms.public_key(key_id).await?;
                let key = public.key.ok_or_else(|| no_ticket_key(key_id))?;
                TicketSigner::Kms { algorithm: key.algorithm(), key_id: public.key_id }
            }
            Signing::KmsHmac { key_id } => {
                let (_, key_id) = self.kms.mac(key_id, "vestibule").await?;
                TicketSigner::Kms { algorithm: KmsAlgorithm::Hs256, key_id }
            }
        };
        let protected = self.kms.generate(&self.settings.key_id, &kid).await?;
        let (ciphertext, protected_by) = (protected.ciphertext, protected.by);
        Ok(Entry { kid, created, signs_from, ciphertext, protected_by, signer })
    }

    /// The key that seals and signs now. Makes the ring if there is none.
    async fn current(&self) -> Result<Arc<Entry>, KeyRingError> {
        let ring = match self.ring().await.map_err(unavailable)? {
            Some(ring) => ring,
            None => self.first_ring().await.map_err(|reason| {
                tracing::error!(reason, "there is no key ring; `vestibule keys create` makes one");
                KeyRingError::Unavailable
            })?,
        };
        self.past.has_one().await;
        ring.current(self.clock.now()).cloned().ok_or(KeyRingError::Unavailable)
    }

    async fn first_ring(&self) -> Result<Arc<Ring>, Reason> {
        let _asking = self.asking.lock().await;
        if let Some(Seen { ring: Some(ring), .. }) = self.seen() {
            return Ok(ring);
        }
        if self.past.had_one().await? {
            // Unless an operator has made one just now.
            let found = self.look(self.clock.now()).await?;
            return found.ok_or_else(|| {
                format!(
                    "the store has been used with a ring, and the table {} has none: restore it",
                    self.settings.keys_table
                )
            });
        }
        let (ring, first) = self.add_key(true).await?;
        tracing::info!(kid = first.kid, "a key ring");
        *lock(&self.seen) =
            Some(Seen { ring: Some(Arc::clone(&ring)), at: self.clock.now(), for_unknown: None });
        Ok(ring)
    }

    /// `None`: no key of this name, even after reading the ring again.
    async fn named(&self, kid: &str) -> Result<Option<Arc<Entry>>, KeyRingError> {
        let find = |ring: Option<Arc<Ring>>| ring.and_then(|ring| ring.named(kid).cloned());
        if let Some(known) = find(self.ring().await.map_err(unavailable)?) {
            return Ok(Some(known));
        }
        let _asking = self.asking.lock().await;
        let now = self.clock.now();
        {
            let mut seen = lock(&self.seen);
            let Some(seen) = seen.as_mut() else { return Ok(None) };
            let just_looked = seen.for_unknown.is_some_and(|last| (now - last).abs() < RELOAD_INTERVAL);
            if just_looked || seen.ring.as_ref().is_some_and(|ring| ring.named(kid).is_some()) {
                return Ok(find(seen.ring.clone()));
            }
            seen.for_unknown = Some(now);
        }
        Ok(find(self.look(now).await.map_err(unavailable)?))
    }

    /// The decrypted data key: cached, or from KMS.
    async fn data_key(&self, entry: &Entry) -> Result<Arc<DataKey>, KeyRingError> {
        let known = || lock(&self.data_keys).get(&entry.kid).cloned();
        if let Some(key) = known() {
            return Ok(key);
        }
        let _asking = self.asking.lock().await;
        if let Some(key) = known() {
            return Ok(key);
        }
        let secret = self.kms.decrypt(&entry.protected_by, &entry.kid, &entry.ciphertext).await;
        let key = DataKey::derive(&entry.kid, &secret.map_err(unavailable)?);
        let key =
            Arc::new(key.ok_or_else(|| unavailable("what KMS decrypted is no key of ours".to_owned()))?);
        lock(&self.data_keys).insert(entry.kid.clone(), Arc::clone(&key));
        Ok(key)
    }

    async fn public_key(&self, key_id: &str) -> Result<Arc<PublicKey>, KeyRingError> {
        if let Some(known) = lock(&self.public_keys).get(key_id) {
            return Ok(Arc::clone(known));
        }
        let public = self.kms.public_key(key_id).await.map_err(unavailable)?;
        let key = Arc::new(public.key.ok_or_else(|| unavailable(no_ticket_key(key_id)))?);
        lock(&self.public_keys).insert(key_id.to_owned(), Arc::clone(&key));
        Ok(key)
    }

    async fn sign_by_kms(
        &self,
        claims: &TicketClaims,
        kid: &str,
        algorithm: KmsAlgorithm,
        key_id: &str,
    ) -> Result<Ticket, KeyRingError> {
        let input = jws::signing_input(claims, kid, algorithm).map_err(|_| KeyRingError::Unavailable)?;
        let signature = match algorithm {
            KmsAlgorithm::Es256 => {
                let signed = self.kms.sign(key_id, SigningAlgorithmSpec::EcdsaSha256, &input).await;
                signed.and_then(|asn1| jws::es256(&asn1).ok_or("KMS's signature is not ECDSA's".to_owned()))
            }
            KmsAlgorithm::Rs256 => {
                self.kms.sign(key_id, SigningAlgorithmSpec::RsassaPkcs1V15Sha256, &input).await
            }
            KmsAlgorithm::Hs256 => self.kms.mac(key_id, &input).await.map(|(mac, _)| mac),
        };
        let signature = signature.map_err(unavailable)?;
        Ok(Ticket::from_signed(jws::with_signature(&input, &signature)))
    }
}

#[async_trait]
impl KeyRing for KmsKeyRing {
    async fn seal(&self, purpose: &Purpose, plaintext: &SecretSlice<u8>) -> Result<Sealed, KeyRingError> {
        let entry = self.current().await?;
        self.data_key(&entry).await?.sealer.seal(purpose, plaintext, &*self.random)
    }

    async fn open(&self, purpose: &Purpose, sealed: &Sealed) -> Result<SecretSlice<u8>, KeyRingError> {
        let parts = Parts::of(sealed).ok_or(KeyRingError::BrokenSeal)?;
        let entry = self.named(parts.kid).await?.ok_or(KeyRingError::BrokenSeal)?;
        self.data_key(&entry).await?.sealer.open(purpose, parts)
    }

    async fn sign(&self, claims: &TicketClaims) -> Result<Ticket, KeyRingError> {
        let entry = self.current().await?;
        match &entry.signer {
            TicketSigner::DataKey => {
                let key = EncodingKey::from_secret(&self.data_key(&entry).await?.signing);
                encode_ticket(claims, &entry.kid, Algorithm::HS256, &key)
                    .map_err(|_| KeyRingError::Unavailable)
            }
            TicketSigner::Kms { algorithm, key_id } => {
                self.sign_by_kms(claims, &entry.kid, *algorithm, key_id).await
            }
        }
    }

    async fn verify(&self, token: &str) -> Result<TicketClaims, TicketError> {
        let kid = ticket_kid(token)?;
        let keys = |_| TicketError::KeysUnavailable;
        let entry = self.named(&kid).await.map_err(keys)?.ok_or(TicketError::Invalid)?;
        match &entry.signer {
            TicketSigner::DataKey => {
                let key = self.data_key(&entry).await.map_err(keys)?;
                decode_ticket(token, Algorithm::HS256, &DecodingKey::from_secret(&key.signing))
            }
            TicketSigner::Kms { algorithm: KmsAlgorithm::Hs256, key_id } => {
                let (input, mac) = jws::mac_of(token)?;
                let valid = self.kms.mac_is_valid(key_id, input, mac).await;
                let valid = valid.map_err(unavailable).map_err(keys)?;
                if valid { jws::claims_of(input) } else { Err(TicketError::Invalid) }
            }
            TicketSigner::Kms { algorithm: KmsAlgorithm::Es256 | KmsAlgorithm::Rs256, key_id } => {
                self.public_key(key_id).await.map_err(keys)?.verify(token)
            }
        }
    }

    /// A login that began would use up its assertion.
    async fn ready(&self) -> Result<(), KeyRingError> {
        if self.past.is_gone() && self.ring().await.map_err(unavailable)?.is_none() {
            return Err(KeyRingError::Unavailable);
        }
        Ok(())
    }

    async fn public_keys(&self) -> Result<JwkSet, KeyRingError> {
        let mut keys = Vec::new();
        let ring = self.ring().await.map_err(unavailable)?;
        for entry in ring.iter().flat_map(|ring| &ring.keys) {
            match &entry.signer {
                TicketSigner::DataKey | TicketSigner::Kms { algorithm: KmsAlgorithm::Hs256, .. } => {}
                TicketSigner::Kms { algorithm: KmsAlgorithm::Es256 | KmsAlgorithm::Rs256, key_id } => {
                    keys.push(self.public_key(key_id).await?.to_jwk(&entry.kid));
                }
            }
        }
        Ok(JwkSet { keys })
    }

    fn created(&self) -> Option<OffsetDateTime> {
        Some(self.seen()?.ring?.current(self.clock.now())?.created)
    }
}

#[async_trait]
impl KeyAdmin for KmsKeyRing {
    async fn create(&self) -> Result<KeyInfo, String> {
        self.add_key(true).await.map(|(_, key)| key.info())
    }

    async fn rotate(&self) -> Result<KeyInfo, String> {
        self.add_key(false).await.map(|(_, key)| key.info())
    }

    async fn list(&self) -> Result<Vec<KeyInfo>, String> {
        let ring = self.stored.read().await?;
        Ok(ring.iter().flat_map(|ring| &ring.keys).map(|key| key.info()).collect())
    }
}

fn no_ticket_key(key_id: &str) -> Reason {
    format!("{key_id} signs no tickets: keys.signing_key_id must be ECC_NIST_P256 or RSA, for signing")
}

fn unavailable(reason: Reason) -> KeyRingError {
    tracing::error!(reason, "the key ring is unavailable");
    KeyRingError::Unavailable
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
