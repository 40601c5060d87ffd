//! Whether there has been a ring before: the store knows.

use super::service::Reason;
use crate::adapters::key_marker::KeyMarker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Without a store that knows, a ring is made whenever there is none.
#[derive(Default)]
pub(super) struct Past {
    marker: Option<Arc<dyn KeyMarker>>,
    noted: AtomicBool,
    gone: AtomicBool,
}

impl Past {
    pub(super) fn known_by(marker: Arc<dyn KeyMarker>) -> Self {
        Self { marker: Some(marker), ..Self::default() }
    }

    /// There is a ring. Noted once for each process; where that fails, the login is about to
    /// meet the same fault, and the next one notes it.
    pub(super) async fn has_one(&self) {
        self.gone.store(false, Ordering::Release);
        let Some(marker) = &self.marker else { return };
        if !self.noted.load(Ordering::Acquire) && marker.note_ring().await.is_ok() {
            self.noted.store(true, Ordering::Release);
        }
    }

    /// Whether there was one, where there is none now.
    ///
    /// # Errors
    /// That cannot be asked.
    pub(super) async fn had_one(&self) -> Result<bool, Reason> {
        let Some(marker) = &self.marker else { return Ok(false) };
        let had = marker.has_ring().await.map_err(|_| "whether there was one cannot be asked".to_owned())?;
        self.gone.store(had, Ordering::Release);
        Ok(had)
    }

    /// Whether one is known to be gone.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }
}
