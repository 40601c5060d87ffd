//! The contract of `SessionStore` and `AuditTrail` (`src/broker/ports/`), and the cells of
//! `docs/PROTOCOL.md` that a store alone can force. Time never passes by itself here.

use super::{INSTANT, start_of_time};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use time::{Duration, OffsetDateTime};
use vestibule::broker::ports::{
    AuditTrail, Basis, BeginError, LoginStart, PutError, SessionStore, StoreUnavailable, Taken, UsedMessage,
    UsedOnce,
};
use vestibule::broker::{
    AuditEvent, EventKind, Handle, Jti, LoginId, Reason, Sealed, SealedSession, Subject, SupportId,
    SweepReport,
};

/// One process's view of a store.
#[derive(Clone)]
pub struct Store {
    pub sessions: Arc<dyn SessionStore>,
    pub audit: Arc<dyn AuditTrail>,
}

/// Where one store's data lives; empty at first.
pub trait StoreUnderTest: Send + Sync {
    /// The data, as one more process opens it.
    fn open(&self) -> Store;
    /// The data, as a process finds it after those that have it open now were killed.
    fn after_crash(&self) -> Store;
    /// Whether sweeps remove names used once; otherwise the database does by itself.
    fn sweeps_claims(&self) -> bool;
}

/// `store_contract!(MyStore::new())`: one test per sentence of the contract.
macro_rules! store_contract {
    ($under_test:expr) => {
        store_contract! { @each $under_test;
            protocol_login_then_take,
            protocol_begin_repeated_is_one_begin,
            protocol_put_repeated_is_one_put,
            protocol_replay_while_started,
            protocol_replay_while_issued,
            protocol_replay_after_delivery,
            protocol_replay_after_failure,
            replay_is_the_answer_if_the_session_is_taken_too,
            protocol_request_answered_before,
            sixty_four_answers_to_one_request_have_one_winner,
            a_claim_on_a_request_ends_when_nobody_could_answer_it,
            protocol_second_login_while_started,
            protocol_second_login_while_issued,
            protocol_64_posts_one_session,
            sixty_four_logins_for_one_session_id_have_one_winner,
            protocol_64_takes_one_winner,
            protocol_take_needs_its_jti,
            protocol_take_twice,
            protocol_take_from_a_final_state,
            a_reservation_cannot_be_taken,
            protocol_issuer_failure_releases,
            a_login_releases_only_what_is_its_own,
            a_failed_login_leaves_no_credentials_behind,
            protocol_crash_after_begin,
            protocol_crash_after_put,
            protocol_crash_after_take,
            protocol_put_after_reservation_ended,
            protocol_expired_before_sweep,
            protocol_sweeper_reports_expiry,
            protocol_sweep_is_idempotent,
            a_sweep_leaves_the_living_alone,
            a_sweep_gets_through_any_number,
            a_claim_outlives_its_login_and_ends,
            a_clock_that_jumps_ahead_and_comes_back_forgets_nothing,
            protocol_session_id_is_free_again,
            a_session_replaced_before_the_sweep_is_reported_all_the_same,
            protocol_no_delivery_without_record,
            protocol_take_outcome_unknown,
            a_final_event_closes_its_login_once,
            an_event_is_recorded_once,
            of_64_who_record_it_one_does,
            an_event_recorded_once_is_forgotten_when_its_time_is_over,
            events_come_back_as_they_were_newest_first,
            a_person_signs_in_again_and_again,
            a_store_that_works_is_ready,
        }
    };
    (@each $under_test:expr; $($name:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $name() {
            contract::store::$name(&$under_test).await;
        })*
    };
}
pub(crate) use store_contract;

pub const RESERVATION: Duration = Duration::seconds(60);
const WAITING: Duration = Duration::seconds(60);
pub const ASSERTION: Duration = Duration::minutes(5);
const REQUEST: Duration = Duration::minutes(12);

/// One login that a test drives by hand.
#[derive(Clone)]
pub struct Login {
    pub id: LoginId,
    pub assertion: Handle,
    /// The request that it answers.
    pub request: Option<Handle>,
    pub session: Handle,
    pub jti: Jti,
    pub began: OffsetDateTime,
    /// When its assertion was issued.
    pub issued_at: OffsetDateTime,
    /// Where it is a part of a choice: what that holds, and its login.
    pub choice: Option<(Handle, LoginId)>,
    pub role: Option<String>,
}

/// A name that was not used before.
fn fresh() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{:022}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn handle() -> Handle {
    Handle::of(&[fresh().as_bytes()])
}

