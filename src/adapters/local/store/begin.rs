//! What opens a login: step 5, a choice, and a part of one. Each refusal comes before
//! anything is written.

use super::meta;
use super::schema::nanos;
use super::sql::{Sql, execute, exists};
use super::statements::{CLAIM_GRACE, append, has_event};
use crate::broker::ports::{Basis, BeginError, ChoiceStart, Held, LoginStart, UsedMessage};
use crate::broker::{EventKind, Handle, Jti, LoginId, Sealed, SealedSession};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Row, params};
use time::{Duration, OffsetDateTime};

/// The longest life of an assertion that a claim is kept for in that time. Nobody's
/// assertions live longer, and a claim must end one day.
const LONGEST_VALIDITY: Duration = Duration::days(30);

/// Step 5: mark the assertion as used, or ask that the choice waits; reserve the session id,
/// open the login, record it.
pub(super) fn begin(conn: &Connection, start: &LoginStart) -> Sql<Result<(), BeginError>> {
    let (login, session, at) = (start.login.as_str(), start.session.as_str(), start.event.at);
    if has_event(conn, login, EventKind::Started)? {
        return Ok(Ok(()));
    }
    let refused = match &start.basis {
        Basis::Message(message) => refused_message(conn, message)?,
        Basis::Choice { session, login } => refused_choice(conn, session, login, at)?,
    };
    if let Some(refusal) = refused.or(refused_session(conn, session, at)?) {
        return Ok(Err(refusal));
    }
    if let Basis::Message(message) = &start.basis {
        claim(conn, login, message)?;
    }
    let ends_at = nanos(start.reservation_ends);
    open_login(conn, login, session, "started", ends_at)?;
    execute(
        conn,
        "INSERT OR REPLACE INTO sessions (session, login, state, ends_at) VALUES (?1, ?2, 'reserved', ?3)",
        params![session, login, ends_at],
    )?;
    append(conn, &start.event).map(Ok)
}

/// The same for several roles: what waits is the choice.
pub(super) fn open_choice(conn: &Connection, start: &ChoiceStart) -> Sql<Result<(), BeginError>> {
    let (choice, message) = (&start.choice, &start.message);
    let (login, session) = (choice.login().as_str(), choice.session().as_str());
    if has_event(conn, login, EventKind::ChoiceOpened)? {
        return Ok(Ok(()));
    }
    if let Some(refusal) = refused_message(conn, message)?.or(refused_session(conn, session, start.event.at)?)
    {
        return Ok(Err(refusal));
    }
    claim(conn, login, message)?;
    let ends_at = nanos(choice.expires_at());
    open_login(conn, login, session, "choosing", ends_at)?;
    execute(
        conn,
        "INSERT OR REPLACE INTO sessions (session, login, state, jti, sealed, ends_at, issued_at)
         VALUES (?1, ?2, 'choosing', ?3, ?4, ?5, ?6)",
        params![
            session,
            login,
            choice.jti().as_str(),
            choice.sealed().as_bytes(),
            ends_at,
            nanos(message.issued_at),
        ],
    )?;
    append(conn, &start.event).map(Ok)
}

/// What holds the session id. Credentials that wait are left where they are.
pub(super) fn look(conn: &Connection, session: &Handle, now: OffsetDateTime) -> Sql<Option<Held>> {
    conn.prepare_cached(
        "SELECT state, login, jti, ends_at, CASE state WHEN 'choosing' THEN sealed END FROM sessions
         WHERE session = ?1 AND ends_at > ?2",
    )?
    .query_row(params![session.as_str(), nanos(now)], |row| held(session, row))
    .optional()
}

fn held(session: &Handle, row: &Row<'_>) -> Sql<Held> {
    let state: String = row.get(0)?;
    if state == "reserved" {
        return Ok(Held::Reserved);
    }
    let (login, jti) = (LoginId::from_stored(row.get(1)?), Jti::from_stored(row.get(2)?));
    let ends_at = OffsetDateTime::from_unix_timestamp_nanos(row.get::<_, i64>(3)?.into())
        .map_err(|e| Error::FromSqlConversionFailure(3, Type::Integer, e.into()))?;
    if state == "waiting" {
        return Ok(Held::Waiting { login, jti, ends_at });
    }
    let sealed = Sealed::from_ciphertext(row.get(4)?);
    Ok(Held::Choice(SealedSession::new(login, session.clone(), jti, sealed, ends_at)))
}

fn refused_message(conn: &Connection, message: &UsedMessage) -> Sql<Option<BeginError>> {
    if is_before_restore(conn, nanos(message.issued_at))? {
        return Ok(Some(BeginError::IssuedBeforeRestore));
    }
    for (claim, refusal) in [
        (Some(&message.assertion), BeginError::Replayed),
        (message.request.as_ref(), BeginError::RequestAnswered),
    ] {
        let Some(claim) = claim else { continue };
        if exists(conn, "SELECT 1 FROM claims WHERE handle = ?1", [claim.handle.as_str()])? {
            return Ok(Some(refusal));
        }
    }
    Ok(None)
}

fn refused_choice(
    conn: &Connection,
    session: &Handle,
    login: &LoginId,
    at: OffsetDateTime,
) -> Sql<Option<BeginError>> {
    let issued_at = conn
        .prepare_cached(
            "SELECT issued_at FROM sessions
             WHERE session = ?1 AND login = ?2 AND state = 'choosing' AND ends_at > ?3",
        )?
        .query_row(params![session.as_str(), login.as_str(), nanos(at)], |row| row.get(0))
        .optional()?;
    let Some(issued_at) = issued_at else { return Ok(Some(BeginError::ChoiceOver)) };
    // The copy may not know which parts were taken.
    Ok(is_before_restore(conn, issued_at)?.then_some(BeginError::IssuedBeforeRestore))
}

fn is_before_restore(conn: &Connection, issued_at: i64) -> Sql<bool> {
    Ok(meta::read(conn, meta::ACCEPT_ISSUED_FROM)?.is_some_and(|from| issued_at < from))
}

fn refused_session(conn: &Connection, session: &str, at: OffsetDateTime) -> Sql<Option<BeginError>> {
    let held = "SELECT 1 FROM sessions WHERE session = ?1 AND ends_at > ?2";
    Ok(exists(conn, held, params![session, nanos(at)])?.then_some(BeginError::SessionTaken))
}

/// Uses up the assertion and the request that it answers.
fn claim(conn: &Connection, login: &str, message: &UsedMessage) -> Sql<()> {
    let lived = meta::read(conn, meta::LIVED)?.unwrap_or_default();
    for claim in std::iter::once(&message.assertion).chain(&message.request) {
        let validity = (claim.not_on_or_after - message.issued_at).clamp(Duration::ZERO, LONGEST_VALIDITY);
        execute(
            conn,
            "INSERT INTO claims (handle, login, ends_at, kept_until) VALUES (?1, ?2, ?3, ?4)",
            params![
                claim.handle.as_str(),
                login,
                nanos(claim.not_on_or_after),
                lived.saturating_add(meta::length(validity + CLAIM_GRACE)),
            ],
        )?;
    }
    Ok(())
}

/// What replaces the session's row then: a former holder's time is over, and its login stays
/// open, for the sweeper to close.
fn open_login(conn: &Connection, login: &str, session: &str, state: &str, ends_at: i64) -> Sql<()> {
    execute(
        conn,
        "INSERT INTO open_logins (login, session, state, ends_at) VALUES (?1, ?2, ?3, ?4)",
        params![login, session, state, ends_at],
    )
    .map(|_| ())
}
