//! Step-up: which refusals offer another sign-in, and which.

use super::*;
use crate::saml::{Comparison, RequestedAuthnContext};

const SMARTCARD: &str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Smartcard";

fn mfa() -> Condition {
    when(Field::AuthnContext, "equals", MFA)
}

fn any_of(texts: &[&str]) -> Condition {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    Condition { field: Field::AuthnContext, matchers: vec![Matcher::any_of(texts).unwrap()] }
}

fn fresh() -> Condition {
    Condition { field: Field::AuthnAge, matchers: vec![Matcher::AtMost(Duration::minutes(15))] }
}

fn prod() -> Condition {
    when(Field::RoleName, "equals", "Prod")
}

fn everybody() -> Rule {
    refuse("everybody else", vec![])
}

/// Anna, by password, an hour ago, with production and development.
fn anna() -> Identity {
    person("anna", &["Prod", "Dev"]).with_authn_context(PASSWORD).with_authn_age(Duration::HOUR)
}

/// The contexts that are offered, and whether anew; `None` without an offer.
fn offer_to(rules: &Rules, identity: Identity) -> Option<(Vec<String>, bool)> {
    let refused = refusal(rules, identity);
    refused.step_up().map(|StepUp { idp, authn_context, force_authn }| {
        assert_eq!(idp, "ADFS");
        (authn_context.clone(), *force_authn)
    })
}

fn offered(contexts: &[&str], force_authn: bool) -> Option<(Vec<String>, bool)> {
    Some((contexts.iter().map(|context| (*context).to_owned()).collect(), force_authn))
}

#[test]
fn a_role_refused_for_want_of_a_sign_in_offers_it() {
    let old = |what: Vec<Rule>| offer_to(&rules(what), anna());
    for (situation, rule_set, expected) in [
        ("by another context", vec![grant("mfa", vec![prod(), mfa()])], offered(&[MFA], false)),
        ("newer", vec![grant("fresh", vec![prod(), fresh()])], offered(&[], true)),
        ("both", vec![grant("payments", vec![prod(), mfa(), fresh()])], offered(&[MFA], true)),
        (
            "newer, and by the same context again",
            vec![grant("password", vec![prod(), when(Field::AuthnContext, "equals", PASSWORD), fresh()])],
            offered(&[PASSWORD], true),
        ),
        (
            "newer, by a context that cannot be asked for and is there",
            vec![grant("password", vec![prod(), when(Field::AuthnContext, "suffix", "Transport"), fresh()])],
            offered(&[], true),
        ),
        (
            "one of several",
            vec![grant("mfa", vec![prod(), any_of(&[SMARTCARD, MFA])])],
            offered(&[SMARTCARD, MFA], false),
        ),
        (
            "those of several that meet the whole condition",
            vec![grant(
                "mfa",
                vec![prod(), any_of(&[SMARTCARD, MFA]), when(Field::AuthnContext, "suffix", "card")],
            )],
            offered(&[SMARTCARD], false),
        ),
        (
            "the first rule's of two",
            vec![
                grant("card", vec![prod(), when(Field::AuthnContext, "equals", SMARTCARD)]),
                grant("mfa", vec![prod(), mfa()]),
            ],
            offered(&[SMARTCARD], false),
        ),
        (
            "the second's, where the first is about others",
            vec![
                grant(
                    "card",
                    vec![
                        prod(),
                        when(Field::NameId, "equals", "bob"),
                        when(Field::AuthnContext, "equals", SMARTCARD),
                    ],
                ),
                grant("mfa", vec![prod(), mfa()]),
            ],
            offered(&[MFA], false),
        ),
        (
            "although a later rule refuses",
            vec![grant("mfa", vec![prod(), mfa()]), everybody()],
            offered(&[MFA], false),
        ),
        (
            "without those by which an earlier rule refuses",
            vec![
                refuse("cards are stolen", vec![when(Field::AuthnContext, "equals", SMARTCARD)]),
                grant("mfa", vec![prod(), any_of(&[SMARTCARD, MFA])]),
            ],
            offered(&[MFA], false),
        ),
    ] {
        assert_eq!(old(rule_set), expected, "{situation}");
    }
}

