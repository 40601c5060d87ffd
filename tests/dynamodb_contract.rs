//! The store in DynamoDB against the contract of its ports; then what is its
//! own: what it asks, and what it makes of answers that are lost.
#![allow(clippy::disallowed_methods, reason = "how long something took is asked")]

mod support;

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::aws::{Emulators, Service, dynamodb_at};
use support::contract;
use support::contract::choice::{Choice, choice_contract};
use support::contract::start_of_time;
use support::contract::store::{Login, Store, StoreUnderTest, store_contract};
use support::fault_proxy::{Fault, FaultProxy, Rule, Seen};
use support::forge::{self, Forge};
use support::test_service::{Page, TestService, assertion};
use vestibule::adapters::KeyMarker;
use vestibule::adapters::aws::dynamodb::{DynamoDbStore, Tables};
use vestibule::broker::ports::{
    AuditTrail, BeginError, LoginStart, NotReady, PutError, StoreUnavailable, TakeError, UsedOnce,
};
use vestibule::broker::{AuditEvent, EventKind, Sealed, SealedSession, SweepReport};
use vestibule::system::SystemRandom;

fn store_at(url: &str) -> Store {
    let store = Arc::new(DynamoDbStore::new(&dynamodb_at(url), Tables::prefixed(""), Arc::new(SystemRandom)));
    Store { sessions: store.clone(), audit: store }
}

struct DynamoDb {
    aws: Emulators,
}

impl DynamoDb {
    fn new() -> Self {
        let aws = Emulators::only(&[Service::DynamoDb]);
        aws.create_tables();
        Self { aws }
    }
    fn url(&self) -> String {
        self.aws.endpoint(Service::DynamoDb)
    }
}

impl StoreUnderTest for DynamoDb {
    fn open(&self) -> Store {
        store_at(&self.url())
    }
    /// A server holds nothing that another one needs.
    fn after_crash(&self) -> Store {
        self.open()
    }
    /// Its TTL does.
    fn sweeps_claims(&self) -> bool {
        false
    }
}

store_contract!(DynamoDb::new());
choice_contract!(DynamoDb::new());

// ------------------------------------------------------------------ faults

/// A store behind a proxy, and another one that asks DynamoDB directly.
struct Faulty {
    dynamodb: DynamoDb,
    proxy: FaultProxy,
    store: Store,
    direct: Store,
}

impl Faulty {
    fn new() -> Self {
        let dynamodb = DynamoDb::new();
        let proxy = FaultProxy::start(&dynamodb.url());
        let (store, direct) = (store_at(&proxy.url), dynamodb.open());
        Self { dynamodb, proxy, store, direct }
    }
    fn count(&self, operation: &str) -> usize {
        self.proxy.counts().get(operation).copied().unwrap_or_default()
    }
    /// A waiting session, of which the proxy knows nothing.
    async fn waiting(&self) -> Login {
        let login = Login::new();
        login.issue(&self.direct).await;
        login
    }
    /// The take meets this fault; how it ended, after exactly one request.
    async fn take(&self, login: &Login, fault: Fault) -> TakeError {
        self.proxy.reset();
        self.proxy.add(Rule::on("DeleteItem", fault));
        let taken = self.store.sessions.take(&login.session, &login.jti, login.began).await;
        assert_eq!(self.count("DeleteItem"), 1, "asked once");
        self.proxy.reset();
        taken.unwrap_err()
    }
}

/// Long enough for every retry; shorter than a gateway waits.
const BOUND: Duration = Duration::from_secs(15);

#[tokio::test]
async fn the_lost_answer_of_a_begin_and_of_a_put_is_recognised() {
    let it = Faulty::new();
    for times in [1, 2, 3] {
        let login = Login::new();
        it.proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer).times(times));
        login.begin(&it.store).await.expect("our own write");
        it.proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer).times(times));
        login.put(&it.store, login.began).await.expect("our own write");
        assert_eq!(login.history(&it.direct).await, [EventKind::Started, EventKind::Issued]);
        assert!(login.take(&it.direct, login.began).await.is_some());
        assert!(login.take(&it.direct, login.began).await.is_none());
        it.proxy.reset();
    }
}

/// All answers are lost, whatever was asked: the caller gives up, and may ask again.
#[tokio::test]
async fn who_gave_up_may_ask_again() {
    let it = Faulty::new();
    let login = Login::new();
    it.proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer));
    assert_eq!(login.begin(&it.store).await, Err(BeginError::Unavailable));
    it.proxy.reset();
    login.begin(&it.store).await.expect("our own write");
    it.proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer));
    assert_eq!(login.put(&it.store, login.began).await, Err(PutError::Unavailable));
    it.proxy.reset();
    // As the broker does after a failed put: nothing may be left behind.
    login.fail(&it.store, login.began).await;
    assert!(login.take(&it.direct, login.began).await.is_none());
    let history = [EventKind::Started, EventKind::Issued, EventKind::Failed];
    assert_eq!(login.history(&it.direct).await, history);
}

#[tokio::test]
async fn protocol_take_outcome_unknown_is_asked_once_and_released() {
    let it = Faulty::new();
    let internal = Fault::json(500, "InternalServerError", "");
    let unavailable = Fault::json(503, "ServiceUnavailable", "");
    let faults =
        [Fault::LoseAnswer, Fault::Drop, internal, unavailable, Fault::Delay(Duration::from_secs(4))];
    for fault in faults {
        let login = it.waiting().await;
        let clock = Instant::now();
        assert_eq!(it.take(&login, fault.clone()).await, TakeError::Uncertain, "{fault:?}");
        assert!(clock.elapsed() < Duration::from_secs(5));
        // The broker's answer to it, whether the delete happened or not.
        let uncertain = login.event(EventKind::Uncertain, login.began + time::Duration::SECOND);
        it.store.sessions.release(&login.session, &uncertain).await.unwrap();
        assert!(login.take(&it.direct, login.began).await.is_none(), "{fault:?}");
        let history = [EventKind::Started, EventKind::Issued, EventKind::Uncertain];
        assert_eq!(login.history(&it.direct).await, history, "{fault:?}");
    }
}

