//! What is wrong is said, all of it, with its place.

use super::*;

#[test]
fn ten_faults_are_ten_faults_with_their_places() {
    let text = r#"
[server]
listen = "localhost:8080"
public_url = "http://vestibule.example.com"
max_connections = 0
lissten = "x"
[[saml.idp]]
name = "AD FS"
provider_arn = "arn:aws:iam::123456789012:role/ADFS"
metadata = "no/such/file.xml"
select.groups = "//Attribute"
[delivery]
ticket_lifetime = "1 minute"
[sts]
kind = "azure"
endpoint = "https://sts.example.com"
[store]
kind = "embedded"
[keys]
kind = "local"
[[rule]]
when.role_name = { regex = "(" }
"#;
    let expected = [
        "3:10: server.listen: expected an IP address and a port",
        "4:14: server.public_url: expected https",
        "5:19: server.max_connections: expected a whole number from 1 to 65536",
        "6:1: server.lissten: unknown key; known here: admin_listen, allowed_origins, choose, contact, listen, ",
        "8:8: saml.idp[0].name: expected 1 to 64 of A-Z a-z 0-9 . _ -; found \"AD FS\"",
        "9:16: saml.idp[0].provider_arn: not the ARN of a role",
        "10:12: saml.idp[0].metadata: the metadata file cannot be read",
        "11:17: saml.idp[0].select.groups: ",
        "13:19: delivery.ticket_lifetime: expected a duration",
        "15:8: sts.kind: expected \"local\", \"aws\" or \"assume-role\"; found \"azure\"",
        "21:1: rule[0].name: is missing; it can also come from VESTIBULE_RULE_0_NAME",
        "22:28: rule[0].when.role_name.regex: not a regular expression: unclosed group",
    ];
    let faults = Files::new().faults(text, &[]);
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        let expected = format!("config/vestibule.toml:{expected}");
        assert!(fault.starts_with(&expected), "{fault}\nis not\n{expected}");
    }
}

#[test]
fn an_empty_file_is_told_everything_that_it_needs() {
    let faults = Files::new().faults("", &[]);
    let keys: Vec<&str> = faults.iter().map(|f| f.split(": ").nth(1).unwrap()).collect();
    assert_eq!(keys, ["keys.kind", "saml.idp", "server.public_url", "store.kind", "sts.kind"]);
}

#[test]
fn syntax_errors_stand_beside_the_other_faults() {
    let text = LEAST.replace("[sts]\n", "[sts]\nregion = us-east-1\nregion = \"x\"\n[server]\n");
    let text = text.replace("name = \"ADFS\"", "name = \"AD FS\"");
    let faults = Files::new().faults(&text, &[]);
    assert!(faults.iter().any(|f| f.starts_with("config/vestibule.toml:9:10: not TOML: ")), "{faults:#?}");
    assert!(faults.iter().any(|f| f.contains("duplicate key")), "{faults:#?}");
    assert!(faults.iter().any(|f| f.contains("saml.idp[0].name: expected 1 to 64")), "{faults:#?}");
    // What was swallowed with them is not called missing.
    assert!(!faults.iter().any(|f| f.contains("is missing")), "{faults:#?}");

    // Before the broken header an unknown key is one; behind it, who knows.
    let faults = Files::new().faults("extra = 1\n[sts\nkind = \"local\"\n", &[]);
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(faults[0].starts_with("config/vestibule.toml:1:1: extra: unknown key"), "{faults:#?}");
    assert!(faults[1].starts_with("config/vestibule.toml:2:5: not TOML: unclosed table"), "{faults:#?}");
}

