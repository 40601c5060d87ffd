//! What a state of the model is made of. Names are the code's and those of
//! `docs/PROTOCOL.md`; numbers stand for names: a login is the number of its post.

use crate::dynamodb::Sweeping;
use vestibule::broker::{EventKind, LoginError, RedeemError, SamlRefusal};

/// Posts in one run, to `/saml` or `/saml/choice`. A post opens at most one login, so that its
/// number is the login's, the `jti`'s and the access key's.
pub const POSTS: usize = 4;
/// Calls of `GET /saml` in one run.
pub const TAKES: usize = 2;
pub const ASSERTIONS: usize = 2;
pub const SESSIONS: usize = 2;
pub const SERVERS: usize = 2;
/// The first posts of a run are those that can open a choice.
pub const CHOICES: usize = 2;
/// What can be chosen: a role's credentials, the same role's console, another role's
/// credentials.
pub const PARTS: usize = 3;
/// What a handle of the store can stand for: a session id, or a part of a choice.
pub const PLACES: usize = SESSIONS + CHOICES * PARTS;

/// The clock's ticks. One is the shortest of the lifetimes: a ticket's.
pub type Tick = u8;
/// `ticket_lifetime`.
pub const TICKET_LIFETIME: Tick = 1;
/// `session_lifetime`, and `RESERVATION_LIFETIME`.
pub const SESSION_LIFETIME: Tick = 2;
pub const RESERVATION_LIFETIME: Tick = 2;
/// `CLAIM_GRACE` of the store: a day.
pub const CLAIM_GRACE: Tick = 1;
/// Everything is over, whenever it began.
pub const LONG_AFTER: Tick = 100;
/// Never over.
pub const NEVER: Tick = Tick::MAX;

/// Who holds a verifier of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Party {
    FirstTab,
    SecondTab,
    /// Sees every assertion and every ticket, and no verifier but the own one.
    Attacker,
}

/// `session id ## challenge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RelayState {
    pub session: u8,
    /// Who has its verifier.
    pub challenge: Party,
}

/// What is asked for at `/saml/choice`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chosen {
    /// The login of the ticket.
    pub choice: u8,
    /// None: the list.
    pub part: Option<u8>,
}

/// The stable codes of `LoginError`, `RedeemError` and `TicketError`, and the good ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// 302 with a ticket; of a part 200 with one.
    Issued,
    /// 302 with a choice ticket.
    ChoiceOpened,
    /// 200 with the roles.
    Listed,
    /// 200 with credentials.
    HandedOver,
    // LoginError
    Saml,
    Replayed,
    RequestAnswered,
    SessionTaken,
    Store,
    Keys,
    Sts,
    TooSlow,
    ChoiceGone,
    InProgress,
    // RedeemError, TicketError
    Gone,
    Unavailable,
    Uncertain,
    TicketExpired,
    TicketInvalid,
    VerifierMismatch,
    TicketForChoice,
    TicketNotForChoice,
    /// None: the process died.
    ConnectionLost,
}

impl Answer {
    /// The stable codes that the table has one by one.
    pub fn codes() -> [&'static str; 14] {
        [
            SamlRefusal::UnknownRequest.code(),
            LoginError::Replayed.code(),
            LoginError::RequestAnswered.code(),
            LoginError::SessionTaken.code(),
            LoginError::Store.code(),
            LoginError::Keys.code(),
            LoginError::TooSlow.code(),
            RedeemError::Gone.code(),
            RedeemError::Store.code(),
            RedeemError::Uncertain.code(),
            "choice_gone",
            "choice_in_progress",
            "ticket_for_choice",
            "ticket_not_for_choice",
        ]
    }
}

/// One `POST /saml`, or one part of a request at `/saml/choice`, at one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Post {
    pub by: Party,
    pub server: u8,
    pub assertion: u8,
    pub relay_state: RelayState,
    /// At `/saml/choice`; assertion and RelayState are the choice's then.
    pub chosen: Option<Chosen>,
    pub step: PostStep,
    /// The store was asked at this step, and did not answer.
    pub unanswered: bool,
}

impl Post {
    pub fn has_ended(&self) -> bool {
        matches!(self.step, PostStep::Ended(_))
    }

    pub fn was_answered(&self, answer: Answer) -> bool {
        self.step == PostStep::Ended(answer)
    }
}

/// What comes next; the functions are those of `src/broker/login.rs`, `choice.rs` and `record.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PostStep {
    /// `begin`, at the time that it has read.
    Begin {
        now: Tick,
    },
    /// `open_choice`, signed and sealed.
    OpenChoice {
        now: Tick,
        sealed_by: u8,
        signed_by: u8,
    },
    /// `look` at the choice.
    Look {
        now: Tick,
    },
    /// The sealed response is opened, verified and judged again.
    Judge {
        sealed_by: u8,
    },
    /// `look` at a part that another request holds.
    Wait {
        now: Tick,
    },
    /// Signs a ticket again for a login that waits.
    SignAgain {
        login: u8,
    },
    /// `record_refusal`.
    RecordRefusal(Answer),
    /// `issue`: STS.
    Assume,
    /// `seal`.
    Seal,
    /// `sign`, at the time that `deposit` has read.
    Sign {
        now: Tick,
        sealed_by: u8,
    },
    /// `put`.
    Put {
        now: Tick,
        sealed_by: u8,
        signed_by: u8,
    },
    /// `record_failure`. `holding` is for DynamoDB: the session is to go with it.
    RecordFailure {
        now: Tick,
        answer: Answer,
        holding: bool,
    },
    Ended(Answer),
}

