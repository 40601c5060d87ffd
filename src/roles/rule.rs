//! Rules: conditions and outcomes, compiled when the configuration loads.

use super::arn::{self, RoleArn};
use std::fmt;
use time::Duration;

/// A rule that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The regular expression does not compile.
    #[error("not a regular expression: {0}")]
    Regex(String),
    /// An empty pattern says nothing: some matchers would hold for every value.
    #[error("a pattern may not be empty")]
    EmptyPattern,
    /// Durations are 15 minutes to 12 hours (STS: 900 to 43,200 seconds).
    #[error("a duration is 15m to 12h")]
    Duration,
    /// A session policy is a JSON object of at most 2,048 characters.
    #[error("a session policy is a JSON object of at most 2,048 characters")]
    SessionPolicy,
    /// STS takes at most 10 policy ARNs.
    #[error("at most 10 policy ARNs, each of a managed policy")]
    PolicyArns,
}

/// The value that a condition is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// The offered role's name, without its path.
    RoleName,
    /// The offered role's whole ARN.
    RoleArn,
    /// The offered role's account: 12 digits.
    Account,
    /// The offered role's partition: `aws`, `aws-cn`, …
    Partition,
    /// The subject's NameID.
    NameId,
    /// The configured name of the identity provider.
    Idp,
    /// The AuthnContextClassRef.
    AuthnContext,
    /// How long ago the person signed in at the identity provider.
    AuthnAge,
    /// What the credentials are for: `page`, `shell` or `console`.
    Use,
    /// The page at which the login began: `built-in`, or the name of a `[[page]]`.
    Page,
    /// A selected value; holds if any of its values matches.
    Attribute(String),
}

/// How a value is compared. Case counts everywhere.
#[derive(Debug, Clone)]
pub enum Matcher {
    /// The same text.
    Equals(String),
    /// Occurs anywhere.
    Contains(String),
    /// Begins with.
    Prefix(String),
    /// Ends with.
    Suffix(String),
    /// Matches as a whole (anchored at both ends).
    Regex(regex::Regex),
    /// Is one of these.
    AnyOf(Vec<String>),
    /// Is a time of at most this length.
    AtMost(Duration),
}

/// One `when.FIELD = { MATCHER = … }`.
#[derive(Debug, Clone)]
pub struct Condition {
    pub field: Field,
    /// All of these must hold for one and the same value.
    pub matchers: Vec<Matcher>,
}

/// The effect of a rule that holds.
#[derive(Debug, Clone)]
pub enum Effect {
    /// The role that met the conditions, under these terms.
    Grant {
        /// Only this role, if the identity provider offers it; else whichever meets the conditions.
        role: Option<RoleArn>,
        /// How long the credentials live.
        duration: Duration,
        /// A scope-down policy (JSON text).
        session_policy: Option<String>,
        /// ARNs of managed policies that scope down further.
        policy_arns: Vec<String>,
        /// The operator's sentence by which the person is asked for a reason, if one is asked for.
        ask_reason: Option<String>,
    },
    /// No, with the operator's sentence for the person.
    Refuse {
        /// The sentence that the person reads.
        message: String,
    },
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The operator's name for it, in audit records and explanations.
    pub name: String,
    /// All must hold. None: always holds.
    pub conditions: Vec<Condition>,
    pub outcome: Effect,
}

/// The most memory a compiled regular expression may take, in bytes: enough for
/// any sensible pattern; more, and one line of configuration could exhaust the memory.
const MAX_REGEX_BYTES: usize = 1 << 20;

impl Field {
    /// Whether it is evaluated for each offered role, rather than once.
    pub const fn is_of_role(&self) -> bool {
        match self {
            Self::RoleName | Self::RoleArn | Self::Account | Self::Partition => true,
            Self::NameId
            | Self::Idp
            | Self::AuthnContext
            | Self::AuthnAge
            | Self::Use
            | Self::Page
            | Self::Attribute(_) => false,
        }
    }
}

impl Matcher {
    /// A matcher of the configuration's name for it: `equals`, `contains`,
    /// `prefix`, `suffix` or `regex`; `None` for another name.
    ///
    /// # Errors
    /// [`RuleError`] for an empty pattern or one that does not compile.
    pub fn new(kind: &str, pattern: &str) -> Option<Result<Self, RuleError>> {
        let text = || if pattern.is_empty() { Err(RuleError::EmptyPattern) } else { Ok(pattern.to_owned()) };
        Some(match kind {
            "equals" => text().map(Self::Equals),
            "contains" => text().map(Self::Contains),
            "prefix" => text().map(Self::Prefix),
            "suffix" => text().map(Self::Suffix),
            "regex" => text().and_then(|pattern| anchored(&pattern)).map(Self::Regex),
            _ => return None,
        })
    }

