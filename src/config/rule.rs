//! `[[rule]]`: the rules that grant roles. Without any, the 2017 sample's rule.

use super::read::file::read_file;
use super::read::section::{Found, Section};
use super::read::values;
use super::rule_test::{Parent, RuleTest};
use super::saml::Saml;
use crate::broker::Pages;
use crate::roles::{BUILT_IN_PAGE, Condition, Effect, Field, Matcher, RoleArn, Rule, RuleError, Use};
use std::path::Path;
use time::Duration;

/// The most bytes of a session policy's file: more than STS's 2,048 characters take.
const MAX_POLICY_BYTES: u64 = 16 << 10;

/// The matchers that take one text; `any_of` takes a list.
const MATCHERS: [&str; 5] = ["equals", "contains", "prefix", "suffix", "regex"];

/// All `[[rule]]`s, in order, and their tests.
pub(super) fn rules(top: &Section<'_>, saml: &Saml, pages: &Pages) -> (Vec<Rule>, Vec<RuleTest>) {
    let sections = top.sections("rule");
    let elsewhere = Elsewhere {
        chained: top.section("sts").peek("kind") == Some("assume-role"),
        plain: top.section("delivery").peek("binding") == Some("plain"),
        pages,
    };
    if sections.is_empty() {
        let rules = vec![default_rule()];
        warn_of_pages(top, pages, &rules);
        return (rules, Vec::new());
    }
    let mut names: Vec<String> = Vec::new();
    let (mut rules, mut tests) = (Vec::new(), Vec::new());
    for section in &sections {
        let Some(name) = section.required_at("name", values::line(64)) else {
            rule(section, String::new(), saml, &elsewhere);
            let name = Found { value: String::new(), at: section.at().clone() };
            Parent { section, name: &name }.tests(saml, pages);
            continue;
        };
        if names.contains(&name.value) {
            section.reading().fault(&name.at, "is the name of an earlier rule too");
        }
        names.push(name.value.clone());
        tests.extend(Parent { section, name: &name }.tests(saml, pages));
        rules.extend(rule(section, name.value, saml, &elsewhere));
    }
    tests.retain(|test: &RuleTest| test.names_one_of(&names, top.reading()));
    if let Some(last) = rules.iter().position(refuses_everybody)
        && last + 1 < rules.len()
        && let Some(rule) = rules.get(last)
    {
        top.reading().warn(format!("no rule after '{}' is ever asked: it refuses everybody", rule.name));
    }
    warn_of_pages(top, pages, &rules);
    (rules, tests)
}

fn warn_of_pages(top: &Section<'_>, pages: &Pages, rules: &[Rule]) {
    let names_one = rules.iter().flat_map(|rule| &rule.conditions).any(|one| one.field == Field::Page);
    if pages.iter().next().is_some() && !names_one {
        top.reading().warn(
            "no rule has when.page: each [[page]], whatever its scripts do, gets all that the rules give to whoever \
             opens it",
        );
    }
}

/// What other tables say that bounds a rule.
struct Elsewhere<'p> {
    /// `sts.kind = "assume-role"`: one role assumes the other.
    chained: bool,
    /// `delivery.binding = "plain"`: pages of the 2017 sample.
    plain: bool,
    /// `[[page]]`
    pages: &'p Pages,
}

impl Elsewhere<'_> {
    fn has_page(&self, meets: impl Fn(&str) -> bool) -> bool {
        meets(BUILT_IN_PAGE) || self.pages.iter().any(|page| meets(&page.name))
    }
}

/// The role whose name contains `Prod`, for an hour.
fn default_rule() -> Rule {
    let matchers = vec![Matcher::Contains("Prod".to_owned())];
    Rule {
        name: "production".to_owned(),
        conditions: vec![Condition { field: Field::RoleName, matchers }],
        outcome: Effect::Grant {
            role: None,
            duration: Duration::HOUR,
            session_policy: None,
            policy_arns: Vec::new(),
            ask_reason: None,
        },
    }
}

fn refuses_everybody(rule: &Rule) -> bool {
    rule.conditions.is_empty() && matches!(rule.outcome, Effect::Refuse { .. })
}

fn rule(section: &Section<'_>, name: String, saml: &Saml, elsewhere: &Elsewhere<'_>) -> Option<Rule> {
    let conditions = conditions(&section.section("when"), saml, elsewhere);
    let outcome = outcome(section, saml, elsewhere);
    Some(Rule { name, conditions, outcome: outcome? })
}

fn conditions(when: &Section<'_>, saml: &Saml, elsewhere: &Elsewhere<'_>) -> Vec<Condition> {
    let fields = [
        ("role_name", Field::RoleName),
        ("role_arn", Field::RoleArn),
        ("account", Field::Account),
        ("partition", Field::Partition),
        ("name_id", Field::NameId),
        ("idp", Field::Idp),
        ("authn_context", Field::AuthnContext),
        ("use", Field::Use),
        ("page", Field::Page),
    ];
    let mut conditions: Vec<Condition> = fields
        .into_iter()
        .filter_map(|(name, field)| condition(&when.section(name), field, saml, elsewhere))
        .collect();
    conditions.extend(authn_age(&when.section("authn_age")));

    let attributes = when.section("attribute");
    let suffixes = ["_EQUALS", "_CONTAINS", "_PREFIX", "_SUFFIX", "_REGEX", "_ANY_OF"];
    for name in attributes.names(&suffixes) {
        let section = attributes.section(&name);
        conditions.extend(condition(&section, Field::Attribute(name), saml, elsewhere));
    }
    conditions
}

