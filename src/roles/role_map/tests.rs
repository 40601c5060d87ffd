//! What a group's name can become, whoever wrote it.

use super::*;
use proptest::prelude::*;

const PRODUCTION: &str = "111122223333";
const DEVELOPMENT: &str = "444455556666";

fn accounts() -> BTreeSet<String> {
    [PRODUCTION, DEVELOPMENT].map(str::to_owned).into()
}

fn new(regex: &str, role: &str) -> Result<RoleMap, RoleMapError> {
    RoleMap::new("aws".into(), "ADFS".into(), "groups".into(), (regex, role), accounts())
}

fn map(regex: &str, role: &str) -> RoleMap {
    new(regex, role).unwrap()
}

/// As loose as an expression can be: whatever stands between the hyphens.
fn loose() -> RoleMap {
    map(
        "(?s)AWS-(?<account>.*?)-(?<path>.*)-(?<name>.*)",
        "arn:aws:iam::{account}:role/people/{path}/ADFS-{name}",
    )
}

fn role(map: &RoleMap, value: &str) -> Option<Result<String, Unmapped>> {
    map.role(value).map(|outcome| outcome.map(|role| role.as_str().to_owned()))
}

#[test]
fn the_name_of_a_group_becomes_an_arn() {
    let by_account =
        map("AWS-(?<account>[0-9]{12})-(?<name>[A-Za-z0-9-]+)", "arn:aws:iam::{account}:role/{name}");
    let expected = format!("arn:aws:iam::{PRODUCTION}:role/Read-Only");
    assert_eq!(role(&by_account, &format!("AWS-{PRODUCTION}-Read-Only")), Some(Ok(expected)));
    assert_eq!(by_account.accounts(), [PRODUCTION, DEVELOPMENT].into());
    assert_eq!((by_account.partition(), by_account.only_role()), ("aws", None));

    let with_path = role(&loose(), &format!("AWS-{DEVELOPMENT}-a/b-Admin"));
    assert_eq!(with_path, Some(Ok(format!("arn:aws:iam::{DEVELOPMENT}:role/people/a/b/ADFS-Admin"))));

    let fixed = map("(?i)cn=aws-admins,ou=.*", "arn:aws-us-gov:iam::111122223333:role/Admin");
    let expected = "arn:aws-us-gov:iam::111122223333:role/Admin";
    assert_eq!(role(&fixed, "CN=AWS-Admins,OU=Groups,DC=example"), Some(Ok(expected.to_owned())));
    assert_eq!(fixed.accounts(), [PRODUCTION].into());
    assert_eq!(fixed.partition(), "aws-us-gov");
    assert_eq!(fixed.only_role().unwrap().as_str(), expected);
    let named = map("(?<name>[a-z]+)", "arn:aws-cn:iam::111122223333:role/team/{name}");
    assert_eq!((named.accounts(), named.partition()), ([PRODUCTION].into(), "aws-cn"));
}

/// What matches a part of a name is no match: groups are made up by people.
#[test]
fn attack_a_group_whose_name_has_half_of_what_is_asked_for() {
    let map = map("AWS-(?<name>Admin|Reader)", "arn:aws:iam::111122223333:role/{name}");
    role(&map, "AWS-Admin").unwrap().unwrap();
    for name in [
        "AWS-Admins",
        "xAWS-Admin",
        "AWS-Admin\n",
        "\nAWS-Admin",
        "x\nAWS-Admin\nx",
        "AWS-Admin\0",
        "aws-admin",
        "AWS-",
        "Reader",
        "",
    ] {
        assert_eq!(role(&map, name), None, "{name:?}");
    }
    // Alternatives are anchored at both ends, each of them.
    for pattern in ["a)|(b", "(?x) Prod # comment"] {
        assert!(matches!(new(pattern, "arn:aws:iam::111122223333:role/R"), Err(RoleMapError::Regex(_))));
    }
}

