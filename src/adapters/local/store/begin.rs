//! Step 5: what opens a login.

use super::meta;
use super::schema::nanos;
use super::sql::{Sql, execute, exists};
use super::statements::{CLAIM_GRACE, append, has_event};
use crate::broker::EventKind;
use crate::broker::ports::{Basis, BeginError, LoginStart};
use rusqlite::{Connection, params};
use time::Duration;

/// The longest life of an assertion that a claim is kept for in that time. Nobody's
/// assertions live longer, and a claim must end one day.
const LONGEST_VALIDITY: Duration = Duration::days(30);

/// Step 5: mark the assertion as used, reserve the session id, open the login, record it.
pub(super) fn begin(conn: &Connection, start: &LoginStart) -> Sql<Result<(), BeginError>> {
    let (login, session, at) = (start.login.as_str(), start.session.as_str(), nanos(start.event.at));
    if has_event(conn, login, EventKind::Started)? {
        return Ok(Ok(()));
    }
    let Basis::Message(message) = &start.basis else { return Ok(Err(BeginError::Unavailable)) };
    if meta::read(conn, meta::ACCEPT_ISSUED_FROM)?.is_some_and(|from| nanos(message.issued_at) < from) {
        return Ok(Err(BeginError::IssuedBeforeRestore));
    }
    for (claim, refusal) in [
        (Some(&message.assertion), BeginError::Replayed),
        (message.request.as_ref(), BeginError::RequestAnswered),
    ] {
        let Some(claim) = claim else { continue };
        if exists(conn, "SELECT 1 FROM claims WHERE handle = ?1", [claim.handle.as_str()])? {
            return Ok(Err(refusal));
        }
    }
    if exists(conn, "SELECT 1 FROM sessions WHERE session = ?1 AND ends_at > ?2", params![session, at])? {
        return Ok(Err(BeginError::SessionTaken));
    }
    let ends_at = nanos(start.reservation_ends);
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
    execute(
        conn,
        "INSERT INTO open_logins (login, session, state, ends_at) VALUES (?1, ?2, 'started', ?3)",
        params![login, session, ends_at],
    )?;
    // The former holder's time is over; its login stays open, for the sweeper to close.
    execute(
        conn,
        "INSERT OR REPLACE INTO sessions (session, login, state, ends_at) VALUES (?1, ?2, 'reserved', ?3)",
        params![session, login, ends_at],
    )?;
    append(conn, &start.event)?;
    Ok(Ok(()))
}
