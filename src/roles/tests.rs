//! The rules as the product promises them, and what must never come back.

use super::*;
use crate::saml::Identity;
use proptest::prelude::*;
use time::Duration;

mod made_up;
mod maps;
mod offers;
mod pairs;
mod step_up;

const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/ADFS";
const MFA: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken";
const PASSWORD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

fn arn(name: &str) -> RoleArn {
    RoleArn::parse(&format!("arn:aws:iam::123456789012:role/{name}")).unwrap()
}

/// As AD FS's claim rules write it: provider first.
fn pair(name: &str) -> String {
    format!("{PROVIDER},{}", arn(name).as_str())
}

fn person(name_id: &str, roles: &[&str]) -> Identity {
    let pairs: Vec<String> = roles.iter().map(|name| pair(name)).collect();
    let pairs: Vec<&str> = pairs.iter().map(String::as_str).collect();
    Identity::for_tests("ADFS", name_id, &pairs)
}

fn when(field: Field, kind: &str, pattern: &str) -> Condition {
    Condition { field, matchers: vec![Matcher::new(kind, pattern).unwrap().unwrap()] }
}

fn grant(name: &str, conditions: Vec<Condition>) -> Rule {
    let outcome = Effect::Grant {
        role: None,
        duration: Duration::HOUR,
        session_policy: None,
        policy_arns: vec![],
        ask_reason: None,
    };
    Rule { name: name.into(), conditions, outcome }
}

fn refuse(name: &str, conditions: Vec<Condition>) -> Rule {
    Rule { name: name.into(), conditions, outcome: Effect::Refuse { message: "Ask the help desk.".into() } }
}

fn rules(rules: Vec<Rule>) -> Rules {
    let partner = ProviderArn::parse("arn:aws:iam::123456789012:saml-provider/Partner").unwrap();
    let adfs = ProviderArn::parse(PROVIDER).unwrap();
    let providers = [("ADFS".to_owned(), [adfs].into()), ("Partner".to_owned(), [partner].into())];
    Rules::new(rules, providers.into())
}

fn production() -> Rule {
    grant("production", vec![when(Field::RoleName, "contains", "Prod")])
}

fn refusal(rules: &Rules, identity: Identity) -> RoleRefusal {
    rules.decide(identity).unwrap_err().refusal
}

#[test]
fn the_samples_rule_grants_the_role_whose_name_contains_prod() {
    let grant =
        rules(vec![production()]).decide(person("anna", &["ADFS-Dev", "team/ADFS-Production"])).unwrap();
    assert_eq!(grant.role(), &arn("team/ADFS-Production"));
    assert_eq!(grant.provider().unwrap().as_str(), PROVIDER);
    assert_eq!((grant.rule(), grant.duration()), ("production", Duration::HOUR));
    assert_eq!((grant.session_policy(), grant.policy_arns()), (None, &[][..]));
    assert_eq!(grant.identity().name_id(), "anna");
}

#[test]
fn a_role_is_not_any_arn_that_contains_a_substring_anywhere() {
    // The 2017 sample took whatever contained "Prod": here it stands in the
    // provider, the path, another service's ARN and around an ARN.
    let values = [
        "arn:aws:iam::123456789012:saml-provider/Prod,arn:aws:iam::123456789012:role/Dev".to_owned(),
        pair("Prod/Dev"),
        format!("{PROVIDER},arn:aws:sts::123456789012:assumed-role/Prod/x"),
        format!("{PROVIDER},arn:aws:iam::123456789012:user/Prod"),
        format!("Prod {PROVIDER},{} Prod", arn("Dev").as_str()),
        arn("Prod").as_str().to_owned(),
        format!("{},{}", pair("Prod"), PROVIDER),
        "Prod".to_owned(),
    ];
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    assert_eq!(
        refusal(&rules(vec![production()]), Identity::for_tests("ADFS", "anna", &values)),
        RoleRefusal::NoRule
    );
}

#[test]
fn a_contractor_gets_the_same_role_with_a_scope_down_policy() {
    let mut contractor = production();
    contractor.name = "contractor".into();
    contractor.conditions.push(when(Field::NameId, "suffix", "-C"));
    let (session_policy, policy_arns) = (Some(POLICY.into()), vec![READ_ONLY.into()]);
    contractor.outcome =
        Effect::Grant { role: None, duration: Duration::HOUR, session_policy, policy_arns, ask_reason: None };
    let rules = rules(vec![contractor, production()]);
    let grant = rules.decide(person("bob-C", &["Prod"])).unwrap();
    assert_eq!((grant.rule(), grant.session_policy()), ("contractor", Some(POLICY)));
    assert_eq!(grant.policy_arns(), [READ_ONLY]);
    let grant = rules.decide(person("C-anna", &["Prod"])).unwrap();
    assert_eq!((grant.rule(), grant.session_policy()), ("production", None));
}

