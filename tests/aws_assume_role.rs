//! `sts.kind = "assume-role"` against a strict STS on loopback: the service's own role asks,
//! and nobody walks around it.

mod support;

use aws_credential_types::Credentials as OwnCredentials;
use aws_credential_types::credential_fn::provide_credentials_fn;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use support::aws::{Emulators, PROVIDER, REGION, Service};
use support::contract::token_service::{self, Wanted};
use support::fault_proxy::{Fault, FaultProxy, Rule};
use support::forge::{self, Forge};
use support::grants;
use support::server::{ADFS, ADFS_METADATA, EMBEDDED, Server};
use support::sts::{Sts, metadata};
use support::test_service::Page;
use support::wire::saml_post;
use vestibule::adapters::aws::{AwsSts, Sdk};
use vestibule::broker::Credentials;
use vestibule::broker::ports::{TokenService, TokenServiceError};
use vestibule::config::{AssumeRole, PersonValue, StsOperation};
use vestibule::roles::Grant;
use vestibule::saml::{IdentityProvider, IdentityProviders, Limits, Selector};

/// What the service runs as: a session of its own role, as on ECS and Lambda.
const HUB: &str = "arn:aws:iam::999999999999:role/Vestibule";
const KEY: &str = "ASIAVESTIBULEITSOWN0";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "the-session-of-the-hub";
const EXTERNAL_ID: &str = "vestibule-3f9c1d";
const ROLE: &str = "arn:aws:iam::123456789012:role/ADFS-Production";

struct Aws {
    emulators: Arc<Emulators>,
    proxy: FaultProxy,
}

impl Aws {
    fn start() -> Self {
        let emulators = Emulators::only(&[Service::Sts]);
        emulators.trust(&metadata(&forge::rsa().certificate));
        emulators.sts_set("clock", &json!({ "now": forge::at(0) }));
        let proxy = FaultProxy::start(&emulators.endpoint(Service::Sts));
        let aws = Self { emulators: Arc::new(emulators), proxy };
        aws.role_trusts(&hub_only(), 43_200);
        aws.hub(&json!({}));
        aws
    }

    /// The service's own credentials at AWS, with changes.
    fn hub(&self, changes: &Value) {
        let mut caller = json!({
            "access_key_id": KEY, "secret": SECRET, "token": TOKEN,
            "arn": "arn:aws:sts::999999999999:assumed-role/Vestibule/i-0123456789abcdef0",
            "policy": hub_may(&ACTIONS, ROLE),
        });
        for (name, value) in changes.as_object().unwrap() {
            caller[name] = value.clone();
        }
        self.emulators.sts_set("callers", &caller);
    }

    fn role_trusts(&self, statement: &Value, max_session_duration: u32) {
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] });
        let role =
            json!({ "arn": ROLE, "trust_policy": policy, "max_session_duration": max_session_duration });
        self.emulators.sts_set("roles", &role);
    }

    async fn token_service(&self) -> AwsSts {
        self.token_service_with(settings(), Some(own())).await
    }

    async fn token_service_with(&self, settings: AssumeRole, own: Option<OwnCredentials>) -> AwsSts {
        token_service_at(&self.proxy.url, settings, own).await
    }

    fn asked(&self) -> usize {
        self.proxy.counts().get("AssumeRole").copied().unwrap_or_default()
    }
}

async fn token_service_at(url: &str, settings: AssumeRole, own: Option<OwnCredentials>) -> AwsSts {
    token_service_in(&[(REGION, Some(url))], settings, own).await
}

async fn token_service_in(
    regions: &[(&str, Option<&str>)],
    settings: AssumeRole,
    own: Option<OwnCredentials>,
) -> AwsSts {
    let none = provide_credentials_fn(async || Err(CredentialsError::not_loaded("as the test wants it")));
    let config = aws_types::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::new(REGION))
        .credentials_provider(
            own.map_or(SharedCredentialsProvider::new(none), SharedCredentialsProvider::new),
        );
    let sdk = Sdk::from(config.build());
    AwsSts::open(&sdk, regions, Duration::from_secs(15), StsOperation::AssumeRole(settings)).await
}

