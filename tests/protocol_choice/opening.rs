//! What opens a choice, and what does not.

use super::support::faults::Fault;
use super::support::forge::{self, Forge};
use super::support::test_service::{Page, TestService, choosing, offering, production};
use super::*;
use serde_json::json;
use vestibule::broker::{self, Binding, Pages};

#[tokio::test]
async fn protocol_choice_opens() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let answer = service.post(&offering(1, &ROLES), &page).await;
    assert!(answer.header("location").starts_with("https://app.example.com/#choice="));
    let (header, claims) = read(&answer.choice_ticket());
    assert_eq!(header["typ"], "choice+jwt");
    assert_eq!(claims["aud"], "https://vestibule.example.com/saml/choice");
    assert_eq!(claims["exp"], forge::now().unix_timestamp() + LIFETIME);
    assert_eq!(service.history().await, ["choice.opened"]);
    assert_eq!(service.plan.issued(), 0, "STS was not asked");

    let opened = opened_in(&service).await;
    assert_eq!(opened.session, Some(SessionId::parse(&page.session).unwrap().handle()));
    assert_eq!(claims["login"], opened.login.as_ref().unwrap().as_str());
    let subject = &opened.subject;
    assert_eq!((subject.offered_count, &subject.role, &subject.rule), (Some(3), &None, &None));
    assert_eq!(subject.name_id.as_deref(), Some(forge::PERSON));
    assert_eq!(subject.assertion_id.as_deref(), Some("_assertion-1"));

    // As long as STS takes the assertion, and not longer than that itself says.
    let shorter = Forge { not_on_or_after: forge::at(120), ..offering(2, &ROLES) };
    let ticket = service.post(&shorter, &Page::new(2)).await.choice_ticket();
    assert_eq!(read(&ticket).1["exp"], forge::now().unix_timestamp() + 120);
    service.pass(100);
    let ticket = service.post(&offering(3, &ROLES), &Page::new(3)).await.choice_ticket();
    assert_eq!(read(&ticket).1["exp"], forge::now().unix_timestamp() + LIFETIME, "since its issue");
}

#[tokio::test]
async fn protocol_choice_of_one_role_is_a_login() {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), |settings| {
        choosing(settings);
        settings.rules = production();
    });
    let ticket = service.post(&offering(1, &ROLES), &Page::new(1)).await.ticket();
    assert_eq!(service.history().await, ["login.started", "login.issued"], "and no record more");
    assert!(service.audit().await.iter().all(|event| event.subject.choice.is_none()));
    assert_eq!(service.take(&ticket, &Page::new(1)).await.status, 200);
    service.post(&offering(2, &["Prod"]), &Page::new(2)).await.ticket();
    assert_eq!(service.count(EventKind::ChoiceOpened).await, 0);
}

#[tokio::test]
async fn protocol_choice_where_the_page_may_not() {
    const AMBIGUOUS: (u16, &str) = (403, "role_ambiguous");
    let dir = tempfile::tempdir().unwrap();
    let wiki = broker::Page {
        name: "wiki".into(),
        redirect_url: "https://wiki.example.com/".into(),
        origin: "https://wiki.example.com".into(),
        choose: false,
    };
    let service = TestService::with(dir.path(), |settings| {
        settings.pages = Pages::new(vec![wiki]);
        choosing(settings);
    });
    let page = Page::new(1);
    let xml = service.start_with("ADFS", &page, &[("page", "wiki")]).await.authn_request();
    let id = xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let answer = Forge { in_response_to: Some(id), ..offering(1, &ROLES) };
    assert_cell!(service.post(&answer, &page).await, AMBIGUOUS);
    assert_eq!(service.history().await, ["login.refused role_ambiguous"]);

    // The page of the 2017 sample knows nothing of a choice.
    let dir = tempfile::tempdir().unwrap();
    let plain = TestService::with(dir.path(), |settings| {
        choosing(settings);
        settings.binding = Binding::Plain;
        settings.pages = Pages::default();
    });
    assert_cell!(plain.post(&offering(1, &ROLES), &page).await, AMBIGUOUS);
    assert_eq!(plain.history().await, ["login.refused role_ambiguous"]);
    assert_eq!((service.plan.issued(), plain.plan.issued()), (0, 0));

    // Neither the assertion nor the session id was used up.
    let chooses = open_at(dir.path());
    chooses.post(&offering(1, &ROLES), &page).await.choice_ticket();
}

