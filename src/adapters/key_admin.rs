//! What an operator does with a key ring, wherever it is kept.

use async_trait::async_trait;
use time::OffsetDateTime;

/// A key as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its name, in the header of the tickets that it signs.
    pub kid: String,
    /// When it was made.
    pub created: OffsetDateTime,
    /// When it starts to seal and sign; it stops when the next key starts.
    pub signs_from: OffsetDateTime,
}

/// The operator's side of a key ring. Errors are sentences for the operator.
#[async_trait]
pub trait KeyAdmin: Send + Sync {
    /// Makes the first key, unless there is one.
    ///
    /// # Errors
    /// Why there is none.
    async fn create(&self) -> Result<KeyInfo, String>;

    /// Makes a new key, which takes over once every process can know it.
    ///
    /// # Errors
    /// Why there is none; then the ring is as it was.
    async fn rotate(&self) -> Result<KeyInfo, String>;

    /// All keys that are valid, oldest first.
    ///
    /// # Errors
    /// Why they cannot be read.
    async fn list(&self) -> Result<Vec<KeyInfo>, String>;
}
