//! `vestibule rules`: what it prints, and with which code it ends.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::process::remove_configuration;
use tempfile::TempDir;

const PRODUCTION: &str = "arn:aws:iam::123456789012:role/Production";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn vestibule(arguments: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "20", env!("CARGO_BIN_EXE_vestibule")]);
    remove_configuration(&mut command);
    // The examples name a policy's file from there.
    command.args(arguments).current_dir(root()).output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The examples with something changed.
fn changed(from: &str, to: &str) -> (TempDir, PathBuf) {
    let text = std::fs::read_to_string(root().join("config/examples/rules.toml")).unwrap();
    assert!(text.contains(from), "{from}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules.toml");
    std::fs::write(&path, text.replace(from, to)).unwrap();
    (dir, path)
}

/// `rules try` of the examples.
fn asked(arguments: &[&str]) -> Output {
    let question = ["rules", "try", "--config", "config/examples/rules.toml"];
    vestibule(&question.iter().chain(arguments).copied().collect::<Vec<_>>())
}

#[test]
fn tests_are_run_and_each_is_printed() {
    let output = vestibule(&["rules", "test", "--config", "config/examples/rules.toml"]);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let text = printed(&output);
    assert!(text.contains("ok        contractor: a contractor is limited\n"), "{text}");
    let all = text.lines().filter(|line| line.starts_with("ok  ")).count();
    assert!(all > 10 && text.ends_with(&format!("\n\n{all} tests, all pass\n")), "{text}");
}

/// Where groups stand for roles, too.
#[test]
fn groups_are_asked_about_as_roles_are() {
    let config = ["--config", "config/examples/groups.toml"];
    let output = vestibule(&[&["rules", "test"], &config[..]].concat());
    assert_eq!(code(&output), 0, "{}{}", printed(&output), said(&output));
    assert!(printed(&output).ends_with("\n\n7 tests, all pass\n"), "{}", printed(&output));

    let ask =
        |more: &[&str]| vestibule(&[&["rules", "try", "--name-id", "anna"], &config[..], more].concat());
    let output = ask(&["--attribute", "groups=AWS-111122223333-Reader", "--attribute", "groups=x", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&printed(&output)).unwrap();
    assert_eq!(json["grants"][0]["role"], "arn:aws:iam::111122223333:role/people/Reader");
    assert_eq!(
        (&json["grants"][0]["role_map"], &json["grants"][0]["provider"]),
        (&"by account".into(), &().into())
    );

    let output = ask(&["--attribute", "groups=AWS-777788889999-Reader"]);
    assert_eq!(code(&output), 1);
    let text = printed(&output);
    assert!(
        text.contains("role map 'by account': 0 of 1 values of groups stand for a role; 1 set aside: of an")
    );
    assert!(text.contains("no_role_mapped"), "{text}");
    assert_eq!(code(&ask(&["--role", "arn:aws:iam::111122223333:role/people/Reader"])), 2);
}

#[test]
fn a_failed_test_is_explained_and_the_configuration_is_not_usable() {
    let (_dir, path) = changed("suffix = \"-C\"", "suffix = \"-D\"");
    let path = path.to_str().unwrap();
    let output = vestibule(&["rules", "test", "--config", path]);
    assert_eq!(code(&output), 1);
    let text = printed(&output);
    assert!(text.contains("FAILED    contractor: a contractor is limited\n"), "{text}");
    assert!(text.contains(&format!("  expected  gets {PRODUCTION} for 15m, limited, by rule 'contractor'")));
    assert!(
        text.contains(&format!("  answer    gets {PRODUCTION} for 1h, not limited, by rule 'production'"))
    );
    assert!(text.contains("name_id suffix \"-D\" does not hold"), "{text}");
    assert!(text.ends_with(" tests, 2 failed\n"), "{text}");

    let json = printed(&vestibule(&["rules", "test", "--config", path, "--json"]));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["failed"], 2);
    let failed = json["tests"].as_array().unwrap().iter().find(|test| test["ok"] == false).unwrap();
    assert_eq!((&failed["rule"], &failed["test"]), (&"contractor".into(), &"a contractor is limited".into()));
    let place = failed["place"].as_str().unwrap();
    assert!(place.starts_with(&format!("{path}:")), "{place}");

    let output = vestibule(&["check", "--config", path]);
    let said = said(&output);
    assert_eq!(code(&output), 78, "{said}");
    assert!(said.contains(&format!("{place}: rule[2].test[0]: the test 'a contractor")), "{said}");
    assert!(said.contains("rule[2].test[1]: the test"), "both at once: {said}");
}

