//! `vestibule init`, as a process: what it writes is usable, and nothing is lost.

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use support::metadata_server::{Answer, MetadataServer};
use support::process::vestibule;
use tempfile::TempDir;

fn workplace() -> TempDir {
    let dir = TempDir::with_prefix("vestibule-init-").unwrap();
    let metadata = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metadata.xml");
    fs::copy(metadata, dir.path().join("adfs.xml")).unwrap();
    dir
}

const OURS: [&str; 6] = [
    "init",
    "--metadata",
    "adfs.xml",
    "--public-url",
    "https://login.corp.example",
    "--account=210987654321",
];

/// It passes `check` as it lies there.
fn checked(dir: &Path, site: &str) {
    let (output, said) = vestibule(dir, &["check", "--config", &format!("{site}/vestibule.toml")]);
    assert!(output.status.success() && !said.contains("warning"), "{said}");
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_it_writes_passes_check_and_pins_our_acs() {
    let dir = workplace();
    let (output, said) = vestibule(dir.path(), &OURS);
    assert!(output.status.success(), "{said}");
    let site = dir.path().join("site");
    assert_eq!(
        names(&site),
        ["README.md", "adfs.ps1", "idp-metadata.xml", "trust-policy.json", "vestibule.toml"]
    );
    assert_eq!(names(dir.path()), ["adfs.xml", "site"], "nothing is left over");

    fs::remove_file(dir.path().join("adfs.xml")).unwrap();
    checked(dir.path(), "site");

    let statement = &json(&site.join("trust-policy.json"))["Statement"][0];
    assert_eq!(statement["Principal"]["Federated"], "arn:aws:iam::210987654321:saml-provider/ADFS");
    assert_eq!(statement["Condition"]["StringEquals"]["SAML:aud"], "https://login.corp.example/saml");
    let script = fs::read_to_string(site.join("adfs.ps1")).unwrap();
    for part in [
        "$trust      = 'new'",
        "'https://login.corp.example/saml'",
        "$identifier = 'urn:amazon:webservices'",
        "\"arn:aws:iam::210987654321:saml-provider/ADFS,arn:aws:iam::210987654321:role/ADFS-\"",
        "-EnableRelayStateForIdpInitiatedSignOn $true",
    ] {
        assert!(script.contains(part), "{part} is not in {script}");
    }
    for mark in ["@TRUST@", "@ACS@", "@IDENTIFIER@", "@CONSOLE@", "@PROVIDER@", "@ROLES@"] {
        assert!(!script.contains(mark), "{mark} was not put in");
    }
    let config = fs::read_to_string(site.join("vestibule.toml")).unwrap();
    for part in [
        "https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx",
        "kind = \"aws\"",
        "path = \"site/var/vestibule.db\"",
        "metadata = \"site/idp-metadata.xml\"",
    ] {
        assert!(config.contains(part), "{part} is not in {config}");
    }
    let readme = fs::read_to_string(site.join("README.md")).unwrap();
    assert!(readme.contains("was not tried on the real STS"), "{readme}");
}

/// What is in one statement must hold at once, and no call has both an address and an endpoint.
#[test]
fn where_sts_is_called_from_is_in_configuration_and_trust_policy() {
    let dir = workplace();
    let acs = "https://login.corp.example/saml";
    let init = |more: &[&str]| {
        let (output, said) = vestibule(dir.path(), &[&OURS[..], more, &["--force"]].concat());
        assert!(output.status.success(), "{said}");
        checked(dir.path(), "site");
        let file = |name: &str| fs::read_to_string(dir.path().join("site").join(name)).unwrap();
        let conditions: Vec<_> = json(&dir.path().join("site/trust-policy.json"))["Statement"]
            .as_array()
            .unwrap()
            .iter()
            .map(|statement| {
                assert_eq!(
                    statement["Principal"]["Federated"],
                    "arn:aws:iam::210987654321:saml-provider/ADFS"
                );
                statement["Condition"].clone()
            })
            .collect();
        (conditions, file("vestibule.toml"), file("README.md"), said)
    };
    let (conditions, config, guide, said) = init(&[]);
    assert_eq!(conditions, [serde_json::json!({ "StringEquals": { "SAML:aud": acs } })]);
    assert!(config.contains("\n#source_ips = "), "{config}");
    assert!(guide.contains("**Rules are advisory as it stands.**"), "{guide}");
    assert!(said.contains("Rules are advisory until"), "{said}");

    let by_address = serde_json::json!({ "StringEquals": { "SAML:aud": acs },
        "IpAddress": { "aws:SourceIp": ["203.0.113.7/32", "2001:db8::/56"] } });
    let addresses = ["--source-ip", "203.0.113.7", "--source-ip=2001:db8::/56"];
    let (conditions, config, guide, said) = init(&addresses);
    assert_eq!(conditions, std::slice::from_ref(&by_address));
    assert!(config.contains("\nsource_ips = [\"203.0.113.7/32\",\"2001:db8::/56\"]\n"), "{config}");
    assert!(!guide.contains("advisory") && !said.contains("advisory"), "{guide}{said}");
    assert!(guide.contains("where this service calls STS from, 203.0.113.7/32, 2001:db8::/56."), "{guide}");

    let endpoint = "vpce-0123456789abcdef0";
    let by_endpoint =
        serde_json::json!({ "StringEquals": { "SAML:aud": acs, "aws:SourceVpce": [endpoint] } });
    let (conditions, config, ..) = init(&["--source-vpce", endpoint]);
    assert_eq!(conditions, std::slice::from_ref(&by_endpoint));
    assert!(config.contains(&format!("\nsource_vpces = [\"{endpoint}\"]\n")), "{config}");
    let (conditions, ..) = init(&[&addresses[..], &["--source-vpce", endpoint]].concat());
    assert_eq!(conditions, [by_address.clone(), by_endpoint]);

    // The console's sign-in is not from our address, and goes on.
    let (conditions, ..) = init(&[&addresses[..], &["--adfs-trust", "existing"]].concat());
    let console = "https://signin.aws.amazon.com/saml";
    assert_eq!(conditions, [by_address, serde_json::json!({ "StringEquals": { "SAML:aud": console } })]);
}

#[test]
fn roles_trust_the_service_alone_where_its_role_is_named() {
    let dir = workplace();
    let hub = "arn:aws:iam::999999999999:role/services/Vestibule";
    let (output, said) = vestibule(dir.path(), &[&OURS[..], &["--hub-role", hub]].concat());
    assert!(output.status.success() && !said.contains("advisory"), "{said}");
    let (output, said) = vestibule(dir.path(), &["check", "--config", "site/vestibule.toml"]);
    assert!(output.status.success() && said.contains("rules: enforced"), "{said}");
    let file = |name: &str| dir.path().join("site").join(name);
    let config = fs::read_to_string(file("vestibule.toml")).unwrap();
    assert!(config.contains("[sts]\nkind = \"assume-role\"\n"), "{config}");
    assert!(config.contains(&format!("\nhub_role = \"{hub}\"\n")), "{config}");
    assert!(config.contains("\nexternal_id = \"https://login.corp.example/saml\"\n"), "{config}");

    let actions = serde_json::json!(["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]);
    let statement = |name: &str| json(&file(name))["Statement"].clone();
    let trust = serde_json::json!([{
        "Effect": "Allow", "Principal": { "AWS": hub }, "Action": actions,
        "Condition": { "StringEquals": { "sts:ExternalId": "https://login.corp.example/saml" } },
    }]);
    assert_eq!(statement("trust-policy.json"), trust);
    // The same as in deploy/, which is held against the code and the wire.
    let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/iam/server.assume-role.json");
    let deployed = fs::read_to_string(deployed).unwrap().replace("123456789012", "210987654321");
    assert_eq!(json(&file("hub-policy.json")), serde_json::from_str::<serde_json::Value>(&deployed).unwrap());

    let guide = fs::read_to_string(file("README.md")).unwrap();
    assert!(guide.contains("put-role-policy --role-name Vestibule "), "{guide}");
    assert!(guide.contains(&format!("roles trust {hub} and nobody's assertion")), "{guide}");
    assert!(!guide.contains("create-saml-provider") && !guide.contains("SAML:aud"), "{guide}");
}

#[test]
fn what_contradicts_a_hub_role_is_said_all_at_once() {
    let dir = workplace();
    let wrong = ["--hub-role", "Vestibule", "--source-ip", "203.0.113.7", "--adfs-trust", "existing"];
    let (output, said) = vestibule(dir.path(), &[&OURS[..], &wrong].concat());
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert_eq!(said.matches("--hub-role: ").count(), 3, "{said}");
    let other = ["--hub-role", "arn:aws-cn:iam::999999999999:role/Vestibule"];
    let (output, said) = vestibule(dir.path(), &[&OURS[..], &other].concat());
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("--hub-role: --region is in the partition aws"), "{said}");
    assert!(!dir.path().join("site").exists());
}

#[test]
fn sources_that_pin_nothing_are_refused_all_at_once() {
    let dir = workplace();
    let wrong = ["--source-ip=0.0.0.0/0", "--source-ip=10.0.0.1", "--source-vpce=vpc-1", "--source-ip=nat"];
    let (output, said) = vestibule(dir.path(), &[&OURS[..], &wrong].concat());
    assert_eq!(output.status.code(), Some(78), "{said}");
    for fault in [
        "--source-ip: expected the service's own addresses: a network of /8 or narrower",
        "--source-ip: expected a public address",
        "--source-ip: expected a network such as",
        "--source-vpce: expected the id of a VPC endpoint such as \"vpce-0123456789abcdef0\"; found \"vpc-1\"",
    ] {
        assert!(said.contains(fault), "{fault}\n{said}");
    }
    assert_eq!(names(dir.path()), ["adfs.xml"], "nothing is written");
}

/// One source for the script, one for what explains it.
#[test]
fn the_scripts_claim_rules_are_those_of_the_guide() {
    let dir = workplace();
    assert!(vestibule(dir.path(), &["init", "--metadata", "adfs.xml"]).0.status.success());
    let script = fs::read_to_string(dir.path().join("site/adfs.ps1")).unwrap();
    let guide = include_str!("../docs/ADFS.md");
    let (_, rules) = guide.split_once("```claims\n").unwrap();
    let (rules, _) = rules.split_once("```").unwrap();
    assert!(rules.contains("RoleSessionName") && script.contains(rules.trim()), "{script}");
}

#[test]
fn without_options_it_says_which_values_are_examples() {
    let dir = workplace();
    let (output, said) = vestibule(dir.path(), &["init", "--metadata", "adfs.xml"]);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("examples still: --public-url, --account"), "{said}");
    checked(dir.path(), "site");
}

/// So that a rollover of the identity provider's keys needs nobody.
#[test]
fn metadata_at_an_address_stays_an_address() {
    let metadata = include_str!("../fixtures/metadata.xml");
    let server = MetadataServer::start(metadata.to_owned());
    let url = server.url.clone();
    let dir = TempDir::with_prefix("vestibule-init-").unwrap();
    let (output, said) = vestibule(dir.path(), &[&["init", "--metadata", url.as_str()], &OURS[3..]].concat());
    assert!(output.status.success(), "{said}");
    let config = fs::read_to_string(dir.path().join("site/vestibule.toml")).unwrap();
    assert!(config.contains(&format!("metadata = \"{url}\"")), "{config}");
    assert!(config.contains("metadata_cache = \"site/var/metadata\""), "{config}");
    // IAM takes the document itself.
    assert_eq!(fs::read(dir.path().join("site/idp-metadata.xml")).unwrap(), metadata.as_bytes());

    server.answer(Answer::Status(503));
    let (output, said) = vestibule(
        dir.path(),
        &[&["init", "--metadata", url.as_str()], &OURS[3..], &["--directory", "other"]].concat(),
    );
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("--metadata: http://") && said.contains("it answers 503"), "{said}");
    assert_eq!(names(dir.path()), ["site"]);
}

