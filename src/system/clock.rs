//! The system's clock and random generator: the only place that reads either.

use crate::broker::ports::{Clock, SecureRandom};
use std::sync::{Mutex, PoisonError};
use time::{Duration, OffsetDateTime};

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the edge: the one place that reads the clock")]
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }
}

/// The system's cryptographic generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl SecureRandom for SystemRandom {
    #[allow(clippy::disallowed_methods, reason = "this is the edge: the one place that draws random bytes")]
    fn fill(&self, buffer: &mut [u8]) {
        if aws_lc_rs::rand::fill(buffer).is_err() {
            // Abort rather than make a guessable key.
            std::process::abort();
        }
    }
}

/// A clock that is set by hand, for tests.
#[derive(Debug)]
pub struct ManualClock(Mutex<OffsetDateTime>);

impl ManualClock {
    /// A clock that shows this time.
    pub fn new(now: OffsetDateTime) -> Self {
        Self(Mutex::new(now))
    }
    /// Sets it.
    pub fn set(&self, now: OffsetDateTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
    /// Moves it forward (or back).
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
