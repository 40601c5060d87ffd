//! `[[rule.test]]`: somebody made up, and what the rules must answer.
//!
//! Each is judged by all rules together. A configuration of which one fails is not used.

use super::read::fault::{At, Place};
use super::read::reading::{Notes, Reading};
use super::read::section::{Found, Section};
use super::read::values;
use super::saml::Saml;
use crate::broker::Pages;
use crate::roles::{BUILT_IN_PAGE, Decision, MadeUpPerson, Refused, RoleArn, Rules, Terms, Use, as_written};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use time::Duration;

/// How one test went.
#[derive(Debug, Clone)]
pub struct TestedRule {
    at: At,
    /// The name of the rule that it stands under.
    pub rule: String,
    /// Its name, or its number under that rule.
    pub name: String,
    /// `None` if the rules answer as expected.
    pub failure: Option<TestFailure>,
}

/// What was expected, and what came, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFailure {
    /// By the test.
    pub expected: String,
    /// The rules' answer.
    pub answer: String,
    /// How the rules came to it, a line each.
    pub explanation: Vec<String>,
}

/// One `[[rule.test]]`, as it was read.
pub(super) struct RuleTest {
    at: At,
    rule: String,
    name: String,
    person: MadeUpPerson,
    expected: Expected,
}

/// What the rules must answer.
struct Expected {
    outcome: Outcome,
    /// The rule that must decide, if one is meant.
    rule: Option<Found<String>>,
}

enum Outcome {
    Gets {
        /// These and no others.
        roles: BTreeSet<RoleArn>,
        duration: Option<Duration>,
        limited: Option<bool>,
        /// Whether a reason is asked for.
        asks: Option<bool>,
    },
    Refused {
        /// The refusal's code, or a part of the operator's sentence.
        text: Option<String>,
        /// Whether another sign-in is offered.
        sign_in_again: Option<bool>,
    },
}

/// The rule that tests stand under.
pub(super) struct Parent<'r, 's> {
    pub(super) section: &'r Section<'s>,
    pub(super) name: &'r Found<String>,
}

impl Parent<'_, '_> {
    /// Its tests, without those that are faulty.
    pub(super) fn tests(&self, saml: &Saml, pages: &Pages) -> Vec<RuleTest> {
        let sections = self.section.sections("test");
        sections
            .iter()
            .enumerate()
            .filter_map(|(i, section)| self.test(section, i + 1, saml, pages))
            .collect()
    }

    fn test(&self, section: &Section<'_>, number: usize, saml: &Saml, pages: &Pages) -> Option<RuleTest> {
        let name = section.or("name", format!("test {number}"), values::line(100));
        let idp = saml.idp_of(section);
        let name_id = section.required("name_id", values::line(1_024));
        let roles = section.one_or_list_at("roles", RoleArn::parse);
        let values = attributes(&section.section("attribute"), saml);
        let authn_context = section.optional("authn_context", values::line(1_024));
        let authn_age = section.or("authn_age", Duration::ZERO, values::duration_between("0s", "24h"));
        let for_use = section.or("use", Use::default(), values::one_of(Use::ALL));
        let page = page(section, pages);
        let is_mapped = idp.as_ref().is_some_and(|idp| saml.has_map_for(idp));
        let expected = self.expected(section, &roles, is_mapped);
        let idp = idp?;
        for role in roles.iter().filter(|role| !saml.may_offer(&idp, &role.value)) {
            let message = "no provider_arn of its account, so this identity provider cannot offer it";
            section.reading().fault(&role.at, message);
        }
        let key = &section.at().key;
        if !section.reading().is_sound(|faulty| faulty.starts_with(key.as_str())) {
            return None;
        }
        let person = MadeUpPerson {
            idp,
            name_id: name_id?,
            roles: roles.into_iter().map(|role| role.value).collect(),
            values,
            authn_context,
            authn_age,
            for_use,
            page,
        };
        Some(RuleTest {
            at: section.at().clone(),
            rule: self.name.value.clone(),
            name,
            person,
            expected: expected?,
        })
    }

