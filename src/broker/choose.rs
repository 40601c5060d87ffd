//! Choosing: roles in, a ticket for each out. Each (role, use) is a part, and a login of its
//! own, with its own call of STS, its own records and its own take. One that fails leaves the
//! others.

use super::choice::{ChoiceRequest, Reopened};
use super::issue::{Order, Part, Unbegun};
use super::place::Place;
use super::ports::session_store::{BeginError, Held};
use super::reason::{Reason, Unrecordable};
use super::recipient::Recipient;
use super::refusal::{ChoiceError, LoginError, RedeemError, ShellError};
use super::shell::AskedByShell;
use super::steps::Step;
use super::ticket::Ticket;
use super::use_cases::Broker;
use crate::roles::{Circumstances, Grant, RoleArn, RoleRefusal, Use};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tracing::Instrument;
use tracing::field::Empty;

/// The most parts of one request.
pub const MOST_PARTS: usize = 10;

/// How often, and how long apart, a part is looked for that another request has begun: for
/// as long as STS takes, with its retries.
const LOOKS: u32 = 60;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// A role that is chosen.
#[derive(Debug, Clone)]
pub struct WantedPart {
    /// Its ARN, as the caller wrote it.
    pub role: String,
    /// Credentials, or a sign-in to the console.
    pub for_use: Use,
    /// Why, where the rule asks for it.
    pub reason: Option<Result<Reason, Unrecordable>>,
    /// Of the console; its home, if there is none.
    pub destination: Option<String>,
}

/// What came of a choice.
pub struct Outcomes {
    /// Of each part, in the order of the request.
    pub parts: Vec<Result<Ticket, ChoiceError>>,
    /// The program at a shell that they are for, where there is one.
    pub shell: Option<Arc<AskedByShell>>,
}

impl Broker {
    /// Takes these roles of a choice. The rules are asked again, and what waits already is
    /// not asked for a second time.
    ///
    /// Run it to its end even if the client goes away (spawn it).
    ///
    /// # Errors
    /// [`ChoiceError`], where nothing of it could be begun.
    pub async fn choose(
        self: &Arc<Self>,
        request: &ChoiceRequest,
        parts: Vec<WantedPart>,
    ) -> Result<Outcomes, ChoiceError> {
        self.steps.measure(Step::Choose, self.choose_all(request, parts)).await
    }

    async fn choose_all(
        self: &Arc<Self>,
        request: &ChoiceRequest,
        parts: Vec<WantedPart>,
    ) -> Result<Outcomes, ChoiceError> {
        let named: BTreeSet<(&str, &str)> =
            parts.iter().map(|part| (part.role.as_str(), part.for_use.as_str())).collect();
        if parts.is_empty() || named.len() < parts.len() {
            return Err(ChoiceError::Malformed);
        }
        if parts.len() > MOST_PARTS {
            return Err(ChoiceError::TooMany);
        }
        let reopened = Arc::new(self.reopen(request).await?);
        let for_use = reopened.attempt.for_use();
        if parts.iter().any(|part| (part.for_use == Use::Shell) != (for_use == Use::Shell)) {
            return Err(ShellError::Malformed.into());
        }
        if let (Some(asked), Some(shown)) = (&reopened.shell, &request.shell) {
            asked.is_meant(shown.number.as_deref())?;
        }
        self.ports.keys.ready().await.map_err(|_| LoginError::Keys)?;
        let mut tasks = JoinSet::new();
        let count = parts.len();
        for (number, part) in parts.into_iter().enumerate() {
            let (broker, reopened) = (Arc::clone(self), Arc::clone(&reopened));
            // A line of a part has its own login and access key, at every level of the log.
            let span = tracing::error_span!("part", login = Empty, access_key_id = Empty);
            let chosen = async move { (number, broker.part(&reopened, part).await) };
            tasks.spawn(chosen.instrument(span));
        }
        let mut outcomes: Vec<_> = std::iter::repeat_with(|| None).take(count).collect();
        while let Some(done) = tasks.join_next().await {
            let Ok((number, outcome)) = done else { continue };
            if let Some(place) = outcomes.get_mut(number) {
                *place = Some(outcome);
            }
        }
        // A task that panicked has no outcome, and what it began goes on until the sweeper comes.
        let parts = outcomes.into_iter().map(|outcome| outcome.unwrap_or(Err(ChoiceError::InProgress)));
        Ok(Outcomes { parts: parts.collect(), shell: reopened.shell.clone() })
    }