impl Login {
    pub fn new() -> Self {
        Self::at(start_of_time())
    }
    pub fn at(began: OffsetDateTime) -> Self {
        Self {
            id: LoginId::from_stored(fresh()),
            assertion: handle(),
            request: None,
            session: handle(),
            jti: Jti::from_stored(fresh()),
            began,
            issued_at: began,
            choice: None,
            role: None,
        }
    }
    /// Another person's login with the same session id.
    pub fn rival(&self, began: OffsetDateTime) -> Self {
        Self { session: self.session.clone(), ..Self::at(began) }
    }
    /// As an answer to a request of ours.
    pub fn answering(self, request: &Handle) -> Self {
        Self { request: Some(request.clone()), ..self }
    }
    /// The same assertion, posted again.
    pub fn replay(&self, began: OffsetDateTime) -> Self {
        Self { assertion: self.assertion.clone(), ..Self::at(began) }
    }
    pub fn reservation_ends(&self) -> OffsetDateTime {
        self.began + RESERVATION
    }
    pub fn expires(&self) -> OffsetDateTime {
        self.began + WAITING
    }
    pub fn sealed(&self) -> Sealed {
        Sealed::from_ciphertext(format!("sealed for {}", self.id.as_str()).into_bytes())
    }
    pub fn event(&self, kind: EventKind, at: OffsetDateTime) -> AuditEvent {
        AuditEvent {
            at,
            kind,
            login: Some(self.id.clone()),
            session: Some(self.session.clone()),
            reference: Some(SupportId::from_stored("7K3F-9QTZ".to_owned())),
            source_ip: Some("192.0.2.7".parse().unwrap()),
            code: None,
            subject: Subject {
                idp: Some("ADFS".to_owned()),
                name_id: Some("anna@example.com".to_owned()),
                access_key_id: Some(format!("LOCAL{}", self.id.as_str())),
                role: self.role.clone(),
                choice: self.choice.as_ref().map(|(_, login)| login.clone()),
                ..Subject::default()
            },
        }
    }
    /// What it uses up.
    pub fn message(&self) -> UsedMessage {
        let once = |handle: &Handle, lifetime| UsedOnce {
            handle: handle.clone(),
            not_on_or_after: self.began + lifetime,
        };
        UsedMessage {
            assertion: once(&self.assertion, ASSERTION),
            request: self.request.as_ref().map(|request| once(request, REQUEST)),
            issued_at: self.issued_at,
        }
    }
    pub fn start(&self) -> LoginStart {
        LoginStart {
            login: self.id.clone(),
            basis: match self.choice.clone() {
                None => Basis::Message(self.message()),
                Some((session, login)) => Basis::Choice { session, login },
            },
            session: self.session.clone(),
            reservation_ends: self.reservation_ends(),
            event: self.event(EventKind::Started, self.began),
        }
    }
    pub fn session(&self) -> SealedSession {
        SealedSession::new(
            self.id.clone(),
            self.session.clone(),
            self.jti.clone(),
            self.sealed(),
            self.expires(),
        )
    }

    pub async fn begin(&self, store: &Store) -> Result<(), BeginError> {
        store.sessions.begin(&self.start()).await
    }
    pub async fn put(&self, store: &Store, at: OffsetDateTime) -> Result<(), PutError> {
        store.sessions.put(&self.session(), &self.event(EventKind::Issued, at)).await
    }
    pub async fn take(&self, store: &Store, at: OffsetDateTime) -> Option<Taken> {
        store.sessions.take(&self.session, &self.jti, at).await.unwrap()
    }
    pub async fn fail(&self, store: &Store, at: OffsetDateTime) {
        store.sessions.release(&self.session, &self.event(EventKind::Failed, at)).await.unwrap();
    }
    pub async fn deliver(&self, store: &Store, at: OffsetDateTime) -> Result<(), StoreUnavailable> {
        store.audit.record(&self.event(EventKind::Delivered, at)).await
    }
    /// Up to the waiting session.
    pub async fn issue(&self, store: &Store) {
        self.begin(store).await.unwrap();
        self.put(store, self.began).await.unwrap();
    }
    /// The whole way.
    pub async fn complete(&self, store: &Store) {
        self.issue(store).await;
        assert!(self.take(store, self.began).await.is_some());
        self.deliver(store, self.began).await.unwrap();
    }
    pub async fn history(&self, store: &Store) -> Vec<EventKind> {
        let events = store.audit.recent(1_000_000).await.unwrap();
        events.iter().rev().filter(|e| e.login.as_ref() == Some(&self.id)).map(|e| e.kind).collect()
    }
}

pub async fn total_events(store: &Store) -> usize {
    store.audit.recent(1_000_000).await.unwrap().len()
}

pub async fn sweep(store: &Store, at: OffsetDateTime) -> SweepReport {
    store.audit.sweep(at).await.unwrap()
}

pub fn later() -> OffsetDateTime {
    start_of_time() + Duration::hours(1)
}

pub async fn protocol_login_then_take(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.issue(&store).await;
    let taken = login.take(&store, login.began).await.unwrap();
    assert_eq!(taken.login, login.id);
    assert_eq!(taken.sealed, login.sealed());
    login.deliver(&store, login.began).await.unwrap();
    assert_eq!(login.history(&store).await, [EventKind::Started, EventKind::Issued, EventKind::Delivered]);
    assert_eq!(sweep(&store, later()).await.uncertain, 0);
}

pub async fn protocol_begin_repeated_is_one_begin(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let login = Login::new();
    login.begin(&store).await.unwrap();
    login.begin(&store).await.unwrap();
    login.begin(&other).await.unwrap();
    assert_eq!(login.history(&store).await, [EventKind::Started]);
    // Late repetitions do not undo what came after.
    login.put(&store, login.began).await.unwrap();
    login.begin(&store).await.unwrap();
    assert!(login.take(&store, login.began).await.is_some());
    login.begin(&store).await.unwrap();
    assert_eq!(login.history(&store).await, [EventKind::Started, EventKind::Issued]);
    login.rival(login.began).begin(&store).await.expect("the repetition reserved nothing");
}

