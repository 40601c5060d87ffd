//! `vestibule doctor`, as a process: embedded, and against AWS on loopback, well
//! and with one thing broken at a time.

mod support;

use base64::Engine;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use support::aws::{Emulators, PROVIDER, Service};
use support::fault_proxy::{Fault, FaultProxy, Rule};
use support::forge::{self, Forge};
use support::wire::Reply;
use tempfile::TempDir;

const ACS: &str = "https://vestibule.example.com/saml";
/// Where the service calls STS from.
const NAT: &str = "203.0.113.7/32";
const ROLE: &str = "arn:aws:iam::123456789012:role/ADFS-Production";

/// A report: exit code and findings.
struct Report {
    code: Option<i32>,
    json: Value,
}

impl Report {
    fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        let json = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}\n{said}"));
        Self { code: output.status.code(), json }
    }

    fn of_check(&self, check: &str) -> Vec<(&str, &str)> {
        let all = self.json["findings"].as_array().unwrap().iter();
        let found = all.filter(|finding| finding["check"] == check);
        found.map(|f| (f["severity"].as_str().unwrap(), f["what"].as_str().unwrap())).collect()
    }

    /// There is such a finding, with this severity, and it says what to do.
    fn has(&self, check: &str, severity: &str, words: &str) {
        let found = self.of_check(check);
        assert!(
            found.iter().any(|(s, what)| *s == severity && what.contains(words)),
            "no {severity} about {check} with {words:?}: {:#}",
            self.json
        );
        for finding in self.json["findings"].as_array().unwrap() {
            let remedy = finding["do"].as_str().unwrap();
            assert_eq!(remedy == "nothing", finding["severity"] == "ok", "{finding}");
        }
    }

    /// Nothing else is worse than unknown.
    fn only(&self, checks: &[&str]) {
        for finding in self.json["findings"].as_array().unwrap() {
            let bad = finding["severity"] == "warning" || finding["severity"] == "fault";
            assert!(!bad || checks.contains(&finding["check"].as_str().unwrap()), "{finding}");
        }
    }
}

// -------------------------------------------------------------- embedded

fn metadata_with(keys: &[String]) -> String {
    let keys: String = keys
        .iter()
        .map(|key| {
            format!(
                "<KeyDescriptor use=\"signing\"><KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data>\
                 <X509Certificate>{key}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
            )
        })
        .collect();
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
         entityID=\"http://adfs.example.com/adfs/services/trust\"><IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}</IDPSSODescriptor>\
         </EntityDescriptor>"
    )
}

/// A certificate that ends then.
fn certificate(year: i32, month: u8, day: u8) -> String {
    let pair = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
    params.not_after = rcgen::date_time_ymd(year, month, day);
    base64::engine::general_purpose::STANDARD.encode(params.self_signed(&pair).unwrap().der())
}

fn fixture() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metadata.xml")).unwrap()
}

const IDP: &str = r#"
[server]
public_url = "https://vestibule.example.com"
trusted_proxies = ["127.0.0.1"]
[[saml.idp]]
name = "ADFS"
provider_arn = "arn:aws:iam::123456789012:saml-provider/ADFS"
metadata = "idp.xml"
sign_on_url = "https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx"
"#;

const LOCAL: &str = r#"
[sts]
kind = "local"
path = "issuer"
[store]
kind = "embedded"
path = "vestibule.db"
[keys]
kind = "local"
path = "keys"
"#;

fn embedded() -> TempDir {
    let dir = TempDir::with_prefix("vestibule-doctor-").unwrap();
    fs::write(dir.path().join("idp.xml"), fixture()).unwrap();
    let here = IDP.replace("https://vestibule.example.com", "http://127.0.0.1:8080");
    fs::write(dir.path().join("vestibule.toml"), format!("{here}{LOCAL}")).unwrap();
    dir
}

