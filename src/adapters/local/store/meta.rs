//! What the store knows of itself: until when it was alive, how long it has lived,
//! which file it is, and whether it is a copy from before.

use super::schema::nanos;
use rusqlite::{Connection, OptionalExtension, params};
use time::{Duration, OffsetDateTime};

/// Assertions issued before this are refused: the store is a copy, which does not know
/// what was used after it was made.
pub(super) const ACCEPT_ISSUED_FROM: &str = "accept_issued_from";
/// How long the store has lived, in nanoseconds that passed while somebody swept.
pub(super) const LIVED: &str = "lived";
/// When it was swept last.
const ALIVE_AT: &str = "alive_at";
/// The inode of the file that it was in.
const FILE: &str = "file";

/// The inode of the file that had a write-ahead log last (`journal.rs`). Beside `file`, which
/// says until the first login or sweep that it is a copy.
const HAS_LOG: &str = "has_log";

/// What a database has been used with. Where that is gone it is not made anew silently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsedWith {
    /// A key ring in a file.
    KeyFile,
    /// A key ring that KMS protects.
    KmsRing,
    /// The local issuer's key.
    IssuerKey,
}

impl UsedWith {
    pub(in crate::adapters::local) const fn name(self) -> &'static str {
        match self {
            Self::KeyFile => "ring",
            Self::KmsRing => "kms_ring",
            Self::IssuerKey => "issuer_key",
        }
    }
}

/// The most that one sweep lets the store live: six times the interval between
/// sweeps. A clock that jumps makes no more of a claim's time pass.
const MOST_LIVED: Duration = Duration::seconds(60);

/// A service that was away for longer may have been restored from a copy meanwhile.
/// A restart is shorter. Where it was no restore, this costs those who hold an
/// assertion issued before the start a second sign-in.
const AWAY: Duration = Duration::seconds(60);

/// A moment from which assertions are accepted lies ahead by more only where a clock was wrong.
/// Sweeps and logins that overlap have read it at moments that differ by less.
const CLOCK_MARGIN: Duration = Duration::seconds(60);

/// A number by this name.
pub(super) fn read(conn: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    conn.prepare_cached("SELECT value FROM meta WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()
}

fn write(conn: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?
        .execute(params![name, value])
        .map(|_| ())
}

/// In nanoseconds.
pub(super) fn length(duration: Duration) -> i64 {
    i64::try_from(duration.whole_nanoseconds()).unwrap_or(i64::MAX)
}

/// Notes that the store is alive; answers how long it has lived. Several processes that
/// sweep one store do not make it live faster.
pub(super) fn live_on(conn: &Connection, now: OffsetDateTime) -> rusqlite::Result<i64> {
    // A clock that was ahead at a start must not refuse everybody until that time comes.
    if read(conn, ACCEPT_ISSUED_FROM)?.is_some_and(|from| from > nanos(now.saturating_add(CLOCK_MARGIN))) {
        write(conn, ACCEPT_ISSUED_FROM, nanos(now))?;
    }
    let lived = read(conn, LIVED)?.unwrap_or_default();
    let Some(before) = read(conn, ALIVE_AT)? else {
        write(conn, ALIVE_AT, nanos(now))?;
        return Ok(lived);
    };
    let passed = nanos(now).saturating_sub(before).clamp(0, length(MOST_LIVED));
    let lived = lived.saturating_add(passed);
    // Sweeps come in batches; the second one of the same moment writes nothing.
    if nanos(now) != before {
        write(conn, ALIVE_AT, nanos(now))?;
        write(conn, LIVED, lived)?;
    }
    Ok(lived)
}

/// Before a process uses the store: is it still the one that was used last?
pub(super) fn resume(conn: &Connection, inode: u64, now: OffsetDateTime) -> rusqlite::Result<()> {
    let inode = i64::from_ne_bytes(inode.to_ne_bytes());
    let file = read(conn, FILE)?;
    let alive = match read(conn, ALIVE_AT)? {
        // Brought up to date from version 2, which knew nothing of itself, but recorded.
        None => newest_record(conn)?,
        alive => alive,
    };
    let away = alive.is_some_and(|alive| nanos(now).abs_diff(alive) > length(AWAY).unsigned_abs());
    let copied = file.is_some_and(|file| file != inode);
    if away || copied {
        let from = nanos(now).max(read(conn, ACCEPT_ISSUED_FROM)?.unwrap_or(i64::MIN));
        write(conn, ACCEPT_ISSUED_FROM, from)?;
        tracing::warn!(
            copied,
            "the database was not in use, or is a copy: sign-ins made before this start are refused, \
             since it may not know that they were used"
        );
    }
    if file != Some(inode) {
        write(conn, FILE, inode)?;
    }
    if away || read(conn, ALIVE_AT)?.is_none() {
        write(conn, ALIVE_AT, nanos(now))?;
    }
    Ok(())
}

/// The inode of the file that had the log last.
pub(super) fn has_log(conn: &Connection) -> rusqlite::Result<Option<u64>> {
    Ok(read(conn, HAS_LOG)?.map(|inode| u64::from_ne_bytes(inode.to_ne_bytes())))
}

/// Notes the file's own inode; `true`: it was another one, or none.
pub(super) fn note_log(conn: &Connection, inode: u64) -> rusqlite::Result<bool> {
    if has_log(conn)? == Some(inode) {
        return Ok(false);
    }
    write(conn, HAS_LOG, i64::from_ne_bytes(inode.to_ne_bytes())).map(|()| true)
}

fn newest_record(conn: &Connection) -> rusqlite::Result<Option<i64>> {
    conn.query_row("SELECT at FROM audit ORDER BY seq DESC LIMIT 1", [], |row| row.get(0)).optional()
}

/// Whether it has been used with this.
pub(super) fn was_used(conn: &Connection, with: UsedWith) -> rusqlite::Result<bool> {
    read(conn, with.name()).map(|noted| noted.is_some())
}

/// Notes that it is. Nothing is written where that is known.
pub(super) fn note_use(conn: &Connection, with: UsedWith) -> rusqlite::Result<()> {
    if was_used(conn, with)? { Ok(()) } else { write(conn, with.name(), 1) }
}