#[tokio::test]
async fn a_take_that_certainly_did_nothing_leaves_the_session() {
    let mut it = Faulty::new();
    let login = it.waiting().await;
    let busy = Fault::json(400, "TransactionConflictException", "Transaction is ongoing for the item");
    let denied = Fault::json(400, "AccessDeniedException", "not authorized to perform: dynamodb:DeleteItem");
    let limit = Fault::json(400, "RequestLimitExceeded", "");
    for fault in [Fault::throttled(), busy, denied, limit] {
        assert_eq!(it.take(&login, fault.clone()).await, TakeError::Unavailable, "{fault:?}");
    }
    it.proxy.die();
    let taken = it.store.sessions.take(&login.session, &login.jti, login.began).await;
    assert_eq!(taken.unwrap_err(), TakeError::Unavailable, "nobody listens");
    let nowhere = store_at("http://dynamodb.invalid");
    let taken = nowhere.sessions.take(&login.session, &login.jti, login.began).await;
    assert_eq!(taken.unwrap_err(), TakeError::Unavailable, "no such name");
    it.proxy.revive();
    assert!(login.take(&it.store, login.began).await.is_some(), "the session still waits");
}

/// Connections that were idle when the other side went away are dead without our
/// knowing. A take does not use them.
#[tokio::test]
async fn a_dead_idle_connection_makes_no_take_uncertain() {
    let mut it = Faulty::new();
    for _ in 0..5 {
        let logins = [it.waiting().await, it.waiting().await];
        assert!(logins[0].take(&it.store, logins[0].began).await.is_some());
        it.store.audit.ready().await.unwrap();
        it.proxy.die();
        it.proxy.revive();
        assert!(logins[1].take(&it.store, logins[1].began).await.is_some());
    }
}

#[tokio::test]
async fn throttling_and_conflicts_are_waited_out() {
    let it = Faulty::new();
    let overloaded = Fault::json(500, "InternalServerError", "");
    let in_progress = Fault::json(400, "TransactionInProgressException", "");
    for fault in [Fault::throttled(), Fault::transaction_conflict(), overloaded, in_progress, Fault::Drop] {
        let login = Login::new();
        it.proxy.add(Rule::on("TransactWriteItems", fault.clone()).times(2));
        login.begin(&it.store).await.unwrap();
        it.proxy.add(Rule::on("TransactWriteItems", fault.clone()).times(2));
        login.put(&it.store, login.began).await.unwrap();
        assert!(login.take(&it.store, login.began).await.is_some());
        it.proxy.add(Rule::on("TransactWriteItems", fault).times(2));
        login.deliver(&it.store, login.began).await.unwrap();
        let history = [EventKind::Started, EventKind::Issued, EventKind::Delivered];
        assert_eq!(login.history(&it.direct).await, history);
        it.proxy.reset();
    }
}

#[tokio::test]
async fn protocol_store_down_at_begin_and_put() {
    let mut it = Faulty::new();
    let (started, new) = (Login::new(), Login::new());
    started.begin(&it.direct).await.unwrap();
    for fault in [Some(Fault::throttled()), Some(Fault::transaction_conflict()), Some(Fault::Drop), None] {
        match fault {
            Some(fault) => it.proxy.add(Rule::on("", fault)),
            None => it.proxy.die(),
        }
        let clock = Instant::now();
        let failed = started.event(EventKind::Failed, started.began);
        let refused = AuditEvent { login: None, ..new.event(EventKind::Refused, new.began) };
        let (begin, put, release, record, ready, recent, sweep) = tokio::join!(
            new.begin(&it.store),
            started.put(&it.store, started.began),
            it.store.sessions.release(&started.session, &failed),
            it.store.audit.record(&refused),
            it.store.audit.ready(),
            it.store.audit.recent(10),
            it.store.audit.sweep(start_of_time()),
        );
        assert!(clock.elapsed() < BOUND, "{:?}", clock.elapsed());
        assert_eq!(begin, Err(BeginError::Unavailable));
        assert_eq!(put, Err(PutError::Unavailable));
        let rest =
            [release, record, ready.map_err(|_| StoreUnavailable), recent.map(|_| ()), sweep.map(|_| ())];
        assert!(rest.iter().all(|each| *each == Err(StoreUnavailable)), "{rest:?}");
        it.proxy.reset();
    }
    it.proxy.revive();
    assert_eq!(new.history(&it.direct).await, []);
    new.begin(&it.store).await.expect("nothing was written");
    started.put(&it.store, started.began).await.expect("the reservation still holds");
}

#[tokio::test]
async fn the_lost_answer_of_a_record_is_one_event() {
    let it = Faulty::new();
    let login = it.waiting().await;
    assert!(login.take(&it.direct, login.began).await.is_some());
    it.proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer).times(2));
    login.deliver(&it.store, login.began).await.unwrap();
    let refused = AuditEvent { login: None, ..login.event(EventKind::Refused, login.began) };
    it.proxy.add(Rule::on("PutItem", Fault::LoseAnswer).times(2));
    it.store.audit.record(&refused).await.unwrap();
    let recorded = it.direct.audit.recent(10).await.unwrap();
    assert_eq!(recorded.len(), 4, "started, issued, delivered, refused: {recorded:?}");
    assert_eq!(recorded[0], refused);
}