    /// The matcher `any_of`.
    ///
    /// # Errors
    /// [`RuleError::EmptyPattern`] for an empty list or an empty text in it.
    pub fn any_of(texts: Vec<String>) -> Result<Self, RuleError> {
        if texts.is_empty() || texts.iter().any(String::is_empty) {
            return Err(RuleError::EmptyPattern);
        }
        Ok(Self::AnyOf(texts))
    }

    /// Whether it holds for this text.
    pub fn holds(&self, value: &str) -> bool {
        match self {
            Self::Equals(text) => value == text,
            Self::Contains(text) => value.contains(text.as_str()),
            Self::Prefix(text) => value.starts_with(text.as_str()),
            Self::Suffix(text) => value.ends_with(text.as_str()),
            Self::Regex(regex) => regex.is_match(value),
            Self::AnyOf(texts) => texts.iter().any(|text| value == text),
            Self::AtMost(_) => false,
        }
    }
}

impl Condition {
    /// Whether all matchers hold for this one value. A condition without
    /// matchers asks for nothing and so proves nothing: it never holds.
    pub fn holds(&self, value: &str) -> bool {
        !self.matchers.is_empty() && self.matchers.iter().all(|matcher| matcher.holds(value))
    }

    /// The same for a time.
    pub fn holds_for(&self, time: Duration) -> bool {
        let is_met = |matcher: &Matcher| matches!(matcher, Matcher::AtMost(most) if time <= *most);
        !self.matchers.is_empty() && self.matchers.iter().all(is_met)
    }
}

impl Effect {
    /// STS takes 900 to 43,200 seconds.
    ///
    /// # Errors
    /// [`RuleError::Duration`].
    pub fn check_duration(duration: Duration) -> Result<Duration, RuleError> {
        if (Duration::minutes(15)..=Duration::hours(12)).contains(&duration) {
            Ok(duration)
        } else {
            Err(RuleError::Duration)
        }
    }

    /// STS takes JSON text of at most 2,048 characters, and counts it as written.
    ///
    /// # Errors
    /// [`RuleError::SessionPolicy`].
    pub fn check_session_policy(text: &str) -> Result<String, RuleError> {
        let is_object = serde_json::from_str::<serde_json::Value>(text).is_ok_and(|value| value.is_object());
        if is_object && text.chars().count() <= 2_048 {
            Ok(text.to_owned())
        } else {
            Err(RuleError::SessionPolicy)
        }
    }

    /// STS takes at most 10 ARNs of managed policies.
    ///
    /// # Errors
    /// [`RuleError::PolicyArns`].
    pub fn check_policy_arns(arns: Vec<String>) -> Result<Vec<String>, RuleError> {
        if arns.len() <= 10 && arns.iter().all(|arn| arn::is_managed_policy(arn)) {
            Ok(arns)
        } else {
            Err(RuleError::PolicyArns)
        }
    }
}

/// A duration as configuration writes it: `90s`, `15m`, `1h`.
pub fn as_written(duration: Duration) -> String {
    match duration.whole_seconds() {
        seconds if seconds != 0 && seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        seconds if seconds != 0 && seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// The pattern between anchors. It is compiled by itself first: `a)|(b` would
/// otherwise close our group and leave both halves anchored at one end only.
pub(super) fn anchored(pattern: &str) -> Result<regex::Regex, RuleError> {
    let compile = |pattern: &str| {
        regex::RegexBuilder::new(pattern)
            .size_limit(MAX_REGEX_BYTES)
            .build()
            .map_err(|error| RuleError::Regex(one_line(&error)))
    };
    compile(pattern)?;
    compile(&format!(r"\A(?:{pattern})\z"))
}

/// The regex crate draws the place over several lines; its last line says what is wrong.
fn one_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default().trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// As configuration writes it.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoleName => f.write_str("role_name"),
            Self::RoleArn => f.write_str("role_arn"),
            Self::Account => f.write_str("account"),
            Self::Partition => f.write_str("partition"),
            Self::NameId => f.write_str("name_id"),
            Self::Idp => f.write_str("idp"),
            Self::AuthnContext => f.write_str("authn_context"),
            Self::AuthnAge => f.write_str("authn_age"),
            Self::Use => f.write_str("use"),
            Self::Page => f.write_str("page"),
            Self::Attribute(name) => write!(f, "attribute.{name}"),
        }
    }
}

/// Its configured pattern, in words.
impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equals(text) => write!(f, "equals {text:?}"),
            Self::Contains(text) => write!(f, "contains {text:?}"),
            Self::Prefix(text) => write!(f, "prefix {text:?}"),
            Self::Suffix(text) => write!(f, "suffix {text:?}"),
            Self::Regex(regex) => write!(f, "regex {:?}", regex.as_str()),
            Self::AnyOf(texts) => write!(f, "any_of {texts:?}"),
            Self::AtMost(most) => write!(f, "at_most {:?}", as_written(*most)),
        }
    }
}