fn doctor(dir: &Path, more: &[&str], env: &[(String, String)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vestibule"))
        .args(["doctor", "--config", "vestibule.toml"])
        .args(more)
        .current_dir(dir)
        .env_clear()
        .envs(env.iter().cloned())
        .output()
        .unwrap()
}

fn examined(dir: &Path) -> Report {
    Report::of(&doctor(dir, &["--json"], &[]))
}

#[test]
fn a_sound_embedded_service_is_ok_and_looking_makes_no_file() {
    let dir = embedded();
    let report = examined(dir.path());
    assert_eq!(report.code, Some(0), "{:#}", report.json);
    assert_eq!(report.json["severity"], "ok");
    report.has("metadata", "ok", "2126");
    report.has("key ring", "ok", "does not exist yet");
    report.has("disk", "ok", "MB free");
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["idp.xml", "vestibule.toml"]);

    let text = String::from_utf8(doctor(dir.path(), &[], &[]).stdout).unwrap();
    assert!(text.ends_with("0 unknown, 0 warning(s), 0 fault(s)\n"), "{text}");
}

#[test]
fn credentials_that_aws_does_not_know_are_told_where_people_get_them() {
    let dir = embedded();
    fs::write(dir.path().join("vestibule.toml"), format!("{IDP}{LOCAL}")).unwrap();
    let report = examined(dir.path());
    assert_eq!(report.code, Some(1), "{:#}", report.json);
    report.has("configuration", "warning", "AWS knows nothing of them");
    report.only(&["configuration"]);
}

#[test]
fn warnings_have_their_exit_code() {
    let dir = embedded();
    fs::write(dir.path().join("vestibule.toml"), format!("{IDP}[delivery]\nbinding = \"plain\"\n{LOCAL}"))
        .unwrap();
    let report = examined(dir.path());
    assert_eq!(report.code, Some(1), "{:#}", report.json);
    report.has("configuration", "warning", "plain");

    let dir = embedded();
    fs::write(dir.path().join("idp.xml"), metadata_with(&[certificate(2025, 1, 2)])).unwrap();
    let report = examined(dir.path());
    assert_eq!(report.code, Some(1));
    report.has("metadata", "warning", "ended on 2025-01-02");

    // Its successor is known: nothing is to be done.
    fs::write(dir.path().join("idp.xml"), metadata_with(&[certificate(2025, 1, 2), certificate(2120, 1, 2)]))
        .unwrap();
    assert_eq!(examined(dir.path()).code, Some(0));
}

#[test]
fn metadata_beyond_its_end_is_told() {
    let dir = embedded();
    let valid_until = |end: &str| {
        let root = "entityID=\"http://adfs.example.com/adfs/services/trust\"";
        let metadata = metadata_with(&[certificate(2120, 1, 2)]);
        let ending = metadata.replacen(root, &format!("{root} validUntil=\"{end}\""), 1);
        assert_ne!(metadata, ending);
        fs::write(dir.path().join("idp.xml"), ending).unwrap();
        examined(dir.path())
    };
    let report = valid_until("2119-01-02T00:00:00Z");
    assert_eq!(report.code, Some(0), "{:#}", report.json);
    report.has("metadata", "ok", "is valid until 2119-01-02");
    let report = valid_until("2025-01-02T00:00:00Z");
    // Expired metadata verifies nothing.
    assert_eq!(report.code, Some(2), "{:#}", report.json);
    report.has("metadata", "fault", "was valid until 2025-01-02");
    report.only(&["metadata"]);
}

#[test]
fn faults_have_their_exit_code_and_say_what_to_do() {
    let dir = embedded();
    fs::write(dir.path().join("idp.xml"), metadata_with(&[])).unwrap();
    let report = examined(dir.path());
    assert_eq!(report.code, Some(2));
    report.has("configuration", "fault", "no usable signing key");

    // Made by the service itself, then spoilt one by one.
    let dir = embedded();
    let made = Command::new(env!("CARGO_BIN_EXE_vestibule"))
        .args(["keys", "create", "--config", "vestibule.toml"])
        .current_dir(dir.path())
        .env_clear()
        .output()
        .unwrap();
    assert!(made.status.success());
    examined(dir.path()).has("key ring", "ok", "1 key(s)");
    let keys = dir.path().join("keys");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o640)).unwrap();
    let report = examined(dir.path());
    assert_eq!(report.code, Some(2));
    report.has("key ring", "fault", "0640");
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&keys, "{}").unwrap();
    examined(dir.path()).has("key ring", "fault", "damaged");

    fs::write(
        dir.path().join("vestibule.db"),
        "no database at all, but long enough to look like a file".repeat(9),
    )
    .unwrap();
    let report = examined(dir.path());
    report.has("database", "fault", "not a database");
    report.has("database", "warning", "mode 0644");
}

