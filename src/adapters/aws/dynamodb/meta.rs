//! What the store knows of itself: until when it was alive, whether it is a copy from
//! before, and whether it had a key ring. One item of the claims' table, since those are
//! what a copy lacks.
//!
//! A process looks once a minute, before a login; the sweeper each time. So this costs
//! no login anything, and a table that was restored is noticed by the first who uses it.

use super::call::unavailable;
use super::db::Db;
use super::schema::{Item, instant, instant_of, key, text};
use crate::broker::ports::StoreUnavailable;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
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
    let from = note(db, now).await?;
    *known.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, from));
    Ok(from)
}

/// Almost always one write.
async fn note(db: &Db, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, StoreUnavailable> {
    // The second time, where another process noticed the restore between our two writes.
    for _ in 0..2 {
        if let Some(item) = alive(db, now).await? {
            return accepted_from(db, &item, now).await;
        }
        if restored(db, now).await? {
            tracing::warn!(
                "the tables were not in use, or were restored: sign-ins made before now are refused, since \
                 it may not be known that they were used"
            );
            return Ok(Some(now));
        }
    }
    tracing::error!(known = LAYOUT, "the tables were written by a newer Vestibule: start that one");
    Err(StoreUnavailable)
}

/// The item as it is now; `None`: nobody has used the tables for long, or their layout is newer.
async fn alive(db: &Db, now: OffsetDateTime) -> Result<Option<Item>, StoreUnavailable> {
    let update = change(db, "SET alive_at = :now, layout = if_not_exists(layout, :layout)")
        .condition_expression(format!(
            "(attribute_not_exists(alive_at) OR alive_at >= :long_ago) AND {READABLE}"
        ))
        .expression_attribute_values(":now", instant(now))
        .expression_attribute_values(":long_ago", instant(now.saturating_sub(AWAY)))
        .expression_attribute_values(":layout", layout())
        .return_values(ReturnValue::AllNew);
    Ok(written(update).await?.map(|updated| updated.attributes.unwrap_or_default()))
}

/// One write decides, so that of many processes one notices.
async fn restored(db: &Db, now: OffsetDateTime) -> Result<bool, StoreUnavailable> {
    let update = change(db, "SET alive_at = :now, accept_issued_from = :now")
        .condition_expression(format!("alive_at < :long_ago AND {READABLE}"))
        .expression_attribute_values(":now", instant(now))
        .expression_attribute_values(":long_ago", instant(now.saturating_sub(AWAY)))
        .expression_attribute_values(":layout", layout());
    Ok(written(update).await?.is_some())
}

async fn accepted_from(
    db: &Db,
    item: &Item,
    now: OffsetDateTime,
) -> Result<Option<OffsetDateTime>, StoreUnavailable> {
    let from = instant_of(item, "accept_issued_from");
    let Some(ahead) = from.filter(|from| *from > now.saturating_add(CLOCK_MARGIN)) else { return Ok(from) };
    // A clock was ahead, and must not refuse everybody until that time comes. Whoever corrects it
    // first does it for all.
    let update = change(db, "SET accept_issued_from = :now")
        .condition_expression("accept_issued_from = :ahead")
        .expression_attribute_values(":now", instant(now))
        .expression_attribute_values(":ahead", instant(ahead));
    written(update).await?;
    Ok(Some(now))
}

/// Whether a key ring has been used with these tables.
pub(super) async fn has_ring(db: &Db) -> Result<bool, StoreUnavailable> {
    let get = db.client.get_item().table_name(&db.tables.claims);
    let found = get.set_key(Some(key("handle", text(META)))).consistent_read(true).send().await;
    let found = found.map_err(|e| unavailable("GetItem", &e))?;
    Ok(found.item.is_some_and(|item| item.contains_key("ring")))
}

/// Notes that one is.
pub(super) async fn note_ring(db: &Db) -> Result<(), StoreUnavailable> {
    let update = change(db, "SET ring = :yes")
        .condition_expression(format!("attribute_not_exists(ring) AND {READABLE}"))
        .expression_attribute_values(":yes", AttributeValue::Bool(true))
        .expression_attribute_values(":layout", layout());
    written(update).await.map(|_| ())
}

/// A newer layout is not written to: its program may need the item as it is.
const READABLE: &str = "(attribute_not_exists(layout) OR layout <= :layout)";

fn layout() -> AttributeValue {
    AttributeValue::N(LAYOUT.to_string())
}

fn change(db: &Db, expression: &str) -> UpdateItemFluentBuilder {
    let update = db.client.update_item().table_name(&db.tables.claims);
    update.set_key(Some(key("handle", text(META)))).update_expression(expression)
}

/// `None`: its condition did not hold.
async fn written(update: UpdateItemFluentBuilder) -> Result<Option<UpdateItemOutput>, StoreUnavailable> {
    match update.send().await {
        Ok(updated) => Ok(Some(updated)),
        Err(e)
            if e.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
        {
            Ok(None)
        }
        Err(e) => Err(unavailable("UpdateItem", &e)),
    }
}