/// Field and patterns.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.field)?;
        for (i, matcher) in self.matchers.iter().enumerate() {
            f.write_str(if i == 0 { " " } else { " and " })?;
            write!(f, "{matcher}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matcher(kind: &str, pattern: &str) -> Matcher {
        Matcher::new(kind, pattern).unwrap().unwrap()
    }

    #[test]
    fn each_matcher_compares_as_its_name_says() {
        for (kind, pattern, holds, fails) in [
            ("equals", "Prod", &["Prod"][..], &["prod", "Prod ", "xProd"][..]),
            ("contains", "Prod", &["Prod", "NonProdX"], &["PROD", "Pro"]),
            ("prefix", "Prod", &["Prod", "ProdX"], &["xProd"]),
            ("suffix", "-C", &["anna-C"], &["anna-c", "-C-x"]),
            ("regex", "Prod", &["Prod"], &["NonProdX", "Prod\n", "\nProd", "NonProd", "ProdX"]),
            ("regex", "Dev|Prod", &["Dev", "Prod"], &["DevX", "XProd", "DevProd"]),
            ("regex", "(?i)prod.*", &["PRODuction"], &["nonprod"]),
        ] {
            let matcher = matcher(kind, pattern);
            holds.iter().for_each(|v| assert!(matcher.holds(v), "{matcher} {v:?}"));
            fails.iter().for_each(|v| assert!(!matcher.holds(v), "{matcher} {v:?}"));
        }
        let any = Matcher::any_of(vec!["a".into(), "b".into()]).unwrap();
        assert!(any.holds("a") && any.holds("b") && !any.holds("ab"));
        assert!(Matcher::new("like", "x").is_none());
    }

    #[test]
    fn a_regex_cannot_break_out_of_its_anchors() {
        for pattern in ["a)|(b", "(?x) Prod # comment", "a)|(?:.*", "("] {
            assert!(matches!(Matcher::new("regex", pattern), Some(Err(RuleError::Regex(_)))), "{pattern}");
        }
        // Multi-line mode moves ^ and $, not \A and \z.
        assert!(!matcher("regex", "(?m)^Prod$").holds("x\nProd\ny"));
    }

    #[test]
    fn a_regex_that_would_take_all_memory_is_refused() {
        let Some(Err(RuleError::Regex(message))) = Matcher::new("regex", r"(\w{1000}){1000}") else {
            panic!()
        };
        assert!(!message.contains('\n'));
    }

    #[test]
    fn an_empty_pattern_is_refused() {
        for kind in ["equals", "contains", "prefix", "suffix", "regex"] {
            assert!(matches!(Matcher::new(kind, ""), Some(Err(RuleError::EmptyPattern))), "{kind}");
        }
        assert!(Matcher::any_of(vec![]).is_err());
        assert!(Matcher::any_of(vec!["a".into(), String::new()]).is_err());
        assert!(!Condition { field: Field::NameId, matchers: vec![] }.holds("anything"));
    }

    #[test]
    fn terms_are_those_that_sts_takes() {
        Effect::check_duration(Duration::seconds(900)).unwrap();
        Effect::check_duration(Duration::seconds(43_200)).unwrap();
        assert_eq!(Effect::check_duration(Duration::seconds(899)), Err(RuleError::Duration));
        assert_eq!(Effect::check_duration(Duration::seconds(43_201)), Err(RuleError::Duration));

        let policy = r#"{"Version": "2012-10-17", "Statement": []}"#;
        assert_eq!(Effect::check_session_policy(policy).unwrap(), policy);
        let long = format!(r#"{{"Sid":"{}"}}"#, "ä".repeat(2_048 - 10));
        assert_eq!(long.chars().count(), 2_048);
        Effect::check_session_policy(&long).unwrap();
        for bad in ["", "[]", "\"x\"", "{", "{} {}", &format!("{long} ")] {
            assert_eq!(Effect::check_session_policy(bad), Err(RuleError::SessionPolicy));
        }

        let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned();
        Effect::check_policy_arns(vec![arn.clone(); 10]).unwrap();
        assert_eq!(Effect::check_policy_arns(vec![arn; 11]), Err(RuleError::PolicyArns));
        assert_eq!(Effect::check_policy_arns(vec!["ReadOnly".into()]), Err(RuleError::PolicyArns));
    }

    proptest! {
        #[test]
        fn an_escaped_regex_is_equality(pattern in "\\PC{1,20}", value in "\\PC{0,20}") {
            let anchored = matcher("regex", &regex::escape(&pattern));
            prop_assert!(anchored.holds(&pattern));
            prop_assert_eq!(anchored.holds(&value), value == pattern);
            let padded = format!("{value}{pattern}");
            prop_assert_eq!(anchored.holds(&padded), value.is_empty());
        }
    }
}
