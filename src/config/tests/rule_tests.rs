//! `[[rule.test]]`: which pass, which keep a configuration from being used, and which
//! are no tests.

use super::*;

const SELECT: &str = "select.groups = \"AttributeStatement/Attribute[@Name='groups']/AttributeValue\"\n";

const CONTRACTOR: &str = r#"
[[rule]]
name = "contractor"
when.role_name = { contains = "Prod" }
when.name_id = { suffix = "-C" }
session_policy = '{"Version": "2012-10-17"}'
duration = "15m"
"#;

const REST: &str = r#"
[[rule]]
name = "administrators"
when.attribute.groups = { equals = "Admins" }
when.authn_context = { equals = "urn:mfa" }
duration = "12h"
[[rule]]
name = "production"
when.role_name = { contains = "Prod" }
[[rule]]
name = "everybody else"
refuse = "Ask the help desk."
"#;

/// The least that loads, with these rules; a test stands under the first of them.
fn with_test(test: &str) -> String {
    let idp = LEAST.replace("[sts]", &format!("{SELECT}[sts]"));
    let test = test.replace("PROD", "arn:aws:iam::123456789012:role/Prod");
    format!("{idp}{CONTRACTOR}[[rule.test]]\n{test}\n{REST}")
}

/// The faults of the test without its place.
fn faults_of(files: &Files, test: &str) -> String {
    let faults = files.faults(&with_test(test), &[]);
    faults.iter().map(|fault| fault.split_once(": ").unwrap().1).collect::<Vec<_>>().join("\n")
}

#[test]
fn tests_that_pass_are_no_faults() {
    let files = Files::new();
    for test in [
        "name_id = \"bob-C\"\nroles = [\"PROD\"]\ngets = \"PROD\"",
        "name = \"a contractor\"\nidp = \"ADFS\"\nname_id = \"bob-C\"\nroles = \"PROD\"\ngets = \"PROD\"\n\
         duration = \"15m\"\nlimited = true\nrule = \"contractor\"",
        "name_id = \"bob\"\nroles = [\"PROD\"]\ngets = \"PROD\"\nlimited = false\nrule = \"production\"",
        "name_id = \"bob\"\nroles = [\"PROD\"]\nattribute.groups = [\"x\", \"Admins\"]\n\
         authn_context = \"urn:mfa\"\ngets = \"PROD\"\nduration = \"12h\"\nrule = \"administrators\"",
        "name_id = \"bob-C\"\nrefused = true",
        "name_id = \"bob-C\"\nrefused = \"help desk\"",
        "name_id = \"bob-C\"\nrefused = \"role_refused\"\nrule = \"everybody else\"",
        "name_id = \"bob-C\"\nroles = [\"PROD\", \"PROD2\", \"arn:aws:iam::123456789012:role/Dev\"]\n\
         gets = [\"PROD2\", \"PROD\"]\nlimited = true\nrule = \"contractor\"",
    ] {
        assert_eq!(faults_of(&files, test), "", "{test}");
    }
}

