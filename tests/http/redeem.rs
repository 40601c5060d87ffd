//! `GET /saml`.

use super::support::faults::{Fault, record};
use super::support::forge;
use super::{ORIGIN, Vestibule, request, settings};
use axum::body::Body;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;
use serde_json::json;
use tower::ServiceExt;
use vestibule::broker::{Binding, EventKind, Jti};
use vestibule::http::router;

#[tokio::test]
async fn a_ticket_and_its_verifier_take_the_credentials_once() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let headers = waiting.headers();

    let answer = vestibule.get("/saml", &headers).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let json = answer.json();
    assert_eq!(json["Version"], 1);
    // The token service knows the credentials as its own.
    let text = |name: &str| json[name].as_str().unwrap();
    let callers = vestibule.service.callers.as_ref().unwrap();
    let caller = callers.caller(text("AccessKeyId"), text("SessionToken"), forge::now()).await.unwrap();
    assert_eq!(json["SecretAccessKey"], caller.secret_access_key.expose_secret());
    assert_eq!(json["Expiration"], "2026-11-23T10:00:00Z");
    assert_eq!(
        (&json["role"], &json["account"], &json["user"]),
        (
            &"arn:aws:iam::123456789012:role/ADFS-Production".into(),
            &"123456789012".into(),
            &"paula@example.com".into()
        )
    );

    vestibule.get("/saml", &headers).await.refused(404, "gone");
    assert_eq!(vestibule.service.history().await, ["login.started", "login.issued", "login.delivered"]);
}

#[tokio::test]
async fn a_bare_token_and_any_case_of_the_scheme_are_accepted() {
    let vestibule = Vestibule::new();
    for scheme in ["", "bearer ", "BEARER  "] {
        let waiting = vestibule.waiting().await;
        let ticket = format!("{scheme}{}", waiting.ticket);
        let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", &waiting.verifier)];
        assert_eq!(vestibule.get("/saml", &headers).await.status, 200, "{scheme:?}");
    }
}

#[tokio::test]
async fn whatever_does_not_hold_is_401_and_consumes_nothing() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let other = vestibule.waiting().await;
    let good = waiting.bearer.as_str();
    let verifier = waiting.verifier.as_str();
    let elsewhere = vestibule.ticket_with(&waiting, |c| c.iss = "https://other.example".into()).await;
    let for_others = vestibule.ticket_with(&waiting, |c| c.aud = "https://other.example".into()).await;
    let over = vestibule.ticket_with(&waiting, |c| c.exp = c.iat).await;
    let mut tampered = waiting.ticket.clone();
    tampered.replace_range(tampered.len() - 6.., "AAAAAA");
    let unsigned = {
        let mut parts = waiting.ticket.split('.');
        let header = URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        let header = forge::replace(std::str::from_utf8(&header).unwrap(), "HS256", "none");
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(header), parts.next().unwrap())
    };
    let basic = format!("Basic {}", waiting.ticket);
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("ticket_missing", &[("vestibule-verifier", verifier)]),
        ("ticket_malformed", &[("authorization", ""), ("vestibule-verifier", verifier)]),
        ("ticket_malformed", &[("authorization", "Bearer"), ("vestibule-verifier", verifier)]),
        ("ticket_malformed", &[("authorization", "Bearer a.b.c"), ("vestibule-verifier", verifier)]),
        ("ticket_malformed", &[("authorization", &basic), ("vestibule-verifier", verifier)]),
        (
            "ticket_malformed",
            &[("authorization", good), ("authorization", good), ("vestibule-verifier", verifier)],
        ),
        ("ticket_malformed", &[("authorization", &unsigned), ("vestibule-verifier", verifier)]),
        ("ticket_invalid", &[("authorization", &tampered), ("vestibule-verifier", verifier)]),
        ("ticket_invalid", &[("authorization", &elsewhere), ("vestibule-verifier", verifier)]),
        ("ticket_invalid", &[("authorization", &for_others), ("vestibule-verifier", verifier)]),
        ("ticket_expired", &[("authorization", &over), ("vestibule-verifier", verifier)]),
        ("verifier_missing", &[("authorization", good)]),
        ("verifier_mismatch", &[("authorization", good), ("vestibule-verifier", &other.verifier)]),
        ("verifier_mismatch", &[("authorization", good), ("vestibule-verifier", "short")]),
        (
            "verifier_mismatch",
            &[("authorization", good), ("vestibule-verifier", verifier), ("vestibule-verifier", verifier)],
        ),
        (
            "cognito_id_mismatch",
            &[
                ("authorization", good),
                ("vestibule-verifier", verifier),
                ("cognito_id", other.session.as_str()),
            ],
        ),
    ];
    for (code, headers) in cases {
        let answer = vestibule.get("/saml", headers).await;
        answer.refused(401, code);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let headers =
        [("authorization", good), ("vestibule-verifier", verifier), ("cognito_id", waiting.session.as_str())];
    assert_eq!(vestibule.get("/saml", &headers).await.status, 200, "it still waited");
}

#[tokio::test]
async fn a_ticket_in_the_query_is_no_ticket() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let path = format!("/saml?jwt={}", waiting.ticket);
    vestibule.get(&path, &[("vestibule-verifier", &waiting.verifier)]).await.refused(401, "ticket_missing");
}

