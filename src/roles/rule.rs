//! Rules: conditions and outcomes, compiled when the configuration loads.

use super::RoleArn;
use time::Duration;

/// A rule that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The regular expression does not compile.
    #[error("not a regular expression: {0}")]
    Regex(String),
    /// Durations are 15 minutes to 12 hours (STS: 900 to 43,200 seconds).
    #[error("a duration is 15m to 12h")]
    Duration,
    /// A session policy is a JSON object of at most 2,048 characters.
    #[error("a session policy is a JSON object of at most 2,048 characters")]
    SessionPolicy,
    /// STS takes at most 10 policy ARNs.
    #[error("at most 10 policy ARNs, each of a managed policy")]
    PolicyArns,
}

/// What a condition looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// The offered role's name, without its path.
    RoleName,
    /// The offered role's whole ARN.
    RoleArn,
    /// The subject's NameID.
    NameId,
    /// The configured name of the identity provider.
    Idp,
    /// The AuthnContextClassRef.
    AuthnContext,
    /// A selected value; holds if any of its values matches.
    Attribute(String),
}

/// How a value is compared. Case counts everywhere.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// The same text.
    Equals(String),
    /// Occurs anywhere.
    Contains(String),
    /// Begins with.
    Prefix(String),
    /// Ends with.
    Suffix(String),
    /// Matches as a whole (anchored at both ends).
    Regex(regex::Regex),
    /// Is one of these.
    AnyOf(Vec<String>),
}

/// One `when.FIELD = { MATCHER = … }`.
#[derive(Debug, Clone)]
pub struct Condition {
    /// What it looks at.
    pub field: Field,
    /// All of these must hold for one and the same value.
    pub matchers: Vec<Matcher>,
}

/// What follows when a rule holds.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The role that met the conditions, under these terms.
    Grant {
        /// Only this role, if the identity provider offers it; else whichever meets the conditions.
        role: Option<RoleArn>,
        /// How long the credentials live.
        duration: Duration,
        /// A scope-down policy (JSON text).
        session_policy: Option<String>,
        /// ARNs of managed policies that scope down further.
        policy_arns: Vec<String>,
    },
    /// No, with the operator's sentence for the person.
    Refuse {
        /// What the person reads.
        message: String,
    },
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The operator's name for it, in audit records and explanations.
    pub name: String,
    /// All must hold. None: always holds.
    pub conditions: Vec<Condition>,
    /// What follows.
    pub outcome: Outcome,
}
