//! The audit trail: one item per event, never changed.

use super::DynamoDbStore;
use super::call::{unavailable, within};
use super::schema::{BY_TIME, Item, id, instant, instant_of, sortable, text, text_of};
use super::sessions::{Closing, close_any};
use crate::broker::ports::StoreUnavailable;
use crate::broker::{AuditEvent, EventKind, Handle, LoginId, Subject, SupportId};
use aws_sdk_dynamodb::types::AttributeValue;
use std::sync::{Mutex, PoisonError};
use time::{Duration, OffsetDateTime};

/// Of `trail`, the key of the index by time. One partition takes a thousand
/// events a second, three hundred logins; a larger house would number trails.
const TRAIL: &str = "all";

/// What the login id of an event without a login begins with: no login id has a `:`.
const fn no_login(kind: EventKind) -> &'static str {
    if matches!(kind, EventKind::KeysChanged) { "provider:" } else { "refused:" }
}

/// A key attribute may have 2,048 bytes; whatever is longer is indexed by its hash.
const MAX_KEY_BYTES: usize = 1_024;

/// How many items one page of a query asks for at most.
const PAGE: i32 = 500;

/// Gives each event its place in the order of recording: its time, but after
/// all that this process has recorded before.
#[derive(Default)]
pub(super) struct Recorder(Mutex<Option<OffsetDateTime>>);

impl Recorder {
    fn place(&self, at: OffsetDateTime) -> String {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = last.map_or(at, |last| last.saturating_add(Duration::nanoseconds(1)).max(at));
        *last = Some(place);
        sortable(place)
    }
}

/// The sort key. In the order in which a login goes through them; all ends share one.
pub(super) const fn step(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Refused => "0-refused",
        EventKind::KeysChanged => "0-keys-changed",
        EventKind::Started => "1-started",
        EventKind::Issued => "2-issued",
        EventKind::Delivered
        | EventKind::Expired
        | EventKind::Failed
        | EventKind::Abandoned
        | EventKind::Uncertain => "3-ended",
    }
}

pub(super) fn key_of(login: &LoginId, step: &str) -> Item {
    Item::from([("login_id".to_owned(), id(login)), ("step".to_owned(), text(step))])
}

/// `idp#NameID`: the key of the users row, and of the index by person.
pub(super) fn person(subject: &Subject) -> Option<String> {
    let person = format!("{}#{}", subject.idp.as_ref()?, subject.name_id.as_ref()?);
    let short = person.len() <= MAX_KEY_BYTES;
    Some(if short { person } else { Handle::of(&[person.as_bytes()]).as_str().to_owned() })
}

/// The event as an item with its place in the trail.
pub(super) fn item_of(store: &DynamoDbStore, event: &AuditEvent) -> Item {
    let login = match &event.login {
        Some(login) => id(login),
        None => text(format!("{}{}", no_login(event.kind), LoginId::random(&*store.random).as_str())),
    };
    let subject = &event.subject;
    let optional = [
        ("session", event.session.as_ref().map(Handle::as_str)),
        ("reference", event.reference.as_ref().map(SupportId::as_str)),
        ("code", event.code.as_deref()),
        ("idp", subject.idp.as_deref()),
        ("issuer", subject.issuer.as_deref()),
        ("assertion_id", subject.assertion_id.as_deref()),
        ("session_index", subject.session_index.as_deref()),
        ("in_response_to", subject.in_response_to.as_deref()),
        ("name_id", subject.name_id.as_deref()),
        ("role_session_name", subject.role_session_name.as_deref()),
        ("role", subject.role.as_deref()),
        ("rule", subject.rule.as_deref()),
        // An index refuses an empty key.
        ("access_key_id", subject.access_key_id.as_deref().filter(|key| !key.is_empty())),
    ];
    let mut item: Item =
        optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?)))).collect();
    let mut insert = |name: &str, value| item.insert(name.to_owned(), value);
    insert("login_id", login);
    insert("step", text(step(event.kind)));
    insert("trail", text(TRAIL));
    insert("recorded", text(store.recorder.place(event.at)));
    insert("at", instant(event.at));
    insert("kind", text(event.kind.as_str()));
    if let Some(ip) = event.source_ip {
        insert("source_ip", text(ip.to_string()));
    }
    if let Some(expiration) = subject.expiration {
        insert("expiration", AttributeValue::N(expiration.unix_timestamp().to_string()));
    }
    for (name, keys) in [("keys_added", &subject.keys_added), ("keys_removed", &subject.keys_removed)] {
        if !keys.is_empty() {
            insert(name, AttributeValue::L(keys.iter().map(text).collect()));
        }
    }
    if let Some(person) = person(subject) {
        insert("person", text(person));
    }
    item
}