fn own() -> OwnCredentials {
    OwnCredentials::new(KEY, SECRET, Some(TOKEN.to_owned()), None, "test")
}

/// What the service's own role is allowed.
fn hub_may(actions: &[&str], role: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": role }],
    })
}

const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];

fn hub_only() -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "AWS": HUB },
        "Action": ACTIONS,
        "Condition": { "StringEquals": { "sts:ExternalId": EXTERNAL_ID } },
    })
}

fn settings() -> AssumeRole {
    AssumeRole {
        hub_role: None,
        external_id: Some(EXTERNAL_ID.to_owned()),
        source_identity: PersonValue::RoleSessionName,
        session_tags: BTreeMap::new(),
    }
}

fn production(response: &Forge, wanted: &Wanted) -> Grant {
    let groups = Selector::compile(
        "AttributeStatement/Attribute[@Name='http://schemas.xmlsoap.org/claims/Group']/AttributeValue",
    );
    let mut idp: IdentityProvider = forge::adfs();
    idp.selectors.more.insert("groups".to_owned(), groups.unwrap());
    let providers = IdentityProviders::new(vec![idp]).unwrap();
    let ends = wanted.session_ends.map(|ends| forge::at(ends.whole_seconds()));
    let response = Forge { session_not_on_or_after: ends, ..response.clone() };
    let identity =
        forge::accept_field(&STANDARD.encode(response.xml()), &Limits::default(), &providers, forge::now());
    grants::grant_of(identity.unwrap(), "ADFS-Production", wanted)
}

async fn ask(token_service: &AwsSts, grant: &Grant) -> Result<Credentials, TokenServiceError> {
    token_service.assume_role(grant, forge::now()).await
}

#[tokio::test]
async fn assume_role_keeps_the_token_services_contract() {
    let aws = Aws::start();
    let sts = Sts::new(aws.token_service().await, aws.emulators.clone(), time::Duration::HOUR);
    token_service::credentials_live_as_long_as_granted(&sts).await;
    token_service::credentials_do_not_outlive_the_identity_providers_session(&sts).await;
    token_service::a_session_that_is_over_gets_nothing(&sts).await;
    token_service::no_two_credentials_are_the_same(&sts).await;
}

#[tokio::test]
async fn sts_is_asked_with_our_signature_and_what_was_verified() {
    let aws = Aws::start();
    let policy =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let wanted = Wanted {
        duration: time::Duration::minutes(20),
        session_policy: Some(policy.to_owned()),
        policy_arns: vec![arn.to_owned()],
        ..Wanted::default()
    };
    let response = Forge { groups: vec!["Büro Süd: R+D".to_owned()], ..Forge::default() };
    let tags =
        [("group", PersonValue::Selected("groups".to_owned())), ("mail", PersonValue::RoleSessionName)];
    let settings = AssumeRole {
        session_tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        ..settings()
    };
    let token_service = aws.token_service_with(settings, Some(own())).await;
    let credentials = ask(&token_service, &production(&response, &wanted)).await.unwrap();
    assert!(credentials.access_key_id.starts_with("ASIA"));

    let calls = aws.emulators.sts_calls();
    assert_eq!(calls.len(), 1);
    assert_eq!((&calls[0]["signed"], &calls[0]["result"]), (&json!(true), &json!("OK")));
    let expected: Value = json!({
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "paula@example.com",
        "SourceIdentity": "paula@example.com",
        "ExternalId": EXTERNAL_ID,
        "Tags.member.1.Key": "group",
        "Tags.member.1.Value": "Büro Süd: R+D",
        "Tags.member.2.Key": "mail",
        "Tags.member.2.Value": "paula@example.com",
        "DurationSeconds": "1200",
        "Policy": policy,
        "PolicyArns.member.1.arn": arn,
    });
    assert_eq!(calls[0]["parameters"], expected);
}

