//! Why this role, or why none: the way the rules went, in words.
//!
//! The words are the configuration's (rule names, patterns, pinned roles) and
//! counts; never a value of the assertion, since explanations are logged.

use super::{Condition, RoleArn, Rule};
use std::fmt;

/// One line per rule looked at, in order, without attribute values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation(Vec<String>);

impl Explanation {
    /// The lines.
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    pub(super) fn note(&mut self, line: &str) {
        self.0.push(line.to_owned());
    }

    /// What was offered, and how much of it counts.
    pub(super) fn offered(&mut self, values: usize, usable: usize, set_aside: usize) {
        let mut line = format!("{usable} usable roles in {values} role values");
        if set_aside > 0 {
            line += &format!(
                "; {set_aside} set aside: no well-formed pair of a role and the identity provider's provider_arn"
            );
        }
        self.0.push(line);
    }

    /// One rule: how its conditions went, and what came of it.
    pub(super) fn rule(&mut self, rule: &Rule, findings: &[String], verdict: &str) {
        let mut line = format!("rule '{}': ", rule.name);
        for finding in findings {
            line += finding;
            line += "; ";
        }
        line += verdict;
        self.0.push(line);
    }
}

/// One line under the other.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

pub(super) fn finding_of_person(condition: &Condition, holds: bool) -> String {
    format!("{condition} {}", if holds { "holds" } else { "does not hold" })
}

pub(super) fn finding_of_roles(condition: &Condition, met: usize, usable: usize) -> String {
    format!("{met} of {usable} offered roles met {condition}")
}

pub(super) fn finding_of_pinned(role: &RoleArn, offered: bool) -> String {
    format!("{} is {}", role.as_str(), if offered { "offered" } else { "not offered" })
}
