//! Audit events: the history of every login, and of the keys that verify logins,
//! for the auditor.
//!
//! An event names people and keys (that is its purpose) but holds no
//! assertion, token, secret, nor any attribute value except the NameID, the
//! session name and the role that was chosen.

use super::credentials::{Credentials, HandOver};
use super::ids::{Handle, LoginId, SupportId};
use crate::roles::Grant;
use crate::saml::{Identity, IdentityProvider};
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
    /// A verified assertion was refused; no login was opened.
    #[serde(rename = "login.refused")]
    Refused,
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
            Self::Started => "login.started",
            Self::Issued => "login.issued",
            Self::Delivered => "login.delivered",
            Self::Expired => "login.expired",
            Self::Failed => "login.failed",
            Self::Abandoned => "login.abandoned",
            Self::Uncertain => "login.uncertain",
            Self::KeysChanged => "provider.keys_changed",
        }
    }

    /// The kind of this stable name.
    pub fn parse(name: &str) -> Option<Self> {
        [
            Self::Refused,
            Self::Started,
            Self::Issued,
            Self::Delivered,
            Self::Expired,
            Self::Failed,
            Self::Abandoned,
            Self::Uncertain,
            Self::KeysChanged,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
    }

    /// Whether nothing can follow in the same login.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Refused | Self::Started | Self::Issued | Self::KeysChanged => false,
            Self::Delivered | Self::Expired | Self::Failed | Self::Abandoned | Self::Uncertain => true,
        }
    }
}

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
    /// The access key id: joins with CloudTrail.
    pub access_key_id: Option<String>,
    /// When the credentials expire.
    #[serde(with = "time::serde::timestamp::option")]
    pub expiration: Option<OffsetDateTime>,
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
            assertion_id: Some(identity.assertion_id().to_owned()),
            session_index: identity.session_index().map(str::to_owned),
            in_response_to: identity.in_response_to().map(|answered| answered.id.as_str().to_owned()),
            name_id: Some(identity.name_id().to_owned()),
            role_session_name: Some(identity.role_session_name().to_owned()),
            ..Self::default()
        }
    }
}

impl From<&Grant> for Subject {
    fn from(grant: &Grant) -> Self {
        Self {
            role: Some(grant.role().as_str().to_owned()),
            rule: Some(grant.rule().to_owned()),
            ..Self::from(grant.identity())
        }
    }
}

/// The seal does not hold the assertion's ids; `login.issued` has them.
impl From<&HandOver> for Subject {
    fn from(hand_over: &HandOver) -> Self {
        let known = Self {
            idp: Some(hand_over.idp.clone()),
            name_id: hand_over.name_id.clone(),
            role_session_name: Some(hand_over.user.clone()),
            role: Some(hand_over.role.clone()),
            rule: Some(hand_over.rule.clone()),
            ..Self::default()
        };
        known.with_credentials(&hand_over.credentials)
    }
}

impl Subject {
    pub(super) fn with_credentials(self, credentials: &Credentials) -> Self {
        Self {
            access_key_id: Some(credentials.access_key_id.clone()),
            expiration: Some(credentials.expiration),
            ..self
        }
    }
}
