//! Who does what in a run: bounds that make the model finite.

use crate::state::{ASSERTIONS, POSTS, Party, RelayState};

const FIRST: RelayState = RelayState { session: 0, challenge: Party::FirstTab };
/// The session id of the first tab, and a verifier of its own.
const SECOND: RelayState = RelayState { session: 0, challenge: Party::SecondTab };
const ATTACKER: RelayState = RelayState { session: 1, challenge: Party::Attacker };

/// What may happen at most.
#[derive(Debug, Clone)]
pub struct Scene {
    pub posts: [Plan; POSTS],
    /// By assertion: whether it answers our one request.
    pub answering: [bool; ASSERTIONS],
    /// For whom that request was made.
    pub request_of: RelayState,
    /// How many calls of `GET /saml`, and by whom.
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
}

/// The first tab's sign-in; its assertion answers our request.
const OWN: Plan = Plan { by: Party::FirstTab, assertions: &[0], relay_states: &[FIRST], servers: &[0] };
/// Another assertion, at another server, for the same session id.
const OTHER: Plan = Plan { by: Party::SecondTab, assertions: &[1], relay_states: &[SECOND], servers: &[1] };
/// The first tab's message again, at any server.
const REPLAY: Plan = Plan { by: Party::Attacker, assertions: &[0], relay_states: &[FIRST], servers: &[0, 1] };
/// Either assertion, for either RelayState.
const ATTACK: Plan =
    Plan { by: Party::Attacker, assertions: &[0, 1], relay_states: &[FIRST, ATTACKER], servers: &[1] };
const NONE: Plan = Plan { by: Party::Attacker, assertions: &[], relay_states: &[], servers: &[] };

const TABS: &[Party] = &[Party::FirstTab, Party::SecondTab];
const ALL: &[Party] = &[Party::FirstTab, Party::SecondTab, Party::Attacker];

impl Scene {
    fn of(posts: [Plan; POSTS], takers: &'static [Party], faults: u8) -> Self {
        let answering = [true, false];
        Self {
            posts,
            answering,
            request_of: FIRST,
            takes: 2,
            takers,
            faults,
            rotates: false,
            is_dynamodb: false,
        }
    }

    /// One login and its hand-over, with so many faults.
    pub fn one_login(faults: u8) -> Self {
        Self::of([OWN, NONE, NONE], TABS, faults)
    }

    /// The same while the keys are rotated.
    pub fn rotation(faults: u8) -> Self {
        Self { rotates: true, ..Self::one_login(faults) }
    }

    /// One assertion twice, at one server or at two. It answers no request, which else would
    /// protect it, too.
    pub fn replay(faults: u8) -> Self {
        Self { answering: [false, false], ..Self::of([OWN, REPLAY, NONE], TABS, faults) }
    }

    /// Two tabs with one session id, at two servers.
    pub fn two_tabs(faults: u8) -> Self {
        Self::of([OWN, OTHER, NONE], TABS, faults)
    }

    /// Two tabs and a replay.
    pub fn two_tabs_and_a_replay() -> Self {
        Self::of([OWN, OTHER, REPLAY], TABS, 0).with_one_take()
    }

    /// Somebody who has all assertions and all tickets.
    pub fn attack() -> Self {
        Self::of([OWN, ATTACK, NONE], ALL, 0)
    }

    /// Both assertions answer the one request.
    pub fn two_answers() -> Self {
        Self { answering: [true, true], ..Self::of([OWN, ATTACK, NONE], ALL, 0) }
    }

    pub fn with_one_take(self) -> Self {
        Self { takes: 1, ..self }
    }

    /// The same on DynamoDB.
    pub fn on_dynamodb(self) -> Self {
        Self { is_dynamodb: true, ..self }
    }
}
