//! The choice over HTTP: what is listed, what is chosen, and every way to ask badly.
//! `tests/protocol_choice/` is about what is left behind.

use super::support::test_service::{
    Answer, Page, TestService, choice, choosing, offering, part, role_arn, with_rules,
};
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use vestibule::broker::{self, BrokerSettings, Console, EventKind, Pages};
use vestibule::http::{App, HttpSettings};
use vestibule::roles::{Condition, Effect, Field, Matcher, Rule};

const OWN: &str = "https://app.example.com";

fn service_with(change: impl FnOnce(&mut BrokerSettings)) -> (TestService, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), |settings| {
        choosing(settings);
        change(settings);
    });
    (service, dir)
}

fn service() -> (TestService, TempDir) {
    service_with(|_| ())
}

/// A choice among these roles that waits, and its ticket.
async fn opened(service: &TestService, page: &Page, roles: &[&str]) -> String {
    service.post(&offering(1, roles), page).await.choice_ticket()
}

fn names(listed: &Answer) -> Vec<String> {
    let json = listed.json();
    json["roles"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap().to_owned()).collect()
}

fn rule(name: &str, field: Field, text: &str, outcome: Effect) -> Rule {
    let conditions = vec![Condition { field, matchers: vec![Matcher::Equals(text.into())] }];
    Rule { name: name.into(), conditions, outcome }
}

fn grant(ask_reason: Option<&str>) -> Effect {
    Effect::Grant {
        role: None,
        duration: time::Duration::minutes(30),
        session_policy: None,
        policy_arns: Vec::new(),
        ask_reason: ask_reason.map(str::to_owned),
    }
}

#[tokio::test]
async fn a_person_of_several_roles_lists_them_chooses_two_and_takes_each() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let ticket = opened(&service, &page, &["Prod", "team/Dev", "Audit"]).await;
    let listed = service.list(&ticket, &page).await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    let json = listed.json();
    assert_eq!(names(&listed), ["Audit", "Prod", "Dev"]);
    assert_eq!(
        json["roles"][2],
        json!({
            "role": role_arn("team/Dev"), "account": "123456789012", "name": "Dev", "path": "/team/",
            "partition": "aws", "credentials": { "rule": "any", "duration": 3600, "limited": false },
        })
    );
    assert_eq!((&json["idp"], &json["destinations"]), (&json!("ADFS"), &json!([])));

    let chosen =
        service.choose(&ticket, &page, &[part("team/Dev", "credentials"), part("Prod", "credentials")]).await;
    for (ticket, role) in chosen.part_tickets().iter().zip(["team/Dev", "Prod"]) {
        let taken = service.take(ticket, &page).await;
        assert_eq!((taken.status.as_u16(), taken.json()["role"].as_str()), (200, Some(&*role_arn(role))));
        service.take(ticket, &page).await.refused(404, "gone");
    }
    // What was used last comes first.
    service.pass(1);
    let [audit] = &service.choose(&ticket, &page, &[part("Audit", "credentials")]).await.part_tickets()[..]
    else {
        panic!("one part")
    };
    assert_eq!(service.take(audit, &page).await.status, 200);
    let again = service.list(&ticket, &page).await;
    assert_eq!(names(&again)[0], "Audit");
    assert!(again.json()["roles"][2]["last_used"].is_string(), "{}", again.body);
}

#[tokio::test]
async fn accounts_have_names_and_three_hundred_roles_are_listed_in_time() {
    let (service, _dir) = service();
    let roles = many(300);
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let accounts = [("123456789012".to_owned(), "Production".to_owned())].into();
    let settings = HttpSettings { accounts, ..super::support::test_service::http_settings() };
    let app = Arc::new(App::new(service.broker.clone(), None, settings).unwrap());
    let service = TestService { app, ..service };
    let page = Page::new(1);
    let ticket = opened(&service, &page, &roles).await;
    let listed = service.list(&ticket, &page).await;
    assert_eq!(listed.json()["roles"][299]["account_name"], "Production");
    assert_eq!(names(&listed).len(), 300);

    // The best of twenty: others use this computer too.
    let mut quickest = Duration::MAX;
    for _ in 0..20 {
        let began = Instant::now();
        let listed = service.list(&ticket, &page).await;
        quickest = quickest.min(began.elapsed());
        assert_eq!(listed.status, 200);
    }
    println!("300 roles are listed in {quickest:?}");
    assert!(quickest < Duration::from_millis(50), "{quickest:?}");
}

