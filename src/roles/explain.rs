//! Why this role, or why none: the evaluation of the rules, in words.
//!
//! The words are the configuration's (rule names, patterns, pinned roles) and
//! counts; never a value of the assertion, since explanations are logged.

use super::arn::RoleArn;
use super::role_map::RoleMap;
use super::rule::{Condition, Rule};
use std::fmt;

/// The offered roles by number and the rules evaluated, in order; without attribute values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    offered: Option<String>,
    mapped: Vec<String>,
    rules: Vec<Considered>,
    note: Option<&'static str>,
}

/// One rule that was evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// Its name.
    pub rule: String,
    /// How each of its conditions went.
    pub findings: Vec<String>,
    /// The verdict, in words.
    pub verdict: &'static str,
}

/// How many offered values cannot be had, by why.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SetAside {
    pub(super) malformed: usize,
    pub(super) other_provider: usize,
    /// Of `other_provider`, in case only.
    pub(super) other_case: usize,
    pub(super) other_account: usize,
}

/// What a map made of the values of one person.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mapped {
    pub(super) roles: usize,
    pub(super) not_a_part: usize,
    pub(super) other_account: usize,
}

impl Explanation {
    /// All of it, a line each.
    pub fn lines(&self) -> Vec<String> {
        let rules = self.rules.iter().map(Considered::to_string);
        let candidates = self.offered.iter().chain(&self.mapped).cloned();
        candidates.chain(rules).chain(self.note.map(str::to_owned)).collect()
    }

    /// The rules evaluated, in order.
    pub fn rules(&self) -> &[Considered] {
        &self.rules
    }

    pub(super) fn note(&mut self, line: &'static str) {
        self.note = Some(line);
    }

    /// Notes how many roles were offered, and how many are usable.
    pub(super) fn offered(&mut self, values: usize, usable: usize, set_aside: SetAside) {
        let mut line = format!("{usable} usable roles in {values} role values");
        let SetAside { malformed, other_provider, other_case, other_account } = set_aside;
        for (count, why) in [
            (malformed, "set aside: not a well-formed pair of a role and a SAML provider"),
            (
                other_provider,
                "set aside: with a SAML provider that is not the identity provider's provider_arn",
            ),
            (other_case, "of these with one that differs from it in upper and lower case only"),
            (other_account, "set aside: with a role of another account than its SAML provider"),
        ] {
            if count > 0 {
                line += &format!("; {count} {why}");
            }
        }
        self.offered = Some(line);
    }

    /// Notes what a map made of so many values.
    pub(super) fn mapped(&mut self, map: &RoleMap, values: usize, mapped: Mapped) {
        let Mapped { roles, not_a_part, other_account } = mapped;
        let (name, value) = (map.name(), map.value());
        let mut line = format!("role map '{name}': {roles} of {values} values of {value} stand for a role");
        for (count, why) in [
            (not_a_part, "set aside: what it gives for {account}, {path} or {name} cannot stand there"),
            (other_account, "set aside: of an account that is not in [accounts]"),
        ] {
            if count > 0 {
                line += &format!("; {count} {why}");
            }
        }
        self.mapped.push(line);
    }

    /// Notes a rule: the result of each condition, and the verdict.
    pub(super) fn rule(&mut self, rule: &Rule, findings: Vec<String>, verdict: &'static str) {
        self.rules.push(Considered { rule: rule.name.clone(), findings, verdict });
    }
}

impl fmt::Display for Considered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule '{}': ", self.rule)?;
        self.findings.iter().try_for_each(|finding| write!(f, "{finding}; "))?;
        f.write_str(self.verdict)
    }
}

/// One line under the other.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

pub(super) fn finding_of_person(condition: &Condition, holds: bool) -> String {
    format!("{condition} {}", if holds { "holds" } else { "does not hold" })
}

pub(super) fn finding_of_roles(condition: &Condition, met: usize, usable: usize) -> String {
    format!("{met} of {usable} roles met {condition}")
}

pub(super) fn finding_of_pinned(role: &RoleArn, offered: bool) -> String {
    format!("{} is {}", role.as_str(), if offered { "offered" } else { "not offered" })
}