/// Recorded before, by whichever server: a read, and no write that is paid for.
#[tokio::test]
async fn an_event_recorded_before_costs_a_read() {
    let it = Faulty::new();
    let (once, refused) = refusal();
    it.proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer).times(2));
    assert_eq!(it.store.audit.record_once(&once, &refused).await, Ok(true), "our own write");
    assert_eq!(it.count("TransactWriteItems"), 3);
    it.proxy.reset();
    for _ in 0..5 {
        assert_eq!(it.store.audit.record_once(&once, &refused).await, Ok(false));
        assert_eq!(it.direct.audit.record_once(&once, &refused).await, Ok(false));
    }
    assert_eq!(it.proxy.counts(), BTreeMap::from([("GetItem".to_owned(), 5)]));
    assert_eq!(it.direct.audit.recent(10).await.unwrap(), [refused]);
    it.proxy.add(Rule::on("", Fault::throttled()));
    let (once, refused) = refusal();
    assert_eq!(it.store.audit.record_once(&once, &refused).await, Err(StoreUnavailable));
}

fn refusal() -> (UsedOnce, AuditEvent) {
    let login = Login::new();
    let refused = AuditEvent { login: None, ..login.event(EventKind::Refused, login.began) };
    (UsedOnce { handle: login.assertion, not_on_or_after: login.began + time::Duration::DAY }, refused)
}

/// Beside the moment when the store was alive: neither takes the other's place.
#[tokio::test]
async fn the_tables_know_that_they_have_been_used_with_a_key_ring() {
    let dynamodb = DynamoDb::new();
    let store =
        || DynamoDbStore::new(&dynamodb_at(&dynamodb.url()), Tables::prefixed(""), Arc::new(SystemRandom));
    for had_one in [false, true] {
        let store = store();
        assert_eq!(store.has_ring().await, Ok(had_one));
        store.note_ring().await.unwrap();
        store.note_ring().await.unwrap();
        store.sweep(start_of_time()).await.unwrap();
    }
    let claims = dynamodb.aws.items("SAMLClaims");
    assert_eq!(claims.len(), 1);
    assert!(claims[0]["alive_at"].is_object() && claims[0]["ring"].is_object(), "{claims:?}");
}

/// The whole service over DynamoDB. Before, each post was write units, and one hot
/// index partition that throttles honest logins. `VESTIBULE_FLOOD=100000` is the long form.
#[tokio::test]
async fn a_flood_of_refused_posts_is_one_write() {
    let posts = std::env::var("VESTIBULE_FLOOD").map_or(1_000, |text| text.parse().expect("a number"));
    let it = Faulty::new();
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(DynamoDbStore::new(
        &dynamodb_at(&it.proxy.url),
        Tables::prefixed(""),
        Arc::new(SystemRandom),
    ));
    let service = TestService::recording_in(dir.path(), &store);
    let expired = Forge { confirmed_until: forge::at(-3_300), ..assertion(1) };
    let elsewhere = "https://wiki.example.com/saml".to_owned();
    let foreign = Forge { recipient: elsewhere, ..assertion(2) };
    for (response, code, writes) in [(expired, "assertion_expired", 1), (foreign, "wrong_recipient", 0)] {
        it.proxy.reset();
        let xml = response.xml();
        for number in 0..posts {
            let answer = service.post_xml(&xml, &Page::new(number)).await;
            assert_eq!(answer.cell(), (403, code.to_owned()));
        }
        assert_eq!((it.count("TransactWriteItems"), it.count("GetItem")), (writes, writes), "{code}");
        assert_eq!(it.proxy.counts().values().sum::<usize>(), 2 * writes, "{code}");
    }
    // A used assertion is refused from memory: a refused `begin` is five write units and more.
    let page = Page::new(3);
    let ticket = service.post(&assertion(3), &page).await.ticket();
    it.proxy.reset();
    let xml = assertion(3).xml();
    for number in 0..posts {
        assert_eq!(service.post_xml(&xml, &Page::new(number)).await.cell().0, 409);
    }
    assert_eq!(it.count("TransactWriteItems"), 2, "one that said so, one that recorded it");
    assert_eq!(service.take(&ticket, &page).await.status, 200);
    let refused = ["login.refused assertion_expired", "login.started", "login.issued"];
    assert_eq!(
        service.history().await,
        [&refused[..], &["login.refused assertion_replayed", "login.delivered"]].concat()
    );
}

/// Between the sweeper's look and its transaction, the credentials are taken.
#[tokio::test]
async fn a_sweep_that_lost_its_answers_reports_once() {
    let it = Faulty::new();
    let (expired, taken) = (it.waiting().await, it.waiting().await);
    assert!(taken.take(&it.direct, taken.began).await.is_some());
    it.proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer).times(1));
    let report = it.store.audit.sweep(expired.expires()).await.unwrap();
    assert_eq!((report.expired, report.uncertain), (1, 1));
    assert_eq!(it.direct.audit.sweep(expired.expires()).await.unwrap(), SweepReport::default());
}

/// DynamoDB's TTL does not say whether a session was taken: say the worse.
#[tokio::test]
async fn a_session_that_vanished_is_uncertain() {
    let it = Faulty::new();
    let login = it.waiting().await;
    let key = json!({ "identityhash": { "S": login.session.as_str() } });
    let input = json!({ "TableName": "SAMLSessions", "Key": key });
    it.dynamodb.aws.call(Service::DynamoDb, "DeleteItem", &input).unwrap();
    let report = it.direct.audit.sweep(login.expires()).await.unwrap();
    assert_eq!((report.expired, report.uncertain), (0, 1));
}

