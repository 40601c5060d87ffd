//! Step-up, continued: which refusal comes with the offer of another sign-in.

use super::candidates::Candidates;
use super::decide::{AuthnContexts, Rules};
use super::explain::Explanation;
use super::person::Person;
use super::refusal::RoleRefusal;
use super::rule::Rule;
use super::step_up::{StepUp, asks_for};
use super::weigh::{Verdict, verdict, weigh};

impl RoleRefusal {
    /// The sign-in by which the person can have a role nevertheless.
    pub fn step_up(&self) -> Option<&StepUp> {
        match self {
            Self::InsufficientAuthn { step_up } | Self::Rule { step_up, .. } => step_up.as_ref(),
            Self::NoRoleOffered
            | Self::NoRoleMapped
            | Self::NoUsableRole
            | Self::NoRule
            | Self::NotOffered
            | Self::Ambiguous
            | Self::SessionName => None,
        }
    }

    /// The same refusal where the identity provider cannot be asked for another sign-in.
    #[must_use]
    pub fn without_step_up(mut self) -> Self {
        if let Self::InsufficientAuthn { step_up } | Self::Rule { step_up, .. } = &mut self {
            *step_up = None;
        }
        self
    }
}

impl Rules {
    /// The same rules, with what requests to each identity provider ask for, by its name: a
    /// rule whose pattern one of these contexts meets can ask for it.
    #[must_use]
    pub fn with_authn_contexts(mut self, authn_contexts: AuthnContexts) -> Self {
        self.authn_contexts = authn_contexts;
        self
    }

    /// Whether a request to this identity provider may ask for this AuthnContextClassRef:
    /// a rule can, or the provider's own configuration has it.
    pub fn may_ask(&self, idp: &str, context: &str) -> bool {
        let own = self.authn_contexts.get(idp);
        own.is_some_and(|own| own.class_refs.iter().any(|own| own == context))
            || self.rules.iter().any(|rule| asks_for(rule, idp, own, context))
    }

    /// Of the rules up to the one that decided, the first that would grant after the sign-in
    /// that it asks for. A rule that refuses before it has decided without it. The operator's
    /// sentence stays; where no rule decided, the refusal says what is wanting.
    pub(super) fn offer(
        &self,
        person: &Person<'_>,
        candidates: &Candidates<'_>,
        refusal: &mut RoleRefusal,
        explanation: &mut Explanation,
    ) {
        let grants = |rule: &Rule, after: &Person<'_>| {
            // The rule alone first: few rules get further.
            let (_, left) = weigh(rule, after, candidates);
            matches!(verdict(rule, left.as_deref()), Verdict::Grants(_))
                && self
                    .choose(after, candidates, &mut Explanation::default())
                    .is_ok_and(|granted| granted.iter().any(|terms| terms.rule == rule.name))
        };
        let mut asked = self.rules.iter().take(explanation.rules().len());
        let own = self.authn_contexts.get(person.idp);
        let step_up = asked.find_map(|rule| StepUp::by(rule, own, person, |after| grants(rule, after)));
        if step_up.is_none() {
            return;
        }
        match refusal {
            RoleRefusal::NoRule => *refusal = RoleRefusal::InsufficientAuthn { step_up },
            RoleRefusal::Rule { step_up: offered, .. } => *offered = step_up,
            RoleRefusal::NoRoleOffered
            | RoleRefusal::NoRoleMapped
            | RoleRefusal::NoUsableRole
            | RoleRefusal::NotOffered
            | RoleRefusal::InsufficientAuthn { .. }
            | RoleRefusal::Ambiguous
            | RoleRefusal::SessionName => return,
        }
        explanation.note("a rule would grant after the sign-in that it asks for");
    }
}
