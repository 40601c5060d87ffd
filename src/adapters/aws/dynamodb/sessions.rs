//! The steps of a login after its beginning, and its hand-over.

use super::audit;
use super::call::{certainly_did_nothing, put as put_action, unavailable, update};
use super::close::close_any;
use super::db::Db;
use super::event::{key_of, step};
use super::schema::{Item, expires, handle, id, instant, key, marker, text, text_of};
use crate::broker::ports::{PutError, StoreUnavailable, TakeError, Taken};
use crate::broker::{AuditEvent, EventKind, Handle, Jti, LoginId, Sealed, SealedSession, Subject};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use time::OffsetDateTime;

impl From<StoreUnavailable> for PutError {
    fn from(_: StoreUnavailable) -> Self {
        Self::Unavailable
    }
}

/// Strongly consistent.
pub(super) async fn exists(db: &Db, table: &str, key: Item) -> Result<bool, StoreUnavailable> {
    let found = db.client.get_item().table_name(table).set_key(Some(key)).consistent_read(true).send().await;
    found.map(|found| found.item.is_some()).map_err(|e| unavailable("GetItem", &e))
}

/// Step 8: the session, on condition of the reservation, and `login.issued`.
pub(super) async fn put(db: &Db, session: &SealedSession, event: &AuditEvent) -> Result<(), PutError> {
    let (tables, login, ends_at) = (&db.tables, session.login(), session.expires_at());
    let waiting = Item::from([
        ("identityhash".to_owned(), handle(session.session())),
        ("phase".to_owned(), text("waiting")),
        ("login_id".to_owned(), id(login)),
        ("jti".to_owned(), text(session.jti().as_str())),
        ("sealed".to_owned(), AttributeValue::B(session.sealed().as_bytes().into())),
        ("ends_at".to_owned(), instant(ends_at)),
        ("expires".to_owned(), expires(ends_at)),
    ]);
    let issued = db.recorder.item(event);
    let token = db.token(login, "put", &issued, "");
    let actions = vec![
        put_action(
            &tables.sessions,
            waiting,
            "login_id = :login AND phase = :reserved AND ends_at > :now",
            Item::from([
                (":login".to_owned(), id(login)),
                (":reserved".to_owned(), text("reserved")),
                (":now".to_owned(), instant(event.at)),
            ]),
        ),
        update(
            &tables.sessions,
            key("identityhash", marker(login)),
            "SET phase = :issued, ends_at = :end",
            "phase = :started",
            Item::from([
                (":issued".to_owned(), text("issued")),
                (":started".to_owned(), text("started")),
                (":end".to_owned(), instant(ends_at)),
            ]),
        ),
        put_action(&tables.audit, issued, "attribute_not_exists(login_id)", Item::new()),
    ];
    if db.transact(&token, actions).await?.is_ok() {
        return Ok(());
    }
    // Ours, from an attempt whose answer was lost?
    let issued = key_of(login, step(EventKind::Issued));
    if exists(db, &tables.audit, issued).await? { Ok(()) } else { Err(PutError::ReservationEnded) }
}

/// Step 11: one `DeleteItem`, sent once.
pub(super) async fn take(
    db: &Db,
    session: &Handle,
    jti: &Jti,
    now: OffsetDateTime,
) -> Result<Option<Taken>, TakeError> {
    let deleted = db
        .once
        .delete_item()
        .table_name(&db.tables.sessions)
        .key("identityhash", handle(session))
        .condition_expression(
            "attribute_exists(identityhash) AND phase = :waiting AND jti = :jti AND ends_at > :now",
        )
        .expression_attribute_values(":waiting", text("waiting"))
        .expression_attribute_values(":jti", text(jti.as_str()))
        .expression_attribute_values(":now", instant(now))
        .return_values(ReturnValue::AllOld)
        .send()
        .await;
    match deleted {
        // It is deleted; if the item is unreadable, so are the credentials.
        Ok(deleted) => taken_of(deleted.attributes).map(Some).ok_or(TakeError::Uncertain),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(None),
        Err(e) => {
            let certain = certainly_did_nothing(&e);
            unavailable("DeleteItem", &e);
            Err(if certain { TakeError::Unavailable } else { TakeError::Uncertain })
        }
    }
}

fn taken_of(item: Option<Item>) -> Option<Taken> {
    let item = item?;
    let login = LoginId::from_stored(text_of(&item, "login_id")?.to_owned());
    let sealed = item.get("sealed")?.as_b().ok()?.as_ref().to_vec();
    Some(Taken { login, sealed: Sealed::from_ciphertext(sealed) })
}

/// Ends this login's hold on the session id, and records why.
pub(super) async fn release(db: &Db, session: &Handle, event: &AuditEvent) -> Result<(), StoreUnavailable> {
    let Some(login) = &event.login else { return audit::append(db, event).await };
    let about = if event.subject == Subject::default() {
        // Without an answer it is recorded all the same: its login is named.
        let issued = audit::event(db, login, EventKind::Issued).await.ok().flatten();
        AuditEvent { subject: issued.map(|issued| issued.subject).unwrap_or_default(), ..event.clone() }
    } else {
        event.clone()
    };
    close_any(db, login, &about, None, Some(session)).await.map(|_| ())
}

/// A durable write among the sessions, a strongly consistent read of the others.
pub(super) async fn ready(db: &Db) -> Result<(), StoreUnavailable> {
    let tables = &db.tables;
    let beat = db
        .client
        .update_item()
        .table_name(&tables.sessions)
        .key("identityhash", text("readiness"))
        .update_expression("ADD beats :one")
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .send();
    let nobody = LoginId::from_stored("readiness".to_owned());
    let (beat, claims, trail) = tokio::join!(
        beat,
        exists(db, &tables.claims, key("handle", text("readiness"))),
        exists(db, &tables.audit, key_of(&nobody, step(EventKind::Started))),
    );
    beat.map_err(|e| unavailable("UpdateItem", &e))?;
    claims?;
    trail.map(|_| ())
}