#[test]
fn a_companys_own_authority_vouches_for_the_address() {
    let server = MetadataServer::start_tls(include_str!("../fixtures/metadata.xml").to_owned(), "localhost");
    let dir = TempDir::with_prefix("vestibule-init-").unwrap();
    fs::write(dir.path().join("company.pem"), &server.authority).unwrap();
    let ours = [&["init", "--metadata", server.url.as_str()], &OURS[3..]].concat();
    let (output, said) = vestibule(dir.path(), &ours);
    assert_eq!(output.status.code(), Some(78), "{said}");
    let (output, said) = vestibule(dir.path(), &[&ours[..], &["--metadata-ca", "company.pem"]].concat());
    assert!(output.status.success(), "{said}");
    let config = fs::read_to_string(dir.path().join("site/vestibule.toml")).unwrap();
    assert!(config.contains("metadata_ca = \"site/metadata-ca.pem\""), "{config}");
    fs::remove_file(dir.path().join("company.pem")).unwrap();
    checked(dir.path(), "site");
}

/// Every Keycloak realm.
#[test]
fn for_a_provider_that_wants_signed_requests_a_key_is_made_and_kept() {
    let dir = workplace();
    let metadata = fs::read_to_string(dir.path().join("adfs.xml")).unwrap();
    let wants =
        metadata.replacen("<IDPSSODescriptor", "<IDPSSODescriptor WantAuthnRequestsSigned=\"true\"", 1);
    assert_ne!(wants, metadata);
    fs::write(dir.path().join("adfs.xml"), wants).unwrap();
    let (output, said) = vestibule(dir.path(), &OURS);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("saml-signing.pem"), "it is named: {said}");
    let key = dir.path().join("site/saml-signing.pem");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    checked(dir.path(), "site");

    let first = fs::read(&key).unwrap();
    let (output, said) = vestibule(dir.path(), &OURS);
    assert!(!output.status.success() && said.contains("--force"), "{said}");
    let (output, said) = vestibule(dir.path(), &[&OURS[..], &["--force"]].concat());
    assert!(output.status.success(), "{said}");
    assert_eq!(fs::read(&key).unwrap(), first, "a private key was replaced: {said}");
    checked(dir.path(), "site");
    let (output, said) = vestibule(dir.path(), &[&OURS[..], &["--directory", "second"]].concat());
    assert!(output.status.success(), "{said}");
    assert_ne!(fs::read(dir.path().join("second/saml-signing.pem")).unwrap(), first);
}