// -------------------------------------------------------------- AWS on loopback

fn trust_policy(provider: &str, condition: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Principal": { "Federated": provider }, "Action": "sts:AssumeRoleWithSAML", "Condition": condition }] })
}

/// To this recipient and our address.
fn pinned(recipient: &str) -> Value {
    json!({ "StringEquals": { "SAML:aud": recipient }, "IpAddress": { "aws:SourceIp": NAT } })
}

struct Cloud {
    aws: Emulators,
    dir: TempDir,
}

impl Cloud {
    /// Everything as it must be.
    fn new() -> Self {
        let aws = Emulators::start();
        aws.create_tables();
        aws.trust(&fixture());
        let role = json!({ "arn": ROLE, "trust_policy": trust_policy(PROVIDER, &pinned(ACS)) });
        aws.sts_set("roles", &role);
        let dir = TempDir::with_prefix("vestibule-doctor-").unwrap();
        fs::write(dir.path().join("idp.xml"), fixture()).unwrap();
        let key = aws.create_key("SYMMETRIC_DEFAULT");
        let config = format!(
            r#"{IDP}
[sts]
kind = "aws"
source_ips = ["{NAT}"]
[store]
kind = "dynamodb"
[keys]
kind = "kms"
key_id = "{key}"
encryption_context = {{ samlprovider = "ADFS" }}
[[rule]]
name = "production"
role = "{ROLE}"
"#
        );
        fs::write(dir.path().join("vestibule.toml"), config).unwrap();
        Self { aws, dir }
    }

    fn examined(&self) -> Report {
        self.through(&[], &[])
    }

    fn through(&self, others: &[(Service, &str)], more: &[&str]) -> Report {
        let arguments = [&["--json"], more].concat();
        Report::of(&doctor(self.dir.path(), &arguments, &self.aws.env_through(others)))
    }

    /// By credentials of a role in the account, so that it is known whose they are.
    fn as_somebody(&self, more: &[&str]) -> Report {
        let response = base64::engine::general_purpose::STANDARD.encode(Forge::issued_now("_operator").xml());
        // From here, where the service's own roles are not to be had.
        let operator = self.aws.create_role("ADFS-Dev", ACS, 3_600);
        let asked = [
            ("RoleArn", operator.as_str()),
            ("PrincipalArn", PROVIDER),
            ("SAMLAssertion", response.as_str()),
        ];
        let (status, xml) = self.aws.sts("AssumeRoleWithSAML", &asked);
        assert_eq!(status, 200, "{xml}");
        let text = |tag: &str| {
            let (_, rest) = xml.split_once(&format!("<{tag}>")).unwrap();
            rest.split_once('<').unwrap().0.to_owned()
        };
        let mut env = self.aws.env();
        for (name, tag) in [
            ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
            ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
            ("AWS_SESSION_TOKEN", "SessionToken"),
        ] {
            env.push((name.to_owned(), text(tag)));
        }
        Report::of(&doctor(self.dir.path(), &[&["--json"], more].concat(), &env))
    }

    fn remake(&self, table: &str, change: impl FnOnce(&mut Value)) {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/aws/tables.json"));
        let tables: Vec<Value> = serde_json::from_str(&text.unwrap()).unwrap();
        let mut input = tables.into_iter().find(|each| each["TableName"] == table).unwrap();
        input.as_object_mut().unwrap().remove("TimeToLive");
        input["BillingMode"] = json!("PAY_PER_REQUEST");
        change(&mut input);
        self.aws.call(Service::DynamoDb, "DeleteTable", &json!({ "TableName": table })).unwrap();
        self.aws.call(Service::DynamoDb, "CreateTable", &input).unwrap();
    }

    fn role(&self, policy: &Value, seconds: u32) {
        let role = json!({ "arn": ROLE, "trust_policy": policy, "max_session_duration": seconds });
        self.aws.sts_set("roles", &role);
    }
}

