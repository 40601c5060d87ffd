//! Files of one person alone: written whole or not at all, and locked.

use super::exit::Failure;
use super::platform::{self, Access, private_file, rename};
use crate::broker::ports::SecureRandom;
use crate::system::SystemRandom;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

const TEMPORARY: &str = ".new-";

/// Makes a directory that others cannot enter, or closes one that is there.
pub(super) fn private_directory(path: &Path) -> Result<(), Failure> {
    platform::private_directory(path).map_err(|e| Failure::disk(path, &e))
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
    replace(path, content, Access::PRIVATE).map_err(|e| Failure::disk(path, &e))
}

/// Replaces a file in one step: whoever reads has the old one or the new one, whole.
pub(super) fn replace(path: &Path, content: &[u8], access: Access) -> std::io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut random = [0; 8];
    SystemRandom.fill(&mut random);
    let new = directory.join(format!("{TEMPORARY}{:016x}", u64::from_be_bytes(random)));
    let written = (|| {
        let mut file = private_file().create_new(true).open(&new)?;
        file.write_all(content)?;
        access.give_to(&file)?;
        file.sync_all()
    })();
    let replaced = written.and_then(|()| rename(&new, path));
    if replaced.is_err() {
        fs::remove_file(&new).ok();
    }
    replaced
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
    let opened = private_file().read(true).create(true).truncate(false).open(path);
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
    fn a_file_is_replaced_whole() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        private_directory(&inner).unwrap();
        let path = inner.join("x");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
        assert_eq!(names(&inner).unwrap(), ["x"]);
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".new-0123456789abcdef"), "half").unwrap();
        drop(Held::take(dir.path()).unwrap());
        assert_eq!(names(dir.path()).unwrap(), ["store.lock"]);
    }

    #[cfg(unix)]
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
