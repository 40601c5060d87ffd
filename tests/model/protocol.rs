//! The protocol as a model: what can happen in a state, and what follows.
//!
//! A process may stop between any two of its steps, as long as it likes; so a time that a
//! step has read may be old when it is used. Each run ends, since clock, faults and steps
//! are bounded.

use crate::actions::{Action, Outcome, Task};
use crate::mistakes::Mistake;
use crate::scene::Scene;
use crate::state::{
    ASSERTIONS, Answer, Chosen, Content, Held, LONG_AFTER, POSTS, Post, PostStep, SERVERS, State, TAKES,
    Take, TakeStep, Ticket, Write, Wrong,
};
use crate::store::{Reply, Ways};
use crate::{login, redeem};
use stateright::{Model, Property};

/// The protocol in a scene, perhaps with a mistake.
pub struct Protocol {
    pub scene: Scene,
    pub mistake: Option<Mistake>,
    /// What is asked of each state: `properties::held` or `properties::seen`.
    pub properties: fn() -> Vec<Property<Protocol>>,
}

impl Protocol {
    pub fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Whether the assertion answers our request.
    pub fn answers_request(&self, assertion: u8) -> bool {
        self.scene.answering[usize::from(assertion)]
    }

    fn apply(&self, state: &mut State, write: Write) -> Reply {
        let answers_request = match write {
            Write::Begin { assertion, .. } | Write::OpenChoice { assertion, .. } => {
                self.answers_request(assertion)
            }
            Write::BeginPart { .. }
            | Write::Put { .. }
            | Write::Delete { .. }
            | Write::Record { .. }
            | Write::Release { .. }
            | Write::RecordOnce { .. } => false,
        };
        let is_dynamodb = self.scene.is_dynamodb;
        let before = state.store.sessions;
        let reply = state.store.apply(write, Ways { is_dynamodb, answers_request, mistake: self.mistake });
        if let (Write::Delete { take, .. }, Reply::Taken(_)) = (write, reply)
            && let Some(take) = &mut state.takes[usize::from(take)]
        {
            take.deleted = !matches!(take.step, TakeStep::Ended(_));
        }
        let was_displaced = |(before, after): (&Option<Held>, &Option<Held>)| {
            before.zip(*after).is_some_and(|(before, after)| {
                before.content != Content::Reserved
                    && before.ends_at > state.clock
                    && before.login != after.login
            })
        };
        if before.iter().zip(&state.store.sessions).any(was_displaced) {
            state.wrong = Some(Wrong::Displaced);
        }
        reply
    }

    fn ask_the_store(&self, state: &mut State, task: Task, outcome: Outcome) {
        if let (Task::Take(number), true) = (task, self.makes(Mistake::TakeReadsThenDeletes))
            && self.read_only(state, number)
        {
            return;
        }
        if let Task::Post(number) = task
            && outcome == Outcome::Answered
            && self.look(state, number)
        {
            return;
        }
        let write = match task {
            Task::Post(number) => {
                state.posts[usize::from(number)].and_then(|post| self.write_of_post(number, &post))
            }
            Task::Take(number) => {
                state.takes[usize::from(number)].and_then(|take| self.write_of_take(number, &take))
            }
        };
        // A read without an answer.
        let Some(write) = write else { return unanswered(state, task) };
        let reply = match outcome {
            Outcome::Answered | Outcome::Lost => Some(self.apply(state, write)),
            Outcome::Down => None,
            Outcome::Late => {
                state.late = Some(write);
                None
            }
        };
        match (outcome, write, task) {
            (Outcome::Answered, _, _) => self.was_told(state, task, reply),
            // It is certain that nothing was deleted.
            (Outcome::Down, Write::Delete { .. }, _) => self.was_told(state, task, None),
            (_, Write::Delete { .. }, Task::Take(number)) => {
                unanswered(state, task);
                self.delete_is_uncertain(state, number);
            }
            _ => unanswered(state, task),
        }
    }

    /// A mistake: the first half of a take, with no faults.
    fn read_only(&self, state: &mut State, number: u8) -> bool {
        let Some(take) = state.takes[usize::from(number)] else { return false };
        let TakeStep::Delete { now } = take.step else { return false };
        match state.store.waiting(take.jti, take.place, now, self.mistake) {
            Some(item) => redeem::go_on(state, number, TakeStep::DeleteWhatWasRead(item)),
            None => self.take_was_told(state, number, Some(Reply::Nothing)),
        }
        true
    }