#[test]
fn a_trust_for_the_console_can_stay() {
    let dir = workplace();
    for (trust, identifier, start) in [
        (
            "second",
            "https://signin.aws.amazon.com/saml",
            "relying_party_id = \"https://signin.aws.amazon.com/saml\"",
        ),
        ("existing", "urn:amazon:webservices", "idp_initiated = false"),
    ] {
        let (output, said) =
            vestibule(dir.path(), &[&OURS[..], &["--adfs-trust", trust, "--directory", trust]].concat());
        assert!(output.status.success(), "{said}");
        let config = fs::read_to_string(dir.path().join(trust).join("vestibule.toml")).unwrap();
        assert!(config.contains(&format!("audience = \"{identifier}\"")), "{config}");
        assert!(config.contains(start), "{config}");
        checked(dir.path(), trust);
        let script = fs::read_to_string(dir.path().join(trust).join("adfs.ps1")).unwrap();
        assert!(script.contains(&format!("$trust      = '{trust}'")), "{script}");
        assert!(script.contains(&format!("$identifier = '{identifier}'")), "{script}");
        assert!(script.contains("$console    = 'urn:amazon:webservices'"), "{script}");
        let policy = json(&dir.path().join(trust).join("trust-policy.json"));
        let recipients = &policy["Statement"][0]["Condition"]["StringEquals"]["SAML:aud"];
        assert_eq!(
            *recipients,
            serde_json::json!(["https://signin.aws.amazon.com/saml", "https://login.corp.example/saml"])
        );
    }
}

