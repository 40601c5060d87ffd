//! `GET /saml`, one step after the other: `src/broker/redeem.rs`.

use crate::actions::Outcome;
use crate::mistakes::Mistake;
use crate::protocol::Protocol;
use crate::state::{Answer, Content, Held, Item, Recorded, State, Take, TakeStep, Tick, Write, Wrong};
use crate::store::Reply;
use vestibule::broker::EventKind;

impl Protocol {
    /// `claims`, `judge_ticket`, `bind`: nothing is consumed.
    pub fn present(&self, state: &mut State, number: u8, take: Take) {
        let login = usize::from(take.login);
        let (Some(ticket), Some(post)) = (state.tickets[login], state.posts[login]) else { return };
        let is_choice = self.opens_choice(&post);
        state.takes[usize::from(number)] = Some(take);
        if !self.has_key(state, ticket.signed_by) {
            state.wrong = Some(Wrong::LostByRotation);
            self.answer_take(state, number, Answer::TicketInvalid);
        } else if is_choice && !self.makes(Mistake::ChoiceTicketTakes) {
            self.answer_take(state, number, Answer::TicketForChoice);
        } else if ticket.expires <= state.clock {
            self.answer_take(state, number, Answer::TicketExpired);
        } else if take.by != ticket.challenge && !self.makes(Mistake::VerifierNotCompared) {
            self.answer_take(state, number, Answer::VerifierMismatch);
        }
    }

    /// What a take asks of the store now.
    pub fn write_of_take(&self, number: u8, take: &Take) -> Option<Write> {
        let login = take.login;
        let event = |kind, at, key| Recorded { kind, at, key };
        Some(match take.step {
            TakeStep::Delete { now } => Write::Delete { take: number, jti: take.jti, place: take.place, now },
            TakeStep::RecordDelivery { now, key } => {
                Write::Record { login, event: event(EventKind::Delivered, now, Some(key)) }
            }
            TakeStep::RecordUncertain { now, holding } => {
                let event = event(EventKind::Uncertain, now, None);
                Write::Release { login, event, place: take.place, holding }
            }
            TakeStep::DeleteWhatWasRead(_)
            | TakeStep::Open(_)
            | TakeStep::HandOver { .. }
            | TakeStep::Ended(_) => return None,
        })
    }

    /// Goes on with what the store has said; `None`: it is unavailable, and for a delete
    /// that nothing was deleted.
    pub fn take_was_told(&self, state: &mut State, number: u8, reply: Option<Reply>) {
        let Some(take) = state.takes[usize::from(number)] else { return };
        match take.step {
            TakeStep::Delete { now } => match reply {
                Some(Reply::Taken(item)) => go_on(state, number, TakeStep::Open(item)),
                Some(_) => {
                    let waits = |held: &Held| {
                        held.login == take.login
                            && held.ends_at > now
                            && matches!(held.content, Content::Waiting(_))
                    };
                    if state.store.sessions.iter().flatten().any(waits) {
                        state.wrong = Some(Wrong::UntrueAnswer);
                    }
                    self.answer_take(state, number, Answer::Gone);
                }
                None => self.answer_take(state, number, Answer::Unavailable),
            },
            TakeStep::RecordDelivery { .. } if self.makes(Mistake::RecordAfterTheAnswer) => {
                self.answer_take(state, number, Answer::HandedOver);
            }
            TakeStep::RecordDelivery { key, .. } => {
                if reply == Some(Reply::Done) || self.makes(Mistake::AnswerWithoutRecord) {
                    go_on(state, number, TakeStep::HandOver { key });
                } else {
                    self.answer_take(state, number, Answer::Uncertain);
                }
            }
            TakeStep::RecordUncertain { now, .. } if reply == Some(Reply::HoldsNothing) => {
                go_on(state, number, TakeStep::RecordUncertain { now, holding: false });
            }
            TakeStep::RecordUncertain { .. } => self.answer_take(state, number, Answer::Uncertain),
            TakeStep::DeleteWhatWasRead(_)
            | TakeStep::Open(_)
            | TakeStep::HandOver { .. }
            | TakeStep::Ended(_) => {}
        }
    }

