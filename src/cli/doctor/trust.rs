//! Reads a role's trust policy: would STS give the role to our people?
//!
//! It understands what policies that trust a SAML provider use; anything else is
//! [`Trust::Unclear`], never a yes.

use super::policy::{like, listed};
use super::source::{self, Bound, Demands, Source};
use crate::config::NetworkPin;
use serde_json::Value;

/// The meaning of a trust policy for one provider and one ACS.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// People of this provider, with assertions for this ACS.
    Accepts,
    /// People of this provider, whatever service the assertion was for.
    AnyRecipient,
    /// No statement lets this provider in.
    OtherProvider,
    /// Pinned to these recipients, ours not among them.
    OtherRecipient(Vec<String>),
    /// This was not understood.
    Unclear(String),
}

/// `acs` is the Recipient of assertions, which is what `SAML:aud` is; `ours` is where we
/// call STS from. The [`Source`] is `None` where our people are not let in at all.
pub(super) fn judge(policy: &Value, provider: &str, acs: &str, ours: &NetworkPin) -> (Trust, Option<Source>) {
    let statements = listed(policy.get("Statement"));
    let unclear = |why: &str| (Trust::Unclear(why.to_owned()), None);
    if statements.iter().any(|s| s.get("NotAction").is_some() || s.get("NotPrincipal").is_some()) {
        return unclear("it has a NotAction or NotPrincipal");
    }
    let (denials, statements): (Vec<_>, Vec<_>) =
        statements.into_iter().partition(|s| s.get("Effect").and_then(Value::as_str) == Some("Deny"));
    // One that denies who calls from elsewhere pins all other statements.
    let denied: Option<Vec<_>> = denials
        .into_iter()
        .map(|denial| {
            let is_for_us = acts(denial) && source::is_for_all_of(denial.get("Principal"), provider);
            Bound::of_deny(denial.get("Condition")).filter(|_| is_for_us)
        })
        .collect();
    let Some(denied) = denied else { return unclear("it has a Deny") };

    // Statements are alternatives: the best for us counts, but one that takes
    // any recipient is what an attacker would use.
    let allowed: Vec<_> = statements.into_iter().filter(|s| acts(s)).collect();
    let (ours_by_name, others): (Vec<_>, Vec<_>) =
        allowed.into_iter().partition(|s| source::names(s.get("Principal"), "Federated", provider));
    let verdicts: Vec<_> = ours_by_name.into_iter().map(|s| conditions(s, acs)).collect();
    let found = |wanted: Trust| verdicts.iter().any(|(trust, _)| *trust == wanted).then_some(wanted);
    let trust = found(Trust::AnyRecipient).or_else(|| found(Trust::Accepts));
    let Some(trust) = trust else {
        let first = verdicts.into_iter().next();
        return (first.map_or(Trust::OtherProvider, |(trust, _)| trust), None);
    };
    // Whether everybody is we, too, IAM's guide leaves open: here it counts against the pin.
    let everybody = others.into_iter().filter(|s| source::is_for_everybody(s.get("Principal")));
    let all = verdicts.into_iter().chain(everybody.map(|s| conditions(s, acs)));
    (trust, Some(source_of(all, &denied, ours)))
}

/// From where the role can be had by any of these statements.
fn source_of(
    verdicts: impl Iterator<Item = (Trust, Demands)>,
    denied: &[Bound],
    ours: &NetworkPin,
) -> Source {
    let (mut openings, mut beside) = (Vec::new(), Vec::new());
    for (trust, mut demands) in verdicts {
        match trust {
            Trust::Accepts | Trust::AnyRecipient => {
                demands.bounds.extend_from_slice(denied);
                openings.push(demands);
            }
            Trust::Unclear(why) => return Source::Unclear(why),
            Trust::OtherRecipient(recipients) => {
                demands.bounds.extend_from_slice(denied);
                if !demands.are_within(ours) {
                    beside.extend(recipients);
                }
            }
            Trust::OtherProvider => {}
        }
    }
    let source = source::judge(&openings, ours);
    if source == Source::Pinned && !beside.is_empty() { Source::Beside(beside) } else { source }
}

fn acts(statement: &Value) -> bool {
    listed(statement.get("Action"))
        .iter()
        .filter_map(|action| action.as_str())
        .any(|pattern| like(&pattern.to_ascii_lowercase(), "sts:assumerolewithsaml"))
}

fn conditions(statement: &Value, acs: &str) -> (Trust, Demands) {
    let mut demands = Demands::default();
    let unclear = |why: String| (Trust::Unclear(why), Demands::default());
    let Some(operators) = statement.get("Condition") else { return (Trust::AnyRecipient, demands) };
    let Some(operators) = operators.as_object() else {
        return unclear("its Condition is no object".to_owned());
    };
    let mut verdict = Trust::AnyRecipient;
    let mut others = None;
    for (operator, keys) in operators {
        for (key, wanted) in keys.as_object().into_iter().flatten() {
            if source::is_source(key) {
                match demands.add(operator, key, wanted) {
                    Ok(()) => continue,
                    Err(why) => return unclear(why),
                }
            }
            if !key.eq_ignore_ascii_case("SAML:aud") {
                return unclear(format!("it has a condition on {key}"));
            }
            let wanted: Vec<&str> = listed(Some(wanted)).iter().filter_map(|each| each.as_str()).collect();
            let name = operator.strip_prefix("ForAnyValue:").unwrap_or(operator);
            let holds = match name {
                "StringEquals" => wanted.contains(&acs),
                "StringEqualsIgnoreCase" => wanted.iter().any(|each| each.eq_ignore_ascii_case(acs)),
                "StringLike" => wanted.iter().any(|each| like(each, acs)),
                _ => return unclear(format!("it has the condition operator {operator}")),
            };
            if !holds {
                others = Some(wanted.iter().map(|each| (*each).to_owned()).collect());
            }
            verdict = if wanted.contains(&"*") { verdict } else { Trust::Accepts };
        }
    }
    (others.map_or(verdict, Trust::OtherRecipient), demands)
}

#[cfg(test)]
mod tests;