#[test]
fn a_sound_service_on_aws_has_no_warning() {
    let cloud = Cloud::new();
    let report = cloud.examined();
    assert_eq!(report.code, Some(0), "{:#}", report.json);
    report.has("sts", "ok", "answers");
    report.has("clock", "ok", "agree");
    report.has("kms", "ok", "samlprovider=ADFS");
    for table in ["SAMLSessions", "SAMLClaims", "SAMLUsers", "SAMLAudit", "SAMLKeys"] {
        report.has("tables", "ok", table);
        report.has("table ttl", "ok", table);
    }
    report.has("iam metadata", "ok", "the same 2 signing key(s)");
    report.has("trust", "ok", ROLE);
    report.has("page bucket", "unknown", "no bucket was named");
    // Said, and only --strict makes it count.
    let strict = cloud.through(&[], &["--strict"]);
    assert_eq!(strict.code, Some(1));
}

/// IAM shows what is in one's own account: what is in another is said to be unseen, and
/// neither is missing nor judged by what has the same name here.
#[test]
fn of_several_accounts_it_judges_the_one_that_it_can_see() {
    let cloud = Cloud::new();
    let path = cloud.dir.path().join("vestibule.toml");
    let config = fs::read_to_string(&path).unwrap();
    let several = config.replace(
        &format!("provider_arn = \"{PROVIDER}\""),
        &format!("provider_arn = [\"arn:aws:iam::111122223333:saml-provider/ADFS\", \"{PROVIDER}\"]"),
    );
    assert_ne!(several, config);
    fs::write(&path, several).unwrap();
    let elsewhere = "arn:aws:iam::111122223333:role/ADFS-Production";
    let report = cloud.as_somebody(&["--role", elsewhere]);
    assert_eq!(report.code, Some(0), "{:#}", report.json);
    report.has("account", "unknown", "111122223333:saml-provider/ADFS: we are of account 123456789012");
    report.has("iam metadata", "ok", "the same 2 signing key(s)");
    assert_eq!(report.of_check("iam metadata").len(), 1);
    report.has("trust", "ok", ROLE);
    report.has("trust", "unknown", &format!("{elsewhere}: we are of account 123456789012"));
    assert_eq!(report.of_check("trust").len(), 2);
}

/// A role of this account that no SAML provider of the configuration can give.
#[test]
fn a_role_of_an_account_without_a_provider_is_a_fault() {
    let cloud = Cloud::new();
    let path = cloud.dir.path().join("vestibule.toml");
    let config =
        fs::read_to_string(&path).unwrap().replace(PROVIDER, "arn:aws:iam::111122223333:saml-provider/ADFS");
    fs::write(&path, config.replace(&format!("role = \"{ROLE}\""), "")).unwrap();
    let report = cloud.through(&[], &["--role", ROLE]);
    report.has("trust", "fault", "no provider_arn is of its account");
}

/// The key ring's table is looked for where the key ring looks for it.
#[test]
fn the_tables_are_where_the_configuration_says() {
    let cloud = Cloud::new();
    let path = cloud.dir.path().join("vestibule.toml");
    let config = fs::read_to_string(&path).unwrap();
    let endpoint = format!("kind = \"dynamodb\"\nendpoint = \"{}\"", cloud.aws.endpoint(Service::DynamoDb));
    fs::write(&path, config.replace("kind = \"dynamodb\"", &endpoint)).unwrap();
    let mut env = cloud.aws.env();
    env.retain(|(name, _)| name != "AWS_ENDPOINT_URL_DYNAMODB");
    env.push(("AWS_ENDPOINT_URL".to_owned(), "http://127.0.0.1:9".to_owned()));
    let examined = || Report::of(&doctor(cloud.dir.path(), &["--json"], &env));
    let report = examined();
    report.has("tables", "ok", "SAMLKeys");
    report.has("tables", "ok", "SAMLSessions");
    // The store in another region: then the ring's table is at AWS's own address.
    let elsewhere = config.replace("kind = \"dynamodb\"", &format!("{endpoint}\nregion = \"eu-west-1\""));
    fs::write(&path, elsewhere).unwrap();
    let report = examined();
    report.has("tables", "fault", "SAMLKeys: no answer");
}

