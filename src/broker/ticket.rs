//! The ticket: a JWT that lives 30 seconds and takes one session once.

use super::attempt::Attempt;
use super::ids::{Handle, Jti, LoginId, SessionId};
use super::page::Pages;
use super::place::Place;
use super::reason::{Reason, Unrecordable};
use super::refusal::{RedeemError, TicketError};
use super::relay_state::{Binding, Proof, RelayState, Verifier};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// How far the clocks of our own machines may differ.
const CLOCK_LEEWAY_SECONDS: i64 = 5;

/// What every ticket of this Vestibule says.
#[derive(Debug, Clone)]
pub struct TicketSettings {
    /// `iss` and `aud`: our `public_url`. Tickets are made by us, for us.
    pub issuer: String,
    /// How long a ticket lives. 30 seconds: long enough for a redirect on a slow
    /// phone, too short to be worth stealing from a log. One that asks for a reason
    /// lives longer.
    pub lifetime: Duration,
}

impl TicketSettings {
    /// What a ticket that is made now says.
    pub(super) fn claims(
        &self,
        attempt: &Attempt,
        login: &LoginId,
        jti: &Jti,
        now: OffsetDateTime,
    ) -> TicketClaims {
        TicketClaims {
            kind: TicketKind::HandOver,
            iss: self.issuer.clone(),
            aud: self.issuer.clone(),
            sub: attempt.relay_state.session.as_str().to_owned(),
            jti: jti.clone(),
            login: login.clone(),
            reference: Some(attempt.reference.current().as_str().to_owned()),
            challenge: attempt.relay_state.proof.as_str().to_owned(),
            sealed: attempt.relay_state.proof.key().is_some(),
            ask: None,
            part: None,
            page: attempt.began_at.other().map(str::to_owned),
            iat: now.unix_timestamp(),
            nbf: None,
            exp: now.unix_timestamp() + self.lifetime.whole_seconds(),
        }
    }
}

/// What a ticket is for. Each kind has its own `typ` (RFC 8725 section 3.11) and audience, so
/// that none is taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TicketKind {
    /// Takes credentials, once.
    #[default]
    HandOver,
    /// Lists roles and chooses among them, as often as it is shown.
    Choice,
}

impl TicketKind {
    const ALL: [Self; 2] = [Self::HandOver, Self::Choice];

    /// The header's `typ`.
    pub const fn typ(self) -> &'static str {
        match self {
            Self::HandOver => "JWT",
            Self::Choice => "choice+jwt",
        }
    }

    /// Of a header's `typ`.
    ///
    /// # Errors
    /// [`TicketError::Malformed`].
    pub fn of_typ(typ: Option<&str>) -> Result<Self, TicketError> {
        Self::ALL.into_iter().find(|kind| typ == Some(kind.typ())).ok_or(TicketError::Malformed)
    }

    fn audience(self, issuer: &str) -> String {
        match self {
            Self::HandOver => issuer.to_owned(),
            Self::Choice => format!("{issuer}/saml/choice"),
        }
    }
}

/// The claims (RFC 7519 section 4.1, and seven of our own).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketClaims {
    /// In the header, as `typ`.
    #[serde(skip)]
    pub kind: TicketKind,
    /// Issuer: our `public_url`.
    pub iss: String,
    /// Audience: our `public_url`; of a choice, with `/saml/choice`.
    pub aud: String,
    /// Subject: the session id.
    pub sub: String,
    /// JWT ID.
    pub jti: Jti,
    /// The login that it ends; events about a take name it.
    pub login: LoginId,
    /// The login's reference; none in tickets of versions that did not hand it on.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The challenge of the RelayState; or the key, in a ticket that is sealed to it.
    pub challenge: String,
    /// Whether only the holder of a key can have read this ticket, and so needs no other proof.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sealed: bool,
    /// The operator's sentence by which a reason is asked for: without one this ticket takes
    /// nothing. Here, so that it is known before the store is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<String>,
    /// The handle of the part of a choice that it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Handle>,
    /// The page that it is for; none for the built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Issued at, seconds since 1970.
    pub iat: i64,
    /// Not before, seconds since 1970; we make none, and honour it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// Expires at, seconds since 1970.
    pub exp: i64,
}

