//! `/saml/choice`, one step after the other: `src/broker/choice.rs`. From `Begin` on, a part is
//! a login as any other, so its steps are those of `login.rs`.

use crate::login::go_on;
use crate::mistakes::Mistake;
use crate::protocol::Protocol;
use crate::state::{
    Answer, Chosen, Content, PARTS, Post, PostStep, SESSIONS, State, TICKET_LIFETIME, Tick, Wrong,
};
use vestibule::broker::EventKind;

impl Protocol {
    /// Whether several roles can be had.
    pub fn opens_choice(&self, post: &Post) -> bool {
        post.chosen.is_none() && self.scene.several[usize::from(post.assertion)]
    }

    /// What the login holds, or wants to: its session id, or its part's handle.
    pub fn place_of(&self, post: &Post) -> u8 {
        let Some(Chosen { choice, part: Some(part) }) = post.chosen else { return post.relay_state.session };
        let (choice, part) = match self.mistake {
            Some(Mistake::PartHandleWithoutTheRole) if part == 2 => (choice, 0),
            Some(Mistake::PartHandleWithoutTheKind) if part == 1 => (choice, 0),
            Some(Mistake::PartHandleWithoutTheChoice) => (0, part),
            _ => (choice, part),
        };
        SESSIONS as u8 + choice * PARTS as u8 + part
    }

    /// Ticket and verifier are checked: nothing is read yet.
    pub fn choose(&self, state: &mut State, number: u8, chosen: Chosen, post: Post) {
        let login = usize::from(chosen.choice);
        let (Some(ticket), Some(opening)) = (state.tickets[login], state.posts[login]) else { return };
        let (assertion, relay_state) = (opening.assertion, opening.relay_state);
        let step = PostStep::Look { now: state.clock };
        state.posts[usize::from(number)] =
            Some(Post { assertion, relay_state, chosen: Some(chosen), step, ..post });
        if !self.has_key(state, ticket.signed_by) {
            state.wrong = Some(Wrong::LostByRotation);
            self.answer_post(state, number, Answer::TicketInvalid);
        } else if !self.opens_choice(&opening) {
            self.answer_post(state, number, Answer::TicketNotForChoice);
        } else if ticket.expires <= state.clock {
            self.answer_post(state, number, Answer::TicketExpired);
        } else if post.by != ticket.challenge && !self.makes(Mistake::ChooserNotCompared) {
            self.answer_post(state, number, Answer::VerifierMismatch);
        }
    }

    /// A strongly consistent read that was answered; else `false`: the step is none.
    pub fn look(&self, state: &mut State, number: u8) -> bool {
        let Some(post) = state.posts[usize::from(number)] else { return false };
        match (post.step, post.chosen) {
            (PostStep::Look { now }, Some(chosen)) => {
                let held = state.store.sessions[usize::from(post.relay_state.session)];
                let held = held.filter(|held| held.login == chosen.choice && held.ends_at > now);
                match held.map(|held| held.content) {
                    Some(Content::Choosing(sealed_by)) => {
                        go_on(state, number, PostStep::Judge { sealed_by });
                    }
                    _ => self.answer_post(state, number, Answer::ChoiceGone),
                }
            }
            (PostStep::Wait { now }, _) => {
                let held = state.store.sessions[usize::from(self.place_of(&post))];
                match held.filter(|held| held.ends_at > now).map(|held| (held.content, held.login)) {
                    Some((Content::Waiting(_), login)) => {
                        go_on(state, number, PostStep::SignAgain { login });
                    }
                    // It looks again, as long as it likes.
                    Some(_) => go_on(state, number, PostStep::Wait { now: state.clock }),
                    None => self.answer_post(state, number, Answer::InProgress),
                }
            }
            _ => return false,
        }
        true
    }

    /// A step that asks no store.
    pub fn step_of_choice(&self, state: &mut State, number: u8, is_good: bool) {
        let Some(post) = state.posts[usize::from(number)] else { return };
        match (post.step, post.chosen) {
            _ if !is_good => self.answer_post(state, number, Answer::Keys),
            (PostStep::Judge { sealed_by }, Some(chosen)) => {
                if !self.has_key(state, sealed_by) {
                    state.wrong = Some(Wrong::LostByRotation);
                    self.answer_post(state, number, Answer::Keys);
                } else if post.by != post.relay_state.challenge {
                    state.wrong = Some(Wrong::ChosenByAnother);
                } else if chosen.part.is_none() {
                    self.answer_post(state, number, Answer::Listed);
                } else {
                    go_on(state, number, PostStep::Begin { now: state.clock });
                }
            }
            (PostStep::SignAgain { login }, Some(chosen)) => self.sign_again(state, number, login, chosen),
            _ => {}
        }
    }

    /// The same session and jti, and the challenge of the choice that asks.
    fn sign_again(&self, state: &mut State, number: u8, login: u8, chosen: Chosen) {
        let (Some(post), Some(first)) = (state.posts[usize::from(number)], state.posts[usize::from(login)])
        else {
            return;
        };
        let expires: Tick = state.clock + TICKET_LIFETIME;
        let mut ticket = self.ticket(login, &post, state.kid, expires);
        if self.makes(Mistake::RepeatMakesAnotherJti) {
            ticket.jti = number;
        }
        state.tickets[usize::from(login)] = Some(ticket);
        if first.chosen.is_none_or(|first| first.part != chosen.part) {
            state.wrong = Some(Wrong::OfAnotherPart);
        } else if !state.store.has_event(login, EventKind::Issued) {
            state.wrong = Some(Wrong::UntrueAnswer);
        }
        go_on(state, number, PostStep::Ended(Answer::Issued));
    }

    /// The `begin` of a part.
    pub fn part_was_refused(&self, state: &mut State, number: u8, answer: Answer) {
        match answer {
            Answer::SessionTaken if self.makes(Mistake::RepeatAsksStsAgain) => {
                go_on(state, number, PostStep::Assume);
            }
            Answer::SessionTaken => go_on(state, number, PostStep::Wait { now: state.clock }),
            answer @ (Answer::Issued
            | Answer::ChoiceOpened
            | Answer::Listed
            | Answer::HandedOver
            | Answer::Saml
            | Answer::Replayed
            | Answer::RequestAnswered
            | Answer::Store
            | Answer::Keys
            | Answer::Sts
            | Answer::TooSlow
            | Answer::ChoiceGone
            | Answer::InProgress
            | Answer::Gone
            | Answer::Unavailable
            | Answer::Uncertain
            | Answer::TicketExpired
            | Answer::TicketInvalid
            | Answer::VerifierMismatch
            | Answer::TicketForChoice
            | Answer::TicketNotForChoice
            | Answer::ConnectionLost) => self.answer_post(state, number, answer),
        }
    }
}
