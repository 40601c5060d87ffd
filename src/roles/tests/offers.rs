//! Of several roles: each judged by itself, and the one that is chosen.

use super::*;

#[test]
fn without_a_choice_two_roles_under_the_first_rule_that_grants_are_ambiguous() {
    let rules = rules(vec![production(), grant("a", vec![when(Field::RoleName, "equals", "ProdA")])]);
    let denial = rules.decide(person("anna", &["ProdA", "ProdB"])).unwrap_err();
    assert_eq!((&denial.refusal, denial.rule.as_deref()), (&RoleRefusal::Ambiguous, Some("production")));
    assert_eq!(denial.explanation.lines().len(), 2);
}

/// The roles that can be had, each with its rule.
fn offers(rules: &Rules, identity: Identity) -> Vec<(String, String)> {
    let offers = rules.decide_for(identity.into(), Circumstances::default()).unwrap();
    offers.granted().iter().map(|terms| (terms.role.name().to_owned(), terms.rule.clone())).collect()
}

fn named(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(role, rule)| ((*role).to_owned(), (*rule).to_owned())).collect()
}

#[test]
fn each_role_is_judged_by_itself() {
    let dev = || grant("development", vec![when(Field::RoleName, "contains", "Dev")]);
    let both = rules(vec![production(), dev()]);
    let person_of_both = || person("anna", &["Dev", "Prod", "Other"]);
    let expected = named(&[("Prod", "production"), ("Dev", "development")]);
    assert_eq!(offers(&both, person_of_both()), expected);
    // Where nobody can choose, order does, as it is written.
    assert_eq!(both.decide(person_of_both()).unwrap().role(), &arn("Prod"));
    assert_eq!(rules(vec![dev(), production()]).decide(person_of_both()).unwrap().role(), &arn("Dev"));

    let listed = both.list(&person_of_both(), Circumstances::default());
    let outcomes: Vec<_> = listed
        .iter()
        .map(|(role, outcome)| (role.name(), outcome.as_ref().map(|terms| terms.rule.as_str())))
        .collect();
    let refused = RoleRefusal::NoRule;
    assert_eq!(outcomes, [("Dev", Ok("development")), ("Other", Err(&refused)), ("Prod", Ok("production"))]);
}

#[test]
fn a_chosen_role_is_judged_as_if_it_were_the_only_one() {
    let no_dev = refuse("no dev", vec![when(Field::RoleName, "contains", "Dev")]);
    let rules = rules(vec![no_dev, grant("rest", vec![])]);
    let identity = std::sync::Arc::new(person("anna", &["Dev", "Prod", "Test"]));
    let chosen = |role: &RoleArn| rules.decide_role(&identity, Circumstances::default(), role);
    for name in ["Prod", "Test"] {
        assert_eq!(chosen(&arn(name)).unwrap().role(), &arn(name));
    }
    assert!(matches!(chosen(&arn("Dev")).unwrap_err().refusal, RoleRefusal::Rule { .. }));
}

#[test]
fn a_chosen_role_needs_a_session_name_that_sts_takes() {
    let rules = rules(vec![grant("any", vec![])]);
    let identity = std::sync::Arc::new(person("anna", &["Prod", "Dev"]).with_role_session_name("anna b"));
    let denial = rules.decide_role(&identity, Circumstances::default(), &arn("Dev")).unwrap_err();
    assert_eq!((denial.refusal, denial.rule.as_deref()), (RoleRefusal::SessionName, Some("any")));
}

#[test]
fn attack_a_role_that_nobody_offers_is_chosen() {
    let rules = rules(vec![grant("any", vec![])]);
    let other = "arn:aws:iam::123456789012:saml-provider/Partner,arn:aws:iam::123456789012:role/Partners";
    let identity = Identity::for_tests("ADFS", "anna", &[&pair("Prod"), other]);
    let identity = std::sync::Arc::new(identity);
    let elsewhere = RoleArn::parse("arn:aws:iam::999999999999:role/Prod").unwrap();
    for role in [arn("Admin"), arn("a/Prod"), arn("prod"), arn("Partners"), elsewhere] {
        let denial = rules.decide_role(&identity, Circumstances::default(), &role).unwrap_err();
        assert_eq!(denial.refusal, RoleRefusal::NotOffered, "{}", role.as_str());
    }
    rules.decide_role(&identity, Circumstances::default(), &arn("Prod")).unwrap();
}
