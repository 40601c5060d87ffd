//! Reads a role's trust policy: would STS give the role to our people?
//!
//! It understands what policies that trust a SAML provider use; anything else is
//! [`Trust::Unclear`], never a yes.

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

/// `acs` is the Recipient of assertions, which is what `SAML:aud` is.
pub(super) fn judge(policy: &Value, provider: &str, acs: &str) -> Trust {
    let statements = listed(policy.get("Statement"));
    let about_us = |statement: &&&Value| {
        let federated = statement.pointer("/Principal/Federated");
        let acts = listed(statement.get("Action"))
            .iter()
            .filter_map(|action| action.as_str())
            .any(|pattern| like(&pattern.to_ascii_lowercase(), "sts:assumerolewithsaml"));
        acts && listed(federated).iter().any(|each| each.as_str() == Some(provider))
    };
    let denies = |statement: &&Value| statement.get("Effect").and_then(Value::as_str) == Some("Deny");
    if statements.iter().any(denies) {
        return Trust::Unclear("it has a Deny".to_owned());
    }
    if statements.iter().any(|s| s.get("NotAction").is_some() || s.get("NotPrincipal").is_some()) {
        return Trust::Unclear("it has a NotAction or NotPrincipal".to_owned());
    }
    // Statements are alternatives: the best for us counts, but one that takes
    // any recipient is what an attacker would use.
    let verdicts: Vec<_> = statements.iter().filter(about_us).map(|s| conditions(s, acs)).collect();
    let found = |wanted: fn(&Trust) -> bool| verdicts.iter().any(wanted);
    if found(|v| *v == Trust::AnyRecipient) {
        return Trust::AnyRecipient;
    }
    if found(|v| *v == Trust::Accepts) {
        return Trust::Accepts;
    }
    verdicts.into_iter().next().unwrap_or(Trust::OtherProvider)
}

fn conditions(statement: &Value, acs: &str) -> Trust {
    let Some(operators) = statement.get("Condition") else { return Trust::AnyRecipient };
    let Some(operators) = operators.as_object() else {
        return Trust::Unclear("its Condition is no object".to_owned());
    };
    let mut verdict = Trust::AnyRecipient;
    for (operator, keys) in operators {
        for (key, wanted) in keys.as_object().into_iter().flatten() {
            if !key.eq_ignore_ascii_case("SAML:aud") {
                return Trust::Unclear(format!("it has a condition on {key}"));
            }
            let wanted: Vec<&str> = listed(Some(wanted)).iter().filter_map(|each| each.as_str()).collect();
            let name = operator.strip_prefix("ForAnyValue:").unwrap_or(operator);
            let holds = match name {
                "StringEquals" => wanted.contains(&acs),
                "StringEqualsIgnoreCase" => wanted.iter().any(|each| each.eq_ignore_ascii_case(acs)),
                "StringLike" => wanted.iter().any(|each| like(each, acs)),
                _ => return Trust::Unclear(format!("it has the condition operator {operator}")),
            };
            if !holds {
                return Trust::OtherRecipient(wanted.into_iter().map(str::to_owned).collect());
            }
            verdict = if wanted.contains(&"*") { verdict } else { Trust::Accepts };
        }
    }
    verdict
}

fn listed(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
    }
}

/// `*` for any text, `?` for any one character.
fn like(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.chars();
    match pattern.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = pattern.as_str();
            text.char_indices().any(|(at, _)| like(rest, text.get(at..).unwrap_or_default()))
                || like(rest, "")
        }
        Some(wanted) => {
            let mut text = text.chars();
            text.next().is_some_and(|c| wanted == '?' || wanted == c) && like(pattern.as_str(), text.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/ADFS";
    const ACS: &str = "https://vestibule.example.com/saml";

    fn said(principal: &str, action: &Value, condition: Option<Value>) -> Trust {
        let mut statement =
            json!({ "Effect": "Allow", "Principal": { "Federated": principal }, "Action": action });
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        judge(&json!({ "Statement": statement }), PROVIDER, ACS)
    }

    #[test]
    fn trust_is_what_the_policy_says() {
        let saml = json!("sts:AssumeRoleWithSAML");
        let aud = |to: Value| Some(json!({ "StringEquals": { "SAML:aud": to } }));
        let console = "https://signin.aws.amazon.com/saml";
        assert_eq!(said(PROVIDER, &saml, aud(json!(ACS))), Trust::Accepts);
        assert_eq!(
            said(PROVIDER, &json!(["sts:TagSession", "sts:*"]), aud(json!([console, ACS]))),
            Trust::Accepts
        );
        assert_eq!(
            said(PROVIDER, &saml, aud(json!(console))),
            Trust::OtherRecipient(vec![console.to_owned()])
        );
        assert_eq!(said(PROVIDER, &saml, None), Trust::AnyRecipient);
        let any = json!({ "StringLike": { "saml:aud": "*" } });
        assert_eq!(said(PROVIDER, &saml, Some(any)), Trust::AnyRecipient);
        let like = json!({ "StringLike": { "saml:aud": "https://*.example.com/saml" } });
        assert_eq!(said(PROVIDER, &saml, Some(like)), Trust::Accepts);
        assert_eq!(said("arn:aws:iam::123456789012:saml-provider/Other", &saml, None), Trust::OtherProvider);
        assert_eq!(said(PROVIDER, &json!("sts:AssumeRole"), None), Trust::OtherProvider);
        assert_eq!(said("*", &saml, None), Trust::OtherProvider);
    }

    #[test]
    fn what_is_not_understood_is_no_yes() {
        let saml = json!("sts:AssumeRoleWithSAML");
        for condition in [
            json!({ "StringNotEquals": { "SAML:aud": "x" } }),
            json!({ "StringEquals": { "SAML:aud": ACS, "aws:SourceIp": "10.0.0.0/8" } }),
        ] {
            assert!(matches!(said(PROVIDER, &saml, Some(condition)), Trust::Unclear(_)));
        }
        let deny = json!({ "Statement": [{ "Effect": "Deny", "Principal": "*", "Action": "*" }] });
        assert!(matches!(judge(&deny, PROVIDER, ACS), Trust::Unclear(_)));
        assert_eq!(judge(&json!({}), PROVIDER, ACS), Trust::OtherProvider);
    }
}