fn many(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("Role-{number:03}")).collect()
}

/// What a waiting response takes of the store decides what a choice costs.
#[tokio::test]
async fn a_response_waits_in_as_little_as_the_documentation_states() {
    for (count, row) in [(2, "with 2 roles"), (300, "with 300 roles of one account")] {
        let row = format!("| KB of a response {row} | ");
        let (_, stated) = include_str!("../../docs/AWS.md").split_once(&row).unwrap();
        let stated: u32 = stated.split(' ').next().unwrap().parse().unwrap();
        let (service, dir) = service();
        let roles = many(count);
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        opened(&service, &Page::new(1), &roles).await;
        let store = rusqlite::Connection::open(dir.path().join("vestibule.db")).unwrap();
        let sealed: u32 =
            store.query_row("SELECT length(sealed) FROM sessions", [], |row| row.get(0)).unwrap();
        assert_eq!(sealed.div_ceil(1_024), stated, "{count} roles: {sealed} bytes");
    }
}

#[tokio::test]
async fn refused_roles_come_last_with_their_reason() {
    let (service, _dir) = service_with(|settings| {
        let refuse = Effect::Refuse { message: "Ask the platform team.".into() };
        settings.rules = with_rules(vec![
            rule("no admins", Field::RoleName, "Admin", refuse),
            rule("dev", Field::RoleName, "Dev", grant(None)),
            rule("prod", Field::RoleName, "Prod", grant(Some("Which ticket?"))),
        ]);
    });
    let page = Page::new(1);
    let ticket = opened(&service, &page, &["Admin", "Other", "Dev", "Prod"]).await;
    let listed = service.list(&ticket, &page).await;
    assert_eq!(names(&listed), ["Dev", "Prod", "Admin", "Other"]);
    let roles = &listed.json()["roles"];
    assert_eq!(roles[1]["credentials"]["ask_reason"], "Which ticket?");
    assert_eq!(
        (roles[1]["credentials"]["duration"].as_i64(), &roles[1]["refused"]),
        (Some(1_800), &Value::Null)
    );
    assert_eq!(roles[2]["refused"]["error"], "role_refused");
    assert!(roles[2]["refused"]["message"].as_str().unwrap().contains("Ask the platform team."));
    assert_eq!(roles[3]["refused"]["error"], "role_not_allowed");
    assert_eq!((&roles[2]["credentials"], &roles[3]["console"]), (&Value::Null, &Value::Null));

    // And cannot be had, in whatever company.
    let parts = ["Admin", "Dev", "Other", "Nobodys"].map(|role| part(role, "credentials"));
    let chosen = service.choose(&ticket, &page, &parts).await;
    assert_eq!(chosen.part_codes(), ["role_refused", "ticket", "role_not_allowed", "role_not_offered"]);
    assert_eq!(chosen.json()["parts"][0]["refused"]["reference"], chosen.header("x-request-id"));
    let refused = service.audit().await.into_iter().filter(|event| event.kind == EventKind::Refused);
    let mut codes: Vec<_> = refused.map(|event| event.code.unwrap()).collect();
    codes.sort();
    assert_eq!(codes, ["role_not_allowed", "role_not_offered", "role_refused"]);
}

#[tokio::test]
async fn a_reason_is_given_before_aws_is_asked() {
    let (service, _dir) = service_with(|settings| {
        settings.rules = with_rules(vec![
            rule("prod", Field::RoleName, "Prod", grant(Some("Which ticket?"))),
            rule("dev", Field::RoleName, "Dev", grant(None)),
        ]);
    });
    let page = Page::new(1);
    let ticket = opened(&service, &page, &["Prod", "Dev"]).await;
    for (reason, code) in
        [(None, "reason_required"), (Some("a\nb"), "reason_malformed"), (Some(""), "reason_malformed")]
    {
        let mut asked = part("Prod", "credentials");
        asked["reason"] = json!(reason);
        let chosen = service.choose(&ticket, &page, &[asked]).await;
        assert_eq!(chosen.part_codes(), [code], "{reason:?}");
        assert_eq!(chosen.json()["parts"][0]["refused"]["ask"], "Which ticket?");
    }
    assert_eq!(service.count(EventKind::Started).await, 0, "nothing began");
    let mut asked = part("Prod", "credentials");
    asked["reason"] = json!("INC-1");
    let tickets = service.choose(&ticket, &page, &[asked]).await.part_tickets();
    assert_eq!(service.take(&tickets[0], &page).await.status, 200, "the take asks for nothing more");
    for event in
        service.audit().await.iter().filter(|event| event.login.is_some() && event.subject.choice.is_some())
    {
        assert_eq!(
            event.subject.reason.as_ref().map(broker::Reason::as_str),
            Some("INC-1"),
            "{:?}",
            event.kind
        );
    }
}

