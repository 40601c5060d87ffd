//! Who does what in a run: bounds that make the model finite.

use crate::state::{ASSERTIONS, POSTS, Party, RelayState, Tick};

const FIRST: RelayState = RelayState { session: 0, challenge: Party::FirstTab };
/// The session id of the first tab, and a verifier of its own.
const SECOND: RelayState = RelayState { session: 0, challenge: Party::SecondTab };
const ATTACKER: RelayState = RelayState { session: 1, challenge: Party::Attacker };
/// The first tab's session id, which is no secret.
const INTRUDER: RelayState = RelayState { session: 0, challenge: Party::Attacker };

/// What may happen at most.
#[derive(Debug, Clone)]
pub struct Scene {
    pub posts: [Plan; POSTS],
    /// By assertion: whether it answers our one request.
    pub answering: [bool; ASSERTIONS],
    /// For whom that request was made.
    pub request_of: RelayState,
    /// By assertion: whether it offers several roles that can be had.
    pub several: [bool; ASSERTIONS],
    /// By assertion: when the choice ends that it opens.
    pub choice_ends: [Tick; ASSERTIONS],
    /// `NotOnOrAfter` of all assertions.
    pub not_on_or_after: Tick,
    /// Whether tickets are shown where they are not for, too.
    pub confuses: bool,
    /// Whether a post comes only when none is under way.
    pub one_at_a_time: bool,
    /// How many calls of `GET /saml`, and by whom; these choose, too.
    pub takes: usize,
    pub takers: &'static [Party],
    pub faults: u8,
    pub rotates: bool,
    /// The store is DynamoDB; else the embedded one.
    pub is_dynamodb: bool,
}

/// One post: by whom, and what there is to choose from.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub by: Party,
    pub assertions: &'static [u8],
    pub relay_states: &'static [RelayState],
    pub servers: &'static [u8],
    /// Or one request at `/saml/choice`, at the first of the servers: for one of these parts, or
    /// for the list.
    pub chooses: &'static [Option<u8>],
}

/// The first tab's sign-in; its assertion answers our request.
const OWN: Plan = Plan { by: Party::FirstTab, assertions: &[0], relay_states: &[FIRST], ..NONE };
/// Another assertion, at another server, for the same session id.
const OTHER: Plan =
    Plan { by: Party::SecondTab, assertions: &[1], relay_states: &[SECOND], servers: &[1], ..NONE };
/// The first tab's message again, at any server.
const REPLAY: Plan = Plan { assertions: &[0], relay_states: &[FIRST], servers: &[0, 1], ..NONE };
/// Either assertion, for either RelayState.
const ATTACK: Plan = Plan { assertions: &[0, 1], relay_states: &[FIRST, ATTACKER], servers: &[1], ..NONE };
/// The attacker's own assertion, for the first tab's session id.
const INTRUSION: Plan = Plan { assertions: &[1], relay_states: &[INTRUDER], servers: &[1], ..NONE };
const NONE: Plan =
    Plan { by: Party::Attacker, assertions: &[], relay_states: &[], servers: &[0], chooses: &[] };

/// Of a part, at one server or the other.
const CHOOSES: Plan = Plan { chooses: &[Some(0)], ..NONE };
const CHOOSES_AGAIN: Plan = Plan { servers: &[1], ..CHOOSES };
const CHOOSES_ANY: Plan = Plan { servers: &[1], chooses: &[None, Some(1), Some(2)], ..NONE };

const FIRST_TAB: &[Party] = &[Party::FirstTab];
const TABS: &[Party] = &[Party::FirstTab, Party::SecondTab];
const THIEF: &[Party] = &[Party::FirstTab, Party::Attacker];
const ALL: &[Party] = &[Party::FirstTab, Party::SecondTab, Party::Attacker];

impl Scene {
    fn of(posts: [Plan; POSTS], takers: &'static [Party], faults: u8) -> Self {
        let answering = [true, false];
        Self {
            posts,
            answering,
            request_of: FIRST,
            several: [false, false],
            choice_ends: [2, 2],
            not_on_or_after: 2,
            confuses: false,
            one_at_a_time: false,
            takes: 2,
            takers,
            faults,
            rotates: false,
            is_dynamodb: false,
        }
    }

    /// One login and its hand-over, with so many faults.
    pub fn one_login(faults: u8) -> Self {
        Self::of([OWN, NONE, NONE, NONE], TABS, faults)
    }

