//! The decision: for each role the first rule that holds.
//!
//! An assertion offers roles as pairs `role,provider`. The pairs of the SAML
//! providers that are configured for the identity provider, each with a role of its own
//! account, are the candidates, and with them the roles that maps make of the person's
//! values; everything else is set aside. Then, rule by rule, in order:
//!
//! - conditions on the person hold or do not, once; conditions on the role (`role_name`,
//!   `role_arn`, `account`, `partition`, a pinned `role`) leave, of the candidates that no
//!   earlier rule has decided, those that meet all;
//! - the rule decides those that are left: it grants each of them or refuses each. So every
//!   role is judged as if it were the only one;
//! - a rule that refuses, without conditions on the role, holds for people without any role
//!   too: a refusal such as "contractors sign in elsewhere" is about the person, and a last
//!   rule that refuses everybody must speak to those most in need of its sentence.
//!
//! Whoever may have several roles chooses among them; where nobody can choose, the first rule
//! that grants does (`offers.rs`). Where all are refused, the first rule that refuses speaks.

use super::arn::{self, ProviderArn, RoleArn};
use super::candidates::{Candidates, candidates};
use super::explain::Explanation;
use super::grant::{Grant, Terms};
use super::offers::Offers;
use super::person::{BUILT_IN_PAGE, Circumstances, MadeUpPerson, Person};
use super::refusal::{Denial, Refused, RoleRefusal};
use super::role_map::RoleMap;
use super::rule::Rule;
use super::weigh::{Verdict, verdict, weigh};
use crate::saml::{Identity, RequestedAuthnContext};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the rules answer.
#[derive(Debug)]
pub struct Decision {
    /// What is given, in the order of the rules, one of these at least; or why nothing is, and
    /// the deciding rule, if one decided.
    pub outcome: Result<Vec<Terms>, Refused>,
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

    /// The one role of this person, whose login began at the built-in page: of several, that
    /// of the first rule that grants.
    ///
    /// # Errors
    /// [`Denial`], boxed because it carries the person.
    pub fn decide(&self, identity: Identity) -> Result<Grant, Box<Denial>> {
        self.decide_for(Arc::new(identity), Circumstances::default())?.first()
    }

    /// The roles that this person can have.
    ///
    /// # Errors
    /// [`Denial`], boxed because it carries the person.
    pub fn decide_for(
        &self,
        identity: Arc<Identity>,
        circumstances: Circumstances<'_>,
    ) -> Result<Offers, Box<Denial>> {
        self.judge(&Person::from(&*identity).under(circumstances)).for_person(identity)
    }

    /// Each role that can be asked for, with what the rules say of it: what is given, or why it
    /// is not.
    pub fn list(
        &self,
        identity: &Identity,
        circumstances: Circumstances<'_>,
    ) -> Vec<(RoleArn, Result<Terms, RoleRefusal>)> {
        let person = Person::from(identity).under(circumstances);
        let candidates = self.candidates(&person, &mut Explanation::default());
        let judge = |(role, source)| {
            let alone = Candidates::from([(role, source)]);
            let granted = self.judge_among(&person, &alone, Explanation::default()).outcome;
            granted
                .map_err(|(refusal, _)| refusal)
                .and_then(|mut granted| granted.pop().ok_or(RoleRefusal::NoRule))
        };
        candidates.iter().map(|(role, source)| (role.clone(), judge((role.clone(), *source)))).collect()
    }

    /// This role for this person, who has chosen it.
    ///
    /// # Errors
    /// [`Denial`], boxed because it carries the person.
    pub fn decide_role(
        &self,
        identity: &Arc<Identity>,
        circumstances: Circumstances<'_>,
        role: &RoleArn,
    ) -> Result<Grant, Box<Denial>> {
        let person = Person::from(&**identity).under(circumstances);
        let mut explanation = Explanation::default();
        let candidates = self.candidates(&person, &mut explanation);
        let decision = match candidates.get(role) {
            Some(source) => {
                let alone = Candidates::from([(role.clone(), *source)]);
                self.judge_among(&person, &alone, explanation)
            }
            None => Decision { outcome: Err((RoleRefusal::NotOffered, None)), explanation },
        };
        decision.for_person(Arc::clone(identity))?.first()
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
        let candidates = self.candidates(person, &mut explanation);
        self.judge_among(person, &candidates, explanation)
    }

