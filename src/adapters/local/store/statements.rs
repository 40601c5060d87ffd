//! The statements, one function per step of the protocol. Each runs inside the
//! writer's savepoint: an error undoes the whole step. A refusal comes before
//! anything is written.

use super::meta;
use super::schema::nanos;
use super::sql::{Sql, execute, exists};
use super::users::signed_in;
use crate::broker::ports::{PutError, Taken, UsedOnce};
use crate::broker::{
    AuditEvent, EventKind, Handle, Jti, LoginId, Sealed, SealedSession, Subject, SupportId, SweepReport,
};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Row, params};
use time::{Duration, OffsetDateTime};

/// How many logins, and how many claims, one sweep closes in one transaction;
/// bounds how long logins wait behind it.
const SWEEP_BATCH: u16 = 256;

/// How much longer than the assertion a claim is kept, in the time that the store has
/// lived: whatever clocks do meanwhile, it is there.
pub(super) const CLAIM_GRACE: Duration = Duration::days(1);

/// Step 8: the session, on condition of the reservation, `login.issued`, and the row of who
/// signed in.
pub(super) fn put(
    conn: &Connection,
    session: &SealedSession,
    event: &AuditEvent,
) -> Sql<Result<(), PutError>> {
    let (login, ends_at) = (session.login().as_str(), nanos(session.expires_at()));
    if has_event(conn, login, EventKind::Issued)? {
        return Ok(Ok(()));
    }
    let stored = execute(
        conn,
        "UPDATE sessions SET state = 'waiting', jti = ?3, sealed = ?4, ends_at = ?5
         WHERE session = ?1 AND login = ?2 AND state = 'reserved' AND ends_at > ?6",
        params![
            session.session().as_str(),
            login,
            session.jti().as_str(),
            session.sealed().as_bytes(),
            ends_at,
            nanos(event.at)
        ],
    )?;
    if stored == 0 {
        return Ok(Err(PutError::ReservationEnded));
    }
    execute(
        conn,
        "UPDATE open_logins SET state = 'issued', ends_at = ?2 WHERE login = ?1",
        params![login, ends_at],
    )?;
    append(conn, event)?;
    signed_in(conn, event)?;
    Ok(Ok(()))
}

/// Step 11. The DELETE decides; the UPDATE remembers that a delivery is owed.
pub(super) fn take(
    conn: &Connection,
    session: &Handle,
    jti: &Jti,
    now: OffsetDateTime,
) -> Sql<Option<Taken>> {
    let taken = conn
        .prepare_cached(
            "DELETE FROM sessions WHERE session = ?1 AND jti = ?2 AND state = 'waiting' AND ends_at > ?3
             RETURNING login, sealed",
        )?
        .query_row(params![session.as_str(), jti.as_str(), nanos(now)], |row| {
            let login = LoginId::from_stored(row.get(0)?);
            Ok(Taken { login, sealed: Sealed::from_ciphertext(row.get(1)?) })
        })
        .optional()?;
    if let Some(taken) = &taken {
        execute(conn, "UPDATE open_logins SET state = 'taken' WHERE login = ?1", [taken.login.as_str()])?;
    }
    Ok(taken)
}

/// Appends an event; a final one closes its login, and frees the session id if
/// it was the login's. A repetition is recognised. `false`: the login has ended
/// otherwise, and has one end only.
pub(super) fn record(conn: &Connection, event: &AuditEvent) -> Sql<bool> {
    let Some(login) = event.login.as_ref().map(LoginId::as_str) else {
        return append(conn, event).map(|()| true);
    };
    if event.kind.is_final() {
        execute(conn, "DELETE FROM open_logins WHERE login = ?1", [login])?;
    }
    if has_event(conn, login, event.kind)? {
        return Ok(true);
    }
    if event.kind.is_final() && has_ended(conn, login)? {
        return Ok(false);
    }
    if event.subject == Subject::default() {
        let (_, subject) = last_known(conn, login)?;
        return append(conn, &AuditEvent { subject, ..event.clone() }).map(|()| true);
    }
    append(conn, event).map(|()| true)
}

/// Appends an event unless its name was used before. Then nothing is written: a
/// transaction that changes nothing leaves the file and its journal as they are.
pub(super) fn record_once(conn: &Connection, once: &UsedOnce, event: &AuditEvent) -> Sql<bool> {
    if exists(conn, "SELECT 1 FROM claims WHERE handle = ?1", [once.handle.as_str()])? {
        return Ok(false);
    }
    execute(
        conn,
        "INSERT INTO claims (handle, login, ends_at) VALUES (?1, 'refused', ?2)",
        params![once.handle.as_str(), nanos(once.not_on_or_after)],
    )?;
    append(conn, event).map(|()| true)
}

/// The newest events first.
pub(super) fn recent(conn: &Connection, limit: usize) -> Sql<Vec<AuditEvent>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    conn.prepare_cached(
        "SELECT at, kind, login, session, reference, source_ip, code, subject FROM audit
         ORDER BY seq DESC LIMIT ?1",
    )?
    .query_map([limit], event_of)?
    .collect()
}