/// The attack that rules are worth nothing without a defence against: the response is in the
/// person's own browser, and `AssumeRoleWithSAML` is not signed.
#[tokio::test]
async fn attack_the_response_is_taken_to_sts_past_the_rules() {
    let aws = Aws::start();
    let response = STANDARD.encode(Forge::default().xml());
    let by_hand = || {
        let parameters = [("RoleArn", ROLE), ("PrincipalArn", PROVIDER), ("SAMLAssertion", &*response)];
        aws.emulators.sts("AssumeRoleWithSAML", &parameters)
    };
    let (status, answer) = by_hand();
    assert_eq!(status, 403, "{answer}");
    assert!(answer.contains("<Code>AccessDenied</Code>"), "{answer}");
    ask(&aws.token_service().await, &production(&Forge::default(), &Wanted::default())).await.unwrap();

    // Where roles trust the SAML provider, pinned to our ACS as they may be, it works.
    aws.emulators.create_role("ADFS-Production", forge::ACS, 43_200);
    let (status, answer) = by_hand();
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn who_must_act_is_told_apart() {
    let aws = Aws::start();
    let grant = production(&Forge::default(), &Wanted::default());
    let token_service = aws.token_service().await;
    let refused = async |token_service: &AwsSts, error: TokenServiceError, what: &str| {
        let before = aws.asked();
        assert_eq!(ask(token_service, &grant).await.unwrap_err(), error, "{what}");
        assert!(aws.asked() - before <= 1, "{what}: asked again");
    };
    let hub = TokenServiceError::HubNotTrusted;

    aws.hub(&json!({ "policy": hub_may(&ACTIONS, "arn:aws:iam::123456789012:role/ADFS-Dev") }));
    refused(&token_service, hub, "our role may not assume it").await;
    aws.hub(&json!({}));
    for (name, value) in [
        ("Principal", json!({ "AWS": "arn:aws:iam::999999999999:role/Another" })),
        ("Principal", json!({ "Federated": PROVIDER })),
        ("Action", json!("sts:AssumeRole")),
        ("Condition", json!({ "StringEquals": { "sts:ExternalId": "another" } })),
    ] {
        let mut statement = hub_only();
        statement[name] = value;
        aws.role_trusts(&statement, 3_600);
        refused(&token_service, hub, &statement.to_string()).await;
    }
    aws.role_trusts(&hub_only(), 3_600);
    let without_id =
        aws.token_service_with(AssumeRole { external_id: None, ..settings() }, Some(own())).await;
    refused(&without_id, hub, "without the external id").await;

    let own_credentials = TokenServiceError::OwnCredentials;
    aws.hub(&json!({ "expired": true }));
    refused(&token_service, own_credentials, "over").await;
    aws.hub(&json!({ "token": "another" }));
    refused(&token_service, own_credentials, "of another session").await;
    aws.hub(&json!({ "secret": "another" }));
    refused(&token_service, own_credentials, "with another secret").await;
    refused(&aws.token_service_with(settings(), None).await, own_credentials, "none").await;
    aws.hub(&json!({}));

    aws.role_trusts(&hub_only(), 3_600);
    aws.proxy.add(Rule::on("AssumeRole", Fault::xml(403, "RegionDisabledException", "as wanted")).times(1));
    refused(&token_service, TokenServiceError::RegionDisabled, "as STS always says it").await;
    ask(&token_service, &grant).await.expect("control");
}

/// What `deploy/` gives the service's role is enough for all that can be configured, and none of
/// its actions is one too many.
#[tokio::test]
async fn the_policy_in_deploy_is_what_sts_asks_for() {
    let aws = Aws::start();
    let grant = production(&Forge::default(), &Wanted::default());
    let tags = [("mail".to_owned(), PersonValue::RoleSessionName)];
    let settings = AssumeRole { session_tags: tags.into_iter().collect(), ..settings() };
    let token_service = aws.token_service_with(settings, Some(own())).await;
    let policy: Value = serde_json::from_str(include_str!("../deploy/iam/server.assume-role.json")).unwrap();
    aws.hub(&json!({ "policy": policy }));
    ask(&token_service, &grant).await.unwrap();
    for number in 0..ACTIONS.len() {
        let mut less = policy.clone();
        let removed = less["Statement"][0]["Action"].as_array_mut().unwrap().remove(number);
        aws.hub(&json!({ "policy": less }));
        let refused = ask(&token_service, &grant).await;
        assert_eq!(refused.unwrap_err(), TokenServiceError::HubNotTrusted, "without {removed}");
    }
    let elsewhere = policy.to_string().replace("role/ADFS-*", "role/Other-*");
    aws.hub(&json!({ "policy": serde_json::from_str::<Value>(&elsewhere).unwrap() }));
    assert_eq!(ask(&token_service, &grant).await.unwrap_err(), TokenServiceError::HubNotTrusted);
}

/// Another name would be another person's; a tag's value decides what they may do.
#[tokio::test]
async fn what_aws_does_not_take_is_refused_and_not_changed() {
    let aws = Aws::start();
    let with = |source_identity: PersonValue, tag: Option<PersonValue>| {
        let session_tags = tag.map(|value| ("tag".to_owned(), value)).into_iter().collect();
        aws.token_service_with(AssumeRole { source_identity, session_tags, ..settings() }, Some(own()))
    };
    let groups = || PersonValue::Selected("groups".to_owned());
    let about = |name_id: &str, groups: &[&str]| {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        let response = Forge { name_id: name_id.to_owned(), groups, ..Forge::default() };
        production(&response, &Wanted::default())
    };
    let long = "a".repeat(65);
    let by_name = with(PersonValue::NameId, None).await;
    for name_id in ["EXAMPLE\\paula", "p", "paula ", "päula", &long, "paula:x", "paula\u{0660}"] {
        let refused = ask(&by_name, &about(name_id, &[])).await;
        assert_eq!(refused.unwrap_err(), TokenServiceError::SourceIdentity, "{name_id}");
    }
    for name_id in ["paula", "p2", "P_a+u=l,a.@-", &long[..64]] {
        ask(&by_name, &about(name_id, &[])).await.unwrap_or_else(|error| panic!("{name_id}: {error}"));
    }
    let by_group = with(groups(), None).await;
    for values in [&[][..], &["one", "two"]] {
        let refused = ask(&by_group, &about("paula", values)).await;
        assert_eq!(refused.unwrap_err(), TokenServiceError::SourceIdentity, "{values:?}");
    }

    let tagged = with(PersonValue::RoleSessionName, Some(groups())).await;
    let (fits, long) = ("ä".repeat(256), "ä".repeat(257));
    for values in [&["one", "two"][..], &[long.as_str()], &["a;b"], &["a*"], &["a\tb"]] {
        let refused = ask(&tagged, &about("paula", values)).await;
        assert_eq!(refused.unwrap_err(), TokenServiceError::SessionTag, "{values:?}");
    }
    for values in [&[][..], &[fits.as_str()], &["Büro 3: _.:/=+-@"]] {
        ask(&tagged, &about("paula", values)).await.unwrap_or_else(|error| panic!("{values:?}: {error}"));
    }
    assert_eq!(aws.asked(), 7, "what does not fit is not asked");
}

#[tokio::test]
async fn a_session_that_ends_before_the_shortest_credentials_gets_none() {
    let aws = Aws::start();
    let token_service = aws.token_service().await;
    for (seconds, outcome) in [(899, Some(TokenServiceError::SessionTooShort)), (900, None)] {
        let session_ends = Some(time::Duration::seconds(seconds));
        let grant = production(&Forge::default(), &Wanted { session_ends, ..Wanted::default() });
        assert_eq!(ask(&token_service, &grant).await.err(), outcome, "{seconds}");
    }
    assert_eq!(aws.asked(), 1);
}

#[tokio::test]
async fn outages_are_asked_again_and_refusals_never() {
    let mut aws = Aws::start();
    let spare = FaultProxy::start(&aws.emulators.endpoint(Service::Sts));
    let asked_spare = || spare.counts().get("AssumeRole").copied().unwrap_or_default();
    let regions = [(REGION, Some(aws.proxy.url.as_str())), ("eu-west-1", Some(spare.url.as_str()))];
    let token_service = token_service_in(&regions, settings(), Some(own())).await;
    let grant = production(&Forge::default(), &Wanted::default());

    aws.hub(&json!({ "policy": hub_may(&ACTIONS, "arn:aws:iam::123456789012:role/ADFS-Dev") }));
    assert_eq!(ask(&token_service, &grant).await.unwrap_err(), TokenServiceError::HubNotTrusted);
    aws.hub(&json!({ "expired": true }));
    assert_eq!(ask(&token_service, &grant).await.unwrap_err(), TokenServiceError::OwnCredentials);
    assert_eq!((aws.asked(), asked_spare()), (2, 0), "a refusal is a refusal everywhere");
    aws.hub(&json!({}));

    // The credentials of the lost answer expire unknown; what arrives are others.
    aws.proxy.add(Rule::on("AssumeRole", Fault::LoseAnswer).times(1));
    let arrived = ask(&token_service, &grant).await.unwrap();
    let issued: Vec<_> =
        aws.emulators.sts_calls().iter().filter(|call| call["result"] == "OK").cloned().collect();
    assert_eq!(issued.len(), 2);
    assert_eq!(issued[1]["access_key_id"], json!(arrived.access_key_id));

    aws.proxy.add(Rule::on("AssumeRole", Fault::xml(503, "ServiceUnavailable", "later")));
    ask(&token_service, &grant).await.unwrap();
    assert_eq!((aws.asked(), asked_spare()), (6, 1), "two attempts, then the next region");
    aws.proxy.die();
    ask(&token_service, &grant).await.unwrap();
    assert_eq!(asked_spare(), 2);
}

/// No configuration loads with a longer rule; STS would refuse what is chained for longer.
#[tokio::test]
async fn an_hour_is_the_longest() {
    let aws = Aws::start();
    let wanted = Wanted { duration: time::Duration::hours(12), ..Wanted::default() };
    let credentials = ask(&aws.token_service().await, &production(&Forge::default(), &wanted)).await.unwrap();
    assert!(
        credentials.expiration <= forge::now() + time::Duration::minutes(61),
        "{}",
        credentials.expiration
    );
    assert_eq!(aws.emulators.sts_calls()[0]["parameters"]["DurationSeconds"], json!("3600"));
}

/// Another implementation of the same API, which lets everybody do everything.
#[tokio::test]
async fn moto_understands_the_same_call() {
    let emulators = Emulators::only(&[Service::Kms]);
    let token_service = token_service_at(&emulators.endpoint(Service::Kms), settings(), Some(own())).await;
    let grant = production(&Forge::default(), &Wanted::default());
    let credentials = ask(&token_service, &grant).await.unwrap();
    assert!(credentials.access_key_id.starts_with("ASIA"), "{}", credentials.access_key_id);
}

/// The head of the answer, and what came with it.
fn exchange(address: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request).unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 16_384]);
    loop {
        let read = stream.read(&mut buffer).unwrap();
        answer.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&answer);
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
        if read == 0 || body.is_some_and(|body| body >= length.unwrap_or(0)) {
            return text.into_owned();
        }
    }
}