/// Nothing of it begins anything, and the choice goes on.
#[tokio::test]
async fn what_is_no_choice_is_refused() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let ticket = opened(&service, &page, &["Prod", "Dev"]).await;
    let prod = part("Prod", "credentials");
    let eleven: Vec<Value> = (0..11).map(|number| part(&format!("R{number}"), "credentials")).collect();
    let many: Vec<Value> = (0..301).map(|number| part(&format!("R{number}"), "credentials")).collect();
    for (parts, code) in [
        (vec![], "choice_malformed"),
        (vec![prod.clone(), prod.clone()], "choice_malformed"),
        (vec![json!({ "role": role_arn("Prod"), "use": "page" })], "choice_malformed"),
        (vec![part("Prod", "shell")], "shell_request_malformed"),
        (
            vec![json!({ "role": role_arn("Prod"), "use": "credentials", "duration": 43_200 })],
            "choice_malformed",
        ),
        (vec![json!("Prod")], "choice_malformed"),
        (eleven, "choice_too_many"),
        (many, "choice_too_many"),
    ] {
        service.choose(&ticket, &page, &parts).await.refused(400, code);
    }
    for (content_type, body, status, code) in [
        ("application/x-www-form-urlencoded", "parts=1".to_owned(), 415, "content_type"),
        ("application/json", "{\"parts\":".to_owned(), 400, "choice_malformed"),
        ("application/json", " ".repeat(70_000), 413, "body_too_large"),
    ] {
        let request = choice("POST", &ticket, &page).header("content-type", content_type);
        service.send(request.body(Body::from(body)).unwrap()).await.refused(status, code);
    }
    let strange = [
        "",
        "Prod",
        "arn:aws:iam::*:role/Prod",
        "arn:aws:iam::123456789012:role/Prod\n",
        "arn:aws:iam::123456789012:user/Prod",
    ];
    for role in strange {
        let chosen = service.choose(&ticket, &page, &[json!({ "role": role, "use": "credentials" })]).await;
        assert_eq!(chosen.part_codes(), ["role_not_offered"], "{role:?}");
    }
    assert_eq!(service.count(EventKind::Started).await, 0);
    assert_eq!(service.choose(&ticket, &page, &[prod]).await.part_codes(), ["ticket"]);
}

#[tokio::test]
async fn attack_choice_with_another_browsers_verifier() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let ticket = opened(&service, &page, &["Prod", "Dev"]).await;
    let thief = Page { verifier: "x".repeat(43), ..page.clone() };
    service.list(&ticket, &thief).await.refused(401, "verifier_mismatch");
    service.choose(&ticket, &thief, &[part("Prod", "credentials")]).await.refused(401, "verifier_mismatch");
    for method in ["GET", "POST"] {
        let request = Request::builder().method(method).uri("/saml/choice");
        let request = request
            .header("authorization", format!("Bearer {ticket}"))
            .header("content-type", "application/json");
        let body = Body::from(json!({ "parts": [part("Prod", "credentials")] }).to_string());
        service.send(request.body(body).unwrap()).await.refused(401, "verifier_missing");
    }
    assert_eq!(service.count(EventKind::Started).await, 0);
    // Of another login, each.
    let other = Page::new(2);
    let others = service.post(&offering(2, &["Prod", "Dev"]), &other).await.choice_ticket();
    service.list(&others, &page).await.refused(401, "verifier_mismatch");
}

