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