#[test]
fn tables_that_are_not_as_they_must_be_are_told_one_by_one() {
    let cloud = Cloud::new();
    let key = |name: &str| json!([{ "AttributeName": name, "KeyType": "HASH" }]);
    cloud.remake("SAMLSessions", |table| {
        table["KeySchema"] = key("session");
        table["AttributeDefinitions"] = json!([{ "AttributeName": "session", "AttributeType": "S" }]);
    });
    cloud.remake("SAMLClaims", |_| {});
    cloud.remake("SAMLAudit", |table| {
        table["GlobalSecondaryIndexes"].as_array_mut().unwrap().retain(|i| i["IndexName"] != "by-person");
        let gone = "person";
        table["AttributeDefinitions"].as_array_mut().unwrap().retain(|a| a["AttributeName"] != gone);
    });
    let specification = json!({ "Enabled": true, "AttributeName": "expires" });
    let ttl = json!({ "TableName": "SAMLAudit", "TimeToLiveSpecification": specification });
    cloud.aws.call(Service::DynamoDb, "UpdateTimeToLive", &ttl).unwrap();
    cloud.aws.call(Service::DynamoDb, "DeleteTable", &json!({ "TableName": "SAMLKeys" })).unwrap();

    let report = cloud.examined();
    assert_eq!(report.code, Some(2));
    report.has("tables", "fault", "SAMLSessions has the key session, not identityhash");
    report.has("table ttl", "warning", "SAMLClaims: none instead of expires");
    report.has("tables", "fault", "SAMLAudit has no active index by-person");
    report.has("table ttl", "fault", "SAMLAudit: items are removed");
    report.has("tables", "fault", "SAMLKeys does not exist");
    report.only(&["tables", "table ttl"]);
}

/// Tried with an imitated replica: two regions handed the same credentials out, 200 and 200.
#[test]
fn a_table_with_replicas_is_a_fault() {
    let cloud = Cloud::new();
    let proxy = FaultProxy::start(&cloud.aws.endpoint(Service::DynamoDb));
    for name in ["SAMLSessions", "SAMLClaims", "SAMLKeys"] {
        let described = json!({ "TableName": name });
        let mut answer = cloud.aws.call(Service::DynamoDb, "DescribeTable", &described).unwrap();
        answer["Table"]["Replicas"] = json!([{ "RegionName": "eu-west-1", "ReplicaStatus": "ACTIVE" }]);
        let body = Reply::new(200, "application/x-amz-json-1.0", answer.to_string());
        proxy.add(Rule::on("DescribeTable", Fault::Answer(body)).containing(name));
    }
    let report = cloud.through(&[(Service::DynamoDb, &proxy.url)], &[]);
    assert_eq!(report.code, Some(2), "{:#}", report.json);
    report.has("tables", "fault", "SAMLSessions is a global table (replicas: eu-west-1)");
    report.has("tables", "fault", "SAMLClaims is a global table");
    // A ring may be in several regions: nothing is used up in it.
    report.has("tables", "ok", "SAMLKeys");
    report.has("tables", "ok", "SAMLUsers");
    report.only(&["tables"]);
}

#[test]
fn what_may_not_be_looked_at_is_unknown_and_what_is_off_is_a_warning() {
    let cloud = Cloud::new();
    let proxy = FaultProxy::start(&cloud.aws.endpoint(Service::DynamoDb));
    let denied = || Fault::json(400, "AccessDeniedException", "not authorized to perform that");
    proxy.add(Rule::on("DescribeTable", denied()).containing("SAMLUsers"));
    proxy.add(Rule::on("DescribeTimeToLive", denied()).containing("SAMLSessions"));
    let off = json!({ "ContinuousBackupsDescription": { "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": "DISABLED" } } });
    let body = Reply::new(200, "application/x-amz-json-1.0", off.to_string());
    proxy.add(Rule::on("DescribeContinuousBackups", Fault::Answer(body)));
    let report = cloud.through(&[(Service::DynamoDb, &proxy.url)], &[]);
    assert_eq!(report.code, Some(1), "{:#}", report.json);
    report.has("tables", "unknown", "SAMLUsers: no permission");
    report.has("table ttl", "unknown", "SAMLSessions: no permission");
    report.has("table backups", "warning", "SAMLAudit has no point-in-time recovery");
    report.only(&["table backups"]);
}

