//! What one person can have: one role, or several, and how one of them is taken.

use super::explain::Explanation;
use super::grant::{Grant, Terms};
use super::refusal::{Denial, RoleRefusal};
use crate::saml::Identity;
use std::sync::Arc;

/// The roles that one person can have, and on which terms: one at least.
#[derive(Debug)]
pub struct Offers {
    pub(super) identity: Arc<Identity>,
    /// In the order of the rules.
    pub(super) granted: Vec<Terms>,
    pub(super) explanation: Explanation,
}

impl Offers {
    /// The person.
    pub fn identity(&self) -> &Arc<Identity> {
        &self.identity
    }

    /// Each role once, in the order of the rules.
    pub fn granted(&self) -> &[Terms] {
        &self.granted
    }

    /// How the rules were evaluated.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// The one role where nobody chooses: that of the first rule that grants. Two under it are
    /// ambiguous, and no later rule is asked, or order would silently pick a role.
    ///
    /// # Errors
    /// [`Denial`], boxed because it carries the person.
    pub fn first(self) -> Result<Grant, Box<Denial>> {
        let Self { identity, granted, explanation } = self;
        let mut granted = granted.into_iter();
        let (first, second) = (granted.next(), granted.next());
        let rule = first.as_ref().map(|terms| terms.rule.clone());
        match (first, second) {
            (Some(terms), other) if other.as_ref().is_none_or(|other| other.rule != terms.rule) => {
                Ok(Grant { identity, terms, explanation })
            }
            _ => Err(Box::new(Denial { refusal: RoleRefusal::Ambiguous, identity, rule, explanation })),
        }
    }
}