/// One batch: what it closed, and whether there is more.
pub(super) fn sweep(conn: &Connection, now: OffsetDateTime) -> Sql<(SweepReport, bool)> {
    let mut report = SweepReport::default();
    let lived = meta::live_on(conn, now)?;
    let over: Vec<(String, String, String)> = conn
        .prepare_cached(
            "SELECT login, session, state FROM open_logins WHERE ends_at <= ?1 ORDER BY ends_at LIMIT ?2",
        )?
        .query_map(params![nanos(now), SWEEP_BATCH], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Sql<_>>()?;
    for (login, session, state) in &over {
        let (kind, count) = match state.as_str() {
            "started" => (EventKind::Abandoned, &mut report.abandoned),
            "issued" => (EventKind::Expired, &mut report.expired),
            "choosing" => (EventKind::ChoiceEnded, &mut report.choices_ended),
            _ => (EventKind::Uncertain, &mut report.uncertain),
        };
        let (reference, subject) = last_known(conn, login)?;
        let event = AuditEvent {
            at: now,
            kind,
            login: Some(LoginId::from_stored(login.clone())),
            session: Some(Handle::from_stored(session.clone())),
            reference,
            source_ip: None,
            code: None,
            subject,
        };
        if record(conn, &event)? {
            *count += 1;
        }
    }
    report.used_once_forgotten = execute(
        conn,
        "DELETE FROM claims WHERE handle IN
         (SELECT handle FROM claims WHERE ends_at <= ?1 AND kept_until <= ?2 LIMIT ?3)",
        params![nanos(now.saturating_sub(CLAIM_GRACE)), lived, SWEEP_BATCH],
    )?;
    let batch = usize::from(SWEEP_BATCH);
    let more = over.len() == batch || report.used_once_forgotten == batch;
    Ok((report, more))
}

/// Who and what the login was about, from its latest event.
fn last_known(conn: &Connection, login: &str) -> Sql<(Option<SupportId>, Subject)> {
    let found = conn
        .prepare_cached("SELECT reference, subject FROM audit WHERE login = ?1 ORDER BY seq DESC LIMIT 1")?
        .query_row([login], |row| {
            let reference = row.get::<_, Option<String>>(0)?.map(SupportId::from_stored);
            Ok((reference, subject_of(row, 1)?))
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// A durable write that changes nothing.
pub(super) fn beat(conn: &Connection) -> Sql<()> {
    execute(conn, "UPDATE readiness SET beat = beat + 1 WHERE id = 1", []).map(|_| ())
}

/// A read.
pub(super) fn read_beat(conn: &Connection) -> Sql<()> {
    exists(conn, "SELECT 1 FROM readiness WHERE id = 1", []).map(|_| ())
}

pub(super) fn append(conn: &Connection, event: &AuditEvent) -> Sql<()> {
    let subject =
        serde_json::to_string(&event.subject).map_err(|e| Error::ToSqlConversionFailure(Box::new(e)))?;
    execute(
        conn,
        "INSERT INTO audit (at, kind, login, session, reference, source_ip, code, subject)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            nanos(event.at),
            event.kind.as_str(),
            event.login.as_ref().map(LoginId::as_str),
            event.session.as_ref().map(Handle::as_str),
            event.reference.as_ref().map(SupportId::as_str),
            event.source_ip.map(|ip| ip.to_string()),
            event.code,
            subject,
        ],
    )
    .map(|_| ())
}

pub(super) fn has_event(conn: &Connection, login: &str, kind: EventKind) -> Sql<bool> {
    exists(conn, "SELECT 1 FROM audit WHERE login = ?1 AND kind = ?2", [login, kind.as_str()])
}

/// The kinds are spelled out so that the partial index answers.
fn has_ended(conn: &Connection, login: &str) -> Sql<bool> {
    exists(
        conn,
        "SELECT 1 FROM audit WHERE login = ?1 AND kind IN
         ('login.delivered', 'login.expired', 'login.failed', 'login.abandoned', 'login.uncertain',
          'choice.ended')",
        [login],
    )
}

fn event_of(row: &Row<'_>) -> Sql<AuditEvent> {
    let text = |column: usize| row.get::<_, Option<String>>(column);
    let kind: String = row.get(1)?;
    Ok(AuditEvent {
        at: OffsetDateTime::from_unix_timestamp_nanos(row.get::<_, i64>(0)?.into())
            .map_err(|e| unreadable(0, e))?,
        kind: EventKind::parse(&kind).ok_or_else(|| unreadable(1, "not a kind of event"))?,
        login: text(2)?.map(LoginId::from_stored),
        session: text(3)?.map(Handle::from_stored),
        reference: text(4)?.map(SupportId::from_stored),
        source_ip: text(5)?.map(|ip| ip.parse()).transpose().map_err(|e| unreadable(5, e))?,
        code: text(6)?,
        subject: subject_of(row, 7)?,
    })
}

fn subject_of(row: &Row<'_>, column: usize) -> Sql<Subject> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|e| unreadable(column, e))
}

fn unreadable(column: usize, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, error.into())
}
