//! The write-ahead log: whose it is, and when it is written back into the file.
//!
//! SQLite replays a log into whatever file it is beside: its checksums and salts are its
//! own, and nothing in it names the file. So a backup that takes the place of the file must
//! not meet the log of the one before.

use super::meta;
use super::schema::BUSY_TIMEOUT;
use super::watch::{CHECKPOINT_AT, Watch, beside};
use crate::adapters::error::OpenError;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// Frames in the log from which it is written back. What logins change is changed by the
/// next logins too: written back four times as seldom as SQLite does, most pages are written
/// once.
const WRITE_BACK_AT: i32 = 4000;

/// Where the file format's write version is, and the one that has no write-ahead log.
const WRITE_VERSION_AT: usize = 18;
const ROLLBACK_JOURNAL: u8 = 1;

/// Refuses a log that belongs to another file than the one beside it. Asked before the
/// first connection of this process: closing the file here would release its locks.
///
/// A file that has no log as its header says (`VACUUM INTO` makes such copies) has not left
/// one; one that was copied says in `meta` which inode it was in. A page-by-page copy that
/// was written over the same inode is not noticed.
///
/// # Errors
/// [`OpenError::LogOfAnotherFile`], [`OpenError::FileGone`].
pub(in crate::adapters::local) fn must_belong(path: &Path) -> Result<(), OpenError> {
    let log = beside(path, "-wal");
    // First the log: where another process is making the file, its header is written before.
    if !std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        return Ok(());
    }
    let mut header = [0; WRITE_VERSION_AT + 1];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read.map_err(|e| e.kind()) {
        Err(std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof) => {
            return Err(OpenError::FileGone { path: path.to_owned(), log });
        }
        // Opening it says what is wrong.
        Err(_) => return Ok(()),
        Ok(()) => {}
    }
    let foreign = header.last() == Some(&ROLLBACK_JOURNAL) || is_copy(path);
    if foreign { Err(OpenError::LogOfAnotherFile { path: path.to_owned(), log }) } else { Ok(()) }
}

/// Before anything else of this process is in the log: the file says which one it is, by
/// itself.
pub(super) fn name_the_file(conn: &Connection, inode: u64) -> rusqlite::Result<()> {
    if meta::note_log(conn, inode)? {
        checkpoint(conn, "PASSIVE")?;
    }
    Ok(())
}

/// Whether the file, by itself and with the log, names another inode than its own. With the
/// log it names its own if the process ended within `name_the_file`. A file that cannot be
/// read, or names none, is not judged.
fn is_copy(path: &Path) -> bool {
    let Ok(inode) = std::fs::metadata(path).map(|found| found.ino()) else { return false };
    let names = |conn: rusqlite::Result<Connection>| {
        let conn = conn?;
        // What the log changes is not to be written back by who only looks.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        meta::has_log(&conn)
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let another =
        |named: rusqlite::Result<Option<u64>>| named.is_ok_and(|it| it.is_some_and(|it| it != inode));
    let alone = Connection::open_with_flags(without_log(path), flags | OpenFlags::SQLITE_OPEN_URI);
    another(names(alone))
        && !names(Connection::open_with_flags(path, flags)).is_ok_and(|it| it == Some(inode))
}

/// The file as it is on the disk, in SQLite's words.
fn without_log(path: &Path) -> std::path::PathBuf {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let mut uri = if path.is_absolute() { b"file://".to_vec() } else { b"file:".to_vec() };
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => uri.extend(format!("%{byte:02x}").bytes()),
            other => uri.push(*other),
        }
    }
    uri.extend(b"?immutable=1");
    std::ffi::OsString::from_vec(uri).into()
}

/// How many frames the log had after the last commit of one connection.
#[derive(Debug)]
pub(super) struct Frames(Arc<AtomicI32>);

impl Frames {
    /// Counts from now on. SQLite says so with each commit; asking would cost each group of
    /// writes its locks.
    pub(super) fn count(conn: &mut Connection) -> rusqlite::Result<Self> {
        let frames = Arc::new(AtomicI32::new(0));
        let counted = Arc::clone(&frames);
        conn.wal_hook(Some(move |_: &mut Wal, frames| {
            counted.store(frames, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self(frames))
    }
}

/// Behind the answers of a group, so that no login waits for it: writes the log back if it is
/// long. Where somebody reads for long, the attempt finds nothing to do.
pub(super) fn tidy(conn: &Connection, watch: &Watch, frames: &Frames) {
    let mode = if watch.journal_bytes() >= CHECKPOINT_AT {
        // Gives the room back, too.
        "TRUNCATE"
    } else if frames.0.load(Ordering::Relaxed) >= WRITE_BACK_AT {
        "PASSIVE"
    } else {
        return;
    };
    if let Err(error) = checkpoint(conn, mode) {
        tracing::warn!(%error, "the write-ahead log could not be written back");
    }
}

/// Whether frames of this process may be in the log.
#[derive(Debug)]
pub(super) struct Used(bool);

impl Used {
    pub(super) const fn new() -> Self {
        Self(true)
    }

    /// Before a group is written.
    pub(super) const fn again(&mut self) {
        self.0 = true;
    }

    /// Where the file has lost its name: what it has in the log goes into it, wherever it
    /// is, and the log is empty, so that nothing of it gets into the file that has the name
    /// now. Once: nothing more is written, and whoever comes next may use the log.
    pub(super) fn leave(&mut self, conn: &Connection, watch: &Watch) {
        if !self.0 || !watch.has_its_log() {
            return;
        }
        match checkpoint(conn, "TRUNCATE") {
            // Somebody reads; the next request, or the next sweep, tries again.
            Ok(Found::Busy) => {}
            Ok(Found::Done) => {
                self.0 = false;
                tracing::warn!("the write-ahead log is empty: its records are in the database that was open");
            }
            Err(error) => tracing::error!(%error, "the write-ahead log could not be written back"),
        }
    }
}

enum Found {
    Done,
    /// Somebody reads or writes.
    Busy,
}

/// Waits for no reader.
fn checkpoint(conn: &Connection, mode: &str) -> rusqlite::Result<Found> {
    conn.busy_timeout(Duration::ZERO)?;
    let found = conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        Ok(if row.get(0)? { Found::Busy } else { Found::Done })
    });
    conn.busy_timeout(BUSY_TIMEOUT)?;
    found
}
