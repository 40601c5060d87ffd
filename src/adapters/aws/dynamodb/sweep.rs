//! The sweeper: closes what never ended, each login once, however many sweep.
//!
//! It scans the sessions' table. That is small by nature, since everything in
//! it lives a minute, or some where somebody chooses; an index would cost every login four writes more, and
//! would not be strongly consistent. Whether a session was taken or expired is
//! decided by the transaction that closes it, not by what was read before.
//!
//! Names used once are DynamoDB's to forget (TTL): AWS's clock does not jump, and ours may.

use super::audit::latest;
use super::call::{unavailable, within};
use super::close::{Closing, close, close_any};
use super::db::Db;
use super::schema::{Item, instant, text, text_of};
use crate::broker::ports::StoreUnavailable;
use crate::broker::{AuditEvent, EventKind, Handle, LoginId, SweepReport};
use time::OffsetDateTime;

pub(super) async fn sweep(db: &Db, now: OffsetDateTime) -> Result<SweepReport, StoreUnavailable> {
    let mut report = SweepReport::default();
    let mut next = None;
    loop {
        let page = db
            .client
            .scan()
            .table_name(&db.tables.sessions)
            .filter_expression("begins_with(identityhash, :marker) AND ends_at <= :now")
            .expression_attribute_values(":marker", text("login:"))
            .expression_attribute_values(":now", instant(now))
            // Never the sealed bytes.
            .projection_expression("login_id, session_handle, phase")
            .consistent_read(true)
            .set_exclusive_start_key(next)
            .send();
        let page = within(page).await?.map_err(|e| unavailable("Scan", &e))?;
        for open in page.items() {
            match within(end(db, open, now)).await?? {
                Some(EventKind::Abandoned) => report.abandoned += 1,
                Some(EventKind::Expired) => report.expired += 1,
                Some(EventKind::ChoiceEnded) => report.choices_ended += 1,
                Some(_) => report.uncertain += 1,
                None => {}
            }
        }
        next = page.last_evaluated_key;
        if next.is_none() {
            break;
        }
    }
    Ok(report)
}

/// Closes one login whose time is over. `None`: another sweeper did, or it went on.
async fn end(db: &Db, open: &Item, now: OffsetDateTime) -> Result<Option<EventKind>, StoreUnavailable> {
    let (Some(login), Some(session), Some(phase)) =
        (text_of(open, "login_id"), text_of(open, "session_handle"), text_of(open, "phase"))
    else {
        tracing::error!("an item of the sessions' table is no marker of a login");
        return Ok(None);
    };
    let (login, session) = (LoginId::from_stored(login.to_owned()), Handle::from_stored(session.to_owned()));
    let known = latest(db, &login).await?;
    let event = |kind| AuditEvent {
        at: now,
        kind,
        login: Some(login.clone()),
        session: Some(session.clone()),
        reference: known.as_ref().and_then(|known| known.reference.clone()),
        source_ip: None,
        code: None,
        subject: known.as_ref().map(|known| known.subject.clone()).unwrap_or_default(),
    };
    let (kind, closing) = match phase {
        "started" => {
            let kind = EventKind::Abandoned;
            (kind, close_any(db, &login, &event(kind), Some(phase), Some(&session)).await?)
        }
        "choosing" | "over" => {
            let kind = EventKind::ChoiceEnded;
            (kind, close_any(db, &login, &event(kind), Some(phase), Some(&session)).await?)
        }
        "replaced" => {
            let kind = EventKind::Expired;
            (kind, close(db, &login, &event(kind), Some(phase), None).await?)
        }
        _ => match close(db, &login, &event(EventKind::Expired), Some(phase), Some(&session)).await? {
            // It was not replaced (the phase would say so), so it was taken.
            Closing::HoldsNothing => {
                let kind = EventKind::Uncertain;
                (kind, close(db, &login, &event(kind), Some(phase), None).await?)
            }
            closing @ (Closing::Closed | Closing::Ended(_) | Closing::Moved) => (EventKind::Expired, closing),
        },
    };
    Ok(matches!(closing, Closing::Closed).then_some(kind))
}
