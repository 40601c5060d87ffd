//! The directories that hold our files.

use crate::adapters::error::OpenError;
use std::path::Path;

/// Makes the file's directory, if it is missing, for this user alone.
pub(super) fn make_parent(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::DirBuilderExt;
    let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(parent)
        .map_err(|source| OpenError::Directory { path: parent.to_owned(), source })
}
