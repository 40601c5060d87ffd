//! Files of one person alone: written whole or not at all, and locked.

use super::exit::Failure;
use crate::broker::ports::SecureRandom;
use crate::system::SystemRandom;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const OWNER_ONLY: u32 = 0o600;
const TEMPORARY: &str = ".new-";

/// Makes a directory that others cannot enter, or closes one that is there.
pub(super) fn private_directory(path: &Path) -> Result<(), Failure> {
    let made = || {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, Permissions::from_mode(0o700))?;
        }
        Ok(())
    };
    made().map_err(|e: std::io::Error| Failure::disk(path, &e))
}

/// What is in a file; `None` if there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Failure::disk(path, &e)),
    }
}

/// Replaces a file by one that its owner alone reads.
pub(super) fn write_private(path: &Path, content: &[u8]) -> Result<(), Failure> {
    replace(path, content, OWNER_ONLY).map_err(|e| Failure::disk(path, &e))
}

/// Replaces a file in one step: whoever reads has the old one or the new one, whole.
pub(super) fn replace(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut random = [0; 8];
    SystemRandom.fill(&mut random);
    let new = directory.join(format!("{TEMPORARY}{:016x}", u64::from_be_bytes(random)));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&new)?;
        file.write_all(content)?;
        if mode != OWNER_ONLY {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        file.sync_all()?;
        fs::rename(&new, path)
    })();
    if written.is_err() {
        fs::remove_file(&new).ok();
        return written;
    }
    // The name is on the disk once the directory is.
    File::open(directory)?.sync_all()
}

/// Removes a file, if it is there; whether it was.
pub(super) fn remove(path: &Path) -> Result<bool, Failure> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Failure::disk(path, &e)),
    }
}

/// The names in a directory; none if it does not exist.
pub(super) fn names(directory: &Path) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Failure::disk(directory, &e)),
    };
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

/// A lock file, not yet locked.
pub(super) fn lock_file(path: &Path) -> Result<File, Failure> {
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(OWNER_ONLY).open(path);
    opened.map_err(|e| Failure::disk(path, &e))
}

/// Holds a directory against other writers, for milliseconds.
pub(super) struct Held {
    _lock: File,
}

impl Held {
    /// Waits for the others, and removes what a process that was killed has left half-written.
    pub(super) fn take(directory: &Path) -> Result<Self, Failure> {
        private_directory(directory)?;
        let path = directory.join("store.lock");
        let lock = lock_file(&path)?;
        lock.lock().map_err(|e| Failure::disk(&path, &e))?;
        for name in names(directory)?.iter().filter(|name| name.starts_with(TEMPORARY)) {
            remove(&directory.join(name))?;
        }
        Ok(Self { _lock: lock })
    }
}

/// The file that a name leads to, through symbolic links; `None` if there is no file yet.
///
/// # Errors
///
/// A link that leads nowhere, or what the system refuses.
pub(super) fn target(path: &Path) -> std::io::Result<Option<PathBuf>> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
        Ok(_) => fs::canonicalize(path).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_is_its_owners() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        private_directory(&inner).unwrap();
        let path = inner.join("x");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&inner), mode(&path)), (0o700, 0o600));
        assert_eq!(names(&inner).unwrap(), ["x"]);
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".new-0123456789abcdef"), "half").unwrap();
        drop(Held::take(dir.path()).unwrap());
        assert_eq!(names(dir.path()).unwrap(), ["store.lock"]);
    }

    #[test]
    fn a_link_leads_to_its_target_or_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        assert_eq!(target(&link).unwrap(), None);
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(target(&link).is_err());
        fs::write(&file, "").unwrap();
        assert_eq!(target(&link).unwrap().unwrap(), fs::canonicalize(&file).unwrap());
    }
}
