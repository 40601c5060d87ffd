//! The decision: one person, one role, on these terms.

use super::arn::{ProviderArn, RoleArn};
use super::explain::Explanation;
use crate::saml::Identity;
use time::Duration;

/// Permission to ask for credentials. Only [`Rules::decide`](super::Rules::decide)
/// makes one, and a token service accepts nothing else.
#[derive(Debug)]
pub struct Grant {
    pub(super) identity: Identity,
    pub(super) role: RoleArn,
    pub(super) provider: ProviderArn,
    pub(super) rule: String,
    pub(super) duration: Duration,
    pub(super) session_policy: Option<String>,
    pub(super) policy_arns: Vec<String>,
    pub(super) explanation: Explanation,
}

impl Grant {
    /// The person.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
    /// The role.
    pub fn role(&self) -> &RoleArn {
        &self.role
    }
    /// The SAML provider in the role's account.
    pub fn provider(&self) -> &ProviderArn {
        &self.provider
    }
    /// The name of the deciding rule.
    pub fn rule(&self) -> &str {
        &self.rule
    }
    /// The longest duration of the credentials.
    pub fn duration(&self) -> Duration {
        self.duration
    }
    /// Scope-down policy, JSON text of at most 2,048 characters.
    pub fn session_policy(&self) -> Option<&str> {
        self.session_policy.as_deref()
    }
    /// Scope-down managed policies, at most 10.
    pub fn policy_arns(&self) -> &[String] {
        &self.policy_arns
    }
    /// Whether the credentials may do less than the role: either kind of policy is there.
    pub fn is_limited(&self) -> bool {
        self.session_policy.is_some() || !self.policy_arns.is_empty()
    }
    /// How the rules were evaluated.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }
}