const BROKER: &str =
    "kind = \"assume-role\"\nexternal_id = \"vestibule-3f9c1d\"\nsource_identity = \"name_id\"";

/// The service in this mode, with its own credentials.
fn serve(aws: &Aws, config: &str) -> Server {
    aws.emulators.sts_set("clock", &json!({}));
    let config = config
        .replace("kind = \"local\"\npath = \"@DIR@/sts-key\"", BROKER)
        .replace("public_url = \"@URL@\"", "public_url = \"https://vestibule.example.com\"");
    let mut setup = Server::setup(&config).file("idp.xml", ADFS_METADATA);
    for (name, value) in aws.emulators.env() {
        setup = setup.env(&name, &value);
    }
    for (name, value) in
        [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET), ("AWS_SESSION_TOKEN", TOKEN)]
    {
        setup = setup.env(name, value);
    }
    setup.start()
}

fn post(server: &Server, response: &Forge, number: u32) -> String {
    let address = server.base_url.trim_start_matches("http://");
    exchange(address, &saml_post(&response.xml(), &Page::new(number).relay_state()))
}

/// The whole login: nothing of it needs the SAML provider in IAM.
#[test]
fn a_person_signs_in_and_cloudtrail_will_know_them() {
    let aws = Aws::start();
    let server = serve(&aws, &format!("{EMBEDDED}{ADFS}"));
    let post = |name_id: &str, number: u32| {
        let response =
            Forge { name_id: name_id.to_owned(), ..Forge::issued_now(&format!("_assertion-{number}")) };
        post(&server, &response, number)
    };
    let answer = post("paula", 1);
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
    let calls = aws.emulators.sts_calls();
    let asked: Vec<_> = calls.iter().map(|call| (&call["action"], &call["result"])).collect();
    assert_eq!(asked, [(&json!("AssumeRole"), &json!("OK"))]);
    assert_eq!(calls[0]["parameters"]["SourceIdentity"], json!("paula"));

    let answer = post("EXAMPLE\\paula", 2);
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert!(answer.contains("\"sts_source_identity\""), "{answer}");
    assert_eq!(aws.emulators.sts_calls().len(), 1);

    let log = server.log_text();
    assert!(log.contains("assume-role"), "{log}");
    for secret in [SECRET, TOKEN, "EXAMPLE\\\\paula"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

/// An identity provider that knows nothing of AWS: no Role, no RoleSessionName, only groups.
#[test]
fn a_group_stands_for_a_role_where_none_is_offered() {
    const GROUPS: &str =
        "AttributeStatement/Attribute[@Name='http://schemas.xmlsoap.org/claims/Group']/AttributeValue";
    let aws = Aws::start();
    let idp = ADFS.replace(
        "provider_arn = \"arn:aws:iam::123456789012:saml-provider/ADFS\"",
        &format!("select.groups = \"{GROUPS}\"\nselect.role_session_name = \"Subject/NameID\""),
    );
    let map = r#"
[accounts]
123456789012 = "Production"
[[role_map]]
name = "by account"
value = "groups"
regex = "AWS-(?<account>.*)-(?<name>ADFS-.*)"
role = "arn:aws:iam::{account}:role/{name}"
"#;
    let config = format!("{EMBEDDED}{idp}{map}");
    let server = serve(&aws, &config);
    let of_groups = |groups: &[&str], number: u32| Forge {
        name_id: "paula".to_owned(),
        roles: Vec::new(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        edit: |xml| {
            let (before, rest) = xml.split_once("<AttributeStatement>").unwrap();
            let (_, groups) =
                rest.split_once("<Attribute Name=\"http://schemas.xmlsoap.org/claims/Group\"").unwrap();
            format!(
                "{before}<AttributeStatement><Attribute Name=\"http://schemas.xmlsoap.org/claims/Group\"{groups}"
            )
        },
        ..Forge::issued_now(&format!("_assertion-{number}"))
    };
    let fitting = "AWS-123456789012-ADFS-Production";
    let honest = of_groups(&["Domain Users", fitting], 1);
    assert!(!honest.xml().contains("aws.amazon.com/SAML"), "{}", honest.xml());
    let answer = post(&server, &honest, 1);
    assert!(answer.starts_with("HTTP/1.1 302"), "{answer}");
    let calls = aws.emulators.sts_calls();
    let asked =
        ["RoleArn", "RoleSessionName", "SourceIdentity"].map(|name| calls[0]["parameters"][name].clone());
    assert_eq!(asked, [json!(ROLE), json!("paula"), json!("paula")]);

    // Groups that people might make up: STS hears nothing of them.
    for (number, group) in (2..).zip([
        "AWS-999999999999-ADFS-Production",
        "AWS-123456789012-ADFS-*",
        "AWS-123456789012:role/ADFS-Production-ADFS-x",
        "AWS-123456789012-ADFS-Production,arn:aws:iam::123456789012:saml-provider/x",
        "xAWS-123456789012-ADFS-Production",
        "AWS-１２３４５６７８９０１２-ADFS-Production",
    ]) {
        let answer = post(&server, &of_groups(&[group], number), number);
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("\"no_role_mapped\""), "{answer}");
    }
    assert_eq!(aws.emulators.sts_calls().len(), 1);
    let log = server.log_text();
    assert!(log.contains("role map 'by account': 0 of 1 values of groups stand for a role"), "{log}");
    assert!(!log.contains("999999999999"), "values are not logged: {log}");
    let trail = rusqlite::Connection::open(server.path("vestibule.db")).unwrap();
    let given = "SELECT subject ->> 'role_map' FROM audit WHERE kind = 'login.issued'";
    let given: String = trail.query_row(given, [], |row| row.get(0)).unwrap();
    assert_eq!(given, "by account");
}

#[test]
fn doctor_says_whether_roles_trust_the_service_alone() {
    let aws = Aws::start();
    aws.emulators.sts_set("clock", &json!({}));
    // An account's roles are seen from that account only.
    let session = "arn:aws:sts::123456789012:assumed-role/Vestibule/i-0123456789abcdef0";
    aws.hub(&json!({ "arn": session }));
    let config = format!("{EMBEDDED}{ADFS}").replace("kind = \"local\"\npath = \"@DIR@/sts-key\"", BROKER);
    let server = Server::setup(&config).file("idp.xml", ADFS_METADATA).start();
    let check = Command::new(env!("CARGO_BIN_EXE_vestibule"))
        .args(["check", "--config"])
        .arg(server.path("vestibule.toml"))
        .envs(aws.emulators.env())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&check.stderr) + String::from_utf8_lossy(&check.stdout);
    assert!(said.contains("rules: enforced, if") && !said.contains("advisory"), "{said}");
    let doctor = |own: bool| {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        doctor.args(["doctor", "--role", ROLE, "--config"]).arg(server.path("vestibule.toml"));
        doctor.envs(aws.emulators.env()).env_remove("AWS_PROFILE");
        if own {
            doctor.envs([
                ("AWS_ACCESS_KEY_ID", KEY),
                ("AWS_SECRET_ACCESS_KEY", SECRET),
                ("AWS_SESSION_TOKEN", TOKEN),
            ]);
        }
        let output = doctor.output().unwrap();
        String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr)
    };
    let mut statement = hub_only();
    statement["Principal"] = json!({ "AWS": "arn:aws:iam::123456789012:role/services/Vestibule" });
    aws.role_trusts(&statement, 3_600);
    let said = doctor(true);
    assert!(said.contains(&format!("{ROLE} lets us in ({session}), and nobody by an assertion")), "{said}");
    aws.role_trusts(&hub_only(), 3_600);
    let said = doctor(true);
    assert!(said.contains(&format!("{ROLE} does not let us in ({session})")), "{said}");
    assert!(said.contains("allow sts:AssumeRole, sts:SetSourceIdentity to this service's role"), "{said}");
    let said = doctor(false);
    assert!(said.contains("STS does not say whose they are"), "{said}");

    // An operator runs it, in the account of the roles, which is another one than the service's.
    aws.hub(&json!({ "arn": "arn:aws:sts::123456789012:assumed-role/Operator/olga" }));
    let config = std::fs::read_to_string(server.path("vestibule.toml")).unwrap();
    let named = format!("kind = \"assume-role\"\nhub_role = \"{HUB}\"");
    std::fs::write(server.path("vestibule.toml"), config.replace("kind = \"assume-role\"", &named)).unwrap();
    let said = doctor(true);
    assert!(said.contains(&format!("{ROLE} lets us in ({HUB}), and nobody by an assertion")), "{said}");
}

