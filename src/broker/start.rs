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
use super::ids::SupportId;
use super::page::{BeganAt, Page};
use super::ports::key_ring::KeyRingError;
use super::reference::Reference;
use super::refusal::{ConsoleError, LoginError, ShellError, StartError};
use super::relay_state::{Binding, RelayState};
use super::seal::{Purpose, Sealed};
use super::steps::Step;
use super::use_cases::Broker;
use crate::roles::{BUILT_IN_PAGE, StepUp, Use};
use crate::saml::{
    AskedAuthn, AuthnRequest, AuthnRequestId, Comparison, HTTP_POST, HTTP_REDIRECT, IdentityProvider,
    RequestedAuthn, RequestedAuthnContext, SentAuthnRequest, ShortDigest,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretSlice};
use time::{Duration, OffsetDateTime};

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

    async fn is_permitted(
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

    /// The page of this name; the built-in one has none here.
    fn page_of(&self, name: Option<&str>) -> Result<Option<&Page>, StartError> {
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

/// What the seal of a request's `ID` says: the moment in seconds since 1970 (8 bytes,
/// big-endian), then the start's reference (9). Where there is more, a byte says what: whether a
/// new sign-in is asked for, what it is for, whether it is sealed to the RelayState's key, and
/// whether the digest of the page that began follows (8); then the digests of the contexts that are asked for beside what is configured (8 each).
#[derive(Debug, PartialEq)]
struct Sent {
    issued_at: OffsetDateTime,
    /// None in requests of versions before references travelled.
    reference: Option<SupportId>,
    asked: AskedAuthn,
    /// None for the built-in page.
    page: Option<ShortDigest>,
    for_use: Use,
    is_sealed: bool,
}

const FORCE_AUTHN: u8 = 1;
const OTHER_PAGE: u8 = 2;
const FOR_CONSOLE: u8 = 4;
const SEALED: u8 = 8;
const FOR_SHELL: u8 = 16;
const ALL: u8 = FORCE_AUTHN | OTHER_PAGE | FOR_CONSOLE | SEALED | FOR_SHELL;

/// `7K3F-9QTZ`
const REFERENCE_BYTES: usize = 9;

impl Sent {
    fn to_plaintext(&self) -> SecretSlice<u8> {
        let mut bytes = self.issued_at.unix_timestamp().to_be_bytes().to_vec();
        bytes.extend(self.reference.iter().flat_map(|reference| reference.as_str().bytes()));
        let flags = [
            (self.asked.force_authn, FORCE_AUTHN),
            (self.page.is_some(), OTHER_PAGE),
            (self.for_use == Use::Console, FOR_CONSOLE),
            (self.is_sealed, SEALED),
            (self.for_use == Use::Shell, FOR_SHELL),
        ];
        let flags = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).sum();
        if flags != 0 || !self.asked.class_refs.is_empty() {
            bytes.push(flags);
            bytes.extend(self.page.iter().flat_map(|page| page.0));
            bytes.extend(self.asked.class_refs.iter().flat_map(|digest| digest.0));
        }
        bytes.into()
    }

    /// `None` for what no version writes: then nobody knows what was asked.
    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        let (moment, rest) = bytes.split_first_chunk::<8>()?;
        let issued_at = OffsetDateTime::from_unix_timestamp(i64::from_be_bytes(*moment)).ok()?;
        let least = Self {
            issued_at,
            reference: None,
            asked: AskedAuthn::default(),
            page: None,
            for_use: Use::default(),
            is_sealed: false,
        };
        if rest.is_empty() {
            return Some(least);
        }
        let (reference, asked) = rest.split_first_chunk::<REFERENCE_BYTES>()?;
        let reference = Some(SupportId::parse(std::str::from_utf8(reference).ok()?)?);
        let Some((flags, rest)) = asked.split_first() else {
            return Some(Self { reference, ..least });
        };
        let for_use = match flags & (FOR_CONSOLE | FOR_SHELL) {
            0 => Use::default(),
            FOR_CONSOLE => Use::Console,
            FOR_SHELL => Use::Shell,
            _ => return None,
        };
        if flags & !ALL != 0 {
            return None;
        }
        let (page, digests) = if flags & OTHER_PAGE == 0 {
            (None, rest)
        } else {
            let (page, digests) = rest.split_first_chunk()?;
            (Some(ShortDigest(*page)), digests)
        };
        let (digests, []) = digests.as_chunks() else { return None };
        let class_refs = digests.iter().copied().map(ShortDigest).collect();
        let asked = AskedAuthn { force_authn: flags & FORCE_AUTHN != 0, class_refs };
        Some(Self { issued_at, reference, asked, page, for_use, is_sealed: flags & SEALED != 0 })
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

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: [u8; 8] = 1_764_000_000_i64.to_be_bytes();

    fn sent(reference: Option<&str>, force_authn: bool, contexts: &[&str]) -> Sent {
        Sent {
            issued_at: OffsetDateTime::from_unix_timestamp(1_764_000_000).unwrap(),
            reference: reference.map(|text| SupportId::parse(text).unwrap()),
            asked: AskedAuthn {
                force_authn,
                class_refs: contexts.iter().map(|context| ShortDigest::of(context)).collect(),
            },
            page: None,
            for_use: Use::default(),
            is_sealed: false,
        }
    }

    #[test]
    fn seals_of_earlier_versions_are_still_read() {
        assert_eq!(Sent::from_plaintext(&MOMENT), Some(sent(None, false, &[])));
        // A request that asks for nothing more is sealed as before, too.
        let before = [&MOMENT[..], b"7K3F-9QTZ"].concat();
        assert_eq!(Sent::from_plaintext(&before), Some(sent(Some("7K3F-9QTZ"), false, &[])));
        assert_eq!(sent(Some("7K3F-9QTZ"), false, &[]).to_plaintext().expose_secret(), &before[..]);
    }

    #[test]
    fn what_was_asked_comes_back_as_it_was() {
        for (force_authn, contexts) in
            [(true, &[][..]), (false, &["urn:mfa"]), (true, &["urn:mfa", "urn:smartcard"])]
        {
            let sent = sent(Some("7K3F-9QTZ"), force_authn, contexts);
            let plaintext = sent.to_plaintext();
            assert_eq!(plaintext.expose_secret().len(), 8 + 9 + 1 + 8 * contexts.len());
            assert_eq!(Sent::from_plaintext(plaintext.expose_secret()), Some(sent));
        }
    }

    #[test]
    fn the_page_that_began_comes_back() {
        for (force_authn, contexts) in [(false, &[][..]), (true, &[]), (true, &["urn:mfa"])] {
            let page = Some(ShortDigest(*b"wiki\0\x01\x02\x03"));
            let sent = Sent { page, ..sent(Some("7K3F-9QTZ"), force_authn, contexts) };
            let plaintext = sent.to_plaintext();
            assert_eq!(plaintext.expose_secret().len(), 8 + 9 + 1 + 8 + 8 * contexts.len());
            for length in 18..26 {
                assert_eq!(Sent::from_plaintext(&plaintext.expose_secret()[..length]), None, "{length}");
            }
            assert_eq!(Sent::from_plaintext(plaintext.expose_secret()), Some(sent));
        }
    }

    #[test]
    fn what_it_is_for_comes_back() {
        for (force_authn, page, contexts) in [
            (false, None, &[][..]),
            (true, None, &["urn:mfa"]),
            (false, Some(ShortDigest(*b"wiki\0\x01\x02\x03")), &["urn:mfa"]),
        ] {
            let before = Sent { page, ..sent(Some("7K3F-9QTZ"), force_authn, contexts) };
            let length = before.to_plaintext().expose_secret().len().max(18);
            for (for_use, is_sealed) in
                [(Use::Console, false), (Use::Shell, false), (Use::Shell, true), (Use::Page, true)]
            {
                let asked = before.asked.clone();
                let sent = Sent { for_use, is_sealed, asked, reference: before.reference.clone(), ..before };
                let plaintext = sent.to_plaintext();
                assert_eq!(plaintext.expose_secret().len(), length);
                assert_eq!(Sent::from_plaintext(plaintext.expose_secret()), Some(sent));
            }
        }
    }

    #[test]
    fn a_seal_that_no_version_writes_is_no_request_of_ours() {
        let whole = sent(Some("7K3F-9QTZ"), true, &["urn:mfa"]).to_plaintext();
        let whole = whole.expose_secret();
        for length in (0..whole.len()).filter(|length| ![8, 17, 18].contains(length)) {
            assert_eq!(Sent::from_plaintext(&whole[..length]), None, "{length}");
        }
        assert_eq!(Sent::from_plaintext(&[&MOMENT[..], b"7K3F 9QTZ"].concat()), None);
        for flags in [FOR_CONSOLE | FOR_SHELL, 32, 128] {
            assert_eq!(
                Sent::from_plaintext(&[&MOMENT[..], b"7K3F-9QTZ", &[flags]].concat()),
                None,
                "{flags}"
            );
        }
    }
}