#[tokio::test]
async fn attack_choice_with_a_hand_over_ticket() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let one = service.post(&offering(1, &["Prod"]), &page).await.ticket();
    service.list(&one, &page).await.refused(401, "ticket_not_for_choice");
    service.choose(&one, &page, &[part("Prod", "credentials")]).await.refused(401, "ticket_not_for_choice");
    assert_eq!(service.take(&one, &page).await.status, 200, "nothing was consumed");

    let page = Page::new(2);
    let ticket = service.post(&offering(2, &["Prod", "Dev"]), &page).await.choice_ticket();
    let parts = service.choose(&ticket, &page, &[part("Dev", "credentials")]).await.part_tickets();
    service.list(&parts[0], &page).await.refused(401, "ticket_not_for_choice");
    assert_eq!(service.take(&parts[0], &page).await.status, 200);
}

#[tokio::test]
async fn attack_choice_ticket_at_the_hand_over() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let ticket = opened(&service, &page, &["Prod", "Dev"]).await;
    service.take(&ticket, &page).await.refused(401, "ticket_for_choice");
    assert_eq!(service.list(&ticket, &page).await.status, 200, "nothing was consumed");
}

/// The kind of a ticket stands in its header, its audience in what it says: neither alone is
/// enough, and nobody but us can write either.
#[tokio::test]
async fn attack_a_ticket_whose_kind_was_changed() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let (service, _dir) = service();
    let page = Page::new(1);
    let ticket = opened(&service, &page, &["Prod", "Dev"]).await;
    let header = |ticket: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(ticket.split('.').next().unwrap()).unwrap()).unwrap()
    };
    assert_eq!(header(&ticket)["typ"], "choice+jwt");
    for typ in [json!("JWT"), json!("at+jwt"), Value::Null] {
        let mut forged = header(&ticket);
        forged["typ"] = typ;
        let forged = URL_SAFE_NO_PAD.encode(forged.to_string());
        let forged = format!("{forged}.{}", ticket.split_once('.').unwrap().1);
        assert_eq!(service.take(&forged, &page).await.status, 401);
        assert_eq!(service.list(&forged, &page).await.status, 401);
    }
}

fn pages() -> Pages {
    let page = |name: &str, origin: &str, choose| broker::Page {
        name: name.into(),
        redirect_url: format!("{origin}/"),
        origin: origin.into(),
        choose,
    };
    Pages::new(vec![
        page("wiki", "https://wiki.example.com", false),
        page("portal", "https://portal.example.com", true),
    ])
    .choosing_at(vec![OWN.into(), "https://vestibule.example.com".into()])
}

async fn began_at(service: &TestService, page: &Page, name: &str, number: u32, roles: &[&str]) -> Answer {
    let started = service.start_with("ADFS", page, &[("page", name)]).await.authn_request();
    let id = started.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let response = super::support::forge::Forge { in_response_to: Some(id), ..offering(number, roles) };
    service.post(&response, page).await
}

async fn from(service: &TestService, origin: &str, method: &str, ticket: &str, page: &Page) -> Answer {
    let body = json!({ "parts": [part("Prod", "credentials")] }).to_string();
    let request =
        choice(method, ticket, page).header("origin", origin).header("content-type", "application/json");
    service.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn attack_choice_from_another_page() {
    let (service, _dir) = service_with(|settings| settings.pages = pages());
    let page = Page::new(1);
    let built_in = opened(&service, &page, &["Prod", "Dev"]).await;
    let other = Page::new(2);
    let portal = began_at(&service, &other, "portal", 2, &["Prod", "Dev"]).await;
    assert!(portal.header("location").starts_with("https://portal.example.com/#choice="));
    let portal = portal.choice_ticket();
    for method in ["GET", "POST"] {
        for origin in
            ["https://wiki.example.com", "https://portal.example.com", "https://evil.example", "null"]
        {
            let answer = from(&service, origin, method, &built_in, &page).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (401, "ticket_other_page"),
                "{origin}"
            );
        }
        for origin in ["https://wiki.example.com", OWN, "https://vestibule.example.com"] {
            let answer = from(&service, origin, method, &portal, &other).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (401, "ticket_other_page"),
                "{origin}"
            );
        }
        for origin in [OWN, "https://vestibule.example.com"] {
            let answer = from(&service, origin, method, &built_in, &page).await;
            assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, origin));
        }
        let answer = from(&service, "https://portal.example.com", method, &portal, &other).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

