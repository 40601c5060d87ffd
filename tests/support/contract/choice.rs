//! The contract of `SessionStore` about choices and their parts, and the cells of
//! `docs/PROTOCOL.md` about them that a store alone can force.

use super::store::{ASSERTION, Login, RESERVATION, Store, StoreUnderTest, handle, later, race, sweep};
use super::store::{sweep_for_days, total_events};
use super::{INSTANT, start_of_time};
use std::collections::BTreeSet;
use time::{Duration, OffsetDateTime};
use vestibule::broker::ports::{BeginError, ChoiceStart, Held, MOST_ROLES_USED, PutError, RoleUsed};
use vestibule::broker::{AuditEvent, EventKind, Handle, Sealed, SealedSession, Subject, SweepReport};

/// `choice_contract!(MyStore::new())`: one test per sentence of the contract.
macro_rules! choice_contract {
    ($under_test:expr) => {
        choice_contract! { @each $under_test;
            protocol_choice_opens,
            protocol_choice_open_repeated_is_one_open,
            protocol_choice_open_has_the_conditions_of_begin,
            protocol_choice_replay_while_choosing,
            protocol_choice_64_posts_one_choice,
            a_choice_and_a_login_of_one_session_id_have_one_winner,
            protocol_choice_second_login_while_choosing,
            protocol_choice_request_answered_before,
            protocol_choice_is_listed,
            look_sees_what_holds_a_session_id,
            attack_choice_is_no_session_to_take,
            protocol_choice_of_one_part,
            protocol_choice_of_several_parts,
            protocol_choice_of_both_kinds,
            protocol_choice_repeated_is_one_part,
            protocol_choice_64_at_once_one_call,
            protocol_choice_part_fails_and_others_go_on,
            protocol_choice_again_after_a_failure,
            protocol_choice_begin_of_a_part_repeated_is_one_begin,
            protocol_choice_crash_after_begin_of_a_part,
            protocol_choice_again_after_the_take,
            protocol_choice_again_after_expiry,
            protocol_choice_part_is_taken_once,
            attack_choice_ticket_of_another_part,
            attack_part_of_another_logins_choice,
            protocol_choice_crash_while_it_waits,
            protocol_choice_not_swept_early,
            protocol_choice_nobody_chooses,
            protocol_choice_ends_during_the_request,
            protocol_choice_session_id_is_free_again,
            attack_choice_meets_the_part_of_a_former_choice,
            protocol_choice_part_is_taken_after_its_end,
            protocol_choice_part_issued_after_its_end,
            protocol_choice_replay_after_its_end,
            protocol_choice_sweep_is_idempotent,
            parts_race_with_the_end_of_their_choice,
            a_choice_is_durable_with_all_that_it_used_up,
            roles_used_are_the_newest_of_a_person,
        }
    };
    (@each $under_test:expr; $($name:ident,)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $name() {
            contract::choice::$name(&$under_test).await;
        })*
    };
}
pub(crate) use choice_contract;

/// How long one waits in these tests.
const CHOICE: Duration = Duration::minutes(5);

/// A choice that a test drives by hand: a login, as far as messages and ids go.
#[derive(Clone)]
pub struct Choice(pub Login);

impl Choice {
    pub fn new() -> Self {
        Self(Login::new())
    }
    pub fn ends(&self) -> OffsetDateTime {
        self.0.began + CHOICE
    }
    pub fn event(&self, kind: EventKind, at: OffsetDateTime) -> AuditEvent {
        let event = self.0.event(kind, at);
        let subject = Subject { access_key_id: None, offered_count: Some(3), ..event.subject };
        AuditEvent { subject, ..event }
    }
    pub fn start(&self) -> ChoiceStart {
        let Login { id, session, jti, began, .. } = &self.0;
        let sealed = self.0.sealed();
        ChoiceStart {
            message: self.0.message(),
            choice: SealedSession::new(id.clone(), session.clone(), jti.clone(), sealed, self.ends()),
            event: self.event(EventKind::ChoiceOpened, *began),
        }
    }
    pub async fn open(&self, store: &Store) -> Result<(), BeginError> {
        store.sessions.open_choice(&self.start()).await
    }
    /// One that waits.
    pub async fn opened(store: &Store) -> Self {
        let choice = Self::new();
        choice.open(store).await.unwrap();
        choice
    }
    /// A part of it, under the handle that all of this name have.
    pub fn part(&self, name: &str) -> Login {
        self.part_at(name, self.0.began)
    }
    pub fn part_at(&self, name: &str, began: OffsetDateTime) -> Login {
        let Login { id, session, .. } = &self.0;
        Login {
            session: Handle::of(&[
                b"part",
                session.as_str().as_bytes(),
                id.as_str().as_bytes(),
                name.as_bytes(),
            ]),
            choice: Some((session.clone(), id.clone())),
            role: Some(format!("arn:aws:iam::123456789012:role/{name}")),
            ..Login::at(began)
        }
    }
    pub async fn look(&self, store: &Store, at: OffsetDateTime) -> Option<Held> {
        store.sessions.look(&self.0.session, at).await.unwrap()
    }
    /// As it was opened, to the last instant.
    pub async fn waits(&self, store: &Store) {
        for at in [self.0.began, self.ends() - INSTANT] {
            let held = self.look(store, at).await;
            let Some(Held::Choice(choice)) = held else { panic!("{held:?}") };
            let expected = self.start().choice;
            assert_eq!(
                (choice.login(), choice.session(), choice.jti(), choice.sealed(), choice.expires_at()),
                (
                    expected.login(),
                    expected.session(),
                    expected.jti(),
                    expected.sealed(),
                    expected.expires_at()
                )
            );
        }
    }
}