#[tokio::test]
async fn missing_tables_are_not_ready() {
    let aws = Emulators::only(&[Service::DynamoDb]);
    let store = store_at(&aws.endpoint(Service::DynamoDb));
    assert_eq!(store.audit.ready().await, Err(NotReady("store_unavailable")));
    assert_eq!(Login::new().begin(&store).await, Err(BeginError::Unavailable));
}

// ------------------------------------------------- what is in the tables

#[tokio::test]
async fn the_auditor_finds_a_login_by_person_by_access_key_and_by_day() {
    let dynamodb = DynamoDb::new();
    let store = dynamodb.open();
    let (login, tomorrow) = (Login::new(), Login::at(start_of_time() + time::Duration::DAY));
    login.complete(&store).await;
    tomorrow.complete(&store).await;
    let find = |index: &str, condition: &str, values: Value| {
        let input = json!({
            "TableName": "SAMLAudit", "IndexName": index,
            "KeyConditionExpression": condition, "ExpressionAttributeValues": values,
        });
        let answer = dynamodb.aws.call(Service::DynamoDb, "Query", &input).unwrap();
        let items = answer["Items"].as_array().unwrap().clone();
        items.iter().map(|item| item["kind"]["S"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let whole = ["login.started", "login.issued", "login.delivered"];
    let key = format!("LOCAL{}", login.id.as_str());
    assert_eq!(find("by-access-key", "access_key_id = :k", json!({ ":k": { "S": key } })), whole);
    let person = json!({ ":p": { "S": "ADFS#anna@example.com" } });
    assert_eq!(find("by-person", "person = :p", person), [whole, whole].concat());
    let day = json!({ ":t": { "S": "all" }, ":d": { "S": "2023-11-14" } });
    assert_eq!(find("by-time", "trail = :t AND begins_with(recorded, :d)", day), whole);
}

#[tokio::test]
async fn the_users_row_counts_each_login_once() {
    let dynamodb = DynamoDb::new();
    let store = dynamodb.open();
    let mut last = None;
    for login in [Login::new(), Login::at(start_of_time() + time::Duration::hours(1))] {
        let mut issued = login.event(EventKind::Issued, login.began);
        issued.subject.role_session_name = Some("anna".to_owned());
        issued.subject.role = Some(format!("role-{}", login.began.unix_timestamp()));
        login.begin(&store).await.unwrap();
        store.sessions.put(&login.session(), &issued).await.unwrap();
        store.sessions.put(&login.session(), &issued).await.unwrap();
        last = Some(login);
    }
    let last = last.unwrap();
    let row = json!({
        "CognitoID": { "S": "ADFS#anna@example.com" },
        "name": { "S": "anna" },
        "last_authentication": { "S": "2023-11-14T23:13:20.000000000Z" },
        "authentications": { "N": "2" },
        "last_role": { "S": "role-1700003600" },
        "last_session": { "S": last.session.as_str() },
        "last_login": { "S": last.id.as_str() },
    });
    assert_eq!(dynamodb.aws.items("SAMLUsers"), [row]);
}

#[tokio::test]
async fn a_users_row_that_cannot_be_written_fails_no_login() {
    let it = Faulty::new();
    for fault in [Fault::throttled(), Fault::json(400, "AccessDeniedException", "not allowed"), Fault::Drop] {
        let login = Login::new();
        login.begin(&it.store).await.unwrap();
        it.proxy.add(Rule::on("UpdateItem", fault).containing("SAMLUsers"));
        login.put(&it.store, login.began).await.unwrap();
        assert_ne!(it.count("UpdateItem"), 0, "it was tried");
        it.proxy.reset();
        assert!(login.take(&it.store, login.began).await.is_some());
        assert_eq!(login.history(&it.direct).await, [EventKind::Started, EventKind::Issued]);
    }
    assert!(it.dynamodb.aws.items("SAMLUsers").is_empty());
}

/// Neither markers nor sessions nor claims stay; TTL would remove what does.
#[tokio::test]
async fn a_login_leaves_only_its_history() {
    let dynamodb = DynamoDb::new();
    let store = dynamodb.open();
    let (delivered, abandoned, expired) = (Login::new(), Login::new(), Login::new());
    delivered.complete(&store).await;
    abandoned.begin(&store).await.unwrap();
    expired.issue(&store).await;
    let ttl = |item: &Value| item["expires"]["N"].as_str().map(|n| n.parse::<i64>().unwrap());
    for item in dynamodb.aws.items("SAMLSessions").iter().filter(|item| item.get("session_handle").is_none())
    {
        let ends = start_of_time().unix_timestamp() + 60;
        assert!((ends + 600..ends + 7_200).contains(&ttl(item).unwrap()), "seconds: {item}");
    }
    // DynamoDB forgets them, a day after they could not be used any more.
    let claims = dynamodb.aws.items("SAMLClaims");
    let (meta, claims): (Vec<_>, Vec<_>) = claims.iter().partition(|item| item["handle"]["S"] == "meta");
    assert_eq!((meta.len(), ttl(meta[0])), (1, None), "what the store knows of itself is kept");
    for claim in claims {
        let ends = claim["ends_at"]["N"].as_str().unwrap().parse::<i128>().unwrap() / 1_000_000_000;
        assert_eq!(i128::from(ttl(claim).unwrap()), ends + 86_400);
    }
    store.audit.sweep(start_of_time() + time::Duration::DAY).await.unwrap();
    assert_eq!(dynamodb.aws.items("SAMLSessions"), [] as [Value; 0]);
    assert_eq!(dynamodb.aws.items("SAMLAudit").len(), 3 + 2 + 3);
}

// ------------------------------------------------------------ permissions

/// What IAM would be asked for: action and table, transactions taken apart.
fn permissions(seen: &[Seen]) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    for request in seen {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let mut need = |action: &str, on: &Value| {
            let table = on["TableName"].as_str().unwrap();
            let index = on["IndexName"].as_str().map(|index| format!("/{index}")).unwrap_or_default();
            needed.insert(format!("{action} {table}{index}"));
        };
        match body["TransactItems"].as_array() {
            None => need(&request.operation, &body),
            Some(actions) => {
                for (action, on) in actions.iter().flat_map(|action| action.as_object().unwrap()) {
                    need(&format!("{action}Item"), on);
                }
            }
        }
    }
    needed
}

/// The templates' policies are made from this list.
#[tokio::test]
async fn what_each_function_asks_of_dynamodb() {
    let it = Faulty::new();
    let asked = |expected: &[&str]| {
        let expected: BTreeSet<_> = expected.iter().map(|&each| each.to_owned()).collect();
        assert_eq!(permissions(&it.proxy.seen()), expected);
        it.proxy.reset();
    };
    let store = &it.store;

    // The first login of a process, and once a minute: whether the tables were restored.
    Login::new().issue(store).await;
    let counts = [("TransactWriteItems", 2), ("UpdateItem", 2)].map(|(o, n)| (o.to_owned(), n));
    assert_eq!(it.proxy.counts(), BTreeMap::from(counts), "of a first login");
    it.proxy.reset();
    let login = Login::new();
    login.issue(store).await;
    let counts = [("TransactWriteItems", 2), ("UpdateItem", 1)].map(|(o, n)| (o.to_owned(), n));
    assert_eq!(it.proxy.counts(), BTreeMap::from(counts), "of an ordinary login");
    // Refusals, retries, failures, a session id whose former holder's time is over.
    login.replay(login.began).begin(store).await.unwrap_err();
    login.rival(login.began).begin(store).await.unwrap_err();
    login.put(store, login.began).await.unwrap();
    let next = login.rival(login.expires());
    next.begin(store).await.unwrap();
    next.fail(store, next.began).await;
    let refused = AuditEvent { login: None, ..login.event(EventKind::Refused, login.began) };
    store.audit.record(&refused).await.unwrap();
    let (once, refused) = refusal();
    store.audit.record_once(&once, &refused).await.unwrap();
    store.audit.record_once(&once, &refused).await.unwrap();
    asked(&[
        "GetItem SAMLAudit",
        "GetItem SAMLClaims",
        "PutItem SAMLClaims",
        "PutItem SAMLSessions",
        "UpdateItem SAMLClaims",
        "UpdateItem SAMLSessions",
        "DeleteItem SAMLSessions",
        "PutItem SAMLAudit",
        "UpdateItem SAMLUsers",
    ]);

    // A choice, its list, and a part of it.
    Login::new().issue(store).await;
    it.proxy.reset();
    let choice = Choice::opened(store).await;
    let counted = |counts: &[(&str, usize)]| {
        let counts = counts.iter().map(|(operation, count)| ((*operation).to_owned(), *count)).collect();
        assert_eq!(it.proxy.counts(), counts);
    };
    counted(&[("TransactWriteItems", 1)]);
    asked(&["PutItem SAMLClaims", "PutItem SAMLSessions", "PutItem SAMLAudit"]);
    choice.look(store, choice.0.began).await.unwrap();
    store.sessions.roles_used("ADFS", "anna@example.com").await.unwrap();
    counted(&[("GetItem", 2)]);
    asked(&["GetItem SAMLSessions", "GetItem SAMLUsers"]);
    let part = choice.part("Admin");
    part.issue(store).await;
    counted(&[("TransactWriteItems", 2), ("UpdateItem", 1)]);
    choice.part("Admin").begin(store).await.unwrap_err();
    asked(&[
        "ConditionCheckItem SAMLSessions",
        "PutItem SAMLSessions",
        "UpdateItem SAMLSessions",
        "PutItem SAMLAudit",
        "UpdateItem SAMLUsers",
        // Why it is refused.
        "GetItem SAMLAudit",
        "GetItem SAMLSessions",
    ]);

    let (login, uncertain) = (it.waiting().await, it.waiting().await);
    assert!(login.take(store, login.began).await.is_some());
    login.deliver(store, login.began).await.unwrap();
    let counts = [("TransactWriteItems", 1), ("DeleteItem", 1)].map(|(o, n)| (o.to_owned(), n));
    assert_eq!(it.proxy.counts(), BTreeMap::from(counts), "of an ordinary hand-over");
    let event = uncertain.event(EventKind::Uncertain, uncertain.began);
    store.sessions.release(&uncertain.session, &event).await.unwrap();
    asked(&["DeleteItem SAMLSessions", "PutItem SAMLAudit"]);

    let (started, taken) = (Login::new(), it.waiting().await);
    started.begin(&it.direct).await.unwrap();
    it.waiting().await;
    assert!(taken.take(&it.direct, taken.began).await.is_some());
    store.audit.sweep(start_of_time() + time::Duration::DAY).await.unwrap();
    asked(&[
        "Scan SAMLSessions",
        "DeleteItem SAMLSessions",
        "Query SAMLAudit",
        "PutItem SAMLAudit",
        "UpdateItem SAMLClaims",
    ]);

    store.audit.ready().await.unwrap();
    asked(&["UpdateItem SAMLSessions", "GetItem SAMLClaims", "GetItem SAMLAudit"]);
    store.audit.recent(10).await.unwrap();
    asked(&["Query SAMLAudit/by-time"]);
}

/// DynamoDB counts names and values.
fn size(item: &Value) -> usize {
    let value = |value: &Value| {
        let (kind, text) = value.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "S" => text.as_str().unwrap().len(),
            "N" => text.as_str().unwrap().len().div_ceil(2) + 1,
            "B" => text.as_str().unwrap().len() / 4 * 3,
            _ => 1,
        }
    };
    item.as_object().unwrap().iter().map(|(name, v)| name.len() + value(v)).sum()
}

/// What one login stores, and so what it costs.
#[tokio::test]
async fn items_stay_small() {
    let dynamodb = DynamoDb::new();
    let store = dynamodb.open();
    let login = Login::new();
    let event = |kind| {
        let mut event = login.event(kind, login.began);
        event.subject.issuer = Some("http://adfs.example.com/adfs/services/trust".to_owned());
        event.subject.assertion_id = Some("_b9ea2ab1-7d1d-4d27-8d6b-9f0e6f4f2f54".to_owned());
        event.subject.role_session_name = Some("anna@example.com".to_owned());
        event.subject.role = Some("arn:aws:iam::123456789012:role/ADFS-Production".to_owned());
        event.subject.rule = Some("production".to_owned());
        event.subject.expiration = Some(login.expires());
        event
    };
    store.sessions.begin(&LoginStart { event: event(EventKind::Started), ..login.start() }).await.unwrap();
    // Session tokens have 400 to 1,600 characters; the hand-over around them 600.
    let sealed = Sealed::from_ciphertext(vec![7; 2_200]);
    let session = SealedSession::new(
        login.id.clone(),
        login.session.clone(),
        login.jti.clone(),
        sealed,
        login.expires(),
    );
    let largest = |table: &str| dynamodb.aws.items(table).iter().map(size).max().unwrap();
    assert!(largest("SAMLSessions") <= 1_024, "reservation and marker");
    store.sessions.put(&session, &event(EventKind::Issued)).await.unwrap();
    for (table, limit) in
        [("SAMLSessions", 3 * 1_024), ("SAMLClaims", 1_024), ("SAMLAudit", 1_024), ("SAMLUsers", 1_024)]
    {
        let largest = largest(table);
        println!("{table}: {largest} bytes");
        assert!(largest <= limit, "{table}: {largest}");
    }
}

impl Faulty {
    /// The write units of all that was asked since the last time: for each begun KB one, in a
    /// transaction two, a check like a write, and each copy in an index one.
    /// (`tests/aws_login/figures.rs` has the rules, and what they are for a login.)
    fn write_units(&self) -> usize {
        self.write_units_with(true)
    }

    /// A transaction that is refused is paid for, and copies nothing to an index.
    fn write_units_refused(&self) -> usize {
        self.write_units_with(false)
    }

    fn write_units_with(&self, indexes: bool) -> usize {
        let items = |table: &str| self.dynamodb.aws.items(table);
        let stored = ["SAMLSessions", "SAMLClaims", "SAMLUsers"].map(items).concat();
        let of = |action: &str, on: &Value, times: usize| {
            let item = on.get("Item").cloned().unwrap_or_else(|| {
                let is_it = |item: &&Value| on["Key"].as_object().unwrap().iter().all(|(n, v)| item[n] == *v);
                stored.iter().find(is_it).unwrap_or_else(|| panic!("{action} of nothing: {on}")).clone()
            });
            let indexed = ["trail", "person", "access_key_id"].iter().filter(|key| item.get(**key).is_some());
            let copies = if indexes && on["TableName"] == "SAMLAudit" { indexed.count() } else { 0 };
            (times + copies) * size(&item).div_ceil(1_024)
        };
        let mut units = 0;
        for request in self.proxy.seen() {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            match body["TransactItems"].as_array() {
                Some(actions) => {
                    let actions = actions.iter().flat_map(|action| action.as_object().unwrap());
                    units += actions.map(|(action, on)| of(action, on, 2)).sum::<usize>();
                }
                None if request.operation == "GetItem" => {}
                None => units += of(&request.operation, &body, 1),
            }
        }
        self.proxy.reset();
        units
    }
}

/// Choosing costs what its parts cost as logins, less the claim and more a check, however large
/// the response is; who has one role never pays for any of it.
#[tokio::test]
async fn what_a_choice_costs() {
    let it = Faulty::new();
    Login::new().issue(&it.store).await;
    let mut costs = Vec::new();
    for kilobytes in [1, 9, 99] {
        it.proxy.reset();
        let login = Login::new();
        login.begin(&it.store).await.unwrap();
        let begin = it.write_units();
        login.put(&it.store, login.began).await.unwrap();
        let put = it.write_units();

        let choice = Choice::new();
        let mut start = choice.start();
        let sealed = Sealed::from_ciphertext(vec![7; kilobytes * 1_024]);
        let Login { id, session, jti, .. } = &choice.0;
        start.choice =
            SealedSession::new(id.clone(), session.clone(), jti.clone(), sealed, start.choice.expires_at());
        it.store.sessions.open_choice(&start).await.unwrap();
        let open = it.write_units();
        let part = choice.part("Admin");
        part.begin(&it.store).await.unwrap();
        let begin_of_part = it.write_units();
        part.put(&it.store, part.began).await.unwrap();
        let put_of_part = it.write_units();
        assert_eq!((begin_of_part, put_of_part), (begin, put), "a check in place of a claim");
        choice.part("Admin").begin(&it.store).await.unwrap_err();
        let repeated = it.write_units_refused();
        it.store.sessions.look(&choice.0.session, part.began).await.unwrap();
        it.store.sessions.roles_used("ADFS", "anna@example.com").await.unwrap();
        let listing: usize = it.proxy.counts().into_values().sum();
        // Nothing is issued yet, so there is no access key to find it by.
        assert_eq!(open, begin - 1 + 2 * kilobytes, "the response, written twice");
        costs.push((kilobytes, open, begin_of_part + put_of_part, repeated, listing));
    }
    println!(
        "KB of the response, write units of open_choice, of a part up to its put, of a repeated one, \
         requests of a list: {costs:?}"
    );
    let (_, section) = include_str!("../docs/AWS.md").split_once("## What a choice costs").unwrap();
    let stated = |name: &str| -> usize {
        let row = section.lines().find(|line| line.starts_with(&format!("| {name}"))).unwrap();
        row.split('|').nth(2).unwrap().trim().parse().unwrap()
    };
    let opening = stated("write units of opening it, with a response of 1 KB");
    let more = stated("more for each further KB");
    let part = stated("write units of a part, up to its credentials waiting");
    let repeated_part = stated("write units of a repeated part");
    let requests = stated("requests of listing");
    for (kilobytes, open, of_part, repeated, listing) in costs {
        assert_eq!((open, of_part), (opening + more * (kilobytes - 1), part), "{kilobytes} KB");
        assert_eq!((repeated, listing), (repeated_part, requests), "{kilobytes} KB");
    }
    assert_eq!(
        it.dynamodb.aws.items("SAMLUsers").iter().map(size).max().map(|size| size.div_ceil(1_024)),
        Some(1)
    );
}

/// Beyond the twentieth role a part writes the row once more, to forget the oldest.
#[tokio::test]
async fn the_row_of_who_chooses_stays_small() {
    let it = Faulty::new();
    let choice = Choice::opened(&it.store).await;
    for number in 0..25 {
        it.proxy.reset();
        let name = format!("team/somewhere/Role-With-A-Long-Name-{number}");
        let part = choice.part_at(&name, start_of_time() + number * time::Duration::SECOND);
        part.issue(&it.store).await;
        assert_eq!(it.count("UpdateItem"), if number < 20 { 1 } else { 2 }, "{number}");
    }
    let rows = it.dynamodb.aws.items("SAMLUsers");
    let roles = rows[0].as_object().unwrap().keys().filter(|name| name.starts_with("role:")).count();
    println!("a row with 20 roles: {} bytes", size(&rows[0]));
    assert_eq!((rows.len(), roles), (1, 20));
    assert!(size(&rows[0]) <= 3 * 1_024);
    // An ordinary login of that person asks what it always did.
    it.proxy.reset();
    Login::new().issue(&it.store).await;
    let counts = [("TransactWriteItems", 2), ("UpdateItem", 1)].map(|(o, n)| (o.to_owned(), n));
    assert_eq!(it.proxy.counts(), BTreeMap::from(counts));
}

/// A choice's item has the response; the marker, which is looked at for each part, does not.
#[tokio::test]
async fn a_choice_leaves_only_its_history() {
    let dynamodb = DynamoDb::new();
    let store = dynamodb.open();
    let choice = Choice::opened(&store).await;
    let items = dynamodb.aws.items("SAMLSessions");
    let (markers, sessions): (Vec<_>, Vec<_>) =
        items.iter().partition(|item| item.get("session_handle").is_some());
    assert_eq!((markers.len(), sessions.len()), (1, 1));
    assert!(sessions[0].get("sealed").is_some() && markers[0].get("sealed").is_none());
    assert!(markers[0].get("expires").is_none(), "an open login is not forgotten");
    let ends: i64 = sessions[0]["expires"]["N"].as_str().unwrap().parse().unwrap();
    assert!(ends >= (choice.ends() + time::Duration::minutes(10)).unix_timestamp());
    store.audit.sweep(choice.ends()).await.unwrap();
    assert_eq!(dynamodb.aws.items("SAMLSessions"), [] as [Value; 0]);
}

/// The answers of a choice's transactions are lost: each recognises its own write.
#[tokio::test]
async fn the_lost_answer_of_a_choice_and_of_its_part_is_recognised() {
    let it = Faulty::new();
    for times in [1, 2, 3] {
        let choice = Choice::new();
        it.proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer).times(times));
        choice.open(&it.store).await.expect("our own write");
        let part = choice.part("Admin");
        it.proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer).times(times));
        part.begin(&it.store).await.expect("our own write");
        assert_eq!(part.history(&it.direct).await, [EventKind::Started]);
        it.proxy.reset();
    }
    // All of them: the caller gives up, and may ask again.
    let choice = Choice::new();
    it.proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer));
    assert_eq!(choice.open(&it.store).await, Err(BeginError::Unavailable));
    it.proxy.reset();
    choice.open(&it.store).await.expect("our own write");
    let part = choice.part("Admin");
    it.proxy.add(Rule::on("TransactWriteItems", Fault::LoseAnswer));
    assert_eq!(part.begin(&it.store).await, Err(BeginError::Unavailable));
    it.proxy.reset();
    part.begin(&it.store).await.expect("our own write");
    // DynamoDB does not promise to evaluate every condition: it may say of the choice alone, or of
    // the part's handle, that it refuses.
    let canceled = |reasons: [&str; 4]| {
        let reasons = reasons.map(|code| match code {
            "" => json!({ "Code": "None" }),
            code => json!({ "Code": code, "Item": { "ends_at": { "N": "9000000000000000000" } } }),
        });
        Fault::json_with(
            400,
            json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "Message": "Transaction cancelled",
                "CancellationReasons": reasons,
            }),
        )
    };
    let (taken, late) = (choice.part("Admin"), choice.part_at("Other", choice.ends()));
    for reasons in [["ConditionalCheckFailed", "", "", ""], ["", "ConditionalCheckFailed", "", ""]] {
        it.proxy.add(Rule::on("TransactWriteItems", canceled(reasons)).times(3));
        assert_eq!(part.begin(&it.store).await, Ok(()), "begun before");
        assert_eq!(late.begin(&it.store).await, Err(BeginError::ChoiceOver));
        let refused = taken.begin(&it.store).await;
        let handle_said = reasons[0].is_empty();
        assert_eq!(
            refused,
            Err(if handle_said { BeginError::SessionTaken } else { BeginError::Unavailable }),
            "the choice waits"
        );
        it.proxy.reset();
    }
    // Nothing is read, so nothing is known.
    it.proxy.add(Rule::on("GetItem", Fault::throttled()));
    assert!(it.store.sessions.look(&choice.0.session, choice.0.began).await.is_err());
    assert!(it.store.sessions.roles_used("ADFS", "anna@example.com").await.is_err());
}

