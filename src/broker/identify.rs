//! Steps 2 and 3 of a login: read, verify, accept; the answer is an identity.

use super::attempt::{Attempt, LoginPost};
use super::audit::Subject;
use super::refusal::LoginError;
use super::refusal_log;
use super::relay_state::Binding;
use super::settings::BrokerSettings;
use super::use_cases::Broker;
use crate::saml::{
    Expected, Identity, IdentityProvider, IdentityProviders, ResponseMessage, SamlRefusal, Trace,
};
use time::OffsetDateTime;

/// Why there is no identity.
struct Unidentified {
    error: LoginError,
    /// The identity provider whose metadata may be out of date.
    out_of_date: Option<String>,
    /// What is recorded of the message, where its signature was verified and it was
    /// made for us.
    about: Option<Subject>,
}

impl Unidentified {
    /// By this refusal of a message that names this identity provider as its issuer.
    fn by(refusal: SamlRefusal, claimed: &IdentityProvider) -> Self {
        let may_be = matches!(refusal, SamlRefusal::SignatureMismatch | SamlRefusal::MetadataExpired);
        let out_of_date = may_be.then(|| claimed.name.clone());
        Self { error: refusal.into(), out_of_date, about: None }
    }
}

impl<E: Into<LoginError>> From<E> for Unidentified {
    fn from(error: E) -> Self {
        Self { error: error.into(), out_of_date: None, about: None }
    }
}

impl Broker {
    /// Identifies the person. A key that is not known may be new, so the identity
    /// provider's metadata is fetched again before the message is refused. The log
    /// has the reason.
    pub(super) async fn identify(&self, attempt: &Attempt) -> Result<Identity, LoginError> {
        let known = self.settings.providers.current();
        let mut trace = Trace::default();
        let now = self.ports.clock.now();
        let mut outcome = self.judge(attempt, &known, &trace, now).await;
        if let Err(unidentified) = &outcome
            && let Some(idp) = self.out_of_date(unidentified, attempt, &known)
            && self.has_newer_keys(&idp, &known).await
        {
            let newer = self.settings.providers.current();
            trace = Trace::default();
            outcome = self.judge(attempt, &newer, &trace, self.ports.clock.now()).await;
        }
        let Unidentified { error, about, .. } = match outcome {
            Ok(identity) => return Ok(identity),
            Err(unidentified) => unidentified,
        };
        if let LoginError::Saml(refusal) = error {
            refusal_log::not_accepted(&attempt.reference, refusal, trace, self.ports.clock.now());
        }
        if let Some(subject) = about {
            self.record_refusal(attempt, error.code(), subject).await;
        }
        Err(error)
    }

    /// Identifies the person of a response that was accepted before, as of then, by what is
    /// trusted now: a key that was denied meanwhile verifies nothing.
    pub(super) async fn identify_again(
        &self,
        attempt: &Attempt,
        accepted_at: OffsetDateTime,
    ) -> Result<Identity, LoginError> {
        let trace = Trace::default();
        let known = self.settings.providers.current();
        let outcome = self.judge(attempt, &known, &trace, accepted_at).await;
        outcome.map_err(|Unidentified { error, .. }| {
            if let LoginError::Saml(refusal) = error {
                refusal_log::not_accepted(&attempt.reference, refusal, trace, accepted_at);
            }
            error
        })
    }

    /// The identity provider whose metadata may be out of date. An encrypted assertion may
    /// be signed by a new key; whether it is, nobody may learn who does not know what is in
    /// it, or asking for newer metadata would tell whether a ciphertext can be opened. So
    /// every refusal of one counts, and the issuer is the one that everybody can read.
    fn out_of_date(
        &self,
        unidentified: &Unidentified,
        attempt: &Attempt,
        known: &IdentityProviders,
    ) -> Option<String> {
        if !matches!(unidentified.error, LoginError::Saml(SamlRefusal::NotDecryptable)) {
            return unidentified.out_of_date.clone();
        }
        let message = ResponseMessage::decode(&attempt.saml_response, &self.settings.limits, None).ok()?;
        message.visible_issuer(known).map(|provider| provider.name.clone())
    }

    /// As [`BrokerSettings::portal`] has it.
    pub(super) fn portal(&self, post: &LoginPost) -> Option<String> {
        self.settings.portal(&post.saml_response, post.relay_state.as_deref())
    }

    /// Reads, verifies and accepts by these identity providers.
    async fn judge(
        &self,
        attempt: &Attempt,
        providers: &IdentityProviders,
        trace: &Trace,
        now: OffsetDateTime,
    ) -> Result<Identity, Unidentified> {
        let service = &self.settings.service;
        let message = ResponseMessage::decode(&attempt.saml_response, &self.settings.limits, Some(trace))?
            .decrypt(&service.decryption_keys)?;
        let claimed = message.parse()?.find_issuer(providers)?;
        let provider = claimed.provider();
        let refused = |refusal| Unidentified::by(refusal, provider);
        let verified = claimed.verify().map_err(refused)?;
        let sent = match verified.in_response_to() {
            Some(id) => self.sent(id, attempt, provider).await?,
            None => None,
        };
        let expected = sent.as_ref().map_or(Expected::Unsolicited, Expected::InResponseTo);
        verified.accept(service, expected, now).map_err(|assertion| {
            let is_recorded = assertion.refusal.is_authenticated() && assertion.is_addressed_to_us;
            let about = is_recorded.then(|| Subject::of_refused(provider, &assertion));
            Unidentified { about, ..refused(assertion.refusal) }
        })
    }
}

impl BrokerSettings {
    /// The identity provider at whose portal the person began: its own response, without a
    /// RelayState, that answers no request. Its times and audience do not matter, since
    /// nothing is taken from it but where to begin. Pages of the 2017 sample cannot begin.
    pub fn portal(&self, saml_response: &str, relay_state: Option<&str>) -> Option<String> {
        if !relay_state.unwrap_or_default().is_empty() || self.binding == Binding::Plain {
            return None;
        }
        let providers = self.providers.current();
        let message = ResponseMessage::decode(saml_response, &self.limits, None);
        let message = message.and_then(|message| message.decrypt(&self.service.decryption_keys)).ok()?;
        let verified = message.parse().ok()?.find_issuer(&providers).ok()?.verify().ok()?;
        // Who drops the RelayState of a request would drop the next one too.
        verified.in_response_to().is_none().then(|| verified.provider().name.clone())
    }
}
