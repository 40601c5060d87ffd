//! The rows of who signed in.

use super::schema::nanos;
use super::sql::{Sql, execute};
use crate::broker::{AuditEvent, Handle, LoginId};
use rusqlite::{Connection, params};

/// The row of `idp#NameID`.
pub(super) fn signed_in(conn: &Connection, event: &AuditEvent) -> Sql<()> {
    let subject = &event.subject;
    let (Some(idp), Some(name_id)) = (&subject.idp, &subject.name_id) else { return Ok(()) };
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
            format!("{idp}#{name_id}"),
            subject.role_session_name,
            nanos(event.at),
            subject.role,
            event.session.as_ref().map(Handle::as_str),
            event.login.as_ref().map(LoginId::as_str),
        ],
    )
    .map(|_| ())
}