// ------------------------------------------------------------------ restores, versions

impl DynamoDb {
    fn meta(&self) -> Value {
        let items = self.aws.items("SAMLClaims");
        items.into_iter().find(|item| item["handle"]["S"] == "meta").unwrap()
    }
    fn put_claim(&self, item: &Value) {
        let input = json!({ "TableName": "SAMLClaims", "Item": item });
        self.aws.call(Service::DynamoDb, "PutItem", &input).unwrap();
    }
    /// The claims' table as it was then: what point-in-time recovery makes.
    fn restore_claims(&self, items: &[Value]) {
        for item in self.aws.items("SAMLClaims") {
            let input = json!({ "TableName": "SAMLClaims", "Key": { "handle": item["handle"] } });
            self.aws.call(Service::DynamoDb, "DeleteItem", &input).unwrap();
        }
        items.iter().for_each(|item| self.put_claim(item));
    }
}

#[tokio::test]
async fn restored_tables_refuse_what_was_issued_before() {
    let dynamodb = DynamoDb::new();
    let store = dynamodb.open();
    store.audit.sweep(start_of_time()).await.unwrap();
    let then = dynamodb.aws.items("SAMLClaims");
    let used = Login::at(start_of_time() + time::Duration::minutes(30));
    used.complete(&store).await;
    let choice = Choice(Login::at(used.began));
    choice.open(&store).await.unwrap();
    choice.part("before").begin(&store).await.unwrap();
    dynamodb.restore_claims(&then);

    let restored = used.began + time::Duration::seconds(5);
    let again = Login { issued_at: used.began, ..used.replay(restored) };
    // Another process, and then the one that has used the tables before: a minute later it looks.
    assert_eq!(again.begin(&dynamodb.open()).await, Err(BeginError::IssuedBeforeRestore));
    let minute_later = used.replay(restored + time::Duration::MINUTE);
    let again = Login { issued_at: used.began, ..minute_later };
    assert_eq!(again.begin(&store).await, Err(BeginError::IssuedBeforeRestore));
    let again = Choice(Login { issued_at: used.began, ..used.replay(again.began) });
    assert_eq!(again.open(&store).await, Err(BeginError::IssuedBeforeRestore));
    // The tables have the choice, and may not know what was chosen.
    choice.waits(&store).await;
    let part = choice.part_at("Admin", again.0.began);
    assert_eq!(part.begin(&store).await, Err(BeginError::IssuedBeforeRestore));
    assert_eq!(part.history(&store).await, []);
    Login::at(restored).begin(&store).await.expect("issued after the restore");
    let later = Choice(Login::at(restored));
    later.open(&store).await.expect("likewise");
    later.part("Admin").begin(&store).await.expect("likewise");
    assert!(used.history(&store).await.len() == 3, "nothing was added");
}

