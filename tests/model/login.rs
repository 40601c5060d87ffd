//! `POST /saml`, one step after the other: `src/broker/login.rs`.

use crate::actions::Outcome;
use crate::mistakes::Mistake;
use crate::protocol::Protocol;
use crate::state::{
    Answer, Post, PostStep, Recorded, SESSIONS, State, TICKET_LIFETIME, Tick, Ticket, Write, Wrong,
};
use crate::store::Reply;
use vestibule::broker::EventKind;

impl Protocol {
    /// Up to step 5 (or 5c): `identify`, `decide`, `keys.ready`. Nothing is written.
    pub fn send(&self, state: &mut State, number: u8, post: Post) {
        let refused = self.answers_request(post.assertion)
            && post.relay_state != self.scene.request_of
            && !self.makes(Mistake::AnswerToAnotherRequest);
        state.posts[usize::from(number)] = Some(post);
        if refused {
            self.answer_post(state, number, Answer::Saml);
        } else if self.opens_choice(&post) {
            go_on(state, number, PostStep::Seal);
        } else if self.makes(Mistake::StsBeforeBegin) {
            go_on(state, number, PostStep::Assume);
        }
    }

    /// What a post asks of the store now.
    pub fn write_of_post(&self, number: u8, post: &Post) -> Option<Write> {
        let (session, place) = (post.relay_state.session, self.place_of(post));
        let assertion = post.assertion;
        Some(match post.step {
            PostStep::Begin { now } => match post.chosen {
                Some(chosen) => {
                    Write::BeginPart { login: number, now, choice: chosen.choice, session, place }
                }
                None => Write::Begin { login: number, now, assertion, session },
            },
            PostStep::OpenChoice { now, sealed_by, .. } => {
                let ends_at = self.scene.choice_ends[usize::from(assertion)];
                Write::OpenChoice { login: number, now, assertion, session, sealed_by, ends_at }
            }
            PostStep::RecordRefusal(answer) => Write::RecordOnce { assertion, answer },
            PostStep::Put { now, sealed_by, .. } => Write::Put { login: number, now, place, sealed_by },
            PostStep::RecordFailure { now, answer, holding } => {
                // What STS gave without an answer, nobody can name.
                let key = (answer != Answer::Sts).then_some(number);
                let event = Recorded { kind: EventKind::Failed, at: now, key };
                Write::Release { login: number, event, place, holding }
            }
            PostStep::Assume
            | PostStep::Seal
            | PostStep::Sign { .. }
            | PostStep::Look { .. }
            | PostStep::Judge { .. }
            | PostStep::Wait { .. }
            | PostStep::SignAgain { .. }
            | PostStep::Ended(_) => return None,
        })
    }

