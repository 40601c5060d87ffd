//! Why a person has no role: what is told, and what is recorded with it.

use super::explain::Explanation;
use super::step_up::StepUp;
use crate::saml::Identity;
use std::sync::Arc;

role_refusals! { refusal_enum
    /// Why no role is granted.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum RoleRefusal
}

impl RoleRefusal {
    /// The operator's sentence for the person, where a rule refuses.
    pub fn message(&self) -> Option<&str> {
        if let Self::Rule { message, .. } = self { Some(message) } else { None }
    }
}

/// A refusal together with the person it concerns, for the audit trail.
#[derive(Debug)]
pub struct Denial {
    /// Why.
    pub refusal: RoleRefusal,
    /// Who.
    pub identity: Arc<Identity>,
    /// The deciding rule, if one decided.
    pub rule: Option<String>,
    /// How the rules came to it.
    pub explanation: Explanation,
}

/// Why a role is refused, and the deciding rule, if one decided.
pub type Refused = (RoleRefusal, Option<String>);
