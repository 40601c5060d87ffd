//! An event that is recorded once, whoever reports it.

use super::call::put;
use super::db::Db;
use super::schema::{Item, expires, handle, instant, key, text, text_of};
use super::sessions::exists;
use crate::broker::ports::{StoreUnavailable, UsedOnce};
use crate::broker::{AuditEvent, LoginId};

/// A read first: a transaction that its conditions refuse is paid for like one that
/// writes, four units here, and what is recorded once may be asked for many times.
pub(super) async fn record_once(
    db: &Db,
    once: &UsedOnce,
    event: &AuditEvent,
) -> Result<bool, StoreUnavailable> {
    let tables = &db.tables;
    if exists(db, &tables.claims, key("handle", handle(&once.handle))).await? {
        return Ok(false);
    }
    let recorded = db.recorder.item(event);
    // The id that the event has instead of a login's.
    let id = text_of(&recorded, "login_id").unwrap_or_default().to_owned();
    let claim = Item::from([
        ("handle".to_owned(), handle(&once.handle)),
        ("login_id".to_owned(), text(&*id)),
        ("ends_at".to_owned(), instant(once.not_on_or_after)),
        ("expires".to_owned(), expires(once.not_on_or_after)),
    ]);
    let token = db.token(&LoginId::from_stored(id), "once", &recorded, "");
    let actions = vec![
        put(&tables.claims, claim, "attribute_not_exists(handle)", Item::new()),
        put(&tables.audit, recorded, "attribute_not_exists(login_id)", Item::new()),
    ];
    Ok(db.transact(&token, actions).await?.is_ok())
}