/// The event in an item; `None` if it is none of ours.
pub(super) fn event_of(item: &Item) -> Option<AuditEvent> {
    let owned = |name: &str| text_of(item, name).map(str::to_owned);
    let expiration = match item.get("expiration") {
        Some(seconds) => Some(OffsetDateTime::from_unix_timestamp(seconds.as_n().ok()?.parse().ok()?).ok()?),
        None => None,
    };
    let source_ip = match text_of(item, "source_ip") {
        Some(ip) => Some(ip.parse().ok()?),
        None => None,
    };
    Some(AuditEvent {
        at: instant_of(item, "at")?,
        kind: EventKind::parse(text_of(item, "kind")?)?,
        login: owned("login_id").filter(|login| !login.contains(':')).map(LoginId::from_stored),
        session: owned("session").map(Handle::from_stored),
        reference: owned("reference").map(SupportId::from_stored),
        source_ip,
        code: owned("code"),
        subject: Subject {
            idp: owned("idp"),
            issuer: owned("issuer"),
            assertion_id: owned("assertion_id"),
            session_index: owned("session_index"),
            in_response_to: owned("in_response_to"),
            name_id: owned("name_id"),
            role_session_name: owned("role_session_name"),
            role: owned("role"),
            rule: owned("rule"),
            access_key_id: owned("access_key_id"),
            expiration,
            keys_added: texts_of(item, "keys_added")?,
            keys_removed: texts_of(item, "keys_removed")?,
        },
    })
}

/// A list of texts; empty where there is none, `None` where it is something else.
fn texts_of(item: &Item, name: &str) -> Option<Vec<String>> {
    let Some(list) = item.get(name) else { return Some(Vec::new()) };
    list.as_l().ok()?.iter().map(|text| text.as_s().ok().cloned()).collect()
}

/// Appends; a final event closes its login, which has one end only.
pub(super) async fn record(store: &DynamoDbStore, event: &AuditEvent) -> Result<(), StoreUnavailable> {
    let Some(login) = event.login.as_ref().filter(|_| event.kind.is_final()) else {
        return append(store, event).await;
    };
    // What was delivered was taken: there is no session item to free.
    let session = event.session.as_ref().filter(|_| event.kind != EventKind::Delivered);
    match close_any(store, login, event, None, session).await? {
        Closing::Closed => Ok(()),
        Closing::Ended(how) if how == Some(event.kind) => Ok(()),
        Closing::Ended(_) | Closing::Moved | Closing::HoldsNothing => Err(StoreUnavailable),
    }
}

/// One item on condition that it is not there. If it is, an earlier attempt wrote
/// it: each event of a login has its key, and one without a login its random id.
pub(super) async fn append(store: &DynamoDbStore, event: &AuditEvent) -> Result<(), StoreUnavailable> {
    let appended = store
        .client
        .put_item()
        .table_name(&store.tables.audit)
        .set_item(Some(item_of(store, event)))
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
pub(super) async fn recent(store: &DynamoDbStore, limit: usize) -> Result<Vec<AuditEvent>, StoreUnavailable> {
    let (mut events, mut next) = (Vec::new(), None);
    while events.len() < limit {
        let missing = i32::try_from(limit - events.len()).unwrap_or(PAGE).min(PAGE);
        let page = store
            .client
            .query()
            .table_name(&store.tables.audit)
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
    store: &DynamoDbStore,
    login: &LoginId,
    kind: EventKind,
) -> Result<Option<AuditEvent>, StoreUnavailable> {
    let key = Some(key_of(login, step(kind)));
    let found =
        store.client.get_item().table_name(&store.tables.audit).set_key(key).consistent_read(true).send();
    let found = found.await.map_err(|e| unavailable("GetItem", &e))?;
    found.item.as_ref().map(readable).transpose()
}

/// The latest event of a login, strongly consistent.
pub(super) async fn latest(
    store: &DynamoDbStore,
    login: &LoginId,
) -> Result<Option<AuditEvent>, StoreUnavailable> {
    let found = store
        .client
        .query()
        .table_name(&store.tables.audit)
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
