//! A rotation of the local key ring, as by another process.

use super::forge;
use std::path::Path;
use std::sync::Arc;
use time::Duration;
use vestibule::adapters::local::LocalKeyRing;
use vestibule::system::{ManualClock, SystemRandom};

/// So many seconds after a rotation every process seals and signs with the new key: until it
/// looks for one, and until that may be used.
pub const TAKEN_OVER: i64 = 25;

/// Rotates the ring of the service in this directory.
pub fn rotate(dir: &Path) {
    rotate_at(dir, 0);
}

/// The same so many seconds from now.
pub fn rotate_at(dir: &Path, seconds: i64) {
    let now = forge::now() + Duration::seconds(seconds);
    let clock = Arc::new(ManualClock::new(now));
    let ring = LocalKeyRing::open(&dir.join("keys"), clock, Arc::new(SystemRandom)).unwrap();
    ring.rotate(now).unwrap();
}
