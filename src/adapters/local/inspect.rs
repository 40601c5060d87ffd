//! Inspects the local files without making or changing any.

use super::keyfile;
use super::store::journal::must_belong;
use super::store::meta::UsedWith;
use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The facts about a file.
#[derive(Debug)]
pub struct FileFacts {
    /// Its permission bits.
    pub mode: u32,
    /// Whether it belongs to the current user (true where that is unknown).
    pub ours: bool,
}

/// The facts about a file; `None` if there is none.
///
/// # Errors
/// Why they are not known.
pub fn file(path: &Path) -> Result<Option<FileFacts>, String> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => Err("it is not a regular file".to_owned()),
        Ok(meta) => Ok(Some(FileFacts {
            mode: meta.mode() & 0o7777,
            ours: keyfile::effective_user().is_none_or(|user| user == meta.uid()),
        })),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.to_string()),
    }
}

/// Checks the structure of the database. Read-only, so that the check does not
/// upgrade the schema under a running server.
///
/// # Errors
/// SQLite's message, or whose write-ahead log is beside it.
pub fn database(path: &Path) -> Result<(), String> {
    must_belong(path).map_err(|e| e.to_string())?;
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
            .map_err(|e| e.to_string())?;
    let said: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(|e| e.to_string())?;
    if said != "ok" {
        return Err(said);
    }
    let ours = "SELECT count(*) FROM sqlite_schema WHERE name IN ('audit', 'sessions', 'claims')";
    let tables: i64 = connection.query_row(ours, [], |row| row.get(0)).map_err(|e| e.to_string())?;
    if tables == 3 { Ok(()) } else { Err("it is the database of another program".to_owned()) }
}

/// Whether this database has been used with this, where that can be asked.
pub fn was_used(path: &Path, with: UsedWith) -> bool {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
        .and_then(|database| {
            let noted = "SELECT count(*) FROM meta WHERE name = ?1";
            database.query_row(noted, [with.name()], |row| row.get(0))
        })
        .is_ok_and(|found: i64| found > 0)
}

/// Free bytes where this file is or will be.
///
/// # Errors
/// The system's error.
pub fn free_space(path: &Path) -> Result<u64, String> {
    let mut place = path.parent();
    while let Some(parent) = place.filter(|p| !p.as_os_str().is_empty() && !p.exists()) {
        place = parent.parent();
    }
    let place = place.filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(place).map_err(|e| e.to_string())?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