#[test]
fn each_partition_has_its_own_names() {
    let dir = workplace();
    for (region, partition, identifier) in [
        ("eu-central-1", "aws", "urn:amazon:webservices"),
        ("us-gov-west-1", "aws-us-gov", "urn:amazon:webservices:govcloud"),
        ("cn-northwest-1", "aws-cn", "urn:amazon:webservices:cn-north-1"),
        ("eusc-de-east-1", "aws-eusc", "urn:amazon:webservices"),
    ] {
        let (output, said) = vestibule(
            dir.path(),
            &[&OURS[..], &["--region", region, "--directory", region, "--source-ip", "203.0.113.7"]].concat(),
        );
        assert!(output.status.success() && !said.contains("warning"), "{said}");
        let read = |name: &str| fs::read_to_string(dir.path().join(region).join(name)).unwrap();
        for name in ["vestibule.toml", "trust-policy.json", "adfs.ps1", "README.md"] {
            let text = read(name);
            let arns = text.split("arn:").skip(1).map(|rest| rest.split(':').next().unwrap());
            for found in arns {
                assert_eq!(found, partition, "{name}");
            }
        }
        assert!(read("vestibule.toml").contains(&format!("audience = \"{identifier}\"")));
        assert!(read("adfs.ps1").contains(&format!("$identifier = '{identifier}'")));
        assert!(read("trust-policy.json").contains("\"aws:SourceIp\""));
        checked(dir.path(), region);
    }
    let (output, said) = vestibule(dir.path(), &[&OURS[..], &["--region", "eu-centrl-1"]].concat());
    assert!(
        output.status.success() && said.contains("warning: eu-centrl-1 is none of the regions"),
        "{said}"
    );
}