#[test]
fn each_wrong_value_has_its_sentence() {
    let files = Files::new();
    let second = format!(
        "[[saml.idp]]\nname = \"ADFS\"\nmetadata = \"METADATA\"\nprovider_arn = \"{}\"\n",
        "arn:aws:iam::123456789012:saml-provider/B"
    );
    let rule = |line: &str| format!("[[rule]]\nname = \"r\"\n{line}\n");
    for (more, key, sentence) in [
        ("server.listen = 8080".to_owned(), "server.listen", "expected a string, found an integer"),
        (
            "server.listen = \"0.0.0.0:9090\"".to_owned(),
            "server.admin_listen",
            "is the address of server.listen too",
        ),
        (
            "server.allowed_origins = [\"https://a.example.com\", \"*\"]".to_owned(),
            "server.allowed_origins[1]",
            "expected an absolute URL",
        ),
        (
            "server.allowed_origins = \"https://a.example.com\"".to_owned(),
            "server.allowed_origins",
            "expected a list of strings, found a string",
        ),
        ("server.redirect_url = \"/app\"".to_owned(), "server.redirect_url", "expected an absolute URL"),
        (
            "server.trusted_proxies = [\"10.0.0.1/8\"]".to_owned(),
            "server.trusted_proxies[0]",
            "the address has bits beyond the prefix",
        ),
        ("server.contact = \"a\\nb\"".to_owned(), "server.contact", "expected one line"),
        (
            "server.request_timeout = \"2m\"".to_owned(),
            "server.request_timeout",
            "expected \"1s\" to \"60s\"",
        ),
        ("log.level = \"loud\"".to_owned(), "log.level", "expected \"error\""),
        ("log.format = true".to_owned(), "log.format", "expected a string, found a boolean"),
        ("saml.clock_skew = \"6m\"".to_owned(), "saml.clock_skew", "expected \"0s\" to \"5m\""),
        (
            "saml.max_response_chars = 100001".to_owned(),
            "saml.max_response_chars",
            "expected a whole number from 4 to 100000",
        ),
        (
            "saml.max_response_chars = 99999999999999999999".to_owned(),
            "saml.max_response_chars",
            "expected a whole number",
        ),
        ("delivery.jwt_in = \"header\"".to_owned(), "delivery.jwt_in", "expected \"fragment\" or \"query\""),
        ("delivery.session_lifetime = \"20s\"".to_owned(), "delivery.session_lifetime", "is shorter than"),
        (
            "delivery.ticket_lifetime = \"4s\"".to_owned(),
            "delivery.ticket_lifetime",
            "expected \"5s\" to \"5m\"",
        ),
        (
            "sts.region = \"ssm:/vestibule/region\"".to_owned(),
            "sts.region",
            "stands in the Parameter Store (/vestibule/region), which was not asked",
        ),
        (
            "sts.region = \"ssm:region\"".to_owned(),
            "sts.region",
            "a reference without a leading \"/\" is relative to ssm.prefix, which is not set",
        ),
        ("store.path = \"var/keys\"".to_owned(), "keys.path", "is the file of store.path too"),
        ("store.path = \" \"".to_owned(), "store.path", "expected a text that is not empty"),
        ("keys.signing = \"kms-hmac\"".to_owned(), "keys.signing", "needs keys.kind = \"kms\""),
        ("delivery = 1".to_owned(), "delivery", "expected a table, found an integer"),
        ("rule = []".to_owned(), "rule", "an empty list"),
        ("rule = { name = \"x\" }".to_owned(), "rule", "expected a list of tables ([[rule]]), found a table"),
        (
            "extra = 1".to_owned(),
            "extra",
            "unknown key; known here: accounts, console, delivery, keys, log, page, role_map, rule, saml, server, shell, ssm, store, sts",
        ),
        (second, "saml.idp[1].name", "is the name of an earlier identity provider too"),
        (rule("when.name_id = {}"), "rule[0].when.name_id", "says nothing"),
        (rule("when.authn_age = {}"), "rule[0].when.authn_age", "says nothing: give at_most"),
        (rule("when.authn_age.at_most = \"15\""), "rule[0].when.authn_age.at_most", "expected a duration"),
        (rule("when.authn_age.at_most = \"0s\""), "rule[0].when.authn_age.at_most", "expected \"1s\" to"),
        (
            rule("when.authn_age = { equals = \"15m\" }"),
            "rule[0].when.authn_age.equals",
            "unknown key; known here: at_most",
        ),
        (rule("when.name_id = { at_most = \"15m\" }"), "rule[0].when.name_id.at_most", "unknown key"),
        (rule("when.use = { equals = \"Page\" }"), "rule[0].when.use", "there is no such use"),
        (rule("when.page = { equals = \"x\" }"), "rule[0].when.page", "no [[page]] meets this"),
        (rule("when.name_id = \"-C\""), "rule[0].when.name_id", "expected a table, found a string"),
        (
            rule("when.name_id.like = \"-C\""),
            "rule[0].when.name_id.like",
            "unknown key; known here: any_of, contains, equals",
        ),
        (rule("when.name_id.contains = \"\""), "rule[0].when.name_id.contains", "a pattern may not be empty"),
        (rule("when.name_id.any_of = []"), "rule[0].when.name_id.any_of", "a pattern may not be empty"),
        (
            rule("when.nameid.suffix = \"-C\""),
            "rule[0].when.nameid",
            "unknown key; known here: account, attribute, authn_age",
        ),
        (
            rule("when.idp.equals = \"Okta\""),
            "rule[0].when.idp",
            "no configured identity provider meets this",
        ),
        (
            rule("when.attribute.groups.equals = \"x\""),
            "rule[0].when.attribute.groups",
            "no identity provider selects this value",
        ),
        (rule("duration = \"14m\""), "rule[0].duration", "expected a duration from \"15m\" to \"12h\""),
        (
            rule("role = \"arn:aws:iam::123456789012:saml-provider/X\""),
            "rule[0].role",
            "not the ARN of a role",
        ),
        (rule("policy_arns = [\"ReadOnly\"]"), "rule[0].policy_arns", "at most 10 policy ARNs"),
        (rule("session_policy = \"{\""), "rule[0].session_policy", "a session policy is a JSON object"),
        (
            rule("session_policy = \"no/such.json\""),
            "rule[0].session_policy",
            "the policy file cannot be read",
        ),
        (rule("refuse = \"No.\"\nduration = \"1h\""), "rule[0].duration", "a rule either refuses or grants"),
        (
            rule("refuse = \"No.\"\nask_reason = \"Why?\""),
            "rule[0].ask_reason",
            "a rule either refuses or grants",
        ),
        (rule("ask_reason = \" \""), "rule[0].ask_reason", "expected one line of 1 to 200 characters"),
        (rule("ask_reason = \"a\\nb\""), "rule[0].ask_reason", "expected one line of 1 to 200 characters"),
        (
            rule(&format!("ask_reason = \"{}\"", "?".repeat(201))),
            "rule[0].ask_reason",
            "expected one line of 1 to 200 characters",
        ),
        (
            rule("ask_reason = \"Why?\"\n[delivery]\nbinding = \"plain\""),
            "rule[0].ask_reason",
            "cannot be with delivery.binding",
        ),
        (rule("[[rule]]\nname = \"r\""), "rule[1].name", "is the name of an earlier rule too"),
    ] {
        // The key as it stands in the file: `a.b = …` becomes `b = …` under `[a]`.
        let text = match more.split_once('.').filter(|_| !more.starts_with('[')) {
            Some((table, line)) if LEAST.contains(&format!("[{table}]\n")) => {
                LEAST.replace(&format!("[{table}]\n"), &format!("[{table}]\n{line}\n"))
            }
            _ if more.starts_with('[') => format!("{LEAST}{more}"),
            _ => format!("{more}\n{LEAST}"),
        };
        let faults = files.faults(&text, &[]);
        let expected = format!("{key}: {sentence}");
        assert!(faults.iter().any(|fault| fault.contains(&expected)), "{more}\n{expected}\n{faults:#?}");
    }
}

