//! The model's stores and the real ones: whatever is asked of both, in whatever order, they
//! answer the same and record the same. Else the model would be about something else.

use crate::mistakes::Mistake;
use crate::ops::{CHOICES, Cast, LOGINS, Op, ops};
use crate::properties::held;
use crate::protocol::Protocol;
use crate::scene::Scene;
use crate::state::{Answer, Content, Held, Item, Open, Phase, Recorded, State, Store, Tick, Write};
use crate::store::{Reply, Ways};
use crate::support::aws::{Emulators, Service, dynamodb_at};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};
use rusqlite::Connection;
use stateright::Model;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use time::{Duration, OffsetDateTime};
use vestibule::adapters::aws::dynamodb::{DynamoDbStore, Tables};
use vestibule::adapters::local::EmbeddedStore;
use vestibule::broker::ports::{
    AuditTrail, Basis, BeginError, ChoiceStart, Held as RealHeld, LoginStart, PutError, SessionStore,
    UsedMessage, UsedOnce,
};
use vestibule::broker::{AuditEvent, EventKind, Handle, Jti, LoginId, Sealed, SealedSession, Subject};
use vestibule::system::SystemRandom;

/// A tick, so that a reservation and a session last as long in both.
const TICK: Duration = Duration::seconds(30);
const MINUTE: Duration = Duration::seconds(60);
fn at(tick: Tick) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap() + TICK * i32::from(tick)
}

/// A real store, and names in it that were not used before.
struct Real {
    sessions: Arc<dyn SessionStore>,
    audit: Arc<dyn AuditTrail>,
    cast: Cast,
    run: usize,
}

impl Real {
    fn new(store: Arc<impl SessionStore + AuditTrail + 'static>, cast: Cast) -> Self {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        Self { sessions: store.clone(), audit: store, cast, run }
    }

    fn handle(&self, of: &str, number: u8) -> Handle {
        Handle::of(&[of.as_bytes(), self.run.to_string().as_bytes(), &[number]])
    }

    fn login(&self, login: u8) -> LoginId {
        LoginId::from_stored(format!("login-{}-{login}", self.run))
    }

    fn event(&self, login: Option<u8>, recorded: Recorded) -> AuditEvent {
        let choice = login.filter(|&login| login >= self.cast.parts_from).map(|_| self.login(0));
        let subject = match (recorded.kind, recorded.key) {
            // Nothing is known there; the store takes what it knew last.
            (EventKind::Uncertain, _) => Subject::default(),
            (_, key) => Subject {
                idp: Some("ADFS".to_owned()),
                access_key_id: key.map(|key| key.to_string()),
                choice,
                ..Subject::default()
            },
        };
        AuditEvent {
            at: at(recorded.at),
            kind: recorded.kind,
            login: login.map(|login| self.login(login)),
            session: login.map(|login| self.handle("session", self.cast.place_of[usize::from(login)])),
            reference: None,
            source_ip: None,
            code: None,
            subject,
        }
    }

    async fn ask(&self, write: Write, answers_request: bool) -> Reply {
        let far = at(0) + Duration::days(20);
        let once = |of, number| UsedOnce { handle: self.handle(of, number), not_on_or_after: far };
        let message = |assertion| UsedMessage {
            assertion: once("assertion", assertion),
            request: answers_request.then(|| once("request", 0)),
            issued_at: at(0),
        };
        let start = |login, now, basis, place| LoginStart {
            login: self.login(login),
            basis,
            session: self.handle("session", place),
            reservation_ends: at(now) + MINUTE,
            event: self.event(Some(login), Recorded { kind: EventKind::Started, at: now, key: None }),
        };
        match write {
            Write::Begin { login, now, assertion, session } => {
                let start = start(login, now, Basis::Message(message(assertion)), session);
                begun(self.sessions.begin(&start).await)
            }
            Write::BeginPart { login, now, choice, session, place } => {
                let basis =
                    Basis::Choice { session: self.handle("session", session), login: self.login(choice) };
                begun(self.sessions.begin(&start(login, now, basis, place)).await)
            }
            Write::OpenChoice { login, now, assertion, session, ends_at, .. } => {
                let sealed = Sealed::from_ciphertext(vec![login]);
                let (place, jti) = (self.handle("session", session), Jti::from_stored(login.to_string()));
                let opened = Recorded { kind: EventKind::ChoiceOpened, at: now, key: None };
                let start = ChoiceStart {
                    message: message(assertion),
                    choice: SealedSession::new(self.login(login), place, jti, sealed, at(ends_at)),
                    event: self.event(Some(login), opened),
                };
                begun(self.sessions.open_choice(&start).await)
            }
            Write::Put { login, now, place, .. } => {
                let sealed = Sealed::from_ciphertext(vec![login]);
                let (place, jti) = (self.handle("session", place), Jti::from_stored(login.to_string()));
                let waiting = SealedSession::new(self.login(login), place, jti, sealed, at(now) + MINUTE);
                let issued = Recorded { kind: EventKind::Issued, at: now, key: Some(login) };
                match self.sessions.put(&waiting, &self.event(Some(login), issued)).await {
                    Ok(()) => Reply::Done,
                    Err(PutError::ReservationEnded) => Reply::Refused(Answer::TooSlow),
                    Err(error @ PutError::Unavailable) => panic!("{error}"),
                }
            }
            Write::Delete { jti, place, now, .. } => {
                let jti = Jti::from_stored(jti.to_string());
                let taken = self.sessions.take(&self.handle("session", place), &jti, at(now)).await;
                taken.unwrap().map_or(Reply::Nothing, |taken| {
                    let login = taken.sealed.as_bytes()[0];
                    assert_eq!(taken.login, self.login(login));
                    Reply::Taken(Item { login, sealed_by: 0 })
                })
            }
            Write::Record { login, event } => {
                let recorded = self.audit.record(&self.event(Some(login), event)).await;
                recorded.map_or(Reply::Nothing, |()| Reply::Done)
            }
            Write::Release { login, event, place, .. } => {
                let (place, event) = (self.handle("session", place), self.event(Some(login), event));
                self.sessions.release(&place, &event).await.unwrap();
                Reply::Done
            }
            Write::RecordOnce { assertion, .. } => {
                let event = self.event(None, Recorded { kind: EventKind::Refused, at: 0, key: None });
                let is_new = self.audit.record_once(&once("refusal", assertion), &event).await.unwrap();
                if is_new { Reply::Done } else { Reply::Nothing }
            }
        }
    }

