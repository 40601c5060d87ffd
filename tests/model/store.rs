//! The store's transactions: `src/adapters/local/store/statements.rs`, statement by
//! statement. Each is one step of the model, since each is one transaction.

use crate::mistakes::Mistake;
use crate::state::{
    Answer, CLAIM_GRACE, Held, Item, NEVER, NOT_ON_OR_AFTER, Open, Phase, RESERVATION_LIFETIME, Recorded,
    SESSION_LIFETIME, Store, Tick, Write,
};
use vestibule::broker::EventKind;

/// What a transaction depends on beside the write.
#[derive(Debug, Clone, Copy)]
pub struct Ways {
    pub is_dynamodb: bool,
    /// Whether the assertion of a `begin` answers our request.
    pub answers_request: bool,
    pub mistake: Option<Mistake>,
}

/// What a write says to whom waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    Done,
    /// `BeginError`, `PutError`.
    Refused(Answer),
    /// `Ok(None)` of a take; `false` of a record.
    Nothing,
    Taken(Item),
    /// Only of DynamoDB: an end wants a second transaction.
    HoldsNothing,
}

impl Store {
    /// Runs a transaction.
    pub fn apply(&mut self, write: Write, ways: Ways) -> Reply {
        let mistake = ways.mistake;
        match write {
            Write::Begin { login, now, assertion, session } => {
                self.begin(login, now, assertion, session, ways)
            }
            Write::Put { login, now, session, sealed_by } => self.put(login, now, session, sealed_by, ways),
            Write::Delete { jti, session, now, .. } => self.take(jti, session, now, ways),
            Write::Record { login, event } if ways.is_dynamodb => self.close_any(login, event, None),
            Write::Release { login, event, session, holding } if ways.is_dynamodb => {
                self.close_any(login, event, holding.then_some(session))
            }
            Write::Record { login, event } => self.record(login, event, mistake),
            Write::Release { login, event, .. } => self.release(login, event, mistake),
            Write::RecordOnce { assertion, answer } => self.record_once(assertion, answer, mistake),
        }
    }

    /// `statements::begin`: its checks in their order, then its writes.
    fn begin(&mut self, login: u8, now: Tick, assertion: u8, session: u8, ways: Ways) -> Reply {
        let (answers_request, is) = (ways.answers_request, |one| ways.mistake == Some(one));
        if self.has_event(login, EventKind::Started) && !is(Mistake::BeginDoesNotKnowItself) {
            return Reply::Done;
        }
        let (assertion, session) = (usize::from(assertion), usize::from(session));
        if self.used[assertion].is_some() && !is(Mistake::BeginTakesAUsedAssertion) {
            return Reply::Refused(Answer::Replayed);
        }
        if answers_request && self.answered.is_some() && !is(Mistake::BeginTakesAnAnsweredRequest) {
            return Reply::Refused(Answer::RequestAnswered);
        }
        let is_taken = self.sessions[session].is_some_and(|held| held.ends_at > now);
        if is_taken && !is(Mistake::BeginTakesAWaitingSession) {
            return Reply::Refused(Answer::SessionTaken);
        }
        let ends_at = if is(Mistake::ReservationNeverEnds) { NEVER } else { now + RESERVATION_LIFETIME };
        if ways.is_dynamodb {
            self.replace(session as u8);
        }
        self.used[assertion] = Some(login);
        if answers_request {
            self.answered = Some(login);
        }
        self.open[usize::from(login)] = Some(Open { session: session as u8, phase: Phase::Started, ends_at });
        self.sessions[session] = Some(Held { login, ends_at, sealed_by: None });
        self.append(login, Recorded { kind: EventKind::Started, at: now, key: None });
        Reply::Done
    }

    /// `statements::put`.
    fn put(&mut self, login: u8, now: Tick, session: u8, sealed_by: u8, ways: Ways) -> Reply {
        let is = |one| ways.mistake == Some(one);
        if self.has_event(login, EventKind::Issued) && !is(Mistake::PutDoesNotKnowItself) {
            return Reply::Done;
        }
        // DynamoDB's own condition. Here the reservation goes with it.
        let is_started = self.open[usize::from(login)].is_some_and(|open| open.phase == Phase::Started);
        let held = &mut self.sessions[usize::from(session)];
        let is_reserved =
            held.is_some_and(|held| held.login == login && held.sealed_by.is_none() && held.ends_at > now);
        if !(is_reserved && (is_started || !ways.is_dynamodb)) && !is(Mistake::PutAfterTheReservation) {
            return Reply::Refused(Answer::TooSlow);
        }
        let ends_at = now + SESSION_LIFETIME;
        *held = Some(Held { login, ends_at, sealed_by: Some(sealed_by) });
        if let Some(open) = &mut self.open[usize::from(login)] {
            *open = Open { phase: Phase::Issued, ends_at, ..*open };
        }
        self.append(login, Recorded { kind: EventKind::Issued, at: now, key: Some(login) });
        Reply::Done
    }

    /// `statements::take`.
    fn take(&mut self, jti: u8, session: u8, now: Tick, ways: Ways) -> Reply {
        let Some(item) = self.waiting(jti, session, now, ways.mistake) else { return Reply::Nothing };
        if ways.is_dynamodb {
            self.sessions[usize::from(session)] = None;
        } else {
            self.delete(item.login, session);
        }
        Reply::Taken(item)
    }

