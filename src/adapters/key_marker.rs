//! Whether keys have been used with a store: where they are gone then, nobody makes new
//! ones without being told, or their loss would look like a first start.

use crate::broker::ports::StoreUnavailable;
use async_trait::async_trait;

/// The store's side of a key ring that is not in a file.
#[async_trait]
pub trait KeyMarker: Send + Sync {
    /// Whether one has been used with it.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn has_ring(&self) -> Result<bool, StoreUnavailable>;

    /// Notes that one is used with it from now on.
    ///
    /// # Errors
    /// [`StoreUnavailable`].
    async fn note_ring(&self) -> Result<(), StoreUnavailable>;
}
