//! Time and randomness, which are arguments everywhere else.

use time::OffsetDateTime;

/// The clock. Read at the edge, and once in each step that waits.
pub trait Clock: Send + Sync {
    /// The current time, UTC.
    fn now(&self) -> OffsetDateTime;
}

/// Unpredictable bytes.
pub trait SecureRandom: Send + Sync {
    /// Fills the buffer from a cryptographic generator.
    fn fill(&self, buffer: &mut [u8]);
}