    /// What holds this place: whether it waits, is a choice, and whose.
    async fn look(&self, place: u8, now: Tick) -> Option<(Content, Option<LoginId>)> {
        let held = self.sessions.look(&self.handle("session", place), at(now)).await.unwrap();
        held.map(|held| match held {
            RealHeld::Reserved => (Content::Reserved, None),
            RealHeld::Waiting { login, .. } => (Content::Waiting(0), Some(login)),
            RealHeld::Choice(choice) => (Content::Choosing(0), Some(choice.login().clone())),
        })
    }

    /// What it has recorded, in the order of logins and kinds.
    async fn trail(&self) -> Vec<(u8, &'static str, OffsetDateTime, Option<String>)> {
        let events = self.audit.recent(1_000_000).await.unwrap();
        let of =
            |event: &AuditEvent| (0..self.cast.logins).find(|&login| event.login == Some(self.login(login)));
        let row = |event: &AuditEvent| {
            Some((of(event)?, event.kind.as_str(), event.at, event.subject.access_key_id.clone()))
        };
        let mut trail: Vec<_> = events.iter().filter_map(row).collect();
        trail.sort();
        trail
    }
}

/// The same of the model.
fn trail_of_model(store: &Store) -> Vec<(u8, &'static str, OffsetDateTime, Option<String>)> {
    let mut trail = Vec::new();
    for (login, history) in (0..).zip(&store.trail) {
        let row = |event: &Recorded| {
            (login, event.kind.as_str(), at(event.at), event.key.map(|key| key.to_string()))
        };
        trail.extend(history.iter().flatten().map(row));
    }
    trail.sort();
    trail
}

/// Asks both, and compares.
async fn compare(real: &Real, model: &mut State, ops: &[Op], ways: Ways) -> TestCaseResult {
    for &op in ops {
        match op {
            // Nobody records a delivery of what still waits.
            Op::Write(Write::Record { login, .. }) if model.store.waits(login) => {}
            Op::Write(write) => {
                let mut expected = model.store.apply(write, ways);
                if let (Reply::HoldsNothing, Write::Release { login, event, place, .. }) = (expected, write) {
                    let without = Write::Release { login, event, place, holding: false };
                    expected = model.store.apply(without, ways);
                }
                let reply = real.ask(write, ways.answers_request).await;
                let is_release = matches!(write, Write::Release { .. });
                prop_assert!(expected == reply || is_release, "{:?}: {:?}, not {:?}", write, reply, expected);
            }
            Op::Look { place, now } => {
                let held = model.store.sessions[usize::from(place)].filter(|held| held.ends_at > now);
                let expected = held.map(|held| {
                    let is_named = held.content != Content::Reserved;
                    (held.content, is_named.then(|| real.login(held.login)))
                });
                prop_assert_eq!(real.look(place, now).await, expected);
            }
            Op::Sweep(now) => {
                real.audit.sweep(at(now)).await.unwrap();
                model.clock = now;
                let due = |login: &u8| model.store.is_due(*login, now, None);
                for login in (0..real.cast.logins).filter(due).collect::<Vec<_>>() {
                    if ways.is_dynamodb {
                        model.look(login);
                        while model.sweeping.is_some() {
                            model.close_what_was_read(None);
                        }
                    } else {
                        model.store.sweep(login, now, None);
                    }
                }
            }
        }
    }
    prop_assert_eq!(real.trail().await, trail_of_model(&model.store));
    Ok(())
}