#[test]
fn attack_a_group_whose_name_would_become_more_than_a_part_of_an_arn() {
    use Unmapped::{NotAPart, OtherAccount};
    let long = "n".repeat(60);
    for (account, path, name, why) in [
        ("999999999999", "a", "R", OtherAccount),
        ("11112222333", "a", "R", NotAPart),
        ("1111222233330", "a", "R", NotAPart),
        ("aws", "a", "R", NotAPart),
        ("", "a", "R", NotAPart),
        ("*", "a", "R", NotAPart),
        ("١١١١٢٢٢٢٣٣٣٣", "a", "R", NotAPart),
        ("１１１１２２２２３３３３", "a", "R", NotAPart),
        ("111122223333\n", "a", "R", NotAPart),
        ("111122223333:role/Admin", "a", "R", NotAPart),
        (PRODUCTION, "", "R", NotAPart),
        (PRODUCTION, "/", "R", NotAPart),
        (PRODUCTION, "/a", "R", NotAPart),
        (PRODUCTION, "a/", "R", NotAPart),
        (PRODUCTION, "a//b", "R", NotAPart),
        (PRODUCTION, "a:b", "R", NotAPart),
        (PRODUCTION, "a*", "R", NotAPart),
        (PRODUCTION, "a b", "R", NotAPart),
        (PRODUCTION, "a\0b", "R", NotAPart),
        (PRODUCTION, "ä", "R", NotAPart),
        (PRODUCTION, "a", "", NotAPart),
        (PRODUCTION, "a", "*", NotAPart),
        (PRODUCTION, "a", "R*", NotAPart),
        (PRODUCTION, "a", "R?", NotAPart),
        (PRODUCTION, "a", "x/R", NotAPart),
        (PRODUCTION, "a", "../R", NotAPart),
        (PRODUCTION, "a", "R:x", NotAPart),
        (PRODUCTION, "a", "R\0", NotAPart),
        (PRODUCTION, "a", "R\n", NotAPart),
        (PRODUCTION, "a", "R ", NotAPart),
        (PRODUCTION, "a", "R１", NotAPart),
        (PRODUCTION, "a", "R,arn:aws:iam::111122223333:saml", NotAPart),
        (PRODUCTION, "a", "R,x", NotAPart),
        (PRODUCTION, "a", "${aws:username}", NotAPart),
        (PRODUCTION, "a", "{name}", NotAPart),
        (PRODUCTION, "a", long.as_str(), NotAPart),
    ] {
        let value = format!("AWS-{account}-{path}-{name}");
        assert_eq!(role(&loose(), &value), Some(Err(why)), "{value:?}");
    }
}

/// What stands around a placeholder stays a part of the same segment.
#[test]
fn attack_a_path_that_ends_the_segment_it_stands_in() {
    let map = map("AWS-(?<path>.*)-(?<name>.*)", "arn:aws:iam::111122223333:role/team-{path}-x/{name}");
    assert_eq!(role(&map, "AWS-a/b-R").unwrap().unwrap(), "arn:aws:iam::111122223333:role/team-a/b-x/R");
    for path in ["/a", "a/", "/", "a//b"] {
        assert_eq!(role(&map, &format!("AWS-{path}-R")), Some(Err(Unmapped::NotAPart)), "{path}");
    }
}

#[test]
fn lengths_are_of_the_whole_path_and_name() {
    let made = |path: usize, name: usize| {
        let value = format!("AWS-{PRODUCTION}-{}-{}", "p".repeat(path), "n".repeat(name));
        role(&loose(), &value).unwrap().is_ok()
    };
    // IAM's path has 512 characters, with the slashes around `people/` and this; a name 64.
    assert!(made(503, 59));
    assert!(!made(504, 59));
    assert!(!made(503, 60));
}

#[test]
fn a_group_of_the_expression_that_takes_no_part_is_no_part() {
    let map = map("AWS(?:-(?<name>[a-z]+))?", "arn:aws:iam::111122223333:role/R{name}");
    assert_eq!(role(&map, "AWS-x").unwrap().unwrap(), "arn:aws:iam::111122223333:role/Rx");
    assert_eq!(role(&map, "AWS"), Some(Err(Unmapped::NotAPart)));
}