impl TicketClaims {
    pub(super) fn of_part(self, part: Option<Handle>) -> Self {
        Self { part, ..self }
    }

    /// With the question that is to be answered.
    pub(super) fn asking(self, ask: Option<&str>) -> Self {
        Self { ask: ask.map(str::to_owned), ..self }
    }

    /// So long from its issue on.
    pub(super) fn lasting(self, lifetime: Duration) -> Self {
        Self { exp: self.iat + lifetime.whole_seconds(), ..self }
    }

    /// Of a choice that waits so long.
    pub(super) fn for_choice(self, expires_at: OffsetDateTime) -> Self {
        let kind = TicketKind::Choice;
        Self { kind, aud: kind.audience(&self.iss), exp: expires_at.unix_timestamp(), ..self }
    }

    /// Not longer than this.
    pub(super) fn until(self, ends_at: OffsetDateTime) -> Self {
        Self { exp: self.exp.min(ends_at.unix_timestamp()), ..self }
    }
}

impl std::fmt::Debug for TicketClaims {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketClaims").field("iat", &self.iat).field("exp", &self.exp).finish_non_exhaustive()
    }
}

/// A signed ticket (JWS compact serialization). A bearer secret while it lives.
#[derive(Debug)]
pub struct Ticket(SecretString);

impl Ticket {
    /// Wraps what a key ring has signed.
    pub fn from_signed(jws: String) -> Self {
        Self(jws.into())
    }
    /// For the redirect.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// A ticket whose signature, issuer, audience and time hold; only the broker makes one
/// (`redeem.rs`). It names a session, but takes nothing before it is bound to the browser.
#[derive(Debug)]
pub struct VerifiedTicket {
    session: SessionId,
    claims: TicketClaims,
    binding: Binding,
}

impl VerifiedTicket {
    /// Checks issuer, audience and time of claims whose signature a key ring has
    /// verified; no leeway at its end, since we made the ticket and we check it.
    pub(super) fn new(
        claims: TicketClaims,
        issuer: &str,
        binding: Binding,
        now: OffsetDateTime,
    ) -> Result<Self, TicketError> {
        if claims.iss != issuer || claims.aud != claims.kind.audience(issuer) {
            return Err(TicketError::Invalid);
        }
        if now.unix_timestamp() >= claims.exp {
            return Err(TicketError::Expired);
        }
        // Made later than now: a clock was set back, and it would live longer than it should.
        if claims.iat.max(claims.nbf.unwrap_or(i64::MIN)) > now.unix_timestamp() + CLOCK_LEEWAY_SECONDS {
            return Err(TicketError::NotYetValid);
        }
        let session = SessionId::parse(&claims.sub).ok_or(TicketError::Malformed)?;
        // As it was issued, whatever is configured since.
        let binding = match (claims.sealed, binding) {
            (true, _) => Binding::Sealed,
            (false, Binding::Plain) => Binding::Plain,
            (false, Binding::Challenge | Binding::Sealed) => Binding::Challenge,
        };
        Ok(Self { session, claims, binding })
    }

    /// The session that it names.
    pub fn session(&self) -> &SessionId {
        &self.session
    }

    /// Checks that it is of this kind.
    ///
    /// # Errors
    /// [`TicketError`].
    pub fn of_kind(self, kind: TicketKind) -> Result<Self, TicketError> {
        match (self.claims.kind, kind) {
            (TicketKind::Choice, TicketKind::HandOver) => Err(TicketError::ForChoice),
            (TicketKind::HandOver, TicketKind::Choice) => Err(TicketError::NotForChoice),
            (TicketKind::HandOver, TicketKind::HandOver) | (TicketKind::Choice, TicketKind::Choice) => {
                Ok(self)
            }
        }
    }

    /// Checks that it takes credentials, and that the caller is the page and the browser that
    /// began: the origin against the page's, the verifier against the challenge, and
    /// `COGNITO_ID`, where sent, against the session id.
    ///
    /// # Errors
    /// [`TicketError`].
    pub fn bind(self, caller: &Caller<'_>, pages: &Pages) -> Result<BoundTicket, TicketError> {
        let ticket = self.of_kind(TicketKind::HandOver)?;
        ticket.is_shown_by(caller, pages)?;
        Ok(BoundTicket { session: ticket.session, claims: ticket.claims })
    }