const OPENED: [EventKind; 1] = [EventKind::ChoiceOpened];
const OPENED_AND_ENDED: [EventKind; 2] = [EventKind::ChoiceOpened, EventKind::ChoiceEnded];
const WHOLE: [EventKind; 3] = [EventKind::Started, EventKind::Issued, EventKind::Delivered];

/// How the part's handle is held.
async fn held(part: &Login, store: &Store, at: OffsetDateTime) -> Option<Held> {
    store.sessions.look(&part.session, at).await.unwrap()
}

/// Its credentials wait, for this part's ticket.
async fn waits(part: &Login, store: &Store) {
    let held = held(part, store, part.began).await;
    let Some(Held::Waiting { login, jti, ends_at }) = held else { panic!("{held:?}") };
    assert_eq!((login, jti, ends_at), (part.id.clone(), part.jti.clone(), part.expires()));
}

async fn redeem(part: &Login, store: &Store) {
    assert_eq!(part.take(store, part.began).await.unwrap().sealed, part.sealed());
    part.deliver(store, part.began).await.unwrap();
}

pub async fn protocol_choice_opens(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let choice = Choice::opened(&store).await;
    choice.waits(&store).await;
    choice.waits(&other).await;
    assert_eq!(store.audit.recent(10).await.unwrap(), [choice.start().event]);
}

pub async fn protocol_choice_open_repeated_is_one_open(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let choice = Choice::opened(&store).await;
    choice.open(&store).await.unwrap();
    choice.open(&other).await.unwrap();
    assert_eq!(choice.0.history(&store).await, OPENED);
    choice.waits(&store).await;
    // Late repetitions do not undo what came after.
    assert_eq!(sweep(&store, choice.ends()).await.choices_ended, 1);
    choice.open(&store).await.unwrap();
    assert_eq!(choice.0.history(&store).await, OPENED_AND_ENDED);
    assert!(choice.look(&store, choice.0.began).await.is_none(), "the repetition stored nothing");
    assert_eq!(sweep(&store, choice.ends()).await, SweepReport::default());
}

pub async fn protocol_choice_open_has_the_conditions_of_begin(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let request = handle();
    let login = Login::new().answering(&request);
    login.issue(&store).await;
    let last = login.expires() - INSTANT;
    let replay = Login { session: login.session.clone(), ..login.replay(last).answering(&request) };
    let answered = login.rival(last).answering(&request);
    let rival = login.rival(last);
    for (refused, refusal) in [
        (replay, BeginError::Replayed),
        (answered, BeginError::RequestAnswered),
        (rival, BeginError::SessionTaken),
    ] {
        let refused = Choice(refused);
        assert_eq!(refused.open(&store).await, Err(refusal));
        assert_eq!(refused.0.history(&store).await, []);
        // What is refused uses nothing up.
        if refusal != BeginError::Replayed {
            Choice(refused.0.replay(last)).open(&store).await.unwrap();
        }
    }
    assert!(login.take(&store, last).await.is_some(), "the login goes on untouched");
    // Free, to the instant.
    let former = Login::new();
    former.issue(&store).await;
    let next = Choice(former.rival(former.expires()));
    next.open(&store).await.unwrap();
    next.waits(&store).await;
    let swept = sweep(&store, next.0.began).await;
    assert_eq!((swept.expired, swept.choices_ended, swept.uncertain), (1, 0, 1), "and the taken one");
    next.waits(&store).await;
}

