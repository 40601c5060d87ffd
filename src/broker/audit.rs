//! Audit events: the history of every login, and of the keys that verify logins,
//! for the auditor.
//!
//! An event names people and keys (that is its purpose) but holds no
//! assertion, token, secret, nor any attribute value except the NameID, the
//! session name and the role that was chosen, or those that were offered where
//! rules refused; and a person's own reason, where a rule asked for one. These are
//! recorded without line breaks and the like, so that no name can forge the listing it
//! is shown in.

use super::credentials::{Credentials, HandOver};
use super::ids::{Handle, LoginId, SupportId};
use super::reason::Reason;
use super::recordable::recordable;
use crate::roles::{Grant, Use};
use crate::saml::{Identity, IdentityProvider, RefusedAssertion};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// One record of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    pub at: OffsetDateTime,
    pub kind: EventKind,
    /// The login it belongs to; none before `begin`.
    pub login: Option<LoginId>,
    /// Handle of the session id.
    pub session: Option<Handle>,
    /// The id that the person was shown.
    pub reference: Option<SupportId>,
    /// The client's address.
    pub source_ip: Option<std::net::IpAddr>,
    /// The stable code of a refusal or failure.
    pub code: Option<String>,
    pub subject: Subject,
}

impl AuditEvent {
    /// An event that belongs to no login; `Attempt::event` and `RedeemRequest::event`
    /// add the login and the client.
    pub(super) fn new(kind: EventKind, at: OffsetDateTime, subject: Subject) -> Self {
        Self { at, kind, login: None, session: None, reference: None, source_ip: None, code: None, subject }
    }

    pub(super) fn with_code(self, code: &str) -> Self {
        Self { code: Some(code.to_owned()), ..self }
    }
}

/// What happened. The names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// A verified assertion was refused; no login was opened. Once a day for each
    /// assertion and reason.
    #[serde(rename = "login.refused")]
    Refused,
    /// More refusals than can have rows of their own.
    #[serde(rename = "login.refusals_summed")]
    RefusalsSummed,
    /// A login was opened; credentials are about to be asked for.
    #[serde(rename = "login.started")]
    Started,
    /// Credentials wait, sealed.
    #[serde(rename = "login.issued")]
    Issued,
    /// Credentials were handed over.
    #[serde(rename = "login.delivered")]
    Delivered,
    /// The credentials were not taken in time.
    #[serde(rename = "login.expired")]
    Expired,
    /// The login ended with a reason and without credentials.
    #[serde(rename = "login.failed")]
    Failed,
    /// The login never ended: a process died on the way.
    #[serde(rename = "login.abandoned")]
    Abandoned,
    /// Credentials are gone, and it is not known that they were delivered.
    #[serde(rename = "login.uncertain")]
    Uncertain,
    /// A person has several roles; a choice waits, sealed. Its parts are logins of their own,
    /// which name it.
    #[serde(rename = "choice.opened")]
    ChoiceOpened,
    /// The choice's time is over.
    #[serde(rename = "choice.ended")]
    ChoiceEnded,
    /// An identity provider's metadata lists other keys than before, and those
    /// verify its assertions now. Belongs to no login.
    #[serde(rename = "provider.keys_changed")]
    KeysChanged,
}

impl EventKind {
    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "login.refused",
            Self::RefusalsSummed => "login.refusals_summed",
            Self::Started => "login.started",
            Self::Issued => "login.issued",
            Self::Delivered => "login.delivered",
            Self::Expired => "login.expired",
            Self::Failed => "login.failed",
            Self::Abandoned => "login.abandoned",
            Self::Uncertain => "login.uncertain",
            Self::ChoiceOpened => "choice.opened",
            Self::ChoiceEnded => "choice.ended",
            Self::KeysChanged => "provider.keys_changed",
        }
    }

    /// The kind of this stable name.
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Refused,
            Self::RefusalsSummed,
            Self::Started,
            Self::Issued,
            Self::Delivered,
            Self::Expired,
            Self::Failed,
            Self::Abandoned,
            Self::Uncertain,
            Self::ChoiceOpened,
            Self::ChoiceEnded,
            Self::KeysChanged,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
    }

    /// Whether nothing can follow in the same login.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Refused
            | Self::RefusalsSummed
            | Self::Started
            | Self::Issued
            | Self::ChoiceOpened
            | Self::KeysChanged => false,
            Self::Delivered
            | Self::Expired
            | Self::Failed
            | Self::Abandoned
            | Self::Uncertain
            | Self::ChoiceEnded => true,
        }
    }
}

/// How many of the offered roles are recorded. Some people have hundreds.
const MAX_OFFERED_ROLES: usize = 20;

