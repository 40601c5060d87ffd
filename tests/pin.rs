//! The person's way around the rules: the response is in the browser, and STS takes it from
//! anybody. A trust policy that demands our addresses closes it. The real binary, a strict
//! STS that sees whose socket a call comes from.

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::process::{Command, Output};
use support::aws::{Emulators, PROVIDER, Service, VPCES};
use support::browser::{Browser, Form};
use support::forge::{self, Forge, Signing, rsa};
use support::server::{ADFS_METADATA, EMBEDDED, Server};
use support::waiting::{WaitingPage, ticket};

const ROLE: &str = "arn:aws:iam::123456789012:role/ADFS-Production";
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

/// Where the service calls from; and where the person does, from a machine of their own.
const SERVICE: &str = "127.0.0.1";
const PERSON: &str = "127.0.0.2";

struct Site {
    aws: Emulators,
    server: Server,
    config: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        Self::with(&format!("source_ips = [\"{SERVICE}/32\"]"))
    }

    /// A contractor may read for a quarter of an hour, says the rule; the role may do anything.
    fn with(sources: &str) -> Self {
        Self::calling(sources, |aws| aws.endpoint(Service::Sts))
    }

    /// The service calls STS there.
    fn calling(sources: &str, sts: impl Fn(&Emulators) -> String) -> Self {
        let aws = Emulators::only(&[Service::Sts, Service::Iam]);
        aws.trust(ADFS_METADATA);
        let sts = format!("kind = \"aws\"\nregion = \"@REGION@\"\nendpoint = \"{}\"\n{sources}\n", sts(&aws));
        let local = "kind = \"local\"\npath = \"@DIR@/sts-key\"\nregion = \"@REGION@\"\n";
        let embedded = EMBEDDED
            .replace(local, &sts)
            .replace("public_url = \"@URL@\"", "public_url = \"https://vestibule.example.com\"");
        assert!(embedded.contains(&sts));
        let idp = format!(
            "[[saml.idp]]\nname = \"ADFS\"\nprovider_arn = \"{PROVIDER}\"\nmetadata = \"@DIR@/idp.xml\"\n"
        );
        let rule = format!(
            "[[rule]]\nname = \"contractor\"\nrole = \"{ROLE}\"\nduration = \"15m\"\nsession_policy = '{POLICY}'\n"
        );
        let whole = format!("{embedded}\n{idp}\n{rule}");
        // For `doctor`, which is run beside it.
        let config = tempfile::tempdir().unwrap();
        let here = config.path().display().to_string();
        let text = whole
            .replace("@DIR@", &here)
            .replace("@LISTEN@", "127.0.0.1:8080")
            .replace("@ADMIN@", "127.0.0.1:9090")
            .replace("@URL@", "https://vestibule.example.com")
            .replace("@REGION@", "eu-central-1");
        fs::write(config.path().join("vestibule.toml"), text).unwrap();
        fs::write(config.path().join("idp.xml"), ADFS_METADATA).unwrap();
        let mut setup = Server::setup(&whole).file("idp.xml", ADFS_METADATA);
        for (name, value) in aws.env() {
            setup = setup.env(&name, &value);
        }
        Self { aws, server: setup.start(), config }
    }

    fn trust(&self, more: &Value) {
        let mut condition = json!({ "StringEquals": { "SAML:aud": forge::ACS } });
        condition.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": PROVIDER },
            "Action": "sts:AssumeRoleWithSAML",
            "Condition": condition,
        }] });
        let role = json!({ "arn": ROLE, "trust_policy": policy, "max_session_duration": 43_200 });
        self.aws.sts_set("roles", &role);
    }

    /// By way of the service; the response as the person's browser has it.
    fn sign_in(&self, name: &str) -> String {
        let response = Forge {
            roles: vec![format!("{PROVIDER},{ROLE}")],
            assertion_signing: Some(Signing::with(rsa())),
            ..Forge::issued_now(&format!("_assertion-{name}"))
        };
        let response = STANDARD.encode(response.xml());
        let page = WaitingPage::new(name);
        let fields = [("SAMLResponse", response.clone()), ("RelayState", page.relay_state())];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let form = Form { action: self.server.url("/saml"), fields };
        let browser = Browser::new();
        let answer = browser.submit_with(&form, &[("Accept", "application/json")]);
        let taken = page.take(&browser, &self.server, &ticket(&answer, &self.server));
        assert_eq!(taken.status, 200, "{}", taken.body);
        let id = taken.json()["AccessKeyId"].as_str().unwrap().to_owned();
        let calls = self.aws.sts_calls();
        let call = calls.iter().find(|call| call["access_key_id"] == id.as_str()).unwrap();
        assert_eq!(call["parameters"]["Policy"], POLICY, "the rule's policy goes along");
        assert_eq!(call["parameters"]["DurationSeconds"], "900");
        response
    }

    async fn post_to_sts(&self, from: &str, response: &str) -> (u16, String) {
        self.post_to(&self.aws.endpoint(Service::Sts), from, response).await
    }

    /// The one unsigned call of STS that everybody can make: no policy, twelve hours.
    async fn post_to(&self, endpoint: &str, from: &str, response: &str) -> (u16, String) {
        let address: SocketAddr = endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", "AssumeRoleWithSAML")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", ROLE)
            .append_pair("PrincipalArn", PROVIDER)
            .append_pair("DurationSeconds", "43200")
            .append_pair("SAMLAssertion", response)
            .finish();
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        let mut stream = socket.connect(address).await.unwrap().into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        let length = form.len();
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\naws:SourceVpce: {vpce}\r\n\r\n{form}",
            vpce = VPCES[0],
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    fn vestibule(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_vestibule"))
            .args(arguments)
            .args(["--config", "vestibule.toml"])
            .current_dir(self.config.path())
            .env_clear()
            .envs(self.aws.env())
            .output()
            .unwrap()
    }

    /// What `doctor` says of pins.
    fn doctor(&self) -> Vec<(String, String)> {
        let output = self.vestibule(&["doctor", "--json"]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let findings = report["findings"].as_array().unwrap().iter();
        let pins = findings.filter(|finding| finding["check"] == "pin");
        pins.map(|finding| (text(finding, "severity"), text(finding, "what"))).collect()
    }
}

