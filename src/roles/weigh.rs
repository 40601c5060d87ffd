//! One rule and one person: how its conditions went, for which roles it holds, and what it says.

use super::arn::RoleArn;
use super::candidates::{Candidate, Candidates};
use super::explain::{finding_of_person, finding_of_pinned, finding_of_roles};
use super::grant::Terms;
use super::person::Person;
use super::rule::{Condition, Effect, Field, Rule};

/// What a rule says of the roles for which it holds.
pub(super) enum Verdict<'r> {
    DoesNotHold,
    Refuses(&'r str),
    Grants(Vec<Terms>),
}

impl Verdict<'_> {
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::DoesNotHold => "does not hold",
            Self::Refuses(_) => "holds, and refuses",
            Self::Grants(terms) if terms.len() == 1 => "holds, and grants one role",
            Self::Grants(_) => "holds, and grants several roles",
        }
    }
}

/// How the conditions of one rule went, and which candidates are left;
/// `None` if a condition on the person does not hold.
pub(super) fn weigh<'c>(
    rule: &Rule,
    person: &Person<'_>,
    candidates: &'c Candidates<'_>,
) -> (Vec<String>, Option<Vec<Candidate<'c>>>) {
    let mut findings = Vec::new();
    let mut person_holds = true;
    let mut left: Vec<Candidate<'c>> = candidates.iter().map(|(role, source)| (role, *source)).collect();
    for condition in &rule.conditions {
        let met_by = |role: &RoleArn| match condition.field {
            Field::RoleName => condition.holds(role.name()),
            Field::RoleArn => condition.holds(role.as_str()),
            Field::Account => condition.holds(role.account()),
            Field::Partition => condition.holds(role.partition()),
            Field::NameId
            | Field::Idp
            | Field::AuthnContext
            | Field::AuthnAge
            | Field::Use
            | Field::Page
            | Field::Attribute(_) => true,
        };
        if condition.field.is_of_role() {
            let met = candidates.keys().filter(|role| met_by(role)).count();
            findings.push(finding_of_roles(condition, met, candidates.len()));
            left.retain(|(role, _)| met_by(role));
        } else {
            let holds = holds_for_person(condition, person);
            findings.push(finding_of_person(condition, holds));
            person_holds &= holds;
        }
    }
    if let Effect::Grant { role: Some(pinned), .. } = &rule.outcome {
        findings.push(finding_of_pinned(pinned, candidates.contains_key(pinned)));
        left.retain(|(role, _)| *role == pinned);
    }
    (findings, person_holds.then_some(left))
}

fn holds_for_person(condition: &Condition, person: &Person<'_>) -> bool {
    match &condition.field {
        Field::NameId => condition.holds(person.name_id),
        Field::Idp => condition.holds(person.idp),
        Field::AuthnContext => person.authn_context.is_some_and(|context| condition.holds(context)),
        Field::AuthnAge => condition.holds_for(person.authn_age),
        Field::Use => condition.holds(person.for_use.as_str()),
        Field::Page => condition.holds(person.page),
        // "For one and the same value": a prefix of one group and the suffix of another is no match.
        Field::Attribute(name) => person.values(name).iter().any(|value| condition.holds(value)),
        Field::RoleName | Field::RoleArn | Field::Account | Field::Partition => false,
    }
}

pub(super) fn verdict<'r>(rule: &'r Rule, left: Option<&[Candidate<'_>]>) -> Verdict<'r> {
    let Some(left) = left else { return Verdict::DoesNotHold };
    match (&rule.outcome, left) {
        (Effect::Refuse { message }, left) => {
            let asks_for_a_role = rule.conditions.iter().any(|condition| condition.field.is_of_role());
            if asks_for_a_role && left.is_empty() { Verdict::DoesNotHold } else { Verdict::Refuses(message) }
        }
        (Effect::Grant { .. }, []) => Verdict::DoesNotHold,
        (Effect::Grant { duration, session_policy, policy_arns, ask_reason, .. }, left) => {
            let terms = |(role, source): &Candidate<'_>| Terms {
                role: (*role).clone(),
                source: (*source).into(),
                rule: rule.name.clone(),
                duration: *duration,
                session_policy: session_policy.clone(),
                policy_arns: policy_arns.clone(),
                ask_reason: ask_reason.clone(),
            };
            Verdict::Grants(left.iter().map(terms).collect())
        }
    }
}
