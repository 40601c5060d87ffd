//! The end of a login: one transaction, safe to repeat and to race.

use super::call::{delete, put};
use super::db::Db;
use super::schema::{Item, handle, id, key, marker, text, text_of};
use crate::broker::ports::StoreUnavailable;
use crate::broker::{AuditEvent, EventKind, Handle, LoginId};

/// The result of an attempt to close a login.
pub(super) enum Closing {
    /// This attempt closed it.
    Closed,
    /// It had ended before, in this way.
    Ended(Option<EventKind>),
    /// Its marker is in another phase, or gone; nothing was written.
    Moved,
    /// It does not hold the session id any more; nothing was written.
    HoldsNothing,
}

/// One transaction: the end into the trail, the marker away (if it is still in
/// this phase, where one is given), and with it the login's session item (where
/// one is given: it must be this login's).
pub(super) async fn close(
    db: &Db,
    login: &LoginId,
    event: &AuditEvent,
    phase: Option<&str>,
    session: Option<&Handle>,
) -> Result<Closing, StoreUnavailable> {
    let tables = &db.tables;
    let end = db.recorder.item(event);
    let variant = if session.is_some() { "holding" } else { "" };
    let token = db.token(login, event.kind.as_str(), &end, variant);
    let in_phase = phase.map(|phase| key(":phase", text(phase))).unwrap_or_default();
    let mut actions = vec![
        put(&tables.audit, end, "attribute_not_exists(login_id)", Item::new()),
        delete(
            &tables.sessions,
            key("identityhash", marker(login)),
            phase.map(|_| "phase = :phase"),
            in_phase,
        ),
    ];
    if let Some(session) = session {
        actions.push(delete(
            &tables.sessions,
            key("identityhash", handle(session)),
            Some("login_id = :login"),
            key(":login", id(login)),
        ));
    }
    Ok(match db.transact(&token, actions).await? {
        Ok(()) => Closing::Closed,
        Err(refusals) => match refusals.as_slice() {
            [Some(end), ..] => Closing::Ended(text_of(end, "kind").and_then(EventKind::parse)),
            [_, Some(_), ..] => Closing::Moved,
            _ => Closing::HoldsNothing,
        },
    })
}

/// [`close`], whatever the login holds.
pub(super) async fn close_any(
    db: &Db,
    login: &LoginId,
    event: &AuditEvent,
    phase: Option<&str>,
    session: Option<&Handle>,
) -> Result<Closing, StoreUnavailable> {
    match close(db, login, event, phase, session).await? {
        // It cannot get the session id back: that needs the marker.
        Closing::HoldsNothing => close(db, login, event, phase, None).await,
        closing @ (Closing::Closed | Closing::Ended(_) | Closing::Moved) => Ok(closing),
    }
}
