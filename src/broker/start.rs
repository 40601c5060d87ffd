//! A login that starts here: the request that sends the browser to the
//! identity provider, and what is known of it when its answer comes.
//!
//! Nothing is stored until then. The request's `ID` is a seal of the moment it
//! was made, good for one RelayState and one identity provider only: any
//! process with the ring can tell that we made it, for which login and when, any
//! client may ask for any number of them, and no table fills up. `begin` uses the
//! request up together with the assertion, so that it is answered once.

use super::ports::key_ring::KeyRingError;
use super::refusal::{LoginError, StartError};
use super::relay_state::RelayState;
use super::seal::{Purpose, Sealed};
use super::use_cases::Broker;
use crate::saml::{
    AuthnRequest, AuthnRequestId, HTTP_POST, HTTP_REDIRECT, IdentityProvider, SentAuthnRequest,
};
use secrecy::ExposeSecret;
use time::OffsetDateTime;

/// How the browser takes a request to the identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthnRequestMessage {
    /// HTTP-Redirect binding: the address to go to.
    Redirect(String),
    /// HTTP-POST binding: the fields of a form.
    Post {
        /// The form's action.
        destination: String,
        /// `SAMLRequest`
        saml_request: String,
        /// `RelayState`
        relay_state: String,
    },
}

impl Broker {
    /// Starts a login at the identity provider of this name, or at the first.
    /// Changes nothing anywhere.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        &self,
        idp: Option<&str>,
        relay_state: Option<&str>,
    ) -> Result<AuthnRequestMessage, StartError> {
        let relay = RelayState::parse(relay_state, self.settings.binding)?;
        let providers = self.settings.providers.current();
        let mut providers = providers.iter();
        let provider =
            providers.find(|p| idp.is_none_or(|idp| idp == p.name)).ok_or(StartError::UnknownProvider)?;
        let (binding, destination) = service(provider).ok_or(StartError::NoSignOnService)?;

        let issued_at = self.ports.clock.now();
        let moment = issued_at.unix_timestamp().to_be_bytes().to_vec().into();
        let purpose = Purpose::request(&relay, &provider.name);
        let sealed = self.ports.keys.seal(&purpose, &moment).await.map_err(|_| StartError::Keys)?;
        let request = AuthnRequest {
            id: &AuthnRequestId::from_bytes(sealed.as_bytes()),
            issued_at,
            destination,
            issuer: &self.settings.service.entity_id,
            acs_url: &self.settings.service.acs_url,
            name_id_format: provider.name_id_format.as_deref(),
            requested_authn: &provider.requested_authn,
        };
        let key = self.settings.signing_key.as_deref().filter(|_| provider.sign_requests);
        let relay_state = relay_state.unwrap_or_default();
        let written = match binding {
            Binding::Redirect => {
                request.redirect_url(Some(relay_state), key).map(AuthnRequestMessage::Redirect)
            }
            Binding::Post => request.post_field(key).map(|saml_request| AuthnRequestMessage::Post {
                destination: destination.to_owned(),
                saml_request,
                relay_state: relay_state.to_owned(),
            }),
        };
        written.map_err(|_| StartError::Keys)
    }

    /// The request of ours by this `ID`, if it was made for this RelayState at
    /// this identity provider.
    pub(super) async fn sent(
        &self,
        id: &str,
        relay: &RelayState,
        provider: &IdentityProvider,
    ) -> Result<Option<SentAuthnRequest>, LoginError> {
        let Some((id, sealed)) = AuthnRequestId::parse(id) else { return Ok(None) };
        let purpose = Purpose::request(relay, &provider.name);
        match self.ports.keys.open(&purpose, &Sealed::from_ciphertext(sealed)).await {
            Ok(moment) => {
                let moment = <[u8; 8]>::try_from(moment.expose_secret()).map(i64::from_be_bytes).ok();
                let issued_at = moment.and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
                Ok(issued_at.map(|issued_at| SentAuthnRequest { id, idp: provider.name.clone(), issued_at }))
            }
            Err(KeyRingError::BrokenSeal) => Ok(None),
            Err(KeyRingError::Unavailable) => Err(LoginError::Keys),
        }
    }
}

#[derive(Clone, Copy)]
enum Binding {
    Redirect,
    Post,
}

/// The redirect first: it needs no script in between.
fn service(provider: &IdentityProvider) -> Option<(Binding, &str)> {
    [(Binding::Redirect, HTTP_REDIRECT), (Binding::Post, HTTP_POST)].into_iter().find_map(|(binding, uri)| {
        let service = provider.sign_on_services.iter().find(|service| service.binding == uri)?;
        Some((binding, service.location.as_str()))
    })
}
