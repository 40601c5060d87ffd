//! What can happen in a state.

use crate::protocol::Protocol;
use crate::scene::Plan;
use crate::state::{
    ASSERTIONS, CLAIM_GRACE, LONG_AFTER, POSTS, Post, PostStep, SERVERS, State, TakeStep, Write,
};

/// Somebody's request under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    Post(u8),
    Take(u8),
}

/// How a question goes. All but the first are faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Answered,
    /// Nothing was done. Of STS and keys: refused.
    Down,
    /// Done, and the answer was lost.
    Lost,
    /// No answer; it will be done when nobody waits any more.
    Late,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A browser posts an assertion, with one of the RelayStates that it may have.
    Send {
        post: u8,
        assertion: u8,
        relay_state: u8,
        server: u8,
    },
    /// Somebody asks for the list, or for a part, with the ticket of a login.
    Choose {
        post: u8,
        choice: u8,
        part: u8,
        by: u8,
    },
    /// Somebody presents the ticket of a login.
    Present {
        take: u8,
        login: u8,
        by: u8,
    },
    /// A request asks the store.
    Ask(Task, Outcome),
    /// A request that has had no answer stops asking.
    GiveUp(Task),
    /// A request makes a step that asks no store.
    Step(Task, Outcome),
    /// A write comes that nobody waits for.
    Arrive,
    /// A process dies, and is restarted.
    Crash(u8),
    /// A new key seals and signs.
    Rotate,
    Tick,
    /// All time is over.
    LongAfter,
    /// The sweeper ends a login.
    Sweep(u8),
    /// On DynamoDB the sweeper reads a login, and then ends it.
    Look(u8),
    Close,
    /// The sweeper forgets an assertion.
    Forget(u8),
}

impl Protocol {
    pub fn actions_of_posts(&self, state: &State, actions: &mut Vec<Action>) {
        let under_way = |post: &Post| !matches!(post.step, PostStep::Ended(_));
        let is_full = self.scene.one_at_a_time && state.posts.iter().flatten().any(under_way);
        for (number, plan) in (0..).zip(&self.scene.posts) {
            let Some(post) = &state.posts[usize::from(number)] else {
                if is_full {
                    continue;
                }
                self.actions_of_a_chooser(state, number, plan, actions);
                let in_time = state.clock < self.scene.not_on_or_after;
                for &assertion in plan.assertions.iter().filter(|_| in_time) {
                    for relay_state in 0..plan.relay_states.len() as u8 {
                        let send = |&server| Action::Send { post: number, assertion, relay_state, server };
                        actions.extend(plan.servers.iter().map(send));
                    }
                }
                continue;
            };
            let task = Task::Post(number);
            match post.step {
                PostStep::Ended(_) => {}
                PostStep::Begin { .. } | PostStep::OpenChoice { .. } if self.is_known(state, post) => {
                    actions.push(Action::Step(task, Outcome::Answered));
                }
                PostStep::Assume => self.step(state, task, &[Outcome::Down, Outcome::Lost], actions),
                PostStep::Seal
                | PostStep::Sign { .. }
                | PostStep::Judge { .. }
                | PostStep::SignAgain { .. } => self.step(state, task, &[Outcome::Down], actions),
                PostStep::Look { .. } => self.look_at(state, task, post.unanswered, actions),
                // It waits for some seconds, whether it is answered or not.
                PostStep::Wait { .. } => self.look_at(state, task, true, actions),
                PostStep::Begin { .. }
                | PostStep::OpenChoice { .. }
                | PostStep::RecordRefusal(_)
                | PostStep::Put { .. }
                | PostStep::RecordFailure { .. } => self.ask(state, task, post.unanswered, actions),
            }
        }
    }

    /// Choosers come one after the other: which of two is the first does not matter.
    fn actions_of_a_chooser(&self, state: &State, number: u8, plan: &Plan, actions: &mut Vec<Action>) {
        let earlier = state.posts.iter().zip(&self.scene.posts).take(number.into());
        if earlier.filter(|(_, plan)| !plan.chooses.is_empty()).any(|(post, _)| post.is_none()) {
            return;
        }
        for part in 0..plan.chooses.len() as u8 {
            for choice in (0..POSTS as u8).filter(|&login| self.is_shown(state, login, true)) {
                for by in 0..self.scene.takers.len() as u8 {
                    actions.push(Action::Choose { post: number, choice, part, by });
                }
            }
        }
    }

    /// Whether a login has a ticket that somebody shows, to choose or to take.
    fn is_shown(&self, state: &State, login: u8, to_choose: bool) -> bool {
        let login = usize::from(login);
        let is_its = |post: &Post| self.opens_choice(post) == to_choose || self.scene.confuses;
        state.tickets[login].is_some() && state.posts[login].as_ref().is_some_and(is_its)
    }

    /// `is_known_replay`
    fn is_known(&self, state: &State, post: &Post) -> bool {
        post.chosen.is_none()
            && !post.unanswered
            && state.known[usize::from(post.server)][usize::from(post.assertion)]
    }

