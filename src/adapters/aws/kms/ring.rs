//! The ring: one item of the table, replaced as a whole and only by a process that
//! has read the version it replaces. It holds ciphertext and names, no key.
//!
//! Item `kid` = `ring`: `version`, and `keys`, oldest first, each with `kid`,
//! `created`, `signs_from` (nanoseconds since 1970), `ciphertext`, `protected_by`
//! (the KMS key's ARN), and where KMS signs tickets, `algorithm` and `signed_by`
//! (that KMS key's ARN).

use crate::adapters::aws::dynamodb::schema::{Item, instant, instant_of, text, text_of};
use crate::adapters::key_admin::KeyInfo;
use crate::adapters::rotation::{self, RingKey};
use crate::adapters::seal::KID_CHARS;
use aws_sdk_dynamodb::types::AttributeValue;
use std::sync::Arc;
use time::OffsetDateTime;

/// The key of the one item.
pub(super) const RING: &str = "ring";

/// One key.
pub(super) struct Entry {
    pub(super) kid: String,
    pub(super) created: OffsetDateTime,
    pub(super) signs_from: OffsetDateTime,
    pub(super) ciphertext: Vec<u8>,
    pub(super) protected_by: String,
    pub(super) signer: TicketSigner,
}

/// What signs tickets under this kid.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum TicketSigner {
    /// HS256 by the data key.
    DataKey,
    /// A KMS key.
    Kms { algorithm: KmsAlgorithm, key_id: String },
}

/// How KMS signs tickets (RFC 7518, section 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KmsAlgorithm {
    /// ECDSA on P-256.
    Es256,
    /// RSA, PKCS #1 v1.5.
    Rs256,
    /// HMAC by a key that KMS keeps.
    Hs256,
}

impl KmsAlgorithm {
    const ALL: [Self; 3] = [Self::Es256, Self::Rs256, Self::Hs256];

    /// The registered name, in tickets and in the ring.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::Hs256 => "HS256",
        }
    }
}

impl Entry {
    pub(super) fn info(&self) -> KeyInfo {
        KeyInfo { kid: self.kid.clone(), created: self.created, signs_from: self.signs_from }
    }

    fn to_value(&self) -> AttributeValue {
        let mut item = Item::from([
            ("kid".to_owned(), text(&self.kid)),
            ("created".to_owned(), instant(self.created)),
            ("signs_from".to_owned(), instant(self.signs_from)),
            ("ciphertext".to_owned(), AttributeValue::B(self.ciphertext.as_slice().into())),
            ("protected_by".to_owned(), text(&self.protected_by)),
        ]);
        if let TicketSigner::Kms { algorithm, key_id } = &self.signer {
            item.insert("algorithm".to_owned(), text(algorithm.name()));
            item.insert("signed_by".to_owned(), text(key_id));
        }
        AttributeValue::M(item)
    }

    fn from_value(value: &AttributeValue) -> Option<Self> {
        let item = value.as_m().ok()?;
        let owned = |name| text_of(item, name).map(str::to_owned);
        let signer = match text_of(item, "algorithm") {
            None => TicketSigner::DataKey,
            Some(name) => TicketSigner::Kms {
                algorithm: KmsAlgorithm::ALL.into_iter().find(|each| each.name() == name)?,
                key_id: owned("signed_by")?,
            },
        };
        Some(Self {
            kid: owned("kid").filter(|kid| kid.len() == KID_CHARS)?,
            created: instant_of(item, "created")?,
            signs_from: instant_of(item, "signs_from")?,
            ciphertext: item.get("ciphertext")?.as_b().ok()?.as_ref().to_vec(),
            protected_by: owned("protected_by")?,
            signer,
        })
    }
}

impl RingKey for Arc<Entry> {
    fn kid(&self) -> &str {
        &self.kid
    }
    fn signs_from(&self) -> OffsetDateTime {
        self.signs_from
    }
}

/// The keys, oldest first; the last one whose time has come seals and signs.
#[derive(Clone)]
pub(super) struct Ring {
    pub(super) version: u64,
    pub(super) keys: Vec<Arc<Entry>>,
}

impl Ring {
    pub(super) fn first(entry: Arc<Entry>) -> Self {
        Self { version: 1, keys: vec![entry] }
    }

    pub(super) fn current(&self, now: OffsetDateTime) -> Option<&Arc<Entry>> {
        rotation::current(&self.keys, now)
    }

    pub(super) fn named(&self, kid: &str) -> Option<&Arc<Entry>> {
        rotation::named(&self.keys, kid)
    }

    /// The next version, with a new key and without those that have long died.
    pub(super) fn rotated(&self, new: Arc<Entry>, now: OffsetDateTime) -> Self {
        let mut keys = self.keys.clone();
        rotation::add(&mut keys, new, now);
        Self { version: self.version + 1, keys }
    }

    pub(super) fn to_item(&self) -> Item {
        Item::from([
            ("kid".to_owned(), text(RING)),
            ("version".to_owned(), AttributeValue::N(self.version.to_string())),
            ("keys".to_owned(), AttributeValue::L(self.keys.iter().map(|key| key.to_value()).collect())),
        ])
    }

    /// `None` if it is no ring, or has a key that this version does not know.
    pub(super) fn from_item(item: &Item) -> Option<Self> {
        let version = item.get("version")?.as_n().ok()?.parse().ok()?;
        let keys = item.get("keys")?.as_l().ok()?;
        let keys: Vec<_> =
            keys.iter().map(|key| Entry::from_value(key).map(Arc::new)).collect::<Option<_>>()?;
        (!keys.is_empty()).then_some(Self { version, keys })
    }
}