    /// The delete's outcome is unknown.
    pub fn delete_is_uncertain(&self, state: &mut State, number: u8) {
        if !self.makes(Mistake::TakeIsRetried) {
            go_on(state, number, TakeStep::RecordUncertain { now: state.clock, holding: true });
        }
    }

    /// A step that asks no store, and how it goes.
    pub fn step_of_take(&self, state: &mut State, number: u8, outcome: Outcome) {
        let Some(take) = state.takes[usize::from(number)] else { return };
        match take.step {
            TakeStep::Open(item) if outcome == Outcome::Answered => self.open(state, number, item),
            TakeStep::Open(_) => {
                go_on(state, number, TakeStep::RecordUncertain { now: state.clock, holding: true })
            }
            TakeStep::DeleteWhatWasRead(item) => {
                state.store.delete(item.login, take.place);
                go_on(state, number, TakeStep::Open(item));
            }
            TakeStep::HandOver { key } => self.hand_over(state, number, key),
            TakeStep::Delete { .. }
            | TakeStep::RecordDelivery { .. }
            | TakeStep::RecordUncertain { .. }
            | TakeStep::Ended(_) => {}
        }
    }

    fn open(&self, state: &mut State, number: u8, item: Item) {
        let now: Tick = state.clock;
        // What is sealed for a choice does not open as credentials.
        let is_choice = state.store.has_event(item.login, EventKind::ChoiceOpened);
        if is_choice {
            go_on(state, number, TakeStep::RecordUncertain { now, holding: true });
        } else if !self.has_key(state, item.sealed_by) {
            state.wrong = Some(Wrong::LostByRotation);
            go_on(state, number, TakeStep::RecordUncertain { now, holding: true });
        } else if self.makes(Mistake::RecordAfterTheAnswer) {
            go_on(state, number, TakeStep::HandOver { key: item.login });
        } else {
            go_on(state, number, TakeStep::RecordDelivery { now, key: item.login });
        }
    }

    /// 200. Whoever asked has the credentials now.
    fn hand_over(&self, state: &mut State, number: u8, key: u8) {
        let Some(take) = state.takes[usize::from(number)] else { return };
        let times = &mut state.handed_over[usize::from(key)];
        *times = (*times + 1).min(2);
        let owner = state.posts[usize::from(key)].map(|post| post.relay_state.challenge);
        if key != take.login {
            state.wrong = Some(Wrong::OfAnotherLogin);
        } else if owner != Some(take.by) {
            state.wrong = Some(Wrong::ToAnother);
        }
        if self.makes(Mistake::RecordAfterTheAnswer) {
            go_on(state, number, TakeStep::RecordDelivery { now: state.clock, key });
        } else {
            self.answer_take(state, number, Answer::HandedOver);
        }
    }

    pub fn has_key(&self, state: &State, kid: u8) -> bool {
        kid == state.kid || (kid < state.kid && !self.makes(Mistake::RotationDropsKeys))
    }

    /// The answer, and whether it is true: who took an item is not told that there was none.
    fn answer_take(&self, state: &mut State, number: u8, answer: Answer) {
        let deleted = state.takes[usize::from(number)].is_some_and(|take| take.deleted);
        if deleted && matches!(answer, Answer::Gone | Answer::Unavailable) {
            state.wrong = Some(Wrong::UntrueAnswer);
        }
        go_on(state, number, TakeStep::Ended(answer));
    }
}

/// Where it ran does not matter any more once it has ended.
pub fn go_on(state: &mut State, number: u8, step: TakeStep) {
    if let Some(take) = &mut state.takes[usize::from(number)] {
        let ended = matches!(step, TakeStep::Ended(_));
        let server = if ended { 0 } else { take.server };
        *take = Take { step, server, unanswered: false, deleted: take.deleted && !ended, ..*take };
    }
}