    /// `is_mapped`: whether values may stand for more roles.
    fn expected(&self, section: &Section<'_>, roles: &[Found<RoleArn>], is_mapped: bool) -> Option<Expected> {
        let gets = section.one_or_list_at("gets", RoleArn::parse);
        let duration = section.optional("duration", values::credentials_duration);
        let limited = section.has("limited").then(|| section.boolean("limited", false));
        let asks = section.has("asks").then(|| section.boolean("asks", false));
        let sign_in_again = section.has("sign_in_again").then(|| section.boolean("sign_in_again", false));
        let refused = section.has("refused").then(|| refused(section));
        let rule = section.optional_at("rule", values::line(64));
        let outcome = match (section.has("gets"), refused) {
            (true, Some(_)) => {
                section.fault_at_key(
                    "refused",
                    "a test expects a role or a refusal: this has no meaning beside gets",
                );
                return None;
            }
            (false, None) => {
                section.fault("expects nothing: give gets or refused");
                return None;
            }
            (true, None) => {
                if sign_in_again.is_some() {
                    section.fault_at_key("sign_in_again", "has no meaning beside gets");
                }
                for role in &gets {
                    if !is_mapped && !roles.iter().any(|offered| offered.value == role.value) {
                        section.reading().fault(&role.at, "is not among the roles that are offered");
                    }
                }
                let roles = gets.into_iter().map(|role| role.value).collect();
                Outcome::Gets { roles, duration, limited, asks }
            }
            (false, Some(text)) => {
                for term in ["duration", "limited", "asks"] {
                    if section.has(term) {
                        section.fault_at_key(term, "has no meaning beside refused");
                    }
                }
                Outcome::Refused { text: text?, sign_in_again }
            }
        };
        // Who is refused under a rule that grants is refused by another one, or by none.
        // Several roles can be of several rules.
        let by_parent = match &outcome {
            Outcome::Refused { .. } => self.section.has("refuse"),
            Outcome::Gets { roles, .. } => roles.len() == 1 && !self.section.has("refuse"),
        };
        let rule = rule.or_else(|| by_parent.then(|| self.name.clone()));
        Some(Expected { outcome, rule })
    }
}

/// `true`, or a text that the refusal has; `None` if it is faulty.
fn refused(section: &Section<'_>) -> Option<Option<String>> {
    match section.peek("refused") {
        Some(text) if text != "true" && text != "false" => {
            section.optional("refused", values::line(500)).map(Some)
        }
        _ if section.boolean("refused", true) => Some(None),
        _ => {
            section.fault_at_value("refused", "expected true, or a text that the refusal has");
            None
        }
    }
}

/// The page that the login began at; the built-in one, unless it is said.
fn page(section: &Section<'_>, pages: &Pages) -> Option<String> {
    let found = section.optional_at("page", values::idp_name)?;
    if found.value != BUILT_IN_PAGE && pages.by_name(&found.value).is_none() {
        section.reading().fault(&found.at, "no [[page]] has this name");
    }
    Some(found.value)
}

fn attributes(section: &Section<'_>, saml: &Saml) -> BTreeMap<String, Vec<String>> {
    let mut values = BTreeMap::new();
    for name in section.names(&[""]) {
        if !saml.selected.contains(&name) {
            let message = format!("no identity provider selects this value: set select.{name}");
            section.fault_at_key(&name, message);
        }
        values.insert(name.clone(), section.one_or_list(&name));
    }
    values
}

/// Whether the rules are whole, so that asking them makes sense.
pub(super) fn can_be_asked(reading: &Reading<'_>) -> bool {
    reading.is_sound(|key| {
        let of_a_rule = key.starts_with("rule") && !key.contains(".test[");
        let of_an_idp = key.starts_with("saml.idp")
            && [".name", ".provider_arn", ".select"].iter().any(|option| key.contains(option));
        of_a_rule || of_an_idp || ["role_map", "accounts", "page"].iter().any(|table| key.starts_with(table))
    })
}

impl RuleTest {
    /// Whether the rule that must decide is one of these.
    pub(super) fn names_one_of(&self, names: &[String], reading: &Reading<'_>) -> bool {
        let other = self.expected.rule.as_ref().filter(|rule| !names.contains(&rule.value));
        other.map(|rule| reading.fault(&rule.at, "no rule has this name")).is_none()
    }

