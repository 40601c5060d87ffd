//! The judgement: steps 2 to 4 of `docs/PROTOCOL.md` by the functions of the
//! service. What only its stores and AWS know is left open.

use crate::broker::{BeganAt, BrokerSettings, LoginError, RelayState, SamlRefusal};
use crate::http::Error;
use crate::roles::{Circumstances, Explanation, Terms};
use crate::saml::{
    AskedAuthn, AuthnRequestId, Expected, Identity, ResponseMessage, SentAuthnRequest, Trace, Traced,
    VerifiedAssertion,
};
use time::OffsetDateTime;

/// The instant of the judgement.
#[derive(Debug, Clone, Copy)]
pub enum Clock {
    /// This instant.
    At(OffsetDateTime),
    /// When the assertion says it was issued.
    Issued {
        /// Used if that is unknown, because a step before failed.
        otherwise: OffsetDateTime,
    },
}

/// How it ends.
#[derive(Debug)]
pub enum Judged {
    /// The service would go on to mark the assertion as used and to ask STS.
    Accepted {
        /// The roles that it gives: of several, one is chosen.
        granted: Vec<Terms>,
        explanation: Explanation,
    },
    /// The service would send the browser to the page, to begin a login at this identity
    /// provider: nothing else is taken from a sign-in of its portal.
    BeginsAtPage {
        /// Its configured name.
        idp: String,
    },
    /// By this step.
    Refused {
        /// Set for a step outside of `saml`: `relay_state`, `form`, `rules`.
        step: Option<&'static str>,
        /// As it is shown to the person.
        error: Error,
        /// How the rules went, if they were asked.
        explanation: Option<Explanation>,
    },
}

/// The steps, and the result.
#[derive(Debug)]
pub struct Judgement {
    /// Whether there was a RelayState to judge.
    pub relay_state: bool,
    /// The steps of `saml`.
    pub steps: Vec<Traced>,
    /// How it ends.
    pub outcome: Judged,
    /// The clock, if one was read (or could have been).
    pub at: OffsetDateTime,
    /// What would become of it at the instant of its issue, if only times refuse it.
    pub in_time: Option<InTime>,
    /// Conditions that cannot be checked offline.
    pub unchecked: Vec<&'static str>,
}

/// The end of a judgement as of the assertion's issue.
#[derive(Debug)]
pub struct InTime {
    /// When the assertion says it was issued.
    pub at: OffsetDateTime,
    /// Accepted, or refused for another reason than its times.
    pub outcome: Judged,
}

const NO_RELAY_STATE: &str = "RelayState came with it and is as the page makes it (none was given here; \
                              without one nothing is handed over: a login begins at the page, or the answer is \
                              relay_state_missing)";
const REQUEST: &str = "the request that InResponseTo names was made here, for the same RelayState and shortly \
                       before the assertion was issued, and has had no other answer (only the service's key \
                       ring can tell; it is judged here as made when the assertion was issued, at the built-in page, asking for what is \
                       configured)";
const CLAIM: &str = "the assertion was not used before (the store knows)";
const SESSION: &str = "nothing waits under the session id (the store knows)";
const STS: &str = "AWS agrees: IAM's SAML provider has the same keys, the role trusts it, the duration is within \
                   the role's own";

/// Judges one posted form. `show_values`: keep the values about the person too.
pub fn judge(
    settings: &BrokerSettings,
    saml_response: &str,
    relay_state: Option<&str>,
    clock: Clock,
    show_values: bool,
) -> Judgement {
    let trace = if show_values { Trace::with_values() } else { Trace::default() };
    let (Clock::At(mut at) | Clock::Issued { otherwise: mut at }) = clock;
    let mut unchecked = Vec::new();
    let outcome = match relay_state.map(|text| RelayState::parse(Some(text), settings.binding)).transpose() {
        Err(error) => Judged::refused(Some("relay_state"), LoginError::RelayState(error), None),
        Ok(parsed) => {
            if parsed.is_none() {
                unchecked.push(NO_RELAY_STATE);
            }
            let of_clock = |verified: &VerifiedAssertion<'_, '_>| {
                if matches!(clock, Clock::Issued { .. }) {
                    at = verified.issue_instant().unwrap_or(at);
                }
                at
            };
            match identify(settings, saml_response, &trace, of_clock, &mut unchecked) {
                Ok(identity) => decide(settings, identity),
                Err(error) => Judged::refused(None, error, None),
            }
        }
    };
    let in_time = if outcome.is_of_time_only() { in_time(settings, saml_response) } else { None };
    if matches!(outcome, Judged::Accepted { .. }) {
        unchecked.extend([CLAIM, SESSION, STS]);
    }
    Judgement {
        relay_state: relay_state.is_some(),
        steps: trace.into_steps(),
        outcome,
        at,
        in_time,
        unchecked,
    }
}

