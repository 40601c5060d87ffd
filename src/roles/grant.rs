//! The decision: one person, one role, on these terms.

use super::arn::{ProviderArn, RoleArn};
use super::explain::Explanation;
use crate::saml::Identity;
use time::Duration;

/// What a rule gives: the role, and on which terms. It says what is granted, and is no
/// permission: that is a [`Grant`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The role.
    pub role: RoleArn,
    /// The SAML provider in the role's account.
    pub provider: ProviderArn,
    /// The name of the deciding rule.
    pub rule: String,
    /// The longest duration of the credentials.
    pub duration: Duration,
    /// Scope-down policy, JSON text of at most 2,048 characters.
    pub session_policy: Option<String>,
    /// Scope-down managed policies, at most 10.
    pub policy_arns: Vec<String>,
}

impl Terms {
    /// Whether the credentials may do less than the role: either kind of policy is there.
    pub fn are_limited(&self) -> bool {
        self.session_policy.is_some() || !self.policy_arns.is_empty()
    }
}

/// Permission to ask for credentials. Only [`Rules::decide`](super::Rules::decide)
/// makes one, and a token service accepts nothing else.
#[derive(Debug)]
pub struct Grant {
    pub(super) identity: Identity,
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
    /// The SAML provider in the role's account.
    pub fn provider(&self) -> &ProviderArn {
        &self.terms.provider
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
    /// How the rules were evaluated.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }
}
