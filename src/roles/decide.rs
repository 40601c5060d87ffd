//! The decision: the first rule that holds.
//!
//! An assertion offers roles as pairs `role,provider`. The pairs of the SAML
//! providers that are configured for the identity provider, each with a role of its own
//! account, are the candidates, and with them the roles that maps make of the person's
//! values; everything else is set aside. Then, rule by rule, in order:
//!
//! - conditions on the person hold or do not, once; conditions on the role (`role_name`,
//!   `role_arn`, `account`, `partition`, a pinned `role`) leave the candidates that meet all;
//! - a rule that grants holds if a candidate is left; two left are ambiguous,
//!   and no later rule is asked, or order would silently pick a role;
//! - a rule that refuses holds if a candidate is left. Without conditions on
//!   the role it holds for people without any role too: a refusal such as
//!   "contractors sign in elsewhere" is about the person, and a last rule
//!   that refuses everybody must speak to those most in need of its sentence.

use super::arn::{self, ProviderArn, RoleArn};
use super::candidates::{Candidate, Candidates, candidates};
use super::explain::{Explanation, finding_of_person, finding_of_pinned, finding_of_roles};
use super::grant::{Grant, Terms};
use super::person::{BUILT_IN_PAGE, MadeUpPerson, Person};
use super::role_map::RoleMap;
use super::rule::{Condition, Effect, Field, Rule};
use super::step_up::StepUp;
use crate::saml::{Identity, RequestedAuthnContext};
use std::collections::{BTreeMap, BTreeSet};

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
    pub identity: Identity,
    /// The deciding rule, if one decided.
    pub rule: Option<String>,
    /// How the rules came to it.
    pub explanation: Explanation,
}

/// What the rules answer.
#[derive(Debug)]
pub struct Decision {
    /// What is given; or why nothing is, and the deciding rule, if one decided.
    pub outcome: Result<Terms, (RoleRefusal, Option<String>)>,
    /// How the rules came to it.
    pub explanation: Explanation,
}

/// The SAML providers of each identity provider, one for each AWS account, by its configured name.
pub type SamlProviders = BTreeMap<String, BTreeSet<ProviderArn>>;

/// What requests to an identity provider ask for where it is configured, by its name.
pub type AuthnContexts = BTreeMap<String, RequestedAuthnContext>;

/// The rules of a configuration, and the SAML providers of each identity provider.
#[derive(Debug, Clone)]
pub struct Rules {
    pub(super) rules: Vec<Rule>,
    providers: SamlProviders,
    maps: Vec<RoleMap>,
    /// For `offer.rs`.
    pub(super) authn_contexts: AuthnContexts,
}

impl Rules {
    /// Of a configuration.
    pub fn new(rules: Vec<Rule>, providers: SamlProviders) -> Self {
        Self { rules, providers, maps: Vec::new(), authn_contexts: AuthnContexts::new() }
    }

    /// Beside the roles that are offered, those that these maps give.
    #[must_use]
    pub fn with_maps(self, maps: Vec<RoleMap>) -> Self {
        Self { maps, ..self }
    }

    /// The maps, in their order.
    pub fn maps(&self) -> impl Iterator<Item = &RoleMap> {
        self.maps.iter()
    }

    /// All of them, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// The configured names of the identity providers.
    pub fn idps(&self) -> impl Iterator<Item = &str> {
        self.providers.keys().map(String::as_str)
    }

    /// Each SAML provider, with the configured name of its identity provider.
    pub fn provider_arns(&self) -> impl Iterator<Item = (&str, &ProviderArn)> {
        self.providers.iter().flat_map(|(name, arns)| arns.iter().map(move |arn| (name.as_str(), arn)))
    }

    /// Chooses a role for this person, whose login began at the built-in page.
    ///
    /// # Errors
    /// [`Denial`], boxed because it carries the person.
    pub fn decide(&self, identity: Identity) -> Result<Grant, Box<Denial>> {
        self.decide_for(identity, BUILT_IN_PAGE)
    }

    /// The same for a login that began at the page of this name.
    ///
    /// # Errors
    /// [`Denial`], boxed because it carries the person.
    pub fn decide_for(&self, identity: Identity, page: &str) -> Result<Grant, Box<Denial>> {
        let person = Person { page, ..Person::from(&identity) };
        let Decision { outcome, mut explanation } = self.judge(&person);
        let (refusal, rule) = match outcome {
            Ok(terms) if is_session_name(identity.role_session_name()) => {
                return Ok(Grant { identity, terms, explanation });
            }
            Ok(terms) => {
                explanation.note("but STS does not accept the role session name");
                (RoleRefusal::SessionName, Some(terms.rule))
            }
            Err(refused) => refused,
        };
        Err(Box::new(Denial { refusal, identity, rule, explanation }))
    }

