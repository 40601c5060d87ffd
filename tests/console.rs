//! Signing in to the AWS console: what is asked of the federation endpoint, what becomes of its
//! answers, and that no secret is anywhere else than in the request's body and the address.
#![allow(clippy::disallowed_methods, reason = "how long it was waited for is what is asked")]

mod support;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use support::federation::{Answer, CANARY, FederationEndpoint};
use support::log::Log;
use support::process::free_port;
use time::OffsetDateTime;
use vestibule::adapters::aws::AwsConsole;
use vestibule::broker::ports::ConsoleSignIn;
use vestibule::broker::{ConsoleError, Credentials};
use vestibule::config::ConsoleFederation;
use vestibule::service::{LineFormat, SpanFields};

const HOME: &str = "https://console.aws.amazon.com/";
const EC2: &str = "https://eu-central-1.console.aws.amazon.com/ec2/home?region=eu-central-1#Instances:";
const ISSUER: &str = "https://vestibule.example.com";
const KEY: &str = "CANARY-secret-key/+\"=";
const TOKEN: &str = "CANARY-session-token/+&=%";

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "ASIAIOSFODNN7EXAMPLE".into(),
        secret_access_key: KEY.into(),
        session_token: TOKEN.into(),
        expiration: OffsetDateTime::UNIX_EPOCH,
    }
}

fn console_at(endpoint: &str) -> AwsConsole {
    let endpoint = Some(endpoint.to_owned());
    AwsConsole::new(&ConsoleFederation { endpoint, region: "eu-central-1".into(), issuer: ISSUER.into() })
}

async fn sign_in(endpoint: &str, destination: &str) -> Result<SecretString, ConsoleError> {
    console_at(endpoint).sign_in(&credentials(), "aws", destination).await
}

fn query_of(address: &str) -> BTreeMap<String, String> {
    let query = address.split_once('?').unwrap().1;
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn credentials_become_an_address_that_signs_in() {
    let endpoint = FederationEndpoint::start();
    for destination in [HOME, EC2] {
        let address = sign_in(&endpoint.url, destination).await.unwrap();
        let address = address.expose_secret();
        assert!(address.starts_with(&format!("{}/federation?", endpoint.url)), "{address}");
        assert!(!address.contains('#') && !address.contains(KEY) && !address.contains("session-token"));
        let query = query_of(address);
        let names: Vec<&str> = query.keys().map(String::as_str).collect();
        assert_eq!(names, ["Action", "Destination", "Issuer", "SigninToken"]);
        let said = (query["Action"].as_str(), query["Destination"].as_str(), query["Issuer"].as_str());
        assert_eq!(said, ("login", destination, ISSUER));
        let session =
            json!({ "sessionId": "ASIAIOSFODNN7EXAMPLE", "sessionKey": KEY, "sessionToken": TOKEN });
        assert_eq!(endpoint.session(&query["SigninToken"]).unwrap(), *session.as_object().unwrap());

        let agent = ureq::Agent::config_builder().max_redirects(0).max_redirects_will_error(false).build();
        let signed_in = agent.new_agent().get(address).call().unwrap();
        assert_eq!(
            (signed_in.status().as_u16(), &signed_in.headers()["location"]),
            (302, &destination.parse().unwrap())
        );
    }
    let asked: Vec<_> = endpoint.requests().into_iter().filter(|request| request.method == "POST").collect();
    assert_eq!(asked.len(), 2);
    for request in asked {
        assert_eq!(request.target, "/federation", "a secret in a query");
        // It is what `SessionDuration` would be for; chained roles' credentials are refused with it.
        assert!(!request.text().contains("Duration"));
        assert!(request.headers.iter().all(|(_, value)| !value.contains("CANARY")));
    }
}

#[tokio::test]
async fn each_bad_answer_is_an_error_and_shows_no_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().fmt_fields(SpanFields).event_format(LineFormat::Json);
    let subscriber = subscriber.with_max_level(tracing::Level::TRACE).with_writer(log.clone()).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let endpoint = FederationEndpoint::start();
    let text = |text: &str| Answer::Text(format!("{text}{CANARY}"));
    let (refused, unavailable) = (ConsoleError::Refused, ConsoleError::Unavailable);
    // How often it is asked: again after an outage alone.
    for (answer, error, times, hint) in [
        (Answer::Status(400), refused, 1, "does not take the role's credentials"),
        (Answer::Status(401), refused, 1, "does not take the role's credentials"),
        (Answer::Status(403), refused, 1, "does not take the role's credentials"),
        (Answer::Status(429), unavailable, 1, "throttles"),
        (Answer::Status(500), unavailable, 2, "a fault of its own"),
        (Answer::Status(503), unavailable, 2, "a fault of its own"),
        (Answer::Redirect, unavailable, 1, "redirects are not followed"),
        (text("<html>"), unavailable, 1, "is not the federation endpoint's"),
        (text("{\"SigninToken\":\""), unavailable, 1, "is not the federation endpoint's"),
        (
            Answer::Text(format!("{{\"Token\":\"{CANARY}\"}}")),
            unavailable,
            1,
            "is not the federation endpoint's",
        ),
        (Answer::Text("{\"SigninToken\":\"\"}".into()), unavailable, 1, "is not the federation endpoint's"),
        (Answer::Text("{\"SigninToken\":7}".into()), unavailable, 1, "is not the federation endpoint's"),
        (Answer::Text(String::new()), unavailable, 1, "is not the federation endpoint's"),
        (Answer::Huge, unavailable, 1, "is not the federation endpoint's"),
        (Answer::HangUp, unavailable, 2, "cannot be reached, or does not answer"),
    ] {
        let (before, said_before) = (endpoint.requests().len(), log.text().len());
        endpoint.answer(answer.clone());
        let result = sign_in(&endpoint.url, EC2).await;
        assert_eq!(result.unwrap_err(), error, "{answer:?}");
        assert_eq!(endpoint.requests().len() - before, times, "{answer:?}");
        let said = log.text()[said_before..].to_owned();
        assert!(said.contains(hint) && said.contains(error.code()), "{answer:?}\n{said}");
        if let Answer::Status(status) = answer {
            assert!(said.contains(&format!("\"status\":{status}")), "{said}");
        }
    }
    // Nobody is there.
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    assert_eq!(sign_in(&nowhere, HOME).await.unwrap_err(), unavailable);
    assert!(log.text().contains("onnection refused"), "{}", log.text());

    endpoint.answer(Answer::Token);
    let console = console_at(&endpoint.url);
    let address = console.sign_in(&credentials(), "aws", HOME).await.unwrap();
    for (place, text) in
        [("the log", log.text()), ("Debug", format!("{console:?} {address:?} {refused:?} {unavailable:?}"))]
    {
        assert!(!text.contains("CANARY") && !text.contains("SigninToken"), "{place}: {text}");
    }
}