/// And what the template in `deploy/` overrides, and what its policies insist on.
#[test]
fn the_templates_names_are_those_of_the_configuration() {
    let dir = workplace();
    let arguments = ["--store", "dynamodb", "--directory", "config", "--provider-name", "Company"];
    let (output, said) = vestibule(dir.path(), &[&OURS[..], &arguments].concat());
    assert!(output.status.success(), "{said}");
    checked(dir.path(), "config");
    let config: toml::Table =
        toml::from_str(&fs::read_to_string(dir.path().join("config/vestibule.toml")).unwrap()).unwrap();
    let template = include_str!("../deploy/sam/template.yaml");
    for (section, key) in [
        ("store", "sessions_table"),
        ("store", "users_table"),
        ("store", "audit_table"),
        ("store", "claims_table"),
        ("keys", "keys_table"),
    ] {
        let table = config[section][key].as_str().unwrap();
        assert!(template.contains(&format!("TableName: !Sub \"${{Prefix}}{table}\"")), "{table}");
        assert!(template.contains(&format!("VESTIBULE_{}_{}", section.to_uppercase(), key.to_uppercase())));
    }
    let alias = config["keys"]["key_id"].as_str().unwrap().strip_prefix("alias/").unwrap();
    assert!(template.contains(&format!("AliasName: !Sub \"alias/${{Prefix}}{alias}\"")));
    let context = config["keys"]["encryption_context"]["samlprovider"].as_str().unwrap();
    assert!(template.contains(&format!("\"kms:EncryptionContext:samlprovider\": {context} }}")));
    // Where functions find it: `deploy/sam/package` copies the directory to `config/`.
    assert_eq!(config["saml"]["idp"][0]["metadata"].as_str(), Some("config/idp-metadata.xml"));
    assert!(
        !template.contains("VESTIBULE_SAML_IDP_0_METADATA"),
        "the configuration says where its metadata is"
    );
}

/// It works, and is the sign of an old document.
#[test]
fn a_certificate_that_has_ended_is_said() {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2015, 1, 1);
    params.not_after = rcgen::date_time_ymd(2018, 3, 13);
    let certificate = STANDARD.encode(params.self_signed(&key).unwrap().der());
    let dir = workplace();
    let metadata = fs::read_to_string(dir.path().join("adfs.xml")).unwrap();
    let (before, rest) = metadata.split_once("X509Certificate>").unwrap();
    let (_, after) = rest.split_once("</").unwrap();
    fs::write(dir.path().join("adfs.xml"), format!("{before}X509Certificate>{certificate}</{after}"))
        .unwrap();
    let (output, said) = vestibule(dir.path(), &OURS);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("warning: the signing certificate") && said.contains("ended on 2018-03-13"),
        "{said}"
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let dir = workplace();
    let (output, said) = vestibule(
        dir.path(),
        &[
            "init",
            "--metadata",
            "missing.xml",
            "--metadata-ca",
            "missing.pem",
            "--public-url",
            "ftp://x",
            "--account",
            "12",
            "--region",
            "moon",
            "--provider-name",
            "AD/FS",
        ],
    );
    assert_eq!(output.status.code(), Some(78), "{said}");
    for option in
        ["--metadata:", "--metadata-ca:", "--public-url:", "--account:", "--region:", "--provider-name:"]
    {
        let lines = said.lines().filter(|line| line.starts_with(option)).count();
        assert_eq!(lines, 1, "{option} in\n{said}");
    }
    assert!(said.contains("begins with https://"), "{said}");
    assert_eq!(names(dir.path()), ["adfs.xml"]);
}

