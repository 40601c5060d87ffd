//! The story of a login: an identity provider's post in, a ticket out.
//!
//! The order is the protocol (`docs/PROTOCOL.md`): nothing is written before a
//! rule has decided, nothing is asked of STS before the start is recorded,
//! and nothing can fail after the session is stored.

use super::attempt::{Attempt, LoginPost};
use super::audit::Subject;
use super::issue::{Order, Unbegun};
use super::place::Place;
use super::ports::session_store::BeginError;
use super::recipient::Recipient;
use super::refusal::LoginError;
use super::refusal_log;
use super::steps::Step;
use super::ticket::Ticket;
use super::use_cases::Broker;
use crate::roles::{Circumstances, Denial, Grant, Offers, Use};
use crate::saml::Identity;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a post leads to.
#[derive(Debug)]
pub enum LoginOutcome {
    /// Credentials wait.
    Issued(Issued),
    /// The person has several roles, and a choice waits.
    Choice(Issued),
    /// The person signed in at the provider's own portal, so nobody waits for credentials:
    /// a login can only begin at the page. Nothing was used up or recorded.
    BeginAtPage {
        /// Name of the identity provider.
        idp: String,
    },
}

/// A login that succeeded: credentials wait, and this ticket takes them; or a choice, and it
/// chooses.
#[derive(Debug)]
pub struct Issued {
    /// For the redirect.
    pub ticket: Ticket,
    /// Name of the identity provider, for logs.
    pub idp: String,
    /// The rule that decided, for logs; none where the person chooses.
    pub rule: Option<String>,
}

/// What the rules leave.
enum Decided {
    One(Box<Grant>, Use),
    /// So many roles, for the person to choose among.
    Several(Arc<Identity>, usize),
}

impl Broker {
    /// One login, from the post to the ticket.
    ///
    /// Run it to its end even if the client goes away (spawn it).
    ///
    /// # Errors
    /// [`LoginError`]; then no credentials wait.
    pub async fn login(&self, post: LoginPost) -> Result<LoginOutcome, LoginError> {
        if let Some(idp) = self.portal(&post) {
            return Ok(LoginOutcome::BeginAtPage { idp });
        }
        self.steps.measure(Step::Login, self.post(post)).await
    }

    async fn post(&self, post: LoginPost) -> Result<LoginOutcome, LoginError> {
        let attempt = Attempt::new(post, self.settings.binding)?;
        let identity = self.identify(&attempt).await?;
        let idp = identity.idp().to_owned();
        let decided = self.decide(&attempt, identity.into()).await?;
        // Nothing is used up where credentials could not be locked away.
        self.ports.keys.ready().await.map_err(|_| LoginError::Keys)?;
        match decided {
            Decided::One(grant, for_use) => {
                let rule = Some(grant.rule().to_owned());
                let ticket = self.issue_one(&attempt, *grant, for_use).await?;
                Ok(LoginOutcome::Issued(Issued { ticket, idp, rule }))
            }
            Decided::Several(identity, roles) => {
                let ticket = self.open_choice(&attempt, &identity, roles).await?;
                Ok(LoginOutcome::Choice(Issued { ticket, idp, rule: None }))
            }
        }
    }

    /// Step 4. The rules: which roles, on which terms?
    async fn decide(&self, attempt: &Attempt, identity: Arc<Identity>) -> Result<Decided, LoginError> {
        match self.judge_roles(attempt, &identity) {
            Ok(decided) => Ok(decided),
            Err(denial) => Err(self.denied(attempt, *denial).await),
        }
    }

    fn judge_roles(&self, attempt: &Attempt, identity: &Arc<Identity>) -> Result<Decided, Box<Denial>> {
        let for_use = attempt.for_use();
        let offers = |for_use| {
            let circumstances = Circumstances { page: attempt.began_at.name(), for_use };
            self.settings.rules.decide_for(Arc::clone(identity), circumstances)
        };
        if for_use == Use::Shell {
            // Whatever there is to choose, the person says to whom it goes.
            return Ok(Decided::Several(Arc::clone(identity), offers(for_use)?.granted().len()));
        }
        if !self.settings.pages.may_choose(&attempt.began_at) {
            return Ok(Decided::One(offers(for_use)?.first()?.into(), for_use));
        }
        let (credentials, console) =
            (offers(Use::Page), self.settings.console.is_some().then(|| offers(Use::Console)));
        let roles: BTreeSet<&str> =
            [credentials.as_ref().ok(), console.as_ref().and_then(|it| it.as_ref().ok())]
                .into_iter()
                .flatten()
                .flat_map(Offers::granted)
                .map(|terms| terms.role.as_str())
                .collect();
        if roles.len() > 1 {
            return Ok(Decided::Several(Arc::clone(identity), roles.len()));
        }
        match (for_use, credentials, console) {
            // The one role that there is, as it can be had, unless one use was asked for.
            (Use::Page, Err(_), Some(Ok(offers))) => Ok(Decided::One(offers.first()?.into(), Use::Console)),
            (Use::Console, _, Some(offers)) => Ok(Decided::One(offers?.first()?.into(), Use::Console)),
            (_, credentials, _) => Ok(Decided::One(credentials?.first()?.into(), Use::Page)),
        }
    }

    /// Records what the rules refuse.
    pub(super) async fn denied(&self, attempt: &Attempt, denial: Denial) -> LoginError {
        refusal_log::no_role(&attempt.reference, &denial);
        let subject = Subject::from(&*denial.identity).with_offered_roles(denial.identity.roles());
        let subject = Subject { rule: denial.rule.clone(), ..subject };
        self.record_refusal(attempt, denial.refusal.code(), subject).await;
        LoginError::Role(self.settings.answer(denial.refusal, denial.identity.idp()))
    }

    /// Steps 5 to 8 for the one role.
    async fn issue_one(&self, attempt: &Attempt, grant: Grant, for_use: Use) -> Result<Ticket, LoginError> {
        let destination = match for_use {
            Use::Console => Some(self.settings.destination(grant.role().partition(), None)?),
            Use::Page | Use::Shell => None,
        };
        let place = Place::of_login(&attempt.relay_state.session);
        let recipient = Recipient::of_page(&attempt.relay_state);
        let order = Order { attempt, grant, place, for_use, destination, part: None, recipient, shell: None };
        match self.issue(&order).await {
            Ok(ticket) => Ok(ticket),
            Err(Unbegun::Failed(error)) => Err(error),
            Err(Unbegun::Refused(error, subject)) => Err(self.not_begun(attempt, error, *subject).await),
        }
    }

    /// Records that the store did not begin this login.
    pub(super) async fn not_begun(
        &self,
        attempt: &Attempt,
        error: BeginError,
        subject: Subject,
    ) -> LoginError {
        let error = match error {
            BeginError::IssuedBeforeRestore => LoginError::IssuedBeforeRestore,
            BeginError::Replayed => LoginError::Replayed,
            BeginError::RequestAnswered => LoginError::RequestAnswered,
            // A login of its own stands on no choice.
            BeginError::SessionTaken | BeginError::ChoiceOver => LoginError::SessionTaken,
            BeginError::Unavailable => return LoginError::Store,
        };
        self.record_refusal(attempt, error.code(), subject).await;
        error
    }
}
