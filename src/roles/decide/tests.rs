//! Accounts and SAML providers: which offered pairs count.

use super::*;
use crate::roles::{Condition, Effect, Field};
use crate::roles::{Matcher, ProviderPattern};
use time::Duration;

/// A company's accounts, of which only these are listed.
const PRODUCTION: &str = "111122223333";
const DEVELOPMENT: &str = "444455556666";
const ELSEWHERE: &str = "777788889999";

fn provider(account: &str) -> String {
    format!("arn:aws:iam::{account}:saml-provider/ADFS")
}

fn pair(account: &str, role: &str) -> String {
    format!("{},arn:aws:iam::{account}:role/{role}", provider(account))
}

fn rules(conditions: Vec<Condition>) -> Rules {
    let each = ProviderPattern::parse("arn:aws:iam::*:saml-provider/ADFS").unwrap();
    let arns = [PRODUCTION, DEVELOPMENT].map(|account| each.of(account).unwrap());
    let outcome = Effect::Grant {
        role: None,
        duration: Duration::HOUR,
        session_policy: None,
        policy_arns: vec![],
        ask_reason: None,
    };
    let rule = Rule { name: "rule".into(), conditions, outcome };
    Rules::new(vec![rule], [("ADFS".to_owned(), arns.into())].into())
}

fn when(field: Field, text: &str) -> Condition {
    Condition { field, matchers: vec![Matcher::Equals(text.to_owned())] }
}

fn person(values: &[String]) -> Identity {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    Identity::for_tests("ADFS", "anna", &values)
}

#[test]
fn a_role_is_had_by_the_provider_of_its_account() {
    for account in [PRODUCTION, DEVELOPMENT] {
        let grant = rules(vec![]).decide(person(&[pair(account, "Admin")])).unwrap();
        assert_eq!(grant.role().account(), account);
        assert_eq!(grant.provider().unwrap().as_str(), provider(account));
    }
}

#[test]
fn rules_choose_among_accounts() {
    let values: Vec<String> =
        [PRODUCTION, DEVELOPMENT, ELSEWHERE].map(|account| pair(account, "Admin")).into();
    let both = rules(vec![]).decide(person(&values)).unwrap_err();
    assert_eq!(both.refusal, RoleRefusal::Ambiguous);
    for account in [PRODUCTION, DEVELOPMENT] {
        let conditions = vec![when(Field::Account, account), when(Field::Partition, "aws")];
        let grant = rules(conditions).decide(person(&values)).unwrap();
        assert_eq!(grant.role().account(), account);
    }
    let conditions = vec![when(Field::Account, DEVELOPMENT), when(Field::Partition, "aws-cn")];
    assert_eq!(rules(conditions).decide(person(&values)).unwrap_err().refusal, RoleRefusal::NoRule);
}

/// AWS refuses such a pair, and whoever writes assertions may write any.
#[test]
fn attack_a_role_of_another_account_than_its_provider() {
    for role in [
        format!("arn:aws:iam::{ELSEWHERE}:role/Admin"),
        format!("arn:aws:iam::{DEVELOPMENT}:role/Admin"),
        format!("arn:aws-cn:iam::{PRODUCTION}:role/Admin"),
    ] {
        let denial = rules(vec![]).decide(person(&[format!("{},{role}", provider(PRODUCTION))])).unwrap_err();
        assert_eq!(denial.refusal, RoleRefusal::NoUsableRole, "{role}");
        let said = denial.explanation.lines().join("\n");
        assert!(said.contains("1 set aside: with a role of another account"), "{said}");
    }
}

#[test]
fn attack_an_account_that_is_not_listed() {
    let denial = rules(vec![]).decide(person(&[pair(ELSEWHERE, "Admin")])).unwrap_err();
    assert_eq!(denial.refusal, RoleRefusal::NoUsableRole);
    let said = denial.explanation.lines().join("\n");
    assert!(said.contains("1 set aside: with a SAML provider that is not"), "{said}");
}

/// An operator sees why each kind of value counted for nothing.
#[test]
fn what_is_set_aside_is_counted_by_why() {
    let values = [
        pair(PRODUCTION, "Admin"),
        pair(ELSEWHERE, "Admin"),
        pair(ELSEWHERE, "Reader"),
        format!("{},arn:aws:iam::{DEVELOPMENT}:role/Admin", provider(PRODUCTION)),
        "Domain Users".to_owned(),
    ];
    let grant = rules(vec![]).decide(person(&values)).unwrap();
    let said = grant.explanation().lines().join("\n");
    assert!(said.starts_with("1 usable roles in 5 role values; 1 set aside: not a well-formed"), "{said}");
    assert!(said.contains("; 2 set aside: with a SAML provider"), "{said}");
    assert!(said.contains("; 1 set aside: with a role of another account"), "{said}");
}

#[test]
fn of_two_providers_for_one_role_the_choice_does_not_depend_on_the_order() {
    let arn = |name: &str| format!("arn:aws:iam::{PRODUCTION}:saml-provider/{name}");
    let providers = ["A", "B"].map(|name| ProviderArn::parse(&arn(name)).unwrap());
    let Rules { rules, .. } = rules(vec![]);
    let rules = Rules::new(rules, [("ADFS".to_owned(), providers.into())].into());
    let role = format!("arn:aws:iam::{PRODUCTION}:role/Admin");
    let values = ["A", "B"].map(|name| format!("{},{role}", arn(name)));
    for values in [vec![values[0].clone(), values[1].clone()], vec![values[1].clone(), values[0].clone()]] {
        assert_eq!(rules.decide(person(&values)).unwrap().provider().unwrap().as_str(), arn("A"));
    }
}
