//! With `sts.kind = "assume-role"`: whether the roles let our own role in, and nobody past it.

use super::finding::{Report, Severity};
use super::iam::{account_of, of_another_account, roles, trust_policy};
use super::inspect::{QueryService, describe_role_arn};
use super::permissions;
use super::policy::{like, listed};
use crate::adapters::aws::Sdk;
use crate::broker::ports::Clock;
use crate::config::{AssumeRole, Config};
use crate::roles::RoleArn;
use serde_json::Value;

const CHECK: &str = "hub";

pub(super) async fn check(
    (sdk, clock): (&Sdk, &dyn Clock),
    config: &Config,
    settings: &AssumeRole,
    caller: Option<&str>,
    more_roles: &[String],
    report: &mut Report,
) {
    let Some(caller) = caller else {
        let what = "logins are asked for with our own credentials, and STS does not say whose they are";
        let remedy = "run doctor as the service runs: with its task role, instance profile or function role";
        report.fault(CHECK, what, remedy);
        return;
    };
    let roles = roles(config, more_roles, report);
    if let Some(first) = roles.keys().next() {
        let iam = QueryService::iam(sdk, clock, first.partition()).await;
        let ours = (caller, settings.hub_role.as_ref());
        permissions::check_assuming(&iam, ours, roles.keys(), &asked(settings), report).await;
    }
    for (role, duration) in roles {
        if let Some(ours) = account_of(Some(caller)).filter(|ours| *ours != role.account()) {
            let remedy = "run doctor with --role and credentials of the role's account";
            report.unknown(CHECK, of_another_account(role.as_str(), ours), remedy);
            continue;
        }
        let iam = QueryService::iam(sdk, clock, role.partition()).await;
        let Some(policy) = trust_policy(&iam, &role, duration, report).await else { continue };
        let us = settings.hub_role.as_ref().map_or(caller, RoleArn::as_str);
        let (severity, what) = said(&judge(&policy, us, settings), us);
        let remedy = match severity {
            Severity::Ok => "nothing".to_owned(),
            Severity::Unknown | Severity::Warning | Severity::Fault => remedy(settings),
        };
        report.add(CHECK, severity, format!("{} {what}", role.as_str()), remedy);
    }
}

/// The meaning of a trust policy for a service that assumes the role itself.
#[derive(Debug, PartialEq, Eq)]
enum Trust {
    /// Us, and nobody by an assertion.
    OnlyUs,
    /// Us, and people by an assertion, without us.
    PastUs,
    /// Us, and everybody else who has credentials of AWS.
    Everybody,
    /// Us, but not with this action, which we ask for.
    Without(&'static str),
    /// Us, with another external id than ours.
    OtherExternalId,
    /// Not us.
    NotUs,
    /// This was not understood.
    Unclear(String),
}

fn judge(policy: &Value, caller: &str, settings: &AssumeRole) -> Trust {
    let statements = listed(policy.get("Statement"));
    if statements.iter().any(|s| s.get("NotAction").is_some() || s.get("NotPrincipal").is_some()) {
        return Trust::Unclear("it has a NotAction or NotPrincipal".to_owned());
    }
    if statements.iter().any(|s| s.get("Effect").and_then(Value::as_str) != Some("Allow")) {
        return Trust::Unclear("it has a Deny".to_owned());
    }
    let ours: Vec<_> = statements.iter().filter(|s| is_us(s.get("Principal"), caller)).collect();
    if ours.is_empty() {
        return Trust::NotUs;
    }
    let mut everybody = false;
    for action in asked(settings) {
        let allowing = ours.iter().filter(|statement| acts(statement, action));
        let verdicts: Vec<_> = allowing.map(|s| (condition(s, settings), s.get("Principal"))).collect();
        let mut open = verdicts.iter().filter(|(verdict, _)| *verdict == Trust::OnlyUs).peekable();
        if open.peek().is_none() {
            return verdicts.into_iter().next().map_or(Trust::Without(action), |(verdict, _)| verdict);
        }
        everybody |= open.any(|(_, principal)| is_everybody(*principal));
    }
    if statements.iter().any(|statement| acts(statement, "sts:AssumeRoleWithSAML")) {
        return Trust::PastUs;
    }
    if everybody { Trust::Everybody } else { Trust::OnlyUs }
}

/// The actions that a call of ours is: both roles must allow them, ours and the person's.
fn asked(settings: &AssumeRole) -> Vec<&'static str> {
    let mut actions = vec!["sts:AssumeRole", "sts:SetSourceIdentity"];
    if !settings.session_tags.is_empty() {
        actions.push("sts:TagSession");
    }
    actions
}

