//! Everything embedded: an issuer, a store and a key ring that need nothing
//! but a disk. A small company's whole back end, and the demo's.

pub mod inspect;
mod keyfile;
mod keyring;
mod policy;
mod store;
mod sts;
mod system;

pub use keyring::{KeyInfo, LocalKeyRing};
pub use store::EmbeddedStore;
pub use sts::LocalSts;
pub use system::{ManualClock, SystemClock, SystemRandom};

use super::OpenError;
use std::path::Path;

/// Makes the file's directory, if it is missing, for this user alone.
fn make_parent(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::DirBuilderExt;
    let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)
        .map_err(|source| OpenError::Directory { path: parent.to_owned(), source })
}