#[test]
fn other_refusals_offer_nothing() {
    for (situation, rule_set) in [
        ("a rule that refuses comes first", vec![everybody(), grant("mfa", vec![prod(), mfa()])]),
        (
            "and so does one about the sign-in itself",
            vec![
                refuse("password", vec![when(Field::AuthnContext, "equals", PASSWORD)]),
                grant("mfa", vec![prod(), mfa()]),
            ],
        ),
        ("no role would be left", vec![grant("mfa", vec![when(Field::RoleName, "equals", "Admin"), mfa()])]),
        (
            "another condition on the person does not hold",
            vec![grant(
                "mfa",
                vec![prod(), mfa(), when(Field::Attribute("groups".into()), "equals", "Admins")],
            )],
        ),
        (
            "the rule is for another identity provider",
            vec![grant("mfa", vec![prod(), mfa(), when(Field::Idp, "equals", "Partner")])],
        ),
        ("a rule refuses who signs in so", vec![refuse("mfa", vec![mfa()])]),
        (
            "no condition is on the sign-in",
            vec![grant("admin", vec![when(Field::RoleName, "equals", "Admin")])],
        ),
        (
            "by a prefix",
            vec![grant(
                "mfa",
                vec![
                    prod(),
                    when(Field::AuthnContext, "prefix", "urn:"),
                    when(Field::AuthnContext, "suffix", "Token"),
                ],
            )],
        ),
        ("by a part", vec![grant("mfa", vec![prod(), when(Field::AuthnContext, "contains", "TimeSync")])]),
        (
            "by a regular expression",
            vec![grant("mfa", vec![prod(), when(Field::AuthnContext, "regex", ".*Token")])],
        ),
        ("a condition that nothing meets", vec![grant("mfa", vec![prod(), mfa(), any_of(&[SMARTCARD])])]),
        (
            "by a value that is no URI",
            vec![grant("mfa", vec![prod(), any_of(&["mfa", "a b:c", ":x", "x:", "ürn:x", "urn:\n"])])],
        ),
    ] {
        let denial = rules(rule_set).decide(anna()).unwrap_err();
        assert_eq!(denial.refusal.step_up(), None, "{situation}");
        assert!(!matches!(denial.refusal, RoleRefusal::InsufficientAuthn { .. }), "{situation}");
    }
    // Nobody without a role gets one by signing in otherwise.
    let rules = rules(vec![grant("mfa", vec![mfa()])]);
    assert_eq!(refusal(&rules, person("anna", &[])), RoleRefusal::NoRoleOffered);
}

/// Whoever signs in so can choose.
#[test]
fn a_sign_in_that_gives_several_roles_is_offered() {
    let rules = rules(vec![grant("mfa", vec![mfa()]), everybody()]);
    let denial = rules.decide(anna()).unwrap_err();
    assert_eq!(denial.refusal.step_up().unwrap().authn_context, [MFA]);
    let again = rules.decide_for(anna().with_authn_context(MFA).into(), Circumstances::default());
    assert_eq!(again.unwrap().granted().len(), 2);
}

/// Who has a role has it, whatever another sign-in would give.
#[test]
fn a_lesser_role_that_is_granted_is_no_refusal() {
    let (admin, reader) =
        (grant("admin", vec![prod(), mfa()]), grant("reader", vec![when(Field::RoleName, "equals", "Dev")]));
    for order in [vec![admin.clone(), reader.clone()], vec![reader, admin]] {
        assert_eq!(rules(order).decide(anna()).unwrap().rule(), "reader");
    }
}

#[test]
fn who_has_signed_in_as_offered_is_granted_and_who_has_not_is_offered_it_again() {
    let rules = rules(vec![grant("payments", vec![prod(), mfa(), fresh()]), everybody()]);
    let first = offer_to(&rules, anna());
    assert_eq!(first, offered(&[MFA], true));
    // The provider ignored what was asked: an offer again, which somebody has to press.
    assert_eq!(offer_to(&rules, anna().with_authn_age(Duration::ZERO)), offered(&[MFA], false));
    assert_eq!(offer_to(&rules, anna().with_authn_context(MFA)), offered(&[MFA], true));
    let again = anna().with_authn_context(MFA).with_authn_age(Duration::ZERO);
    assert_eq!(rules.decide(again).unwrap().rule(), "payments");
}

#[test]
fn the_refusal_keeps_the_operators_sentence_and_says_else_what_is_wanting() {
    let by_rule = rules(vec![grant("mfa", vec![prod(), mfa()]), everybody()]).decide(anna()).unwrap_err();
    assert_eq!(
        (by_rule.refusal.code(), by_rule.refusal.message()),
        ("role_refused", Some("Ask the help desk."))
    );
    assert_eq!(by_rule.rule.as_deref(), Some("everybody else"));
    let said = by_rule.explanation.lines();
    assert_eq!(said.last().unwrap(), "a rule would grant after the sign-in that it asks for");
    let by_none = rules(vec![grant("mfa", vec![prod(), mfa()])]).decide(anna()).unwrap_err();
    assert_eq!((by_none.refusal.code(), &by_none.rule), ("insufficient_user_authentication", &None));
    for denial in [by_rule, by_none] {
        let code = denial.refusal.code();
        assert!(denial.refusal.step_up().is_some());
        let without = denial.refusal.without_step_up();
        assert_eq!((without.code(), without.step_up()), (code, None));
    }
}

fn configured(idp: &str, comparison: Comparison, contexts: &[&str]) -> AuthnContexts {
    let class_refs = contexts.iter().map(|context| (*context).to_owned()).collect();
    [(idp.to_owned(), RequestedAuthnContext { comparison, class_refs })].into()
}

/// What is configured for requests to the provider can meet a pattern; another provider's cannot.
#[test]
fn a_pattern_is_asked_for_by_what_is_configured() {
    let rule = || grant("mfa", vec![prod(), when(Field::AuthnContext, "suffix", "Token")]);
    for (idp, comparison, expected) in [
        ("ADFS", Comparison::Exact, offered(&[MFA], false)),
        ("ADFS", Comparison::Minimum, offered(&[MFA], false)),
        ("Partner", Comparison::Exact, None),
    ] {
        let rules = rules(vec![rule()]).with_authn_contexts(configured(idp, comparison, &[PASSWORD, MFA]));
        assert_eq!(offer_to(&rules, anna()), expected, "{idp}");
    }
}