/// Only what is demanded of our own calls: the external id.
fn condition(statement: &Value, settings: &AssumeRole) -> Trust {
    let operators = statement.get("Condition").and_then(Value::as_object);
    for (operator, keys) in operators.into_iter().flatten() {
        for (key, wanted) in keys.as_object().into_iter().flatten() {
            if !key.eq_ignore_ascii_case("sts:ExternalId") {
                return Trust::Unclear(format!("it has a condition on {key}"));
            }
            let wanted: Vec<&str> = listed(Some(wanted)).into_iter().filter_map(Value::as_str).collect();
            let ours = settings.external_id.as_deref().unwrap_or_default();
            let holds = match operator.as_str() {
                "StringEquals" => wanted.contains(&ours),
                "StringLike" => wanted.iter().any(|each| like(each, ours)),
                _ => return Trust::Unclear(format!("it has the condition operator {operator}")),
            };
            if settings.external_id.is_none() || !holds {
                return Trust::OtherExternalId;
            }
        }
    }
    Trust::OnlyUs
}

fn acts(statement: &Value, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let patterns = listed(statement.get("Action"));
    patterns.iter().filter_map(|p| p.as_str()).any(|p| like(&p.to_ascii_lowercase(), &action))
}

/// `us`: the ARN of our role, or of a session of it, which lacks the role's path.
fn is_us(principal: Option<&Value>, us: &str) -> bool {
    let account = account_of(Some(us)).unwrap_or_default();
    let role = describe_role_arn(us);
    let is_it = |name: &str| {
        let of_our_account = name.split(':').nth(4) == Some(account);
        name == account
            || name == us
            || (of_our_account && name.ends_with(":root"))
            || (of_our_account && name.contains(":role/") && name.rsplit('/').next() == role)
    };
    is_everybody(principal)
        || listed(principal.and_then(|p| p.get("AWS"))).iter().filter_map(|p| p.as_str()).any(is_it)
}

fn is_everybody(principal: Option<&Value>) -> bool {
    let is_star = |value: &Value| value.as_str() == Some("*");
    principal.is_some_and(|p| is_star(p) || listed(p.get("AWS")).into_iter().any(is_star))
}

fn said(trust: &Trust, caller: &str) -> (Severity, String) {
    match trust {
        Trust::OnlyUs => (Severity::Ok, format!("lets us in ({caller}), and nobody by an assertion")),
        Trust::PastUs => (
            Severity::Warning,
            "lets us in, and people by an assertion too: whoever posts their own response to STS has it without \
             our rules"
                .to_owned(),
        ),
        Trust::Everybody => {
            (Severity::Warning, "lets us in, and everybody who has credentials of AWS".to_owned())
        }
        Trust::Without(action) => {
            (Severity::Fault, format!("lets us in without {action}: STS answers AccessDenied"))
        }
        Trust::OtherExternalId => (
            Severity::Fault,
            "demands another sts:ExternalId than sts.external_id: STS answers AccessDenied".to_owned(),
        ),
        Trust::NotUs => {
            (Severity::Fault, format!("does not let us in ({caller}): STS answers AccessDenied"))
        }
        Trust::Unclear(why) => (Severity::Unknown, format!("cannot be judged: {why}")),
    }
}