/// The other half: the service's own role must be allowed to. A trust policy may let it in, and
/// still each login is refused.
#[test]
fn doctor_says_which_roles_the_hub_role_may_not_assume() {
    const HUB: &str = "arn:aws:iam::123456789012:role/services/Vestibule";
    const OTHER: &str = "arn:aws:iam::999999999999:role/ADFS-Elsewhere";
    let aws = Aws::start();
    aws.emulators.sts_set("clock", &json!({}));
    let mut statement = hub_only();
    statement["Principal"] = json!({ "AWS": HUB });
    aws.role_trusts(&statement, 3_600);
    let trust = json!({ "Version": "2012-10-17", "Statement": [] });
    aws.emulators.sts_set("roles", &json!({ "arn": HUB, "trust_policy": trust }));
    let own = format!("{BROKER}\nsession_tags = {{ mail = \"role_session_name\" }}");
    let config = format!("{EMBEDDED}{ADFS}").replace("kind = \"local\"\npath = \"@DIR@/sts-key\"", &own);
    let server = Server::setup(&config).file("idp.xml", ADFS_METADATA).start();
    // Whose session asks, what its policy says, and what doctor says of permissions.
    let doctor = |session: &str, policy: &Value| {
        aws.hub(&json!({ "arn": session, "policy": policy }));
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        doctor.args(["doctor", "--json", "--role", ROLE, "--role", OTHER, "--config"]);
        doctor.arg(server.path("vestibule.toml")).envs(aws.emulators.env()).env_remove("AWS_PROFILE");
        doctor.envs([
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("AWS_SESSION_TOKEN", TOKEN),
        ]);
        let report: Value = serde_json::from_slice(&doctor.output().unwrap().stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let findings = findings.filter(|finding| finding["check"] == "permissions");
        let line = |finding: &Value| {
            let text = |name: &str| finding[name].as_str().unwrap();
            format!("{}: {} | {}", text("severity"), text("what"), text("do"))
        };
        findings.map(line).collect::<Vec<_>>()
    };
    let session = "arn:aws:sts::123456789012:assumed-role/Vestibule/i-0123456789abcdef0";
    let all = "sts:AssumeRole, sts:SetSourceIdentity, sts:TagSession";

    // Of the roles of other accounts too: the policy is our own.
    let said = doctor(session, &hub_may(&ACTIONS, "arn:aws:iam::*:role/ADFS-*"));
    let [ok, _] = &said[..] else { panic!("{said:#?}") };
    assert!(ok.starts_with(&format!("ok: {HUB} may {all} on all 2 roles that were looked at")), "{ok}");

    // Beside what deploy/ gives a server, which has a condition that is not about STS.
    let mut server_and_hub: Value = serde_json::from_str(include_str!("../deploy/iam/server.json")).unwrap();
    let statements = server_and_hub["Statement"].as_array_mut().unwrap();
    statements.push(hub_may(&ACTIONS, ROLE)["Statement"][0].clone());
    let said = doctor(session, &server_and_hub);
    let [fault, _] = &said[..] else { panic!("{said:#?}") };
    assert!(fault.starts_with(&format!("fault: {HUB} may not {all} on {OTHER}: STS answers ")), "{fault}");
    assert!(fault.contains("| allow sts:AssumeRole, ") && fault.contains("hub-policy.json"), "{fault}");

    let said = doctor(session, &hub_may(&ACTIONS[..1], "*"));
    let [one, other, wild] = &said[..] else { panic!("{said:#?}") };
    for fault in [one, other] {
        assert!(fault.contains("may not sts:SetSourceIdentity, sts:TagSession on "), "{fault}");
    }
    assert!(wild.starts_with("warning: Vestibule may sts:AssumeRole on everything"), "{wild}");

    // A simulation knows nothing of the call that a condition asks about.
    let mut conditional = hub_may(&ACTIONS, "arn:aws:iam::*:role/ADFS-*");
    conditional["Statement"][0]["Condition"] = json!({ "StringEquals": { "sts:ExternalId": EXTERNAL_ID } });
    let said = doctor(session, &conditional);
    let [one, other, _] = &said[..] else { panic!("{said:#?}") };
    for unknown in [one, other] {
        assert!(
            unknown.starts_with(&format!("unknown: cannot tell: whether {HUB} may assume arn:")),
            "{unknown}"
        );
        assert!(unknown.contains(" depends on sts:ExternalId | read that condition"), "{unknown}");
    }

    // An operator who has a role that IAM does not show, and one who has none.
    let said = doctor("arn:aws:sts::123456789012:assumed-role/Operator/olga", &json!(null));
    assert!(said[0].contains("may assume the people's roles: there is none | run doctor in"), "{said:#?}");
    assert!(said.iter().all(|each| each.starts_with("unknown")) && said.len() == 2, "{said:#?}");
    let said = doctor("arn:aws:iam::123456789012:user/olga", &json!(null));
    let [unknown] = &said[..] else { panic!("{said:#?}") };
    assert!(unknown.starts_with("unknown: ") && unknown.contains("user/olga is no role"), "{unknown}");
    // Unless the configuration names the service's role.
    let file = server.path("vestibule.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let named = format!("kind = \"assume-role\"\nhub_role = \"{HUB}\"");
    std::fs::write(&file, config.replace("kind = \"assume-role\"", &named)).unwrap();
    let said = doctor("arn:aws:iam::123456789012:user/olga", &json!(null));
    assert!(said[0].contains(&format!("whether {HUB} may assume")), "{said:#?}");
}