#[test]
fn a_test_that_fails_says_where_what_was_expected_and_what_came() {
    let files = Files::new();
    let prod = "arn:aws:iam::123456789012:role/Prod";
    let who = "name_id = \"bob\"\nroles = [\"PROD\"]\n";
    let given = format!("the rules answer: gets {prod} for 1h, not limited, by rule 'production'");
    for (expects, expected) in [
        ("gets = \"PROD\"", format!("gets {prod}, by rule 'contractor'")),
        ("gets = \"PROD\"\nrule = \"administrators\"", format!("gets {prod}, by rule 'administrators'")),
        (
            "gets = \"PROD\"\nrule = \"production\"\nduration = \"90m\"",
            format!("gets {prod} for 90m, by rule 'production'"),
        ),
        (
            "gets = \"PROD\"\nrule = \"production\"\nlimited = true",
            format!("gets {prod}, limited, by rule 'production'"),
        ),
        (
            "gets = \"PROD\"\nrule = \"production\"\nasks = true",
            format!("gets {prod}, asks for a reason, by rule 'production'"),
        ),
        ("refused = true", "is refused".to_owned()),
        ("refused = \"x\"", "is refused with \"x\"".to_owned()),
    ] {
        let faults = files.faults(&with_test(&format!("{who}{expects}")), &[]);
        let line = with_test("").lines().position(|line| line == "[[rule.test]]").unwrap() + 1;
        let place = format!("config/vestibule.toml:{line}:1: rule[0].test[0]: ");
        let message = format!("{place}the test 'test 1' fails: expected: {expected}; {given}");
        assert_eq!(faults, [message]);
    }
    for (test, answer) in [
        (
            "name_id = \"bob\"\nrefused = \"Ask somebody\"",
            "is refused with \"Ask the help desk.\" (role_refused), by rule 'everybody else'",
        ),
        (
            "name_id = \"bob\"\nrefused = true\nrule = \"contractor\"",
            "is refused with \"Ask the help desk.\" (role_refused), by rule 'everybody else'",
        ),
        (
            "name_id = \"bob-C\"\nroles = [\"PROD\", \"PROD2\"]\ngets = \"PROD\"",
            "Prod for 15m, limited, by rule 'contractor'; and arn:aws:iam::123456789012:role/Prod2 for 15m, limited, by \
             rule 'contractor'",
        ),
        (
            "name_id = \"bob-C\"\nroles = [\"PROD\"]\ngets = [\"PROD\", \"PROD\"]\nduration = \"1h\"",
            "Prod for 15m, limited, by rule 'contractor'",
        ),
    ] {
        let faults = faults_of(&files, test);
        assert!(faults.ends_with(answer), "{faults}");
    }
}

/// Administrators are refused for want of another sign-in, and others are not.
#[test]
fn a_test_can_say_whether_another_sign_in_is_offered() {
    let files = Files::new();
    let admin = "name_id = \"bob\"\nroles = [\"arn:aws:iam::123456789012:role/Admin\"]\nrule = \"everybody else\"\n\
                 attribute.groups = [\"Admins\"]\nrefused = \"help desk\"\n";
    let other = admin.replace("[\"Admins\"]", "[\"x\"]");
    let answer = "the rules answer: is refused with \"Ask the help desk.\" (role_refused)";
    for (who, expects, fault) in [
        (admin, "", String::new()),
        (admin, "sign_in_again = true", String::new()),
        (&other, "sign_in_again = false", String::new()),
        (
            &other,
            "sign_in_again = true",
            format!(
                "is refused with \"help desk\", may sign in again, by rule 'everybody else'; {answer}, by"
            ),
        ),
        (
            admin,
            "sign_in_again = false",
            format!(
                "is refused with \"help desk\", may not sign in again, by rule 'everybody else'; {answer}, \
                 may sign in again, by"
            ),
        ),
    ] {
        let faults = faults_of(&files, &format!("{who}{expects}"));
        assert_eq!(faults.is_empty(), fault.is_empty(), "{faults}");
        assert!(faults.contains(&fault), "{faults}");
    }
    // A pattern is asked for by what requests ask for anyway.
    for (own, offered) in [("", false), ("authn_context = [\"urn:password\", \"urn:mfa\"]\n", true)] {
        let text = with_test(&format!("{admin}sign_in_again = {offered}"))
            .replace("equals = \"urn:mfa\"", "suffix = \":mfa\"")
            .replace("select.groups", &format!("{own}select.groups"));
        assert_eq!(files.faults(&text, &[]), [""; 0], "{own}");
    }
    let gets = "name_id = \"bob-C\"\nroles = [\"PROD\"]\ngets = \"PROD\"\nsign_in_again = true";
    let faults = faults_of(&files, gets);
    assert!(faults.contains("sign_in_again: has no meaning beside gets"), "{faults}");
}