    /// What a take would take.
    pub fn waiting(&self, jti: u8, session: u8, now: Tick, mistake: Option<Mistake>) -> Option<Item> {
        let held = self.sessions[usize::from(session)]?;
        let sealed_by = held.sealed_by?;
        let is_its = held.login == jti || mistake == Some(Mistake::TakeWithoutJti);
        (is_its && held.ends_at > now).then_some(Item { login: held.login, sealed_by })
    }

    /// The two statements of `statements::take`, without their condition.
    pub fn delete(&mut self, login: u8, session: u8) {
        self.sessions[usize::from(session)] = None;
        if let Some(open) = &mut self.open[usize::from(login)] {
            open.phase = Phase::Taken;
        }
    }

    /// `statements::record`; `Nothing` is its `false`.
    fn record(&mut self, login: u8, event: Recorded, mistake: Option<Mistake>) -> Reply {
        if event.kind.is_final() {
            self.close_open(login);
        }
        if self.has_event(login, event.kind) && mistake != Some(Mistake::SecondEnd) {
            return Reply::Done;
        }
        if event.kind.is_final() && self.has_ended(login) && mistake != Some(Mistake::SecondEnd) {
            return Reply::Nothing;
        }
        self.append(login, event);
        Reply::Done
    }

    /// `SessionStore::release`.
    fn release(&mut self, login: u8, event: Recorded, mistake: Option<Mistake>) -> Reply {
        if mistake == Some(Mistake::ReleaseWithoutAnEvent) {
            self.close_open(login);
            return Reply::Done;
        }
        let held = self.sessions;
        let reply = self.record(login, event, mistake);
        if mistake == Some(Mistake::ReleaseLeavesTheSession) {
            self.sessions = held;
        }
        reply
    }

    /// `statements::record_once`.
    fn record_once(&mut self, assertion: u8, answer: Answer, mistake: Option<Mistake>) -> Reply {
        // What `begin` can refuse and record.
        let codes = [Answer::Replayed, Answer::RequestAnswered, Answer::SessionTaken];
        let row = codes.iter().position(|code| *code == answer).expect("a refusal by `begin`");
        let rows = &mut self.refused[usize::from(assertion)][row];
        if *rows > 0 && mistake != Some(Mistake::RefusalRecordedAgain) {
            return Reply::Nothing;
        }
        *rows = (*rows + 1).min(2);
        Reply::Done
    }

    /// Whether the sweeper would end this login.
    pub fn is_due(&self, login: u8, now: Tick, mistake: Option<Mistake>) -> bool {
        self.open[usize::from(login)].is_some_and(|open| match mistake {
            Some(Mistake::SweepTooEarly) => open.ends_at <= now + 1,
            Some(Mistake::SweepForgetsSessions) => open.ends_at <= now && open.phase == Phase::Started,
            _ => open.ends_at <= now,
        })
    }

    /// `statements::sweep`, one login of its batch: what follows between two of a batch
    /// could follow between two batches.
    pub fn sweep(&mut self, login: u8, now: Tick, mistake: Option<Mistake>) {
        let Some(open) = self.open[usize::from(login)] else { return };
        if mistake == Some(Mistake::SweepWithoutAnEvent) {
            return self.close_open(login);
        }
        let kind = match open.phase {
            Phase::Started => EventKind::Abandoned,
            Phase::Issued => EventKind::Expired,
            Phase::Taken => EventKind::Uncertain,
            Phase::Replaced => return,
        };
        self.record(login, Recorded { kind, at: now, key: None }, mistake);
    }

    /// Whether the sweeper would forget the claims of this assertion.
    pub fn may_forget(&self, assertion: u8, now: Tick, mistake: Option<Mistake>) -> bool {
        let end = match mistake {
            Some(Mistake::ClaimForgottenTooEarly) => NOT_ON_OR_AFTER - 1,
            _ => NOT_ON_OR_AFTER + CLAIM_GRACE,
        };
        self.used[usize::from(assertion)].is_some() && now >= end
    }

    /// The last statement of `statements::sweep`.
    pub fn forget(&mut self, assertion: u8) {
        let login = self.used[usize::from(assertion)].take();
        if self.answered == login {
            self.answered = None;
        }
    }

    /// The row of `open_logins`, and with it that of `sessions` (ON DELETE CASCADE).
    fn close_open(&mut self, login: u8) {
        self.open[usize::from(login)] = None;
        for held in &mut self.sessions {
            if held.is_some_and(|held| held.login == login) {
                *held = None;
            }
        }
    }

    pub fn has_event(&self, login: u8, kind: EventKind) -> bool {
        self.trail[usize::from(login)].iter().flatten().any(|event| event.kind == kind)
    }

    fn has_ended(&self, login: u8) -> bool {
        self.end_of(login).is_some()
    }

    pub fn end_of(&self, login: u8) -> Option<EventKind> {
        self.trail[usize::from(login)].iter().flatten().map(|event| event.kind).find(|kind| kind.is_final())
    }

    /// An end that names no key has that of the event before. The model's trail has room for
    /// one event more than any login has.
    pub fn append(&mut self, login: u8, event: Recorded) {
        let history = &mut self.trail[usize::from(login)];
        let last_known = history.iter().flatten().last().filter(|_| event.kind.is_final());
        let last_known = last_known.and_then(|last| last.key);
        if let Some(free) = history.iter_mut().find(|place| place.is_none()) {
            *free = Some(Recorded { key: event.key.or(last_known), ..event });
        }
    }
}