#[test]
fn a_document_that_is_no_metadata_is_named_for_what_it_is() {
    for (document, why) in [
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "an HTML page, not metadata"),
        (
            "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"x\"/>",
            "no identity provider in it",
        ),
        ("{}", "not a well-formed XML document"),
    ] {
        let dir = workplace();
        fs::write(dir.path().join("adfs.xml"), document).unwrap();
        let (output, said) = vestibule(dir.path(), &OURS);
        assert_eq!(output.status.code(), Some(78), "{said}");
        assert!(said.contains(why), "{said}");
        assert_eq!(names(dir.path()), ["adfs.xml"]);
    }
    let dir = workplace();
    let metadata = fs::read_to_string(dir.path().join("adfs.xml")).unwrap();
    let past = metadata.replacen(" entityID=", " validUntil=\"2020-01-01T00:00:00Z\" entityID=", 1);
    assert_ne!(past, metadata);
    fs::write(dir.path().join("adfs.xml"), past).unwrap();
    let (output, said) = vestibule(dir.path(), &OURS);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("was valid until 2020-01-01") && said.contains("publishes now"), "{said}");
}

#[test]
fn what_is_there_is_only_replaced_by_force() {
    let dir = workplace();
    let site = dir.path().join("site");
    fs::create_dir(&site).unwrap();
    fs::write(site.join("adfs.ps1"), "mine").unwrap();
    fs::write(site.join("other"), "mine").unwrap();
    let (output, said) = vestibule(dir.path(), &OURS);
    assert_eq!(output.status.code(), Some(78));
    assert!(said.contains("adfs.ps1") && said.contains("--force"), "{said}");
    assert_eq!(names(&site), ["adfs.ps1", "other"], "a part of the set was written");
    assert_eq!(fs::read_to_string(site.join("adfs.ps1")).unwrap(), "mine");

    let (output, said) = vestibule(dir.path(), &[&OURS[..], &["--force"]].concat());
    assert!(output.status.success(), "{said}");
    assert_eq!(names(&site).len(), 6);
    assert_ne!(fs::read_to_string(site.join("adfs.ps1")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(site.join("other")).unwrap(), "mine");
}

#[test]
fn a_place_that_cannot_be_made_leaves_nothing_behind() {
    let dir = workplace();
    let (output, said) = vestibule(dir.path(), &[&OURS[..], &["--directory", "adfs.xml/below"]].concat());
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert_eq!(names(dir.path()), ["adfs.xml"]);
}

#[test]
fn options_that_make_no_usable_set_write_nothing() {
    for (arguments, names_it) in [
        (&["--public-url", "https://x.example/'; Remove-Item -Recurse C:\\"][..], "--public-url"),
        (&["--account", "12345678901x"], "--account"),
        (&["--region", "nowhere at all"], "--region"),
        (&["--entity-id", "urn:somebody:else"], "no identity provider"),
        (&["--metadata-ca", "adfs.xml"], "--metadata-ca"),
        (&["--store", "dynamodb", "--state", "/var/lib/vestibule"], "--state"),
        (&["--region", "eusc-de-east-1", "--adfs-trust", "second"], "--adfs-trust"),
    ] {
        let dir = workplace();
        let (output, said) =
            vestibule(dir.path(), &[&["init", "--metadata", "adfs.xml"], arguments].concat());
        assert_eq!(output.status.code(), Some(78), "{arguments:?}: {said}");
        assert!(said.contains(names_it), "{arguments:?}: {said}");
        assert_eq!(names(dir.path()), ["adfs.xml"], "{arguments:?}");
    }
}