    fn judge_among(
        &self,
        person: &Person<'_>,
        candidates: &Candidates<'_>,
        mut explanation: Explanation,
    ) -> Decision {
        let mut outcome = self.choose(person, candidates, &mut explanation);
        if let Err((refusal, _)) = &mut outcome {
            self.offer(person, candidates, refusal, &mut explanation);
        }
        Decision { outcome, explanation }
    }

    pub(super) fn choose(
        &self,
        person: &Person<'_>,
        candidates: &Candidates<'_>,
        explanation: &mut Explanation,
    ) -> Result<Vec<Terms>, Refused> {
        let mut undecided = candidates.clone();
        let mut granted: Vec<Terms> = Vec::new();
        let mut first_refusal = None;
        for rule in &self.rules {
            let (findings, left) = weigh(rule, person, &undecided);
            let verdict = verdict(rule, left.as_deref());
            explanation.rule(rule, findings, verdict.words());
            let decided: Vec<RoleArn> = match verdict {
                Verdict::DoesNotHold => continue,
                Verdict::Refuses(message) => {
                    let refusal = RoleRefusal::Rule { message: message.to_owned(), step_up: None };
                    first_refusal.get_or_insert((refusal, Some(rule.name.clone())));
                    left.iter().flatten().map(|(role, _)| (*role).clone()).collect()
                }
                Verdict::Grants(terms) => {
                    let roles = terms.iter().map(|terms| terms.role.clone()).collect();
                    granted.extend(terms);
                    roles
                }
            };
            undecided.retain(|role, _| !decided.contains(role));
            if undecided.is_empty() {
                break;
            }
        }
        if !granted.is_empty() {
            return Ok(granted);
        }
        Err(first_refusal.unwrap_or_else(|| {
            let refusal = if !candidates.is_empty() {
                RoleRefusal::NoRule
            } else if !person.roles.is_empty() {
                RoleRefusal::NoUsableRole
            } else if self.maps_of(person.idp).next().is_some() {
                RoleRefusal::NoRoleMapped
            } else {
                RoleRefusal::NoRoleOffered
            };
            (refusal, None)
        }))
    }

    pub(super) fn candidates(&self, person: &Person<'_>, explanation: &mut Explanation) -> Candidates<'_> {
        candidates(self.providers.get(person.idp), self.maps_of(person.idp), person, explanation)
    }

    /// The maps for people of this identity provider.
    fn maps_of(&self, idp: &str) -> impl Iterator<Item = &RoleMap> {
        self.maps.iter().filter(move |map| map.idp() == idp)
    }
}

impl Decision {
    /// Of a person who has signed in: STS must accept the role session name too.
    fn for_person(self, identity: Arc<Identity>) -> Result<Offers, Box<Denial>> {
        let Self { outcome, mut explanation } = self;
        let (refusal, rule) = match outcome {
            Ok(granted) if is_session_name(identity.role_session_name()) => {
                return Ok(Offers { identity, granted, explanation });
            }
            Ok(granted) => {
                explanation.note("but STS does not accept the role session name");
                (RoleRefusal::SessionName, granted.into_iter().next().map(|terms| terms.rule))
            }
            Err(refused) => refused,
        };
        Err(Box::new(Denial { refusal, identity, rule, explanation }))
    }
}

/// STS, AssumeRoleWithSAML: `[\w+=,.@-]{2,64}`.
fn is_session_name(text: &str) -> bool {
    (2..=64).contains(&text.len()) && text.bytes().all(arn::is_name_byte)
}

#[cfg(test)]
mod tests;
