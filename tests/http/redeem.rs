//! `GET /saml`.

use super::fake_world::{ACCESS_KEY_ID, FakeWorld, Faults, ROLE, SECRET_ACCESS_KEY, SESSION_TOKEN, Waiting};
use super::{ORIGIN, Vestibule, request, settings};
use axum::body::Body;
use time::Duration;
use tower::ServiceExt;
use vestibule::broker::{Binding, EventKind, SessionId};
use vestibule::http::router;

fn bearer(waiting: &Waiting) -> String {
    format!("Bearer {}", waiting.ticket)
}

#[tokio::test]
async fn a_ticket_and_its_verifier_take_the_credentials_once() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.world.waiting(Binding::Challenge).await;
    let ticket = bearer(&waiting);
    let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", &waiting.verifier)];

    let answer = vestibule.get("/saml", &headers).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let json = answer.json();
    assert_eq!(json["Version"], 1);
    assert_eq!(json["AccessKeyId"], ACCESS_KEY_ID);
    assert_eq!(json["SecretAccessKey"], SECRET_ACCESS_KEY);
    assert_eq!(json["SessionToken"], SESSION_TOKEN);
    assert_eq!(json["Expiration"], "2026-11-23T07:00:00Z");
    assert_eq!(
        (&json["role"], &json["account"], &json["user"]),
        (&ROLE.into(), &"123456789012".into(), &"alice@example.com".into())
    );

    vestibule.get("/saml", &headers).await.refused(404, "gone");
    assert_eq!(vestibule.world.audited(), [EventKind::Started, EventKind::Issued, EventKind::Delivered]);
}

#[tokio::test]
async fn a_bare_token_and_any_case_of_the_scheme_are_accepted() {
    let vestibule = Vestibule::new();
    for scheme in ["", "bearer ", "BEARER  "] {
        let waiting = vestibule.world.waiting(Binding::Challenge).await;
        let ticket = format!("{scheme}{}", waiting.ticket);
        let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", &waiting.verifier)];
        assert_eq!(vestibule.get("/saml", &headers).await.status, 200, "{scheme:?}");
    }
}

#[tokio::test]
async fn whatever_does_not_hold_is_401_and_consumes_nothing() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.world.waiting(Binding::Challenge).await;
    let other = vestibule.world.waiting(Binding::Challenge).await;
    let good = bearer(&waiting);
    let verifier = waiting.verifier.as_str();
    let elsewhere =
        vestibule.world.ticket_with(&waiting.session, |c| c.iss = "https://other.example".into()).await;
    let for_others =
        vestibule.world.ticket_with(&waiting.session, |c| c.aud = "https://other.example".into()).await;
    let over = vestibule.world.ticket_with(&waiting.session, |c| c.exp = c.iat).await;
    let mut tampered = waiting.ticket.clone();
    tampered.replace_range(tampered.len() - 6.., "AAAAAA");
    let unsigned = {
        let payload = waiting.ticket.split('.').nth(1).unwrap();
        // {"alg":"none","kid":"fake-1"}
        format!("eyJhbGciOiJub25lIiwia2lkIjoiZmFrZS0xIn0.{payload}.")
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
            &[("authorization", &good), ("authorization", &good), ("vestibule-verifier", verifier)],
        ),
        ("ticket_malformed", &[("authorization", &unsigned), ("vestibule-verifier", verifier)]),
        ("ticket_invalid", &[("authorization", &tampered), ("vestibule-verifier", verifier)]),
        ("ticket_invalid", &[("authorization", &elsewhere), ("vestibule-verifier", verifier)]),
        ("ticket_invalid", &[("authorization", &for_others), ("vestibule-verifier", verifier)]),
        ("ticket_expired", &[("authorization", &over), ("vestibule-verifier", verifier)]),
        ("verifier_missing", &[("authorization", &good)]),
        ("verifier_mismatch", &[("authorization", &good), ("vestibule-verifier", &other.verifier)]),
        ("verifier_mismatch", &[("authorization", &good), ("vestibule-verifier", "short")]),
        (
            "verifier_mismatch",
            &[("authorization", &good), ("vestibule-verifier", verifier), ("vestibule-verifier", verifier)],
        ),
        (
            "cognito_id_mismatch",
            &[
                ("authorization", &good),
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
    let headers = [
        ("authorization", good.as_str()),
        ("vestibule-verifier", verifier),
        ("cognito_id", waiting.session.as_str()),
    ];
    assert_eq!(vestibule.get("/saml", &headers).await.status, 200, "it still waited");
}

#[tokio::test]
async fn a_ticket_in_the_query_is_no_ticket() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.world.waiting(Binding::Challenge).await;
    let path = format!("/saml?jwt={}", waiting.ticket);
    vestibule.get(&path, &[("vestibule-verifier", &waiting.verifier)]).await.refused(401, "ticket_missing");
}

