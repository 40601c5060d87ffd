//! The choice of a person who has several roles: how it is kept, shown, and found again.
//!
//! `POST /saml` uses the assertion up and keeps the response, sealed, for as long as STS takes
//! it. Whoever has the choice's ticket and the verifier sees the roles and chooses some
//! (`choose.rs`); each of those is a login of its own.

use super::attempt::Attempt;
use super::audit::{EventKind, Subject};
use super::ids::{Jti, LoginId, SupportId};
use super::page::BeganAt;
use super::ports::key_ring::KeyRingError;
use super::ports::session_store::{ChoiceStart, Held, RoleUsed};
use super::recipient::Recipient;
use super::reference::{Reference, log_login};
use super::refusal::{ChoiceError, LoginError, ShellError, TicketError};
use super::relay_state::RelayState;
use super::seal::{Purpose, SealedSession};
use super::shell::{AskedByShell, ShownShellRequest};
use super::steps::Step;
use super::ticket::{Caller, ChoiceTicket, Ticket};
use super::use_cases::Broker;
use super::waiting_response::WaitingResponse;
use crate::roles::{Circumstances, RoleArn, RoleRefusal, Terms, Use};
use crate::saml::{Identity, SamlRefusal};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// How long after its issue STS takes an assertion
/// (`AssumeRoleWithSAML`: within five minutes of issuance).
const REDEEMABLE: Duration = Duration::minutes(5);

/// What the caller of `/saml/choice` sent.
pub struct ChoiceRequest {
    /// From `Authorization`, with or without `Bearer`.
    pub ticket: Option<String>,
    /// From `Vestibule-Verifier`.
    pub verifier: Option<String>,
    /// From `COGNITO_ID`.
    pub cognito_id: Option<String>,
    /// From `Origin`.
    pub origin: Option<String>,
    /// This request's reference.
    pub reference: Reference,
    /// The client's address.
    pub source_ip: Option<IpAddr>,
    /// Where it turns out to have begun, for whoever answers.
    pub began_at: BeganAt,
    /// What a program at a shell asked for, where it is for one.
    pub shell: Option<ShownShellRequest>,
}

/// The roles of one person.
#[derive(Debug)]
pub struct ChoiceList {
    /// The role session name: who AWS will say it is.
    pub user: String,
    /// Name of the identity provider.
    pub idp: String,
    /// From then on nothing can be chosen.
    pub expires_at: OffsetDateTime,
    /// The program at a shell that is to get them, where one is.
    pub shell: Option<Arc<AskedByShell>>,
    /// Those that can be had first, among them those that were used last; else by ARN.
    pub roles: Vec<ListedRole>,
}

/// One role, and what the rules say of it.
#[derive(Debug)]
pub struct ListedRole {
    /// The role.
    pub role: RoleArn,
    /// When this person had it last, as far as the store knows.
    pub last_used: Option<OffsetDateTime>,
    /// Its credentials.
    pub credentials: Result<Terms, RoleRefusal>,
    /// A sign-in to the console with it; `None` where the console is not offered.
    pub console: Option<Result<Terms, RoleRefusal>>,
}

impl ListedRole {
    /// Whether it can be chosen.
    pub fn can_be_had(&self) -> bool {
        self.credentials.is_ok() || matches!(self.console, Some(Ok(_)))
    }
}

/// A choice that waits, found again by its ticket: as when the response was accepted.
pub(super) struct Reopened {
    pub(super) attempt: Attempt,
    pub(super) identity: Arc<Identity>,
    pub(super) login: LoginId,
    pub(super) shell: Option<Arc<AskedByShell>>,
    expires_at: OffsetDateTime,
}

impl Broker {
    /// In place of steps 5 to 8, where the rules leave several roles: one transaction uses the
    /// assertion up, keeps the response and records it.
    pub(super) async fn open_choice(
        &self,
        attempt: &Attempt,
        identity: &Identity,
        roles: usize,
    ) -> Result<Ticket, LoginError> {
        let now = self.ports.clock.now();
        let offered_count = u64::try_from(roles).ok();
        let subject = Subject { offered_count, ..Subject::from(identity) };
        if self.is_known_replay(&subject, now) {
            return Err(LoginError::Replayed);
        }
        // Its clock may be ahead: by ours it was issued now, at the latest. AWS knows nothing of
        // the skew that is allowed here.
        let not_on_or_after = identity.not_on_or_after() - self.settings.service.clock_skew;
        let expires_at = (identity.issued_at().min(now) + REDEEMABLE).min(not_on_or_after);
        if expires_at <= now {
            let refusal = SamlRefusal::TooOld;
            self.record_refusal(attempt, refusal.code(), subject).await;
            return Err(refusal.into());
        }
        let session = &attempt.relay_state.session;
        let plaintext = WaitingResponse::plaintext(identity, now).ok_or(LoginError::Keys)?;
        let purpose = Purpose::choice(session);
        let sealed = self.steps.measure(Step::KeysSeal, self.ports.keys.seal(&purpose, &plaintext)).await;
        let sealed = sealed.map_err(|_| LoginError::Keys)?;
        let login = LoginId::new(now, &*self.ports.random);
        let jti = Jti::random(&*self.ports.random);
        let claims = self.settings.tickets.claims(attempt, &login, &jti, now).for_choice(expires_at);
        let recipient = Recipient::of_page(&attempt.relay_state);
        let ticket = self.ticket(claims, recipient.as_ref()).await?;
        let start = ChoiceStart {
            message: self.used_message(identity),
            choice: SealedSession::new(login.clone(), session.handle(), jti, sealed, expires_at),
            event: attempt.event(EventKind::ChoiceOpened, now, Some(&login), subject),
        };
        match self.steps.measure(Step::StoreOpenChoice, self.ports.sessions.open_choice(&start)).await {
            Ok(()) => {
                log_login(&login);
                Ok(ticket)
            }
            Err(error) => Err(self.not_begun(attempt, error, start.event.subject).await),
        }
    }