#[test]
fn either_kind_of_policy_limits() {
    let cases = [(None, None, false), (Some(POLICY), None, true), (None, Some(READ_ONLY), true)];
    for (policy, arn, is) in cases {
        let mut rule = production();
        let Effect::Grant { session_policy, policy_arns, .. } = &mut rule.outcome else { unreachable!() };
        *session_policy = policy.map(str::to_owned);
        policy_arns.extend(arn.map(str::to_owned));
        assert_eq!(rules(vec![rule]).decide(person("anna", &["Prod"])).unwrap().is_limited(), is);
    }
}

#[test]
fn administrators_get_a_longer_duration() {
    let mut admins = grant("admins", vec![when(Field::Attribute("groups".into()), "equals", "Admins")]);
    admins.outcome = Effect::Grant {
        role: None,
        duration: Duration::hours(12),
        session_policy: None,
        policy_arns: vec![],
        ask_reason: None,
    };
    let rules = rules(vec![admins, production()]);
    let admin = person("anna", &["Prod"]).with_values("groups", &["Users", "Admins"]);
    assert_eq!(rules.decide(admin).unwrap().duration(), Duration::hours(12));
    let user = person("bob", &["Prod"]).with_values("groups", &["Users", "Admins of nothing"]);
    assert_eq!(rules.decide(user).unwrap().duration(), Duration::HOUR);
}

#[test]
fn a_role_only_with_a_second_factor() {
    let mut rule = production();
    rule.conditions.push(when(Field::AuthnContext, "equals", MFA));
    let rules = rules(vec![rule]);
    rules.decide(person("anna", &["Prod"]).with_authn_context(MFA)).unwrap();
    for identity in [person("anna", &["Prod"]).with_authn_context(PASSWORD), person("anna", &["Prod"])] {
        assert!(matches!(refusal(&rules, identity), RoleRefusal::InsufficientAuthn { .. }));
    }
}

#[test]
fn different_roles_for_the_same_person_by_identity_provider() {
    let by_idp = |idp: &str, role: &str| {
        let conditions = vec![when(Field::Idp, "equals", idp), when(Field::RoleName, "equals", role)];
        grant(idp, conditions)
    };
    let rules = rules(vec![by_idp("ADFS", "Prod"), by_idp("Partner", "Guest")]);
    let own = rules.decide(person("anna", &["Prod", "Guest"])).unwrap();
    assert_eq!(own.role(), &arn("Prod"));

    let partner = "arn:aws:iam::123456789012:saml-provider/Partner";
    let pairs = ["Prod", "Guest"].map(|name| format!("{},{partner}", arn(name).as_str()));
    let identity = Identity::for_tests("Partner", "anna", &[&pairs[0], &pairs[1]]);
    let guest = rules.decide(identity).unwrap();
    assert_eq!((guest.role(), guest.provider().unwrap().as_str()), (&arn("Guest"), partner));
}

#[test]
fn a_rule_may_name_its_role_and_then_takes_no_other() {
    let pinned = |name: &str| Rule {
        name: name.into(),
        conditions: vec![when(Field::RoleName, "prefix", "Prod")],
        outcome: Effect::Grant {
            role: Some(arn(name)),
            duration: Duration::HOUR,
            session_policy: None,
            policy_arns: vec![],
            ask_reason: None,
        },
    };
    let offered = || person("anna", &["ProdA", "ProdB", "Dev"]);
    assert_eq!(rules(vec![pinned("ProdB")]).decide(offered()).unwrap().role(), &arn("ProdB"));
    assert_eq!(refusal(&rules(vec![pinned("ProdC")]), offered()), RoleRefusal::NoRule);
    // Its conditions hold for that role or not at all.
    assert_eq!(refusal(&rules(vec![pinned("Dev")]), offered()), RoleRefusal::NoRule);
    // The pin counts before roles do: two met the condition, one is left.
    assert_eq!(rules(vec![pinned("ProdC"), pinned("ProdA")]).decide(offered()).unwrap().rule(), "ProdA");
}

#[test]
fn one_role_offered_twice_in_either_order_is_one_role() {
    let role = arn("Prod");
    let values = [pair("Prod"), format!(" {} ,\n {PROVIDER}\t", role.as_str()), pair("Prod")];
    let identity = Identity::for_tests("ADFS", "anna", &[&values[0], &values[1], &values[2]]);
    assert_eq!(rules(vec![production()]).decide(identity).unwrap().role(), &role);
}