    async fn part(&self, reopened: &Reopened, wanted: WantedPart) -> Result<Ticket, ChoiceError> {
        let attempt = &reopened.attempt;
        let grant = self.grant_part(reopened, &wanted).await?;
        let destination = match wanted.for_use {
            Use::Console => {
                let wanted = wanted.destination.as_deref();
                Some(self.settings.destination(grant.role().partition(), wanted)?)
            }
            Use::Page | Use::Shell => None,
        };
        let reason = match (wanted.reason, grant.ask_reason()) {
            (None, Some(ask)) => return Err(RedeemError::ReasonRequired { ask: ask.to_owned() }.into()),
            (Some(Err(Unrecordable)), ask) => {
                return Err(RedeemError::ReasonMalformed { ask: ask.map(str::to_owned) }.into());
            }
            (Some(Ok(reason)), _) => Some(reason),
            (None, None) => None,
        };
        let shell = reopened.shell.clone();
        let recipient = match &shell {
            Some(shell) => Some(shell.recipient()),
            None => Recipient::of_page(&attempt.relay_state),
        };
        let (session, for_use) = (&attempt.relay_state.session, wanted.for_use);
        let key = recipient.as_ref().map(|recipient| &recipient.key);
        let place = Place::of_part(session, &reopened.login, grant.role(), for_use, key);
        let part = Some(Part { choice: reopened.login.clone(), reason });
        let (idp, rule) = (grant.identity().idp().to_owned(), grant.rule().to_owned());
        let order = Order { attempt, grant, place, for_use, destination, part, recipient, shell };
        match self.issue(&order).await {
            Ok(ticket) => {
                tracing::info!(idp, rule, "part of a choice issued");
                Ok(ticket)
            }
            Err(Unbegun::Failed(error)) => Err(error.into()),
            Err(Unbegun::Refused(BeginError::SessionTaken, _)) => self.begun_before(&order).await,
            Err(Unbegun::Refused(BeginError::Unavailable, _)) => Err(ChoiceError::Store),
            Err(Unbegun::Refused(BeginError::ChoiceOver, _)) => Err(ChoiceError::Over),
            Err(Unbegun::Refused(error, subject)) => {
                Err(self.not_begun(attempt, error, *subject).await.into())
            }
        }
    }

    /// Step 4 again, for one role.
    async fn grant_part(&self, reopened: &Reopened, wanted: &WantedPart) -> Result<Grant, ChoiceError> {
        let Reopened { attempt, identity, .. } = reopened;
        let role = RoleArn::parse(&wanted.role).map_err(|_| LoginError::from(RoleRefusal::NotOffered))?;
        let circumstances = Circumstances { page: attempt.began_at.name(), for_use: wanted.for_use };
        match self.settings.rules.decide_role(identity, circumstances, &role) {
            Ok(grant) => Ok(grant),
            Err(denial) => Err(self.denied(attempt, *denial).await.into()),
        }
    }

    /// A ticket for the part that another request has begun, once it waits: a new one, for the
    /// same session, by the same jti, so an answer that was lost has used nothing up. Where it
    /// comes to nothing, this request begins nothing in its place: of many that wait, each
    /// would ask STS in its turn.
    async fn begun_before(&self, order: &Order<'_>) -> Result<Ticket, ChoiceError> {
        for _ in 0..LOOKS {
            let now = self.ports.clock.now();
            let looked = self.ports.sessions.look(&order.place.handle, now);
            let held = self.steps.measure(Step::StoreLook, looked).await.map_err(|_| ChoiceError::Store)?;
            match held {
                Some(Held::Waiting { login, jti, ends_at }) => {
                    let claims = self.settings.tickets.claims(order.attempt, &login, &jti, now);
                    let lifetime = order.lifetime(self.settings.tickets.lifetime);
                    let claims = claims.of_part(order.place.part.clone()).lasting(lifetime).until(ends_at);
                    return Ok(self.ticket(claims, order.recipient.as_ref()).await?);
                }
                Some(Held::Reserved) => tokio::time::sleep(BETWEEN_LOOKS).await,
                Some(Held::Choice(_)) | None => break,
            }
        }
        Err(ChoiceError::InProgress)
    }
}
