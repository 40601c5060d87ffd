//! The audit trail: one item per event, never changed.

use super::call::{unavailable, within};
use super::close::{Closing, close_any};
use super::db::Db;
use super::event::{event_of, key_of, step};
use super::schema::{BY_TIME, Item, TRAIL, id, text, text_of};
use crate::broker::ports::StoreUnavailable;
use crate::broker::{AuditEvent, EventKind, LoginId};

/// How many items one page of a query asks for at most.
const PAGE: i32 = 500;

/// Appends; a final event closes its login, which has one end only.
pub(super) async fn record(db: &Db, event: &AuditEvent) -> Result<(), StoreUnavailable> {
    let Some(login) = event.login.as_ref().filter(|_| event.kind.is_final()) else {
        return append(db, event).await;
    };
    // A delivered session was taken: its item is gone.
    let session = event.session.as_ref().filter(|_| event.kind != EventKind::Delivered);
    match close_any(db, login, event, None, session).await? {
        Closing::Closed => Ok(()),
        Closing::Ended(how) if how == Some(event.kind) => Ok(()),
        Closing::Ended(_) | Closing::Moved | Closing::HoldsNothing => Err(StoreUnavailable),
    }
}

/// One item on condition that it is not there. If it is, an earlier attempt wrote
/// it: each event of a login has its key, and one without a login its random id.
pub(super) async fn append(db: &Db, event: &AuditEvent) -> Result<(), StoreUnavailable> {
    let appended = db
        .client
        .put_item()
        .table_name(&db.tables.audit)
        .set_item(Some(db.recorder.item(event)))
        .condition_expression("attribute_not_exists(login_id)")
        .send()
        .await;
    match appended {
        Ok(_) => Ok(()),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
        Err(e) => Err(unavailable("PutItem", &e)),
    }
}

/// The newest events first.
pub(super) async fn recent(db: &Db, limit: usize) -> Result<Vec<AuditEvent>, StoreUnavailable> {
    let (mut events, mut next) = (Vec::new(), None);
    while events.len() < limit {
        let missing = i32::try_from(limit - events.len()).unwrap_or(PAGE).min(PAGE);
        let page = db
            .client
            .query()
            .table_name(&db.tables.audit)
            .index_name(BY_TIME)
            .key_condition_expression("trail = :trail")
            .expression_attribute_values(":trail", text(TRAIL))
            .scan_index_forward(false)
            .limit(missing)
            .set_exclusive_start_key(next)
            .send();
        let page = within(page).await?.map_err(|e| unavailable("Query", &e))?;
        for item in page.items() {
            events.push(readable(item)?);
        }
        next = page.last_evaluated_key;
        if next.is_none() {
            break;
        }
    }
    Ok(events)
}

/// The event of this kind, strongly consistent.
pub(super) async fn event(
    db: &Db,
    login: &LoginId,
    kind: EventKind,
) -> Result<Option<AuditEvent>, StoreUnavailable> {
    let key = Some(key_of(login, step(kind)));
    let found = db.client.get_item().table_name(&db.tables.audit).set_key(key).consistent_read(true).send();
    let found = found.await.map_err(|e| unavailable("GetItem", &e))?;
    found.item.as_ref().map(readable).transpose()
}

/// The latest event of a login, strongly consistent.
pub(super) async fn latest(db: &Db, login: &LoginId) -> Result<Option<AuditEvent>, StoreUnavailable> {
    let found = db
        .client
        .query()
        .table_name(&db.tables.audit)
        .key_condition_expression("login_id = :login")
        .expression_attribute_values(":login", id(login))
        .scan_index_forward(false)
        .limit(1)
        .consistent_read(true)
        .send()
        .await
        .map_err(|e| unavailable("Query", &e))?;
    found.items().first().map(readable).transpose()
}

fn readable(item: &Item) -> Result<AuditEvent, StoreUnavailable> {
    event_of(item).ok_or_else(|| {
        let login = text_of(item, "login_id").unwrap_or("?");
        tracing::error!(login, "an item of the audit table is not an audit event");
        StoreUnavailable
    })
}
