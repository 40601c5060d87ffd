//! Whether the file that is open is still the one that has the name.
//!
//! A database whose file was removed or replaced takes writes as before, and all of them
//! are gone at the next start. So each group of writes asks afterwards, and before where the
//! last answer is old, and what was replaced takes no more.

use rusqlite::ErrorCode;
use rustix::fs::{Access, access};
use rustix::io::Errno;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// From here on the journal is made to start over: four times what SQLite lets it grow to.
pub(super) const CHECKPOINT_AT: u64 = 64 << 20;

/// From here on a warning is due: somebody reads for long, and the log cannot start over.
const LONG_JOURNAL: u64 = 96 << 20;

/// Beyond it no login begins, until whoever reads has ended.
const FULL_JOURNAL: u64 = 512 << 20;

/// Why the store takes no writes, or no logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Removed,
    Replaced,
    JournalGone,
    NotWritable,
    DiskFull,
    JournalFull,
    Other,
}

impl Fault {
    /// The stable word of `/readyz` and the log.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Removed => "store_file_removed",
            Self::Replaced => "store_file_replaced",
            Self::JournalGone => "store_journal_gone",
            Self::NotWritable => "store_not_writable",
            Self::DiskFull => "store_disk_full",
            Self::JournalFull => "store_journal_full",
            Self::Other => "store_unavailable",
        }
    }

    const fn remedy(self) -> &'static str {
        match self {
            Self::Removed => "put the file back if it was moved, else restore a backup, and start again",
            Self::Replaced => "stop the service before a restore; start it again now",
            Self::JournalGone => {
                "the -wal or -shm file was removed or replaced: start again, and leave both to the service"
            }
            Self::NotWritable => {
                "give the file and its directory back to the service's user, or mount the disk writable"
            }
            Self::DiskFull => "free some space",
            Self::JournalFull => "end whatever reads the database for long (sqlite3, a backup)",
            Self::Other => "see the line before",
        }
    }
}

/// The file, as it was when it was opened.
#[derive(Debug)]
pub(super) struct Watch {
    path: PathBuf,
    file: Option<Id>,
    journal: Beside,
    /// The log's index, by which processes agree about it.
    index: Beside,
    journal_bytes: AtomicU64,
    faults: Mutex<[Option<Fault>; 3]>,
}

/// Who found a fault: what one finds another cannot end.
#[derive(Debug, Clone, Copy)]
enum By {
    Check,
    Probe,
    Write,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Id {
    device: u64,
    inode: u64,
}

/// A file that SQLite has beside the database, as long as anybody has that open.
#[derive(Debug)]
struct Beside {
    path: PathBuf,
    /// As it was seen first.
    seen: Mutex<Option<Id>>,
}

impl Beside {
    fn new(database: &Path, suffix: &str) -> Self {
        let path = beside(database, suffix);
        Self { seen: Mutex::new(look(&path).map(|(id, _)| id)), path }
    }

    /// Its length; `None`: it is not the one that was seen first.
    fn examine(&self) -> Option<u64> {
        let found = look(&self.path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match (*seen, found) {
            (Some(seen), found) if found.map(|(id, _)| id) != Some(seen) => return None,
            (None, Some((id, _))) => *seen = Some(id),
            (_, _) => {}
        }
        Some(found.map_or(0, |(_, bytes)| bytes))
    }

    /// Whether there is another file in its place.
    fn is_another(&self) -> bool {
        let found = look(&self.path).map(|(id, _)| id);
        found.is_some() && found != *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The name of a file that SQLite has beside the database.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Who a file is, and its length. Its times are not asked for: since Linux 6.13 the write
/// after such a question stores a new one, and the `fsync` after it the whole inode (a tenth
/// of what a login costs here).
fn look(path: &Path) -> Option<(Id, u64)> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
        match statx(CWD, path, AtFlags::empty(), StatxFlags::INO | StatxFlags::SIZE) {
            Ok(found) => {
                let device = makedev(found.stx_dev_major, found.stx_dev_minor);
                return Some((Id { device, inode: found.stx_ino }, found.stx_size));
            }
            // Before Linux 4.11, or a container's rules forbid it.
            Err(Errno::NOSYS | Errno::PERM) => {}
            Err(_) => return None,
        }
    }
    let meta = std::fs::metadata(path).ok()?;
    Some((Id { device: meta.dev(), inode: meta.ino() }, meta.len()))
}

impl Watch {
    pub(super) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: look(path).map(|(id, _)| id),
            journal: Beside::new(path, "-wal"),
            index: Beside::new(path, "-shm"),
            journal_bytes: AtomicU64::new(0),
            faults: Mutex::new([None; 3]),
        }
    }

    /// Names the file among others.
    pub(super) fn inode(&self) -> u64 {
        self.file.map_or(0, |id| id.inode)
    }