pub async fn protocol_choice_replay_while_choosing(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let choice = Choice::opened(&store).await;
    for store in [&store, &other] {
        let replay = choice.0.replay(choice.0.began);
        assert_eq!(replay.begin(store).await, Err(BeginError::Replayed));
        assert_eq!(Choice(replay.clone()).open(store).await, Err(BeginError::Replayed));
        assert_eq!(replay.history(store).await, []);
        let same_post = Login { session: choice.0.session.clone(), ..replay };
        assert_eq!(same_post.begin(store).await, Err(BeginError::Replayed), "the better answer of two");
        assert_eq!(Choice(same_post).open(store).await, Err(BeginError::Replayed));
    }
    choice.waits(&store).await;
}

/// Each as a choice, or as a login: the rules may be reloaded meanwhile.
pub async fn protocol_choice_64_posts_one_choice(under_test: &dyn StoreUnderTest) {
    for round in 0..8 {
        let choice = Choice::new();
        let results = race(under_test, |store, i| {
            let mut post = choice.0.replay(choice.0.began);
            if round % 2 == 0 || i == 0 {
                post.session = choice.0.session.clone();
            }
            async move {
                if round < 4 || i % 3 == 0 {
                    Choice(post).open(&store).await
                } else {
                    post.begin(&store).await
                }
            }
        })
        .await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        assert_eq!(results.iter().filter(|r| **r == Err(BeginError::Replayed)).count(), 63);
    }
    assert_eq!(total_events(&under_test.open()).await, 8, "one event per round");
}

pub async fn a_choice_and_a_login_of_one_session_id_have_one_winner(under_test: &dyn StoreUnderTest) {
    for _ in 0..8 {
        let choice = Choice::new();
        let results =
            race(under_test, |store, i| {
                let rival = choice.0.rival(choice.0.began);
                async move {
                    if i % 2 == 0 { Choice(rival).open(&store).await } else { rival.begin(&store).await }
                }
            })
            .await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        assert_eq!(results.iter().filter(|r| **r == Err(BeginError::SessionTaken)).count(), 63);
    }
    assert_eq!(total_events(&under_test.open()).await, 8, "one event per round");
}

pub async fn protocol_choice_second_login_while_choosing(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let choice = Choice::opened(&store).await;
    for store in [&store, &other] {
        let second = choice.0.rival(choice.ends() - INSTANT);
        assert_eq!(second.begin(store).await, Err(BeginError::SessionTaken));
        assert_eq!(Choice(second.clone()).open(store).await, Err(BeginError::SessionTaken));
        assert_eq!(second.history(store).await, []);
        second.replay(second.began).begin(store).await.expect("the second assertion was not claimed");
    }
    choice.waits(&store).await;
}

pub async fn protocol_choice_request_answered_before(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let request = handle();
    let choice = Choice(Login::new().answering(&request));
    choice.open(&store).await.unwrap();
    let second = Login::new().answering(&request);
    assert_eq!(Choice(second.clone()).open(&other).await, Err(BeginError::RequestAnswered));
    assert_eq!(second.begin(&other).await, Err(BeginError::RequestAnswered));
    let rival = choice.0.rival(choice.0.began).answering(&request);
    assert_eq!(Choice(rival).open(&store).await, Err(BeginError::RequestAnswered));
    Login { request: None, ..second.replay(second.began) }.begin(&store).await.expect("was not claimed");
    choice.waits(&store).await;
}

pub async fn protocol_choice_is_listed(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let choice = Choice::opened(&store).await;
    for _ in 0..3 {
        choice.waits(&store).await;
        choice.waits(&other).await;
    }
    assert!(choice.look(&store, choice.ends()).await.is_none(), "to the instant");
    assert_eq!(choice.0.history(&store).await, OPENED, "to look changes nothing");
}

pub async fn look_sees_what_holds_a_session_id(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let login = Login::new();
    assert!(held(&login, &store, login.began).await.is_none(), "nobody was there");
    login.begin(&store).await.unwrap();
    for store in [&store, &other] {
        let last = login.reservation_ends() - INSTANT;
        assert!(matches!(held(&login, store, login.began).await, Some(Held::Reserved)));
        assert!(matches!(held(&login, store, last).await, Some(Held::Reserved)));
        assert!(held(&login, store, login.reservation_ends()).await.is_none());
    }
    login.put(&store, login.began).await.unwrap();
    for store in [&store, &other] {
        waits(&login, store).await;
        assert!(matches!(held(&login, store, login.expires() - INSTANT).await, Some(Held::Waiting { .. })));
        assert!(held(&login, store, login.expires()).await.is_none());
    }
    assert!(login.take(&store, login.began).await.is_some(), "to look takes nothing");
    for store in [&store, &other] {
        assert!(held(&login, store, login.began).await.is_none());
    }
    let failed = Login::new();
    failed.begin(&store).await.unwrap();
    failed.fail(&store, failed.began).await;
    assert!(held(&failed, &other, failed.began).await.is_none());
}

