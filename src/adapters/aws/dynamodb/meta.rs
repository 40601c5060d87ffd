//! What the store knows of itself: until when it was alive, and whether it is a copy
//! from before. One item of the claims' table, since those are what a copy lacks.
//!
//! A process looks once a minute, before a login; the sweeper each time. So this costs
//! no login anything, and a table that was restored is noticed by the first who uses it.

use super::call::unavailable;
use super::db::Db;
use super::schema::{instant, instant_of, key, text};
use crate::broker::ports::StoreUnavailable;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use std::sync::{Mutex, PoisonError};
use time::{Duration, OffsetDateTime};

/// The item's key; no handle is so short.
const META: &str = "meta";

/// The layout of all items. A newer one is refused.
const LAYOUT: i64 = 1;

/// How long a process relies on what it knows.
const KNOWN_FOR: Duration = Duration::minutes(1);

/// A store that nobody has used for longer may have been restored meanwhile. The
/// sweeper comes each minute; where it was no restore, this costs those who hold an
/// assertion issued before that moment a second sign-in.
const AWAY: Duration = Duration::minutes(10);

/// How far the clocks of our own machines may differ.
const CLOCK_MARGIN: Duration = Duration::minutes(1);

/// What a process knows, and since when.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Option<(OffsetDateTime, Option<OffsetDateTime>)>>);

/// From when on assertions must have been issued, if from any moment.
pub(super) async fn accept_issued_from(
    db: &Db,
    known: &Known,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, StoreUnavailable> {
    let last = *known.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, from)) = last.filter(|(at, _)| (now - *at).abs() < KNOWN_FOR) {
        return Ok(from);
    }
    live_on(db, known, now).await
}

/// Notes that the store is alive.
pub(super) async fn live_on(
    db: &Db,
    known: &Known,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, StoreUnavailable> {
    let from = match restored(db, now).await? {
        true => {
            tracing::warn!(
                "the tables were not in use, or were restored: sign-ins made before now are refused, since \
                 it may not be known that they were used"
            );
            Some(now)
        }
        false => alive(db, now).await?,
    };
    *known.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, from));
    Ok(from)
}

/// One write decides, so that of many processes one notices, and none in vain.
async fn restored(db: &Db, now: OffsetDateTime) -> Result<bool, StoreUnavailable> {
    let noted = db
        .client
        .update_item()
        .table_name(&db.tables.claims)
        .set_key(Some(key("handle", text(META))))
        .update_expression("SET alive_at = :now, accept_issued_from = :now")
        .condition_expression("alive_at < :long_ago")
        .expression_attribute_values(":now", instant(now))
        .expression_attribute_values(":long_ago", instant(now.saturating_sub(AWAY)))
        .send()
        .await;
    match noted {
        Ok(_) => Ok(true),
        Err(e)
            if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
        {
            Ok(false)
        }
        Err(e) => Err(unavailable("UpdateItem", &e)),
    }
}

async fn alive(db: &Db, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, StoreUnavailable> {
    let item = db
        .client
        .update_item()
        .table_name(&db.tables.claims)
        .set_key(Some(key("handle", text(META))))
        .update_expression("SET alive_at = :now, layout = if_not_exists(layout, :layout)")
        .expression_attribute_values(":now", instant(now))
        .expression_attribute_values(":layout", AttributeValue::N(LAYOUT.to_string()))
        .return_values(ReturnValue::AllNew)
        .send()
        .await
        .map_err(|e| unavailable("UpdateItem", &e))?
        .attributes
        .unwrap_or_default();
    let layout = item.get("layout").and_then(|layout| layout.as_n().ok()).and_then(|n| n.parse::<i64>().ok());
    if layout != Some(LAYOUT) {
        tracing::error!(
            layout,
            known = LAYOUT,
            "the tables were written by a newer Vestibule: start that one"
        );
        return Err(StoreUnavailable);
    }
    let from = instant_of(&item, "accept_issued_from");
    let Some(ahead) = from.filter(|from| *from > now.saturating_add(CLOCK_MARGIN)) else { return Ok(from) };
    // A clock was ahead, and must not refuse everybody until that time comes.
    let corrected = db
        .client
        .update_item()
        .table_name(&db.tables.claims)
        .set_key(Some(key("handle", text(META))))
        .update_expression("SET accept_issued_from = :now")
        .condition_expression("accept_issued_from = :ahead")
        .expression_attribute_values(":now", instant(now))
        .expression_attribute_values(":ahead", instant(ahead))
        .send()
        .await;
    corrected.map(|_| Some(now)).map_err(|e| unavailable("UpdateItem", &e))
}
