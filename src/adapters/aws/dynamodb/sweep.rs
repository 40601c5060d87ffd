//! The sweeper: closes what never ended, each login once, however many sweep.
//!
//! It scans the sessions' table. That is small by nature, since everything in
//! it lives a minute; an index would cost every login four writes more, and
//! would not be strongly consistent. Whether a session was taken or expired is
//! decided by the transaction that closes it, not by what was read before.

use super::audit::latest;
use super::call::{unavailable, within};
use super::close::{Closing, close, close_any};
use super::db::Db;
use super::schema::{Item, instant, key, text, text_of};
use crate::broker::ports::StoreUnavailable;
use crate::broker::{AuditEvent, EventKind, Handle, LoginId, SweepReport};
use std::sync::{Mutex, PoisonError};
use time::{Duration, OffsetDateTime};
use tokio::task::JoinSet;

/// How much longer than the assertion a claim is kept. An assertion accepted in
/// its last second may reach `begin` later than a sweep (another process's
/// clock, a slow network); without this it would find its claim forgotten.
const CLAIM_GRACE: Duration = Duration::minutes(5);

/// How often the claims are scanned. DynamoDB's TTL removes them too, sooner
/// or later, and they are small.
const CLAIMS_INTERVAL: Duration = Duration::hours(1);

/// How many claims are deleted at once.
const DELETES: usize = 16;

pub(super) async fn sweep(
    db: &Db,
    claims_swept: &Mutex<Option<OffsetDateTime>>,
    now: OffsetDateTime,
) -> Result<SweepReport, StoreUnavailable> {
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
                Some(_) => report.uncertain += 1,
                None => {}
            }
        }
        next = page.last_evaluated_key;
        if next.is_none() {
            break;
        }
    }
    report.used_once_forgotten = forget_claims(db, claims_swept, now).await?;
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

async fn forget_claims(
    db: &Db,
    claims_swept: &Mutex<Option<OffsetDateTime>>,
    now: OffsetDateTime,
) -> Result<usize, StoreUnavailable> {
    {
        let mut swept = claims_swept.lock().unwrap_or_else(PoisonError::into_inner);
        if swept.is_some_and(|last| (now - last).abs() < CLAIMS_INTERVAL) {
            return Ok(0);
        }
        *swept = Some(now);
    }
    let over = instant(now.saturating_sub(CLAIM_GRACE));
    let (mut forgotten, mut next) = (0, None);
    loop {
        let page = db
            .client
            .scan()
            .table_name(&db.tables.claims)
            .filter_expression("ends_at <= :over")
            .expression_attribute_values(":over", over.clone())
            .projection_expression("handle")
            .set_exclusive_start_key(next)
            .send();
        let page = within(page).await?.map_err(|e| unavailable("Scan", &e))?;
        for some in page.items().chunks(DELETES) {
            let mut deletes = JoinSet::new();
            for claim in some {
                let Some(handle) = claim.get("handle") else { continue };
                let delete = db
                    .client
                    .delete_item()
                    .table_name(&db.tables.claims)
                    .set_key(Some(key("handle", handle.clone())))
                    .condition_expression("ends_at <= :over")
                    .expression_attribute_values(":over", over.clone());
                deletes.spawn(within(delete.send()));
            }
            while let Some(deleted) = deletes.join_next().await {
                match deleted.map_err(|_| StoreUnavailable)?? {
                    Ok(_) => forgotten += 1,
                    Err(e)
                        if e.as_service_error()
                            .is_some_and(|e| e.is_conditional_check_failed_exception()) => {}
                    Err(e) => return Err(unavailable("DeleteItem", &e)),
                }
            }
        }
        next = page.last_evaluated_key;
        if next.is_none() {
            return Ok(forgotten);
        }
    }
}
