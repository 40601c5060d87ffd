//! `[accounts]`, and `provider_arn` in its three forms.

use super::*;

const TWO: &str = "[accounts]\n111122223333 = \"Production\"\n444455556666 = \"Development\"\n";

/// The least configuration with this provider_arn, and more behind it.
fn with(provider_arn: &str, more: &str) -> String {
    let least = LEAST.replace("\"arn:aws:iam::123456789012:saml-provider/ADFS\"", provider_arn);
    assert_ne!(least, LEAST);
    format!("{least}\n{more}")
}

fn arns(config: &Config) -> Vec<String> {
    let of = |(name, arn): (&str, &ProviderArn)| format!("{name} {}", arn.as_str());
    config.broker.rules.provider_arns().map(of).collect()
}

const BOTH: [&str; 2] = [
    "ADFS arn:aws:iam::111122223333:saml-provider/ADFS",
    "ADFS arn:aws:iam::444455556666:saml-provider/ADFS",
];
const LIST: &str =
    "[\"arn:aws:iam::111122223333:saml-provider/ADFS\", \"arn:aws:iam::444455556666:saml-provider/ADFS\"]";
const EACH: &str = "\"arn:aws:iam::*:saml-provider/ADFS\"";

#[test]
fn several_accounts_are_a_list_or_those_that_are_named() {
    assert_eq!(arns(&Files::new().loads(&with(LIST, ""))), BOTH);
    let config = Files::new().loads(&with(EACH, TWO));
    assert_eq!(arns(&config), BOTH);
    assert_eq!(config.accounts["444455556666"], "Development");
    let one = Files::new().loads(&with("[\"arn:aws:iam::111122223333:saml-provider/ADFS\"]", TWO));
    assert_eq!(arns(&one), BOTH[..1], "a name alone gives nothing");
}

#[test]
fn the_environment_can_name_them_all() {
    let env = [
        ("VESTIBULE_SAML_IDP_0_PROVIDER_ARN", "arn:aws:iam::*:saml-provider/ADFS"),
        ("VESTIBULE_ACCOUNTS_111122223333", "Production"),
        ("VESTIBULE_ACCOUNTS_444455556666", "Development"),
    ];
    assert_eq!(arns(&Files::new().read(LEAST, &env).unwrap()), BOTH);
    let env = [("VESTIBULE_SAML_IDP_0_PROVIDER_ARN", LIST)];
    assert_eq!(arns(&Files::new().read(LEAST, &env).unwrap()), BOTH);
}

/// What is wrong with `provider_arn` and `[accounts]`.
fn only_fault(text: &str) -> String {
    let mut faults = Files::new().faults(text, &[]);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults.remove(0).split_once(": ").unwrap().1.to_owned()
}

#[test]
fn a_star_without_accounts_lets_nobody_in() {
    for accounts in ["", "[accounts]\n"] {
        let said = only_fault(&with(EACH, accounts));
        assert_eq!(
            said,
            "saml.idp[0].provider_arn: * stands for the accounts of [accounts], and none is listed there"
        );
    }
}

#[test]
fn what_is_no_account_and_what_is_no_list_is_said() {
    for (text, expected) in [
        (with("[]", ""), "saml.idp[0].provider_arn: an empty list"),
        (with("[1]", ""), "saml.idp[0].provider_arn[0]: expected a string, found"),
        (
            with("[\"arn:aws:iam::111122223333:role/ADFS\"]", ""),
            "saml.idp[0].provider_arn[0]: not the ARN of a role (role/NAME) or of a SAML provider",
        ),
        (with(EACH, &format!("{TWO}12345 = \"x\"\n")), "accounts.12345: an account id has 12 digits"),
        (
            with(EACH, &format!("{TWO}1234-5678-9012 = \"x\"\n")),
            "accounts.1234-5678-9012: an account id has 12 digits, without hyphens",
        ),
        (with(EACH, &format!("{TWO}123456789012 = \"\"\n")), "accounts.123456789012: "),
        (with(EACH, &format!("{TWO}123456789012 = 7\n")), "accounts.123456789012: expected a string"),
    ] {
        let said = only_fault(&text);
        assert!(said.starts_with(expected), "{said}\nis not\n{expected}");
    }
}

/// A rule that can never hold is a typing error; one that refuses would let people in.
#[test]
fn rules_are_about_accounts_that_there_are() {
    let rule = |more: &str| format!("{TWO}[[rule]]\nname = \"r\"\n{more}\n");
    for more in [
        "when.account = { equals = \"111122223333\" }",
        "when.partition = { equals = \"aws\" }",
        "role = \"arn:aws:iam::444455556666:role/Admin\"",
    ] {
        Files::new().loads(&with(EACH, &rule(more)));
    }
    for (more, expected) in [
        (
            "when.account = { equals = \"123456789012\" }",
            "rule[0].when.account: no provider_arn or role_map is of an account that meets this",
        ),
        (
            "when.partition = { equals = \"aws-cn\" }",
            "rule[0].when.partition: no provider_arn or role_map is of a partition that meets this",
        ),
        (
            "role = \"arn:aws:iam::123456789012:role/Admin\"",
            "rule[0].role: no provider_arn or role_map is of its account, so nobody can be given it",
        ),
    ] {
        assert_eq!(only_fault(&with(EACH, &rule(more))), expected);
    }
}

/// The partition is wrong once, however many accounts there are.
#[test]
fn a_fault_of_a_star_is_said_once() {
    let text = with("\"arn:aws-cn:iam::*:saml-provider/ADFS\"", TWO)
        .replace("[sts]\nkind = \"local\"", "[sts]\nkind = \"aws\"\nregion = \"eu-central-1\"\n#");
    let faults = Files::new().faults(&text, &[]);
    let of_partition = faults.iter().filter(|fault| fault.contains("is of the partition aws-cn")).count();
    assert_eq!(of_partition, 1, "{faults:#?}");
}
