//! What the operator's log says of a refused login, under the reference that
//! the person was shown: the same facts as `vestibule explain`, and less of them.
//!
//! Unverified messages can come from anywhere, so nothing of their text is
//! written down: only what is ours (names of the configuration, fingerprints,
//! codes) and numbers. From a verified one the log also has addresses, audiences
//! and instants; from neither does it have values about persons.

use super::reference::Reference;
use crate::roles::Denial;
use crate::saml::{Fact, SamlRefusal, Trace, Traced};
use time::OffsetDateTime;

/// A response that is not accepted.
pub(super) fn not_accepted(reference: &Reference, refusal: SamlRefusal, trace: Trace, now: OffsetDateTime) {
    let steps = trace.into_steps();
    let facts = steps.last().map(|last| facts(last, refusal.is_authenticated(), now));
    tracing::info!(
        reference = reference.as_str(),
        code = refusal.code(),
        step = steps.last().map(|last| last.step.as_str()),
        idp = all(&steps, "provider"),
        signed = all(&steps, "signed"),
        key = all(&steps, "key"),
        facts,
        "login refused"
    );
}

/// A person without a role.
pub(super) fn no_role(reference: &Reference, denial: &Denial) {
    tracing::info!(
        reference = reference.as_str(),
        code = denial.refusal.code(),
        step = "rules",
        idp = denial.identity.idp(),
        rule = denial.rule.as_deref(),
        facts = denial.explanation.lines().join("; "),
        "login refused"
    );
}

/// The facts that the last step found, in words.
fn facts(step: &Traced, verified: bool, now: OffsetDateTime) -> String {
    let may_be_logged = |fact: &Fact| verified || !matches!(fact, Fact::Theirs(_));
    let facts = step.facts.iter().filter(|(_, fact)| may_be_logged(fact));
    facts.map(|(name, fact)| format!("{name}: {}", fact.words(now))).collect::<Vec<_>>().join("; ")
}

/// Our own texts by this name, from any step.
fn all(steps: &[Traced], name: &str) -> Option<String> {
    let facts = steps.iter().flat_map(|step| &step.facts).filter(|(named, _)| named == name);
    let texts = facts.filter_map(|(_, fact)| match fact {
        Fact::Ours(text) => Some(text.as_str()),
        Fact::Theirs(_) | Fact::Private { .. } | Fact::At(_) | Fact::Count(_) | Fact::Absent => None,
    });
    Some(texts.collect::<Vec<_>>().join(", ")).filter(|joined| !joined.is_empty())
}