/// One `GET /saml`, at one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Take {
    pub by: Party,
    pub server: u8,
    /// The login of the ticket, and where and what it takes.
    pub login: u8,
    pub place: u8,
    pub jti: u8,
    pub step: TakeStep,
    pub unanswered: bool,
    /// Whether the delete of this call took an item.
    pub deleted: bool,
}

impl Take {
    pub fn has_ended(&self) -> bool {
        matches!(self.step, TakeStep::Ended(_))
    }

    pub fn was_answered(&self, answer: Answer) -> bool {
        self.step == TakeStep::Ended(answer)
    }
}

/// What comes next; the functions are those of `src/broker/redeem.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TakeStep {
    /// `take`, at the time that it has read. The ticket is bound.
    Delete {
        now: Tick,
    },
    /// Only in a mistake: the item was read, and not yet deleted.
    DeleteWhatWasRead(Item),
    /// `open`.
    Open(Item),
    /// `record` of `login.delivered`.
    RecordDelivery {
        now: Tick,
        key: u8,
    },
    /// The answer.
    HandOver {
        key: u8,
    },
    /// `uncertain`.
    RecordUncertain {
        now: Tick,
        holding: bool,
    },
    Ended(Answer),
}

/// What a take returns: whose, and by which key it is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item {
    pub login: u8,
    pub sealed_by: u8,
}

/// A ticket that has left the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub signed_by: u8,
    pub expires: Tick,
    pub challenge: Party,
    /// Of a hand-over ticket: where it takes, and what.
    pub place: u8,
    pub jti: u8,
}

/// One row of the trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Recorded {
    pub kind: EventKind,
    pub at: Tick,
    pub key: Option<u8>,
}

/// What stands at a session id, or at a part's handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Held {
    pub login: u8,
    pub ends_at: Tick,
    pub content: Content,
}

/// Sealed by this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    Reserved,
    Waiting(u8),
    Choosing(u8),
}

/// An open login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Open {
    pub place: u8,
    pub phase: Phase,
    pub ends_at: Tick,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    Started,
    Issued,
    Choosing,
    /// Only in the embedded store.
    Taken,
    /// Only in DynamoDB: its session id has another holder.
    Replaced,
}

/// A write that nobody waits for any more, and that comes yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Write {
    Begin { login: u8, now: Tick, assertion: u8, session: u8 },
    OpenChoice { login: u8, now: Tick, assertion: u8, session: u8, sealed_by: u8, ends_at: Tick },
    BeginPart { login: u8, now: Tick, choice: u8, session: u8, place: u8 },
    Put { login: u8, now: Tick, place: u8, sealed_by: u8 },
    Delete { take: u8, jti: u8, place: u8, now: Tick },
    Record { login: u8, event: Recorded },
    Release { login: u8, event: Recorded, place: u8, holding: bool },
    RecordOnce { assertion: u8, answer: Answer },
}

/// The property that a step has broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    StsAskedTooEarly,
    ToAnother,
    OfAnotherLogin,
    OfAnotherPart,
    ChosenByAnother,
    ForAnotherRequest,
    UntrueAnswer,
    Displaced,
    LostByRotation,
}

/// All of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct State {
    pub clock: Tick,
    /// The key that seals and signs now. Older ones have smaller numbers.
    pub kid: u8,
    /// What may go wrong yet.
    pub faults: u8,
    pub posts: [Option<Post>; POSTS],
    pub takes: [Option<Take>; TAKES],
    /// By login.
    pub tickets: [Option<Ticket>; POSTS],
    /// By login: STS gave credentials.
    pub given: [bool; POSTS],
    /// By access key: how often it left.
    pub handed_over: [u8; POSTS],
    pub store: Store,
    pub late: Option<Write>,
    pub sweeping: Option<Sweeping>,
    /// By server: assertions that it knows to be used (`is_known_replay`).
    pub known: [[bool; ASSERTIONS]; SERVERS],
    pub wrong: Option<Wrong>,
}

/// The store: `src/adapters/local/store/schema.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Store {
    /// `claims` of assertions: by which login.
    pub used: [Option<u8>; ASSERTIONS],
    /// `claims` of the one request.
    pub answered: Option<u8>,
    pub sessions: [Option<Held>; PLACES],
    pub open: [Option<Open>; POSTS],
    /// By login.
    pub trail: [[Option<Recorded>; 4]; POSTS],
    /// By login: it began as a part of a choice that had ended. The trail above has no order of
    /// logins.
    pub after_its_choice: [bool; POSTS],
    /// `login.refused`, by assertion and code: how many rows.
    pub refused: [[u8; 3]; ASSERTIONS],
}