#[tokio::test]
async fn attack_the_persons_own_response_posted_to_sts_without_our_rules() {
    let site = Site::new();

    // Pinned to our ACS alone, the role is had: twelve hours of it, and no policy.
    site.trust(&json!({}));
    let response = site.sign_in("before");
    let (status, answer) = site.post_to_sts(PERSON, &response).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("<AccessKeyId>ASIA") && !answer.contains("PackedPolicySize"), "{answer}");
    let [(severity, what)] = &site.doctor()[..] else { panic!("{:?}", site.doctor()) };
    assert!(severity == "warning" && what.contains("can be had from anywhere"), "{severity}: {what}");

    // Pinned to our address, it is had by way of us only.
    site.trust(&json!({ "IpAddress": { "aws:SourceIp": [format!("{SERVICE}/32")] } }));
    let response = site.sign_in("after");
    let (status, answer) = site.post_to_sts(PERSON, &response).await;
    assert_eq!(status, 403, "{answer}");
    assert!(answer.contains("<Code>AccessDenied</Code>"), "{answer}");
    let [(severity, what)] = &site.doctor()[..] else { panic!("{:?}", site.doctor()) };
    assert!(severity == "ok" && what.contains(&format!("pinned to {SERVICE}/32")), "{severity}: {what}");

    // The control: nothing else than the address is wrong with that call.
    assert_eq!(site.post_to_sts(SERVICE, &response).await.0, 200);
}

/// The same where calls leave by an interface endpoint: STS sees which it was, and no address.
#[tokio::test]
async fn attack_the_persons_own_response_posted_to_sts_past_our_vpc_endpoint() {
    let [ours, another] = VPCES;
    let site = Site::calling(&format!("source_vpces = [\"{ours}\"]"), |aws| aws.sts_through(ours));
    let by_another = site.aws.sts_through(another);

    site.trust(&json!({}));
    let response = site.sign_in("before");
    assert_eq!(site.post_to_sts(PERSON, &response).await.0, 200, "from the internet");
    assert_eq!(site.post_to(&by_another, PERSON, &response).await.0, 200, "from a VPC of their own");

    site.trust(&json!({ "StringEquals": { "SAML:aud": forge::ACS, "aws:SourceVpce": [ours] } }));
    let response = site.sign_in("after");
    // On the service's own machine even: it is the endpoint that counts, and nobody says it himself.
    for from in [PERSON, SERVICE] {
        let (status, answer) = site.post_to_sts(from, &response).await;
        assert_eq!(status, 403, "{answer}");
        assert!(answer.contains("<Code>AccessDenied</Code>"), "{answer}");
        assert_eq!(site.post_to(&by_another, from, &response).await.0, 403);
    }
    let [(severity, what)] = &site.doctor()[..] else { panic!("{:?}", site.doctor()) };
    assert!(severity == "ok" && what.contains(&format!("pinned to {ours}")), "{severity}: {what}");

    // The control: nothing else than the endpoint is wrong with that call.
    assert_eq!(site.post_to(&site.aws.sts_through(ours), PERSON, &response).await.0, 200);
}

/// A condition that holds for calls without an address lets in whoever comes through a
/// VPC endpoint, which anybody can have.
#[tokio::test]
async fn attack_around_a_pin_that_holds_if_exists() {
    let site = Site::new();
    site.trust(&json!({ "IpAddressIfExists": { "aws:SourceIp": [format!("{SERVICE}/32")] } }));
    let response = site.sign_in("if-exists");
    assert_eq!(site.post_to_sts(PERSON, &response).await.0, 403, "not from the internet");
    let (severity, what) = site.doctor().remove(0);
    assert_eq!(severity, "warning", "{what}");
    assert!(what.contains("IpAddressIfExists on aws:SourceIp holds for calls without that key"), "{what}");
}

/// Who reads `check`, the log or `/config.json` knows what the configuration claims, in a line.
#[test]
fn whether_rules_hold_is_said_once_and_everywhere() {
    for (sources, word, warnings) in
        [(String::new(), "advisory", 1), (format!("source_ips = [\"{SERVICE}/32\"]"), "pinned", 0)]
    {
        let site = Site::with(&sources);
        let config = Browser::new().get(&site.server.url("/config.json"), &[]).json();
        assert_eq!(config["rules"], word);
        let log = site.server.log_text();
        assert_eq!(log.matches(&format!("rules_hold=\"{word}\"")).count(), 1, "{log}");
        assert_eq!(log.matches("WARN rules are advisory").count(), warnings, "{log}");
        let output = site.vestibule(&["check"]);
        assert!(output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(said.matches("rules: ").count(), 1, "{said}");
        let line =
            if warnings == 1 { "warning: rules: advisory; " } else { "rules: pinned to 127.0.0.1/32, " };
        assert!(said.lines().any(|said| said.contains(line)), "{said}");
    }
}