#[test]
fn somebody_made_up_is_answered() {
    let who = ["--idp", "ADFS", "--name-id", "EXAMPLE\\bob-C", "--role", PRODUCTION];
    let output = asked(&who);
    assert_eq!(code(&output), 0, "{}", said(&output));
    let text = printed(&output);
    let granted =
        format!("\ngrants    {PRODUCTION} for 15 min, by rule 'contractor', scoped down by its policies");
    assert!(text.contains(&granted), "{text}");
    assert!(text.contains("rule 'partner': idp equals \"Partner\" does not hold"), "{text}");

    let json: serde_json::Value =
        serde_json::from_str(&printed(&asked(&[&who[..], &["--json"]].concat()))).unwrap();
    assert_eq!((&json["outcome"], &json["refusal"]), (&"granted".into(), &serde_json::Value::Null));
    assert_eq!(
        (&json["grants"][0]["rule"], &json["grants"][0]["duration_seconds"]),
        (&"contractor".into(), &900.into())
    );
    assert_eq!(json["rules"][2]["verdict"], "holds, and grants one role");
    assert_eq!(json["grants"][0]["ask_reason"], serde_json::Value::Null);

    let admin = ["--idp", "ADFS", "--name-id", "carla", "--role", PRODUCTION, "--attribute", "groups=x"];
    let mfa = [
        "--attribute",
        "groups=AWS-Admins",
        "--authn-context",
        "http://schemas.microsoft.com/claims/multipleauthn",
    ];
    let output = asked(&[&admin[..], &mfa].concat());
    assert!(printed(&output).contains(" for 720 min, by rule 'administrator'"), "{}", printed(&output));

    let payments = "arn:aws:iam::123456789012:role/Payments";
    let payer = ["--idp", "ADFS", "--name-id", "anna", "--role", payments, "--use", "page"];
    for (age, expected) in [("15m", 0), ("16m", 1)] {
        let output = asked(&[&payer[..], &mfa[2..], &["--authn-age", age]].concat());
        assert_eq!(code(&output), expected, "{}", printed(&output));
        assert!(printed(&output).contains("authn_age at_most \"15m\" "), "{}", printed(&output));
    }

    let emergency = "arn:aws:iam::123456789012:role/Emergency";
    let who =
        ["--idp", "ADFS", "--name-id", "carla", "--role", emergency, "--attribute", "groups=AWS-Admins"];
    let text = printed(&asked(&who));
    let granted = "for 15 min, by rule 'emergency', asks: Which incident or ticket is this for?\n";
    assert!(text.contains(granted), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&printed(&asked(&[&who[..], &["--json"]].concat()))).unwrap();
    assert_eq!(json["grants"][0]["ask_reason"], "Which incident or ticket is this for?");

    let output = asked(&admin);
    assert_eq!(code(&output), 1);
    let text = printed(&output);
    assert!(text.contains("\nrefuses   role_refused, by rule 'everybody else'\n"), "{text}");
    assert!(text.contains("  says    Ask the help desk for AWS-Production.\n  means   "), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&printed(&asked(&[&admin[..], &["--json"]].concat()))).unwrap();
    assert_eq!((&json["outcome"], &json["grants"]), (&"refused".into(), &serde_json::json!([])));
    assert_eq!(json["refusal"]["rule"], "everybody else");
    assert_eq!(json["refusal"]["sign_in_again"], serde_json::Value::Null);
}

#[test]
fn the_sign_in_that_a_refusal_offers_is_printed() {
    let payments = "arn:aws:iam::123456789012:role/Payments";
    let mfa = "http://schemas.microsoft.com/claims/multipleauthn";
    let who = ["--idp", "ADFS", "--name-id", "anna", "--role", payments];
    for (more, words) in [
        (&[][..], format!("sign in again at ADFS, by {mfa}\n")),
        (&["--authn-age", "1h"], format!("sign in again at ADFS, by {mfa}, anew (ForceAuthn)\n")),
    ] {
        let text = printed(&asked(&[&who[..], more].concat()));
        assert!(text.contains("          a rule would grant after the sign-in that it asks for\n"), "{text}");
        assert!(text.contains(&format!("AWS-Production.\n  offers  {words}  means   ")), "{text}");
    }
    let json = printed(&asked(&[&who[..], &["--json"]].concat()));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let offer = serde_json::json!({"idp": "ADFS", "authn_context": [mfa], "force_authn": false});
    assert_eq!(json["refusal"]["sign_in_again"], offer);
}

#[test]
fn somebody_who_cannot_be_is_a_wrong_argument() {
    let elsewhere = "arn:aws:iam::999999999999:role/Production";
    for (arguments, sentence) in [
        (&["--name-id", "anna"][..], "--idp is needed: there are ADFS, Partner"),
        (
            &["--idp", "adfs", "--name-id", "anna"],
            "no identity provider has this name; there are ADFS, Partner",
        ),
        (&["--idp", "ADFS"], "--name-id"),
        (
            &["--idp", "ADFS", "--name-id", "anna", "--role", "Production"],
            "an ARN has 20 to 2,048 characters",
        ),
        (&["--idp", "ADFS", "--name-id", "anna", "--role", elsewhere], "no provider_arn is of its account"),
        (&["--idp", "ADFS", "--name-id", "anna", "--attribute", "groups"], "expected NAME=VALUE"),
        (&["--idp", "ADFS", "--name-id", "anna", "--attribute", "group=x"], "no rule looks at it"),
        (&["--idp", "ADFS", "--name-id", "anna", "--authn-age", "1d"], "expected a duration such as"),
        (&["--idp", "ADFS", "--name-id", "anna", "--use", "web"], "expected page, shell or console"),
        (&["--idp", "ADFS", "--name-id", "anna", "--page", "wiki"], "no rule looks at it (when.page)"),
    ] {
        let output = asked(arguments);
        assert_eq!(code(&output), 2, "{arguments:?}");
        assert!(said(&output).contains(sentence), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn a_configuration_that_is_not_usable_says_why() {
    for (to, sentence) in [
        ("durations = \"12h\"", "rule[3].durations: unknown key"),
        ("duration = \"ssm:/prod/hours\"", "stands in the Parameter Store (/prod/hours); --resolve asks it"),
    ] {
        let (_dir, path) = changed("duration = \"12h\"\n\n", &format!("{to}\n\n"));
        for command in [&["test"][..], &["try", "--idp", "ADFS", "--name-id", "anna"]] {
            let arguments = [&["rules"][..], command, &["--config", path.to_str().unwrap()]].concat();
            let output = vestibule(&arguments);
            assert_eq!((code(&output), printed(&output).as_str()), (78, ""), "{}", said(&output));
            assert!(said(&output).contains(sentence), "{}", said(&output));
        }
    }
}