fn begun(begun: Result<(), BeginError>) -> Reply {
    match begun {
        Ok(()) => Reply::Done,
        Err(BeginError::Replayed) => Reply::Refused(Answer::Replayed),
        Err(BeginError::RequestAnswered) => Reply::Refused(Answer::RequestAnswered),
        Err(BeginError::ChoiceOver) => Reply::Refused(Answer::ChoiceGone),
        Err(BeginError::SessionTaken) => Reply::Refused(Answer::SessionTaken),
        Err(error @ (BeginError::IssuedBeforeRestore | BeginError::Unavailable)) => panic!("{error}"),
    }
}

fn empty_model() -> State {
    let protocol = Protocol { scene: Scene::one_login(0), mistake: None::<Mistake>, properties: held };
    protocol.init_states().remove(0)
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) })
}

#[test]
fn the_models_store_is_the_embedded_store() {
    compare_with_the_embedded_store(LOGINS);
}

#[test]
fn the_models_store_is_the_embedded_store_where_there_are_choices() {
    compare_with_the_embedded_store(CHOICES);
}

fn compare_with_the_embedded_store(cast: Cast) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let compared = runner(200).run(&ops(cast), |(ops, answers_request)| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("vestibule.db");
        let real = Real::new(Arc::new(EmbeddedStore::open(&file).unwrap()), cast);
        // As a service does when it starts: else what is there looks like a copy.
        runtime.block_on(real.audit.sweep(at(0))).unwrap();
        let mut model = empty_model();
        let ways = Ways { is_dynamodb: false, answers_request, mistake: None };
        runtime.block_on(compare(&real, &mut model, &ops, ways))?;
        let queries = ["sessions", "open_logins"].map(|table| {
            format!("SELECT login, session, state, CAST(ends_at AS TEXT) FROM {table} ORDER BY login")
        });
        prop_assert_eq!(queries.map(|sql| rows(&file, &sql)), rows_of_model(&real, &model.store));
        Ok(())
    });
    compared.unwrap();
}

#[test]
fn the_models_dynamodb_is_dynamodb() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let aws = Emulators::only(&[Service::DynamoDb]);
    aws.create_tables();
    let client = dynamodb_at(&aws.endpoint(Service::DynamoDb));
    let store = Arc::new(DynamoDbStore::new(&client, Tables::prefixed(""), Arc::new(SystemRandom)));
    for cast in [LOGINS, CHOICES] {
        let compared = runner(60).run(&ops(cast), |(ops, answers_request)| {
            let ways = Ways { is_dynamodb: true, answers_request, mistake: None };
            runtime.block_on(compare(&Real::new(store.clone(), cast), &mut empty_model(), &ops, ways))
        });
        compared.unwrap();
    }
}

type Rows = Vec<Vec<Option<String>>>;

/// What the embedded store holds.
fn rows(file: &Path, sql: &str) -> Rows {
    let database = Connection::open(file).unwrap();
    let mut statement = database.prepare(sql).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// What the model's store holds, as rows of that one.
fn rows_of_model(real: &Real, store: &Store) -> [Rows; 2] {
    let time = |tick| Some(at(tick).unix_timestamp_nanos().to_string());
    let name = |login| Some(real.login(login).as_str().to_owned());
    let place = |session| Some(real.handle("session", session).as_str().to_owned());
    let word = |word: &str| Some(word.to_owned());
    let mut held = Vec::new();
    for (session, row) in (0..).zip(&store.sessions) {
        let Some(Held { login, ends_at, content }) = *row else { continue };
        let state = word(match content {
            Content::Reserved => "reserved",
            Content::Waiting(_) => "waiting",
            Content::Choosing(_) => "choosing",
        });
        held.push(vec![name(login), place(session), state, time(ends_at)]);
    }
    held.sort();
    let mut open = Vec::new();
    for (login, row) in (0..).zip(&store.open) {
        let Some(Open { place: session, phase, ends_at }) = *row else { continue };
        let state = match phase {
            Phase::Started => "started",
            Phase::Issued => "issued",
            Phase::Choosing => "choosing",
            Phase::Taken => "taken",
            Phase::Replaced => unreachable!("only in DynamoDB"),
        };
        open.push(vec![name(login), place(session), word(state), time(ends_at)]);
    }
    [held, open]
}
