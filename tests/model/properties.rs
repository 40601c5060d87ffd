//! What must hold in each state, and what must be seen in some.

use crate::protocol::Protocol;
use crate::state::{
    Answer, Content, LONG_AFTER, POSTS, Post, RESERVATION_LIFETIME, Recorded, SESSION_LIFETIME, State, Wrong,
};
use crate::support::trail_rules::{Entry, Observed, broken};
use stateright::{Model, Property};
use vestibule::broker::EventKind;

/// The rules of trails (`tests/support/trail_rules.rs`), which trails of real binaries keep too.
pub const TRAIL: &str = "the trail keeps its rules";
pub const STS_AFTER_START: &str = "STS is asked only after login.started is recorded";
pub const TO_WHO_BEGAN: &str = "credentials go only to who has the verifier of their login";
pub const OF_THE_TICKETS_LOGIN: &str = "a ticket takes the credentials of its own login only";
pub const TO_WHO_OPENED: &str = "only who has the verifier of a choice lists and chooses";
pub const OF_THE_CHOSEN_PART: &str = "a ticket is for the role and the kind that were chosen";
pub const CHOICE_LASTS: &str = "a choice lasts until its time is over";
pub const ITS_REQUEST: &str = "an answer to a request begins a login of that request only";
pub const TRUE_ANSWERS: &str = "an answer is true";
pub const UNDISTURBED: &str = "what waits is displaced by no other login";
pub const ROTATION: &str = "a rotation fails nobody";
pub const ONE_REFUSAL: &str = "the same refusal is recorded once";
pub const NOTHING_WAITS: &str = "nothing waits for ever";
pub const NOTHING_STUCK: &str = "no run stops before its end";

pub fn held() -> Vec<Property<Protocol>> {
    vec![
        always(TRAIL, |protocol, state| broken(&observed(protocol, state)).is_empty()),
        always(STS_AFTER_START, |_, state| state.wrong != Some(Wrong::StsAskedTooEarly)),
        always(TO_WHO_BEGAN, |_, state| state.wrong != Some(Wrong::ToAnother)),
        always(OF_THE_TICKETS_LOGIN, |_, state| state.wrong != Some(Wrong::OfAnotherLogin)),
        always(TO_WHO_OPENED, |_, state| state.wrong != Some(Wrong::ChosenByAnother)),
        always(OF_THE_CHOSEN_PART, |_, state| state.wrong != Some(Wrong::OfAnotherPart)),
        always(CHOICE_LASTS, choices_last),
        always(ITS_REQUEST, |_, state| state.wrong != Some(Wrong::ForAnotherRequest)),
        always(TRUE_ANSWERS, |_, state| state.wrong != Some(Wrong::UntrueAnswer)),
        always(ROTATION, |_, state| state.wrong != Some(Wrong::LostByRotation)),
        always(UNDISTURBED, |_, state| state.wrong != Some(Wrong::Displaced)),
        always(ONE_REFUSAL, |_, state| state.store.refused.iter().flatten().all(|&rows| rows < 2)),
        always(NOTHING_WAITS, |protocol, state| !is_swept(protocol, state) || holds_nothing(state)),
        always(NOTHING_STUCK, |protocol, state| {
            state.wrong.is_some() || state.clock == LONG_AFTER || !actions(protocol, state).is_empty()
        }),
    ]
}

fn always(name: &'static str, condition: fn(&Protocol, &State) -> bool) -> Property<Protocol> {
    Property::always(name, condition)
}

/// Each end of a login and each answer is reached: the model says something about all of them.
pub fn seen() -> Vec<Property<Protocol>> {
    macro_rules! recorded {
        ($($kind:ident),*) => {[$(
            Property::sometimes(concat!("recorded: ", stringify!($kind)), |_, state: &State| {
                (0..POSTS as u8).any(|login| state.store.has_event(login, EventKind::$kind))
            })
        ),*]};
    }
    macro_rules! answered {
        ($($answer:ident),*) => {[$(
            Property::sometimes(concat!("answered: ", stringify!($answer)), |_, state: &State| {
                state.posts.iter().flatten().any(|post| post.was_answered(Answer::$answer))
                    || state.takes.iter().flatten().any(|take| take.was_answered(Answer::$answer))
            })
        ),*]};
    }
    let recorded = recorded![
        ChoiceOpened,
        ChoiceEnded,
        Started,
        Issued,
        Delivered,
        Expired,
        Failed,
        Abandoned,
        Uncertain
    ];
    let answered = answered![
        ChoiceOpened,
        Listed,
        ChoiceGone,
        InProgress,
        TicketForChoice,
        TicketNotForChoice,
        Issued,
        HandedOver,
        Replayed,
        RequestAnswered,
        SessionTaken,
        Saml,
        Store,
        Keys,
        Sts,
        TooSlow,
        Gone,
        Unavailable,
        Uncertain,
        TicketExpired,
        VerifierMismatch,
        ConnectionLost
    ];
    recorded.into_iter().chain(answered).collect()
}