    /// Goes on with what the store has said; `None`: it is unavailable.
    pub fn post_was_told(&self, state: &mut State, number: u8, reply: Option<Reply>) {
        let Some(post) = state.posts[usize::from(number)] else { return };
        let refused = match reply {
            Some(Reply::Refused(answer)) => Some(answer),
            _ => None,
        };
        match (post.step, refused) {
            (PostStep::Begin { .. }, Some(answer)) if post.chosen.is_some() => {
                self.part_was_refused(state, number, answer);
            }
            (PostStep::Begin { .. } | PostStep::OpenChoice { .. }, Some(answer)) => {
                go_on(state, number, PostStep::RecordRefusal(answer));
            }
            (PostStep::Begin { .. } | PostStep::OpenChoice { .. }, None) if reply.is_none() => {
                self.answer_post(state, number, Answer::Store);
            }
            (PostStep::OpenChoice { signed_by, .. }, None) => {
                let expires = self.scene.choice_ends[usize::from(post.assertion)];
                state.tickets[usize::from(number)] = Some(self.ticket(number, &post, signed_by, expires));
                self.answer_post(state, number, Answer::ChoiceOpened);
            }
            (PostStep::Begin { .. }, None) => {
                if self.answers_request(post.assertion) && post.relay_state != self.scene.request_of {
                    state.wrong = Some(Wrong::ForAnotherRequest);
                }
                let asked = self.makes(Mistake::StsBeforeBegin);
                go_on(state, number, if asked { PostStep::Seal } else { PostStep::Assume });
            }
            (PostStep::RecordRefusal(answer), _) => {
                if answer == Answer::Replayed && reply.is_some() {
                    state.known[usize::from(post.server)][usize::from(post.assertion)] = true;
                }
                self.answer_post(state, number, answer);
            }
            (PostStep::Put { now, signed_by, .. }, None)
                if reply.is_some() || self.makes(Mistake::TicketWithoutAnswerOfPut) =>
            {
                let expires = now + TICKET_LIFETIME;
                state.tickets[usize::from(number)] = Some(self.ticket(number, &post, signed_by, expires));
                self.answer_post(state, number, Answer::Issued);
            }
            (PostStep::Put { .. }, refused) => fail(state, number, refused.unwrap_or(Answer::Store)),
            (PostStep::RecordFailure { now, answer, .. }, _) if reply == Some(Reply::HoldsNothing) => {
                go_on(state, number, PostStep::RecordFailure { now, answer, holding: false });
            }
            (PostStep::RecordFailure { answer, .. }, _) => self.answer_post(state, number, answer),
            // The seconds are over.
            (PostStep::Wait { .. }, _) if !post.unanswered => {
                self.answer_post(state, number, Answer::InProgress);
            }
            (PostStep::Look { .. } | PostStep::Wait { .. }, _) => {
                self.answer_post(state, number, Answer::Store);
            }
            (
                PostStep::Assume
                | PostStep::Seal
                | PostStep::Sign { .. }
                | PostStep::Judge { .. }
                | PostStep::SignAgain { .. }
                | PostStep::Ended(_),
                _,
            ) => {}
        }
    }

    /// What leaves with the answer.
    pub fn ticket(&self, login: u8, post: &Post, signed_by: u8, expires: Tick) -> Ticket {
        let misplaced = self.makes(Mistake::PartTicketWithoutItsPart) && post.chosen.is_some();
        let place = if misplaced { SESSIONS as u8 } else { self.place_of(post) };
        Ticket { signed_by, expires, challenge: post.relay_state.challenge, place, jti: login }
    }

    /// A step that asks no store, and how it goes.
    pub fn step_of_post(&self, state: &mut State, number: u8, outcome: Outcome) {
        let Some(post) = state.posts[usize::from(number)] else { return };
        let is_good = outcome == Outcome::Answered;
        match post.step {
            // `is_known_replay`
            PostStep::Begin { .. } | PostStep::OpenChoice { .. } => {
                self.answer_post(state, number, Answer::Replayed)
            }
            PostStep::Assume => {
                if !state.store.has_event(number, EventKind::Started) {
                    state.wrong = Some(Wrong::StsAskedTooEarly);
                }
                state.given[usize::from(number)] = outcome != Outcome::Down;
                let asked_first = self.makes(Mistake::StsBeforeBegin);
                match is_good {
                    true if asked_first => go_on(state, number, PostStep::Begin { now: state.clock }),
                    true => go_on(state, number, PostStep::Seal),
                    false => fail(state, number, Answer::Sts),
                }
            }
            PostStep::Seal if is_good => {
                let (now, sealed_by) = (state.clock, state.kid);
                // Where the key stays, nothing can come between.
                let signed = PostStep::Put { now, sealed_by, signed_by: sealed_by };
                let step = if self.scene.rotates { PostStep::Sign { now, sealed_by } } else { signed };
                self.store(state, number, post, step);
            }
            PostStep::Sign { now, sealed_by } if is_good => {
                self.store(state, number, post, PostStep::Put { now, sealed_by, signed_by: state.kid });
            }
            PostStep::Judge { .. } | PostStep::SignAgain { .. } => {
                self.step_of_choice(state, number, is_good)
            }
            // Nothing was begun.
            PostStep::Seal | PostStep::Sign { .. } if self.opens_choice(&post) => {
                self.answer_post(state, number, Answer::Keys);
            }
            PostStep::Seal | PostStep::Sign { .. } => fail(state, number, Answer::Keys),
            PostStep::Look { .. }
            | PostStep::Wait { .. }
            | PostStep::RecordRefusal(_)
            | PostStep::Put { .. }
            | PostStep::RecordFailure { .. }
            | PostStep::Ended(_) => {}
        }
    }