fn remedy(settings: &AssumeRole) -> String {
    let demanded = match &settings.external_id {
        Some(id) => format!(" with the condition StringEquals sts:ExternalId = {id}"),
        None => String::new(),
    };
    format!(
        "in its trust policy, allow {} to this service's role{demanded}, and nothing to anybody else",
        asked(settings).join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PersonValue;
    use serde_json::json;

    const CALLER: &str = "arn:aws:sts::999999999999:assumed-role/Vestibule/i-0123456789abcdef0";
    const HUB: &str = "arn:aws:iam::999999999999:role/services/Vestibule";

    fn settings(external_id: Option<&str>, tags: bool) -> AssumeRole {
        let tag = ("mail".to_owned(), PersonValue::RoleSessionName);
        AssumeRole {
            hub_role: None,
            external_id: external_id.map(str::to_owned),
            source_identity: PersonValue::RoleSessionName,
            session_tags: tags.then_some(tag).into_iter().collect(),
        }
    }

    fn policy(principal: &Value, actions: &[&str], condition: Option<Value>) -> Value {
        let mut statement = json!({ "Effect": "Allow", "Principal": principal, "Action": actions });
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        json!({ "Statement": [statement] })
    }

    const BOTH: [&str; 2] = ["sts:AssumeRole", "sts:SetSourceIdentity"];

    #[test]
    fn our_role_is_known_by_each_of_its_names() {
        let plain = settings(None, false);
        for name in [HUB, CALLER, "999999999999", "arn:aws:iam::999999999999:root"] {
            assert_eq!(judge(&policy(&json!({ "AWS": name }), &BOTH, None), CALLER, &plain), Trust::OnlyUs);
            let among = json!({ "AWS": ["arn:aws:iam::111111111111:role/Other", name] });
            assert_eq!(judge(&policy(&among, &BOTH, None), CALLER, &plain), Trust::OnlyUs, "{name}");
        }
        for name in [
            "arn:aws:iam::111111111111:role/Vestibule",
            "arn:aws:iam::999999999999:role/Vestibule2",
            "arn:aws:iam::999999999999:user/Vestibule",
            "arn:aws:iam::111111111111:root",
        ] {
            assert_eq!(judge(&policy(&json!({ "AWS": name }), &BOTH, None), CALLER, &plain), Trust::NotUs);
            assert_eq!(judge(&policy(&json!({ "AWS": name }), &BOTH, None), HUB, &plain), Trust::NotUs);
        }
        // The role itself is known with its path.
        for (name, trust) in [
            (HUB, Trust::OnlyUs),
            ("999999999999", Trust::OnlyUs),
            ("arn:aws:iam::999999999999:role/Vestibule", Trust::NotUs),
        ] {
            assert_eq!(judge(&policy(&json!({ "AWS": name }), &BOTH, None), HUB, &plain), trust, "{name}");
        }
        for everybody in [json!("*"), json!({ "AWS": "*" })] {
            assert_eq!(judge(&policy(&everybody, &BOTH, None), CALLER, &plain), Trust::Everybody);
        }
    }

    #[test]
    fn what_we_ask_for_must_be_allowed() {
        let hub = json!({ "AWS": HUB });
        let of =
            |actions: &[&str], tags: bool| judge(&policy(&hub, actions, None), CALLER, &settings(None, tags));
        assert_eq!(of(&["sts:AssumeRole"], false), Trust::Without("sts:SetSourceIdentity"));
        assert_eq!(of(&["sts:SetSourceIdentity"], false), Trust::Without("sts:AssumeRole"));
        assert_eq!(of(&BOTH, true), Trust::Without("sts:TagSession"));
        assert_eq!(of(&["sts:AssumeRole", "STS:Set*", "sts:tagsession"], true), Trust::OnlyUs);
        // `sts:*` lets people in by an assertion, if the principal were a SAML provider.
        assert_eq!(of(&["sts:*"], true), Trust::PastUs);
    }

    #[test]
    fn attack_the_role_trusts_the_saml_provider_beside_us() {
        let mut both = policy(&json!({ "AWS": HUB }), &BOTH, None);
        let saml = policy(
            &json!({ "Federated": "arn:aws:iam::123456789012:saml-provider/ADFS" }),
            &["sts:AssumeRoleWithSAML"],
            Some(json!({ "StringEquals": { "SAML:aud": "https://vestibule.example.com/saml" } })),
        );
        both["Statement"].as_array_mut().unwrap().extend(saml["Statement"].as_array().unwrap().clone());
        assert_eq!(judge(&both, CALLER, &settings(None, false)), Trust::PastUs);
        assert_eq!(judge(&saml, CALLER, &settings(None, false)), Trust::NotUs);
    }

    #[test]
    fn the_external_id_is_ours_or_not_demanded() {
        let hub = json!({ "AWS": HUB });
        let demands = |operator: &str, key: &str, value: &Value, ours: Option<&str>| {
            let condition = json!({ operator: { key: value } });
            judge(&policy(&hub, &BOTH, Some(condition)), CALLER, &settings(ours, false))
        };
        let (id, other) = (json!("ours"), json!(["theirs", "another"]));
        assert_eq!(demands("StringEquals", "sts:ExternalId", &id, Some("ours")), Trust::OnlyUs);
        assert_eq!(demands("StringLike", "STS:externalid", &json!("our*"), Some("ours")), Trust::OnlyUs);
        assert_eq!(demands("StringEquals", "sts:ExternalId", &other, Some("ours")), Trust::OtherExternalId);
        assert_eq!(demands("StringLike", "sts:ExternalId", &json!("*"), None), Trust::OtherExternalId);
        let unclear = demands("StringEquals", "aws:PrincipalOrgID", &json!("o-1"), Some("ours"));
        assert!(matches!(unclear, Trust::Unclear(_)), "{unclear:?}");
        let unclear = demands("StringNotEquals", "sts:ExternalId", &id, Some("ours"));
        assert!(matches!(unclear, Trust::Unclear(_)), "{unclear:?}");
    }

    #[test]
    fn what_is_not_understood_is_no_yes() {
        for (key, value) in [
            ("Effect", json!("Deny")),
            ("NotAction", json!("sts:TagSession")),
            ("NotPrincipal", json!({ "AWS": "arn:aws:iam::111111111111:root" })),
        ] {
            let mut policy = policy(&json!({ "AWS": HUB }), &BOTH, None);
            policy["Statement"][0][key] = value;
            let verdict = judge(&policy, CALLER, &settings(None, false));
            assert!(matches!(verdict, Trust::Unclear(_)), "{key}: {verdict:?}");
        }
    }
}