/// The same as of the instant of issue. `None` if times refuse it even then.
fn in_time(settings: &BrokerSettings, saml_response: &str) -> Option<InTime> {
    let mut at = None;
    let of_clock = |verified: &VerifiedAssertion<'_, '_>| {
        at = verified.issue_instant();
        at.unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    let outcome = match identify(settings, saml_response, &Trace::default(), of_clock, &mut Vec::new()) {
        Ok(identity) => decide(settings, identity),
        Err(error) => Judged::refused(None, error, None),
    };
    let at = at?;
    (!outcome.is_of_time_only()).then_some(InTime { at, outcome })
}

/// As `broker/identify.rs` does, except that the AuthnRequest is taken as ours.
fn identify(
    settings: &BrokerSettings,
    saml_response: &str,
    trace: &Trace,
    of_clock: impl FnOnce(&VerifiedAssertion<'_, '_>) -> OffsetDateTime,
    unchecked: &mut Vec<&'static str>,
) -> Result<Identity, LoginError> {
    let service = &settings.service;
    let message = ResponseMessage::decode(saml_response, &settings.limits, Some(trace))?
        .decrypt(&service.decryption_keys)?;
    let providers = settings.providers.current();
    let verified = message.parse()?.find_issuer(&providers)?.verify()?;
    let now = of_clock(&verified);
    let id = verified.in_response_to().and_then(AuthnRequestId::parse);
    let sent = id.map(|(id, _)| SentAuthnRequest {
        id,
        idp: verified.provider().name.clone(),
        issued_at: verified.issue_instant().unwrap_or(now),
        asked: AskedAuthn::default(),
    });
    if sent.is_some() {
        unchecked.push(REQUEST);
    }
    let expected = sent.as_ref().map_or(Expected::Unsolicited, Expected::InResponseTo);
    verified.accept(service, expected, now).map_err(|refused| refused.refusal.into())
}

fn decide(settings: &BrokerSettings, identity: Identity) -> Judged {
    let offers = settings.rules.decide_for(identity.into(), Circumstances::default());
    let decided = offers.and_then(|offers| {
        // As for a login that began at the built-in page.
        if settings.pages.may_choose(&BeganAt::default()) {
            return Ok((offers.granted().to_vec(), offers.explanation().clone()));
        }
        let grant = offers.first()?;
        Ok((vec![grant.terms().clone()], grant.explanation().clone()))
    });
    match decided {
        Ok((granted, explanation)) => Judged::Accepted { granted, explanation },
        Err(denial) => {
            let refusal = settings.answer(denial.refusal, denial.identity.idp());
            Judged::refused(Some("rules"), LoginError::Role(refusal), Some(denial.explanation))
        }
    }
}

impl Judged {
    fn refused(step: Option<&'static str>, error: LoginError, explanation: Option<Explanation>) -> Self {
        Self::Refused { step, error: Error::Login(error), explanation }
    }

    /// Whether another clock would have it otherwise.
    fn is_of_time_only(&self) -> bool {
        let Self::Refused { error: Error::Login(LoginError::Saml(refusal)), .. } = self else { return false };
        matches!(
            refusal,
            SamlRefusal::Expired
                | SamlRefusal::NotYetValid
                | SamlRefusal::RequestExpired
                | SamlRefusal::SessionOver
                | SamlRefusal::TooOld
                | SamlRefusal::MetadataExpired
        )
    }

    /// The stable code of a refusal.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Accepted { .. } | Self::BeginsAtPage { .. } => None,
            Self::Refused { error, .. } => Some(error.code()),
        }
    }

    /// How the rules went, if they were asked.
    pub fn explanation(&self) -> Option<&Explanation> {
        match self {
            Self::Accepted { explanation, .. } => Some(explanation),
            Self::BeginsAtPage { .. } => None,
            Self::Refused { explanation, .. } => explanation.as_ref(),
        }
    }
}

impl Judgement {
    /// Of a sign-in that began at this identity provider's portal.
    pub(super) fn of_a_portal(self, idp: String) -> Self {
        Self { relay_state: false, outcome: Judged::BeginsAtPage { idp }, unchecked: Vec::new(), ..self }
    }

    /// For a form in which the service would not find the response.
    pub(super) fn of_no_form(error: Error, clock: Clock) -> Self {
        let (Clock::At(at) | Clock::Issued { otherwise: at }) = clock;
        let outcome = Judged::Refused { step: Some("form"), error, explanation: None };
        Self { relay_state: false, steps: Vec::new(), outcome, at, in_time: None, unchecked: Vec::new() }
    }
}