pub async fn attack_choice_is_no_session_to_take(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    assert!(choice.0.take(&store, choice.0.began).await.is_none());
    // Nor does it become one.
    assert_eq!(choice.0.put(&store, choice.0.began).await, Err(PutError::ReservationEnded));
    assert!(choice.0.take(&store, choice.0.began).await.is_none());
    assert_eq!(choice.0.history(&store).await, OPENED);
    choice.waits(&store).await;
    choice.part("Admin").begin(&store).await.expect("it chooses as before");
}

pub async fn protocol_choice_of_one_part(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let choice = Choice::opened(&store).await;
    let part = choice.part("Admin");
    part.begin(&other).await.unwrap();
    assert!(matches!(held(&part, &store, part.began).await, Some(Held::Reserved)));
    part.put(&store, part.began).await.unwrap();
    waits(&part, &other).await;
    choice.waits(&store).await;
    assert_eq!(part.history(&store).await, [EventKind::Started, EventKind::Issued]);
    for event in store.audit.recent(2).await.unwrap() {
        assert_eq!(event.subject.choice.as_ref(), Some(&choice.0.id), "its records name the choice");
    }
}

pub async fn protocol_choice_of_several_parts(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    let parts: Vec<_> = (0..10).map(|number| choice.part(&format!("role-{number}"))).collect();
    let mut issued = tokio::task::JoinSet::new();
    for part in parts.clone() {
        let store = store.clone();
        issued.spawn(async move { part.issue(&store).await });
    }
    issued.join_all().await;
    choice.waits(&store).await;
    for part in &parts {
        waits(part, &store).await;
        redeem(part, &store).await;
        assert_eq!(part.history(&store).await, WHOLE);
    }
    choice.waits(&store).await;
}

pub async fn protocol_choice_of_both_kinds(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    let (credentials, console) = (choice.part("credentials Admin"), choice.part("console Admin"));
    credentials.issue(&store).await;
    console.issue(&store).await;
    redeem(&console, &store).await;
    waits(&credentials, &store).await;
    redeem(&credentials, &store).await;
}

/// What waits is displaced by nobody, and says by which ticket it is taken.
pub async fn protocol_choice_repeated_is_one_part(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let choice = Choice::opened(&store).await;
    let part = choice.part("Admin");
    part.issue(&store).await;
    for at in [part.began, part.expires() - INSTANT] {
        let again = choice.part_at("Admin", at);
        assert_eq!(again.begin(&other).await, Err(BeginError::SessionTaken));
        assert_eq!(again.history(&store).await, []);
    }
    waits(&part, &other).await;
    redeem(&part, &other).await;
}

pub async fn protocol_choice_64_at_once_one_call(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    for _ in 0..8 {
        let choice = Choice::opened(&store).await;
        let results = race(under_test, |store, _| {
            let part = choice.part("Admin");
            async move { part.begin(&store).await }
        })
        .await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1, "{results:?}");
        assert_eq!(results.iter().filter(|r| **r == Err(BeginError::SessionTaken)).count(), 63);
        choice.waits(&store).await;
    }
    assert_eq!(total_events(&store).await, 16, "one choice.opened and one login.started per round");
}

pub async fn protocol_choice_part_fails_and_others_go_on(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    let (started, issued, other) = (choice.part("a"), choice.part("b"), choice.part("c"));
    started.begin(&store).await.unwrap();
    issued.issue(&store).await;
    other.issue(&store).await;
    // Before its `put`, and after one whose answer was lost.
    started.fail(&store, started.began).await;
    issued.fail(&store, issued.began).await;
    assert_eq!(started.history(&store).await, [EventKind::Started, EventKind::Failed]);
    assert_eq!(issued.history(&store).await, [EventKind::Started, EventKind::Issued, EventKind::Failed]);
    for failed in [&started, &issued] {
        assert!(held(failed, &store, failed.began).await.is_none());
        assert!(failed.take(&store, failed.began).await.is_none());
    }
    choice.waits(&store).await;
    redeem(&other, &store).await;
}