#[tokio::test]
async fn an_outage_is_asked_again_once() {
    let endpoint = FederationEndpoint::start();
    endpoint.answer(Answer::FailsOnce);
    let address = sign_in(&endpoint.url, HOME).await.unwrap();
    assert!(endpoint.session(&query_of(address.expose_secret())["SigninToken"]).is_some());
    assert_eq!(endpoint.requests().len(), 2);
}

/// STS may take 20 s before, and the reservation of a login ends after 60.
#[tokio::test]
async fn a_slow_endpoint_is_waited_for_ten_seconds_at_most() {
    let endpoint = FederationEndpoint::start();
    endpoint.answer(Answer::After(Duration::from_secs(30)));
    let asked = Instant::now();
    assert_eq!(sign_in(&endpoint.url, HOME).await.unwrap_err(), ConsoleError::Unavailable);
    let waited = asked.elapsed();
    assert!(waited < Duration::from_secs(10) && waited > Duration::from_secs(5), "{waited:?}");
}

/// Credentials of one partition are never sent to another's endpoint.
#[tokio::test]
async fn a_partition_without_a_known_endpoint_is_not_asked() {
    let federation =
        ConsoleFederation { endpoint: None, region: "eusc-de-east-1".into(), issuer: ISSUER.into() };
    for (partition, endpoint) in [
        ("aws", Some("https://signin.aws.amazon.com/federation")),
        ("aws-us-gov", Some("https://signin.amazonaws-us-gov.com/federation")),
        ("aws-cn", Some("https://signin.amazonaws.cn/federation")),
        ("aws-eusc", Some("https://eusc-de-east-1.signin.amazonaws-eusc.eu/federation")),
        ("aws-iso", None),
    ] {
        assert_eq!(federation.address(partition).as_deref(), endpoint);
    }
    let console = AwsConsole::new(&federation);
    let asked = console.sign_in(&credentials(), "aws-iso", HOME).await;
    assert_eq!(asked.unwrap_err(), ConsoleError::Unavailable);
}

#[tokio::test]
async fn whether_it_can_be_reached_is_asked_without_credentials() {
    let endpoint = FederationEndpoint::start();
    AwsConsole::reach(&format!("{}/federation", endpoint.url)).await.unwrap();
    assert_eq!(endpoint.requests()[0].text(), "Action=getSigninToken");
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    assert!(AwsConsole::reach(&nowhere).await.unwrap_err().contains("onnection refused"));
}
