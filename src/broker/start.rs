//! A login that starts here: the request that sends the browser to the
//! identity provider, and what is known of it when its answer comes.
//!
//! Nothing is stored until then. The request's `ID` is a seal of the moment it
//! was made, good for one RelayState and one identity provider only: any
//! process with the ring can tell that we made it, for which login and when, any
//! client may ask for any number of them, and no table fills up. `begin` uses the
//! request up together with the assertion, so that it is answered once.
//!
//! A request can ask for more than is configured: for the sign-in that a rule asks for, where
//! a role was refused for want of it. The seal says what, so that the answer can be held to it.

use super::attempt::Attempt;
use super::page::{BeganAt, Page};
use super::ports::key_ring::KeyRingError;
use super::reference::Reference;
use super::refusal::{ConsoleError, LoginError, ShellError, StartError};
use super::relay_state::{Binding, RelayState};
use super::seal::{Purpose, Sealed};
use super::sent::Sent;
use super::steps::Step;
use super::use_cases::Broker;
use crate::roles::{BUILT_IN_PAGE, StepUp, Use};
use crate::saml::{
    AskedAuthn, AuthnRequest, AuthnRequestId, Comparison, HTTP_POST, HTTP_REDIRECT, IdentityProvider,
    RequestedAuthn, RequestedAuthnContext, SentAuthnRequest, ShortDigest,
};
use secrecy::ExposeSecret;

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

/// A login to start.
#[derive(Debug, Default)]
pub struct Start<'s> {
    /// Name of the identity provider; the first, if there is none.
    pub idp: Option<&'s str>,
    /// Where the credentials will wait, and for whom.
    pub relay_state: Option<&'s str>,
    /// The page that begins it; the built-in one, if there is none.
    pub page: Option<&'s str>,
    /// What it is for, by its name; the page's credentials, if there is none.
    pub for_use: Option<&'s str>,
    /// How the person must sign in: by one of these exactly. Empty: as configured.
    pub authn_context: &'s [String],
    /// Whether the person must sign in again, also where that is not configured.
    pub force_authn: bool,
    /// What shows that the page itself begins it, where the login is sealed.
    pub permit: Option<&'s str>,
}

impl Broker {
    /// Starts a login. Changes nothing anywhere. `began_at` learns of the page and the use, for
    /// whoever answers.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        &self,
        start: &Start<'_>,
        reference: &Reference,
        began_at: &BeganAt,
    ) -> Result<AuthnRequestMessage, StartError> {
        let page = self.page_of(start.page)?;
        if let Some(page) = page {
            began_at.set(page);
        }
        let for_use = self.use_of(start.for_use, page)?;
        began_at.set_use(for_use);
        let relay = RelayState::parse(start.relay_state, self.settings.binding)?;
        if self.settings.binding == Binding::Sealed {
            self.is_permitted(&relay, page, start.permit).await?;
        }
        let providers = self.settings.providers.current();
        let mut providers = providers.iter();
        let provider = providers.find(|provider| start.idp.is_none_or(|idp| idp == provider.name));
        let provider = provider.ok_or(StartError::UnknownProvider)?;
        let (binding, destination) = service(provider).ok_or(StartError::NoSignOnService)?;
        let may_ask = |context: &String| self.settings.rules.may_ask(&provider.name, context);
        if start.authn_context.len() > StepUp::MAX_CONTEXTS || !start.authn_context.iter().all(may_ask) {
            return Err(StartError::UnknownContext);
        }

        let issued_at = self.ports.clock.now();
        let asked = AskedAuthn {
            force_authn: start.force_authn,
            class_refs: start.authn_context.iter().map(|context| ShortDigest::of(context)).collect(),
        };
        let plaintext = Sent {
            issued_at,
            reference: Some(reference.current().clone()),
            asked,
            page: page.map(Page::digest),
            for_use,
            is_sealed: relay.proof.key().is_some(),
        }
        .to_plaintext();
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
            requested_authn: &start.requested_authn(provider),
        };
        let key = self.settings.signing_key.as_deref().filter(|_| provider.sign_requests);
        let relay_state = start.relay_state.unwrap_or_default();
        let written = match binding {
            RequestBinding::Redirect => {
                request.redirect_url(Some(relay_state), key).map(AuthnRequestMessage::Redirect)
            }
            RequestBinding::Post => request.post_field(key).map(|saml_request| AuthnRequestMessage::Post {
                destination: destination.to_owned(),
                saml_request,
                relay_state: relay_state.to_owned(),
            }),
        };
        written.map_err(|_| StartError::Keys)
    }

    /// The page of this name; the built-in one has none here.
    pub(super) fn page_of(&self, name: Option<&str>) -> Result<Option<&Page>, StartError> {
        let page_of = |name| self.settings.pages.by_name(name).ok_or(StartError::UnknownPage);
        name.filter(|name| *name != BUILT_IN_PAGE).map(page_of).transpose()
    }

    /// What a login of this name is for. Programs at a shell have the built-in page only.
    fn use_of(&self, name: Option<&str>, page: Option<&Page>) -> Result<Use, StartError> {
        match name {
            None => Ok(Use::default()),
            Some(name) if name == Use::Page.as_str() => Ok(Use::Page),
            Some(name) if name == Use::Console.as_str() => match self.settings.console {
                Some(_) => Ok(Use::Console),
                None => Err(ConsoleError::Off.into()),
            },
            Some(name) if name == Use::Shell.as_str() && page.is_none() => match self.settings.shell {
                Some(_) => Ok(Use::Shell),
                None => Err(ShellError::Off.into()),
            },
            Some(_) => Err(StartError::UnknownUse),
        }
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
                // Begun before the binding was changed: what it waits for, it could not read.
                if sent.is_sealed != attempt.relay_state.proof.key().is_some() {
                    return Ok(None);
                }
                if let Some(reference) = sent.reference {
                    attempt.reference.adopt(reference);
                }
                let Sent { issued_at, asked, page, for_use, .. } = sent;
                attempt.began_at.set_use(for_use);
                if let Some(digest) = page {
                    let page = self.settings.pages.by_digest(digest).ok_or(LoginError::PageGone)?;
                    attempt.began_at.set(page);
                }
                Ok(Some(SentAuthnRequest { id, idp: provider.name.clone(), issued_at, asked }))
            }
            Err(KeyRingError::BrokenSeal) => Ok(None),
            Err(KeyRingError::Unavailable) => Err(LoginError::Keys),
        }
    }
}

impl Start<'_> {
    /// What is configured, and more. Contexts take the place of the configured ones: where
    /// those are exact they are some of them, and else one of a rule's is what helps.
    fn requested_authn(&self, provider: &IdentityProvider) -> RequestedAuthn {
        let RequestedAuthn { force_authn, authn_context } = provider.requested_authn.clone();
        let asked =
            RequestedAuthnContext { comparison: Comparison::Exact, class_refs: self.authn_context.to_vec() };
        RequestedAuthn {
            force_authn: force_authn || self.force_authn,
            authn_context: if asked.class_refs.is_empty() { authn_context } else { Some(asked) },
        }
    }
}

#[derive(Clone, Copy)]
enum RequestBinding {
    Redirect,
    Post,
}

/// The redirect first: it needs no script in between.
fn service(provider: &IdentityProvider) -> Option<(RequestBinding, &str)> {
    [(RequestBinding::Redirect, HTTP_REDIRECT), (RequestBinding::Post, HTTP_POST)].into_iter().find_map(
        |(binding, uri)| {
            let service = provider.sign_on_services.iter().find(|service| service.binding == uri)?;
            Some((binding, service.location.as_str()))
        },
    )
}