pub async fn protocol_put_repeated_is_one_put(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let login = Login::new();
    login.issue(&store).await;
    login.put(&store, login.began).await.unwrap();
    login.put(&other, login.reservation_ends()).await.expect("recognised, whatever the time");
    assert!(login.take(&store, login.began).await.is_some());
    login.put(&store, login.began).await.expect("recognised after the take too");
    assert!(login.take(&store, login.began).await.is_none(), "the repetition stored nothing");
    assert_eq!(login.history(&store).await, [EventKind::Started, EventKind::Issued]);
}

pub async fn protocol_replay_while_started(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let login = Login::new();
    login.begin(&store).await.unwrap();
    for store in [&store, &other] {
        let replay = login.replay(login.began);
        assert_eq!(replay.begin(store).await, Err(BeginError::Replayed));
        assert_eq!(replay.history(store).await, []);
        let free = replay.rival(login.began);
        free.begin(store).await.expect("a refused begin reserves nothing");
    }
    login.put(&store, login.began).await.expect("the first login goes on untouched");
}

pub async fn protocol_replay_while_issued(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.issue(&store).await;
    assert_eq!(login.replay(login.began).begin(&store).await, Err(BeginError::Replayed));
    assert!(login.take(&store, login.began).await.is_some(), "the session is untouched");
}

pub async fn protocol_replay_after_delivery(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.complete(&store).await;
    assert_eq!(login.replay(login.began).begin(&store).await, Err(BeginError::Replayed));
    let last = login.began + ASSERTION - INSTANT;
    assert_eq!(login.replay(last).begin(&store).await, Err(BeginError::Replayed));
}

pub async fn protocol_replay_after_failure(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let (failed, abandoned) = (Login::new(), Login::new());
    failed.begin(&store).await.unwrap();
    failed.fail(&store, failed.began).await;
    abandoned.begin(&store).await.unwrap();
    assert_eq!(sweep(&store, abandoned.reservation_ends()).await.abandoned, 1);
    for login in [failed, abandoned] {
        assert_eq!(login.replay(login.reservation_ends()).begin(&store).await, Err(BeginError::Replayed));
    }
}

pub async fn replay_is_the_answer_if_the_session_is_taken_too(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.begin(&store).await.unwrap();
    let same_post = Login { session: login.session.clone(), ..login.replay(login.began) };
    assert_eq!(same_post.begin(&store).await, Err(BeginError::Replayed));
}

pub async fn protocol_request_answered_before(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let request = handle();
    let first = Login::new().answering(&request);
    first.begin(&store).await.unwrap();
    first.begin(&other).await.expect("recognised as its own");
    first.put(&store, first.began).await.unwrap();

    let second = Login::new().answering(&request);
    assert_eq!(second.begin(&other).await, Err(BeginError::RequestAnswered));
    // The better answer of two.
    let rival = first.rival(first.began).answering(&request);
    assert_eq!(rival.begin(&store).await, Err(BeginError::RequestAnswered));
    let replay = first.replay(first.began).answering(&request);
    assert_eq!(replay.begin(&store).await, Err(BeginError::Replayed));
    assert!(second.history(&store).await.is_empty());
    // Neither its assertion nor its session id was used up.
    Login { request: None, ..second.replay(second.began) }.begin(&store).await.unwrap();
    second.rival(second.began + RESERVATION).begin(&store).await.unwrap();
    assert!(first.take(&other, first.began).await.is_some());
}

pub async fn sixty_four_answers_to_one_request_have_one_winner(under_test: &dyn StoreUnderTest) {
    let stores = [under_test.open(), under_test.open()];
    let request = handle();
    let mut posts = tokio::task::JoinSet::new();
    for n in 0..64 {
        let (store, login) = (stores[n % 2].clone(), Login::new().answering(&request));
        posts.spawn(async move { login.begin(&store).await });
    }
    let outcomes = posts.join_all().await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|o| **o == Err(BeginError::RequestAnswered)).count(), 63);
}

pub async fn a_claim_on_a_request_ends_when_nobody_could_answer_it(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let request = handle();
    let first = Login::new().answering(&request);
    first.begin(&store).await.unwrap();
    first.fail(&store, first.began).await;
    // Its assertion's claim is long over, and its own is not.
    let later = first.began + REQUEST;
    sweep(&store, later).await;
    assert_eq!(Login::at(later).answering(&request).begin(&store).await, Err(BeginError::RequestAnswered));
    if under_test.sweeps_claims() {
        let forgotten = sweep_for_days(&store, later).await;
        assert_eq!(forgotten.used_once_forgotten, 2);
        Login::at(later).answering(&request).begin(&store).await.expect("forgotten");
    }
}

pub async fn protocol_second_login_while_started(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let login = Login::new();
    login.begin(&store).await.unwrap();
    let last = login.reservation_ends() - INSTANT;
    for store in [&store, &other] {
        let second = login.rival(last);
        assert_eq!(second.begin(store).await, Err(BeginError::SessionTaken));
        assert_eq!(second.history(store).await, []);
        second.replay(last).begin(store).await.expect("the second assertion was not claimed");
    }
    login.put(&store, login.began).await.expect("the first login goes on");
    // A reservation ends by itself, to the instant.
    let login = Login::new();
    login.begin(&store).await.unwrap();
    login.rival(login.reservation_ends()).begin(&store).await.unwrap();
}