/// The person, role and keys that an event is about, as far as they were known then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Name of the identity provider.
    pub idp: Option<String>,
    /// The issuer's entity id.
    pub issuer: Option<String>,
    /// The assertion's ID: joins with the identity provider's own log.
    pub assertion_id: Option<String>,
    /// The AuthnStatement's SessionIndex: joins with that log, too.
    pub session_index: Option<String>,
    /// The request of ours that the assertion answered, if it answered one.
    pub in_response_to: Option<String>,
    /// The subject's NameID.
    pub name_id: Option<String>,
    /// The role session name: who CloudTrail says it was.
    pub role_session_name: Option<String>,
    /// The role chosen.
    pub role: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// The `[[role_map]]` that gave the role, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_map: Option<String>,
    /// What the person said when a rule asked for a reason: of a delivery, and of a part of a
    /// choice from its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The choice that it is a part of: that one's login id. Where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<LoginId>,
    /// What the credentials are for, where it is not for a page: `console`, or `shell`.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    pub for_use: Option<String>,
    /// From where a program at a shell asked for the credentials: they are chosen in a browser
    /// (`source_ip`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_from: Option<std::net::IpAddr>,
    /// Which computer the program runs on, where it is not the browser's: `another`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The page at which the login began, where it was another than the built-in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The access key id: joins with CloudTrail.
    pub access_key_id: Option<String>,
    /// When the credentials expire.
    #[serde(with = "time::serde::timestamp::option")]
    pub expiration: Option<OffsetDateTime>,
    /// The roles that the assertion offers, as it writes them: the first 20, and only
    /// where rules refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offered_roles: Vec<String>,
    /// How many roles it offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offered_count: Option<u64>,
    /// How many refusals are summed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::timestamp::option")]
    pub from: Option<OffsetDateTime>,
    /// The last of them.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "time::serde::timestamp::option")]
    pub until: Option<OffsetDateTime>,
    /// Fingerprints of keys that are trusted from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys_added: Vec<String>,
    /// Fingerprints of keys that are no longer trusted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys_removed: Vec<String>,
}

impl From<&IdentityProvider> for Subject {
    fn from(provider: &IdentityProvider) -> Self {
        Self { idp: Some(provider.name.clone()), issuer: Some(provider.entity_id.clone()), ..Self::default() }
    }
}

impl From<&Identity> for Subject {
    fn from(identity: &Identity) -> Self {
        Self {
            idp: Some(identity.idp().to_owned()),
            issuer: Some(identity.issuer().to_owned()),
            assertion_id: Some(recordable(identity.assertion_id())),
            session_index: identity.session_index().map(recordable),
            in_response_to: identity.in_response_to().map(|answered| answered.id.as_str().to_owned()),
            name_id: Some(recordable(identity.name_id())),
            role_session_name: Some(recordable(identity.role_session_name())),
            ..Self::default()
        }
    }
}

impl From<&Grant> for Subject {
    fn from(grant: &Grant) -> Self {
        Self {
            role: Some(grant.role().as_str().to_owned()),
            rule: Some(grant.rule().to_owned()),
            role_map: grant.role_map().map(str::to_owned),
            ..Self::from(grant.identity())
        }
    }
}

/// The seal does not hold the assertion's ids; `login.issued` has them.
impl From<&HandOver> for Subject {
    fn from(hand_over: &HandOver) -> Self {
        Self {
            idp: Some(hand_over.idp.clone()),
            name_id: hand_over.name_id.as_deref().map(recordable),
            role_session_name: Some(hand_over.user.clone()),
            role: Some(hand_over.role.clone()),
            rule: Some(hand_over.rule.clone()),
            reason: hand_over.reason.clone(),
            choice: hand_over.choice.clone(),
            access_key_id: Some(hand_over.handed_over.access_key_id().to_owned()),
            expiration: Some(hand_over.handed_over.expiration()),
            ..Self::default()
        }
        .used_for(hand_over.handed_over.for_use())
    }
}

impl Subject {
    /// A person who was refused before there was an identity.
    pub(super) fn of_refused(provider: &IdentityProvider, assertion: &RefusedAssertion) -> Self {
        let known = |text: &Option<String>| text.as_deref().map(recordable);
        Self {
            assertion_id: known(&assertion.assertion_id),
            session_index: known(&assertion.session_index),
            name_id: known(&assertion.name_id),
            ..Self::from(provider)
        }
    }

    pub(super) fn with_offered_roles(self, roles: &[String]) -> Self {
        Self {
            offered_roles: roles.iter().take(MAX_OFFERED_ROLES).map(|role| recordable(role)).collect(),
            offered_count: Some(roles.len() as u64),
            ..self
        }
    }

    pub(super) fn used_for(self, for_use: Use) -> Self {
        let other = (for_use != Use::default()).then(|| for_use.as_str().to_owned());
        Self { for_use: other, ..self }
    }

    /// Said at the take; what was said before stays.
    pub(super) fn with_reason(self, reason: Option<Reason>) -> Self {
        Self { reason: reason.or(self.reason), ..self }
    }

    pub(super) fn with_credentials(self, credentials: &Credentials) -> Self {
        Self {
            access_key_id: Some(credentials.access_key_id.clone()),
            expiration: Some(credentials.expiration),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_from_before_is_still_read() {
        let old = r#"{"idp":"ADFS","issuer":null,"assertion_id":null,"session_index":null,
            "in_response_to":null,"name_id":"jane","role_session_name":null,"role":null,"rule":null,
            "access_key_id":null,"expiration":null}"#;
        let expected =
            Subject { idp: Some("ADFS".into()), name_id: Some("jane".into()), ..Subject::default() };
        assert_eq!(serde_json::from_str::<Subject>(old).unwrap(), expected);
        let as_before = serde_json::to_value(&expected).unwrap();
        assert_eq!(as_before, serde_json::from_str::<serde_json::Value>(old).unwrap(), "nothing is added");
    }
}
