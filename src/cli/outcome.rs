//! What is granted or refused, in words and as JSON: for `explain` and `rules`.

use crate::roles::{Considered, Explanation, ProviderArn, StepUp, Terms};
use serde_json::{Value, json};

/// One table of codes, for people and for this.
const ERRORS: &str = include_str!("../../docs/ERRORS.md");

/// For people.
fn granted(terms: &Terms) -> String {
    let minutes = terms.duration.whole_minutes();
    let scope = if terms.are_limited() { ", scoped down by its policies" } else { "" };
    let asks = terms.ask_reason.as_ref().map_or_else(String::new, |asks| format!(", asks: {asks}"));
    format!("{} for {minutes} min, by rule '{}'{scope}{asks}", terms.role.as_str(), terms.rule)
}

/// Each of them, under this word.
pub(super) fn all_granted(word: &str, terms: &[Terms]) -> String {
    let one = |terms| format!("{word}{}", granted(terms));
    terms.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// For programs.
pub(super) fn all_json(terms: &[Terms]) -> Value {
    terms.iter().map(terms_json).collect()
}

fn terms_json(terms: &Terms) -> Value {
    json!({
        "role": terms.role.as_str(),
        "rule": terms.rule,
        "duration_seconds": terms.duration.whole_seconds(),
        "provider": terms.source.provider().map(ProviderArn::as_str),
        "role_map": terms.source.role_map(),
        "session_policy": terms.session_policy.is_some(),
        "policy_arns": terms.policy_arns,
        "ask_reason": terms.ask_reason,
    })
}

/// The sign-in that a refusal offers, for people.
pub(super) fn sign_in_again(StepUp { idp, authn_context, force_authn }: &StepUp) -> String {
    let by =
        if authn_context.is_empty() { String::new() } else { format!(", by {}", authn_context.join(" or ")) };
    format!("sign in again at {idp}{by}{}", if *force_authn { ", anew (ForceAuthn)" } else { "" })
}

/// The same for programs, as `POST /saml` answers it.
pub(super) fn sign_in_again_json(step_up: Option<&StepUp>) -> Value {
    step_up.map_or(Value::Null, |StepUp { idp, authn_context, force_authn }| {
        json!({"idp": idp, "authn_context": authn_context, "force_authn": force_authn})
    })
}

/// The rules looked at.
pub(super) fn rules_json(explanation: &Explanation) -> Vec<Value> {
    let json =
        |rule: &Considered| json!({"rule": rule.rule, "findings": rule.findings, "verdict": rule.verdict});
    explanation.rules().iter().map(json).collect()
}

/// A row of `docs/ERRORS.md`, which a test holds equal to the codes there are.
pub(super) struct Row {
    pub(super) code: &'static str,
    pub(super) status: &'static str,
    pub(super) means: &'static str,
    pub(super) who: &'static str,
    pub(super) remedy: &'static str,
}

impl Row {
    pub(super) fn of(code: &'static str) -> Self {
        let row = ERRORS.lines().find(|line| {
            line.strip_prefix("| `")
                .and_then(|rest| rest.strip_prefix(code))
                .is_some_and(|r| r.starts_with('`'))
        });
        let mut cells = row.unwrap_or_default().trim_end_matches(" |").split(" | ").skip(1);
        let mut next = || cells.next().unwrap_or_default().trim();
        Self { code, status: next(), means: next(), who: next(), remedy: next() }
    }
}
