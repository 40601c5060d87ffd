//! The rules by which every key ring rotates: which key seals and signs now,
//! and when a key is forgotten. Rings hold their keys oldest first.

use time::{Duration, OffsetDateTime};

/// How often an unknown `kid` may cause a reload: anyone can send one.
pub(super) const RELOAD_INTERVAL: Duration = Duration::seconds(1);

/// How long a key is kept after its successor took over. Tickets live seconds and
/// sessions minutes; a day leaves room for any clock and any configuration.
const RETENTION: Duration = Duration::days(1);

/// A key of a ring.
pub(super) trait RingKey {
    fn kid(&self) -> &str;
    /// When it starts to seal and sign.
    fn signs_from(&self) -> OffsetDateTime;
}

/// The key that seals and signs: the last one that has started.
pub(super) fn current<K: RingKey>(keys: &[K], now: OffsetDateTime) -> Option<&K> {
    keys.iter().rfind(|key| key.signs_from() <= now).or(keys.first())
}

pub(super) fn named<'k, K: RingKey>(keys: &'k [K], kid: &str) -> Option<&'k K> {
    keys.iter().find(|key| key.kid() == kid)
}

/// Adds a key, and forgets those whose tickets and sessions have long expired.
pub(super) fn add<K: RingKey>(keys: &mut Vec<K>, new: K, now: OffsetDateTime) {
    keys.push(new);
    // The clocks of processes that rotate at once may differ.
    keys.sort_by_key(RingKey::signs_from);
    // A key stops when its successor starts.
    let dead =
        keys.iter().skip(1).take_while(|next| next.signs_from().saturating_add(RETENTION) <= now).count();
    keys.drain(..dead);
}
