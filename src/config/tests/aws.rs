//! `[sts]`, `[store]` and `[keys]` on AWS.

use super::*;

/// The least that loads, on AWS.
fn least(sts: &str, store: &str, keys: &str) -> String {
    let backends = format!(
        "[sts]\nkind = \"aws\"\n{sts}\n[store]\nkind = \"dynamodb\"\n{store}\n[keys]\nkind = \"kms\"\n{keys}\n"
    );
    LEAST.split("[sts]").next().unwrap().to_owned() + &backends
}

const HOME: &str = "region = \"eu-central-1\"";
const KEY: &str = "key_id = \"alias/sessionMaster\"";

#[test]
fn one_region_is_everythings_unless_said_otherwise() {
    let files = Files::new();
    let regions = |config: &Config| {
        let (Store::DynamoDb(store), Keys::Kms(keys)) = (&config.store, &config.keys) else { panic!() };
        [config.sts.region().to_owned(), store.region.clone(), keys.region.clone()]
    };
    assert_eq!(regions(&files.loads(&least(HOME, "", KEY))), ["eu-central-1"; 3]);
    let from_environment = files.read(&least("", "", KEY), &[("AWS_REGION", "eu-west-1")]).unwrap();
    assert_eq!(regions(&from_environment), ["eu-west-1"; 3]);
    let apart = least(HOME, "region = \"eu-west-1\"", &format!("{KEY}\nregion = \"eu-west-2\""));
    assert_eq!(regions(&files.loads(&apart)), ["eu-central-1", "eu-west-1", "eu-west-2"]);
}

#[test]
fn further_regions_are_asked_in_their_order_and_once() {
    let sts =
        format!("{HOME}\nregions = [\"eu-west-1\", \"eu-central-1\", \"us-east-1\"]\ntimeout = \"10s\"");
    let config = Files::new().loads(&least(&sts, "", KEY));
    let Sts::Aws { regions, endpoint, timeout, .. } = &config.sts else { panic!() };
    assert_eq!(regions, &["eu-central-1", "eu-west-1", "us-east-1"]);
    assert_eq!((endpoint, timeout.as_secs()), (&None, 10));
}

/// `least`, but for what asks STS.
fn by_role(sts: &str, more: &str) -> String {
    let idp =
        "select.department = \"AttributeStatement/Attribute[@Name='department']/AttributeValue\"\n[sts]";
    let text = least(&format!("{HOME}\n{sts}"), "", KEY).replacen("[sts]", idp, 1);
    text.replacen("kind = \"aws\"", "kind = \"assume-role\"", 1) + more
}

#[test]
fn roles_are_assumed_by_the_service_as_configured() {
    let files = Files::new();
    let operation = |sts: &str| {
        let sts = files.loads(&by_role(sts, "")).sts;
        let Sts::Aws { operation: StsOperation::AssumeRole(settings), .. } = sts else { panic!("{sts:?}") };
        settings
    };
    let plain = operation("");
    assert_eq!((plain.external_id, plain.source_identity), (None, PersonValue::RoleSessionName));
    assert!(plain.session_tags.is_empty());
    // Whatever a person posts to STS: no role trusts it.
    assert_eq!(files.loads(&by_role("", "")).sts.rules_hold(), RulesHold::Enforced);
    let full = operation(
        "hub_role = \"arn:aws:iam::999999999999:role/Vestibule\"\nexternal_id = \"vestibule-3f9c1d\"\nsource_identity = \"department\"\n\
         session_tags = { Abteilung = \"department\", who = \"name_id\", \"a b\" = \"role_session_name\" }",
    );
    let department = PersonValue::Selected("department".to_owned());
    assert_eq!(full.hub_role.unwrap().name(), "Vestibule");
    assert_eq!(full.external_id.as_deref(), Some("vestibule-3f9c1d"));
    assert_eq!(full.source_identity, department);
    let tags: Vec<_> = full.session_tags.iter().map(|(key, value)| (key.as_str(), value)).collect();
    assert_eq!(
        tags,
        [("Abteilung", &department), ("a b", &PersonValue::RoleSessionName), ("who", &PersonValue::NameId)]
    );
    // STS does not read the assertion: where values stand in it is ours to say.
    let elsewhere =
        by_role("", "").replacen("[sts]", "select.role_session_name = \"Subject/NameID\"\n[sts]", 1);
    files.loads(&elsewhere);
}

