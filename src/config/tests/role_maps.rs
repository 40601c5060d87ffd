//! `[[role_map]]`: which maps there are, and what is none.

use super::*;

const SELECT: &str = "select.groups = \"AttributeStatement/Attribute[@Name='groups']/AttributeValue\"\n";
const TWO: &str = "[accounts]\n111122223333 = \"Production\"\n444455556666 = \"Development\"\n";
const ARN: &str = "provider_arn = \"arn:aws:iam::123456789012:saml-provider/ADFS\"\n";
const PARTNER: &str = "[[saml.idp]]\nname = \"Partner\"\nmetadata = \"PARTNER\"\n";
const MAP: &str = r#"
[[role_map]]
name = "by account"
value = "groups"
regex = "AWS-(?<account>[0-9]{12})-(?<name>[A-Za-z]+)"
role = "arn:aws:iam::{account}:role/{name}"
"#;

/// The least that loads, with these tables, for an identity provider that offers no role.
fn with(more: &str) -> String {
    format!("{}{more}", LEAST.replace(ARN, "").replace("[sts]", &format!("{SELECT}[sts]")))
}

fn by_role(text: &str) -> String {
    text.replace("[sts]\nkind = \"local\"", "[sts]\nkind = \"assume-role\"\nregion = \"us-east-1\"")
}

/// The faults, each without its place.
fn faults(text: &str) -> Vec<String> {
    let files = Files::new();
    files.write("partner.xml", &metadata("https://partner.example"));
    let text = text.replace("PARTNER", &files.path("partner.xml"));
    let faults = files.faults(&text, &[]);
    faults.iter().map(|fault| fault.split_once(": ").unwrap().1.to_owned()).collect()
}

#[test]
fn an_identity_provider_with_a_map_need_offer_nothing() {
    for text in [with(&format!("{MAP}{TWO}")), by_role(&with(&format!("{MAP}{TWO}")))] {
        let config = Files::new().loads(&text);
        let map = config.broker.rules.maps().next().unwrap();
        assert_eq!((map.name(), map.idp(), map.value()), ("by account", "ADFS", "groups"));
        assert_eq!(map.accounts(), ["111122223333", "444455556666"].into());
        assert_eq!(config.broker.rules.provider_arns().count(), 0);
    }
    // Both may be there.
    let both = LEAST.replace("[sts]", &format!("{SELECT}[sts]")) + MAP + TWO;
    assert_eq!(Files::new().loads(&both).broker.rules.provider_arns().count(), 1);
    // Without a map, the roles have to come from the assertion.
    assert_eq!(
        faults(&with(TWO)),
        ["saml.idp[0].provider_arn: is missing; it can also come from VESTIBULE_SAML_IDP_0_PROVIDER_ARN"]
    );
    let of_another = MAP.replace("value =", "idp = \"ADFS\"\nvalue =");
    assert_eq!(
        faults(&with(&format!("{PARTNER}{of_another}{TWO}"))),
        ["saml.idp[1].provider_arn: is missing; it can also come from VESTIBULE_SAML_IDP_1_PROVIDER_ARN"]
    );
}

#[test]
fn a_map_can_come_from_the_environment() {
    let env = [
        ("VESTIBULE_ROLE_MAP_0_REGEX", "AWS-(?<name>[A-Z]+)"),
        ("VESTIBULE_ROLE_MAP_0_ROLE", "arn:aws:iam::111122223333:role/{name}"),
    ];
    let config = Files::new().read(&with(&format!("{MAP}{TWO}")), &env).unwrap();
    assert_eq!(config.broker.rules.maps().next().unwrap().accounts(), ["111122223333"].into());
}

