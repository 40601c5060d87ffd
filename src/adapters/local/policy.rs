//! A small part of IAM's policy evaluation, for session policies of the local token
//! service: one action on one resource. Elements that it does not evaluate (conditions,
//! policy variables, unknown elements) never allow, and deny wherever they could.

use serde::Deserialize;

/// The whole policy. An unknown element could change its meaning, so it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    #[serde(rename = "Version")]
    _version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    #[serde(rename = "Statement")]
    statements: OneOrMany<Statement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Statement {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: Option<OneOrMany<String>>,
    not_action: Option<OneOrMany<String>>,
    resource: Option<OneOrMany<String>>,
    not_resource: Option<OneOrMany<String>>,
    condition: Option<serde_json::Value>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// Whether the policy allows this action on this resource. A policy that cannot
/// be read allows nothing.
pub(super) fn allows(policy: &str, action: &str, resource: &str) -> bool {
    let Ok(policy) = serde_json::from_str::<Policy>(policy) else { return false };
    let mut allowed = false;
    for statement in policy.statements.as_slice() {
        match (statement.effect, statement.applies(action, resource)) {
            // An explicit Deny wins; one that is not understood might apply.
            (Effect::Deny, Applies::Yes | Applies::Unclear) | (_, Applies::Malformed) => return false,
            (Effect::Allow, Applies::Yes) => allowed = true,
            (Effect::Allow | Effect::Deny, Applies::No) | (Effect::Allow, Applies::Unclear) => {}
        }
    }
    allowed
}

enum Applies {
    Yes,
    No,
    /// It depends on conditions or variables, which are not evaluated here.
    Unclear,
    /// IAM would reject it.
    Malformed,
}

impl Statement {
    fn applies(&self, action: &str, resource: &str) -> Applies {
        let patterns = [&self.action, &self.not_action, &self.resource, &self.not_resource];
        let has_variables = patterns
            .into_iter()
            .flatten()
            .flat_map(OneOrMany::as_slice)
            .any(|pattern| pattern.contains("${"));
        let action = selects(self.action.as_ref(), self.not_action.as_ref(), |pattern| {
            Some(matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()))
        });
        let resource = selects(self.resource.as_ref(), self.not_resource.as_ref(), |pattern| {
            matches_arn(pattern, resource)
        });
        match (action, resource) {
            (None, _) | (_, None) => Applies::Malformed,
            _ if has_variables => Applies::Unclear,
            (Some(true), Some(true)) if self.condition.is_some() => Applies::Unclear,
            (Some(true), Some(true)) => Applies::Yes,
            (Some(_), Some(_)) => Applies::No,
        }
    }
}

/// `X` or `NotX`: exactly one of them. `None` if malformed.
fn selects(
    listed: Option<&OneOrMany<String>>,
    excepted: Option<&OneOrMany<String>>,
    matches: impl Fn(&str) -> Option<bool>,
) -> Option<bool> {
    let any = |patterns: &OneOrMany<String>| {
        patterns.as_slice().iter().try_fold(false, |found, pattern| Some(matches(pattern)? || found))
    };
    match (listed, excepted) {
        (Some(patterns), None) => any(patterns),
        (None, Some(patterns)) => any(patterns).map(|found| !found),
        (None, None) | (Some(_), Some(_)) => None,
    }
}

/// ARNs are compared segment by segment: a wildcard does not span a colon
/// before the resource part. `None` if the pattern is no ARN.
fn matches_arn(pattern: &str, arn: &str) -> Option<bool> {
    if pattern == "*" {
        return Some(true);
    }
    let pattern: Vec<_> = pattern.splitn(6, ':').collect();
    let arn: Vec<_> = arn.splitn(6, ':').collect();
    (pattern.len() == 6)
        .then(|| pattern.len() == arn.len() && pattern.iter().zip(&arn).all(|(p, text)| matches(p, text)))
}

/// `*`: any characters; `?`: exactly one. Looks back to the last `*` only, so
/// its time is at most pattern times text.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&x) if x == '?' || x == c => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star_p, star_t)) = star else { return false };
                star = Some((star_p, star_t + 1));
                p = star_p + 1;
                t = star_t + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVOKE: &str = "execute-api:Invoke";
    const PING: &str = "arn:aws:execute-api:eu-central-1:123456789012:vestibule/*/GET/users";

    fn ping_allowed(statements: &str) -> bool {
        allows(&format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#), INVOKE, PING)
    }

    #[test]
    fn an_allow_that_covers_action_and_resource_allows() {
        for statement in [
            r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#,
            r#"[{"Sid":"a","Effect":"Allow","Action":["s3:Get*","EXECUTE-API:inv?ke"],"Resource":"*"}]"#,
            r#"{"Effect":"Allow","Action":"execute-api:*","Resource":["arn:aws:s3:::b","arn:aws:execute-api:*:*:*/GET/*"]}"#,
            r#"{"Effect":"Allow","NotAction":"s3:*","NotResource":"arn:aws:s3:::b"}"#,
        ] {
            assert!(ping_allowed(statement), "{statement}");
        }
    }

    #[test]
    fn what_is_not_allowed_is_denied() {
        for statement in [
            "[]",
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"execute-api","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:execute-api:us-east-1:*:*"}"#,
            r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:EXECUTE-API:*:*:*"}"#,
            r#"{"Effect":"Allow","NotAction":"execute-api:*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"*","NotResource":"*"}"#,
            r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#,
        ] {
            assert!(!ping_allowed(statement), "{statement}");
        }
    }

    #[test]
    fn an_explicit_deny_wins_wherever_it_stands() {
        let allow = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        let deny = r#"{"Effect":"Deny","Action":"execute-api:Inv*","Resource":"*"}"#;
        let other = r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#;
        assert!(!ping_allowed(&format!("[{allow},{deny}]")));
        assert!(!ping_allowed(&format!("[{deny},{allow}]")));
        assert!(ping_allowed(&format!("[{other},{allow}]")), "control: a deny of something else");
    }

    #[test]
    fn what_is_not_understood_fails_closed() {
        let allow = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        for other in [
            r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}"#,
            r#"{"Effect":"Deny","Action":"*","Resource":"arn:aws:execute-api:*:*:${aws:username}/*"}"#,
            r#"{"Effect":"Allow","Action":"*"}"#,
            r#"{"Effect":"Allow","Action":"*","NotAction":"s3:*","Resource":"*"}"#,
            r#"{"Effect":"Deny","Action":"s3:*","Resource":"vestibule"}"#,
            r#"{"Effect":"Maybe","Action":"s3:*","Resource":"*"}"#,
            r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#,
        ] {
            assert!(!ping_allowed(&format!("[{allow},{other}]")), "{other}");
        }
        let conditional =
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"x":"true"}}}"#;
        assert!(!ping_allowed(conditional));
        assert!(!allows("not a policy", INVOKE, PING));
        assert!(!allows("{}", INVOKE, PING));
    }

    #[test]
    fn a_conditional_deny_of_something_else_denies_nothing_here() {
        let allow = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        let other = r#"{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"x":"true"}}}"#;
        assert!(ping_allowed(&format!("[{allow},{other}]")));
    }

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("?", "", false),
            ("a*c", "abbc", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("*ab", "aab", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("abc", "abcd", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
        let long = "a*".repeat(1_000);
        assert!(!matches(&long, &"a".repeat(999)), "ends soon");
    }
}
