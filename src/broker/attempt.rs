//! One attempt to sign in: what the browser posted, and what is recorded of it.

use super::audit::{AuditEvent, EventKind, Subject};
use super::ids::LoginId;
use super::page::BeganAt;
use super::reference::Reference;
use super::refusal::RelayStateError;
use super::relay_state::{Binding, RelayState};
use crate::roles::Use;
use std::net::IpAddr;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// What the browser posted.
pub struct LoginPost {
    /// The form field `SAMLResponse`.
    pub saml_response: Zeroizing<String>,
    /// The form field `RelayState`.
    pub relay_state: Option<String>,
    /// The reference of this HTTP request.
    pub reference: Reference,
    /// The client's address.
    pub source_ip: Option<IpAddr>,
    /// Where it turns out to have begun, for whoever answers.
    pub began_at: BeganAt,
}

/// A post whose RelayState is one of ours. Nothing else of it is verified.
pub(super) struct Attempt {
    pub(super) saml_response: Zeroizing<String>,
    pub(super) relay_state: RelayState,
    pub(super) reference: Reference,
    source_ip: Option<IpAddr>,
    pub(super) began_at: BeganAt,
}

/// `Zeroizing` wipes what a text has character by character, and what it could have as one
/// block: so it has nothing any more.
impl Drop for Attempt {
    fn drop(&mut self) {
        self.saml_response.clear();
    }
}

impl Attempt {
    pub(super) fn new(post: LoginPost, binding: Binding) -> Result<Self, RelayStateError> {
        Ok(Self {
            relay_state: RelayState::parse(post.relay_state.as_deref(), binding)?,
            saml_response: post.saml_response,
            reference: post.reference,
            source_ip: post.source_ip,
            began_at: post.began_at,
        })
    }

    /// What the login is for, as far as it is known: what began elsewhere is for a page.
    pub(super) fn for_use(&self) -> Use {
        self.began_at.for_use()
    }

    /// The attempt of a response that was accepted before. Its page is known once it is
    /// verified again.
    pub(super) fn again(
        saml_response: Zeroizing<String>,
        relay_state: RelayState,
        reference: Reference,
        source_ip: Option<IpAddr>,
        began_at: BeganAt,
    ) -> Self {
        Self { saml_response, relay_state, reference, source_ip, began_at }
    }

    /// An event of this attempt, and of its login once there is one.
    pub(super) fn event(
        &self,
        kind: EventKind,
        at: OffsetDateTime,
        login: Option<&LoginId>,
        subject: Subject,
    ) -> AuditEvent {
        AuditEvent {
            login: login.cloned(),
            session: Some(self.relay_state.session.handle()),
            reference: Some(self.reference.current().clone()),
            source_ip: self.source_ip,
            ..AuditEvent::new(kind, at, self.subject(subject))
        }
    }

    fn subject(&self, subject: Subject) -> Subject {
        let page = self.began_at.other().map(str::to_owned);
        Subject { page, ..subject }.used_for(self.for_use())
    }
}
