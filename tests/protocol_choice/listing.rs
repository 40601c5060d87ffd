//! Listing, and what is no choice ticket.

use super::support::faults::Fault;
use super::support::test_service::choice as request_of;
use super::*;
use axum::body::Body;
use http::Request;
use serde_json::json;
use vestibule::broker::{TicketClaims, TicketKind};

#[tokio::test]
async fn protocol_choice_is_listed() {
    let choice = Choice::opened().await;
    let answer = choice.list().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let json = answer.json();
    let names: Vec<&str> =
        json["roles"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap()).collect();
    assert_eq!(names, ROLES);
    assert_eq!((&json["user"], &json["idp"]), (&json!("paula@example.com"), &json!("ADFS")));
    assert_eq!(json["expires"], "2026-11-23T09:05:00Z");
    assert_eq!(choice.service.history().await, ["choice.opened"]);
    assert_eq!(choice.service.plan.issued(), 0);
}

#[tokio::test]
async fn protocol_choice_is_listed_twice() {
    let choice = Choice::opened().await;
    let other = open_at(choice.dir.path());
    let first = choice.list().await;
    assert_eq!(first.status, 200, "{}", first.body);
    choice.service.pass(LIFETIME - 1);
    assert_eq!(choice.list().await.body, first.body);
    assert_eq!(other.list(&choice.ticket, &choice.page).await.body, first.body);
    assert_eq!(choice.service.history().await, ["choice.opened"]);
    choice.chosen("Prod").await;
}

#[tokio::test]
async fn protocol_choice_bad_ticket_changes_nothing() {
    let choice = Choice::opened().await;
    let service = &choice.service;
    let mut forged = choice.ticket.clone().into_bytes();
    let middle = forged.len() - 20;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    let foreign = Choice::opened().await.ticket;
    let parts = [part("Prod", "credentials")];
    for (ticket, code) in [
        ("not.a.ticket", "ticket_malformed"),
        (std::str::from_utf8(&forged).unwrap(), "ticket_invalid"),
        (&foreign, "ticket_invalid"),
    ] {
        assert_cell!(service.list(ticket, &choice.page).await, (401, code));
        assert_cell!(service.choose(ticket, &choice.page, &parts).await, (401, code));
    }
    for method in ["GET", "POST"] {
        let body = Body::from(json!({ "parts": parts }).to_string());
        let request = Request::builder().method(method).uri("/saml/choice");
        let request = request.header("content-type", "application/json");
        let request = request.header("vestibule-verifier", &choice.page.verifier).body(body);
        assert_cell!(service.send(request.unwrap()).await, (401, "ticket_missing"));
        let request =
            request_of(method, &choice.ticket, &choice.page).header("cognito_id", "another-session");
        let request = request.header("content-type", "application/json");
        let request = request.body(Body::from(json!({ "parts": parts }).to_string())).unwrap();
        assert_cell!(service.send(request).await, (401, "cognito_id_mismatch"));
    }
    service.pass(LIFETIME);
    choice.is_refused(EXPIRED).await;
    service.pass(-1);
    assert_eq!(service.history().await, ["choice.opened"]);
    assert_eq!(service.plan.issued(), 0);
    choice.goes_on().await;
    choice.chosen("Prod").await;
}

/// A hand-over ticket of the choice's own jti. Nobody makes one.
#[tokio::test]
async fn attack_choice_is_no_session_to_take() {
    let choice = Choice::opened().await;
    let keys = &choice.service.broker.ports().keys;
    let claims = keys.verify(&choice.ticket).await.unwrap();
    let claims = TicketClaims { kind: TicketKind::HandOver, aud: claims.iss.clone(), ..claims };
    let ticket = keys.sign(&claims).await.unwrap();
    for _ in 0..2 {
        assert_cell!(choice.take(ticket.expose()).await, GONE);
    }
    // Nor is it taken as a part.
    let part = TicketClaims { part: Some(choice.handle("Prod")), ..claims };
    assert_cell!(choice.take(keys.sign(&part).await.unwrap().expose()).await, GONE);
    assert_eq!(choice.service.history().await, ["choice.opened"]);
    choice.goes_on().await;
    choice.taken(&choice.chosen("Prod").await).await;
}

#[tokio::test]
async fn protocol_choice_malformed_changes_nothing() {
    let choice = Choice::opened().await;
    let prod = part("Prod", "credentials");
    let malformed = [
        json!([]),
        json!({}),
        json!({ "parts": [] }),
        json!({ "parts": [prod, prod] }),
        json!({ "parts": [prod], "more": 1 }),
        json!({ "parts": [{ "role": role_arn("Prod"), "use": "credentials", "duration": 1 }] }),
        json!({ "parts": [{ "role": role_arn("Prod"), "use": "page" }] }),
    ];
    let bodies = malformed.iter().map(Value::to_string).chain(["{\"parts\":".to_owned()]);
    for body in bodies {
        let request = request_of("POST", &choice.ticket, &choice.page);
        let request = request.header("content-type", "application/json");
        let answer = choice.service.send(request.body(Body::from(body)).unwrap()).await;
        assert_cell!(answer, (400, "choice_malformed"));
    }
    let eleven: Vec<Value> = (0..11).map(|number| part(&format!("Role-{number}"), "credentials")).collect();
    assert_cell!(choice.choose(&eleven).await, (400, "choice_too_many"));
    choice.is_undisturbed().await;
}

#[tokio::test]
async fn protocol_choice_store_down_at_look() {
    let choice = Choice::opened().await;
    for fault in [Fault::Down, Fault::AnswerLost] {
        choice.service.plan.at("look", fault);
        choice.is_refused(STORE).await;
    }
    choice.service.plan.mend();
    choice.is_undisturbed().await;
}

#[tokio::test]
async fn protocol_choice_keys_down_at_look() {
    let choice = Choice::opened().await;
    for step in ["verify", "open"] {
        choice.service.plan.at(step, Fault::Down);
        choice.is_refused(KEYS).await;
        choice.service.plan.mend();
    }
    choice.is_undisturbed().await;
}

#[tokio::test]
async fn protocol_choice_rotation_while_it_waits() {
    let choice = Choice::opened().await;
    rotate(choice.dir.path());
    choice.service.pass(TAKEN_OVER);
    let is_new = |ticket: &str| read(ticket).0["kid"] != read(&choice.ticket).0["kid"];
    // The process that knew the old key alone, and one that starts with both.
    choice.goes_on().await;
    let prod = choice.chosen("Prod").await;
    assert!(is_new(&prod), "signed by the new key");
    choice.taken(&prod).await;
    let started = open_at(choice.dir.path());
    started.pass(TAKEN_OVER);
    assert_eq!(started.list(&choice.ticket, &choice.page).await.status, 200);
    let parts = [part("Dev", "credentials")];
    let dev = started.choose(&choice.ticket, &choice.page, &parts).await.part_tickets().remove(0);
    assert!(is_new(&dev));
    assert_eq!(started.take(&dev, &choice.page).await.status, 200);
    let expected = ["login.started", "login.issued", "login.delivered"];
    assert_eq!(choice.history_of("Prod").await, expected);
    assert_eq!(choice.history_of("Dev").await, expected);
}