pub async fn protocol_choice_again_after_a_failure(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    let failed = choice.part("Admin");
    failed.begin(&store).await.unwrap();
    failed.fail(&store, failed.began).await;
    let again = choice.part("Admin");
    again.issue(&store).await;
    // A late repetition of the failure.
    failed.fail(&store, failed.began).await;
    redeem(&again, &store).await;
    assert_eq!(failed.history(&store).await, [EventKind::Started, EventKind::Failed]);
}

pub async fn protocol_choice_begin_of_a_part_repeated_is_one_begin(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let choice = Choice::opened(&store).await;
    let part = choice.part("Admin");
    for store in [&store, &store, &other] {
        part.begin(store).await.unwrap();
    }
    assert_eq!(part.history(&store).await, [EventKind::Started]);
    part.put(&store, part.began).await.unwrap();
    part.begin(&other).await.expect("recognised while it waits");
    waits(&part, &store).await;
    redeem(&part, &store).await;
    part.begin(&store).await.expect("recognised after the take too");
    assert!(held(&part, &store, part.began).await.is_none(), "the repetition reserved nothing");
    sweep(&store, choice.ends()).await;
    part.begin(&store).await.expect("recognised when the choice is over");
    assert_eq!(part.history(&store).await, WHOLE);
    assert_eq!(sweep(&store, later()).await, SweepReport::default());
}

pub async fn protocol_choice_crash_after_begin_of_a_part(under_test: &dyn StoreUnderTest) {
    let killed = under_test.open();
    let choice = Choice::opened(&killed).await;
    let part = choice.part("Admin");
    part.begin(&killed).await.unwrap();
    let store = under_test.after_crash();
    choice.waits(&store).await;
    assert!(matches!(held(&part, &store, part.began).await, Some(Held::Reserved)), "it was durable");
    assert_eq!(choice.part("Admin").begin(&store).await, Err(BeginError::SessionTaken));
    let again = choice.part_at("Admin", part.reservation_ends());
    again.issue(&store).await;
    assert_eq!(part.put(&store, part.began).await, Err(PutError::ReservationEnded));
    let swept = sweep(&store, again.began).await;
    assert_eq!(swept, SweepReport { abandoned: 1, ..SweepReport::default() });
    assert_eq!(part.history(&store).await, [EventKind::Started, EventKind::Abandoned]);
    choice.waits(&store).await;
    redeem(&again, &store).await;
}

pub async fn protocol_choice_again_after_the_take(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    let (first, again) = (choice.part("Admin"), choice.part("Admin"));
    first.issue(&store).await;
    redeem(&first, &store).await;
    again.issue(&store).await;
    assert!(first.take(&store, first.began).await.is_none(), "another jti");
    redeem(&again, &store).await;
    // Taken, and the delivery not recorded yet: what it held is free all the same.
    let (owed, third) = (choice.part("Admin"), choice.part("Admin"));
    owed.issue(&store).await;
    assert!(owed.take(&store, owed.began).await.is_some());
    third.issue(&store).await;
    owed.deliver(&store, owed.began).await.unwrap();
    redeem(&third, &store).await;
    for part in [first, again, owed, third] {
        assert_eq!(part.history(&store).await, WHOLE);
    }
}

pub async fn protocol_choice_again_after_expiry(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    for sweep_first in [false, true] {
        let name = if sweep_first { "a" } else { "b" };
        let first = choice.part(name);
        first.issue(&store).await;
        if sweep_first {
            assert_eq!(sweep(&store, first.expires()).await.expired, 1);
        }
        let again = choice.part_at(name, first.expires());
        again.issue(&store).await;
        assert!(first.take(&store, first.began).await.is_none());
        redeem(&again, &store).await;
        if !sweep_first {
            let swept = sweep(&store, again.began).await;
            assert_eq!((swept.expired, swept.uncertain, swept.choices_ended), (1, 0, 0));
        }
        assert_eq!(first.history(&store).await, [EventKind::Started, EventKind::Issued, EventKind::Expired]);
    }
    choice.waits(&store).await;
}

pub async fn protocol_choice_part_is_taken_once(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    for round in 0..4 {
        let part = choice.part(&format!("role-{round}"));
        part.issue(&store).await;
        let results = race(under_test, |store, _| {
            let part = part.clone();
            async move { part.take(&store, part.began).await }
        })
        .await;
        assert_eq!(results.into_iter().flatten().count(), 1);
        part.deliver(&store, part.began).await.unwrap();
    }
    choice.waits(&store).await;
}