#[tokio::test]
async fn a_session_that_expired_or_never_was_is_gone() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.world.waiting(Binding::Challenge).await;
    let challenge = |c: &mut vestibule::broker::TicketClaims| {
        use base64::Engine;
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, waiting.verifier.as_bytes());
        c.challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash);
    };
    let unknown = SessionId::parse("never-seen-before-01").unwrap();
    for session in [&unknown, &waiting.session] {
        // For the waiting one: another jti than the session's.
        let ticket = vestibule.world.ticket_with(session, challenge).await;
        let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", &waiting.verifier)];
        vestibule.get("/saml", &headers).await.refused(404, "gone");
    }
    vestibule.world.pass(Duration::seconds(60));
    let ticket = vestibule.world.ticket_with(&waiting.session, challenge).await;
    let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", &waiting.verifier)];
    vestibule.get("/saml", &headers).await.refused(404, "gone");
}

#[tokio::test]
async fn head_takes_nothing() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.world.waiting(Binding::Challenge).await;
    let ticket = bearer(&waiting);
    let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", &waiting.verifier)];
    let answer = vestibule.ask(request("HEAD", "/saml", &headers, Body::empty())).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, POST, OPTIONS"));
    assert_eq!(vestibule.get("/saml", &headers).await.status, 200, "it still waited");
}

#[tokio::test]
async fn sixty_four_takes_at_once_have_one_winner() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.world.waiting(Binding::Challenge).await;
    let ticket = bearer(&waiting);
    let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", waiting.verifier.as_str())];
    let mut takes = tokio::task::JoinSet::new();
    for _ in 0..64 {
        takes.spawn(router(vestibule.app.clone()).oneshot(request("GET", "/saml", &headers, Body::empty())));
    }
    let statuses: Vec<u16> =
        takes.join_all().await.into_iter().map(|a| a.unwrap().status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|s| **s == 200).count(), 1);
    assert_eq!(statuses.iter().filter(|s| **s == 404).count(), 63);
    let delivered = vestibule.world.audited().into_iter().filter(|kind| *kind == EventKind::Delivered);
    assert_eq!(delivered.count(), 1);
}

#[tokio::test]
async fn plain_binding_answers_as_the_2017_sample_did() {
    let vestibule = Vestibule::with(Binding::Plain, settings(), None);
    let waiting = vestibule.world.waiting(Binding::Plain).await;
    let ticket = waiting.ticket.as_str();
    vestibule.get("/saml", &[("authorization", ticket)]).await.refused(401, "cognito_id_missing");
    let headers = [("authorization", ticket), ("COGNITO_ID", waiting.session.as_str())];
    let json = vestibule.get("/saml", &headers).await.json();
    assert_eq!(json["Attributes"]["credentials"]["M"]["Credentials"]["M"]["AccessKeyId"]["S"], ACCESS_KEY_ID);
}

#[tokio::test]
async fn each_fault_of_the_world_has_its_answer() {
    type Fault = fn(&FakeWorld);
    let cases: [(Fault, &str, &str); 4] = [
        (|w| Faults::on(&w.faults.store_down), "store_unavailable", "1"),
        (|w| Faults::on(&w.faults.keys_down), "keys_unavailable", "1"),
        (|w| Faults::on(&w.faults.take_uncertain), "delivery_uncertain", ""),
        (|w| Faults::on(&w.faults.record_fails), "delivery_uncertain", ""),
    ];
    for (fault, code, retry_after) in cases {
        let vestibule = Vestibule::new();
        let waiting = vestibule.world.waiting(Binding::Challenge).await;
        fault(&vestibule.world);
        let ticket = bearer(&waiting);
        let headers = [
            ("authorization", ticket.as_str()),
            ("vestibule-verifier", &waiting.verifier),
            ("origin", ORIGIN),
        ];
        let answer = vestibule.get("/saml", &headers).await;
        answer.refused(503, code);
        assert_eq!(answer.header("retry-after"), retry_after);
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
        assert!(!answer.body.contains("canary"));
        assert!(!vestibule.world.audited().contains(&EventKind::Delivered));
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_cannot_stop_a_delivery_half_way() {
    let vestibule = Vestibule::new();
    let waiting = vestibule.world.waiting(Binding::Challenge).await;
    let ticket = bearer(&waiting);
    let headers = [("authorization", ticket.as_str()), ("vestibule-verifier", waiting.verifier.as_str())];
    let gate = vestibule.world.close_gate().await;
    let take =
        tokio::spawn(router(vestibule.app.clone()).oneshot(request("GET", "/saml", &headers, Body::empty())));
    vestibule.world.at_gate.acquire().await.unwrap().forget();
    take.abort();
    assert!(take.await.unwrap_err().is_cancelled());
    drop(gate);
    vestibule.app.idle().await;
    assert_eq!(vestibule.world.audited().last(), Some(&EventKind::Delivered));
}
