//! The authorizer, as API Gateway asks it.

use super::support::faults::Fault;
use super::support::forge;
use super::{Vestibule, Waiting, request};
use axum::body::Body;
use serde_json::{Value, json};
use vestibule::http::authorizer::authorize;

const ARN: &str = "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/saml";

fn rest_token(waiting: &Waiting) -> Value {
    json!({ "type": "TOKEN", "methodArn": ARN, "authorizationToken": format!("Bearer {}", waiting.ticket) })
}

fn rest_request(waiting: &Waiting) -> Value {
    json!({
        "type": "REQUEST",
        "methodArn": ARN,
        "headers": { "Authorization": waiting.ticket, "VESTIBULE-verifier": waiting.verifier },
        "multiValueHeaders": { "Authorization": [waiting.ticket], "VESTIBULE-verifier": [waiting.verifier] },
    })
}

fn http_api(waiting: &Waiting) -> Value {
    json!({
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": ARN.replace("prod", "$default"),
        "headers": { "authorization": waiting.ticket, "vestibule-verifier": waiting.verifier },
    })
}

async fn route(vestibule: &Vestibule, event: &Value) -> (u16, Value) {
    let answer = vestibule.ask(request("POST", "/authorizer", &[], Body::from(event.to_string()))).await;
    (answer.status.as_u16(), answer.json())
}

#[tokio::test]
async fn rest_events_get_a_policy_for_exactly_get_saml() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    for event in [rest_token(&waiting), rest_request(&waiting)] {
        let expected = json!({
            "principalId": waiting.session.as_str(),
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [{ "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN }],
            },
            "context": { "session": waiting.session.as_str() },
        });
        assert_eq!(route(&vestibule, &event).await, (200, expected));
    }
}

#[tokio::test]
async fn http_api_events_get_the_simple_response() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let expected = json!({ "isAuthorized": true, "context": { "session": waiting.session.as_str() } });
    assert_eq!(route(&vestibule, &http_api(&waiting)).await, (200, expected));
}

/// Where the gateway hands the `Origin` on, it is judged as at the take itself.
#[tokio::test]
async fn attack_a_hostile_page_passes_the_authorizer_with_anothers_ticket() {
    let page = vestibule::broker::Page {
        name: "wiki".into(),
        redirect_url: "https://wiki.example.com/".into(),
        origin: "https://wiki.example.com".into(),
        choose: false,
    };
    let vestibule = Vestibule::of(super::settings(), |settings| {
        settings.pages = vestibule::broker::Pages::new(vec![page])
    });
    let waiting = vestibule.waiting().await;
    for (origin, status) in [(super::ORIGIN, 200), ("https://wiki.example.com", 401)] {
        for event in [rest_request(&waiting), http_api(&waiting)] {
            let mut event = event;
            event["headers"]["Origin"] = json!(origin);
            assert_eq!(route(&vestibule, &event).await.0, status, "{event}");
        }
    }
}

#[tokio::test]
async fn asking_consumes_nothing() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    for _ in 0..3 {
        assert_eq!(route(&vestibule, &rest_request(&waiting)).await.0, 200);
    }
    assert_eq!(vestibule.service.history().await, ["login.started", "login.issued"]);
    let headers = waiting.headers();
    assert_eq!(vestibule.get("/saml", &headers).await.status, 200);
}

/// It sees no reason, and leaves the question to `GET /saml`.
#[tokio::test]
async fn a_ticket_that_asks_for_a_reason_is_passed_on() {
    let vestibule = Vestibule::asking("Which ticket?");
    let waiting = vestibule.waiting().await;
    for event in [rest_request(&waiting), http_api(&waiting)] {
        assert_eq!(route(&vestibule, &event).await.0, 200);
    }
    vestibule.service.pass(299);
    assert_eq!(route(&vestibule, &rest_request(&waiting)).await.0, 200);
    vestibule.service.pass(1);
    assert_eq!(route(&vestibule, &rest_request(&waiting)).await.0, 401);
}

#[tokio::test]
async fn everything_else_is_unauthorized() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let other = vestibule.waiting().await;
    let with = |mut event: Value, pointer: &str, value: Value| {
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    let broker = &vestibule.service.broker;
    let tests = [
        ("event_malformed", json!({})),
        ("event_malformed", json!([])),
        ("event_malformed", json!("TOKEN")),
        ("event_malformed", with(rest_token(&waiting), "/type", json!("token"))),
        ("event_malformed", with(rest_token(&waiting), "/authorizationToken", json!(7))),
        ("arn_refused", with(rest_token(&waiting), "/methodArn", json!(ARN.replace("GET", "*")))),
        ("arn_refused", with(rest_token(&waiting), "/methodArn", json!(ARN.replace("GET", "POST")))),
        ("arn_refused", with(http_api(&waiting), "/routeArn", json!(ARN.replace("prod", "*")))),
        ("ticket_malformed", with(rest_token(&waiting), "/authorizationToken", json!("Bearer x"))),
        ("ticket_missing", with(rest_request(&waiting), "/headers", json!({}))),
        ("verifier_mismatch", with(http_api(&waiting), "/headers/vestibule-verifier", json!(other.verifier))),
        (
            "duplicate_header",
            with(rest_request(&waiting), "/headers/VESTIBULE-verifier", json!(other.verifier)),
        ),
        (
            "duplicate_header",
            with(
                rest_request(&waiting),
                "/multiValueHeaders/Authorization",
                json!([waiting.ticket, other.ticket]),
            ),
        ),
    ];
    for (reason, mut event) in tests {
        if reason == "ticket_missing" {
            event.as_object_mut().unwrap().remove("multiValueHeaders");
        }
        let refused = authorize(broker, &event, forge::now()).await.unwrap_err();
        assert_eq!((refused.reason(), refused.to_string().as_str()), (reason, "Unauthorized"), "{event}");
        let (status, answer) = route(&vestibule, &event).await;
        assert_eq!((status, &answer["message"]), (401, &json!("Unauthorized")));
    }
}

#[tokio::test]
async fn a_ticket_that_has_expired_is_unauthorized() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    vestibule.service.pass(30);
    let broker = &vestibule.service.broker;
    let now = broker.ports().clock.now();
    let refused = authorize(broker, &rest_token(&waiting), now).await.unwrap_err();
    assert_eq!(refused.reason(), "ticket_expired");
}

#[tokio::test]
async fn a_key_ring_that_does_not_answer_is_not_the_ticket_s_fault() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    vestibule.service.plan.at("verify", Fault::Down);
    let (status, answer) = route(&vestibule, &rest_token(&waiting)).await;
    assert_eq!((status, &answer["error"]), (503, &json!("keys_unavailable")));
}

#[tokio::test]
async fn what_is_not_an_event_or_too_long_is_refused() {
    let vestibule = Vestibule::new();
    let answer = vestibule.ask(request("POST", "/authorizer", &[], Body::from("not json"))).await;
    answer.refused(400, "event_malformed");
    let long = format!("\"{}\"", "x".repeat(64 * 1024));
    vestibule.ask(request("POST", "/authorizer", &[], Body::from(long))).await.refused(413, "body_too_large");
    // Nested deeper than any parser's stack.
    let deep = "[".repeat(60_000);
    vestibule
        .ask(request("POST", "/authorizer", &[], Body::from(deep)))
        .await
        .refused(400, "event_malformed");
    vestibule.get("/authorizer", &[]).await.refused(405, "method_not_allowed");
}