pub async fn attack_choice_ticket_of_another_part(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    let (a, b) = (choice.part("a"), choice.part("b"));
    a.issue(&store).await;
    b.issue(&store).await;
    for (session, jti) in
        [(&a.session, &b.jti), (&b.session, &a.jti), (&a.session, &choice.0.jti), (&choice.0.session, &a.jti)]
    {
        assert!(store.sessions.take(session, jti, a.began).await.unwrap().is_none());
    }
    redeem(&a, &store).await;
    redeem(&b, &store).await;
}

/// A part names a choice: only the one that waits under its handle, and is its own.
pub async fn attack_part_of_another_logins_choice(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let (choice, other, never) = (Choice::opened(&store).await, Choice::opened(&store).await, Choice::new());
    let login = Login::new();
    login.issue(&store).await;
    let reserved = Login::new();
    reserved.begin(&store).await.unwrap();
    let of = |session: &Login, login: &Login| Login {
        choice: Some((session.session.clone(), login.id.clone())),
        ..choice.part("Admin")
    };
    for part in [
        of(&choice.0, &other.0),
        of(&other.0, &choice.0),
        of(&choice.0, &never.0),
        of(&never.0, &choice.0),
        of(&never.0, &never.0),
        // No choice at all.
        of(&login, &login),
        of(&reserved, &reserved),
        // A part of a part.
        of(&choice.part("Admin"), &choice.0),
    ] {
        assert_eq!(part.begin(&store).await, Err(BeginError::ChoiceOver));
        assert_eq!(part.history(&store).await, []);
    }
    // The better answer of two.
    let held = choice.part("Admin");
    held.begin(&store).await.unwrap();
    assert_eq!(of(&choice.0, &other.0).begin(&store).await, Err(BeginError::ChoiceOver));
    assert_eq!(choice.part("Admin").begin(&store).await, Err(BeginError::SessionTaken));
}

pub async fn protocol_choice_crash_while_it_waits(under_test: &dyn StoreUnderTest) {
    let killed = under_test.open();
    let choice = Choice::opened(&killed).await;
    let store = under_test.after_crash();
    choice.waits(&store).await;
    let part = choice.part("Admin");
    part.issue(&store).await;
    redeem(&part, &store).await;
}

pub async fn protocol_choice_not_swept_early(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    let last = choice.ends() - INSTANT;
    let (taken, failed) = (choice.part_at("a", last), choice.part_at("b", last));
    taken.issue(&store).await;
    redeem(&taken, &store).await;
    failed.begin(&store).await.unwrap();
    failed.fail(&store, last).await;
    assert_eq!(sweep(&store, last).await, SweepReport::default());
    assert_eq!(choice.0.history(&store).await, OPENED);
    choice.waits(&store).await;
}

pub async fn protocol_choice_nobody_chooses(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    let ended = SweepReport { choices_ended: 1, ..SweepReport::default() };
    assert_eq!(sweep(&store, choice.ends()).await, ended);
    assert_eq!(sweep(&store, choice.ends()).await, SweepReport::default());
    assert_eq!(choice.0.history(&store).await, OPENED_AND_ENDED);
    let expected = AuditEvent { source_ip: None, ..choice.event(EventKind::ChoiceEnded, choice.ends()) };
    assert_eq!(store.audit.recent(1).await.unwrap(), [expected], "the auditor sees whose it was");
    assert!(choice.look(&store, choice.0.began).await.is_none(), "it is removed, whatever a clock says");
    choice.0.rival(choice.0.began).begin(&store).await.expect("the session id is free again");
}

pub async fn protocol_choice_ends_during_the_request(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let choice = Choice::opened(&store).await;
    let last = choice.part_at("a", choice.ends() - INSTANT);
    last.begin(&store).await.expect("to the last instant");
    for store in [&store, &other] {
        let late = choice.part_at("b", choice.ends());
        assert_eq!(late.begin(store).await, Err(BeginError::ChoiceOver), "before the sweep");
        assert_eq!(late.history(store).await, []);
        assert!(held(&late, store, late.began).await.is_none());
        assert!(choice.look(store, choice.ends()).await.is_none());
    }
    // The better answer of two.
    let again = choice.part_at("a", choice.ends());
    assert_eq!(again.begin(&store).await, Err(BeginError::ChoiceOver));
    assert_eq!(sweep(&store, choice.ends()).await.choices_ended, 1);
    for at in [choice.0.began, choice.ends()] {
        let late = choice.part_at("b", at);
        assert_eq!(late.begin(&store).await, Err(BeginError::ChoiceOver), "after it, whatever a clock says");
        assert_eq!(late.history(&store).await, []);
    }
    last.put(&store, last.began).await.expect("what was begun goes on");
    redeem(&last, &store).await;
}

