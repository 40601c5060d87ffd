//! The same where the store is DynamoDB, as far as it is cut otherwise:
//! `src/adapters/aws/dynamodb/`. There a take is one item's delete, which leaves no mark at
//! its login; an end that finds no session is two transactions; and the sweeper reads before it
//! writes. `begin` and `put` have the conditions of `store.rs`, and one each of their own.

use crate::mistakes::Mistake;
use crate::state::{Content, Held, Open, Phase, Recorded, State, Store, Tick};
use crate::store::Reply;
use vestibule::broker::EventKind;

/// `close::Closing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    Closed,
    Ended(EventKind),
    Moved,
    HoldsNothing,
}

/// A sweeper that has read a login, and not yet closed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sweeping {
    pub login: u8,
    pub read: Open,
    pub now: Tick,
    /// The session is to go with it.
    pub holding: bool,
}

impl Store {
    /// `sessions::begin`: a former holder that waits is marked in the same transaction.
    pub fn replace(&mut self, place: u8) {
        let waits = |held: &Held| matches!(held.content, Content::Waiting(_));
        let former = self.sessions[usize::from(place)].filter(waits);
        let Some(former) = former else { return };
        match &mut self.open[usize::from(former.login)] {
            Some(open) if open.phase == Phase::Issued => open.phase = Phase::Replaced,
            // `begin` would fail again and again.
            other => panic!("a session waits, and its login is {other:?}"),
        }
    }

    /// The next transaction of `close::close_any`: without the session, where it held none.
    pub fn close_any(&mut self, login: u8, event: Recorded, place: Option<u8>) -> Reply {
        match self.close(login, event, None, place) {
            Closing::Closed => Reply::Done,
            Closing::Ended(kind) if kind == event.kind => Reply::Done,
            Closing::Ended(_) | Closing::Moved => Reply::Nothing,
            Closing::HoldsNothing => Reply::HoldsNothing,
        }
    }

    /// `close::close`, one transaction.
    pub fn close(&mut self, login: u8, event: Recorded, phase: Option<Phase>, place: Option<u8>) -> Closing {
        if let Some(end) = self.end_of(login) {
            return Closing::Ended(end);
        }
        let open = self.open[usize::from(login)];
        if phase.is_some() && open.map(|open| open.phase) != phase {
            return Closing::Moved;
        }
        if let Some(place) = place {
            let held = &mut self.sessions[usize::from(place)];
            if held.is_none_or(|held| held.login != login) {
                return Closing::HoldsNothing;
            }
            *held = None;
        }
        self.open[usize::from(login)] = None;
        self.append(login, event);
        Closing::Closed
    }
}

impl State {
    /// The scan of `sweep::sweep`.
    pub fn look(&mut self, login: u8) {
        if let Some(read) = self.store.open[usize::from(login)] {
            let holding = read.phase != Phase::Replaced;
            self.sweeping = Some(Sweeping { login, read, now: self.clock, holding });
        }
    }

    /// One transaction of `sweep::end`.
    pub fn close_what_was_read(&mut self, mistake: Option<Mistake>) {
        let Some(sweeping) = self.sweeping.take() else { return };
        let Sweeping { login, read, now, holding } = sweeping;
        let kind = match (read.phase, holding) {
            (Phase::Started, _) => EventKind::Abandoned,
            (Phase::Choosing, _) => EventKind::ChoiceEnded,
            (Phase::Issued, false) => EventKind::Uncertain,
            (Phase::Issued | Phase::Taken | Phase::Replaced, _) => EventKind::Expired,
        };
        let phase = (mistake != Some(Mistake::SweepTrustsWhatItRead)).then_some(read.phase);
        let event = Recorded { kind, at: now, key: None };
        let closing = self.store.close(login, event, phase, holding.then_some(read.place));
        if closing == Closing::HoldsNothing {
            self.sweeping = Some(Sweeping { holding: false, ..sweeping });
        }
    }
}
