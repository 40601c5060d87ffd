//! `GET /saml`.

use super::support::faults::{Fault, record};
use super::support::forge;
use super::support::test_service::production_that_asks;
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

const ASK: &str = "Which \"incident\" or <ticket> is this for, \u{1f511}?";

#[tokio::test]
async fn a_rule_asks_and_the_answer_takes() {
    let vestibule = Vestibule::asking(ASK);
    let waiting = vestibule.waiting().await;
    let [ticket, verifier] = waiting.headers();
    let from_page = [ticket, verifier, ("origin", ORIGIN), ("accept-language", "de")];
    let answer = vestibule.get("/saml", &from_page).await;
    answer.refused(428, "reason_required");
    assert_eq!(answer.json()["ask"], ASK, "the operator's own words, in any language");
    assert!(answer.json()["message"].as_str().unwrap().starts_with("Wer diese Rolle nutzt"));
    assert_eq!(answer.json().get("retry_after"), None, "the same call will not succeed");
    // The page may read it.
    assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);

    let long = "x".repeat(501);
    for bad in ["", " ", "%0a", "a%0d%0aSet-Cookie:%20a=b", "%e2%80%ae", "%ff", "100%", long.as_str()] {
        let answer = vestibule.get("/saml", &[ticket, verifier, ("vestibule-reason", bad)]).await;
        answer.refused(400, "reason_malformed");
        assert_eq!(answer.json()["ask"], ASK, "{bad:?}");
    }
    let twice = [ticket, verifier, ("vestibule-reason", "INC-1"), ("vestibule-reason", "INC-1")];
    vestibule.get("/saml", &twice).await.refused(400, "reason_malformed");

    let good = [ticket, verifier, ("vestibule-reason", "INC-4711%2C%20caf%C3%A9")];
    let answer = vestibule.get("/saml", &good).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(!answer.body.contains("INC-4711"), "it is for the record");
    vestibule.get("/saml", &good).await.refused(404, "gone");
    let events = vestibule.service.audit().await;
    let recorded: Vec<_> = events.iter().filter_map(|event| event.subject.reason.as_ref()).collect();
    assert_eq!(recorded.iter().map(|reason| reason.as_str()).collect::<Vec<_>>(), ["INC-4711, caf\u{e9}"]);
}

/// Ticket, verifier and COGNITO_ID come first: who is not the browser that began is asked
/// nothing.
#[tokio::test]
async fn whatever_else_does_not_hold_is_said_before_the_reason() {
    let vestibule = Vestibule::asking(ASK);
    let waiting = vestibule.waiting().await;
    let other = vestibule.waiting().await;
    let [ticket, verifier] = waiting.headers();
    let cases: [(&str, &[(&str, &str)]); 4] = [
        ("ticket_missing", &[verifier]),
        ("verifier_missing", &[ticket]),
        ("verifier_mismatch", &[ticket, ("vestibule-verifier", &other.verifier)]),
        ("cognito_id_mismatch", &[ticket, verifier, ("cognito_id", &other.session)]),
    ];
    for (code, headers) in cases {
        for reason in [&[][..], &[("vestibule-reason", "INC-1")], &[("vestibule-reason", "%0a")]] {
            let answer = vestibule.get("/saml", &[headers, reason].concat()).await;
            answer.refused(401, code);
            assert_eq!(answer.json().get("ask"), None);
        }
    }
    let answer = vestibule.get("/saml", &[ticket, verifier, ("vestibule-reason", "INC-1")]).await;
    assert_eq!(answer.status, 200, "it still waited");
}

/// The question is in the ticket, which the page holds: who wants the role without a
/// reason would take it out.
#[tokio::test]
async fn attack_the_question_taken_out_of_the_ticket() {
    let vestibule = Vestibule::asking(ASK);
    let waiting = vestibule.waiting().await;
    let [header, payload, signature] = &waiting.ticket.split('.').collect::<Vec<_>>()[..] else {
        panic!("three parts")
    };
    let mut claims: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!(claims["ask"], ASK);
    let unsigned = URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "kid": "x" }).to_string());
    for ask in [None, Some(json!(null)), Some(json!(""))] {
        match ask {
            None => claims.as_object_mut().unwrap().remove("ask"),
            Some(ask) => claims.as_object_mut().unwrap().insert("ask".into(), ask),
        };
        let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        for ticket in [format!("{header}.{payload}.{signature}"), format!("{unsigned}.{payload}.")] {
            let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", &waiting.verifier)];
            let answer = vestibule.get("/saml", &headers).await;
            assert_eq!(answer.status, 401, "{}", answer.body);
        }
    }
    vestibule.get("/saml", &waiting.headers()).await.refused(428, "reason_required");
    assert_eq!(vestibule.service.count(EventKind::Delivered).await, 0);
}

/// A ticket that is too long is refused unread: then nobody would ever get the role.
#[tokio::test]
async fn the_longest_question_fits_into_a_ticket() {
    let longest = "\u{1f511}".repeat(200);
    let vestibule = Vestibule::of(settings(), |broker| {
        broker.rules = production_that_asks(Some(&longest));
        broker.tickets.issuer = format!("https://vestibule.example.com/{}", "x".repeat(200));
    });
    let waiting = vestibule.waiting().await;
    let [ticket, verifier] = waiting.headers();
    let answer = vestibule.get("/saml", &[ticket, verifier]).await;
    answer.refused(428, "reason_required");
    assert_eq!(answer.json()["ask"], longest.as_str());
    let reason = "%F0%9F%94%91".repeat(500);
    let answer = vestibule.get("/saml", &[ticket, verifier, ("vestibule-reason", &reason)]).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
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