pub async fn protocol_choice_session_id_is_free_again(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    for next_is_a_choice in [false, true] {
        let former = Choice::opened(&store).await;
        let next = former.0.rival(former.ends());
        if next_is_a_choice {
            Choice(next.clone()).open(&store).await.unwrap();
        } else {
            next.issue(&store).await;
        }
        for at in [former.0.began, former.ends()] {
            assert_eq!(former.part_at("a", at).begin(&store).await, Err(BeginError::ChoiceOver));
        }
        let swept = sweep(&store, next.began).await;
        assert_eq!(swept, SweepReport { choices_ended: 1, ..SweepReport::default() });
        assert_eq!(former.0.history(&store).await, OPENED_AND_ENDED);
        if next_is_a_choice {
            Choice(next).waits(&store).await;
        } else {
            redeem(&next, &store).await;
        }
    }
    assert_eq!(sweep(&store, later()).await.choices_ended, 1, "the one that waited");
}

pub async fn attack_choice_meets_the_part_of_a_former_choice(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let former = Choice::opened(&store).await;
    let waiting = former.part_at("Admin", former.ends() - INSTANT);
    waiting.issue(&store).await;
    let next = Choice(former.0.rival(former.ends()));
    next.open(&store).await.unwrap();
    let part = next.part("Admin");
    assert!(held(&part, &store, part.began).await.is_none());
    part.issue(&store).await;
    assert!(store.sessions.take(&part.session, &waiting.jti, part.began).await.unwrap().is_none());
    redeem(&part, &store).await;
    redeem(&waiting, &store).await;
}

pub async fn protocol_choice_part_is_taken_after_its_end(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    let part = choice.part_at("Admin", choice.ends() - INSTANT);
    part.issue(&store).await;
    let swept = sweep(&store, part.expires() - INSTANT).await;
    assert_eq!(swept, SweepReport { choices_ended: 1, ..SweepReport::default() });
    assert!(part.take(&store, part.expires() - INSTANT).await.is_some());
    part.deliver(&store, part.expires() - INSTANT).await.unwrap();
    assert_eq!(part.history(&store).await, WHOLE);
}

pub async fn protocol_choice_part_issued_after_its_end(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    let (a, b) = (choice.part_at("a", choice.ends() - INSTANT), choice.part_at("b", choice.ends() - INSTANT));
    a.begin(&store).await.unwrap();
    b.begin(&store).await.unwrap();
    a.put(&store, choice.ends()).await.expect("before the sweep");
    assert_eq!(sweep(&store, choice.ends()).await.choices_ended, 1);
    b.put(&store, choice.ends()).await.expect("after it");
    redeem(&a, &store).await;
    redeem(&b, &store).await;
}

pub async fn protocol_choice_replay_after_its_end(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let choice = Choice::opened(&store).await;
    sweep(&store, choice.ends()).await;
    let last = choice.0.began + ASSERTION - INSTANT;
    for at in [choice.ends(), last] {
        assert_eq!(choice.0.replay(at).begin(&store).await, Err(BeginError::Replayed));
        assert_eq!(Choice(choice.0.replay(at)).open(&store).await, Err(BeginError::Replayed));
    }
    if under_test.sweeps_claims() {
        assert_eq!(sweep_for_days(&store, last).await.used_once_forgotten, 1);
    }
}

pub async fn protocol_choice_sweep_is_idempotent(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    let mut choices = Vec::new();
    for _ in 0..20 {
        let choice = Choice::opened(&store).await;
        // One that outlives it.
        let part = choice.part_at("a", choice.ends() - INSTANT);
        part.issue(&store).await;
        choices.push((choice, part));
    }
    let ended = choices[0].0.ends();
    let reports = race(under_test, |store, _| async move { sweep(&store, ended).await }).await;
    assert_eq!(reports.iter().map(|r| r.choices_ended).sum::<usize>(), 20);
    assert_eq!(reports.iter().map(|r| r.abandoned + r.expired + r.uncertain).sum::<usize>(), 0);
    for (choice, part) in choices {
        assert_eq!(choice.0.history(&store).await, OPENED_AND_ENDED);
        redeem(&part, &store).await;
    }
}