#[tokio::test]
async fn protocol_choice_keys_down_at_open() {
    let (service, _dir) = service();
    for step in ["seal", "sign"] {
        service.plan.at(step, Fault::Down);
        assert_cell!(service.post(&offering(1, &ROLES), &Page::new(1)).await, KEYS);
        service.plan.mend();
    }
    assert_eq!(service.history().await, [""; 0]);
    service.post(&offering(1, &ROLES), &Page::new(1)).await.choice_ticket();
}

#[tokio::test]
async fn protocol_choice_store_down_at_open() {
    let (service, _dir) = service();
    service.plan.at("open_choice", Fault::Down);
    assert_cell!(service.post(&offering(1, &ROLES), &Page::new(1)).await, STORE);
    service.plan.mend();
    assert_eq!(service.history().await, [""; 0]);
    service.post(&offering(1, &ROLES), &Page::new(1)).await.choice_ticket();
}

#[tokio::test]
async fn protocol_choice_open_repeated_is_one_open() {
    let (service, _dir) = service();
    let faults = Faults::new();
    faults.at("open_choice", "", ports::Then::Twice);
    let service = changed(service, |ports| faults.over(ports), |_| {});
    let ticket = service.post(&offering(1, &ROLES), &Page::new(1)).await.choice_ticket();
    assert_eq!(service.history().await, ["choice.opened"]);
    assert_eq!(service.list(&ticket, &Page::new(1)).await.status, 200);
    service.pass(LIFETIME);
    service.sweep().await;
    assert_eq!(service.history().await, ["choice.opened", "choice.ended"]);
}

#[tokio::test]
async fn protocol_choice_open_nobody_heard_of() {
    let (service, _dir) = service();
    service.plan.at("open_choice", Fault::AnswerLost);
    assert_cell!(service.post(&offering(1, &ROLES), &Page::new(1)).await, STORE);
    service.plan.mend();
    assert_eq!(service.history().await, ["choice.opened"]);
    opened_without_a_ticket(&service).await;
}

/// Nobody has the ticket of the choice that waits: its assertion is used, and its session id
/// taken until its end.
pub async fn opened_without_a_ticket(service: &TestService) {
    let page = Page::new(1);
    assert_cell!(service.post(&offering(1, &ROLES), &page).await, REPLAYED);
    assert_cell!(service.post(&offering(2, &ROLES), &page).await, WAITING);
    service.pass(LIFETIME - 1);
    service.sweep().await;
    assert_eq!(service.count(EventKind::ChoiceEnded).await, 0);
    service.pass(1);
    service.sweep().await;
    service.sweep().await;
    assert_eq!(service.count(EventKind::ChoiceEnded).await, 1);
    assert_cell!(service.post(&offering(1, &ROLES), &page).await, REPLAYED);
    service.post(&offering_at(3, LIFETIME), &page).await.choice_ticket();
    let started = service.count(EventKind::Started).await;
    assert_eq!((started, service.plan.issued()), (0, 0), "STS was never asked");
}

#[tokio::test]
async fn a_choice_ticket_says_nothing_of_the_roles() {
    let (service, _dir) = service();
    let ticket = service.post(&offering(1, &ROLES), &Page::new(1)).await.choice_ticket();
    let (_, claims) = read(&ticket);
    let names: Vec<&String> = claims.as_object().unwrap().keys().collect();
    let expected = json!(["aud", "challenge", "exp", "iat", "iss", "jti", "login", "ref", "sub"]);
    assert_eq!(json!(names), expected);
}
