//! The decision: one person, one role, on these terms.

use super::arn::{ProviderArn, RoleArn};
use super::explain::Explanation;
use crate::saml::Identity;
use time::Duration;

/// Permission to ask for credentials. Only [`Rules::decide`](super::Rules::decide)
/// makes one, and it is the only thing an issuer accepts.
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
    /// Who.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
    /// Which role.
    pub fn role(&self) -> &RoleArn {
        &self.role
    }
    /// By which SAML provider.
    pub fn provider(&self) -> &ProviderArn {
        &self.provider
    }
    /// Under which rule.
    pub fn rule(&self) -> &str {
        &self.rule
    }
    /// How long, at most.
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
    /// How the rules came to it.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }
}