pub async fn protocol_second_login_while_issued(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.issue(&store).await;
    let second = login.rival(login.expires() - INSTANT);
    assert_eq!(second.begin(&store).await, Err(BeginError::SessionTaken));
    second.replay(login.began).begin(&store).await.expect("the second assertion was not claimed");
    assert_eq!(login.take(&store, login.began).await.unwrap().sealed, login.sealed());
}

/// Runs 64 of them at once, half on each of two processes' stores.
pub async fn race<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    under_test: &dyn StoreUnderTest,
    run: impl Fn(Store, usize) -> F,
) -> Vec<T> {
    let stores = [under_test.open(), under_test.open()];
    let gate = Arc::new(tokio::sync::Barrier::new(64));
    let tasks: Vec<_> = (0..64)
        .map(|i| {
            let (gate, one) = (Arc::clone(&gate), run(stores[i % 2].clone(), i));
            tokio::spawn(async move {
                gate.wait().await;
                one.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

pub async fn protocol_64_posts_one_session(under_test: &dyn StoreUnderTest) {
    for round in 0..8 {
        let login = Login::new();
        let results = race(under_test, |store, i| {
            // One assertion: with one session id, or each with its own.
            let mut post = login.replay(login.began);
            if round % 2 == 0 || i == 0 {
                post.session = login.session.clone();
            }
            async move { post.begin(&store).await }
        })
        .await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        assert_eq!(results.iter().filter(|r| **r == Err(BeginError::Replayed)).count(), 63);
    }
    assert_eq!(total_events(&under_test.open()).await, 8, "one login.started per round");
}

pub async fn sixty_four_logins_for_one_session_id_have_one_winner(under_test: &dyn StoreUnderTest) {
    for _ in 0..8 {
        let login = Login::new();
        let results = race(under_test, |store, _| {
            let rival = login.rival(login.began);
            async move { rival.begin(&store).await }
        })
        .await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        assert_eq!(results.iter().filter(|r| **r == Err(BeginError::SessionTaken)).count(), 63);
    }
    assert_eq!(total_events(&under_test.open()).await, 8, "one login.started per round");
}

pub async fn protocol_64_takes_one_winner(under_test: &dyn StoreUnderTest) {
    for _ in 0..8 {
        let login = Login::new();
        login.issue(&under_test.open()).await;
        let results = race(under_test, |store, _| {
            let login = login.clone();
            async move { login.take(&store, login.began).await }
        })
        .await;
        let winners: Vec<_> = results.into_iter().flatten().collect();
        assert_eq!(winners.len(), 1);
        assert_eq!(winners[0].sealed, login.sealed());
    }
}

pub async fn protocol_take_needs_its_jti(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let (login, other) = (Login::new(), Login::new());
    login.issue(&store).await;
    other.issue(&store).await;
    for (session, jti) in
        [(&login.session, &other.jti), (&other.session, &login.jti), (&handle(), &login.jti)]
    {
        assert!(store.sessions.take(session, jti, login.began).await.unwrap().is_none());
    }
    let empty = Jti::from_stored(String::new());
    assert!(store.sessions.take(&login.session, &empty, login.began).await.unwrap().is_none());
    assert!(login.take(&store, login.began).await.is_some(), "the session still waits");
}

pub async fn protocol_take_twice(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let login = Login::new();
    login.complete(&store).await;
    assert!(login.take(&store, login.began).await.is_none());
    assert!(login.take(&other, login.began).await.is_none());
    assert_eq!(login.history(&store).await.last(), Some(&EventKind::Delivered), "no new event");
}

pub async fn protocol_take_from_a_final_state(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    for (login, state) in final_states(&store).await {
        assert!(login.take(&store, login.began).await.is_none(), "{state:?}");
    }
}

/// One login in each final state.
async fn final_states(store: &Store) -> Vec<(Login, EventKind)> {
    let delivered = Login::new();
    delivered.complete(store).await;
    let failed = Login::new();
    failed.begin(store).await.unwrap();
    failed.fail(store, failed.began).await;
    let abandoned = Login::new();
    abandoned.begin(store).await.unwrap();
    let expired = Login::new();
    expired.issue(store).await;
    let uncertain = Login::new();
    uncertain.issue(store).await;
    assert!(uncertain.take(store, uncertain.began).await.is_some());
    let over = start_of_time() + RESERVATION.max(WAITING);
    let report = sweep(store, over).await;
    assert_eq!((report.abandoned, report.expired, report.uncertain), (1, 1, 1));
    let states = vec![
        (delivered, EventKind::Delivered),
        (failed, EventKind::Failed),
        (abandoned, EventKind::Abandoned),
        (expired, EventKind::Expired),
        (uncertain, EventKind::Uncertain),
    ];
    for (login, state) in &states {
        assert_eq!(login.history(store).await.last(), Some(state));
    }
    states
}

pub async fn a_reservation_cannot_be_taken(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.begin(&store).await.unwrap();
    assert!(login.take(&store, login.began).await.is_none());
    let empty = Jti::from_stored(String::new());
    assert!(store.sessions.take(&login.session, &empty, login.began).await.unwrap().is_none());
    login.put(&store, login.began).await.expect("still reserved");
}

pub async fn protocol_issuer_failure_releases(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.begin(&store).await.unwrap();
    login.fail(&store, login.began).await;
    assert_eq!(login.history(&store).await, [EventKind::Started, EventKind::Failed]);
    login.rival(login.began).begin(&store).await.expect("the session id is free again");
    assert_eq!(login.replay(login.began).begin(&store).await, Err(BeginError::Replayed));
    assert_eq!(login.put(&store, login.began).await, Err(PutError::ReservationEnded));
    // Repeated, or after the sweeper: one end.
    login.fail(&store, login.began).await;
    assert_eq!(login.history(&store).await, [EventKind::Started, EventKind::Failed]);
    let slow = Login::new();
    slow.begin(&store).await.unwrap();
    sweep(&store, slow.reservation_ends()).await;
    slow.fail(&store, slow.reservation_ends()).await;
    assert_eq!(slow.history(&store).await, [EventKind::Started, EventKind::Abandoned]);
}

pub async fn a_login_releases_only_what_is_its_own(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let slow = Login::new();
    slow.begin(&store).await.unwrap();
    let reserved = slow.rival(slow.reservation_ends());
    reserved.begin(&store).await.unwrap();
    slow.fail(&store, slow.reservation_ends()).await;
    assert_eq!(slow.history(&store).await, [EventKind::Started, EventKind::Failed]);
    reserved.put(&store, reserved.began).await.expect("another login's reservation stays");
    slow.fail(&store, slow.reservation_ends()).await;
    assert!(reserved.take(&store, reserved.began).await.is_some(), "and its session");
}

/// The answer of a `put` was lost, so the login fails: what it stored goes.
pub async fn a_failed_login_leaves_no_credentials_behind(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.issue(&store).await;
    login.fail(&store, login.began).await;
    assert!(login.take(&store, login.began).await.is_none());
    assert_eq!(login.history(&store).await, [EventKind::Started, EventKind::Issued, EventKind::Failed]);
    login.rival(login.began).begin(&store).await.expect("the session id is free again");
}

pub async fn protocol_crash_after_begin(under_test: &dyn StoreUnderTest) {
    let login = Login::new();
    let killed = under_test.open();
    login.begin(&killed).await.unwrap();
    let store = under_test.after_crash();
    assert_eq!(login.history(&store).await, [EventKind::Started], "it was durable");
    assert_eq!(login.rival(login.began).begin(&store).await, Err(BeginError::SessionTaken));
    assert_eq!(sweep(&store, login.reservation_ends() - INSTANT).await, SweepReport::default());
    assert_eq!(sweep(&store, login.reservation_ends()).await.abandoned, 1);
    assert_eq!(sweep(&store, login.reservation_ends()).await.abandoned, 0);
    assert_eq!(login.history(&store).await, [EventKind::Started, EventKind::Abandoned]);
    assert_eq!(login.replay(login.reservation_ends()).begin(&store).await, Err(BeginError::Replayed));
    login.rival(login.reservation_ends()).begin(&store).await.expect("the session id is free again");
}

pub async fn protocol_crash_after_put(under_test: &dyn StoreUnderTest) {
    let login = Login::new();
    let killed = under_test.open();
    login.issue(&killed).await;
    let store = under_test.after_crash();
    assert_eq!(login.history(&store).await, [EventKind::Started, EventKind::Issued]);
    assert_eq!(login.take(&store, login.began).await.unwrap().sealed, login.sealed());
}

pub async fn protocol_crash_after_take(under_test: &dyn StoreUnderTest) {
    let login = Login::new();
    let killed = under_test.open();
    login.issue(&killed).await;
    assert!(login.take(&killed, login.began).await.is_some());
    let store = under_test.after_crash();
    assert!(login.take(&store, login.began).await.is_none(), "the delete was durable");
    assert_eq!(sweep(&store, login.expires() - INSTANT).await, SweepReport::default());
    let report = sweep(&store, login.expires()).await;
    assert_eq!((report.uncertain, report.expired), (1, 0));
    assert_eq!(sweep(&store, later()).await.uncertain, 0);
    assert_eq!(login.history(&store).await, [EventKind::Started, EventKind::Issued, EventKind::Uncertain]);
}

pub async fn protocol_put_after_reservation_ended(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let (in_time, too_late) = (Login::new(), Login::new());
    in_time.begin(&store).await.unwrap();
    in_time.put(&store, in_time.reservation_ends() - INSTANT).await.unwrap();
    too_late.begin(&store).await.unwrap();
    assert_eq!(
        too_late.put(&store, too_late.reservation_ends()).await,
        Err(PutError::ReservationEnded),
        "by time alone"
    );
    assert_eq!(too_late.history(&store).await, [EventKind::Started], "refused: nothing recorded");

    let swept = Login::new();
    swept.begin(&store).await.unwrap();
    sweep(&store, swept.reservation_ends()).await;
    assert_eq!(swept.put(&store, swept.began).await, Err(PutError::ReservationEnded), "by the sweeper");

    let overtaken = Login::new();
    overtaken.begin(&store).await.unwrap();
    let owner = overtaken.rival(overtaken.reservation_ends());
    owner.begin(&store).await.unwrap();
    assert_eq!(overtaken.put(&store, overtaken.began).await, Err(PutError::ReservationEnded), "by another");
    owner.put(&store, owner.began).await.expect("the owner is untouched");
    assert!(overtaken.take(&store, overtaken.began).await.is_none());

    let never = Login::new();
    assert_eq!(never.put(&store, never.began).await, Err(PutError::ReservationEnded), "without begin");
}

pub async fn protocol_expired_before_sweep(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let (last_chance, late) = (Login::new(), Login::new());
    last_chance.issue(&store).await;
    late.issue(&store).await;
    assert!(last_chance.take(&store, last_chance.expires() - INSTANT).await.is_some());
    assert!(late.take(&store, late.expires()).await.is_none());
    assert_eq!(sweep(&store, late.expires()).await.expired, 1);
    assert_eq!(late.history(&store).await.last(), Some(&EventKind::Expired));
    assert!(late.take(&store, late.began).await.is_none(), "swept, whatever a clock says");
}

pub async fn protocol_sweeper_reports_expiry(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.issue(&store).await;
    let expired = SweepReport { expired: 1, ..SweepReport::default() };
    assert_eq!(sweep(&store, login.expires()).await, expired);
    assert_eq!(sweep(&store, login.expires()).await, SweepReport::default());
    let events = store.audit.recent(1).await.unwrap();
    assert_eq!(events[0].kind, EventKind::Expired);
    assert_eq!(events[0].at, login.expires(), "the sweeper's time");
    assert_eq!(events[0].login, Some(login.id.clone()));
    assert_eq!(events[0].session, Some(login.session.clone()));
    let issued = login.event(EventKind::Issued, login.began);
    assert_eq!(events[0].subject, issued.subject, "the auditor sees whose it was");
    assert_eq!(events[0].reference, issued.reference);
    assert_eq!(events[0].source_ip, None, "nobody called");
}

pub async fn protocol_sweep_is_idempotent(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let mut logins = Vec::new();
    for _ in 0..20 {
        let (started, issued, taken) = (Login::new(), Login::new(), Login::new());
        started.begin(&store).await.unwrap();
        issued.issue(&store).await;
        taken.issue(&store).await;
        assert!(taken.take(&store, taken.began).await.is_some());
        logins.extend([
            (started, EventKind::Abandoned),
            (issued, EventKind::Expired),
            (taken, EventKind::Uncertain),
        ]);
    }
    let reports = race(under_test, |store, _| async move { sweep(&store, later()).await }).await;
    assert_eq!(reports.iter().map(|r| r.abandoned).sum::<usize>(), 20);
    assert_eq!(reports.iter().map(|r| r.expired).sum::<usize>(), 20);
    assert_eq!(reports.iter().map(|r| r.uncertain).sum::<usize>(), 20);
    for (login, end) in logins {
        let history = login.history(&store).await;
        assert_eq!(history.iter().filter(|kind| kind.is_final()).collect::<Vec<_>>(), [&end]);
    }
}

pub async fn a_sweep_leaves_the_living_alone(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let (started, issued) = (Login::new(), Login::new());
    started.begin(&store).await.unwrap();
    issued.issue(&store).await;
    let last = started.reservation_ends().min(issued.expires()) - INSTANT;
    assert_eq!(sweep(&store, last).await, SweepReport::default());
    started.put(&store, started.began).await.unwrap();
    assert!(issued.take(&store, issued.began).await.is_some());
    assert_eq!(issued.replay(last).begin(&store).await, Err(BeginError::Replayed));
}

pub async fn a_sweep_gets_through_any_number(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..700 {
        let store = store.clone();
        tasks.spawn(async move { Login::new().begin(&store).await });
    }
    while let Some(begun) = tasks.join_next().await {
        begun.unwrap().unwrap();
    }
    let report = sweep(&store, start_of_time() + RESERVATION).await;
    assert_eq!((report.abandoned, report.used_once_forgotten), (700, 0));
    if under_test.sweeps_claims() {
        let report = sweep_for_days(&store, start_of_time()).await;
        assert_eq!((report.abandoned, report.used_once_forgotten), (0, 700));
    }
}

pub async fn a_claim_outlives_its_login_and_ends(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.complete(&store).await;
    let ends = login.began + ASSERTION;
    assert_eq!(sweep(&store, ends - INSTANT).await.used_once_forgotten, 0);
    assert_eq!(login.replay(ends - INSTANT).begin(&store).await, Err(BeginError::Replayed));
    // How long after its end is the store's business, but not for ever.
    if under_test.sweeps_claims() {
        assert_eq!(sweep_for_days(&store, ends).await.used_once_forgotten, 1);
        login.replay(ends + Duration::days(2)).begin(&store).await.expect("forgotten");
    }
}

/// A clock that is wrong for some sweeps must not make an assertion good again.
pub async fn a_clock_that_jumps_ahead_and_comes_back_forgets_nothing(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.complete(&store).await;
    for jump in [Duration::hours(2), Duration::days(2), Duration::days(400), -Duration::hours(1)] {
        for tick in 0..4 {
            sweep(&store, login.began + jump + tick * Duration::seconds(10)).await;
        }
        let back = login.began + Duration::seconds(1);
        sweep(&store, back).await;
        assert_eq!(login.replay(back).begin(&under_test.open()).await, Err(BeginError::Replayed), "{jump}");
    }
}

/// Two days of sweeps, at the longest interval that counts as time passing.
pub async fn sweep_for_days(store: &Store, from: OffsetDateTime) -> SweepReport {
    let mut total = SweepReport::default();
    for minute in 0..2 * 24 * 60 {
        let report = sweep(store, from + minute * Duration::minutes(1)).await;
        total.abandoned += report.abandoned;
        total.used_once_forgotten += report.used_once_forgotten;
    }
    total
}

pub async fn protocol_session_id_is_free_again(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    for (former, state) in final_states(&store).await {
        let login = former.rival(start_of_time() + RESERVATION.max(WAITING));
        login.complete(&store).await;
        assert_eq!(former.history(&store).await.last(), Some(&state), "its history stays its own");
    }
}

pub async fn a_session_replaced_before_the_sweep_is_reported_all_the_same(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let (expired, abandoned) = (Login::new(), Login::new());
    expired.issue(&store).await;
    abandoned.begin(&store).await.unwrap();
    for former in [&expired, &abandoned] {
        let next = former.rival(start_of_time() + Duration::minutes(2));
        next.issue(&store).await;
        assert!(former.take(&store, former.began).await.is_none());
        assert!(next.take(&store, next.began).await.is_some());
        next.deliver(&store, next.began).await.unwrap();
    }
    let report = sweep(&store, later()).await;
    assert_eq!((report.expired, report.abandoned, report.uncertain), (1, 1, 0));
    assert_eq!(expired.history(&store).await.last(), Some(&EventKind::Expired));
    assert_eq!(abandoned.history(&store).await.last(), Some(&EventKind::Abandoned));
}

/// Once the sweeper has called it uncertain, a delivery cannot be recorded any
/// more, and so nothing goes out.
pub async fn protocol_no_delivery_without_record(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let login = Login::new();
    login.issue(&store).await;
    assert!(login.take(&store, login.began).await.is_some());
    assert_eq!(sweep(&other, login.expires()).await.uncertain, 1);
    assert_eq!(login.deliver(&store, login.expires()).await, Err(StoreUnavailable));
    assert_eq!(login.history(&store).await, [EventKind::Started, EventKind::Issued, EventKind::Uncertain]);
}

/// Whether the delete happened or not: the item is gone and the login closed.
pub async fn protocol_take_outcome_unknown(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let (deleted, not_deleted) = (Login::new(), Login::new());
    deleted.issue(&store).await;
    not_deleted.issue(&store).await;
    assert!(deleted.take(&store, deleted.began).await.is_some());
    // Another login may have come in between.
    let next = deleted.rival(deleted.began);
    next.issue(&store).await;
    for login in [&deleted, &not_deleted] {
        // All that is known then is the ticket.
        let subject = Subject::default();
        let uncertain = AuditEvent { subject, ..login.event(EventKind::Uncertain, login.began) };
        store.sessions.release(&login.session, &uncertain).await.unwrap();
        let history = login.history(&store).await;
        assert_eq!(history, [EventKind::Started, EventKind::Issued, EventKind::Uncertain]);
        let events = store.audit.recent(1_000).await.unwrap();
        let ended = events.iter().find(|e| e.login == uncertain.login && e.kind == EventKind::Uncertain);
        let issued = login.event(EventKind::Issued, login.began);
        assert_eq!(ended.unwrap().subject, issued.subject, "the trail says whose it was");
        assert!(login.take(&store, login.began).await.is_none(), "its ticket is not honoured again");
    }
    assert!(next.take(&store, next.began).await.is_some(), "the next login is untouched");
    next.deliver(&store, next.began).await.unwrap();
    assert_eq!(sweep(&store, later()).await.uncertain, 0, "reported already");
}

pub async fn a_final_event_closes_its_login_once(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let login = Login::new();
    login.complete(&store).await;
    login.deliver(&store, login.began).await.expect("a repetition is recognised");
    let uncertain = login.event(EventKind::Uncertain, login.began);
    assert_eq!(store.audit.record(&uncertain).await, Err(StoreUnavailable), "it has ended otherwise");
    assert_eq!(login.history(&store).await, [EventKind::Started, EventKind::Issued, EventKind::Delivered]);
    let swept = SweepReport { used_once_forgotten: 0, ..sweep(&store, later()).await };
    assert_eq!(swept, SweepReport::default());
}

/// A refusal, and what it is known by for a day.
fn refusal(at: OffsetDateTime) -> (UsedOnce, AuditEvent) {
    let event = AuditEvent {
        login: None,
        code: Some("assertion_expired".to_owned()),
        ..Login::at(at).event(EventKind::Refused, at)
    };
    (UsedOnce { handle: handle(), not_on_or_after: at + Duration::DAY }, event)
}

pub async fn an_event_is_recorded_once(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let (one, event) = refusal(start_of_time());
    let (two, _) = refusal(start_of_time());
    assert_eq!(store.audit.record_once(&one, &event).await, Ok(true));
    assert_eq!(store.audit.record_once(&one, &event).await, Ok(false));
    assert_eq!(other.audit.record_once(&one, &event).await, Ok(false));
    assert_eq!(store.audit.recent(10).await.unwrap(), std::slice::from_ref(&event));
    assert_eq!(under_test.after_crash().audit.record_once(&one, &event).await, Ok(false), "durable");
    assert_eq!(other.audit.record_once(&two, &event).await, Ok(true));
    assert_eq!(total_events(&store).await, 2);
    // What is used up by it is nothing that a login needs.
    let login = Login::new();
    login.complete(&store).await;
}

pub async fn of_64_who_record_it_one_does(under_test: &dyn StoreUnderTest) {
    let stores = [under_test.open(), under_test.open()];
    let (once, event) = refusal(start_of_time());
    let records = (0..64).map(|number: usize| {
        let (store, once, event) = (stores[number % 2].clone(), once.clone(), event.clone());
        tokio::spawn(async move { store.audit.record_once(&once, &event).await.unwrap() })
    });
    let mut first = 0;
    for record in records.collect::<Vec<_>>() {
        first += usize::from(record.await.unwrap());
    }
    assert_eq!((first, total_events(&stores[0]).await), (1, 1));
}

pub async fn an_event_recorded_once_is_forgotten_when_its_time_is_over(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let (once, event) = refusal(start_of_time());
    assert_eq!(store.audit.record_once(&once, &event).await, Ok(true));
    assert_eq!(sweep(&store, start_of_time() + Duration::hours(23)).await.used_once_forgotten, 0);
    assert_eq!(store.audit.record_once(&once, &event).await, Ok(false));
    let swept = sweep(&store, start_of_time() + Duration::days(3)).await;
    let used_once_forgotten = usize::from(under_test.sweeps_claims());
    assert_eq!(swept, SweepReport { used_once_forgotten, ..SweepReport::default() });
    assert_eq!(total_events(&store).await, 1, "what was recorded stays");
}

pub async fn events_come_back_as_they_were_newest_first(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    assert_eq!(store.audit.recent(10).await.unwrap(), []);
    let full = AuditEvent {
        at: start_of_time() + INSTANT,
        kind: EventKind::Refused,
        login: None,
        session: Some(handle()),
        reference: Some(SupportId::from_stored("7K3F-9QTZ".to_owned())),
        source_ip: Some("2001:db8::7".parse().unwrap()),
        code: Some("role_refused".to_owned()),
        subject: Subject {
            idp: Some("ADFS".to_owned()),
            issuer: Some("http://adfs.example.com/adfs/services/trust".to_owned()),
            assertion_id: Some("_1".to_owned()),
            session_index: Some("_session-1".to_owned()),
            in_response_to: Some("_request-1".to_owned()),
            name_id: Some("O'Brien \"ß\" \u{1F511}\n".to_owned()),
            role_session_name: Some("obrien".to_owned()),
            role: Some("arn:aws:iam::123456789012:role/ADFS-Production".to_owned()),
            rule: Some("production".to_owned()),
            role_map: Some("by account".to_owned()),
            page: Some("wiki".to_owned()),
            access_key_id: Some("LOCALABCDEFGHIJKLMNO".to_owned()),
            expiration: Some(start_of_time()),
            offered_roles: vec!["a,b".to_owned(), "\u{1F511}".to_owned()],
            offered_count: Some(30),
            choice: Some(LoginId::from_stored("the-choice".to_owned())),
            for_use: Some("shell".to_owned()),
            device: Some("another".to_owned()),
            asked_from: Some("2001:db8::8".parse().unwrap()),
            reason: Some(Reason::parse("INC-4711: \"caf\u{e9}\" isn't up, \u{1F511} \\ {").unwrap()),
            ..Subject::default()
        },
    };
    let of_a_provider = AuditEvent {
        kind: EventKind::KeysChanged,
        session: None,
        reference: None,
        source_ip: None,
        code: None,
        subject: Subject {
            idp: Some("ADFS".to_owned()),
            issuer: Some("http://adfs.example.com/adfs/services/trust".to_owned()),
            keys_added: vec!["ab".repeat(32), "cd".repeat(32)],
            keys_removed: vec!["ef".repeat(32)],
            ..Subject::default()
        },
        ..full.clone()
    };
    let summed = AuditEvent {
        kind: EventKind::RefusalsSummed,
        session: None,
        reference: None,
        source_ip: None,
        subject: Subject {
            idp: Some("ADFS".to_owned()),
            times: Some(u64::MAX),
            from: Some(start_of_time()),
            until: Some(start_of_time() + Duration::MINUTE),
            ..Subject::default()
        },
        ..full.clone()
    };
    let bare = AuditEvent {
        // Order is by recording, not by the clocks of several processes.
        at: start_of_time() - Duration::days(1),
        kind: EventKind::Refused,
        login: None,
        session: None,
        reference: None,
        source_ip: None,
        code: None,
        subject: Subject::default(),
    };
    for event in [&full, &summed, &of_a_provider, &bare, &bare] {
        store.audit.record(event).await.unwrap();
    }
    let newest_first = [bare.clone(), bare.clone(), of_a_provider, summed, full.clone()];
    assert_eq!(store.audit.recent(10).await.unwrap(), newest_first);
    assert_eq!(under_test.after_crash().audit.recent(1).await.unwrap(), [bare]);
    assert_eq!(store.audit.recent(0).await.unwrap(), []);
    assert_eq!(store.audit.recent(5).await.unwrap()[4], full);
}

pub async fn a_person_signs_in_again_and_again(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    for login in [Login::new(), Login::new()] {
        login.begin(&store).await.unwrap();
        login.put(&store, login.began).await.unwrap();
        login.put(&store, login.began).await.unwrap();
    }
    let nobody = Login::new();
    nobody.begin(&store).await.unwrap();
    let issued = AuditEvent { subject: Subject::default(), ..nobody.event(EventKind::Issued, nobody.began) };
    store.sessions.put(&nobody.session(), &issued).await.expect("there is no row to bring up to date");
}

pub async fn a_store_that_works_is_ready(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    store.audit.ready().await.unwrap();
    store.audit.ready().await.unwrap();
    assert_eq!(total_events(&store).await, 0, "readiness leaves no trace in the audit trail");
}