    /// Where what is sealed and signed goes.
    fn store(&self, state: &mut State, number: u8, post: Post, step: PostStep) {
        match step {
            PostStep::Put { now, sealed_by, signed_by } if self.opens_choice(&post) => {
                go_on(state, number, PostStep::OpenChoice { now, sealed_by, signed_by });
            }
            PostStep::Put { now, signed_by, .. }
                if post.chosen.is_some() && self.makes(Mistake::PartRecordedAfterItsAnswer) =>
            {
                state.late = self.write_of_post(number, &Post { step, ..post });
                let ticket = self.ticket(number, &post, signed_by, now + TICKET_LIFETIME);
                state.tickets[usize::from(number)] = Some(ticket);
                self.answer_post(state, number, Answer::Issued);
            }
            step @ (PostStep::Begin { .. }
            | PostStep::OpenChoice { .. }
            | PostStep::Look { .. }
            | PostStep::Judge { .. }
            | PostStep::Wait { .. }
            | PostStep::SignAgain { .. }
            | PostStep::RecordRefusal(_)
            | PostStep::Assume
            | PostStep::Seal
            | PostStep::Sign { .. }
            | PostStep::Put { .. }
            | PostStep::RecordFailure { .. }
            | PostStep::Ended(_)) => go_on(state, number, step),
        }
    }

    /// The answer, and whether it is true.
    pub fn answer_post(&self, state: &mut State, number: u8, answer: Answer) {
        let Some(post) = state.posts[usize::from(number)] else { return };
        let began = |other: &u8, same: &dyn Fn(&Post) -> bool| {
            *other != number
                && (state.store.has_event(*other, EventKind::Started)
                    || state.store.has_event(*other, EventKind::ChoiceOpened))
                && state.posts[usize::from(*other)].is_some_and(|other| same(&other))
        };
        let others = || 0..state.posts.len() as u8;
        let is_true = match answer {
            Answer::Issued => state.store.has_event(number, EventKind::Issued),
            Answer::Replayed => others().any(|other| began(&other, &|o| o.assertion == post.assertion)),
            Answer::RequestAnswered => {
                others().any(|other| began(&other, &|o| self.answers_request(o.assertion)))
            }
            Answer::SessionTaken | Answer::InProgress => {
                let place = self.place_of(&post);
                others().any(|other| began(&other, &|o| self.place_of(o) == place))
            }
            Answer::TooSlow => !state.store.has_event(number, EventKind::Issued),
            Answer::ChoiceOpened => state.store.has_event(number, EventKind::ChoiceOpened),
            // Only time ends a choice.
            Answer::ChoiceGone => state.clock >= self.scene.choice_ends[usize::from(post.assertion)],
            Answer::HandedOver
            | Answer::Saml
            | Answer::Store
            | Answer::Keys
            | Answer::Sts
            | Answer::Gone
            | Answer::Unavailable
            | Answer::Uncertain
            | Answer::TicketExpired
            | Answer::TicketInvalid
            | Answer::VerifierMismatch
            | Answer::Listed
            | Answer::TicketForChoice
            | Answer::TicketNotForChoice
            | Answer::ConnectionLost => true,
        };
        if !is_true {
            state.wrong = Some(Wrong::UntrueAnswer);
        }
        go_on(state, number, PostStep::Ended(answer));
    }
}

fn fail(state: &mut State, number: u8, answer: Answer) {
    go_on(state, number, PostStep::RecordFailure { now: state.clock, answer, holding: true });
}

/// Where it ran does not matter any more once it has ended.
pub fn go_on(state: &mut State, number: u8, step: PostStep) {
    if let Some(post) = &mut state.posts[usize::from(number)] {
        let server = if matches!(step, PostStep::Ended(_)) { 0 } else { post.server };
        *post = Post { step, server, unanswered: false, ..*post };
    }
}
