//! The steps of a login and of its hand-over, and the users row.

use super::audit;
use super::call::{certainly_did_nothing, put as put_action, unavailable, update};
use super::close::close_any;
use super::db::{CancellationItem, Db};
use super::event::{key_of, person, step};
use super::schema::{
    Item, claim_expires, expires, handle, id, instant, instant_of, key, marker, sortable, text, text_of,
};
use crate::broker::ports::{BeginError, LoginStart, PutError, StoreUnavailable, TakeError, Taken, UsedOnce};
use crate::broker::{AuditEvent, EventKind, Handle, Jti, LoginId, Sealed, SealedSession, Subject};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use time::OffsetDateTime;

/// How often `begin` starts again when another login gets the session id meanwhile.
const BEGIN_ATTEMPTS: usize = 5;

impl From<StoreUnavailable> for BeginError {
    fn from(_: StoreUnavailable) -> Self {
        Self::Unavailable
    }
}

impl From<StoreUnavailable> for PutError {
    fn from(_: StoreUnavailable) -> Self {
        Self::Unavailable
    }
}

/// A login whose time is over and that still has the session id.
struct Former {
    login: LoginId,
    waiting: bool,
}

/// Step 5: mark the assertion as used, reserve the session id, open the login, record it.
pub(super) async fn begin(db: &Db, start: &LoginStart) -> Result<(), BeginError> {
    let started = db.recorder.item(&start.event);
    let mut former = None;
    for _ in 0..BEGIN_ATTEMPTS {
        let refusals = match try_begin(db, start, &started, former.as_ref()).await? {
            Ok(()) => return Ok(()),
            Err(refusals) => refusals,
        };
        let refused = |action: usize| refusals.get(action).and_then(Option::as_ref);
        let ours = |item: &Item| text_of(item, "login_id") == Some(start.login.as_str());
        if refused(MARKER).is_some() || refused(STARTED).is_some() || refused(CLAIM).is_some_and(ours) {
            return Ok(());
        }
        if refused(CLAIM).is_some() {
            return Err(BeginError::Replayed);
        }
        if message(start).request.is_some() && refused(REQUEST).is_some() {
            return Err(taken(db, start, BeginError::RequestAnswered).await?);
        }
        former = match refused(SESSION).filter(|item| !item.is_empty()) {
            None => None,
            Some(holder) if instant_of(holder, "ends_at").is_none_or(|end| end > start.event.at) => {
                return Err(taken(db, start, BeginError::SessionTaken).await?);
            }
            Some(holder) => Some(Former {
                login: LoginId::from_stored(text_of(holder, "login_id").unwrap_or_default().to_owned()),
                waiting: text_of(holder, "phase") == Some("waiting"),
            }),
        };
    }
    tracing::warn!("a session id changed hands too often; this login gives up");
    Err(BeginError::Unavailable)
}

/// The actions of [`try_begin`], as DynamoDB numbers its reasons.
const CLAIM: usize = 0;
const SESSION: usize = 1;
const MARKER: usize = 2;
const STARTED: usize = 3;
/// Only where the assertion answers a request of ours.
const REQUEST: usize = 4;

