//! Made-up persons: what the rules answer about somebody who has not signed in.

use super::*;

/// What somebody made up would get is what the same person gets who signs in.
#[test]
fn a_made_up_person_is_judged_as_one_who_signed_in() {
    let terms = grant("contractor", vec![when(Field::NameId, "suffix", "-C")]);
    let admins = grant("admins", vec![when(Field::Attribute("groups".into()), "equals", "Admins")]);
    let fresh = Condition { field: Field::AuthnAge, matchers: vec![Matcher::AtMost(Duration::minutes(5))] };
    let fresh = grant("fresh", vec![when(Field::RoleName, "equals", "Fresh"), fresh]);
    let mfa = grant("mfa", vec![when(Field::AuthnContext, "equals", MFA)]);
    let rules = rules(vec![terms, admins, fresh, mfa, production(), refuse("rest", vec![])]);
    for (name_id, role, groups, context, minutes) in [
        ("bob-C", "Dev", &[][..], None, 0),
        ("anna", "Dev", &["x", "Admins"], None, 0),
        ("anna", "Dev", &["x"], Some(MFA), 0),
        ("anna", "Prod", &[], Some(PASSWORD), 0),
        ("anna", "Dev", &[], None, 0),
        ("anna", "Fresh", &[], None, 5),
        ("anna", "Fresh", &[], None, 6),
    ] {
        let mut identity = person(name_id, &[role]).with_values("groups", groups);
        identity = identity.with_authn_age(Duration::minutes(minutes));
        if let Some(context) = context {
            identity = identity.with_authn_context(context);
        }
        let made_up = MadeUpPerson {
            idp: "ADFS".into(),
            name_id: name_id.into(),
            roles: vec![arn(role)],
            values: [("groups".into(), groups.iter().map(|group| (*group).into()).collect())].into(),
            authn_context: context.map(Into::into),
            authn_age: Duration::minutes(minutes),
            for_use: Use::Page,
            page: None,
        };
        let Decision { outcome, explanation } = rules.try_out(&made_up);
        match (rules.decide_for(identity.into(), Circumstances::default()), outcome) {
            (Ok(offers), Ok(granted)) => {
                assert_eq!(offers.granted(), granted);
                assert_eq!(offers.explanation(), &explanation);
            }
            (Err(denial), Err((refusal, rule))) => {
                assert_eq!((&denial.refusal, &denial.rule), (&refusal, &rule));
                assert_eq!(denial.explanation, explanation);
            }
            (real, made_up) => panic!("{real:?} is not {made_up:?}"),
        }
    }
    let elsewhere = RoleArn::parse("arn:aws:iam::999999999999:role/Prod").unwrap();
    let made_up = MadeUpPerson { idp: "ADFS".into(), roles: vec![elsewhere], ..MadeUpPerson::default() };
    assert!(rules.provider_beside("ADFS", &made_up.roles[0]).is_none());
    assert_eq!(rules.try_out(&made_up).outcome.unwrap_err().1.as_deref(), Some("rest"));
}

/// Whose page began is no matter of the assertion.
#[test]
fn a_rule_can_be_for_one_page() {
    let rules = rules(vec![grant("wiki", vec![when(Field::Page, "equals", "wiki")])]);
    let at = |page| {
        rules.decide_for(person("anna", &["Prod"]).into(), Circumstances { page, ..Circumstances::default() })
    };
    at("wiki").unwrap();
    for page in ["built-in", "Wiki", ""] {
        let denial = at(page).unwrap_err();
        assert_eq!(denial.refusal, RoleRefusal::NoRule, "{page}");
    }
    assert_eq!(refusal(&rules, person("anna", &["Prod"])), RoleRefusal::NoRule);
    let made_up = MadeUpPerson { idp: "ADFS".into(), roles: vec![arn("Prod")], ..MadeUpPerson::default() };
    assert!(rules.try_out(&made_up).outcome.is_err());
    rules.try_out(&MadeUpPerson { page: Some("wiki".into()), ..made_up }).outcome.unwrap();
}

#[test]
fn a_rule_can_ask_for_a_sign_in_of_late() {
    let most = Duration::minutes(15);
    let fresh = Condition { field: Field::AuthnAge, matchers: vec![Matcher::AtMost(most)] };
    assert_eq!(fresh.to_string(), "authn_age at_most \"15m\"");
    let rules = rules(vec![grant("fresh", vec![fresh])]);
    let decide = |age| rules.decide(person("anna", &["Prod"]).with_authn_age(age));
    for age in [Duration::ZERO, Duration::minutes(1), most] {
        assert_eq!(decide(age).unwrap().rule(), "fresh");
    }
    for age in [most + Duration::nanoseconds(1), Duration::HOUR, Duration::MAX] {
        assert!(matches!(decide(age).unwrap_err().refusal, RoleRefusal::InsufficientAuthn { .. }));
    }
    // A time is no text, and a text no time; nothing asked proves nothing.
    let condition = |matchers| Condition { field: Field::AuthnAge, matchers };
    assert!(!condition(vec![Matcher::AtMost(Duration::MAX)]).holds("0"));
    assert!(!condition(vec![Matcher::Contains("0".into())]).holds_for(Duration::ZERO));
    assert!(!condition(vec![]).holds_for(Duration::ZERO));
}

/// What a login is for is our own knowledge: nobody can say it in an assertion.
#[test]
fn a_rule_can_ask_what_the_login_is_for() {
    let shell = grant("shell", vec![when(Field::Use, "equals", "shell")]);
    let page = grant("page", vec![when(Field::Use, "equals", "page")]);
    let rules = rules(vec![shell, page]);
    let grant = rules.decide(person("shell", &["Prod"]).with_values("use", &["shell"])).unwrap();
    assert_eq!(grant.rule(), "page");
    for (word, for_use) in Use::ALL {
        assert_eq!(for_use.as_str(), word);
        let made_up =
            MadeUpPerson { idp: "ADFS".into(), roles: vec![arn("Prod")], for_use, ..MadeUpPerson::default() };
        let rule = rules.try_out(&made_up).outcome.map(|granted| granted[0].rule.clone()).ok();
        assert_eq!(rule.as_deref(), ["page", "shell"].into_iter().find(|known| *known == word));
    }
}

proptest! {
    /// Tests would prove nothing if made-up persons were judged otherwise.
    #[test]
    fn whatever_the_rules_the_answer_is_the_same(
        mut rule_set in proptest::collection::vec(any_rule(), 0..5),
        offered in proptest::collection::vec("[a-c]{1,3}", 0..4),
        groups in proptest::collection::vec("[a-c]{1,2}", 0..3),
        name_id in "[a-c]{1,3}",
    ) {
        for (i, rule) in rule_set.iter_mut().enumerate() {
            rule.name = i.to_string();
        }
        let rules = rules(rule_set);
        let made_up = MadeUpPerson {
            idp: "ADFS".into(),
            name_id: name_id.clone(),
            roles: offered.iter().map(|name| arn(name)).collect(),
            values: [("groups".into(), groups.clone())].into(),
            ..MadeUpPerson::default()
        };
        let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let identity = person(&name_id, &offered).with_values("groups", &groups);
        let real = rules.decide_for(identity.into(), Circumstances::default());
        let real = real.map(|offers| offers.granted().to_vec()).map_err(|denial| (denial.refusal, denial.rule));
        prop_assert_eq!(rules.try_out(&made_up).outcome, real);
    }
}