#[test]
fn pairs_of_another_provider_are_set_aside() {
    let other = format!("arn:aws:iam::123456789012:saml-provider/Partner,{}", arn("Prod").as_str());
    let rules = rules(vec![production()]);
    let identity = Identity::for_tests("ADFS", "anna", &[&other]);
    assert_eq!(refusal(&rules, identity), RoleRefusal::NoUsableRole);
    let identity = Identity::for_tests("unconfigured", "anna", &[&pair("Prod")]);
    assert_eq!(refusal(&rules, identity), RoleRefusal::NoUsableRole);
    assert_eq!(refusal(&rules, Identity::for_tests("ADFS", "anna", &[])), RoleRefusal::NoRoleOffered);
    assert_eq!(refusal(&rules, person("anna", &["Dev"])), RoleRefusal::NoRule);
}

#[test]
fn no_rules_grant_nothing() {
    assert_eq!(refusal(&rules(vec![]), person("anna", &["Prod"])), RoleRefusal::NoRule);
}

#[test]
fn a_refusing_rule_speaks_with_the_operators_sentence() {
    let asked = RoleRefusal::Rule { message: "Ask the help desk.".into(), step_up: None };
    let no_dev = refuse("no dev", vec![when(Field::RoleName, "contains", "Dev")]);
    let no_contractor = refuse("no contractor", vec![when(Field::NameId, "suffix", "-C")]);
    let rules = rules(vec![no_dev, no_contractor, production(), refuse("rest", vec![])]);

    // Each role by itself: one that is refused takes nothing from the others.
    assert_eq!(rules.decide(person("anna", &["Dev", "Prod"])).unwrap().role(), &arn("Prod"));
    assert_eq!(refusal(&rules, person("anna", &["Dev"])), asked);
    // About the person: with a role, and without any.
    assert_eq!(refusal(&rules, person("bob-C", &["Prod"])), asked);
    let denial = rules.decide(person("bob-C", &[])).unwrap_err();
    assert_eq!((denial.refusal, denial.rule.as_deref()), (asked.clone(), Some("no contractor")));
    // The last rule speaks to whoever is left.
    assert_eq!(rules.decide(person("anna", &[])).unwrap_err().rule.as_deref(), Some("rest"));
    assert_eq!(rules.decide(person("anna", &["Prod"])).unwrap().rule(), "production");
}

#[test]
fn a_refusal_about_person_and_role_needs_both() {
    let conditions = vec![when(Field::RoleName, "contains", "Prod"), when(Field::NameId, "suffix", "-C")];
    let rules = rules(vec![refuse("no contractor in production", conditions), grant("any", vec![])]);
    rules.decide(person("bob-C", &["Dev"])).unwrap();
    rules.decide(person("anna", &["Prod"])).unwrap();
    assert!(matches!(refusal(&rules, person("bob-C", &["Prod"])), RoleRefusal::Rule { .. }));
}

#[test]
fn matchers_of_one_condition_must_hold_for_one_and_the_same_value() {
    let matchers = vec![
        Matcher::new("prefix", "AWS-").unwrap().unwrap(),
        Matcher::new("suffix", "-Admin").unwrap().unwrap(),
    ];
    let condition = Condition { field: Field::Attribute("groups".into()), matchers };
    let rules = rules(vec![grant("admins", vec![condition])]);
    let split = person("anna", &["Prod"]).with_values("groups", &["AWS-Users", "Mail-Admin"]);
    assert_eq!(refusal(&rules, split), RoleRefusal::NoRule);
    rules.decide(person("anna", &["Prod"]).with_values("groups", &["x", "AWS-Admin"])).unwrap();
}

#[test]
fn conditions_on_a_role_must_hold_for_one_and_the_same_role() {
    let conditions = vec![
        when(Field::RoleName, "equals", "Prod"),
        when(Field::RoleArn, "equals", "arn:aws:iam::123456789012:role/a/Prod"),
    ];
    let rules = rules(vec![grant("a", conditions)]);
    assert_eq!(refusal(&rules, person("anna", &["Prod", "a/Dev", "b/Prod"])), RoleRefusal::NoRule);
    assert_eq!(rules.decide(person("anna", &["Prod", "a/Prod"])).unwrap().role(), &arn("a/Prod"));
}

#[test]
fn a_session_name_that_sts_would_refuse_is_refused_here() {
    let rules = rules(vec![production()]);
    let decide = |name: &str| rules.decide(person("anna", &["Prod"]).with_role_session_name(name));
    for good in ["ab", "anna.b+x=y,z@example-1.com", &"n".repeat(64)] {
        decide(good).unwrap();
    }
    for bad in ["", "a", "anna b", "änna", "anna/b", "anna\n", &"n".repeat(65)] {
        let denial = decide(bad).unwrap_err();
        assert_eq!(
            (denial.refusal, denial.rule.as_deref()),
            (RoleRefusal::SessionName, Some("production")),
            "{bad:?}"
        );
    }
}