    /// Whether the file may be written.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let found = self.examine();
        self.note(By::Check, found.err());
        found
    }

    fn examine(&self) -> Result<(), Fault> {
        match look(&self.path) {
            None => return Err(Fault::Removed),
            Some((id, _)) if Some(id) != self.file => return Err(Fault::Replaced),
            Some(_) => {}
        }
        let bytes = self.journal.examine().ok_or(Fault::JournalGone)?;
        self.index.examine().ok_or(Fault::JournalGone)?;
        let before = self.journal_bytes.swap(bytes, Ordering::Relaxed);
        if before < LONG_JOURNAL && bytes >= LONG_JOURNAL {
            tracing::warn!(bytes, "the write-ahead log grows, because somebody reads the database for long");
        }
        Ok(())
    }

    /// The same, and whether a login may begin: for a probe.
    pub(super) fn check_all(&self) -> Result<(), Fault> {
        self.check()?;
        self.may_begin()
    }

    /// Whether a login may begin. What has begun may go on: who took the rights away may be
    /// in the middle of something, and what is open can be written.
    pub(super) fn may_begin(&self) -> Result<(), Fault> {
        // Of a file that is not there, `check` tells.
        let refused = |path: &Path| {
            matches!(access(path, Access::WRITE_OK), Err(Errno::ACCESS | Errno::PERM | Errno::ROFS))
        };
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let writable = !refused(&self.path) && !refused(parent.unwrap_or(Path::new(".")));
        let found = match (writable, self.journal_is_full()) {
            (false, _) => Some(Fault::NotWritable),
            (true, true) => Some(Fault::JournalFull),
            (true, false) => None,
        };
        self.note(By::Probe, found);
        found.map_or(Ok(()), Err)
    }

    /// Whether no other file has the name of the log or its index: then what SQLite has open
    /// is nobody else's, wherever the database is.
    pub(super) fn has_its_log(&self) -> bool {
        !self.journal.is_another() && !self.index.is_another()
    }

    /// Whether the journal is so long that no login may begin.
    fn journal_is_full(&self) -> bool {
        self.journal_bytes() >= FULL_JOURNAL
    }

    /// The journal's length when the file was checked last.
    pub(super) fn journal_bytes(&self) -> u64 {
        self.journal_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of the database.
    pub(super) fn database_bytes(&self) -> u64 {
        look(&self.path).map_or(0, |(_, bytes)| bytes)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// SQLite has written.
    pub(super) fn succeeded(&self) {
        self.note(By::Write, None);
    }

    /// SQLite could not write.
    pub(super) fn failed(&self, code: Option<ErrorCode>) {
        let fault = match code {
            Some(ErrorCode::DiskFull) => Fault::DiskFull,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Fault::NotWritable,
            _ => Fault::Other,
        };
        self.note(By::Write, Some(fault));
    }

    /// Why there are no logins now, if there are none.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).iter().find_map(|fault| *fault)
    }

    /// One line where it begins, and one where it ends.
    fn note(&self, by: By, found: Option<Fault>) {
        let (before, now) = {
            let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
            let before = faults.iter().find_map(|fault| *fault);
            let [check, probe, write] = &mut *faults;
            *match by {
                By::Check => check,
                By::Probe => probe,
                By::Write => write,
            } = found;
            (before, faults.iter().find_map(|fault| *fault))
        };
        match (before, now) {
            (before, Some(fault)) if before != Some(fault) => {
                tracing::error!(code = fault.code(), to_do = fault.remedy(), "the store takes no logins");
            }
            (Some(fault), None) => tracing::info!(code = fault.code(), "the store takes logins again"),
            (_, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    /// What another process has in its own log is left alone.
    #[test]
    fn a_log_or_index_of_another_process_is_not_taken_for_ours() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        for suffix in ["", "-wal", "-shm"] {
            File::create(beside(&path, suffix)).unwrap();
        }
        let watch = Watch::of(&path);
        for suffix in ["-wal", "-shm"] {
            let (file, away) = (beside(&path, suffix), directory.path().join("away"));
            std::fs::rename(&file, &away).unwrap();
            assert_eq!((watch.check(), watch.has_its_log()), (Err(Fault::JournalGone), true), "{suffix}");
            File::create(&file).unwrap();
            assert_eq!((watch.check(), watch.has_its_log()), (Err(Fault::JournalGone), false), "{suffix}");
            std::fs::rename(&away, &file).unwrap();
            assert_eq!((watch.check(), watch.has_its_log()), (Ok(()), true), "{suffix}");
        }
    }

    /// Half a gigabyte, sparse.
    #[test]
    fn no_login_begins_while_the_journal_is_too_long() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        File::create(&path).unwrap();
        let journal = File::create(directory.path().join("db-wal")).unwrap();
        let watch = Watch::of(&path);
        for (bytes, may) in [(FULL_JOURNAL - 1, true), (FULL_JOURNAL, false), (0, true)] {
            journal.set_len(bytes).unwrap();
            assert_eq!(watch.check(), Ok(()), "takes and ends of logins go on");
            assert_eq!(watch.may_begin().is_ok(), may, "{bytes}");
            assert_eq!(watch.check_all().is_ok(), may, "{bytes}");
            assert_eq!(watch.fault(), (!may).then_some(Fault::JournalFull));
        }
    }
}
