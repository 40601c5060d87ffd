//! The database file: how it is opened, what is in it, and whether it is ours.

use crate::adapters::error::OpenError;
use crate::adapters::local::directory::make_parent;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags};
use std::path::Path;
use std::time::Duration;
use time::OffsetDateTime;

/// Marks the file as Vestibule's (`PRAGMA application_id`; `file` shows it): "VEST".
const APPLICATION_ID: i64 = 0x5645_5354;

/// `PRAGMA user_version`: raised with every change of [`SCHEMA`], with a step in [`UPGRADES`].
const SCHEMA_VERSION: i64 = 5;

/// The same while opening, where each of several statements may have to wait.
const OPEN_TIMEOUT: Duration = Duration::from_millis(400);

/// How long one statement waits for another process that is writing. A group
/// commit holds the lock for milliseconds; longer, and requests would time out
/// in the queue behind it; shorter, and a slow disk would look like a fault.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// How often opening is tried while another process is just creating the file
/// (switching to WAL does not wait for locks by itself).
const OPEN_ATTEMPTS: u32 = 5;

/// Times are nanoseconds since 1970, so that `ends_at > now` is decided
/// exactly as the caller's clock would; instants after 2262 are stored as 2262.
///
/// `claims.kept_until` is in the time that the store has lived (`meta`, `lived`), which
/// no clock that jumps can make pass.
///
/// A login is in `open_logins` until a final event closes it; its row in
/// `sessions` goes with it. A choice is such a login, too (`choosing`), and its row has when
/// its assertion was issued; its parts are logins of their own. `roles_used` has what was
/// chosen in choices. The audit trail cannot be changed, and knows each
/// event of a login once and one end at most: repeated writes recognise
/// themselves by it.
const SCHEMA: &str = "
CREATE TABLE open_logins (
    login   TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    state   TEXT NOT NULL CHECK (state IN ('started', 'issued', 'taken', 'choosing')),
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX open_logins_by_end ON open_logins (ends_at);

CREATE TABLE sessions (
    session TEXT PRIMARY KEY,
    login   TEXT NOT NULL UNIQUE REFERENCES open_logins ON DELETE CASCADE,
    state   TEXT NOT NULL CHECK (state IN ('reserved', 'waiting', 'choosing')),
    jti     TEXT,
    sealed  BLOB,
    ends_at INTEGER NOT NULL,
    issued_at INTEGER,
    CHECK ((state <> 'reserved') = (jti IS NOT NULL AND sealed IS NOT NULL)),
    CHECK ((state = 'choosing') = (issued_at IS NOT NULL))
) STRICT;

CREATE TABLE claims (
    handle  TEXT PRIMARY KEY,
    login   TEXT NOT NULL,
    ends_at INTEGER NOT NULL,
    kept_until INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_end ON claims (ends_at);

CREATE TABLE audit (
    seq       INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    login     TEXT,
    session   TEXT,
    reference TEXT,
    source_ip TEXT,
    code      TEXT,
    subject   TEXT NOT NULL,
    name_id       TEXT GENERATED ALWAYS AS (subject ->> 'name_id') VIRTUAL,
    access_key_id TEXT GENERATED ALWAYS AS (subject ->> 'access_key_id') VIRTUAL
) STRICT;
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_by_name ON audit (name_id) WHERE name_id IS NOT NULL;
CREATE INDEX audit_by_access_key ON audit (access_key_id) WHERE access_key_id IS NOT NULL;
CREATE UNIQUE INDEX audit_event_once ON audit (login, kind) WHERE login IS NOT NULL;
CREATE UNIQUE INDEX audit_one_end ON audit (login) WHERE login IS NOT NULL AND kind IN
    ('login.delivered', 'login.expired', 'login.failed', 'login.abandoned', 'login.uncertain',
     'choice.ended');
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TABLE users (
    CognitoID           TEXT PRIMARY KEY,
    name                TEXT,
    last_authentication INTEGER NOT NULL,
    authentications     INTEGER NOT NULL,
    last_role           TEXT,
    last_session        TEXT,
    last_login          TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE roles_used (
    CognitoID TEXT NOT NULL,
    role      TEXT NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (CognitoID, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE readiness (id INTEGER PRIMARY KEY CHECK (id = 1), beat INTEGER NOT NULL) STRICT;
INSERT INTO readiness VALUES (1, 0);

CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
";

/// From a version to the next: each in the transaction of all.
const UPGRADES: &[(i64, &str)] = &[
    (
        2,
        // Claims that are there are kept for two days of the store's time. Where there are
        // records there has been a key ring.
        "ALTER TABLE claims ADD COLUMN kept_until INTEGER NOT NULL DEFAULT 0;
         UPDATE claims SET kept_until = 172800000000000;
         CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
         INSERT INTO meta SELECT 'ring', 1 WHERE EXISTS (SELECT 1 FROM audit);",
    ),
    // No statement asks by it, and each login changed a page of it.
    (3, "DROP INDEX open_logins_by_session;"),
    (
        4,
        // SQLite cannot change a CHECK. What is dropped first is referenced by nothing.
        "CREATE TEMP TABLE old_sessions AS SELECT * FROM main.sessions;
         CREATE TEMP TABLE old_logins AS SELECT * FROM main.open_logins;
         DROP TABLE main.sessions;
         DROP TABLE main.open_logins;
         CREATE TABLE open_logins (
             login   TEXT PRIMARY KEY,
             session TEXT NOT NULL,
             state   TEXT NOT NULL CHECK (state IN ('started', 'issued', 'taken', 'choosing')),
             ends_at INTEGER NOT NULL
         ) STRICT, WITHOUT ROWID;
         CREATE INDEX open_logins_by_end ON open_logins (ends_at);
         INSERT INTO main.open_logins (login, session, state, ends_at)
             SELECT login, session, state, ends_at FROM old_logins;
         CREATE TABLE sessions (
             session TEXT PRIMARY KEY,
             login   TEXT NOT NULL UNIQUE REFERENCES open_logins ON DELETE CASCADE,
             state   TEXT NOT NULL CHECK (state IN ('reserved', 'waiting', 'choosing')),
             jti     TEXT,
             sealed  BLOB,
             ends_at INTEGER NOT NULL,
             issued_at INTEGER,
             CHECK ((state <> 'reserved') = (jti IS NOT NULL AND sealed IS NOT NULL)),
             CHECK ((state = 'choosing') = (issued_at IS NOT NULL))
         ) STRICT;
         INSERT INTO main.sessions (session, login, state, jti, sealed, ends_at)
             SELECT session, login, state, jti, sealed, ends_at FROM old_sessions;
         DROP TABLE old_sessions;
         DROP TABLE old_logins;
         DROP INDEX audit_one_end;
         CREATE UNIQUE INDEX audit_one_end ON audit (login) WHERE login IS NOT NULL AND kind IN
             ('login.delivered', 'login.expired', 'login.failed', 'login.abandoned', 'login.uncertain',
              'choice.ended');
         CREATE TABLE roles_used (
             CognitoID TEXT NOT NULL,
             role      TEXT NOT NULL,
             at        INTEGER NOT NULL,
             PRIMARY KEY (CognitoID, role)
         ) STRICT, WITHOUT ROWID;",
    ),
];

/// Opens the file, creating it (mode 0600) if it is missing, and makes sure
/// that it is ours.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    create_private(path)?;
    let mut attempt = 1;
    loop {
        match try_open(path) {
            Err(OpenError::DatabaseLocked { .. }) if attempt < OPEN_ATTEMPTS => {
                std::thread::sleep(Duration::from_millis(20) * attempt);
                attempt += 1;
            }
            done => return done,
        }
    }
}

/// SQLite gives its journals the mode of the database file; so that one comes first.
fn create_private(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::OpenOptionsExt;
    make_parent(path)?;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(OpenError::file(path, e)),
    }
}

fn try_open(path: &Path) -> Result<Connection, OpenError> {
    let explain = |e: Error| explain(path, e);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(explain)?;
    conn.busy_timeout(OPEN_TIMEOUT).map_err(explain)?;
    if conn.is_readonly("main").map_err(explain)? {
        let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        return Err(OpenError::File { path: path.to_owned(), source });
    }
    // Before anything is written: another program's database stays as it is.
    check_ours(&conn, path)?;
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(explain)?;
    if !mode.eq_ignore_ascii_case("wal") {
        let reason = "this file system does not support write-ahead logging; use a local disk".to_owned();
        return Err(OpenError::Database { path: path.to_owned(), reason });
    }
    // FULL: a commit is on the disk before it is answered (NORMAL is not durable in WAL).
    // secure_delete: what was taken does not linger in free pages.
    // temp_store: a statement journal in a temporary file fails under a read-only root, and
    // would have names and sealed pages in it.
    // cache_size: the pages that logins change are changed by the next logins too.
    // wal_autocheckpoint: the writer writes the journal back behind its answers (`journal.rs`).
    // journal_size_limit: what a long reader made the journal grow to is given back.
    conn.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
         PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384;
         PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 33554432;",
    )
    .map_err(explain)?;
    conn.set_prepared_statement_cache_capacity(64);
    create_schema(&conn, path)?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(explain)?;
    Ok(conn)
}

/// The version of our schema that the file has (`None`: it is empty). One
/// statement, so one moment: another process may be creating it just now.
fn check_ours(conn: &Connection, path: &Path) -> Result<Option<i64>, OpenError> {
    let marks = "SELECT (SELECT application_id FROM pragma_application_id),
                        (SELECT user_version FROM pragma_user_version),
                        (SELECT count(*) FROM sqlite_schema)";
    let marks: (i64, i64, i64) = conn
        .query_row(marks, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .map_err(|e| explain(path, e))?;
    let path = path.to_owned();
    match marks {
        (APPLICATION_ID, found, _) if UPGRADES.iter().any(|(from, _)| *from == found) => Ok(Some(found)),
        (APPLICATION_ID, SCHEMA_VERSION, _) => Ok(Some(SCHEMA_VERSION)),
        (APPLICATION_ID, found, _) if found < SCHEMA_VERSION => {
            Err(OpenError::OlderDatabase { path, found, known: SCHEMA_VERSION })
        }
        (APPLICATION_ID, found, _) => Err(OpenError::NewerDatabase { path, found, known: SCHEMA_VERSION }),
        (0, 0, 0) => Ok(None),
        _ => Err(OpenError::ForeignDatabase { path }),
    }
}

/// One transaction: either the whole schema is there, or the file is as it was.
fn create_schema(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    if check_ours(conn, path)? == Some(SCHEMA_VERSION) {
        return Ok(());
    }
    conn.execute_batch("BEGIN IMMEDIATE").map_err(|e| explain(path, e))?;
    // Another process may have come first.
    let changed = check_ours(conn, path).and_then(|found| {
        let changes: String = match found {
            None => SCHEMA.to_owned(),
            Some(found) => UPGRADES.iter().filter(|(from, _)| *from >= found).map(|(_, sql)| *sql).collect(),
        };
        let marks =
            format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};");
        conn.execute_batch(&changes)
            .and_then(|()| conn.execute_batch(&marks))
            .map_err(|e| explain(path, e))?;
        Ok(found.filter(|found| *found < SCHEMA_VERSION))
    });
    let finished =
        changed.and_then(|from| conn.execute_batch("COMMIT").map(|()| from).map_err(|e| explain(path, e)));
    match finished {
        Ok(None) => Ok(()),
        Ok(Some(from)) => {
            tracing::info!(from, to = SCHEMA_VERSION, "the database was brought up to date");
            Ok(())
        }
        Err(error) => {
            if !conn.is_autocommit() {
                // The connection is dropped either way, which rolls back too.
                conn.execute_batch("ROLLBACK").ok();
            }
            Err(error)
        }
    }
}

/// Exact to the nanosecond, saturating in 2262.
pub(super) fn nanos(at: OffsetDateTime) -> i64 {
    let exact = at.unix_timestamp_nanos();
    i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX })
}

pub(super) fn explain(path: &Path, error: Error) -> OpenError {
    let path = path.to_owned();
    let io = |kind: std::io::ErrorKind| OpenError::File { path: path.clone(), source: kind.into() };
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::DatabaseLocked { path },
        Some(ErrorCode::DiskFull) => OpenError::DiskFull { path },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            io(std::io::ErrorKind::PermissionDenied)
        }
        _ => OpenError::Database { path, reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/store_faults.rs` has it with a read-only root, where a test may mount one.
    #[test]
    fn no_connection_makes_temporary_files() {
        let directory = tempfile::tempdir().unwrap();
        let conn = open(&directory.path().join("db")).unwrap();
        let memory: i64 = conn.query_row("PRAGMA temp_store", [], |row| row.get(0)).unwrap();
        assert_eq!(memory, 2);
    }
}
