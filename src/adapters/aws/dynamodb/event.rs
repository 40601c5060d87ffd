//! Audit events as items of the table `SAMLAudit`.

use super::schema::{Item, TRAIL, id, instant, instant_of, sortable, text, text_of};
use crate::broker::ports::SecureRandom;
use crate::broker::{AuditEvent, EventKind, Handle, LoginId, Reason, Subject, SupportId, random_id};
use aws_sdk_dynamodb::types::AttributeValue;
use std::sync::{Arc, Mutex, PoisonError};
use time::{Duration, OffsetDateTime};

/// Writes events as items, each with its place in the order of recording: its
/// time, but after all that this process has recorded before.
pub(super) struct Recorder {
    random: Arc<dyn SecureRandom>,
    last: Mutex<Option<OffsetDateTime>>,
}

impl Recorder {
    pub(super) fn new(random: Arc<dyn SecureRandom>) -> Self {
        Self { random, last: Mutex::default() }
    }

    fn place(&self, at: OffsetDateTime) -> String {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let place = last.map_or(at, |last| last.saturating_add(Duration::nanoseconds(1)).max(at));
        *last = Some(place);
        sortable(place)
    }

    pub(super) fn item(&self, event: &AuditEvent) -> Item {
        let login = match &event.login {
            Some(login) => id(login),
            None => text(format!("{}{}", no_login(event.kind), random_id(&*self.random))),
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
            ("role_map", subject.role_map.as_deref()),
            ("page", subject.page.as_deref()),
            ("choice", subject.choice.as_ref().map(LoginId::as_str)),
            ("use", subject.for_use.as_deref()),
            ("device", subject.device.as_deref()),
            ("reason", subject.reason.as_ref().map(Reason::as_str)),
            // An index refuses an empty key.
            ("access_key_id", subject.access_key_id.as_deref().filter(|key| !key.is_empty())),
        ];
        let mut item: Item =
            optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value?)))).collect();
        let mut insert = |name: &str, value| item.insert(name.to_owned(), value);
        insert("login_id", login);
        insert("step", text(step(event.kind)));
        insert("trail", text(TRAIL));
        insert("recorded", text(self.place(event.at)));
        insert("at", instant(event.at));
        insert("kind", text(event.kind.as_str()));
        for (name, address) in [("source_ip", event.source_ip), ("asked_from", subject.asked_from)] {
            if let Some(address) = address {
                insert(name, text(address.to_string()));
            }
        }
        let instants = [("expiration", subject.expiration), ("from", subject.from), ("until", subject.until)]
            .map(|(name, at)| (name, at.map(|at| at.unix_timestamp().to_string())));
        let counts = [("offered_count", subject.offered_count), ("times", subject.times)]
            .map(|(name, count)| (name, count.map(|count| count.to_string())));
        for (name, number) in instants.into_iter().chain(counts) {
            if let Some(number) = number {
                insert(name, AttributeValue::N(number));
            }
        }
        for (name, texts) in [
            ("offered_roles", &subject.offered_roles),
            ("keys_added", &subject.keys_added),
            ("keys_removed", &subject.keys_removed),
        ] {
            if !texts.is_empty() {
                insert(name, AttributeValue::L(texts.iter().map(text).collect()));
            }
        }
        if let Some(person) = person(subject) {
            insert("person", text(person));
        }
        item
    }
}

/// An event without a login has an id with this prefix instead. No login id has a `:`.
const fn no_login(kind: EventKind) -> &'static str {
    if matches!(kind, EventKind::KeysChanged) { "provider:" } else { "refused:" }
}

/// A key attribute may have 2,048 bytes; longer ones are indexed by their hash.
const MAX_KEY_BYTES: usize = 1_024;

/// The sort key. In the order in which a login goes through them; all ends share one.
pub(super) const fn step(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Refused => "0-refused",
        EventKind::RefusalsSummed => "0-refusals-summed",
        EventKind::KeysChanged => "0-keys-changed",
        EventKind::Started | EventKind::ChoiceOpened => "1-started",
        EventKind::Issued => "2-issued",
        EventKind::Delivered
        | EventKind::Expired
        | EventKind::Failed
        | EventKind::Abandoned
        | EventKind::Uncertain
        | EventKind::ChoiceEnded => "3-ended",
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

/// Reads an item; `None` if it is no event of ours.
pub(super) fn event_of(item: &Item) -> Option<AuditEvent> {
    let owned = |name: &str| text_of(item, name).map(str::to_owned);
    let count = |name: &str| match item.get(name) {
        Some(number) => number.as_n().ok()?.parse().ok().map(Some),
        None => Some(None),
    };
    let second = |name: &str| match item.get(name) {
        Some(seconds) => {
            OffsetDateTime::from_unix_timestamp(seconds.as_n().ok()?.parse().ok()?).ok().map(Some)
        }
        None => Some(None),
    };
    let address = |name: &str| match text_of(item, name) {
        Some(ip) => ip.parse().ok().map(Some),
        None => Some(None),
    };
    Some(AuditEvent {
        at: instant_of(item, "at")?,
        kind: EventKind::parse(text_of(item, "kind")?)?,
        login: owned("login_id").filter(|login| !login.contains(':')).map(LoginId::from_stored),
        session: owned("session").map(Handle::from_stored),
        reference: owned("reference").map(SupportId::from_stored),
        source_ip: address("source_ip")?,
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
            role_map: owned("role_map"),
            choice: owned("choice").map(LoginId::from_stored),
            for_use: owned("use"),
            asked_from: address("asked_from")?,
            device: owned("device"),
            page: owned("page"),
            reason: owned("reason").map(Reason::from_stored),
            access_key_id: owned("access_key_id"),
            expiration: second("expiration")?,
            offered_roles: texts_of(item, "offered_roles")?,
            offered_count: count("offered_count")?,
            times: count("times")?,
            from: second("from")?,
            until: second("until")?,
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