#[test]
fn a_test_can_say_how_old_the_sign_in_is_and_what_it_is_for() {
    let files = Files::new();
    let who = "name_id = \"bob-C\"\nroles = [\"PROD\"]\n";
    for (condition, more, expects) in [
        ("authn_age = { at_most = \"15m\" }", "", "gets = \"PROD\""),
        ("authn_age = { at_most = \"15m\" }", "authn_age = \"15m\"", "gets = \"PROD\""),
        (
            "authn_age = { at_most = \"15m\" }",
            "authn_age = \"16m\"",
            "gets = \"PROD\"\nrule = \"production\"",
        ),
        ("use = { equals = \"page\" }", "", "gets = \"PROD\""),
        ("use = { equals = \"shell\" }", "use = \"shell\"", "gets = \"PROD\""),
        ("use = { equals = \"console\" }", "", "gets = \"PROD\"\nrule = \"production\""),
    ] {
        let text = with_test(&format!("{who}{more}\n{expects}"));
        let text = text.replace("when.name_id = { suffix = \"-C\" }", &format!("when.{condition}"));
        assert_eq!(files.faults(&text, &[]), [""; 0], "{condition} {more}");
    }
    for (more, fault) in [
        ("authn_age = \"25h\"", "rule[0].test[0].authn_age: expected \"0s\" to \"24h\""),
        ("use = \"web\"", "rule[0].test[0].use: expected \"page\", \"shell\" or \"console\""),
    ] {
        let faults = faults_of(&files, &format!("{who}{more}\ngets = \"PROD\""));
        assert!(faults.starts_with(fault) && !faults.contains("fails"), "{faults}");
    }
}

/// A test is about all rules: one that comes before takes the person away.
#[test]
fn attack_a_rule_moved_before_the_one_that_limits() {
    let files = Files::new();
    let test = "[[rule.test]]\nname_id = \"bob-C\"\nroles = \"PROD\"\ngets = \"PROD\"\nlimited = true\n";
    let test = test.replace("PROD", "arn:aws:iam::123456789012:role/Prod");
    let idp = LEAST.replace("[sts]", &format!("{SELECT}[sts]"));
    let rest = REST.replace("[[rule]]\nname = \"everybody else\"\nrefuse = \"Ask the help desk.\"\n", "");
    assert_eq!(files.faults(&format!("{idp}{CONTRACTOR}{test}{rest}"), &[]), [""; 0]);
    let faults = files.faults(&format!("{idp}{rest}{CONTRACTOR}{test}"), &[]);
    assert!(faults[0].contains("'test 1' fails") && faults[0].contains("not limited"), "{faults:?}");
}

#[test]
fn a_test_can_say_whether_a_reason_is_asked_for() {
    let files = Files::new();
    let outcome = |ask: &str, test: &str| {
        let text = with_test(&format!("name_id = \"bob\"\nroles = \"PROD\"\ngets = \"PROD\"\n{test}"));
        let text = text.replace("name = \"production\"", &format!("name = \"production\"\n{ask}"));
        files.faults(&text.replace("PROD", "arn:aws:iam::123456789012:role/Prod"), &[])
    };
    let asks = "ask_reason = \"Which ticket?\"";
    let by = "rule = \"production\"";
    for (ask, test) in [(asks, "asks = true"), ("", "asks = false"), (asks, ""), ("", "")] {
        assert_eq!(outcome(ask, &format!("{test}\n{by}")), [""; 0], "{ask} {test}");
    }
    let [fault] = &outcome(asks, &format!("asks = false\n{by}"))[..] else { panic!("one fault") };
    assert!(
        fault.contains("expected: gets arn:aws:iam::123456789012:role/Prod, asks for no reason"),
        "{fault}"
    );
    assert!(fault.contains("for 1h, not limited, asks for a reason, by rule 'production'"), "{fault}");
}