    /// Asks the rules.
    pub(super) fn run(self, rules: &Rules) -> TestedRule {
        let Decision { outcome, explanation } = rules.try_out(&self.person);
        let failure = (!self.expected.is_met_by(&outcome)).then(|| TestFailure {
            expected: self.expected.to_string(),
            answer: answer(&outcome),
            explanation: explanation.lines(),
        });
        TestedRule { at: self.at, rule: self.rule, name: self.name, failure }
    }
}

impl TestedRule {
    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.at.place
    }

    /// A failed test is a fault of the configuration.
    pub(super) fn note(&self, notes: &mut Notes) {
        if let Some(TestFailure { expected, answer, .. }) = &self.failure {
            let message =
                format!("the test '{}' fails: expected: {expected}; the rules answer: {answer}", self.name);
            notes.fault(&self.at, message);
        }
    }
}

impl Expected {
    fn is_met_by(&self, outcome: &Result<Vec<Terms>, Refused>) -> bool {
        let is_by = |rule: &Found<String>| match outcome {
            Ok(granted) => granted.iter().all(|terms| terms.rule == rule.value),
            Err((_, deciding)) => deciding.as_ref() == Some(&rule.value),
        };
        if !self.rule.as_ref().is_none_or(is_by) {
            return false;
        }
        match (&self.outcome, outcome) {
            (Outcome::Gets { roles, duration, limited, asks }, Ok(granted)) => {
                granted.iter().map(|terms| &terms.role).collect::<BTreeSet<_>>() == roles.iter().collect()
                    && granted.iter().all(|terms| {
                        duration.is_none_or(|duration| duration == terms.duration)
                            && limited.is_none_or(|limited| limited == terms.are_limited())
                            && asks.is_none_or(|asks| asks == terms.ask_reason.is_some())
                    })
            }
            (Outcome::Refused { text, sign_in_again }, Err((refusal, _))) => {
                let has = |text: &String| {
                    text == refusal.code()
                        || refusal.message().is_some_and(|said| said.contains(text.as_str()))
                };
                text.as_ref().is_none_or(has)
                    && sign_in_again.is_none_or(|offered| offered == refusal.step_up().is_some())
            }
            (Outcome::Gets { .. }, Err(_)) | (Outcome::Refused { .. }, Ok(_)) => false,
        }
    }
}

/// What was said, and nothing else.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Gets { roles, duration, limited, asks } => {
                let roles: Vec<&str> = roles.iter().map(RoleArn::as_str).collect();
                write!(f, "gets {}", roles.join(" and "))?;
                if let Some(duration) = duration {
                    write!(f, " for {}", as_written(*duration))?;
                }
                f.write_str(limited.map_or("", limits))?;
                f.write_str(asks.map_or("", |asks| if asks { ASKS } else { ", asks for no reason" }))?;
            }
            Outcome::Refused { text, sign_in_again } => {
                f.write_str("is refused")?;
                if let Some(text) = text {
                    write!(f, " with {text:?}")?;
                }
                f.write_str(sign_in_again.map_or("", offers))?;
            }
        }
        self.rule.as_ref().map_or(Ok(()), |rule| write!(f, ", by rule '{}'", rule.value))
    }
}

const fn limits(limited: bool) -> &'static str {
    if limited { ", limited" } else { ", not limited" }
}

const ASKS: &str = ", asks for a reason";

const fn offers(sign_in_again: bool) -> &'static str {
    if sign_in_again { ", may sign in again" } else { ", may not sign in again" }
}

/// The rules' answer, in the same words.
fn answer(outcome: &Result<Vec<Terms>, Refused>) -> String {
    let one = |terms: &Terms| {
        let (role, duration) = (terms.role.as_str(), as_written(terms.duration));
        let (limits, asks) =
            (limits(terms.are_limited()), if terms.ask_reason.is_some() { ASKS } else { "" });
        format!("{role} for {duration}{limits}{asks}, by rule '{}'", terms.rule)
    };
    match outcome {
        Ok(granted) => format!("gets {}", granted.iter().map(one).collect::<Vec<_>>().join("; and ")),
        Err((refusal, rule)) => {
            let by = rule.as_ref().map_or_else(String::new, |rule| format!(", by rule '{rule}'"));
            let said = refusal.message().map_or_else(String::new, |said| format!(" with {said:?}"));
            let again = refusal.step_up().map_or("", |_| offers(true));
            format!("is refused{said} ({}){again}{by}", refusal.code())
        }
    }
}
