//! The store's transactions: `src/adapters/local/store/statements.rs`, statement by
//! statement. Each is one step of the model, since each is one transaction.

use crate::mistakes::Mistake;
use crate::state::{
    Answer, CLAIM_GRACE, Content, Held, Item, NEVER, Open, PARTS, Phase, RESERVATION_LIFETIME, Recorded,
    SESSION_LIFETIME, SESSIONS, Store, Tick, Write,
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
    /// `OpenError`, `BeginError`, `PutError`.
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
            Write::OpenChoice { login, now, assertion, session, sealed_by, ends_at } => {
                let held = Held { login, ends_at, content: Content::Choosing(sealed_by) };
                self.open_choice(held, now, assertion, session, ways)
            }
            Write::BeginPart { login, now, choice, session, place } => {
                self.begin_part(login, now, choice, [session, place], ways)
            }
            Write::Put { login, now, place, sealed_by } => self.put(login, now, place, sealed_by, ways),
            Write::Delete { jti, place, now, .. } => self.take(jti, place, now, ways),
            Write::Record { login, event } if ways.is_dynamodb => self.close_any(login, event, None),
            Write::Release { login, event, place, holding } if ways.is_dynamodb => {
                self.close_any(login, event, holding.then_some(place))
            }
            Write::Record { login, event } => self.record(login, event, mistake),
            Write::Release { login, event, place, .. } => self.release(login, event, place, mistake),
            Write::RecordOnce { assertion, answer } => self.record_once(assertion, answer, mistake),
        }
    }

    /// `statements::begin`: its checks in their order, then its writes.
    fn begin(&mut self, login: u8, now: Tick, assertion: u8, session: u8, ways: Ways) -> Reply {
        if self.has_event(login, EventKind::Started) && ways.mistake != Some(Mistake::BeginDoesNotKnowItself)
        {
            return Reply::Done;
        }
        if let Some(refusal) = self.use_up(login, now, assertion, session, ways) {
            return Reply::Refused(refusal);
        }
        self.reserve(login, now, session, ways);
        Reply::Done
    }

    /// `statements::open_choice`: the same checks, and other writes.
    fn open_choice(&mut self, held: Held, now: Tick, assertion: u8, session: u8, ways: Ways) -> Reply {
        let Held { login, ends_at, .. } = held;
        if self.has_event(login, EventKind::ChoiceOpened)
            && ways.mistake != Some(Mistake::OpenDoesNotKnowItself)
        {
            return Reply::Done;
        }
        if let Some(refusal) = self.use_up(login, now, assertion, session, ways) {
            return Reply::Refused(refusal);
        }
        if ways.mistake == Some(Mistake::OpenDoesNotUseTheAssertion) {
            self.used[usize::from(assertion)] = None;
        }
        if ways.is_dynamodb {
            self.replace(session);
        }
        self.open[usize::from(login)] = Some(Open { place: session, phase: Phase::Choosing, ends_at });
        self.sessions[usize::from(session)] = Some(held);
        self.append(login, Recorded { kind: EventKind::ChoiceOpened, at: now, key: None });
        Reply::Done
    }

    /// `statements::begin` of a part: its choice is its condition.
    fn begin_part(&mut self, login: u8, now: Tick, choice: u8, places: [u8; 2], ways: Ways) -> Reply {
        let is = |one| ways.mistake == Some(one);
        if self.has_event(login, EventKind::Started) {
            return Reply::Done;
        }
        let [session, place] = places;
        let is_its = |held: Held| {
            matches!(held.content, Content::Choosing(_))
                && (held.login == choice || is(Mistake::PartOfAnotherChoice))
                && (held.ends_at > now || is(Mistake::PartOfAChoiceThatIsOver))
        };
        if !self.sessions[usize::from(session)].is_some_and(is_its) && !is(Mistake::PartWithoutItsChoice) {
            return Reply::Refused(Answer::ChoiceGone);
        }
        let is_taken = self.sessions[usize::from(place)].is_some_and(|held| held.ends_at > now);
        if is_taken && !is(Mistake::PartDisplacesWhatWaits) {
            return Reply::Refused(Answer::SessionTaken);
        }
        self.after_its_choice[usize::from(login)] = self.has_ended(choice);
        if is(Mistake::PartEndsTheChoice) {
            self.sessions[usize::from(session)] = None;
        }
        self.reserve(login, now, place, ways);
        Reply::Done
    }

    /// What `begin` and `open_choice` refuse, in its order; else what they use up.
    fn use_up(&mut self, login: u8, now: Tick, assertion: u8, session: u8, ways: Ways) -> Option<Answer> {
        let (answers_request, is) = (ways.answers_request, |one| ways.mistake == Some(one));
        let (assertion, place) = (usize::from(assertion), usize::from(session));
        if self.used[assertion].is_some() && !is(Mistake::BeginTakesAUsedAssertion) {
            return Some(Answer::Replayed);
        }
        if answers_request && self.answered.is_some() && !is(Mistake::BeginTakesAnAnsweredRequest) {
            return Some(Answer::RequestAnswered);
        }
        let is_taken = self.sessions[place].is_some_and(|held| held.ends_at > now);
        if is_taken && !is(Mistake::BeginTakesAWaitingSession) {
            return Some(Answer::SessionTaken);
        }
        self.used[assertion] = Some(login);
        if answers_request {
            self.answered = Some(login);
        }
        None
    }

    /// The reservation, and the open login with its start.
    fn reserve(&mut self, login: u8, now: Tick, place: u8, ways: Ways) {
        let never = ways.mistake == Some(Mistake::ReservationNeverEnds);
        let ends_at = if never { NEVER } else { now + RESERVATION_LIFETIME };
        if ways.is_dynamodb {
            self.replace(place);
        }
        self.open[usize::from(login)] = Some(Open { place, phase: Phase::Started, ends_at });
        self.sessions[usize::from(place)] = Some(Held { login, ends_at, content: Content::Reserved });
        self.append(login, Recorded { kind: EventKind::Started, at: now, key: None });
    }

    /// `statements::put`.
    fn put(&mut self, login: u8, now: Tick, place: u8, sealed_by: u8, ways: Ways) -> Reply {
        let is = |one| ways.mistake == Some(one);
        if self.has_event(login, EventKind::Issued) && !is(Mistake::PutDoesNotKnowItself) {
            return Reply::Done;
        }
        // DynamoDB's own condition. Here the reservation goes with it.
        let is_started = self.open[usize::from(login)].is_some_and(|open| open.phase == Phase::Started);
        let held = &mut self.sessions[usize::from(place)];
        let is_its = |held: Held| held.login == login && held.content == Content::Reserved;
        let is_reserved = held.is_some_and(|held| is_its(held) && held.ends_at > now);
        if !(is_reserved && (is_started || !ways.is_dynamodb)) && !is(Mistake::PutAfterTheReservation) {
            return Reply::Refused(Answer::TooSlow);
        }
        let ends_at = now + SESSION_LIFETIME;
        *held = Some(Held { login, ends_at, content: Content::Waiting(sealed_by) });
        if let Some(open) = &mut self.open[usize::from(login)] {
            *open = Open { phase: Phase::Issued, ends_at, ..*open };
        }
        self.append(login, Recorded { kind: EventKind::Issued, at: now, key: Some(login) });
        Reply::Done
    }

    /// `statements::take`.
    fn take(&mut self, jti: u8, place: u8, now: Tick, ways: Ways) -> Reply {
        let Some(item) = self.waiting(jti, place, now, ways.mistake) else { return Reply::Nothing };
        if ways.is_dynamodb {
            self.sessions[usize::from(place)] = None;
        } else {
            self.delete(item.login, place);
        }
        Reply::Taken(item)
    }

    /// What a take would take.
    pub fn waiting(&self, jti: u8, place: u8, now: Tick, mistake: Option<Mistake>) -> Option<Item> {
        let held = self.sessions[usize::from(place)]?;
        let sealed_by = match held.content {
            Content::Waiting(key) => key,
            Content::Choosing(key) if mistake == Some(Mistake::ChoiceTicketTakes) => key,
            Content::Reserved | Content::Choosing(_) => return None,
        };
        let any = [Some(Mistake::TakeWithoutJti), Some(Mistake::PartTicketWithoutItsPart)];
        let is_its = held.login == jti || any.contains(&mistake);
        (is_its && held.ends_at > now).then_some(Item { login: held.login, sealed_by })
    }

    /// Whether a session of this login is there, its time over or not.
    pub fn waits(&self, login: u8) -> bool {
        let is_its = |held: &Held| held.login == login && matches!(held.content, Content::Waiting(_));
        self.sessions.iter().flatten().any(is_its)
    }

    /// The two statements of `statements::take`, without their condition.
    pub fn delete(&mut self, login: u8, place: u8) {
        self.sessions[usize::from(place)] = None;
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
    fn release(&mut self, login: u8, event: Recorded, place: u8, mistake: Option<Mistake>) -> Reply {
        if let (Some(Mistake::FailureEndsTheChoice), Some(part)) =
            (mistake, usize::from(place).checked_sub(SESSIONS))
        {
            self.close_open((part / PARTS) as u8);
        }
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
            Some(Mistake::SweepForgetsChoices) => open.ends_at <= now && open.phase != Phase::Choosing,
            Some(Mistake::SweepEndsAChoiceEarly) if open.phase == Phase::Choosing => open.ends_at <= now + 1,
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
            Phase::Choosing => EventKind::ChoiceEnded,
            Phase::Replaced => return,
        };
        self.record(login, Recorded { kind, at: now, key: None }, mistake);
    }

    /// Whether the sweeper would forget the claims of this assertion, which is `over` then.
    pub fn may_forget(&self, assertion: u8, over: Tick, now: Tick, mistake: Option<Mistake>) -> bool {
        let end = match mistake {
            Some(Mistake::ClaimForgottenTooEarly) => over - 1,
            _ => over + CLAIM_GRACE,
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