#[tokio::test]
async fn a_session_that_expired_or_never_was_is_gone() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let unknown = vestibule.ticket_with(&waiting, |c| c.sub = "never-seen-before-01".into()).await;
    let another_jti = vestibule.ticket_with(&waiting, |c| c.jti = Jti::from_stored("another".into())).await;
    for ticket in [unknown, another_jti] {
        let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", &waiting.verifier)];
        vestibule.get("/saml", &headers).await.refused(404, "gone");
    }
    let long_lived = vestibule.ticket_with(&waiting, |c| c.exp += 60).await;
    vestibule.service.pass(60);
    let headers = [("authorization", long_lived.as_str()), ("vestibule-verifier", &waiting.verifier)];
    vestibule.get("/saml", &headers).await.refused(404, "gone");
}

/// A clock that was set back would give a ticket of 30 seconds as much longer.
#[tokio::test]
async fn a_ticket_from_the_future_takes_nothing() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let later = |seconds: i64| {
        vestibule.ticket_with(&waiting, move |c| (c.iat, c.exp) = (c.iat + seconds, c.exp + seconds))
    };
    let not_before = vestibule.ticket_with(&waiting, |c| c.nbf = Some(c.iat + 6)).await;
    let authorizer = |ticket: &str| {
        let arn = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/v1/GET/saml";
        let event = json!({ "type": "TOKEN", "methodArn": arn, "authorizationToken": ticket });
        request("POST", "/authorizer", &[], Body::from(event.to_string()))
    };
    for ticket in [later(6).await, later(35).await, not_before] {
        let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", &waiting.verifier)];
        vestibule.get("/saml", &headers).await.refused(401, "ticket_not_yet_valid");
        vestibule.ask(authorizer(&ticket)).await.refused(401, "unauthorized");
    }
    // Our machines' clocks may differ by as much.
    let ticket = later(5).await;
    let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", &waiting.verifier)];
    assert_eq!(vestibule.get("/saml", &headers).await.status, 200);
}

#[tokio::test]
async fn head_takes_nothing() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let headers = waiting.headers();
    let answer = vestibule.ask(request("HEAD", "/saml", &headers, Body::empty())).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, POST, OPTIONS"));
    assert_eq!(vestibule.get("/saml", &headers).await.status, 200, "it still waited");
}

#[tokio::test]
async fn sixty_four_takes_at_once_have_one_winner() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let headers = waiting.headers();
    let mut takes = tokio::task::JoinSet::new();
    for _ in 0..64 {
        takes.spawn(router(vestibule.service.app.clone()).oneshot(request(
            "GET",
            "/saml",
            &headers,
            Body::empty(),
        )));
    }
    let statuses: Vec<u16> =
        takes.join_all().await.into_iter().map(|a| a.unwrap().status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|s| **s == 200).count(), 1);
    assert_eq!(statuses.iter().filter(|s| **s == 404).count(), 63);
    assert_eq!(vestibule.service.count(EventKind::Delivered).await, 1);
}

#[tokio::test]
async fn plain_binding_answers_as_the_2017_sample_did() {
    let vestibule = Vestibule::with(Binding::Plain, settings());
    let waiting = vestibule.waiting().await;
    let ticket = waiting.ticket.as_str();
    vestibule.get("/saml", &[("authorization", ticket)]).await.refused(401, "cognito_id_missing");
    let headers = [("authorization", ticket), ("COGNITO_ID", waiting.session.as_str())];
    let json = vestibule.get("/saml", &headers).await.json();
    let key_id = &json["Attributes"]["credentials"]["M"]["Credentials"]["M"]["AccessKeyId"]["S"];
    assert!(key_id.as_str().unwrap().starts_with("LOCAL"), "{json}");
}

#[tokio::test]
async fn each_fault_of_the_world_has_its_answer() {
    let cases = [
        ("take", Fault::Down, "store_unavailable", "1"),
        ("verify", Fault::Down, "keys_unavailable", "1"),
        ("take", Fault::AnswerLost, "delivery_uncertain", ""),
        (&record(EventKind::Delivered), Fault::Down, "delivery_uncertain", ""),
    ];
    for (step, fault, code, retry_after) in cases {
        let vestibule = Vestibule::new();
        let waiting = vestibule.waiting().await;
        vestibule.service.plan.at(step, fault);
        let headers = [
            ("authorization", waiting.bearer.as_str()),
            ("vestibule-verifier", &waiting.verifier),
            ("origin", ORIGIN),
        ];
        let answer = vestibule.get("/saml", &headers).await;
        answer.refused(503, code);
        assert_eq!(answer.header("retry-after"), retry_after);
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
        // The marks of its access key ids and its session tokens.
        assert!(!answer.body.contains("LOCAL") && !answer.body.contains("local."));
        assert_eq!(vestibule.service.count(EventKind::Delivered).await, 0);
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_cannot_stop_a_delivery_half_way() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.waiting().await;
    let headers = waiting.headers();
    let gate = vestibule.service.plan.hold_takes().await;
    let take = tokio::spawn(router(vestibule.service.app.clone()).oneshot(request(
        "GET",
        "/saml",
        &headers,
        Body::empty(),
    )));
    vestibule.service.plan.take_came().await;
    take.abort();
    assert!(take.await.unwrap_err().is_cancelled());
    drop(gate);
    vestibule.service.app.idle().await;
    assert_eq!(vestibule.service.history().await.last().unwrap(), "login.delivered");
}
