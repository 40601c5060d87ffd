//! Deciding: the first rule that holds.

use super::{Explanation, Grant, ProviderArn, Rule};
use crate::saml::Identity;
use std::collections::BTreeMap;

/// Why no role is granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The assertion offers no role at all.
    #[error("the identity provider offers no role")]
    NoRoleOffered,
    /// Roles are offered, but none is a well-formed pair for the configured provider.
    #[error("no offered role belongs to the configured SAML provider")]
    NoUsableRole,
    /// No rule holds for any offered role.
    #[error("no rule grants any of the offered roles")]
    NoRule,
    /// Several roles meet the deciding rule.
    #[error("several roles meet the deciding rule")]
    Ambiguous,
    /// The deciding rule refuses, with the operator's sentence.
    #[error("a rule refuses")]
    Rule {
        /// The operator's sentence for the person, from configuration.
        message: String,
    },
    /// The session name is not what STS accepts: `[\w+=,.@-]{2,64}`.
    #[error("the role session name is not one that STS accepts")]
    SessionName,
}

impl Refusal {
    /// The stable, documented code of this refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoRoleOffered => "no_role_offered",
            Self::NoUsableRole => "no_usable_role",
            Self::NoRule => "role_not_allowed",
            Self::Ambiguous => "role_ambiguous",
            Self::Rule { .. } => "role_refused",
            Self::SessionName => "role_session_name_invalid",
        }
    }
}

/// A refusal together with the person it concerns, for the audit trail.
#[derive(Debug)]
pub struct Denial {
    /// Why.
    pub refusal: Refusal,
    /// Who.
    pub identity: Identity,
    /// The deciding rule, if one decided.
    pub rule: Option<String>,
    /// How the rules came to it.
    pub explanation: Explanation,
}

/// The rules of a configuration, and the SAML provider of each identity provider.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    providers: BTreeMap<String, ProviderArn>,
}

impl Rules {
    /// `providers`: the SAML provider's ARN by the identity provider's configured name.
    pub fn new(rules: Vec<Rule>, providers: BTreeMap<String, ProviderArn>) -> Self {
        Self { rules, providers }
    }

    /// Chooses a role for this person, or says why not.
    ///
    /// # Errors
    /// [`Denial`], boxed because it carries the person.
    pub fn decide(&self, _identity: Identity) -> Result<Grant, Box<Denial>> {
        todo!()
    }
}
