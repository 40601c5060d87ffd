//! A login that starts here: the request that sends the browser to the
//! identity provider, and what is known of it when its answer comes.
//!
//! Nothing is stored until then. The request's `ID` is a seal of the moment it
//! was made, good for one RelayState and one identity provider only: any
//! process with the ring can tell that we made it, for which login and when, any
//! client may ask for any number of them, and no table fills up. `begin` uses the
//! request up together with the assertion, so that it is answered once.

use super::attempt::Attempt;
use super::ids::SupportId;
use super::ports::key_ring::KeyRingError;
use super::reference::Reference;
use super::refusal::{LoginError, StartError};
use super::relay_state::RelayState;
use super::seal::{Purpose, Sealed};
use super::steps::Step;
use super::use_cases::Broker;
use crate::saml::{
    AskedAuthn, AuthnRequest, AuthnRequestId, HTTP_POST, HTTP_REDIRECT, IdentityProvider, SentAuthnRequest,
};
use secrecy::{ExposeSecret, SecretSlice};
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
        reference: &Reference,
    ) -> Result<AuthnRequestMessage, StartError> {
        let relay = RelayState::parse(relay_state, self.settings.binding)?;
        let providers = self.settings.providers.current();
        let mut providers = providers.iter();
        let provider =
            providers.find(|p| idp.is_none_or(|idp| idp == p.name)).ok_or(StartError::UnknownProvider)?;
        let (binding, destination) = service(provider).ok_or(StartError::NoSignOnService)?;

        let issued_at = self.ports.clock.now();
        let plaintext = Sent { issued_at, reference: Some(reference.current().clone()) }.to_plaintext();
        let purpose = Purpose::request(&relay, &provider.name);
        let sealed = self.steps.measure(Step::KeysSeal, self.ports.keys.seal(&purpose, &plaintext)).await;
        let sealed = sealed.map_err(|_| StartError::Keys)?;
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

    /// The request of ours by this `ID`, if it was made for this attempt's RelayState at
    /// this identity provider. Then the attempt goes on under the start's reference.
    pub(super) async fn sent(
        &self,
        id: &str,
        attempt: &Attempt,
        provider: &IdentityProvider,
    ) -> Result<Option<SentAuthnRequest>, LoginError> {
        let Some((id, sealed)) = AuthnRequestId::parse(id) else { return Ok(None) };
        let purpose = Purpose::request(&attempt.relay_state, &provider.name);
        let sealed = Sealed::from_ciphertext(sealed);
        match self.steps.measure(Step::KeysOpen, self.ports.keys.open(&purpose, &sealed)).await {
            Ok(plaintext) => {
                let Some(sent) = Sent::from_plaintext(plaintext.expose_secret()) else { return Ok(None) };
                if let Some(reference) = sent.reference {
                    attempt.reference.adopt(reference);
                }
                Ok(Some(SentAuthnRequest {
                    id,
                    idp: provider.name.clone(),
                    issued_at: sent.issued_at,
                    asked: AskedAuthn::default(),
                }))
            }
            Err(KeyRingError::BrokenSeal) => Ok(None),
            Err(KeyRingError::Unavailable) => Err(LoginError::Keys),
        }
    }
}

/// What the seal of a request's `ID` says: the moment in seconds since 1970 (8 bytes,
/// big-endian), then the start's reference.
struct Sent {
    issued_at: OffsetDateTime,
    /// None in requests of versions before references travelled.
    reference: Option<SupportId>,
}

impl Sent {
    fn to_plaintext(&self) -> SecretSlice<u8> {
        let mut bytes = self.issued_at.unix_timestamp().to_be_bytes().to_vec();
        bytes.extend(self.reference.iter().flat_map(|reference| reference.as_str().bytes()));
        bytes.into()
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        let (moment, reference) = bytes.split_first_chunk::<8>()?;
        let issued_at = OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(*moment)).ok()?;
        let reference = std::str::from_utf8(reference).ok().and_then(SupportId::parse);
        Some(Self { issued_at, reference })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_of_before_references_travelled_is_still_read() {
        let old = 1_764_000_000_i64.to_be_bytes();
        let sent = Sent::from_plaintext(&old).unwrap();
        assert_eq!((sent.issued_at.unix_timestamp(), sent.reference), (1_764_000_000, None));
        let new = [&old[..], b"7K3F-9QTZ"].concat();
        let sent = Sent::from_plaintext(&new).unwrap();
        assert_eq!(sent.reference.as_ref().map(SupportId::as_str), Some("7K3F-9QTZ"));
        assert_eq!(sent.to_plaintext().expose_secret(), &new[..]);
        assert!(Sent::from_plaintext(&old[..7]).is_none());
    }
}