/// A script error on a page gives its attacker what its ceiling says, and no more.
#[tokio::test]
async fn attack_a_hostile_page_wants_to_choose() {
    let (service, _dir) = service_with(|settings| settings.pages = pages());
    let page = Page::new(1);
    began_at(&service, &page, "wiki", 1, &["Prod", "Dev"]).await.refused(403, "role_ambiguous");
    assert_eq!(service.count(EventKind::ChoiceOpened).await, 0);
    // One role is what it may have, also beside others that its rule does not give.
    let page = Page::new(2);
    let one = began_at(&service, &page, "wiki", 2, &["Prod"]).await.ticket();
    let request = Request::get("/saml")
        .header("authorization", format!("Bearer {one}"))
        .header("vestibule-verifier", &page.verifier)
        .header("origin", "https://wiki.example.com");
    assert_eq!(service.send(request.body(Body::empty()).unwrap()).await.status, 200);
    // As the built-in page it gets no answer that it could read.
    let page = Page::new(3);
    let begun = began_at(&service, &page, "built-in", 3, &["Prod", "Dev"]).await;
    assert!(begun.header("location").starts_with("https://app.example.com/#choice="));
    let answer = from(&service, "https://wiki.example.com", "GET", &begun.choice_ticket(), &page).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (401, ""));
}

/// Browsers ask first whether a page may post JSON.
#[tokio::test]
async fn only_pages_that_choose_may_ask() {
    let (service, _dir) = service_with(|settings| settings.pages = pages());
    for (origin, allowed) in [
        (OWN, true),
        ("https://portal.example.com", true),
        ("https://wiki.example.com", false),
        ("https://evil.example", false),
    ] {
        let request = Request::options("/saml/choice")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type,vestibule-verifier");
        let answer = service.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("access-control-allow-origin"), if allowed { origin } else { "" });
        assert_eq!(answer.header("access-control-allow-methods"), if allowed { "GET,POST" } else { "" });
    }
}

#[tokio::test]
async fn a_page_that_may_not_choose_any_more_gets_nothing() {
    let (service, _dir) = service_with(|settings| settings.pages = pages());
    let page = Page::new(1);
    let ticket = began_at(&service, &page, "portal", 1, &["Prod", "Dev"]).await.choice_ticket();
    let mut settings = super::support::test_service::settings();
    choosing(&mut settings);
    let closed = |page: &broker::Page| broker::Page { choose: false, ..page.clone() };
    settings.pages = Pages::new(pages().iter().map(closed).collect());
    let broker = Arc::new(service.broker.reconfigured(settings));
    let app = App::new(broker.clone(), None, super::support::test_service::http_settings()).unwrap();
    let service = TestService { app: Arc::new(app), broker, ..service };
    service.list(&ticket, &page).await.refused(403, "page_may_not_choose");
    service.choose(&ticket, &page, &[part("Prod", "credentials")]).await.refused(403, "page_may_not_choose");
}

#[tokio::test]
async fn attack_choice_of_a_destination_that_is_not_listed() {
    let (service, _dir) = service_with(|settings| {
        settings.console = Some(Console::new(vec!["https://eu-central-1.console.aws.amazon.com/s3/".into()]));
    });
    let page = Page::new(1);
    let ticket = opened(&service, &page, &["Prod", "Dev"]).await;
    let listed = service.list(&ticket, &page).await.json();
    assert_eq!(
        listed["destinations"],
        json!(["https://console.aws.amazon.com/", "https://eu-central-1.console.aws.amazon.com/s3/"])
    );
    for evil in [
        "//evil",
        "javascript:alert(1)",
        "https://evil.example/",
        "https://console.aws.amazon.com",
        "https://console.aws.amazon.com/@evil.example",
        "https://console.amazonaws.cn/",
        "https://eu-central-1.console.aws.amazon.com/s3/../iam",
        "",
    ] {
        let mut wanted = part("Prod", "console");
        wanted["destination"] = json!(evil);
        let chosen = service.choose(&ticket, &page, &[wanted]).await;
        assert_eq!(chosen.part_codes(), ["destination_not_listed"], "{evil}");
    }
    assert_eq!(service.count(EventKind::Started).await, 0);
}

#[tokio::test]
async fn a_console_that_is_off_is_not_offered() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let ticket = opened(&service, &page, &["Prod", "Dev"]).await;
    assert!(service.list(&ticket, &page).await.json()["roles"][0]["console"].is_null());
    let chosen = service.choose(&ticket, &page, &[part("Prod", "console")]).await;
    assert_eq!(chosen.part_codes(), ["console_off"]);
}