#[test]
fn what_sts_would_not_take_of_a_service_that_assumes_roles_is_said() {
    let files = Files::new();
    let tags = |keys: &mut dyn Iterator<Item = String>| {
        let tags: Vec<_> = keys.map(|key| format!("\"{key}\" = \"name_id\"")).collect();
        format!("session_tags = {{ {} }}", tags.join(", "))
    };
    let (fits, long) = ("a".repeat(128), "a".repeat(129));
    files.loads(&by_role(&tags(&mut [fits].into_iter()), ""));
    files.loads(&by_role(&tags(&mut (0..50).map(|number| format!("tag{number}"))), ""));
    for (sts, fault) in [
        ("hub_role = \"Vestibule\"".to_owned(), "sts.hub_role: "),
        ("external_id = \"a\"".to_owned(), "sts.external_id: expected 2 to 1,224"),
        ("external_id = \"a*b\"".to_owned(), "sts.external_id: expected 2 to 1,224"),
        ("source_identity = \"manager\"".to_owned(), "sts.source_identity: expected \"role_session_name\""),
        ("session_tags = { who = \"manager\" }".to_owned(), "sts.session_tags.who: expected"),
        (tags(&mut [long].into_iter()), "a tag's key is 1 to 128"),
        (tags(&mut ["AWS:x".to_owned()].into_iter()), "does not begin with aws:"),
        (tags(&mut ["a*".to_owned()].into_iter()), "a tag's key is"),
        (tags(&mut ["Who".to_owned(), "who".to_owned()].into_iter()), "in case only"),
        (tags(&mut (0..51).map(|number| format!("tag{number}"))), "sts.session_tags: AWS takes at most 50"),
    ] {
        let faults = files.faults(&by_role(&sts, ""), &[]);
        assert!(faults.len() == 1 && faults[0].contains(fault), "{sts}: {faults:?}");
    }
    let rule = |duration: &str| format!("[[rule]]\nname = \"all\"\nduration = \"{duration}\"\n");
    files.loads(&by_role("", &rule("1h")));
    let faults = files.faults(&by_role("", &rule("61m")), &[]);
    assert!(faults.len() == 1 && faults[0].contains("one role assumes another"), "{faults:?}");
    // Of no use where the assertion asks.
    let faults = files.faults(&least(&format!("{HOME}\nexternal_id = \"ab\""), "", KEY), &[]);
    assert!(faults.len() == 1 && faults[0].contains("sts.external_id"), "{faults:?}");
}

#[test]
fn where_sts_sees_us_call_from_decides_whether_rules_hold() {
    let files = Files::new();
    let pin = |sts: &str| {
        let config = files.loads(&least(&format!("{HOME}\n{sts}"), "", KEY));
        let hold = config.sts.rules_hold();
        let Sts::Aws { pin, .. } = config.sts else { panic!() };
        let ips: Vec<_> = pin.source_ips.iter().map(ToString::to_string).collect();
        (ips.join(" "), pin.source_vpces.join(" "), hold)
    };
    assert_eq!(pin(""), (String::new(), String::new(), RulesHold::Advisory));
    assert_eq!(
        pin("source_ips = [\"203.0.113.7\", \"2001:db8::/56\"]"),
        ("203.0.113.7/32 2001:db8::/56".to_owned(), String::new(), RulesHold::Pinned)
    );
    assert_eq!(
        pin("source_vpces = [\"vpce-0123456789abcdef0\"]"),
        (String::new(), "vpce-0123456789abcdef0".to_owned(), RulesHold::Pinned)
    );
    // What an emulator on this machine sees.
    let (loopback, ..) = pin("endpoint = \"http://127.0.0.1:4566\"\nsource_ips = [\"127.0.0.1/32\"]");
    assert_eq!(loopback, "127.0.0.1/32");
    assert_eq!(files.loads(LEAST).sts.rules_hold(), RulesHold::Enforced);
}

/// A warning only for who wants to keep people from something.
#[test]
fn limits_are_advisory_where_a_rule_limits_and_no_address_is_known() {
    let files = Files::new();
    let warned = |sts: &str, rule: &str| {
        let rule = format!("[[rule]]\nname = \"x\"\n{rule}\n[sts]");
        let text = least(&format!("{HOME}\n{sts}"), "", KEY).replace("[sts]", &rule);
        files.loads(&text).limits_are_advisory()
    };
    let policy = r#"session_policy = '{"Statement":[]}'"#;
    let arns = "policy_arns = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]";
    for limit in [policy, arns, "refuse = \"no\"", "ask_reason = \"Why?\""] {
        assert!(warned("", limit), "{limit}");
        assert!(!warned("source_ips = [\"203.0.113.7\"]", limit), "{limit}");
    }
    assert!(!warned("", "duration = \"15m\""));
}

/// All of them are said, each with its place.
#[test]
fn a_source_that_pins_nothing_is_a_fault() {
    let sts = format!(
        "{HOME}\nsource_ips = [\"0.0.0.0/0\", \"10.0.0.1\", \"203.0.113.7\", \"::/0\", \"nat\"]\n\
         source_vpces = [\"vpc-0123456789abcdef0\"]"
    );
    let faults = Files::new().faults(&least(&sts, "", KEY), &[]);
    for fault in [
        "sts.source_ips[0]: expected the service's own addresses",
        "sts.source_ips[1]: expected a public address",
        "sts.source_ips[3]: expected the service's own addresses",
        "sts.source_ips[4]: expected a network",
        "sts.source_vpces[0]: expected the id of a VPC endpoint",
    ] {
        assert!(faults.iter().any(|f| f.contains(fault)), "{fault}\n{faults:#?}");
    }
    assert_eq!(faults.len(), 5, "{faults:#?}");
    let local = LEAST.replace("[store]", "source_ips = [\"203.0.113.7\"]\n[store]");
    let faults = Files::new().faults(&local, &[]);
    assert!(faults.iter().any(|f| f.contains("sts.source_ips: unknown key")), "{faults:#?}");
}