#[test]
fn a_kms_key_that_may_not_be_used_is_a_fault() {
    let cloud = Cloud::new();
    let proxy = FaultProxy::start(&cloud.aws.endpoint(Service::Kms));
    let message = "not authorized to perform: kms:Decrypt because of its encryption context";
    proxy.add(Rule::on("Decrypt", Fault::json(400, "AccessDeniedException", message)));
    let report = cloud.through(&[(Service::Kms, &proxy.url)], &[]);
    assert_eq!(report.code, Some(2));
    report.has("kms", "fault", "kms:Decrypt: no permission");
    report.only(&["kms"]);
    let seen = proxy.seen();
    assert!(seen.iter().any(|s| s.operation == "GenerateDataKey" && s.body.contains("samlprovider")));
}

#[test]
fn trust_policies_that_do_not_let_our_people_in_are_faults() {
    let cloud = Cloud::new();
    cloud.role(&trust_policy(PROVIDER, &pinned("https://signin.aws.amazon.com/saml")), 3_600);
    let report = cloud.examined();
    assert_eq!(report.code, Some(2));
    report.has("trust", "fault", "pinned to https://signin.aws.amazon.com/saml, not to our");
    report.only(&["trust"]);

    cloud.role(&trust_policy("arn:aws:iam::123456789012:saml-provider/Other", &pinned(ACS)), 3_600);
    cloud.examined().has("trust", "fault", "does not trust");

    cloud.role(&trust_policy(PROVIDER, &json!({ "IpAddress": { "aws:SourceIp": NAT } })), 3_600);
    let report = cloud.examined();
    assert_eq!(report.code, Some(1));
    report.has("trust", "warning", "any recipient");

    cloud.role(&trust_policy(PROVIDER, &pinned(ACS)), 1_800);
    cloud.examined().has("trust", "fault", "at most 1800 s, and a rule asks for 3600 s");

    let more = "arn:aws:iam::123456789012:role/Nobody";
    cloud.through(&[], &["--role", more]).has("trust", "fault", "role/Nobody does not exist");
}

