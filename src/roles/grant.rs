//! The decision: one person, one role, on these terms.

use super::arn::{ProviderArn, RoleArn};
use super::explain::Explanation;
use crate::saml::Identity;
use std::sync::Arc;
use time::Duration;

/// How a person comes to a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleSource {
    /// The identity provider offers it, with the SAML provider of its account.
    Offered(ProviderArn),
    /// A value of the person stands for it, by the `[[role_map]]` of this name.
    Mapped(String),
}

impl RoleSource {
    /// The SAML provider in the role's account.
    pub const fn provider(&self) -> Option<&ProviderArn> {
        if let Self::Offered(provider) = self { Some(provider) } else { None }
    }
    /// The name of the map.
    pub fn role_map(&self) -> Option<&str> {
        if let Self::Mapped(name) = self { Some(name) } else { None }
    }
}

/// What a rule gives: the role, and on which terms. It says what is granted, and is no
/// permission: that is a [`Grant`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The role.
    pub role: RoleArn,
    /// How the person comes to it.
    pub source: RoleSource,
    /// The name of the deciding rule.
    pub rule: String,
    /// The longest duration of the credentials.
    pub duration: Duration,
    /// Scope-down policy, JSON text of at most 2,048 characters.
    pub session_policy: Option<String>,
    /// Scope-down managed policies, at most 10.
    pub policy_arns: Vec<String>,
    /// The operator's sentence by which the person is asked for a reason before the
    /// credentials are handed over.
    pub ask_reason: Option<String>,
}

impl Terms {
    /// Whether the credentials may do less than the role: either kind of policy is there.
    pub fn are_limited(&self) -> bool {
        self.session_policy.is_some() || !self.policy_arns.is_empty()
    }
}

/// Permission to ask for credentials. Only the rules make one
/// ([`Offers::first`](super::Offers::first)), and a token service accepts nothing else.
#[derive(Debug)]
pub struct Grant {
    pub(super) identity: Arc<Identity>,
    pub(super) terms: Terms,
    pub(super) explanation: Explanation,
}

impl Grant {
    /// The person.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
    /// The role, and what limits it.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }
    /// The role.
    pub fn role(&self) -> &RoleArn {
        &self.terms.role
    }
    /// The SAML provider in the role's account; none where a map gives the role.
    pub fn provider(&self) -> Option<&ProviderArn> {
        self.terms.source.provider()
    }
    /// The name of the map that gives the role, if one does.
    pub fn role_map(&self) -> Option<&str> {
        self.terms.source.role_map()
    }
    /// The name of the deciding rule.
    pub fn rule(&self) -> &str {
        &self.terms.rule
    }
    /// The longest duration of the credentials.
    pub fn duration(&self) -> Duration {
        self.terms.duration
    }
    /// Scope-down policy, JSON text of at most 2,048 characters.
    pub fn session_policy(&self) -> Option<&str> {
        self.terms.session_policy.as_deref()
    }
    /// Scope-down managed policies, at most 10.
    pub fn policy_arns(&self) -> &[String] {
        &self.terms.policy_arns
    }
    /// Whether the credentials may do less than the role.
    pub fn is_limited(&self) -> bool {
        self.terms.are_limited()
    }
    /// The operator's sentence by which the person is asked for a reason.
    pub fn ask_reason(&self) -> Option<&str> {
        self.terms.ask_reason.as_deref()
    }
    /// How the rules were evaluated.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }
}
