//! The AWS token service against a strict STS on loopback: what is asked, what comes
//! back, and what it makes of refusals, faults and outages.
#![allow(clippy::disallowed_methods, reason = "how long an outage was waited for is what is asked")]

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::aws::{Emulators, PROVIDER, REGION, Service};
use support::contract::token_service::{self, Wanted};
use support::fault_proxy::{Fault, FaultProxy, Rule};
use support::forge::{self, Forge};
use support::grants;
use support::sts::{Sts, metadata};
use vestibule::adapters::aws::{AwsSts, Sdk};
use vestibule::broker::Credentials;
use vestibule::broker::ports::{TokenService, TokenServiceError};
use vestibule::config::StsOperation;
use vestibule::roles::Grant;

const SAML: StsOperation = StsOperation::AssumeRoleWithSaml;

/// AWS, at the time at which everything of the forge is issued.
struct Aws {
    emulators: Arc<Emulators>,
    proxy: FaultProxy,
}

impl Aws {
    fn start() -> Self {
        let emulators = Emulators::start();
        emulators.trust(&metadata(&forge::rsa().certificate));
        emulators.sts_set("clock", &json!({ "now": forge::at(0) }));
        emulators.create_role("ADFS-Production", forge::ACS, 43_200);
        emulators.create_role("ADFS-Dev", forge::ACS, 3_600);
        emulators.create_role("ADFS-Audit", "https://signin.aws.amazon.com/saml", 3_600);
        let proxy = FaultProxy::start(&emulators.endpoint(Service::Sts));
        Self { emulators: Arc::new(emulators), proxy }
    }

    async fn token_service(&self) -> AwsSts {
        self.issuer_within(Duration::from_secs(15)).await
    }

    async fn issuer_within(&self, timeout: Duration) -> AwsSts {
        AwsSts::open(&Sdk::default(), &[(REGION, Some(&self.proxy.url))], timeout, SAML).await
    }

    /// How often STS was asked by way of the proxy.
    fn asked(&self) -> usize {
        self.proxy.counts().get("AssumeRoleWithSAML").copied().unwrap_or_default()
    }
}

async fn ask(token_service: &AwsSts, grant: &Grant) -> Result<Credentials, TokenServiceError> {
    token_service.assume_role(grant, forge::now()).await
}

fn dev() -> Grant {
    grants::grant_for(&Forge::default(), "ADFS-Dev", &Wanted::default())
}

#[tokio::test]
async fn sts_keeps_the_issuers_contract() {
    let aws = Aws::start();
    let sts = Sts::new(aws.token_service().await, aws.emulators.clone(), time::Duration::hours(12));
    token_service::credentials_live_as_long_as_granted(&sts).await;
    token_service::credentials_do_not_outlive_the_identity_providers_session(&sts).await;
    token_service::a_session_that_is_over_gets_nothing(&sts).await;
    token_service::no_two_credentials_are_the_same(&sts).await;
}

#[tokio::test]
async fn sts_is_asked_with_the_response_as_it_came_and_without_a_signature() {
    let aws = Aws::start();
    let policy =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::123456789012:policy/Scope"];
    let wanted = Wanted {
        duration: time::Duration::minutes(20),
        session_policy: Some(policy.to_owned()),
        policy_arns: arns.map(str::to_owned).to_vec(),
        ..Wanted::default()
    };
    let credentials =
        ask(&aws.token_service().await, &grants::grant_for(&Forge::default(), "ADFS-Dev", &wanted)).await;
    let credentials = credentials.unwrap();
    assert!(credentials.access_key_id.starts_with("ASIA"));

    let calls = aws.emulators.sts_calls();
    assert_eq!(calls.len(), 1);
    assert_eq!((&calls[0]["signed"], &calls[0]["result"]), (&json!(false), &json!("OK")));
    assert_eq!(calls[0]["access_key_id"], json!(credentials.access_key_id));
    let expected: Value = json!({
        "Action": "AssumeRoleWithSAML",
        "Version": "2011-06-15",
        "RoleArn": "arn:aws:iam::123456789012:role/ADFS-Dev",
        "PrincipalArn": PROVIDER,
        "SAMLAssertion": STANDARD.encode(Forge::default().xml()),
        "DurationSeconds": "1200",
        "Policy": policy,
        "PolicyArns.member.1.arn": arns[0],
        "PolicyArns.member.2.arn": arns[1],
    });
    assert_eq!(calls[0]["parameters"], expected);
}