#[test]
fn a_test_that_is_none_is_a_fault() {
    let files = Files::new();
    let who = "name_id = \"bob\"\nroles = [\"PROD\"]\nrule = \"production\"\n";
    for (test, fault) in [
        ("name_id = \"bob\"", "expects nothing: give gets or refused"),
        ("gets = \"PROD\"\nroles = \"PROD\"", "rule[0].test[0].name_id: is missing"),
        (&*format!("{who}gets = \"PROD\"\nrefused = true"), "a test expects a role or a refusal"),
        (&format!("{who}gets = \"Prod\""), "an ARN has 20 to 2,048 characters; found \"Prod\""),
        (&format!("{who}gets = \"arn:aws:iam::123456789012:role/Dev\""), "is not among the roles"),
        (
            "name_id = \"bob\"\nroles = [\"PROD\", \"Dev\"]\nrefused = true",
            "rule[0].test[0].roles[1]: an ARN",
        ),
        (
            "name_id = \"bob\"\nroles = [\"arn:aws:iam::999999999999:role/Prod\"]\nrefused = true",
            "no provider_arn of its account",
        ),
        (&format!("{who}gets = \"PROD\"\nduration = \"13h\""), "expected a duration from \"15m\" to \"12h\""),
        (&format!("{who}gets = \"PROD\"\nlimited = \"yes\""), "expected true or false"),
        (&format!("{who}gets = \"PROD\"\nidp = \"Partner\""), "no identity provider has this name"),
        (&format!("{who}gets = \"PROD\"\nidp = \"a b\""), "expected 1 to 64 of"),
        ("name_id = \"bob\"\nrefused = true\nrule = \"prod\"", "rule[0].test[0].rule: no rule has this name"),
        (
            &format!("{who}gets = \"PROD\"\nattribute.mail = [\"a\"]"),
            "no identity provider selects this value",
        ),
        (
            &format!("{who}gets = \"PROD\"\ngroups = [\"a\"]"),
            "unknown key; known here: asks, attribute, authn_age",
        ),
        ("name_id = \"bob\"\nrefused = false", "expected true, or a text that the refusal has"),
        ("name_id = \"bob\"\nrefused = 1", "expected true or false"),
        ("name_id = \"bob\"\nrefused = true\nlimited = true", "has no meaning beside refused"),
        ("name_id = \"bob\"\nrefused = true\nasks = true", "has no meaning beside refused"),
        ("name_id = \"bob\"\nrefused = true\nduration = \"1h\"", "has no meaning beside refused"),
    ] {
        let faults = faults_of(&files, test);
        assert!(faults.contains(fault), "{test}: {faults}");
    }
}

#[test]
fn failed_tests_are_reported_with_all_other_faults() {
    let files = Files::new();
    let text = with_test("name_id = \"bob\"\nroles = \"PROD\"\ngets = \"PROD\"");
    let text = text.replace("public_url = \"https:", "public_url = \"ftp:");
    let text = format!("{text}[[rule.test]]\nname_id = \"bob\"\nroles = \"PROD\"\nrefused = true\n");
    let faults = files.faults(&text.replace("PROD", "arn:aws:iam::123456789012:role/Prod"), &[]);
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults[0].contains("server.public_url"), "{faults:?}");
    assert!(faults[1].contains("rule[0].test[0]: the test"), "{faults:?}");
    assert!(faults[2].contains("rule[3].test[0]: the test"), "{faults:?}");
}

/// Half a rule holds for more people than the whole one: its answers would mislead.
#[test]
fn rules_that_are_not_whole_are_not_asked() {
    let files = Files::new();
    let text = with_test("name_id = \"bob\"\nroles = \"PROD\"\ngets = \"PROD\"");
    for (from, to) in [
        ("suffix = \"-C\"", "suffix = \"\""),
        ("provider_arn = \"arn:", "provider_arn = \"urn:"),
        ("duration = \"15m\"", "duration = \"ssm:duration\""),
        ("name = \"production\"", "name = \"\""),
    ] {
        assert!(text.contains(from), "{from}");
        let faults = files.faults(&text.replace(from, to), &[]).join("\n");
        assert!(!faults.contains("fails") && !faults.is_empty(), "{faults}");
    }
}

/// `check` looks at no metadata, and can ask the rules nevertheless.
#[test]
fn tests_run_where_metadata_was_not_fetched() {
    let files = Files::new();
    let url = [("VESTIBULE_SAML_IDP_0_METADATA", "https://adfs.example.com/metadata")];
    let passes = with_test("name_id = \"bob-C\"\nroles = \"PROD\"\ngets = \"PROD\"");
    assert_eq!(files.draft(&passes, &url).check().unwrap().unfetched.len(), 1);
    let fails = with_test("name_id = \"bob\"\nroles = \"PROD\"\ngets = \"PROD\"");
    let Err(faults) = files.draft(&fails, &url).check() else { panic!() };
    assert!(faults.to_string().contains("'test 1' fails"), "{faults}");

    let checked = files.draft(&fails, &url).check_rules().unwrap();
    let (rules, tested) = checked.rules.unwrap();
    assert_eq!((rules.iter().count(), tested.len(), tested[0].rule.as_str()), (4, 1, "contractor"));
    let failure = tested[0].failure.as_ref().unwrap();
    assert_eq!(failure.explanation[0], "1 usable roles in 1 role values");
    assert!(failure.explanation[1].contains("name_id suffix \"-C\" does not hold"), "{failure:?}");

    let unknown = fails.replace("duration = \"15m\"", "duration = \"ssm:duration\"");
    let unknown = unknown.replace("[sts]", "[ssm]\nprefix = \"/x\"\n[sts]");
    let checked = files.draft(&unknown, &url).check_rules().unwrap();
    assert!(checked.rules.is_none());
    assert_eq!(checked.unknown, [("rule[0].duration".to_owned(), "/x/duration".to_owned())]);
}

