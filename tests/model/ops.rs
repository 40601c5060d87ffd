//! Random operations for `conformance.rs`.

use crate::state::{Answer, Recorded, SESSIONS, Tick, Write};
use proptest::prelude::*;
use vestibule::broker::EventKind;

/// When all choices end.
const CHOICE_ENDS: Tick = 3;

/// Who is who in a run.
#[derive(Debug, Clone, Copy)]
pub struct Cast {
    /// By login: the session id, or the part.
    pub place_of: [u8; 4],
    pub assertion_of: [u8; 4],
    pub logins: u8,
    /// From this login on they are parts of the first login's choice.
    pub parts_from: u8,
}

/// Two share a session id, two others an assertion.
pub const LOGINS: Cast =
    Cast { place_of: [0, 0, 1, 0], assertion_of: [0, 1, 0, 0], logins: 3, parts_from: 4 };
/// Two share a session id, and can open a choice; two are the same part of the first's.
pub const CHOICES: Cast =
    Cast { place_of: [0, 0, PART, PART], assertion_of: [0, 1, 0, 0], logins: 4, parts_from: 2 };
const PART: u8 = SESSIONS as u8;

#[derive(Debug, Clone, Copy)]
pub enum Op {
    Write(Write),
    Look { place: u8, now: Tick },
    Sweep(Tick),
}

/// One operation, perhaps with a time that is old by now.
fn op(cast: Cast, now: Tick) -> impl Strategy<Value = Op> {
    let opens = u32::from(cast.parts_from < cast.logins);
    let what = prop_oneof![
        4 => Just(EventKind::Started),
        4 * opens + 1 => Just(EventKind::ChoiceOpened),
        4 => Just(EventKind::Issued),
        // A take.
        2 => Just(EventKind::KeysChanged),
        // A look.
        1 => Just(EventKind::ChoiceEnded),
        1 => Just(EventKind::Delivered),
        1 => Just(EventKind::Failed),
        1 => Just(EventKind::Uncertain),
        1 => Just(EventKind::Refused),
        1 => Just(EventKind::Expired),
    ];
    let age = prop_oneof![4 => Just(0), 1 => Just(1), 1 => Just(2)];
    (what, 0..cast.logins, age).prop_map(move |(what, login, age)| {
        let at = now.saturating_sub(age);
        let (place, assertion) = (cast.place_of[usize::from(login)], cast.assertion_of[usize::from(login)]);
        let event = |key| Recorded { kind: what, at, key };
        let release = |key| Write::Release { login, event: event(key), place, holding: true };
        let is_part = login >= cast.parts_from;
        Op::Write(match what {
            EventKind::Started | EventKind::ChoiceOpened if is_part => {
                Write::BeginPart { login, now: at, choice: 0, session: cast.place_of[0], place }
            }
            // A login's id is of one kind of login only.
            EventKind::Started | EventKind::ChoiceOpened if opens > 0 && login == 0 => Write::OpenChoice {
                login,
                now: at,
                assertion,
                session: place,
                sealed_by: 0,
                ends_at: CHOICE_ENDS,
            },
            EventKind::Started | EventKind::ChoiceOpened => {
                Write::Begin { login, now: at, assertion, session: place }
            }
            EventKind::Issued => Write::Put { login, now: at, place, sealed_by: 0 },
            // Nobody ends what may be a choice.
            EventKind::Delivered | EventKind::Failed | EventKind::Uncertain if opens > 0 && !is_part => {
                return Op::Look { place, now: at };
            }
            EventKind::Delivered => Write::Record { login, event: event(Some(login)) },
            EventKind::Failed => release(Some(login)),
            EventKind::Uncertain => release(None),
            EventKind::Refused => Write::RecordOnce { assertion, answer: Answer::Replayed },
            EventKind::Expired | EventKind::Abandoned => return Op::Sweep(at),
            EventKind::ChoiceEnded => return Op::Look { place, now: at },
            EventKind::RefusalsSummed | EventKind::KeysChanged => {
                Write::Delete { take: 0, jti: login, place, now: at }
            }
        })
    })
}

/// Operations while time goes on, and whether the assertions answer the one request.
pub fn ops(cast: Cast) -> impl Strategy<Value = (Vec<Op>, bool)> {
    // Few orders get this far by chance: a place whose holder waited and was late.
    let [first, second] = if cast.parts_from < cast.logins { [2, 3] } else { [0, 1] };
    let (place, assertion_of) = (cast.place_of[first], |login: usize| cast.assertion_of[login]);
    let begin = |login: usize, now| {
        let (assertion, choice, session) = (assertion_of(login), 0, cast.place_of[0]);
        let number = login as u8;
        if number < cast.parts_from {
            Write::Begin { login: number, now, assertion, session: place }
        } else {
            Write::BeginPart { login: number, now, choice, session, place }
        }
    };
    let opened = Write::OpenChoice {
        login: 0,
        now: 0,
        assertion: 0,
        session: cast.place_of[0],
        sealed_by: 0,
        ends_at: CHOICE_ENDS,
    };
    let put = Write::Put { login: first as u8, now: 0, place, sealed_by: 0 };
    let waits = [begin(first, 0), put, begin(second, 2)];
    let opens = (cast.parts_from < cast.logins).then_some(opened);
    let waits: Vec<_> = opens.into_iter().chain(waits).map(Op::Write).collect();
    let first = prop_oneof![3 => Just((Vec::new(), 0)), 1 => Just((waits, 2))];
    let steps = proptest::collection::vec(0_u8..8, 1..60);
    let ops = (first, steps).prop_flat_map(move |((first, mut now), steps)| {
        let at_each: Vec<_> = steps
            .into_iter()
            .map(|step| {
                // One in four comes a tick later.
                now += u8::from(step < 2);
                op(cast, now)
            })
            .collect();
        (Just(first), at_each).prop_map(|(first, then)| [first, then].concat())
    });
    (ops, prop::bool::weighted(0.2))
}