/// A condition on one field; `None` if it is absent or faulty.
fn condition(
    section: &Section<'_>,
    field: Field,
    saml: &Saml,
    elsewhere: &Elsewhere<'_>,
) -> Option<Condition> {
    let matcher = |kind: &str, text: &str| Matcher::new(kind, text).unwrap_or(Err(RuleError::EmptyPattern));
    let named = MATCHERS.into_iter().filter_map(|kind| section.optional(kind, |text| matcher(kind, text)));
    let matchers: Vec<Matcher> = named.chain(texts(section, "any_of", Matcher::any_of)).collect();

    if matchers.is_empty() {
        let asked = MATCHERS.iter().chain(&["any_of"]).any(|name| section.has(name));
        if section.is_there() && !asked {
            section.fault("says nothing: give equals, contains, prefix, suffix, regex or any_of");
        }
        return None;
    }
    let condition = Condition { field, matchers };
    // A condition that can never hold is a typing error; in a rule that refuses, it would let people in.
    match &condition.field {
        Field::Idp if !saml.names.iter().any(|name| condition.holds(name)) => {
            section.fault("no configured identity provider meets this");
        }
        Field::Attribute(name) if !saml.selected.contains(name) => {
            section.fault(format!("no identity provider selects this value: set select.{name}"));
        }
        Field::Account if !saml.may_have(|_, account| condition.holds(account)) => {
            section.fault("no provider_arn or role_map is of an account that meets this");
        }
        Field::Partition if !saml.may_have(|partition, _| condition.holds(partition)) => {
            section.fault("no provider_arn or role_map is of a partition that meets this");
        }
        Field::Page if !elsewhere.has_page(|name| condition.holds(name)) => {
            section.fault("no [[page]] meets this, nor does \"built-in\", the page of [server]");
        }
        Field::Use if !Use::ALL.iter().any(|(word, _)| condition.holds(word)) => {
            section.fault("there is no such use: there are \"page\", \"shell\" and \"console\"");
        }
        Field::Idp
        | Field::Account
        | Field::Partition
        | Field::Attribute(_)
        | Field::RoleName
        | Field::RoleArn
        | Field::NameId
        | Field::AuthnContext
        | Field::AuthnAge
        | Field::Use
        | Field::Page => {}
    }
    Some(condition)
}

/// How long ago the sign-in at the identity provider may be.
fn authn_age(section: &Section<'_>) -> Option<Condition> {
    let at_most = section.optional("at_most", values::duration_between("1s", "24h"));
    if section.is_there() && !section.has("at_most") {
        section.fault("says nothing: give at_most");
    }
    Some(Condition { field: Field::AuthnAge, matchers: vec![Matcher::AtMost(at_most?)] })
}

/// A role on terms, or a refusal.
fn outcome(section: &Section<'_>, saml: &Saml, elsewhere: &Elsewhere<'_>) -> Option<Effect> {
    let role = section.optional_at("role", RoleArn::parse).map(|Found { value: role, at }| {
        let its_place = (role.partition(), role.account());
        if !saml.may_have(|partition, account| (partition, account) == its_place) {
            section
                .reading()
                .fault(&at, "no provider_arn or role_map is of its account, so nobody can be given it");
        }
        role
    });
    let duration = section.or("duration", Duration::HOUR, |text| {
        let duration = values::credentials_duration(text)?;
        if elsewhere.chained && duration > Duration::HOUR {
            return Err(
                "expected a duration from \"15m\" to \"1h\": AWS gives no longer ones where one role \
                        assumes another (sts.kind = \"assume-role\")",
            );
        }
        Ok(duration)
    });
    let session_policy = section.optional("session_policy", session_policy);
    let policy_arns = texts(section, "policy_arns", Effect::check_policy_arns);
    let ask_reason = section.optional("ask_reason", values::line(200));
    let refuse = section.optional("refuse", values::line(500));

    if section.has("refuse") {
        for term in ["role", "duration", "session_policy", "policy_arns", "ask_reason"] {
            if section.has(term) {
                let message = "a rule either refuses or grants: this has no meaning beside refuse";
                section.fault_at_key(term, message);
            }
        }
        return Some(Effect::Refuse { message: refuse? });
    }
    if section.has("ask_reason") && elsewhere.plain {
        let message =
            "cannot be with delivery.binding = \"plain\": its pages do not ask, so nobody would get the role";
        section.fault_at_key("ask_reason", message);
    }
    let policy_arns = policy_arns.unwrap_or_default();
    Some(Effect::Grant { role, duration, session_policy, policy_arns, ask_reason })
}

/// A list of texts that is checked as a whole.
fn texts<T>(
    section: &Section<'_>,
    name: &str,
    check: impl FnOnce(Vec<String>) -> Result<T, RuleError>,
) -> Option<T> {
    let found = section.list_at(name, |text| Ok::<_, RuleError>(text.to_owned()))?;
    let texts = found.into_iter().map(|found| found.value).collect();
    check(texts).map_err(|error| section.fault_at_key(name, error)).ok()
}

/// The policy itself, or the name of its file.
fn session_policy(text: &str) -> Result<String, String> {
    let from_file;
    let policy = if text.trim_start().starts_with('{') {
        text
    } else {
        let bytes = read_file(Path::new(text), MAX_POLICY_BYTES)
            .map_err(|error| format!("the policy file cannot be read: {error}"))?;
        from_file = String::from_utf8(bytes).map_err(|_| "the policy file is not UTF-8 text")?;
        from_file.trim()
    };
    Effect::check_session_policy(policy).map_err(|error| error.to_string())
}
