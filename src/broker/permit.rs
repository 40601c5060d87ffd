//! Leave to begin a sealed login: what shows that the page itself begins it, and not a link.

use super::page::Page;
use super::ports::key_ring::KeyRingError;
use super::refusal::StartError;
use super::relay_state::RelayState;
use super::seal::{Purpose, Sealed};
use super::steps::Step;
use super::use_cases::Broker;
use crate::roles::BUILT_IN_PAGE;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;
use time::{Duration, OffsetDateTime};

/// How long a page may take from the permit to the start.
pub const PERMIT_LIFETIME: Duration = Duration::seconds(60);

/// What a page asks leave for.
#[derive(Debug, Default)]
pub struct PermitRequest<'p> {
    pub relay_state: Option<&'p str>,
    /// The page that begins it; the built-in one, if there is none.
    pub page: Option<&'p str>,
    /// As the browser sent it.
    pub origin: Option<&'p str>,
}

impl Broker {
    /// Leave for a page to begin a sealed login: the key in its RelayState came from the page
    /// itself, and not by a link, whose writer would have what is sealed to it. Changes nothing
    /// anywhere.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn permit(&self, request: &PermitRequest<'_>) -> Result<String, StartError> {
        let page = self.page_of(request.page)?;
        let relay = RelayState::parse(request.relay_state, self.settings.binding)?;
        let name = page.map(|page| page.name.as_str());
        if !request.origin.is_some_and(|origin| self.settings.pages.is_at(origin, name)) {
            return Err(StartError::Elsewhere);
        }
        let now = self.ports.clock.now().unix_timestamp().to_be_bytes().to_vec().into();
        let purpose = Purpose::permit(&relay, name.unwrap_or(BUILT_IN_PAGE));
        let sealed = self.ports.keys.seal(&purpose, &now);
        let sealed = self.steps.measure(Step::KeysSeal, sealed).await.map_err(|_| StartError::Keys)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed.as_bytes()))
    }

    pub(super) async fn is_permitted(
        &self,
        relay: &RelayState,
        page: Option<&Page>,
        permit: Option<&str>,
    ) -> Result<(), StartError> {
        let sealed = permit.and_then(|permit| URL_SAFE_NO_PAD.decode(permit).ok());
        let sealed = Sealed::from_ciphertext(sealed.ok_or(StartError::Elsewhere)?);
        let purpose = Purpose::permit(relay, page.map_or(BUILT_IN_PAGE, |page| page.name.as_str()));
        let opened = self.steps.measure(Step::KeysOpen, self.ports.keys.open(&purpose, &sealed)).await;
        let opened = opened.map_err(|error| match error {
            KeyRingError::BrokenSeal => StartError::Elsewhere,
            KeyRingError::Unavailable => StartError::Keys,
        })?;
        let at = opened.expose_secret().first_chunk().copied().map(i64::from_be_bytes);
        let at = at.and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        let ends = at.ok_or(StartError::Elsewhere)? + PERMIT_LIFETIME;
        if self.ports.clock.now() >= ends { Err(StartError::Elsewhere) } else { Ok(()) }
    }
}
