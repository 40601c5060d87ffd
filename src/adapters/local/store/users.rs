//! The rows of who signed in, and the roles that they had.

use super::schema::nanos;
use super::sql::{Sql, execute};
use crate::broker::ports::{MOST_ROLES_USED, RoleUsed};
use crate::broker::{AuditEvent, Handle, LoginId};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, params};
use time::OffsetDateTime;

/// The row of `idp#NameID`; of a part of a choice, its role too. A login that had none to
/// choose from writes no more than its row: `last_role` says which it was.
pub(super) fn signed_in(conn: &Connection, event: &AuditEvent) -> Sql<()> {
    let subject = &event.subject;
    let (Some(idp), Some(name_id)) = (&subject.idp, &subject.name_id) else { return Ok(()) };
    let person = person(idp, name_id);
    execute(
        conn,
        "INSERT INTO users (CognitoID, name, last_authentication, authentications, last_role, last_session,
                            last_login)
         VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6)
         ON CONFLICT (CognitoID) DO UPDATE SET
             name = excluded.name, last_authentication = excluded.last_authentication,
             authentications = authentications + 1, last_role = excluded.last_role,
             last_session = excluded.last_session, last_login = excluded.last_login",
        params![
            person,
            subject.role_session_name,
            nanos(event.at),
            subject.role,
            event.session.as_ref().map(Handle::as_str),
            event.login.as_ref().map(LoginId::as_str),
        ],
    )?;
    match &subject.role {
        Some(role) if subject.choice.is_some() => had(conn, &person, role, event.at),
        _ => Ok(()),
    }
}

fn had(conn: &Connection, person: &str, role: &str, at: OffsetDateTime) -> Sql<()> {
    execute(
        conn,
        "INSERT INTO roles_used (CognitoID, role, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (CognitoID, role) DO UPDATE SET at = max(at, excluded.at)",
        params![person, role, nanos(at)],
    )?;
    execute(
        conn,
        "DELETE FROM roles_used WHERE CognitoID = ?1 AND role IN
         (SELECT role FROM roles_used WHERE CognitoID = ?1 ORDER BY at DESC, role LIMIT -1 OFFSET ?2)",
        params![person, most()],
    )
    .map(|_| ())
}

/// The newest first: those of choices, and the last one.
pub(super) fn roles_used(conn: &Connection, idp: &str, name_id: &str) -> Sql<Vec<RoleUsed>> {
    conn.prepare_cached(
        "SELECT role, max(at) FROM (
             SELECT role, at FROM roles_used WHERE CognitoID = ?1
             UNION ALL
             SELECT last_role, last_authentication FROM users WHERE CognitoID = ?1 AND last_role IS NOT NULL)
         GROUP BY role ORDER BY 2 DESC, role LIMIT ?2",
    )?
    .query_map(params![person(idp, name_id), most()], |row| {
        let at = OffsetDateTime::from_unix_timestamp_nanos(row.get::<_, i64>(1)?.into())
            .map_err(|e| Error::FromSqlConversionFailure(1, Type::Integer, e.into()))?;
        Ok(RoleUsed { role: row.get(0)?, at })
    })?
    .collect()
}

fn person(idp: &str, name_id: &str) -> String {
    format!("{idp}#{name_id}")
}

fn most() -> i64 {
    i64::try_from(MOST_ROLES_USED).unwrap_or(i64::MAX)
}