#[test]
fn an_expression_and_an_arn_fit_together() {
    let placeholder = |role: &str| {
        let all = "(?<account>.)(?<path>.)(?<name>.)";
        assert_eq!(new(all, role).unwrap_err(), RoleMapError::Placeholder, "{role}");
    };
    for role in [
        "arn:aws:iam::{account}:role/{group}",
        "arn:aws:iam::{account}:role/{}",
        "arn:aws:iam::{account}:role/{name",
        "arn:aws:iam::{account}:role/{Name}",
        "arn:{name}:iam::{account}:role/x",
        "{account}",
        "arn:aws:iam::1111{account}:role/{name}",
        "arn:aws:iam::{account}2222:role/{name}",
        "arn:aws:iam:{account}:111122223333:role/{name}",
        "arn:aws:iam::111122223333:role/{account}",
        "arn:aws:iam::{name}:role/x",
        "arn:aws:iam::111122223333:{path}/{name}",
        "arn:aws:iam::111122223333:role/{path}",
        "arn:aws:iam::111122223333:role/{name}/x",
        "arn:aws:iam::111122223333:role/{name}/{path}",
        "arn:aws:iam::111122223333:role/{name}-{name}",
        "arn:aws:iam::111122223333:role/{path}/{path}/x",
    ] {
        placeholder(role);
    }
    for role in [
        "arn:aws:iam::111122223333:user/R",
        "arn:aws:sts::111122223333:role/R",
        "arn:aws:iam::11112222333:role/R",
        "arn:aws:iam::*:role/R",
        "arn:aws:iam::111122223333:role/a b/R",
        "arn:aws:iam::111122223333:role/R,x",
        "arn:aws:iam::111122223333:role/R}",
        "Admin",
    ] {
        assert!(matches!(new("x", role), Err(RoleMapError::Arn(_))), "{role}");
    }
    let error = |regex: &str, role: &str| new(regex, role).unwrap_err();
    let arn = "arn:aws:iam::{account}:role/{name}";
    assert_eq!(error("AWS-(?<name>.+)", arn), RoleMapError::NoCapture("account"));
    assert_eq!(error("AWS-(.+)-(?<account>.+)", arn), RoleMapError::NoCapture("name"));
    let unused = error("(?<acount>.+)-(?<account>.+)-(?<name>.+)", arn);
    assert_eq!(unused, RoleMapError::NotUsed("acount".into()));
    assert_eq!(error("", arn), RoleMapError::Regex(RuleError::EmptyPattern));
    assert!(matches!(error("(", arn), RoleMapError::Regex(RuleError::Regex(_))));
    // Groups without a name group.
    map("(AWS|aws)-(?P<account>.+)-(?<name>.+)", arn);
}

/// The allowed shape, written down a second time.
fn is_allowed(arn: &str) -> bool {
    let Some((account, rest)) = arn.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(':'))
    else {
        return false;
    };
    let Some((path, name)) = rest.strip_prefix("role/people/").and_then(|rest| rest.rsplit_once("/ADFS-"))
    else {
        return false;
    };
    let is_word = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| matches!(c, 'a'..='z' | 'A'..='Z' | '0'..='9') || "_+=.@-".contains(c))
    };
    [PRODUCTION, DEVELOPMENT].contains(&account)
        && path.split('/').all(is_word)
        && "/people//".len() + path.len() <= 512
        && is_word(name)
        && "ADFS-".len() + name.len() <= 64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn no_text_of_a_group_is_an_arn_outside_the_allowed_shape(
        account in prop_oneof![
            Just(PRODUCTION.to_owned()), Just(DEVELOPMENT.to_owned()), "[0-9]{11,13}", "\\PC{0,14}", "(?s).{0,14}",
        ],
        path in prop_oneof!["[a-z/]{0,20}", "[a-z]{500,520}", "[-a-z/:*?,{}$. \\x00-\\x1f]{0,20}", "(?s).{0,20}"],
        name in prop_oneof!["[A-Za-z0-9_+=.@-]{1,62}", "[-a-z/:*?,{}$. \\x00-\\x1f]{0,20}", "(?s).{0,70}"],
    ) {
        let value = format!("AWS-{account}-{path}-{name}");
        if let Some(Ok(arn)) = role(&loose(), &value) {
            prop_assert!(is_allowed(&arn), "{:?} became {}", value, arn);
        }
    }

    #[test]
    fn any_text_is_answered(value in "(?s).{0,200}") {
        if let Some(Ok(arn)) = role(&loose(), &value) {
            prop_assert!(is_allowed(&arn));
        }
    }

    #[test]
    fn parts_that_are_well_formed_arrive_as_they_are(
        account in prop_oneof![Just(PRODUCTION), Just(DEVELOPMENT)],
        path in "[A-Za-z0-9_+=.@]{1,20}(/[A-Za-z0-9_+=.@]{1,20}){0,3}",
        name in "[A-Za-z0-9_+=.@]{1,59}",
    ) {
        let expected = format!("arn:aws:iam::{account}:role/people/{path}/ADFS-{name}");
        prop_assert!(is_allowed(&expected));
        prop_assert_eq!(role(&loose(), &format!("AWS-{account}-{path}-{name}")), Some(Ok(expected)));
    }

}

proptest! {
    #[test]
    fn any_map_is_one_or_is_refused(regex in "\\PC{0,40}", template in "(arn:aws:iam::)?[{}a-z:/0-9]{0,60}") {
        if let Ok(map) = new(&regex, &template) {
            // Whatever it gives is a role of its partition and of an account that it says.
            if let Some(Ok(role)) = map.role("x") {
                prop_assert!(map.accounts().contains(role.account()));
                prop_assert_eq!(map.partition(), role.partition());
            }
        }
    }
}