#[tokio::test]
async fn each_refusal_has_its_own_error_and_is_asked_once() {
    let aws = Aws::start();
    let token_service = aws.token_service().await;
    let refused = async |grant: Grant, error: TokenServiceError| {
        let before = aws.asked();
        assert_eq!(ask(&token_service, &grant).await.unwrap_err(), error);
        assert_eq!(aws.asked() - before, 1, "{error} was asked again");
    };
    let on = |role: &str, wanted: Wanted| grants::grant_for(&Forge::default(), role, &wanted);
    let with_policy =
        |policy: String| on("ADFS-Dev", Wanted { session_policy: Some(policy), ..Wanted::default() });

    // As STS itself says it: the role pinned to AWS's own page, the role's maximum, the policies.
    refused(on("ADFS-Audit", Wanted::default()), TokenServiceError::NotTrusted).await;
    let long = Wanted { duration: time::Duration::hours(12), ..Wanted::default() };
    refused(on("ADFS-Dev", long), TokenServiceError::DurationTooLong).await;
    refused(with_policy("{\"Version\":\"2012-10-17\"}".to_owned()), TokenServiceError::PolicyMalformed).await;
    // Hardly compressible, as STS packs it: some 1,400 bytes.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    })
    .take(1_420)
    .collect();
    let large = format!(
        r#"{{"Statement":[{{"Effect":"Allow","Action":"*","Resource":"{}"}}]}}"#,
        STANDARD.encode(noise)
    );
    refused(with_policy(large), TokenServiceError::PolicyTooLarge).await;

    // The identity provider's certificate was renewed, and IAM's copy of the metadata was not.
    aws.emulators.trust(&metadata(&forge::stranger().certificate));
    refused(dev(), TokenServiceError::AssertionInvalid).await;
    aws.emulators.trust(&metadata(&forge::rsa().certificate));

    aws.emulators.sts_set("clock", &json!({ "now": forge::at(5 * 60 + 1) }));
    refused(dev(), TokenServiceError::AssertionExpired).await;
    aws.emulators.sts_set("clock", &json!({ "now": forge::at(0) }));

    // What only the real STS says.
    for (status, code, error) in [
        (403, "IDPRejectedClaim", TokenServiceError::ClaimRejected),
        (403, "RegionDisabledException", TokenServiceError::RegionDisabled),
        (400, "ValidationError", TokenServiceError::Refused),
        (400, "SomethingNew", TokenServiceError::Refused),
    ] {
        aws.proxy
            .add(Rule::on("AssumeRoleWithSAML", Fault::xml(status, code, "as the test wants it")).times(1));
        refused(dev(), error).await;
    }
    ask(&token_service, &dev()).await.expect("control");
}

#[tokio::test]
async fn a_role_of_another_partition_is_refused_without_asking() {
    let aws = Aws::start();
    let token_service = AwsSts::open(
        &Sdk::default(),
        &[("us-gov-west-1", Some(&aws.proxy.url))],
        Duration::from_secs(5),
        SAML,
    )
    .await;
    assert_eq!(ask(&token_service, &dev()).await.unwrap_err(), TokenServiceError::WrongPartition);
    assert_eq!(aws.asked(), 0);
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    let aws = Aws::start();
    let token_service = aws.token_service().await;
    for fault in [
        Fault::xml(400, "Throttling", "Rate exceeded"),
        Fault::xml(503, "ServiceUnavailable", "later"),
        Fault::xml(500, "InternalFailure", "oops"),
        Fault::Drop,
        Fault::LoseAnswer,
    ] {
        let before = aws.asked();
        let told = format!("{fault:?}");
        aws.proxy.add(Rule::on("AssumeRoleWithSAML", fault).times(1));
        ask(&token_service, &dev()).await.unwrap_or_else(|e| panic!("{e}: {told}"));
        assert_eq!(aws.asked() - before, 2, "{told}");
    }
}

#[tokio::test]
async fn an_outage_is_asked_three_times_and_named() {
    let mut aws = Aws::start();
    for (fault, error) in [
        (Fault::xml(400, "Throttling", "Rate exceeded"), TokenServiceError::Throttled),
        (Fault::xml(503, "ServiceUnavailable", "later"), TokenServiceError::Unavailable),
        (Fault::Drop, TokenServiceError::Unavailable),
    ] {
        aws.proxy.reset();
        let before = aws.asked();
        aws.proxy.add(Rule::on("AssumeRoleWithSAML", fault));
        assert_eq!(ask(&aws.token_service().await, &dev()).await.unwrap_err(), error);
        assert_eq!(aws.asked() - before, 3, "{error}");
    }
    aws.proxy.reset();
    aws.proxy.die();
    assert_eq!(ask(&aws.token_service().await, &dev()).await.unwrap_err(), TokenServiceError::Unavailable);
}

#[tokio::test]
async fn a_page_of_a_proxy_is_not_an_answer_of_sts() {
    let aws = Aws::start();
    let page = support::wire::Reply::new(403, "text/html", "<html>Blocked by policy</html>");
    aws.proxy.add(Rule::on("AssumeRoleWithSAML", Fault::Answer(page)));
    assert_eq!(ask(&aws.token_service().await, &dev()).await.unwrap_err(), TokenServiceError::Unavailable);
}

#[tokio::test]
async fn silence_ends_within_the_time_that_was_given() {
    let aws = Aws::start();
    aws.proxy.add(Rule::on("AssumeRoleWithSAML", Fault::Delay(Duration::from_secs(30))));
    let began = Instant::now();
    let silent = ask(&aws.issuer_within(Duration::from_secs(5)).await, &dev()).await;
    assert_eq!(silent.unwrap_err(), TokenServiceError::Timeout);
    let waited = began.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn the_next_region_is_asked_during_an_outage_and_only_then() {
    let mut aws = Aws::start();
    let spare = FaultProxy::start(&aws.emulators.endpoint(Service::Sts));
    let regions = [(REGION, Some(aws.proxy.url.as_str())), ("eu-west-1", Some(spare.url.as_str()))];
    let token_service = AwsSts::open(&Sdk::default(), &regions, Duration::from_secs(15), SAML).await;
    let asked_spare = || spare.counts().get("AssumeRoleWithSAML").copied().unwrap_or_default();

    ask(&token_service, &dev()).await.unwrap();
    let refused = grants::grant_for(&Forge::default(), "ADFS-Audit", &Wanted::default());
    assert_eq!(ask(&token_service, &refused).await.unwrap_err(), TokenServiceError::NotTrusted);
    assert_eq!((aws.asked(), asked_spare()), (2, 0), "a refusal is a refusal everywhere");

    aws.proxy.add(Rule::on("AssumeRoleWithSAML", Fault::xml(503, "ServiceUnavailable", "later")));
    ask(&token_service, &dev()).await.unwrap();
    assert_eq!((aws.asked(), asked_spare()), (4, 1), "two attempts, then the next region");

    aws.proxy.die();
    ask(&token_service, &dev()).await.unwrap();
    assert_eq!(asked_spare(), 2);
}