/// Whoever has a response can post it to STS: only the pin makes people come by our rules.
#[test]
fn roles_that_can_be_had_from_elsewhere_are_told() {
    let cloud = Cloud::new();
    let from = |address: Value| {
        let mut condition = pinned(ACS);
        condition["IpAddress"]["aws:SourceIp"] = address;
        cloud.role(&trust_policy(PROVIDER, &condition), 3_600);
        cloud.examined()
    };
    from(json!([NAT])).has("pin", "ok", &format!("{ROLE} is pinned to {NAT}"));
    let report = from(json!("0.0.0.0/0"));
    assert_eq!(report.code, Some(1), "{:#}", report.json);
    report.has("pin", "warning", &format!("{ROLE} can be had from anywhere"));
    report.only(&["pin"]);
    from(json!("203.0.113.0/24")).has("pin", "warning", "which is more than where we call from");
    let report = from(json!("192.0.2.1"));
    assert_eq!(report.code, Some(2), "{:#}", report.json);
    report.has(
        "pin",
        "fault",
        "is pinned to 192.0.2.1/32, and we call from 203.0.113.7/32: STS answers AccessDenied",
    );

    cloud.role(&trust_policy(PROVIDER, &json!({ "StringEquals": { "SAML:aud": ACS } })), 3_600);
    let report = cloud.examined();
    assert_eq!(report.code, Some(1), "{:#}", report.json);
    report.has("pin", "warning", &format!("{ROLE} can be had from anywhere"));
    let pin = report.json["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "pin");
    let remedy = pin.unwrap()["do"].as_str().unwrap();
    let condition = r#"{"IpAddress":{"aws:SourceIp":["203.0.113.7/32"]}}"#;
    assert!(remedy.contains(&format!("add {condition} to the Condition")), "{remedy}");
}

/// Not a line for each of three hundred roles.
#[test]
fn without_addresses_of_ours_all_open_roles_are_one_warning() {
    let cloud = Cloud::new();
    let path = cloud.dir.path().join("vestibule.toml");
    let config = fs::read_to_string(&path).unwrap();
    let here = config.replace(&format!("source_ips = [\"{NAT}\"]\n"), "");
    assert_ne!(here, config);
    fs::write(&path, here).unwrap();
    let report = cloud.examined();
    assert_eq!(report.code, Some(0), "{:#}", report.json);
    report.has("pin", "unknown", &format!("{ROLE} is pinned to {NAT}; where we call from is not configured"));

    for name in ["ADFS-Production", "ADFS-Dev"] {
        cloud.aws.create_role(name, ACS, 3_600);
    }
    let report = cloud.through(&[], &["--role", "arn:aws:iam::123456789012:role/ADFS-Dev"]);
    assert_eq!(report.code, Some(1), "{:#}", report.json);
    report.has("pin", "warning", "role/ADFS-Dev, arn:aws:iam::123456789012:role/ADFS-Production can be had");
    assert_eq!(report.of_check("pin").len(), 1);
    report.only(&["pin"]);
}

#[test]
fn a_copy_of_the_metadata_that_differs_is_told() {
    let cloud = Cloud::new();
    // A rollover that our file has seen and IAM's copy has not.
    let (before, after) = (certificate(2120, 1, 1), certificate(2121, 1, 1));
    cloud.aws.trust(&metadata_with(std::slice::from_ref(&before)));
    let report = cloud.examined();
    assert_eq!(report.code, Some(2));
    report.has("iam metadata", "fault", "none of our signing keys");
    report.only(&["iam metadata"]);

    fs::write(cloud.dir.path().join("idp.xml"), metadata_with(&[before, after])).unwrap();
    let report = cloud.examined();
    assert_eq!(report.code, Some(1));
    report.has("iam metadata", "warning", "1 signing key(s) only in our file, 0 only in IAM's");

    let other = fixture().replace("http://adfs.example.com/adfs/services/trust", "http://other.example.com/");
    cloud.aws.trust(&other);
    cloud.examined().has("iam metadata", "fault", "no keys of http://adfs.example.com/");
}

#[test]
fn an_sts_that_is_dead_or_lives_in_another_time_is_a_fault() {
    let cloud = Cloud::new();
    let mut proxy = FaultProxy::start(&cloud.aws.endpoint(Service::Sts));
    let mut wrong = Reply::new(
        403,
        "text/xml",
        "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>",
    );
    wrong.headers.push(("date".to_owned(), "Sat, 01 Jan 2022 00:00:00 GMT".to_owned()));
    proxy.add(Rule::on("GetCallerIdentity", Fault::Answer(wrong)));
    let report = cloud.through(&[(Service::Sts, &proxy.url)], &[]);
    assert_eq!(report.code, Some(2));
    report.has("clock", "fault", "ahead of STS's");
    report.only(&["clock"]);

    proxy.die();
    let report = cloud.through(&[(Service::Sts, &proxy.url)], &[]);
    assert_eq!(report.code, Some(2));
    report.has("sts", "fault", "does not answer");
    report.only(&["sts"]);
}

#[test]
fn permissions_that_are_missing_or_too_many_are_told() {
    let cloud = Cloud::new();
    let (sts, iam) = (
        FaultProxy::start(&cloud.aws.endpoint(Service::Sts)),
        FaultProxy::start(&cloud.aws.endpoint(Service::Iam)),
    );
    let xml = |body: &str| Fault::Answer(Reply::new(200, "text/xml", body.to_owned()));
    let arn = "arn:aws:sts::123456789012:assumed-role/ADFS-Production/i-0123";
    sts.add(Rule::on("GetCallerIdentity", xml(&format!("<R><Arn>{arn}</Arn></R>"))));
    let decisions = |list: &[(&str, &str)]| {
        let members: String = list
            .iter()
            .map(|(action, decision)| {
                format!("<member><EvalActionName>{action}</EvalActionName><EvalDecision>{decision}</EvalDecision></member>")
            })
            .collect();
        xml(&format!("<R><EvaluationResults>{members}</EvaluationResults></R>"))
    };
    let places = [(Service::Sts, sts.url.as_str()), (Service::Iam, iam.url.as_str())];
    cloud.through(&places, &[]).has("permissions", "unknown", "ADFS-Production");

    let simulate = "SimulatePrincipalPolicy";
    let missing = decisions(&[("dynamodb:DeleteItem", "implicitDeny"), ("dynamodb:PutItem", "allowed")]);
    iam.add(Rule::on(simulate, missing).containing("SAMLSessions"));
    let rewrites = decisions(&[("dynamodb:UpdateItem", "allowed"), ("dynamodb:DeleteItem", "explicitDeny")]);
    iam.add(
        Rule::on(simulate, rewrites)
            .containing("dynamodb%3AUpdateItem&ActionNames.member.2=dynamodb%3ADeleteItem"),
    );
    let wild = decisions(&[("iam:CreateAccessKey", "allowed"), ("s3:GetObject", "implicitDeny")]);
    iam.add(Rule::on(simulate, wild).containing("iam%3ACreateAccessKey"));
    iam.add(Rule::on(simulate, decisions(&[])));
    let report = cloud.through(&places, &[]);
    assert_eq!(report.code, Some(2), "{:#}", report.json);
    report.has("permissions", "fault", "may not dynamodb:DeleteItem on");
    report.has("permissions", "warning", "may dynamodb:UpdateItem on");
    report.has("permissions", "warning", "may iam:CreateAccessKey on everything");
    // All that `deploy/actions.toml` has of a server's tables, and each of them.
    let actions = include_str!("../deploy/actions.toml").parse::<toml::Table>().unwrap();
    for (action, resources) in actions["role"]["server"].as_table().unwrap() {
        for resource in resources.as_array().unwrap().iter().filter_map(|each| each.as_str()) {
            let mut letters = resource.chars();
            let first = letters.next().unwrap().to_uppercase();
            let table = format!("SAML{first}{}", letters.as_str());
            if ["key", "parameters"].contains(&resource) {
                continue;
            }
            let asked = |seen: &support::fault_proxy::Seen| {
                seen.body.contains(&action.replace(':', "%3A")) && seen.body.contains(&table)
            };
            assert!(iam.seen().iter().any(asked), "{action} on {table}");
        }
    }
    assert_eq!(report.of_check("permissions").len(), 3, "{:#}", report.json);
    report.only(&["permissions"]);
}

/// STS checks signatures of credentials that it has issued itself.
#[test]
fn its_signature_is_one_that_sts_accepts() {
    let cloud = Cloud::new();
    cloud.aws.trust(&metadata_with(std::slice::from_ref(&forge::rsa().certificate)));
    let report = cloud.as_somebody(&[]);
    report.has("sts", "ok", "we are arn:aws:sts::123456789012:assumed-role/ADFS-Dev/");
}

#[test]
fn without_credentials_it_says_so_once() {
    let cloud = Cloud::new();
    let mut env = cloud.aws.env();
    env.retain(|(name, _)| name != "AWS_ACCESS_KEY_ID" && name != "AWS_SECRET_ACCESS_KEY");
    let report = Report::of(&doctor(cloud.dir.path(), &["--json"], &env));
    assert_eq!(report.code, Some(2));
    report.has("credentials", "fault", "no AWS credentials");
    report.has("sts", "ok", "logins need none; no AWS credentials (");
    report.only(&["credentials"]);
}

#[test]
fn a_bucket_that_anybody_can_read_is_a_fault() {
    let cloud = Cloud::new();
    let proxy = FaultProxy::start(&cloud.aws.endpoint(Service::S3));
    let at = |status| Fault::Answer(Reply::new(status, "application/xml", "<x/>"));
    let named = [(Service::S3, proxy.url.as_str())];
    proxy.add(Rule::on("", at(403)));
    cloud.through(&named, &["--page-bucket", "page"]).has("page bucket", "ok", "page");
    proxy.reset();
    proxy.add(Rule::on("GET /page/index.html", at(200)));
    proxy.add(Rule::on("", at(403)));
    let report = cloud.through(&named, &["--page-bucket", "page"]);
    assert_eq!(report.code, Some(2));
    report.has("page bucket", "fault", "anybody may read index.html");
}