    pub fn actions_of_takes(&self, state: &State, actions: &mut Vec<Action>) {
        let free = state.takes.iter().take(self.scene.takes).position(Option::is_none);
        if let Some(take) = free {
            for login in (0..POSTS as u8).filter(|&login| self.is_shown(state, login, false)) {
                for by in 0..self.scene.takers.len() as u8 {
                    actions.push(Action::Present { take: take as u8, login, by });
                }
            }
        }
        for (number, take) in (0..).zip(&state.takes) {
            let Some(take) = take else { continue };
            let task = Task::Take(number);
            match take.step {
                TakeStep::Ended(_) => {}
                TakeStep::Open(_) => self.step(state, task, &[Outcome::Down], actions),
                TakeStep::HandOver { .. } | TakeStep::DeleteWhatWasRead(_) => {
                    self.step(state, task, &[], actions);
                }
                TakeStep::Delete { .. }
                | TakeStep::RecordDelivery { .. }
                | TakeStep::RecordUncertain { .. } => {
                    self.ask(state, task, take.unanswered, actions);
                }
            }
        }
    }

    fn step(&self, state: &State, task: Task, faults: &[Outcome], actions: &mut Vec<Action>) {
        actions.push(Action::Step(task, Outcome::Answered));
        if state.faults > 0 {
            actions.extend(faults.iter().map(|&fault| Action::Step(task, fault)));
        }
    }

    /// A read: it is answered, or not.
    fn look_at(&self, state: &State, task: Task, may_give_up: bool, actions: &mut Vec<Action>) {
        actions.push(Action::Ask(task, Outcome::Answered));
        if state.faults > 0 {
            actions.push(Action::Ask(task, Outcome::Down));
        }
        if may_give_up {
            actions.push(Action::GiveUp(task));
        }
    }

    fn ask(&self, state: &State, task: Task, unanswered: bool, actions: &mut Vec<Action>) {
        actions.push(Action::Ask(task, Outcome::Answered));
        if state.faults > 0 {
            actions.extend([Outcome::Down, Outcome::Lost].map(|fault| Action::Ask(task, fault)));
            if state.late.is_none() {
                actions.push(Action::Ask(task, Outcome::Late));
            }
        }
        if unanswered {
            actions.push(Action::GiveUp(task));
        }
    }

    pub fn actions_of_the_rest(&self, state: &State, actions: &mut Vec<Action>) {
        if state.late.is_some() {
            actions.push(Action::Arrive);
        }
        for server in (0..SERVERS as u8).filter(|_| state.faults > 0) {
            if is_busy(state, server) || state.known[usize::from(server)].contains(&true) {
                actions.push(Action::Crash(server));
            }
        }
        if self.scene.rotates && state.kid == 0 {
            actions.push(Action::Rotate);
        }
        let at_rest = state.late.is_none() && !(0..SERVERS as u8).any(|server| is_busy(state, server));
        let not_on_or_after = self.scene.not_on_or_after;
        // Whatever began has reached its end a tick later.
        if state.clock < not_on_or_after + 1 {
            if state.clock + 1 < not_on_or_after + CLAIM_GRACE || !self.begins(state) {
                actions.push(Action::Tick);
            }
        } else if state.clock < LONG_AFTER && at_rest {
            actions.push(Action::LongAfter);
        }
        let due = |&login: &u8| state.store.is_due(login, state.clock, self.mistake);
        let due = (0..POSTS as u8).filter(due);
        if !self.scene.is_dynamodb {
            actions.extend(due.map(Action::Sweep));
        } else if state.sweeping.is_none() {
            actions.extend(due.map(Action::Look));
        } else {
            actions.push(Action::Close);
        }
        let over =
            |&assertion: &u8| state.store.may_forget(assertion, not_on_or_after, state.clock, self.mistake);
        actions.extend((0..ASSERTIONS as u8).filter(over).map(Action::Forget));
    }

    /// Whether a `begin` or an `open_choice` is under way. The model's assumption: none waits
    /// for a day, which is how long claims are kept after their assertions.
    fn begins(&self, state: &State) -> bool {
        let begins = |post: &Post| match post.step {
            PostStep::Begin { .. } => post.chosen.is_none(),
            PostStep::OpenChoice { .. } => true,
            PostStep::Seal | PostStep::Sign { .. } => self.opens_choice(post),
            PostStep::Look { .. }
            | PostStep::Judge { .. }
            | PostStep::Wait { .. }
            | PostStep::SignAgain { .. }
            | PostStep::RecordRefusal(_)
            | PostStep::Assume
            | PostStep::Put { .. }
            | PostStep::RecordFailure { .. }
            | PostStep::Ended(_) => false,
        };
        state.posts.iter().flatten().any(begins)
            || matches!(state.late, Some(Write::Begin { .. } | Write::OpenChoice { .. }))
    }
}

fn is_busy(state: &State, server: u8) -> bool {
    state.posts.iter().flatten().any(|post| post.server == server && !post.has_ended())
        || state.takes.iter().flatten().any(|take| take.server == server && !take.has_ended())
}