#[test]
fn of_several_identity_providers_a_test_says_which() {
    let files = Files::new();
    let second = files.write("partner.xml", &metadata("http://partner.example.com"));
    let idp = format!(
        "[[saml.idp]]\nname = \"Partner\"\nprovider_arn = \"arn:aws:iam::999999999999:saml-provider/P\"\n\
         metadata = {second:?}\n[sts]"
    );
    let with = |test: &str| with_test(test).replace("[sts]", &idp);
    let faults = files.faults(&with("name_id = \"bob\"\nrefused = true"), &[]);
    assert!(faults[0].contains("rule[0].test[0].idp: is missing"), "{faults:?}");
    let theirs = "arn:aws:iam::999999999999:role/Prod";
    let of = |idp: &str| {
        let test = format!("idp = {idp:?}\nname_id = \"bob-C\"\nroles = {theirs:?}\ngets = {theirs:?}");
        files.faults(&with(&test), &[])
    };
    assert_eq!(of("Partner"), [""; 0]);
    assert!(of("ADFS")[0].contains("no provider_arn of its account"), "{:?}", of("ADFS"));
}

#[test]
fn tests_can_come_from_the_environment() {
    let files = Files::new();
    let env = [
        ("VESTIBULE_RULE_0_TEST_0_NAME_ID", "bob"),
        ("VESTIBULE_RULE_0_TEST_0_ATTRIBUTE_GROUPS", "[\"Admins\"]"),
        ("VESTIBULE_RULE_0_TEST_0_REFUSED", "true"),
    ];
    let text = with_test("name_id = \"x\"\nrefused = true")
        .replace("[[rule.test]]\nname_id = \"x\"\nrefused = true", "");
    assert_eq!(files.faults(&text, &env), [""; 0]);
    let gets = [env[0], env[1], ("VESTIBULE_RULE_0_TEST_0_REFUSED", "nobody")];
    assert!(files.faults(&text, &gets)[0].starts_with("VESTIBULE_RULE_0_TEST_0: rule[0].test[0]: the test"));
}

/// The examples of the 2017 post's last section, with their tests.
#[test]
fn the_examples_pass_their_own_tests() {
    let text = include_str!("../../../config/examples/rules.toml");
    let draft = Files::new().draft(text, &[]);
    let checked = draft.check_rules().unwrap_or_else(|faults| panic!("{faults}"));
    let (rules, tested) = checked.rules.unwrap();
    let failed: Vec<_> = tested.iter().filter(|test| test.failure.is_some()).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    for rule in rules.iter() {
        assert!(tested.iter().any(|test| test.rule == rule.name), "no test of {}", rule.name);
    }
}

/// Without the rule that limits, or with another order, an example's test fails.
#[test]
fn the_examples_fail_where_their_rules_change() {
    let text = include_str!("../../../config/examples/rules.toml");
    for (from, to) in [
        ("suffix = \"-C\"", "contains = \"-C\""),
        ("session_policy = \"config/contractor.json\"\n", ""),
        ("duration = \"12h\"\n\n[[rule.test]]", "duration = \"11h\"\n\n[[rule.test]]"),
        ("equals = \"AWS-Production\"", "prefix = \"AWS-Production\""),
        ("when.idp = { equals = \"Partner\" }\nrefuse", "when.idp = { equals = \"ADFS\" }\nrefuse"),
        (
            "Payments\" }\nwhen.authn_context = { equals = \"http:",
            "Payments\" }\nwhen.authn_context = { regex = \".*\" }\n# \"http:",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let checked = Files::new().draft(&text.replace(from, to), &[]).check_rules();
        let (_, tested) = checked.unwrap_or_else(|faults| panic!("{faults}")).rules.unwrap();
        assert!(tested.iter().any(|test| test.failure.is_some()), "{from}");
    }
}