/// One machine's clock was ahead. Of those that come after it, all correct what it wrote, one
/// does it, and nobody is refused.
#[tokio::test]
async fn sixteen_processes_correct_a_clock_that_was_ahead() {
    let dynamodb = DynamoDb::new();
    dynamodb.open().audit.sweep(start_of_time()).await.unwrap();
    for round in 1..=4 {
        let now = start_of_time() + round * time::Duration::minutes(2);
        dynamodb.open().audit.sweep(now + time::Duration::hours(2)).await.unwrap();
        let mut begun = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let (store, login) = (dynamodb.open(), Login::at(now));
            begun.spawn(async move { login.begin(&store).await });
        }
        assert_eq!(begun.join_all().await, [Ok(()); 16]);
    }
}

/// What a newer program keeps in the item it may need as it is.
#[tokio::test]
async fn tables_of_a_newer_layout_are_refused_and_left_alone() {
    let dynamodb = DynamoDb::new();
    for alive_at in ["1700000000000000000", "1600000000000000000"] {
        let newer = json!({
            "handle": { "S": "meta" }, "layout": { "N": "2" }, "alive_at": { "N": alive_at },
        });
        dynamodb.put_claim(&newer);
        let store = dynamodb.open();
        assert_eq!(Login::new().begin(&store).await, Err(BeginError::Unavailable));
        assert_eq!(store.audit.sweep(start_of_time()).await, Err(StoreUnavailable));
        assert_eq!(dynamodb.meta(), newer);
    }
}

/// A sweep notes that the tables are in use: one write, every ten seconds for each server.
#[tokio::test]
async fn to_note_that_the_tables_are_in_use_is_one_write() {
    let it = Faulty::new();
    for tick in 0..3 {
        it.store.audit.sweep(start_of_time() + tick * time::Duration::seconds(10)).await.unwrap();
    }
    let counts = [("Scan", 3), ("UpdateItem", 3)].map(|(o, n)| (o.to_owned(), n));
    assert_eq!(it.proxy.counts(), BTreeMap::from(counts));
}
