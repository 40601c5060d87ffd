//! One login, from the identity provider's form to credentials that AWS takes.

use crate::cloud::{Cloud, root};
use crate::people::{Person, caller};
use crate::support::aws::Emulators;
use crate::support::forge::{self, Forge};
use crate::support::server::Server;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use vestibule::demo::{DemoIdp, PROVIDER_ARN, RULES, RelyingParty};
use vestibule::http::{Connections, ServeLimits, serve};
use vestibule::system::{SystemClock, SystemRandom};

const MISSING: &str = "The browser needs more than cargo. Run `tests/run`: it installs what the tests need (or `tests/install-browser` alone).";

const ARN: &str = "arn:aws:sts::123456789012:assumed-role/script-Production/paula@example.com";

#[test]
fn a_login_by_script_gives_credentials_that_aws_takes() {
    let cloud = Cloud::new("script-");
    let site = cloud.server();
    let responses: [fn(Forge) -> Forge; 3] = [
        |honest| honest,
        |honest| Forge {
            response_signing: Some(forge::Signing::default()),
            assertion_signing: None,
            ..honest
        },
        |honest| Forge { response_signing: Some(forge::Signing::default()), ..honest },
    ];
    for signed in responses {
        let (person, response) = (Person::new(), signed(cloud.response()));
        let ticket = person.post(&site, &response).ticket();
        let taken = cloud.take(&site, &person, &ticket);
        assert_eq!(taken.status, 200, "{}", taken.json);
        assert_eq!(caller(&cloud.aws, &taken.json).unwrap(), ARN);
        assert_eq!(taken.json["user"], "paula@example.com");
        assert_eq!(taken.json["role"], "arn:aws:iam::123456789012:role/script-Production");
        let mut spoilt = taken.json.clone();
        spoilt["SecretAccessKey"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into();
        assert!(caller(&cloud.aws, &spoilt).unwrap_err().contains("SignatureDoesNotMatch"));

        assert_eq!(cloud.take(&site, &person, &ticket).cell(), (404, "gone"));
        assert_eq!(person.post(&site, &response).cell(), (409, "assertion_replayed"));
        let history =
            ["login.started", "login.issued", "login.delivered", "login.refused assertion_replayed"];
        assert_eq!(cloud.history(&response), history);
        let log = site.server.log_text();
        for secret in ["SecretAccessKey", "SessionToken"].map(|name| taken.json[name].as_str().unwrap()) {
            assert!(!log.contains(secret));
        }
        assert!(!log.contains(&ticket) && !log.contains(&person.verifier) && !log.contains(forge::PERSON));
    }
    cloud.settle();
}

/// What we believe and STS does not, because the role's trust policy pins another
/// recipient, or there is no such role: the person is told, and nothing waits.
#[test]
fn what_sts_refuses_is_refused_with_its_own_code() {
    let cloud = Cloud::new("refused-");
    let site = cloud.server();
    cloud.aws.create_role("Console-Production", "https://signin.aws.amazon.com/saml", 3_600);
    let of_role = |name: &str| Forge { roles: vec![forge::role(name)], ..cloud.response() };
    for (response, code) in [
        (of_role("Console-Production"), "sts_not_trusted"),
        (of_role("Nowhere-Production"), "sts_not_trusted"),
    ] {
        assert_eq!(Person::new().post(&site, &response).cell(), (502, code));
        let history = ["login.started".to_owned(), format!("login.failed {code}")];
        assert_eq!(cloud.history(&response), history);
    }
    cloud.settle();
}

/// The real page in chromium; an identity provider that makes its keys at start and
/// signs what AD FS would; its metadata here and at STS.
#[test]
fn a_login_in_a_browser_gives_credentials_that_aws_takes() {
    let suite = root().join("tests/browser");
    assert!(suite.join("node_modules/playwright-core").is_dir(), "{MISSING}");
    let aws = Emulators::start();
    aws.create_tables();
    let key = aws.create_key("SYMMETRIC_DEFAULT");
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let idp_url = format!("http://{}", listener.local_addr().unwrap());
    let mut setup = Server::setup(&format!(
        r#"
[server]
listen = "@LISTEN@"
admin_listen = "@ADMIN@"
public_url = "@URL@"
redirect_url = "@URL@/"

[sts]
kind = "aws"
region = "@REGION@"

[store]
kind = "dynamodb"

[keys]
kind = "kms"
key_id = "{key}"
encryption_context = {{ samlprovider = "ADFS" }}

[log]
level = "trace"

[[saml.idp]]
name = "ADFS"
metadata = "@DIR@/idp.xml"
provider_arn = "{PROVIDER_ARN}"
sign_on_url = "{idp_url}/adfs/ls/IdpInitiatedSignOn.aspx"
relying_party_id = "urn:amazon:webservices"
idp_initiated = true

{RULES}"#
    ));
    let url = setup.base_url();
    let to = RelyingParty {
        id: "urn:amazon:webservices".to_owned(),
        acs_url: format!("{url}/saml"),
        home_url: format!("{url}/"),
    };
    let idp = DemoIdp::generate(&idp_url, to, Arc::new(SystemClock), Arc::new(SystemRandom)).unwrap();
    aws.trust(idp.metadata());
    // Ada's role, ADFS-ProductionAdmin, trusts nobody.
    aws.create_role("ADFS-Production", &format!("{url}/saml"), 3_600);
    setup = setup.file("idp.xml", idp.metadata());
    for (name, value) in aws.env() {
        setup = setup.env(&name, &value);
    }
    let server = setup.start();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    listener.set_nonblocking(true).unwrap();
    runtime.spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let limits = ServeLimits {
            header_timeout: Duration::from_secs(60),
            grace: Duration::ZERO,
            ..Default::default()
        };
        let pages = idp.router();
        serve(listener, move || pages.clone(), Connections::new(limits), std::future::pending()).await;
    });

    let copied = server.path("copied.json");
    let sites = json!({ "aws": { "url": url, "log": server.path("server.log"), "copied": copied } });
    let run = Command::new("node")
        .args(["--test", "--test-reporter=spec", "aws-login.js"])
        .current_dir(&suite)
        .env("SITES", sites.to_string())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{output}\n{}\n{}",
        String::from_utf8_lossy(&run.stderr),
        server.log_text()
    );
    assert!(output.contains("pass 2"), "{output}");

    let credentials: Value = serde_json::from_str(&std::fs::read_to_string(copied).unwrap()).unwrap();
    let arn = "arn:aws:sts::123456789012:assumed-role/ADFS-Production/paula@halvorsen.example";
    assert_eq!(caller(&aws, &credentials).unwrap(), arn);
    // At trace, where the SDK would show requests: only ours may say so much.
    let log = server.log_text();
    for secret in ["SecretAccessKey", "SessionToken"].map(|name| credentials[name].as_str().unwrap()) {
        assert!(!log.contains(secret));
    }
}
