//! What must hold in each state, and what must be seen in some.

use crate::protocol::Protocol;
use crate::state::{Answer, LONG_AFTER, POSTS, RESERVATION_LIFETIME, SESSION_LIFETIME, State, Wrong};
use crate::support::trail_rules::{Entry, Observed, broken};
use stateright::{Model, Property};
use vestibule::broker::EventKind;

/// The rules of trails (`tests/support/trail_rules.rs`), which trails of real binaries keep too.
pub const TRAIL: &str = "the trail keeps its rules";
pub const STS_AFTER_START: &str = "STS is asked only after login.started is recorded";
pub const TO_WHO_BEGAN: &str = "credentials go only to who has the verifier of their login";
pub const OF_THE_TICKETS_LOGIN: &str = "a ticket takes the credentials of its own login only";
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
    let recorded = recorded![Started, Issued, Delivered, Expired, Failed, Abandoned, Uncertain];
    let answered = answered![
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

/// What an auditor sees of this state.
pub fn observed(protocol: &Protocol, state: &State) -> Observed<u8> {
    const KEYS: u8 = 10;
    let mut trail = Vec::new();
    for (login, history) in (0..).zip(&state.store.trail) {
        let assertion = state.posts[usize::from(login)].map(|post| post.assertion);
        trail.extend(history.iter().flatten().map(|event| {
            let assertion = assertion.filter(|_| event.kind == EventKind::Started);
            Entry {
                login,
                kind: event.kind,
                at: event.at.into(),
                access_key: event.key.map(|key| KEYS + key),
                assertion: assertion.map(|assertion| (0, assertion)),
                request: assertion.filter(|&assertion| protocol.answers_request(assertion)).map(|_| 0),
            }
        }));
    }
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