async fn try_begin(
    db: &Db,
    start: &LoginStart,
    started: &Item,
    former: Option<&Former>,
) -> Result<Result<(), Vec<CancellationItem>>, StoreUnavailable> {
    let tables = &db.tables;
    let ends_at = start.reservation_ends;
    let claim = |claim: &UsedOnce| {
        let item = Item::from([
            ("handle".to_owned(), handle(&claim.handle)),
            ("login_id".to_owned(), id(&start.login)),
            ("ends_at".to_owned(), instant(claim.not_on_or_after)),
            ("expires".to_owned(), claim_expires(claim.not_on_or_after)),
        ]);
        put_action(&tables.claims, item, "attribute_not_exists(handle)", Item::new())
    };
    let reservation = Item::from([
        ("identityhash".to_owned(), handle(&start.session)),
        ("phase".to_owned(), text("reserved")),
        ("login_id".to_owned(), id(&start.login)),
        ("ends_at".to_owned(), instant(ends_at)),
        ("expires".to_owned(), expires(ends_at)),
    ]);
    let open = Item::from([
        ("identityhash".to_owned(), marker(&start.login)),
        ("phase".to_owned(), text("started")),
        ("login_id".to_owned(), id(&start.login)),
        ("session_handle".to_owned(), handle(&start.session)),
        ("ends_at".to_owned(), instant(ends_at)),
    ]);
    let (free, values) = match former {
        None => ("attribute_not_exists(identityhash)", Item::new()),
        Some(former) => (
            "login_id = :former AND ends_at <= :now",
            Item::from([
                (":former".to_owned(), id(&former.login)),
                (":now".to_owned(), instant(start.event.at)),
            ]),
        ),
    };
    let mut actions = vec![
        claim(&message(start).assertion),
        put_action(&tables.sessions, reservation, free, values),
        put_action(&tables.sessions, open, "attribute_not_exists(identityhash)", Item::new()),
        put_action(&tables.audit, started.clone(), "attribute_not_exists(login_id)", Item::new()),
    ];
    actions.extend(message(start).request.as_ref().map(claim));
    if let Some(former) = former.filter(|former| former.waiting) {
        // Or the sweeper would find its session gone and report it as taken.
        actions.push(update(
            &tables.sessions,
            key("identityhash", marker(&former.login)),
            "SET phase = :replaced",
            "phase = :issued",
            Item::from([(":replaced".to_owned(), text("replaced")), (":issued".to_owned(), text("issued"))]),
        ));
    }
    let former = former.map_or("", |former| former.login.as_str());
    db.transact(&db.token(&start.login, "begin", started, former), actions).await
}

/// Why `begin` is refused, if not for this reason. A used assertion, and then an
/// answered request, take precedence, and DynamoDB does not promise to evaluate
/// every condition of a refused transaction.
async fn taken(db: &Db, start: &LoginStart, otherwise: BeginError) -> Result<BeginError, StoreUnavailable> {
    for (claim, refusal) in [
        (Some(&message(start).assertion), BeginError::Replayed),
        (message(start).request.as_ref(), BeginError::RequestAnswered),
    ] {
        let Some(claim) = claim.filter(|_| refusal != otherwise) else { continue };
        if exists(db, &db.tables.claims, key("handle", handle(&claim.handle))).await? {
            return Ok(refusal);
        }
    }
    Ok(otherwise)
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

/// The row of `idp#NameID`: `name`, last authentication, how many, last role and
/// session. A repetition of the same login is not counted again.
pub(super) async fn signed_in(db: &Db, event: &AuditEvent) -> Result<(), StoreUnavailable> {
    let Some(person) = person(&event.subject) else { return Ok(()) };
    let optional = |value: Option<&str>| value.map_or(AttributeValue::Null(true), text);
    let updated = db
        .client
        .update_item()
        .table_name(&db.tables.users)
        .key("CognitoID", text(person))
        .update_expression(
            "SET #name = :name, last_authentication = :at, last_role = :role, last_session = :session, \
             last_login = :login ADD authentications :one",
        )
        .condition_expression("attribute_not_exists(last_login) OR last_login <> :login")
        .expression_attribute_names("#name", "name")
        .expression_attribute_values(":name", optional(event.subject.role_session_name.as_deref()))
        .expression_attribute_values(":at", text(sortable(event.at)))
        .expression_attribute_values(":role", optional(event.subject.role.as_deref()))
        .expression_attribute_values(":session", optional(event.session.as_ref().map(Handle::as_str)))
        .expression_attribute_values(":login", optional(event.login.as_ref().map(LoginId::as_str)))
        .expression_attribute_values(":one", AttributeValue::N("1".to_owned()))
        .send()
        .await;
    match updated {
        Ok(_) => Ok(()),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => Ok(()),
        Err(e) => Err(unavailable("UpdateItem", &e)),
    }
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

fn message(start: &LoginStart) -> &crate::broker::ports::UsedMessage {
    match &start.basis {
        crate::broker::ports::Basis::Message(message) => message,
        crate::broker::ports::Basis::Choice { .. } => unreachable!(),
    }
}