    /// The roles among which this ticket chooses. Changes nothing.
    ///
    /// # Errors
    /// [`ChoiceError`].
    pub async fn list_choice(&self, request: &ChoiceRequest) -> Result<ChoiceList, ChoiceError> {
        self.steps.measure(Step::List, self.list(request)).await
    }

    async fn list(&self, request: &ChoiceRequest) -> Result<ChoiceList, ChoiceError> {
        let Reopened { attempt, identity, expires_at, shell, .. } = self.reopen(request).await?;
        let list = |for_use| {
            let circumstances = Circumstances { page: attempt.began_at.name(), for_use };
            let listed = self.settings.rules.list(&identity, circumstances).into_iter();
            let idp = identity.idp();
            listed.map(move |(role, outcome)| {
                (role, outcome.map_err(|refusal| self.settings.answer(refusal, idp)))
            })
        };
        let used = self.ports.sessions.roles_used(identity.idp(), identity.name_id());
        let used = self.steps.measure(Step::StoreRolesUsed, used).await.unwrap_or_else(|_| {
            tracing::warn!("the roles used last are not known: store unavailable");
            Vec::new()
        });
        let used: BTreeMap<String, OffsetDateTime> =
            used.into_iter().map(|RoleUsed { role, at }| (role, at)).collect();
        let mut console: BTreeMap<RoleArn, Result<Terms, RoleRefusal>> = match self.settings.console {
            Some(_) if shell.is_none() => list(Use::Console).collect(),
            Some(_) | None => BTreeMap::new(),
        };
        let for_use = if shell.is_some() { Use::Shell } else { Use::Page };
        let mut roles: Vec<ListedRole> = list(for_use)
            .map(|(role, credentials)| ListedRole {
                last_used: used.get(role.as_str()).copied(),
                console: console.remove(&role),
                credentials,
                role,
            })
            .collect();
        // Stable: else by ARN.
        roles.sort_by_key(|listed| (!listed.can_be_had(), std::cmp::Reverse(listed.last_used)));
        let (user, idp) = (identity.role_session_name().to_owned(), identity.idp().to_owned());
        Ok(ChoiceList { user, idp, expires_at, shell, roles })
    }

    /// Finds a choice again: ticket and caller are checked, the response is opened and
    /// verified once more.
    pub(super) async fn reopen(&self, request: &ChoiceRequest) -> Result<Reopened, ChoiceError> {
        let now = self.ports.clock.now();
        let token = request.ticket.as_deref().ok_or(TicketError::Missing)?;
        let claims = self.claims(token).await?;
        log_login(&claims.login);
        if let Some(reference) = claims.reference.as_deref().and_then(SupportId::parse) {
            request.reference.adopt(reference);
        }
        let ticket = self.judge_ticket(claims, now)?.bind_choice(&request.caller(), &self.settings.pages)?;
        let ChoiceTicket { relay_state, jti, login } = ticket;

        let handle = relay_state.session.handle();
        let looked = self.ports.sessions.look(&handle, now);
        let held = self.steps.measure(Step::StoreLook, looked).await.map_err(|_| ChoiceError::Store)?;
        let Some(Held::Choice(choice)) = held else { return Err(ChoiceError::Over) };
        if (choice.login(), choice.jti()) != (&login, &jti) {
            return Err(ChoiceError::Over);
        }
        let purpose = Purpose::choice(&relay_state.session);
        let opened = self.ports.keys.open(&purpose, choice.sealed());
        let opened = self.steps.measure(Step::KeysOpen, opened).await.map_err(|error| match error {
            KeyRingError::Unavailable => ChoiceError::from(TicketError::KeysUnavailable),
            KeyRingError::BrokenSeal => ChoiceError::Over,
        })?;
        let waiting = WaitingResponse::from_plaintext(&opened, self.settings.limits.max_response_chars);
        let WaitingResponse { accepted_at, saml_response } = waiting.ok_or(ChoiceError::Over)?;
        let attempt = request.attempt(saml_response, relay_state);
        let identity = self.identify_again(&attempt, accepted_at).await?;
        if !self.settings.pages.may_choose(&attempt.began_at) {
            return Err(ChoiceError::PageMayNot);
        }
        let shell = match (attempt.for_use(), &request.shell) {
            (Use::Shell, shown) => Some(Arc::new(self.asked_by_shell(shown.as_ref()).await?)),
            (Use::Page | Use::Console, None) => None,
            (Use::Page | Use::Console, Some(_)) => return Err(ShellError::Malformed.into()),
        };
        let identity = Arc::new(identity.aged_by(now - accepted_at));
        Ok(Reopened { attempt, identity, login, shell, expires_at: choice.expires_at() })
    }
}

impl ChoiceRequest {
    /// The attempt of the response that was accepted before.
    fn attempt(&self, saml_response: Zeroizing<String>, relay_state: RelayState) -> Attempt {
        Attempt::again(
            saml_response,
            relay_state,
            self.reference.clone(),
            self.source_ip,
            self.began_at.clone(),
        )
    }

    fn caller(&self) -> Caller<'_> {
        Caller {
            origin: self.origin.as_deref(),
            verifier: self.verifier.as_deref(),
            cognito_id: self.cognito_id.as_deref(),
        }
    }
}
