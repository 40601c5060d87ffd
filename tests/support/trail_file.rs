//! The trail in a database file of the embedded store, as `trail_rules` wants it.

use super::trail_rules::{Entry, Observed};
use rusqlite::Connection;
use std::path::Path;
use vestibule::broker::EventKind;

/// `RESERVATION_LIFETIME`, and `session_lifetime` as it is configured where nobody says else.
const MINUTE: i64 = 60_000_000_000;

/// All of it, as it is at one moment, and the access keys that were handed over.
pub fn observed<'a>(database: &Path, handed_over: impl IntoIterator<Item = &'a String>) -> Observed<String> {
    let mut database = Connection::open(database).unwrap();
    // Both queries see the same moment, whatever the service does meanwhile.
    let moment = database.transaction().unwrap();
    let mut events = moment
        .prepare(
            "SELECT login, kind, at, access_key_id, subject ->> 'issuer', subject ->> 'assertion_id',
                    subject ->> 'in_response_to', subject ->> 'choice',
                    session
             FROM audit WHERE login IS NOT NULL ORDER BY seq",
        )
        .unwrap();
    let entry = |row: &rusqlite::Row<'_>| {
        let kind: String = row.get(1)?;
        let (issuer, assertion): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
        Ok(Entry {
            login: row.get(0)?,
            kind: EventKind::parse(&kind).expect("a kind of event"),
            at: row.get(2)?,
            access_key: row.get(3)?,
            assertion: issuer.zip(assertion),
            request: row.get(6)?,
            choice: row.get(7)?,
            place: row.get(8)?,
            until: None,
        })
    };
    let trail = events.query_map([], entry).unwrap().map(Result::unwrap).collect();
    let mut open = moment.prepare("SELECT login FROM open_logins").unwrap();
    let open = open.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    Observed {
        trail,
        handed_over: handed_over.into_iter().cloned().collect(),
        given: None,
        open,
        swept: false,
        reservation: MINUTE,
        session: MINUTE,
    }
}
