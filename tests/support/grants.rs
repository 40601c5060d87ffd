//! Grants, as the rules give them for a real assertion.
#![allow(dead_code)]

use super::contract::token_service::Wanted;
use super::forge::{self, Forge};
use std::collections::BTreeMap;
use vestibule::roles::{Condition, Effect, Field, Grant, Matcher, ProviderArn, Rule, Rules};
use vestibule::saml::Identity;

/// The decision on these terms for the honest response of the forge.
pub fn grant(wanted: &Wanted) -> Grant {
    grant_for(&Forge::default(), "ADFS-Production", wanted)
}

/// The decision for a role that this response offers.
pub fn grant_for(response: &Forge, role: &str, wanted: &Wanted) -> Grant {
    let ends = wanted.session_ends.map(|ends| forge::at(ends.whole_seconds()));
    let response = Forge { session_not_on_or_after: ends, ..response.clone() };
    grant_of(forge::judge(&response.xml()).unwrap(), role, wanted)
}

/// The same for a person who has been verified.
pub fn grant_of(identity: Identity, role: &str, wanted: &Wanted) -> Grant {
    let rule = Rule {
        name: "production".to_owned(),
        conditions: vec![Condition {
            field: Field::RoleName,
            matchers: vec![Matcher::Equals(role.to_owned())],
        }],
        outcome: Effect::Grant {
            role: None,
            duration: wanted.duration,
            session_policy: wanted.session_policy.clone(),
            policy_arns: wanted.policy_arns.clone(),
            ask_reason: None,
        },
    };
    let provider = ProviderArn::parse("arn:aws:iam::123456789012:saml-provider/ADFS").unwrap();
    let rules = Rules::new(vec![rule], [("ADFS".to_owned(), [provider].into())].into());
    rules.decide(identity).unwrap()
}