/// Sweepers, and parts by clocks that are behind: each part begins as a whole or not at all, and
/// those that began go on.
pub async fn parts_race_with_the_end_of_their_choice(under_test: &dyn StoreUnderTest) {
    let store = under_test.open();
    for round in 0..4 {
        let choice = Choice(Login::at(start_of_time() + round * Duration::minutes(6)));
        choice.open(&store).await.unwrap();
        // Somebody was there all the time.
        sweep(&store, choice.ends() - INSTANT).await;
        let parts: Vec<_> =
            (0..64).map(|n| choice.part_at(&n.to_string(), choice.ends() - INSTANT)).collect();
        let results = race(under_test, |store, i| {
            let (part, ended) = (parts[i].clone(), choice.ends());
            async move {
                if i % 8 == 0 {
                    sweep(&store, ended).await;
                    return None;
                }
                Some(part.begin(&store).await)
            }
        })
        .await;
        assert_eq!(choice.0.history(&store).await, OPENED_AND_ENDED);
        for (part, result) in parts.iter().zip(results) {
            match result {
                None => {}
                Some(Ok(())) => part.put(&store, part.began).await.unwrap(),
                Some(Err(refusal)) => {
                    assert_eq!(refusal, BeginError::ChoiceOver);
                    assert_eq!(part.history(&store).await, []);
                    assert!(held(part, &store, part.began).await.is_none());
                }
            }
        }
    }
}

pub async fn a_choice_is_durable_with_all_that_it_used_up(under_test: &dyn StoreUnderTest) {
    let request = handle();
    let choice = Choice(Login::new().answering(&request));
    let killed = under_test.open();
    choice.open(&killed).await.unwrap();
    let store = under_test.after_crash();
    assert_eq!(choice.0.history(&store).await, OPENED);
    let at = choice.0.began;
    assert_eq!(choice.0.replay(at).begin(&store).await, Err(BeginError::Replayed));
    assert_eq!(Login::at(at).answering(&request).begin(&store).await, Err(BeginError::RequestAnswered));
    assert_eq!(choice.0.rival(at).begin(&store).await, Err(BeginError::SessionTaken));
}

/// Of choices each; of other logins the last.
pub async fn roles_used_are_the_newest_of_a_person(under_test: &dyn StoreUnderTest) {
    let (store, other) = (under_test.open(), under_test.open());
    let of = |store: &Store, name_id: &'static str| {
        let store = store.clone();
        async move { store.sessions.roles_used("ADFS", name_id).await.unwrap() }
    };
    let anna = "anna@example.com";
    assert_eq!(of(&store, anna).await, [], "nobody knows her yet");
    let used = |login: &Login| RoleUsed { role: login.role.clone().unwrap(), at: login.began };
    let at = |second: i64| start_of_time() + Duration::seconds(second);

    let ordinary = |name: &str, second| Login { role: Some(name.to_owned()), ..Login::at(at(second)) };
    let (one, two) = (ordinary("arn:one", 0), ordinary("arn:two", 1));
    for login in [&one, &two] {
        login.complete(&store).await;
        assert_eq!(of(&other, anna).await, [used(login)]);
    }
    let choice = Choice::opened(&store).await;
    let mut expected = Vec::new();
    for number in 0..25 {
        let part = choice.part_at(&format!("role-{number}"), at(10 + number));
        part.complete(&store).await;
        // A repetition.
        part.put(&other, part.began).await.unwrap();
        expected.insert(0, used(&part));
    }
    expected.truncate(MOST_ROLES_USED);
    assert_eq!(of(&store, anna).await, expected);
    assert_eq!(of(&store, "berta@example.com").await, []);
    assert_eq!(store.sessions.roles_used("Entra", anna).await.unwrap(), [], "of who signed in there");

    // An old one of them again, in a choice, and in an ordinary login.
    let again = choice.part_at("role-10", at(50));
    again.issue(&store).await;
    let newest = used(&again);
    expected.retain(|known| known.role != newest.role);
    expected.insert(0, newest);
    assert_eq!(of(&store, anna).await, expected);
    let last = Login { role: Some(expected[5].role.clone()), ..Login::at(at(60)) };
    last.complete(&store).await;
    let mut with_last = expected.clone();
    with_last.remove(5);
    with_last.insert(0, used(&last));
    assert_eq!(of(&store, anna).await, with_last);
    // One without any role is no login by which a role is known.
    let none = Login::at(at(70));
    none.complete(&store).await;
    assert_eq!(of(&store, anna).await, expected);

    // Those that are issued at once are all known.
    let mut issued = tokio::task::JoinSet::new();
    for number in 0..10 {
        let (part, store) = (choice.part_at(&format!("new-{number}"), at(80)), store.clone());
        issued.spawn(async move { part.issue(&store).await });
    }
    issued.join_all().await;
    let roles: BTreeSet<_> = of(&other, anna).await.into_iter().take(10).map(|used| used.role).collect();
    assert!(roles.len() == 10 && roles.iter().all(|role| role.contains("/new-")), "{roles:?}");
}