    /// The same of a ticket that chooses; and its page must be one where people choose.
    ///
    /// # Errors
    /// [`TicketError`].
    pub fn bind_choice(self, caller: &Caller<'_>, pages: &Pages) -> Result<ChoiceTicket, TicketError> {
        let ticket = self.of_kind(TicketKind::Choice)?;
        ticket.is_shown_by(caller, pages)?;
        let page = ticket.claims.page.as_deref();
        if caller.origin.is_some_and(|origin| !pages.chooses_at(origin, page)) {
            return Err(TicketError::OtherPage);
        }
        let Self { session, claims: TicketClaims { jti, login, challenge, .. }, binding } = ticket;
        let proof = Proof::parse(&challenge, binding).map_err(|_| TicketError::Malformed)?;
        Ok(ChoiceTicket { relay_state: RelayState { session, proof }, jti, login })
    }

    fn is_shown_by(&self, caller: &Caller<'_>, pages: &Pages) -> Result<(), TicketError> {
        let &Caller { origin, verifier, cognito_id } = caller;
        // No page takes what is another's.
        let page_of = |origin| pages.by_origin(origin).map(|page| page.name.as_str());
        if origin.is_some_and(|origin| page_of(origin) != self.claims.page.as_deref()) {
            return Err(TicketError::OtherPage);
        }
        match self.binding {
            Binding::Challenge => {
                let verifier = verifier.ok_or(TicketError::VerifierMissing)?;
                let verifier = Verifier::parse(verifier).ok_or(TicketError::VerifierMismatch)?;
                if !verifier.meets(&self.claims.challenge) {
                    return Err(TicketError::VerifierMismatch);
                }
            }
            // Whoever shows it has opened it with the key.
            Binding::Sealed => {}
            Binding::Plain => {
                cognito_id.ok_or(TicketError::CognitoIdMissing)?;
            }
        }
        if cognito_id.is_some_and(|id| id != self.session.as_str()) {
            return Err(TicketError::CognitoIdMismatch);
        }
        Ok(())
    }
}

/// What the caller shows beside a ticket.
#[derive(Default)]
pub struct Caller<'c> {
    /// `Origin`, as the browser has sent it; a request from the service's own origin, or from
    /// no browser, has none.
    pub origin: Option<&'c str>,
    /// `Vestibule-Verifier`
    pub verifier: Option<&'c str>,
    /// `COGNITO_ID`
    pub cognito_id: Option<&'c str>,
}

/// A ticket that chooses, shown by the page and the browser that began the login.
#[derive(Debug)]
pub struct ChoiceTicket {
    pub(super) relay_state: RelayState,
    pub(super) jti: Jti,
    pub(super) login: LoginId,
}

/// A ticket shown by the page and the browser that began the login.
#[derive(Debug)]
pub struct BoundTicket {
    session: SessionId,
    claims: TicketClaims,
}

impl BoundTicket {
    /// Checks that there is a reason where one is asked for. One that nobody asked for is
    /// recorded too, and so held against the same rules.
    ///
    /// # Errors
    /// [`RedeemError`], which has the operator's sentence.
    pub(super) fn answer(
        self,
        reason: Option<Result<Reason, Unrecordable>>,
    ) -> Result<RedeemableTicket, RedeemError> {
        let Self { session, claims: TicketClaims { jti, login, ask, part, .. } } = self;
        let reason = match (reason, ask) {
            (None, Some(ask)) => return Err(RedeemError::ReasonRequired { ask }),
            (Some(Err(Unrecordable)), ask) => return Err(RedeemError::ReasonMalformed { ask }),
            (Some(Ok(reason)), _) => Some(reason),
            (None, None) => None,
        };
        Ok(RedeemableTicket { place: Place::of_ticket(&session, part), jti, login, reason })
    }
}

/// A ticket of this browser, with the reason that it asks for. Nothing else takes a session.
#[derive(Debug)]
pub struct RedeemableTicket {
    pub(super) place: Place,
    pub(super) jti: Jti,
    pub(super) login: LoginId,
    pub(super) reason: Option<Reason>,
}