#[test]
fn keys_of_kms_arrive_with_their_context_and_their_way_to_sign() {
    let files = Files::new();
    let kms = |keys: &str| {
        let Keys::Kms(kms) = files.loads(&least(HOME, "", keys)).keys else { panic!() };
        kms
    };
    let plain = kms(KEY);
    assert_eq!((plain.signing, plain.refresh.as_secs()), (Signing::DataKey, 300));
    let full = format!(
        "{KEY}\nencryption_context = {{ samlprovider = \"ADFS\", stage = \"prod\" }}\n\
         signing = \"kms-asymmetric\"\nsigning_key_id = \"alias/tickets\"\nrefresh = \"30s\""
    );
    let full = kms(&full);
    let context: Vec<_> = full.encryption_context.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(context, [("samlprovider", "ADFS"), ("stage", "prod")]);
    assert_eq!(full.signing, Signing::KmsAsymmetric { key_id: "alias/tickets".into() });
    assert_eq!(full.refresh.as_secs(), 30);
}

#[test]
fn what_cannot_be_on_aws_is_said() {
    let files = Files::new();
    let provider = "arn:aws:iam::123456789012:saml-provider";
    for (text, fault) in [
        (
            least("", "", KEY),
            "sts.region: is missing; it can also come from VESTIBULE_STS_REGION or AWS_REGION",
        ),
        (least("region = \"Frankfurt\"", "", KEY), "sts.region: expected a region"),
        (least(HOME, "", ""), "keys.key_id: is missing"),
        (least(HOME, "", "key_id = \"my key\""), "keys.key_id: expected a KMS key"),
        (
            least(&format!("{HOME}\nregions = [\"us-gov-west-1\"]"), "", KEY),
            "sts.regions[0]: lies in another AWS partition than sts.region",
        ),
        (
            least("region = \"us-gov-west-1\"", "", KEY),
            "saml.idp[0].provider_arn: is of the partition aws, and sts.region of aws-us-gov",
        ),
        (least(&format!("{HOME}\ntimeout = \"60s\""), "", KEY), "sts.timeout: expected \"5s\" to \"20s\""),
        (least(&format!("{HOME}\npath = \"x\""), "", KEY), "sts.path: unknown key"),
        (
            least(HOME, "users_table = \"SAMLSessions\"", KEY),
            "store.users_table: is the table of store.sessions_table too",
        ),
        (least(HOME, "users_table = \"a b\"", KEY), "store.users_table: expected a table's name"),
        (
            least(HOME, "", &format!("{KEY}\nkeys_table = \"SAMLSessions\"")),
            "keys.keys_table: is a table of [store] too",
        ),
        (
            least(HOME, "endpoint = \"http://dynamodb.example.com\"", KEY),
            "store.endpoint: expected https: http is for loopback hosts only",
        ),
        (least(HOME, "", &format!("{KEY}\nsigning = \"kms-hmac\"")), "keys.signing_key_id: is missing"),
        (
            least(HOME, "", &format!("{KEY}\nsigning_key_id = \"alias/x\"")),
            "keys.signing_key_id: is of no use with keys.signing = \"data-key\"",
        ),
    ] {
        let faults = files.faults(&text, &[]);
        assert!(faults.iter().any(|f| f.contains(fault)), "{fault}\n{faults:#?}");
    }
    let china = least("region = \"cn-north-1\"", "", KEY)
        .replace(provider, "arn:aws-cn:iam::123456789012:saml-provider");
    files.loads(&china);
}

/// STS refuses by its own reading, after the assertion has been used.
#[test]
fn a_selector_that_sts_does_not_know_of_is_a_warning() {
    let files = Files::new();
    let warned = |text: &str, idp: &str| {
        let with = text.replace("[sts]", &format!("{idp}\n[sts]"));
        let warnings = files.loads(&with).warnings;
        warnings.iter().filter(|warning| warning.contains("is not where STS reads it")).count()
    };
    let aws = least(HOME, "", KEY);
    let selector = |name: &str, attribute: &str| {
        format!("select.{name} = \"AttributeStatement/Attribute[@Name='{attribute}']/AttributeValue\"")
    };
    assert_eq!(warned(&aws, ""), 0);
    assert_eq!(warned(&aws, &selector("role_session_name", "mail")), 1);
    assert_eq!(warned(&aws, &selector("roles", "roles")), 1);
    assert_eq!(warned(&aws, &selector("groups", "groups")), 0);
    let same = selector("roles", "https://aws.amazon.com/SAML/Attributes/Role");
    assert_eq!(warned(&aws, &same), 0);
    assert_eq!(warned(LEAST, &selector("roles", "roles")), 0, "the local token service reads what we do");
}