    /// The same while the keys are rotated.
    pub fn rotation(faults: u8) -> Self {
        Self { rotates: true, ..Self::one_login(faults) }
    }

    /// One assertion twice, at one server or at two. It answers no request, which else would
    /// protect it, too.
    pub fn replay(faults: u8) -> Self {
        Self { answering: [false, false], ..Self::of([OWN, REPLAY, NONE, NONE], TABS, faults) }
    }

    /// Two tabs with one session id, at two servers.
    pub fn two_tabs(faults: u8) -> Self {
        Self::of([OWN, OTHER, NONE, NONE], TABS, faults)
    }

    /// Two tabs and a replay.
    pub fn two_tabs_and_a_replay() -> Self {
        Self::of([OWN, OTHER, REPLAY, NONE], TABS, 0).with_one_take()
    }

    /// Somebody who has all assertions and all tickets.
    pub fn attack() -> Self {
        Self::of([OWN, ATTACK, NONE, NONE], ALL, 0)
    }

    /// Both assertions answer the one request.
    pub fn two_answers() -> Self {
        Self { answering: [true, true], ..Self::of([OWN, ATTACK, NONE, NONE], ALL, 0) }
    }

    fn choice(posts: [Plan; POSTS], takers: &'static [Party], faults: u8) -> Self {
        Self { several: [true, false], ..Self::of(posts, takers, faults) }
    }

    /// A choice, and one part of it.
    pub fn one_part(faults: u8) -> Self {
        Self::choice([OWN, CHOOSES, NONE, NONE], FIRST_TAB, faults)
    }

    /// The same while the keys are rotated.
    pub fn part_and_rotation(faults: u8) -> Self {
        Self { rotates: true, ..Self::one_part(faults) }
    }

    /// One part twice, at two servers: at once, after its ticket's end, after its take.
    pub fn part_repeated(faults: u8) -> Self {
        Self::choice([OWN, CHOOSES, CHOOSES_AGAIN, NONE], FIRST_TAB, faults)
    }

    /// The same, and a third time; the choice is longer than a session.
    pub fn part_repeated_for_long() -> Self {
        let posts = [OWN, CHOOSES, CHOOSES_AGAIN, CHOOSES];
        let (choice_ends, not_on_or_after) = ([3, 3], 3);
        Self { choice_ends, not_on_or_after, ..Self::choice(posts, FIRST_TAB, 0) }
    }

    /// Two parts, or the list, at two servers.
    pub fn two_parts(faults: u8) -> Self {
        Self::choice([OWN, CHOOSES, CHOOSES_ANY, NONE], FIRST_TAB, faults)
    }

    /// The assertion that opened a choice, again; it answers no request.
    pub fn choice_replayed(faults: u8) -> Self {
        let posts = [OWN, REPLAY, CHOOSES, NONE];
        Self { answering: [false, false], ..Self::choice(posts, FIRST_TAB, faults).with_one_take() }
    }

    /// Two tabs with one session id, the first with a choice.
    pub fn choice_and_another_tab(faults: u8) -> Self {
        Self::choice([OWN, OTHER, CHOOSES, NONE], TABS, faults).with_one_take()
    }

    /// Both assertions answer the one request, and one of them opens a choice.
    pub fn choice_and_another_answer() -> Self {
        let answering = [true, true];
        Self { answering, ..Self::choice([OWN, ATTACK, CHOOSES, NONE], FIRST_TAB, 0).with_one_take() }
    }

    /// Somebody who has all tickets, and shows each everywhere.
    pub fn choice_attacked() -> Self {
        Self { confuses: true, ..Self::choice([OWN, CHOOSES, CHOOSES_ANY, NONE], THIEF, 0) }
    }

    /// A choice that follows another under one session id, by somebody else.
    pub fn choice_after_a_choice() -> Self {
        let posts = [OWN, INTRUSION, CHOOSES, CHOOSES_AGAIN];
        let (several, choice_ends) = ([true, true], [1, 2]);
        Self { several, choice_ends, ..Self::choice(posts, THIEF, 0) }.with_one_take()
    }

    pub fn one_at_a_time(self) -> Self {
        Self { one_at_a_time: true, ..self }
    }

    pub fn with_one_take(self) -> Self {
        Self { takes: 1, ..self }
    }

    /// The same on DynamoDB.
    pub fn on_dynamodb(self) -> Self {
        Self { is_dynamodb: true, ..self }
    }
}
