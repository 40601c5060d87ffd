//! The roles among which rules choose: those that the identity provider offers and those
//! that values of the person stand for.

use super::arn::{ProviderArn, RoleArn};
use super::explain::{Explanation, Mapped, SetAside};
use super::grant::RoleSource;
use super::person::Person;
use super::role_map::{RoleMap, Unmapped};
use crate::saml::trim_blanks;
use std::collections::{BTreeMap, BTreeSet};

/// How a candidate came; what is offered comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source<'r> {
    Offered(&'r ProviderArn),
    Mapped(&'r str),
}

impl From<Source<'_>> for RoleSource {
    fn from(source: Source<'_>) -> Self {
        match source {
            Source::Offered(provider) => Self::Offered(provider.clone()),
            Source::Mapped(name) => Self::Mapped(name.to_owned()),
        }
    }
}

/// Each usable role, and how it came.
pub(super) type Candidates<'r> = BTreeMap<RoleArn, Source<'r>>;

/// A usable role, and how it came.
pub(super) type Candidate<'c> = (&'c RoleArn, Source<'c>);

/// The roles that can be had. Of those that are offered: well-formed pairs with a provider
/// that is `configured` for this identity provider, of one account. Duplicates fall together;
/// of two providers for one role the one that comes first in the alphabet counts. And those
/// that `maps` make of the person's values.
pub(super) fn candidates<'r>(
    configured: Option<&'r BTreeSet<ProviderArn>>,
    maps: impl Iterator<Item = &'r RoleMap>,
    person: &Person<'_>,
    explanation: &mut Explanation,
) -> Candidates<'r> {
    let mut candidates = offered(configured, person, explanation);
    for map in maps {
        add_mapped(map, person, &mut candidates, explanation);
    }
    candidates
}

fn offered<'r>(
    configured: Option<&'r BTreeSet<ProviderArn>>,
    person: &Person<'_>,
    explanation: &mut Explanation,
) -> Candidates<'r> {
    let mut candidates = Candidates::new();
    let mut set_aside = SetAside::default();
    for value in person.roles {
        let Some((role, provider)) = read_pair(value) else {
            set_aside.malformed += 1;
            continue;
        };
        let Some(provider) = configured.and_then(|configured| configured.get(&provider)) else {
            let differs_in_case = |one: &ProviderArn| one.as_str().eq_ignore_ascii_case(provider.as_str());
            set_aside.other_case +=
                usize::from(configured.is_some_and(|all| all.iter().any(differs_in_case)));
            set_aside.other_provider += 1;
            continue;
        };
        if !provider.is_beside(&role) {
            set_aside.other_account += 1;
            continue;
        }
        let source = candidates.entry(role).or_insert(Source::Offered(provider));
        *source = (*source).min(Source::Offered(provider));
    }
    explanation.offered(person.roles.len(), candidates.len(), set_aside);
    candidates
}

/// Of two maps for one role the one that comes first counts; a role that is offered stays so.
fn add_mapped<'r>(
    map: &'r RoleMap,
    person: &Person<'_>,
    candidates: &mut Candidates<'r>,
    explanation: &mut Explanation,
) {
    let values = person.values(map.value());
    let mut mapped = Mapped::default();
    for outcome in values.iter().filter_map(|value| map.role(value)) {
        match outcome {
            Ok(role) => {
                candidates.entry(role).or_insert(Source::Mapped(map.name()));
                mapped.roles += 1;
            }
            Err(Unmapped::NotAPart) => mapped.not_a_part += 1,
            Err(Unmapped::OtherAccount) => mapped.other_account += 1,
        }
    }
    explanation.mapped(map, values.len(), mapped);
}

/// A `Role` value: a role and its provider with a comma between, in either
/// order (AWS's own example has the role first, AD FS's claim rules the provider).
/// White space around them and parts that are blank do not count; there is one role
/// and one provider, or there is no pair. `docs/SAML.md` has a table of the forms.
fn read_pair(value: &str) -> Option<(RoleArn, ProviderArn)> {
    let mut parts = value.split(',').map(trim_blanks).filter(|part| !part.is_empty());
    let (Some(one), Some(other), None) = (parts.next(), parts.next(), parts.next()) else { return None };
    let pair = |role, provider| Some((RoleArn::parse(role).ok()?, ProviderArn::parse(provider).ok()?));
    pair(one, other).or_else(|| pair(other, one))
}
