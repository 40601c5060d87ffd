//! Groups that stand for roles: an expression over one selected value, and the ARN that
//! it stands for.
//!
//! Whoever names a group may write anything into it, so a name counts only if the whole
//! of it matches, and a part of it reaches the ARN only as what it is there: an account that
//! is listed, segments of a path, a role's name. The rest of the ARN is the operator's.

use super::arn::{self, ArnError, RoleArn, is_account};
use super::rule::{RuleError, anchored};
use regex::{Captures, Regex};
use std::collections::BTreeSet;

/// An expression and an ARN that do not make a map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoleMapError {
    /// The expression is none.
    #[error(transparent)]
    Regex(#[from] RuleError),
    /// The text around the placeholders is not a role's ARN.
    #[error("not the ARN of a role with {{account}}, {{path}} or {{name}} in it: {0}")]
    Arn(#[from] ArnError),
    /// There are three placeholders, each with its place.
    #[error(
        "{{account}} stands where the account is, {{path}} in front of the role's last / and {{name}} behind it, \
         each once at most; there are no others"
    )]
    Placeholder,
    /// A placeholder for which the expression has nothing.
    #[error("{{{0}}} needs a group of this name in the expression: (?<{0}>…)")]
    NoCapture(&'static str),
    /// A named group that goes nowhere.
    #[error("the expression has the group (?<{0}>…), and {{{0}}} is not in the ARN")]
    NotUsed(String),
}

/// The places of an ARN that an expression may fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Account,
    Path,
    Name,
}

impl Part {
    const ALL: [Self; 3] = [Self::Account, Self::Path, Self::Name];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Path => "path",
            Self::Name => "name",
        }
    }

    /// Something that may stand there, to check what is around it.
    const fn example(self) -> &'static str {
        match self {
            Self::Account => "000000000000",
            Self::Path | Self::Name => "x",
        }
    }

    /// Whether a part of a group's name may stand there. Stricter than IAM is with paths, of
    /// which it takes every printable character.
    fn takes(self, text: &str, accounts: &BTreeSet<String>) -> Result<(), Unmapped> {
        let is_word = |text: &str| !text.is_empty() && text.bytes().all(arn::is_name_byte);
        match self {
            Self::Account if is_account(text) && !accounts.contains(text) => Err(Unmapped::OtherAccount),
            Self::Account if is_account(text) => Ok(()),
            Self::Path if text.split('/').all(is_word) => Ok(()),
            Self::Name if is_word(text) => Ok(()),
            Self::Account | Self::Path | Self::Name => Err(Unmapped::NotAPart),
        }
    }
}

/// Why a value that matches stands for no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmapped {
    /// A part of it cannot stand at its place in an ARN.
    NotAPart,
    /// Its account is none of those that are listed.
    OtherAccount,
}

/// The ARN: texts, and the placeholder behind each of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Template {
    pieces: Vec<(String, Part)>,
    rest: String,
}

/// One `[[role_map]]`.
#[derive(Debug, Clone)]
pub struct RoleMap {
    name: String,
    idp: String,
    value: String,
    regex: Regex,
    role: Template,
    accounts: BTreeSet<String>,
}

impl RoleMap {
    /// A map of this name, for the people of this identity provider: each of their values
    /// of this name that the expression matches as a whole stands for this role. An account
    /// that the expression names is one of `accounts`.
    ///
    /// # Errors
    /// [`RoleMapError`].
    pub fn new(
        name: String,
        idp: String,
        value: String,
        (regex, role): (&str, &str),
        accounts: BTreeSet<String>,
    ) -> Result<Self, RoleMapError> {
        let regex = if regex.is_empty() { Err(RuleError::EmptyPattern) } else { anchored(regex) }?;
        let role = Template::parse(role)?;
        for part in role.parts() {
            if !regex.capture_names().flatten().any(|name| name == part.as_str()) {
                return Err(RoleMapError::NoCapture(part.as_str()));
            }
        }
        let not_used = |name: &&str| role.parts().all(|part| part.as_str() != *name);
        if let Some(name) = regex.capture_names().flatten().find(not_used) {
            return Err(RoleMapError::NotUsed(name.to_owned()));
        }
        Ok(Self { name, idp, value, regex, role, accounts })
    }