/// What was opened is there while its time is not over.
fn choices_last(protocol: &Protocol, state: &State) -> bool {
    (0..POSTS as u8).filter(|&login| state.store.has_event(login, EventKind::ChoiceOpened)).all(|login| {
        state.posts[usize::from(login)].is_some_and(|post| {
            let held = state.store.sessions[usize::from(post.relay_state.session)];
            let is_there =
                held.is_some_and(|held| held.login == login && matches!(held.content, Content::Choosing(_)));
            is_there || state.clock >= protocol.scene.choice_ends[usize::from(post.assertion)]
        })
    })
}

/// All time is over, and the sweeper has found nothing more to do.
fn is_swept(protocol: &Protocol, state: &State) -> bool {
    state.clock == LONG_AFTER && state.wrong.is_none() && actions(protocol, state).is_empty()
}

fn actions(protocol: &Protocol, state: &State) -> Vec<crate::actions::Action> {
    let mut actions = Vec::new();
    protocol.actions(state, &mut actions);
    actions
}

fn holds_nothing(state: &State) -> bool {
    let store = &state.store;
    store.open.iter().all(Option::is_none)
        && store.sessions.iter().all(Option::is_none)
        && store.used.iter().all(Option::is_none)
        && store.answered.is_none()
}

/// Access keys are named otherwise than logins.
const KEYS: u8 = 10;

/// What an auditor sees of this state.
pub fn observed(protocol: &Protocol, state: &State) -> Observed<u8> {
    let (mut trail, mut ends_of_choices, mut after_them) = (Vec::new(), Vec::new(), Vec::new());
    for (login, history) in (0..).zip(&state.store.trail) {
        let Some(post) = state.posts[usize::from(login)] else { continue };
        let is_late = state.store.after_its_choice[usize::from(login)];
        let entry = |event: &Recorded| entry(protocol, login, &post, event);
        let mut history = history.iter().flatten().peekable();
        let part = if is_late { &mut after_them } else { &mut trail };
        part.extend(
            std::iter::from_fn(|| history.next_if(|event| event.kind != EventKind::ChoiceEnded)).map(entry),
        );
        ends_of_choices.extend(history.map(entry));
    }
    trail.append(&mut ends_of_choices);
    trail.append(&mut after_them);
    let times = |(key, &times): (u8, &u8)| std::iter::repeat_n(KEYS + key, times.into());
    Observed {
        trail,
        handed_over: (0..).zip(&state.handed_over).flat_map(times).collect(),
        given: Some(state.given.iter().filter(|given| **given).count()),
        open: (0..POSTS as u8).filter(|login| state.store.open[usize::from(*login)].is_some()).collect(),
        swept: is_swept(protocol, state),
        reservation: RESERVATION_LIFETIME.into(),
        session: SESSION_LIFETIME.into(),
    }
}

fn entry(protocol: &Protocol, login: u8, post: &Post, event: &Recorded) -> Entry<u8> {
    let is_opening = event.kind == EventKind::ChoiceOpened;
    let assertion = (is_opening || event.kind == EventKind::Started).then_some(post.assertion);
    let ends = protocol.scene.choice_ends[usize::from(post.assertion)];
    Entry {
        login,
        kind: event.kind,
        at: event.at.into(),
        access_key: event.key.map(|key| KEYS + key),
        assertion: assertion.map(|assertion| (0, assertion)),
        request: assertion.filter(|&assertion| protocol.answers_request(assertion)).map(|_| 0),
        choice: assertion.and(post.chosen).map(|chosen| chosen.choice),
        // The order of logins is not known here. What is displaced is a property of its own.
        place: None,
        until: is_opening.then(|| ends.into()),
    }
}