    fn give_up(&self, state: &mut State, task: Task) {
        let take = match task {
            Task::Take(number) => state.takes[usize::from(number)].map(|take| (number, take.step)),
            Task::Post(_) => None,
        };
        // Only in a mistake: else nobody asks again, and it is uncertain at once.
        if let Some((number, TakeStep::Delete { .. })) = take {
            let step = TakeStep::RecordUncertain { now: state.clock, holding: true };
            return redeem::go_on(state, number, step);
        }
        self.was_told(state, task, None);
    }

    fn was_told(&self, state: &mut State, task: Task, reply: Option<Reply>) {
        match task {
            Task::Post(number) => self.post_was_told(state, number, reply),
            Task::Take(number) => self.take_was_told(state, number, reply),
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            clock: 0,
            kid: 0,
            faults: self.scene.faults,
            posts: [None; POSTS],
            takes: [None; TAKES],
            tickets: [None; POSTS],
            given: [false; POSTS],
            handed_over: [0; POSTS],
            store: Default::default(),
            late: None,
            sweeping: None,
            known: [[false; ASSERTIONS]; SERVERS],
            wrong: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What is wrong stays wrong.
        if state.wrong.is_none() {
            self.actions_of_posts(state, actions);
            self.actions_of_takes(state, actions);
            self.actions_of_the_rest(state, actions);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = *before;
        if let Action::Ask(_, outcome) | Action::Step(_, outcome) = action
            && outcome != Outcome::Answered
        {
            state.faults -= 1;
        }
        match action {
            Action::Send { post, assertion, relay_state, server } => {
                let plan = &self.scene.posts[usize::from(post)];
                let relay_state = plan.relay_states[usize::from(relay_state)];
                let step = PostStep::Begin { now: state.clock };
                let (by, chosen, unanswered) = (plan.by, None, false);
                let sent = Post { by, server, assertion, relay_state, chosen, step, unanswered };
                self.send(&mut state, post, sent);
            }
            Action::Choose { post, choice, part, by } => {
                let plan = &self.scene.posts[usize::from(post)];
                let opening = state.posts[usize::from(choice)]?;
                let chosen = Chosen { choice, part: plan.chooses[usize::from(part)] };
                let (by, server) = (self.scene.takers[usize::from(by)], plan.servers[0]);
                self.choose(&mut state, post, chosen, Post { by, server, unanswered: false, ..opening });
            }
            Action::Present { take, login, by } => {
                // Each at a server of its own.
                let server = take % SERVERS as u8;
                let by = self.scene.takers[usize::from(by)];
                let step = TakeStep::Delete { now: state.clock };
                let Ticket { place, jti, .. } = state.tickets[usize::from(login)]?;
                let presented =
                    Take { by, server, login, place, jti, step, unanswered: false, deleted: false };
                self.present(&mut state, take, presented);
            }
            Action::Ask(task, outcome) => self.ask_the_store(&mut state, task, outcome),
            Action::GiveUp(task) => self.give_up(&mut state, task),
            Action::Step(Task::Post(number), outcome) => self.step_of_post(&mut state, number, outcome),
            Action::Step(Task::Take(number), outcome) => self.step_of_take(&mut state, number, outcome),
            Action::Arrive => {
                if let Some(write) = state.late.take() {
                    self.apply(&mut state, write);
                }
            }
            Action::Crash(server) => crash(&mut state, server),
            Action::Rotate => state.kid += 1,
            Action::Tick => state.clock += 1,
            Action::LongAfter => state.clock = LONG_AFTER,
            Action::Sweep(login) => state.store.sweep(login, before.clock, self.mistake),
            Action::Look(login) => state.look(login),
            Action::Close => state.close_what_was_read(self.mistake),
            Action::Forget(assertion) => state.store.forget(assertion),
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        (self.properties)()
    }
}

fn unanswered(state: &mut State, task: Task) {
    match task {
        Task::Post(number) => {
            if let Some(post) = &mut state.posts[usize::from(number)] {
                post.unanswered = true;
            }
        }
        Task::Take(number) => {
            if let Some(take) = &mut state.takes[usize::from(number)] {
                take.unanswered = true;
            }
        }
    }
}

/// What was under way ends, and what was in memory is gone.
fn crash(state: &mut State, server: u8) {
    state.faults -= 1;
    state.known[usize::from(server)] = Default::default();
    for number in 0..POSTS as u8 {
        if state.posts[usize::from(number)].is_some_and(|post| post.server == server && !post.has_ended()) {
            login::go_on(state, number, PostStep::Ended(Answer::ConnectionLost));
        }
    }
    for number in 0..TAKES as u8 {
        if state.takes[usize::from(number)].is_some_and(|take| take.server == server && !take.has_ended()) {
            redeem::go_on(state, number, TakeStep::Ended(Answer::ConnectionLost));
        }
    }
}