/// Who may sign in by a smart card only is not let in by a password because some rule names that.
#[test]
fn attack_asking_for_less_than_is_configured_as_exact() {
    let rules = |comparison, contexts: &[&str]| {
        let card = grant("card", vec![prod(), any_of(&[SMARTCARD, MFA])]);
        rules(vec![card]).with_authn_contexts(configured("ADFS", comparison, contexts))
    };
    let exact = rules(Comparison::Exact, &[SMARTCARD]);
    assert_eq!(offer_to(&exact, anna()), offered(&[SMARTCARD], false));
    assert!(exact.may_ask("ADFS", SMARTCARD) && !exact.may_ask("ADFS", MFA));
    assert!(exact.may_ask("Partner", MFA), "another provider's");
    let none = rules(Comparison::Exact, &[PASSWORD]);
    assert_eq!((offer_to(&none, anna()), none.may_ask("ADFS", MFA)), (None, false));
    // Only the identity provider knows what is less.
    let least = rules(Comparison::Minimum, &[PASSWORD]);
    assert_eq!(
        (offer_to(&least, anna()), least.may_ask("ADFS", MFA)),
        (offered(&[SMARTCARD, MFA], false), true)
    );
}

#[test]
fn no_request_asks_for_more_than_fits_into_its_id() {
    let many: Vec<String> = (0..20).map(|number| format!("urn:context:{number}")).collect();
    let texts: Vec<&str> = many.iter().map(String::as_str).collect();
    let rules = rules(vec![grant("mfa", vec![prod(), any_of(&texts)])]);
    assert_eq!(offer_to(&rules, anna()), offered(&texts[..StepUp::MAX_CONTEXTS], false));
}

#[test]
fn attack_asking_for_a_context_that_nothing_configured_names() {
    let for_partner = grant("partner", vec![when(Field::Idp, "equals", "Partner"), any_of(&[SMARTCARD])]);
    let pattern = grant("pattern", vec![when(Field::AuthnContext, "regex", "urn:.*")]);
    let refusing = refuse("x509", vec![when(Field::AuthnContext, "equals", "urn:x509")]);
    let rules = rules(vec![for_partner, pattern, refusing, grant("mfa", vec![prod(), mfa(), fresh()])]);
    let rules = rules.with_authn_contexts(configured("ADFS", Comparison::Minimum, &[PASSWORD]));
    for (idp, context, expected) in [
        ("ADFS", MFA, true),
        ("ADFS", PASSWORD, true),
        ("Partner", SMARTCARD, true),
        ("Partner", MFA, true),
        ("Partner", PASSWORD, false),
        ("ADFS", SMARTCARD, false),
        ("ADFS", "urn:anything", false),
        ("ADFS", "urn:x509", false),
        ("ADFS", "", false),
        ("nobody", PASSWORD, false),
    ] {
        assert_eq!(rules.may_ask(idp, context), expected, "{idp} {context}");
    }
}

fn on_the_sign_in() -> impl Strategy<Value = Condition> {
    let context = proptest::collection::vec(prop_oneof![Just(MFA), Just(PASSWORD), Just(SMARTCARD)], 1..3);
    prop_oneof![
        context.prop_map(|contexts| any_of(&contexts)),
        Just(when(Field::AuthnContext, "suffix", "card")),
        Just(fresh()),
    ]
}

proptest! {
    /// No button leads nowhere: whoever signs in as offered gets a role.
    #[test]
    fn an_offer_is_kept(
        rule_set in proptest::collection::vec((any_rule(), proptest::collection::vec(on_the_sign_in(), 0..3)), 1..6),
        offered in proptest::collection::vec("[a-c]{1,2}", 1..3),
        minutes in 0_i64..30,
    ) {
        let rule_set = rule_set.into_iter().enumerate().map(|(number, (rule, more))| Rule {
            name: number.to_string(),
            conditions: rule.conditions.into_iter().chain(more).collect(),
            ..rule
        });
        let rules = rules(rule_set.collect());
        let offered: Vec<&str> = offered.iter().map(String::as_str).collect();
        let age = Duration::minutes(minutes);
        let signed_in = |context: &str, age| person("a", &offered).with_authn_context(context).with_authn_age(age);
        if let Err(denial) = rules.decide(signed_in(PASSWORD, age))
            && let Some(StepUp { authn_context, force_authn, .. }) = denial.refusal.step_up()
        {
            let age = if *force_authn { Duration::ZERO } else { age };
            let contexts = if authn_context.is_empty() { &[PASSWORD.to_owned()][..] } else { authn_context };
            for context in contexts {
                let again = rules.decide_for(signed_in(context, age).into(), Circumstances::default());
                prop_assert!(again.is_ok());
                prop_assert!(authn_context.is_empty() || rules.may_ask("ADFS", context));
            }
        }
    }
}