#[test]
fn metadata_that_cannot_be_used_is_named_with_its_reason() {
    let files = Files::new();
    let keyless = files.write("keyless.xml", &metadata(IDP).replace("KeyDescriptor", "Nothing"));
    let not_metadata = files.write("other.xml", "<other/>");
    let page = files.write("page.xml", "<!DOCTYPE html><html><body>Sign in</body></html>");
    let directory = files.path(".");
    for (file, reason) in [
        (keyless.as_str(), "no usable signing key"),
        (&not_metadata, "not SAML metadata"),
        (&page, "an HTML page, not metadata"),
        (&directory, "it is not a regular file"),
        ("no/such/file.xml", "No such file"),
        ("https://adfs.example.com/FederationMetadata.xml", "which was not asked"),
        ("ssm:/vestibule/metadata", "which was not asked"),
    ] {
        let faults = files.faults(&LEAST.replace("METADATA", file), &[]);
        assert_eq!(faults.len(), 1, "{faults:#?}");
        assert!(faults[0].starts_with("config/vestibule.toml:7:12: saml.idp[0].metadata: "), "{faults:#?}");
        assert!(faults[0].contains(reason), "{faults:#?}");
    }
}

#[test]
fn two_identity_providers_may_not_share_an_entity_id() {
    let files = Files::new();
    let second = "[[saml.idp]]\nname = \"B\"\nmetadata = \"METADATA\"\n\
                  provider_arn = \"arn:aws:iam::123456789012:saml-provider/B\"\n";
    let faults = files.faults(&format!("{LEAST}{second}"), &[]);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert!(
        faults[0].contains("saml.idp[1].metadata: the identity provider in it has the entity id"),
        "{faults:#?}"
    );
}

#[test]
fn long_values_are_not_repeated() {
    let canary = format!("-----BEGIN PRIVATE KEY-----{}", "A".repeat(100));
    let faults = Files::new().faults(&format!("log.level = \"{canary}\"\n{LEAST}"), &[]);
    assert_eq!(faults.len(), 1);
    assert!(faults[0].ends_with("found a text of 127 characters"), "{faults:#?}");
}

#[test]
fn a_file_that_is_none_is_one_fault() {
    let files = Files::new();
    let load = |path: &str| Config::load(Path::new(path), std::iter::empty()).err().unwrap().to_string();
    assert!(load("no/such.toml").starts_with("no/such.toml:1:1: cannot be read: No such file"));
    assert!(load(&files.path(".")).ends_with("it is not a regular file"));
    std::fs::write(files.path("latin1.toml"), b"# \xe4").unwrap();
    assert!(load(&files.path("latin1.toml")).ends_with("is not UTF-8 text"));
    let long = files.write("long.toml", &"#".repeat(1 + (1 << 18)));
    assert!(load(&long).ends_with("it is longer than 262144 bytes"));
}

proptest::proptest! {
    #[test]
    fn any_file_is_answered(text in "([a-z.]{0,8} ?= ?(\"[a-z]{0,5}\"|[0-9]|\\[|\\]|\\{|\\})\n?|\\[{1,2}(server|saml|saml.idp|rule|when|sts)\\]{1,2}\n|\\PC{0,5}){0,12}") {
        let read = Draft::of(File::new(Path::new("x.toml"), &text), std::iter::empty()).finish();
        let Err(Faults(faults)) = read else { panic!("it has no metadata") };
        proptest::prop_assert!(!faults.is_empty());
        proptest::prop_assert!(faults.is_sorted_by(|a, b| a.place <= b.place));
    }
}
