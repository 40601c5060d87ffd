//! Step-up: a role that was refused for want of a stronger or newer sign-in can be had by
//! one (core 3.3.2.2.1 and 3.4.1). Which sign-in that is, the rules' own conditions say.

use super::person::Person;
use super::rule::{Effect, Field, Matcher, Rule};
use crate::saml::{Comparison, RequestedAuthnContext};
use time::Duration;

/// The longest AuthnContextClassRef that is asked for, in bytes: it stands in addresses.
const MAX_CONTEXT_BYTES: usize = 256;

/// A sign-in by which the rules would grant a role. It is an offer to the person, and no
/// permission: whoever has signed in so is judged anew. Its values are the configuration's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepUp {
    /// The configured name of the identity provider.
    pub idp: String,
    /// AuthnContextClassRefs, of which one is enough. Empty: as requests to it always ask.
    pub authn_context: Vec<String>,
    /// Whether the person must sign in anew, in spite of a session there.
    pub force_authn: bool,
}

impl StepUp {
    /// The most contexts that one request asks for: each of them takes 11 characters of the
    /// request's `ID`, and some identity providers limit its length.
    pub const MAX_CONTEXTS: usize = 8;

    /// The sign-in that this rule asks for, as far as `is_granted` says that it helps this
    /// person. `own`: what is configured for requests to the identity provider.
    pub(super) fn by(
        rule: &Rule,
        own: Option<&RequestedAuthnContext>,
        person: &Person<'_>,
        is_granted: impl Fn(&Person<'_>) -> bool,
    ) -> Option<Self> {
        let mut step_up = Self { idp: person.idp.to_owned(), authn_context: Vec::new(), force_authn: false };
        let authn = rule.conditions.iter().filter(|condition| condition.field == Field::AuthnAge);
        let mut signed_in_anew = *person;
        if authn.clone().any(|condition| !condition.holds_for(person.authn_age)) {
            step_up.force_authn = true;
            signed_in_anew.authn_age = Duration::ZERO;
        }
        // Who signs in anew can do so by another method, so it is asked for in any case.
        for context in contexts(rule, own) {
            if is_granted(&Person { authn_context: Some(context), ..signed_in_anew }) {
                step_up.authn_context.push(context.to_owned());
            }
        }
        let is_enough =
            !step_up.authn_context.is_empty() || step_up.force_authn && is_granted(&signed_in_anew);
        is_enough.then_some(step_up)
    }
}

/// Whether this rule lets requests to the identity provider `idp` ask for `context`.
pub(super) fn asks_for(rule: &Rule, idp: &str, own: Option<&RequestedAuthnContext>, context: &str) -> bool {
    let is_for_it = rule.conditions.iter().all(|c| c.field != Field::Idp || c.holds(idp));
    is_for_it && contexts(rule, own).contains(&context)
}

/// The contexts by which all conditions of a rule that grants would hold: of those that a
/// condition writes out, and of `own`, which can meet a pattern. None where none is asked.
/// Beside those that are configured as the exact ones there is no other: nobody can ask
/// for less than the operator does.
fn contexts<'r>(rule: &'r Rule, own: Option<&'r RequestedAuthnContext>) -> Vec<&'r str> {
    let conditions = || rule.conditions.iter().filter(|condition| condition.field == Field::AuthnContext);
    if matches!(rule.outcome, Effect::Refuse { .. }) || conditions().next().is_none() {
        return Vec::new();
    }
    let written = conditions().flat_map(|condition| &condition.matchers).flat_map(|matcher| match matcher {
        Matcher::Equals(text) => std::slice::from_ref(text),
        Matcher::AnyOf(texts) => texts,
        Matcher::Contains(_)
        | Matcher::Prefix(_)
        | Matcher::Suffix(_)
        | Matcher::Regex(_)
        | Matcher::AtMost(_) => &[],
    });
    let mut found: Vec<&str> = Vec::new();
    let is_allowed = |context: &String| {
        own.is_none_or(|own| own.comparison != Comparison::Exact || own.class_refs.contains(context))
    };
    for context in written.chain(own.into_iter().flat_map(|own| &own.class_refs)) {
        let meets = is_class_ref(context)
            && is_allowed(context)
            && conditions().all(|condition| condition.holds(context));
        if meets && !found.contains(&context.as_str()) && found.len() < StepUp::MAX_CONTEXTS {
            found.push(context);
        }
    }
    found
}

/// An absolute URI (core 1.3.2 and 2.7.2.2), without characters that would need care in an
/// address or in XML. A selected value that is none cannot be asked for.
fn is_class_ref(text: &str) -> bool {
    let is_scheme =
        |scheme: &str| scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && !scheme.contains('/');
    text.len() <= MAX_CONTEXT_BYTES
        && text.bytes().all(|b| b.is_ascii_graphic() && !br#""<>\^`{|}"#.contains(&b))
        && text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty())
}