#[test]
fn an_explanation_names_rules_and_patterns_and_counts() {
    let mut mfa = production();
    mfa.conditions.push(when(Field::AuthnContext, "equals", MFA));
    let denial = rules(vec![mfa, production()]).decide(person("anna", &["Dev", "Test"])).unwrap_err();
    assert_eq!(
        denial.explanation.lines(),
        [
            "2 usable roles in 2 role values",
            &format!(
                "rule 'production': 0 of 2 roles met role_name contains \"Prod\"; \
             authn_context equals \"{MFA}\" does not hold; does not hold"
            ),
            "rule 'production': 0 of 2 roles met role_name contains \"Prod\"; does not hold",
        ]
    );
}

#[test]
fn a_regex_is_anchored_in_rules_too() {
    let rules = rules(vec![grant("r", vec![when(Field::RoleName, "regex", "Prod")])]);
    assert_eq!(refusal(&rules, person("anna", &["NonProdX"])), RoleRefusal::NoRule);
    rules.decide(person("anna", &["NonProdX", "Prod"])).unwrap();
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let field = prop_oneof![
        Just(Field::RoleName),
        Just(Field::RoleArn),
        Just(Field::NameId),
        Just(Field::Attribute("groups".into())),
    ];
    let kind = prop_oneof![Just("equals"), Just("contains"), Just("prefix"), Just("suffix"), Just("regex")];
    let condition = (field, kind, "[a-c]{1,2}").prop_map(|(field, kind, text)| when(field, kind, &text));
    (proptest::collection::vec(condition, 0..3), any::<bool>()).prop_map(|(conditions, grants)| {
        if grants { grant("g", conditions) } else { refuse("r", conditions) }
    })
}

proptest! {
    /// What is granted was offered, by the configured provider, and meets every condition of its rule.
    #[test]
    fn a_grant_is_always_an_offered_role_that_meets_its_rule(
        mut rule_set in proptest::collection::vec(any_rule(), 0..5),
        offered in proptest::collection::vec("[a-c]{1,3}", 0..4),
        junk in proptest::collection::vec("\\PC{0,60}", 0..3),
        groups in proptest::collection::vec("[a-c]{1,2}", 0..3),
        name_id in "[a-c]{1,3}",
    ) {
        for (i, rule) in rule_set.iter_mut().enumerate() {
            rule.name = i.to_string();
        }
        let values: Vec<String> = offered.iter().map(|name| pair(name)).chain(junk).collect();
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let identity = Identity::for_tests("ADFS", &name_id, &values).with_values("groups", &groups);
        let holds = |rule: &Rule, role: &RoleArn| rule.conditions.iter().all(|c| match &c.field {
            Field::RoleName => c.holds(role.name()),
            Field::RoleArn => c.holds(role.as_str()),
            Field::Account | Field::Partition => unreachable!("not made"),
            Field::NameId => c.holds(&name_id),
            Field::AuthnAge => c.holds_for(Duration::ZERO),
            Field::Use => c.holds("page"),
            Field::Page => c.holds(BUILT_IN_PAGE),
            Field::Idp | Field::AuthnContext | Field::Attribute(_) => groups.iter().any(|g| c.holds(g)),
        });

        let offered: std::collections::BTreeSet<_> = offered.iter().map(|name| arn(name)).collect();
        let decided = rules(rule_set.clone()).decide_for(identity.into(), Circumstances::default());
        let granted = decided.map_or_else(|_| Vec::new(), |offers| offers.granted().to_vec());
        for role in &offered {
            // The first that holds for it decides, whatever else is offered.
            let first = rule_set.iter().find(|rule| holds(rule, role));
            let grants = first.filter(|rule| matches!(rule.outcome, Effect::Grant { .. }));
            let mut of_it = granted.iter().filter(|terms| terms.role == *role);
            prop_assert_eq!(of_it.next().map(|terms| &terms.rule), grants.map(|rule| &rule.name));
            prop_assert!(of_it.next().is_none());
        }
        prop_assert!(granted.iter().all(|terms| offered.contains(&terms.role)));
    }

    /// Explanations are logged; values of the assertion are not.
    #[test]
    fn an_explanation_never_holds_a_value(canary in "[A-Z]{12}") {
        let mut rule_set = vec![refuse("r", vec![when(Field::NameId, "equals", "x")]), production()];
        rule_set.push(grant("g", vec![when(Field::Attribute("groups".into()), "prefix", "x")]));
        let role = format!("{canary}Role");
        let identity = Identity::for_tests("ADFS", &canary, &[&pair(&role), &canary])
            .with_values("groups", &[&canary])
            .with_authn_context(&canary);
        let denial = rules(rule_set).decide(identity).unwrap_err();
        let written = format!("{} {denial:?}", denial.explanation);
        prop_assert!(!written.contains(&canary), "{}", written);
    }
}