    /// The operator's name for it, in audit records and explanations.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The configured name of the identity provider whose people it is for.
    pub fn idp(&self) -> &str {
        &self.idp
    }

    /// The name of the selected value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The partition of every role that it can stand for.
    pub fn partition(&self) -> &str {
        self.role.part_of_arn(1)
    }

    /// The accounts of the roles that it can stand for.
    pub fn accounts(&self) -> BTreeSet<&str> {
        if self.role.parts().any(|part| part == Part::Account) {
            self.accounts.iter().map(String::as_str).collect()
        } else {
            [self.role.part_of_arn(4)].into()
        }
    }

    /// The role, if there is only one that it can stand for.
    pub fn only_role(&self) -> Option<RoleArn> {
        self.role.pieces.is_empty().then(|| RoleArn::parse(&self.role.rest).ok())?
    }

    /// The role that this value stands for; `None` if the expression does not match it.
    pub(super) fn role(&self, value: &str) -> Option<Result<RoleArn, Unmapped>> {
        let captures = self.regex.captures(value)?;
        Some(self.role.fill(&captures, &self.accounts))
    }
}

impl Template {
    fn parse(text: &str) -> Result<Self, RoleMapError> {
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((before, behind)) = rest.split_once('{') {
            let (word, behind) = behind.split_once('}').ok_or(RoleMapError::Placeholder)?;
            let part = Part::ALL.into_iter().find(|part| part.as_str() == word);
            pieces.push((before.to_owned(), part.ok_or(RoleMapError::Placeholder)?));
            rest = behind;
        }
        let template = Self { pieces, rest: rest.to_owned() };
        // Each at its place, and so once at most: the account is the whole of its part.
        let mut earlier = String::new();
        for (index, (before, part)) in template.pieces.iter().enumerate() {
            earlier += before;
            let behind: String = template.after(index).collect();
            let is_in_place = match part {
                Part::Account => {
                    earlier.split(':').count() == 5 && earlier.ends_with(':') && behind.starts_with(':')
                }
                Part::Path => earlier.contains(":role/") && behind.contains('/'),
                Part::Name => earlier.contains(":role/") && !behind.contains('/'),
            };
            let is_first = template.pieces.iter().take(index).all(|(_, other)| other != part);
            if !is_in_place || !is_first {
                return Err(RoleMapError::Placeholder);
            }
            earlier += part.example();
        }
        RoleArn::parse(&(earlier + &template.rest))?;
        Ok(template)
    }

    /// The texts behind the placeholder of this index, with an example for each further one.
    fn after(&self, index: usize) -> impl Iterator<Item = &str> {
        let pieces = self.pieces.iter().skip(index + 1);
        pieces.flat_map(|(before, part)| [before.as_str(), part.example()]).chain([self.rest.as_str()])
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        self.pieces.iter().map(|(_, part)| *part)
    }

    /// A part of the ARN that has no placeholder, by its number between the colons.
    fn part_of_arn(&self, index: usize) -> &str {
        let start = self.pieces.first().map_or(&self.rest, |(before, _)| before);
        start.split(':').nth(index).unwrap_or_default()
    }

    fn fill(&self, captures: &Captures<'_>, accounts: &BTreeSet<String>) -> Result<RoleArn, Unmapped> {
        let mut arn = String::new();
        for (before, part) in &self.pieces {
            // A group of the expression that took no part in the match has nothing to say.
            let text = captures.name(part.as_str()).map_or("", |found| found.as_str());
            part.takes(text, accounts)?;
            arn += before;
            arn += text;
        }
        // Lengths are of the whole: IAM's 512 characters of a path, and 64 of a name. Nor has
        // an ARN a comma here.
        RoleArn::parse(&(arn + &self.rest)).map_err(|_| Unmapped::NotAPart)
    }
}

#[cfg(test)]
mod tests;