#[test]
fn each_wrong_map_has_its_sentence() {
    let of = |from: &str, to: &str| {
        let map = MAP.replace(from, to);
        assert_ne!(map, MAP);
        faults(&with(&format!("{map}{TWO}")))
    };
    let arn = "arn:aws:iam::{account}:role/{name}";
    for (from, to, expected) in [
        ("name = \"by account\"\n", "", "role_map[0].name: is missing"),
        ("value = \"groups\"\n", "", "role_map[0].value: is missing"),
        ("\"groups\"", "\"gruops\"", "role_map[0].value: ADFS does not select this value: set select.gruops"),
        ("value =", "idp = \"Okta\"\nvalue =", "role_map[0].idp: no identity provider has this name"),
        ("AWS-(", "AWS-((", "role_map[0].regex: not a regular expression: unclosed group"),
        (
            "(?<name>",
            "(",
            "role_map[0].role: {name} needs a group of this name in the expression: (?<name>…)",
        ),
        ("(?<name>", "(?<x>(?<name>", "role_map[0].regex: not a regular expression: unclosed group"),
        (
            "AWS-",
            "(?<path>AWS)-",
            "role_map[0].role: the expression has the group (?<path>…), and {path} is not in the ARN",
        ),
        (
            arn,
            "arn:aws:iam::{account}:role/{group}",
            "role_map[0].role: {account} stands where the account is",
        ),
        (
            arn,
            "arn:aws:iam::{account}:role/*{name}",
            "role_map[0].role: not the ARN of a role with {account}",
        ),
        (arn, "", "role_map[0].role: "),
        ("role =", "rule =", "role_map[0].rule: unknown key"),
    ] {
        let said = of(from, to);
        assert!(said.iter().any(|fault| fault.starts_with(expected)), "{to}\n{expected}\n{said:#?}");
    }
    assert_eq!(
        faults(&with(&format!("{MAP}{MAP}{TWO}"))),
        ["role_map[1].name: is the name of an earlier role_map too"]
    );
    assert_eq!(
        faults(&with(&format!("{PARTNER}{MAP}{TWO}"))),
        ["role_map[0].idp: is missing; it can also come from VESTIBULE_ROLE_MAP_0_IDP"]
    );
}

/// Whoever may make a group must not reach an account that nobody listed.
#[test]
fn the_account_is_one_that_is_listed() {
    assert_eq!(
        faults(&with(MAP)),
        ["role_map[0].role: {account} is one of [accounts], and none is listed there"]
    );
    let fixed = MAP.replace("(?<account>[0-9]{12})", "x").replace("{account}", "777788889999");
    assert_eq!(
        faults(&with(&format!("{fixed}{TWO}"))),
        ["role_map[0].role: 777788889999 is not listed in [accounts]"]
    );
}

#[test]
fn with_the_persons_assertion_no_group_stands_for_a_role() {
    let text = by_role(&with(&format!("{MAP}{TWO}"))).replace("\"assume-role\"", "\"aws\"");
    let said = faults(&text);
    assert!(said[0].starts_with("role_map[0]: with sts.kind = \"aws\" STS takes roles from"), "{said:#?}");
    let elsewhere = by_role(&with(&format!("{MAP}{TWO}"))).replace("arn:aws:iam", "arn:aws-cn:iam");
    assert_eq!(faults(&elsewhere), ["role_map[0].role: is of the partition aws-cn, and sts.region of aws"]);
}

/// Rules may name what only a map gives, and not what nothing gives.
#[test]
fn rules_and_their_tests_know_the_maps() {
    let rule = |more: &str| {
        let rule = format!("[[rule]]\nname = \"r\"\n{more}\n");
        faults(&with(&format!("{MAP}{TWO}{rule}")))
    };
    let pinned = "role = \"arn:aws:iam::ACCOUNT:role/Admin\"\nwhen.account = { equals = \"ACCOUNT\" }";
    assert_eq!(rule(&pinned.replace("ACCOUNT", "444455556666")), Vec::<String>::new());
    assert_eq!(rule(&pinned.replace("ACCOUNT", "777788889999")).len(), 2);
    assert_eq!(rule("when.partition = { equals = \"aws-cn\" }").len(), 1);

    let tested = |group: &str, expected: &str| {
        rule(&format!(
            "[[rule.test]]\nname_id = \"anna\"\nattribute.groups = [\"x\", \"{group}\"]\n{expected}"
        ))
    };
    let admin = "gets = \"arn:aws:iam::111122223333:role/Admin\"";
    assert_eq!(tested("AWS-111122223333-Admin", admin), Vec::<String>::new());
    for group in ["AWS-111122223333-Admin2", "AWS-111122223333-Reader", "AWS-777788889999-Admin"] {
        let said = tested(group, admin);
        assert!(said[0].contains("the test 'test 1' fails"), "{said:#?}");
    }
    assert_eq!(tested("AWS-777788889999-Admin", "refused = \"no_role_mapped\""), Vec::<String>::new());
}
