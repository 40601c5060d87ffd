//! What an operator does with a key ring, whatever it is kept in.

use super::local::{KeyInfo, LocalKeyRing};
use crate::broker::ports::Clock;
use async_trait::async_trait;
use std::sync::Arc;

/// A key ring in the hands of its operator. An error is a sentence for him.
#[async_trait]
pub trait KeyAdmin: Send + Sync {
    /// The first key: makes it, unless there is one.
    ///
    /// # Errors
    /// Why there is none.
    async fn create(&self) -> Result<KeyInfo, String>;

    /// A new key, which takes over when every process can know it.
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

/// The ring in a file.
pub(super) struct LocalKeyAdmin {
    pub(super) ring: LocalKeyRing,
    pub(super) clock: Arc<dyn Clock>,
}

#[async_trait]
impl KeyAdmin for LocalKeyAdmin {
    async fn create(&self) -> Result<KeyInfo, String> {
        // Opening the ring has made it.
        self.ring.list().pop().ok_or_else(|| "the key ring is empty".to_owned())
    }

    async fn rotate(&self) -> Result<KeyInfo, String> {
        self.ring.rotate(self.clock.now()).map_err(|e| e.to_string())
    }

    async fn list(&self) -> Result<Vec<KeyInfo>, String> {
        Ok(self.ring.list())
    }
}