    /// What somebody made up would get: an answer, and no permission to anything. The
    /// role session name is taken as one that STS accepts.
    pub fn try_out(&self, person: &MadeUpPerson) -> Decision {
        // A role of an account without a SAML provider stays alone, and is set aside.
        let value = |role: &RoleArn| {
            let provider = self.provider_beside(&person.idp, role);
            provider.map_or_else(
                || role.as_str().to_owned(),
                |provider| format!("{},{}", role.as_str(), provider.as_str()),
            )
        };
        let roles: Vec<String> = person.roles.iter().map(value).collect();
        self.judge(&Person {
            idp: &person.idp,
            name_id: &person.name_id,
            roles: &roles,
            values: &person.values,
            authn_context: person.authn_context.as_deref(),
            authn_age: person.authn_age,
            for_use: person.for_use,
            page: person.page.as_deref().unwrap_or(BUILT_IN_PAGE),
        })
    }

    /// The SAML provider of the identity provider in the account of this role.
    pub fn provider_beside(&self, idp: &str, role: &RoleArn) -> Option<&ProviderArn> {
        self.providers.get(idp)?.iter().find(|provider| provider.is_beside(role))
    }

    fn judge(&self, person: &Person<'_>) -> Decision {
        let mut explanation = Explanation::default();
        let mut outcome = self.choose(person, &mut explanation);
        if let Err((refusal, _)) = &mut outcome {
            self.offer(person, refusal, &mut explanation);
        }
        Decision { outcome, explanation }
    }

    pub(super) fn choose(
        &self,
        person: &Person<'_>,
        explanation: &mut Explanation,
    ) -> Result<Terms, (RoleRefusal, Option<String>)> {
        let candidates = self.candidates(person, explanation);
        for rule in &self.rules {
            let (findings, left) = weigh(rule, person, &candidates);
            let verdict = verdict(rule, left.as_deref());
            explanation.rule(rule, findings, verdict.words());
            let refusal = match verdict {
                Verdict::DoesNotHold => continue,
                Verdict::Ambiguous => RoleRefusal::Ambiguous,
                Verdict::Refuses(message) => RoleRefusal::Rule { message: message.to_owned(), step_up: None },
                Verdict::Grants(terms) => return Ok(*terms),
            };
            return Err((refusal, Some(rule.name.clone())));
        }
        let refusal = if !candidates.is_empty() {
            RoleRefusal::NoRule
        } else if !person.roles.is_empty() {
            RoleRefusal::NoUsableRole
        } else if self.maps_of(person.idp).next().is_some() {
            RoleRefusal::NoRoleMapped
        } else {
            RoleRefusal::NoRoleOffered
        };
        Err((refusal, None))
    }

    pub(super) fn candidates(&self, person: &Person<'_>, explanation: &mut Explanation) -> Candidates<'_> {
        candidates(self.providers.get(person.idp), self.maps_of(person.idp), person, explanation)
    }

    /// The maps for people of this identity provider.
    fn maps_of(&self, idp: &str) -> impl Iterator<Item = &RoleMap> {
        self.maps.iter().filter(move |map| map.idp() == idp)
    }
}

pub(super) enum Verdict<'r> {
    DoesNotHold,
    Ambiguous,
    Refuses(&'r str),
    Grants(Box<Terms>),
}

impl Verdict<'_> {
    const fn words(&self) -> &'static str {
        match self {
            Self::DoesNotHold => "does not hold",
            Self::Ambiguous => "holds for several roles, and nothing chooses among them",
            Self::Refuses(_) => "holds, and refuses",
            Self::Grants(_) => "holds, and grants the one role",
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
        (Effect::Grant { duration, session_policy, policy_arns, ask_reason, .. }, [(role, source)]) => {
            Verdict::Grants(Box::new(Terms {
                role: (*role).clone(),
                source: (*source).into(),
                rule: rule.name.clone(),
                duration: *duration,
                session_policy: session_policy.clone(),
                policy_arns: policy_arns.clone(),
                ask_reason: ask_reason.clone(),
            }))
        }
        (Effect::Grant { .. }, _) => Verdict::Ambiguous,
    }
}

/// STS, AssumeRoleWithSAML: `[\w+=,.@-]{2,64}`.
fn is_session_name(text: &str) -> bool {
    (2..=64).contains(&text.len()) && text.bytes().all(arn::is_name_byte)
}

#[cfg(test)]
mod tests;
