//! Several pages: a login comes back to the page that began it, and no page has what is
//! another's, even one whose script is an attacker's.

use super::request;
use super::support::forge::Forge;
use super::support::test_service::{Answer, Page, TestService, assertion};
use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use tempfile::TempDir;
use vestibule::broker::{self, BrokerSettings, EventKind, Pages};
use vestibule::roles::{Condition, Field, Matcher, Rule, Rules};

const BUILT_IN: &str = "https://app.example.com";
const WIKI: &str = "https://wiki.example.com";
const BUILD: &str = "https://build.example.com";

fn pages() -> Pages {
    let page = |name: &str, redirect_url: &str, origin: &str| broker::Page {
        name: name.into(),
        redirect_url: redirect_url.into(),
        origin: origin.into(),
        choose: false,
    };
    let wiki = page("wiki", "https://wiki.example.com/aws?from=vestibule", WIKI);
    Pages::new(vec![wiki, page("build", "https://build.example.com/", BUILD)])
}

fn service(change: impl FnOnce(&mut BrokerSettings)) -> (TestService, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), |settings| {
        settings.pages = pages();
        change(settings);
    });
    (service, dir)
}

/// The rule of the tests, for logins that begin at this page alone.
fn only_at(settings: &mut BrokerSettings, page: &str) {
    let mut rules: Vec<Rule> = settings.rules.iter().cloned().collect();
    rules[0].conditions.push(Condition { field: Field::Page, matchers: vec![Matcher::Equals(page.into())] });
    let provider = settings.rules.provider_arns().next().unwrap().1.clone();
    settings.rules = Rules::new(rules, [("ADFS".to_owned(), [provider].into())].into());
}

/// The answer of the identity provider to a login that began at this page.
async fn answer_to(service: &TestService, page: &Page, began_at: Option<&str>, number: u32) -> Forge {
    let more = began_at.map(|name| ("page", name));
    let started = service.start_with("ADFS", page, more.as_slice()).await;
    let xml = started.authn_request();
    let id = xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    Forge { in_response_to: Some(id), ..assertion(number) }
}

fn ticket_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 302, "{}", answer.body);
    answer.header("location").split("#jwt=").nth(1).unwrap().to_owned()
}

async fn take(service: &TestService, ticket: &str, page: &Page, origin: Option<&str>) -> Answer {
    let bearer = format!("Bearer {ticket}");
    let mut headers = vec![("authorization", &*bearer), ("vestibule-verifier", &*page.verifier)];
    headers.extend(origin.map(|origin| ("origin", origin)));
    service.send(request("GET", "/saml", &headers, Body::empty())).await
}

#[tokio::test]
async fn a_login_comes_back_to_the_page_that_began_it() {
    let (service, _dir) = service(|_| ());
    let expected = [
        (Some("wiki"), "https://wiki.example.com/aws?from=vestibule#jwt=", WIKI),
        (Some("build"), "https://build.example.com/#jwt=", BUILD),
        (Some("built-in"), "https://app.example.com/#jwt=", BUILT_IN),
        (None, "https://app.example.com/#jwt=", BUILT_IN),
    ];
    for (number, (began_at, before, origin)) in (1..).zip(expected) {
        let page = Page::new(number);
        let response = answer_to(&service, &page, began_at, number).await;
        let answer = service.post(&response, &page).await;
        assert!(answer.header("location").starts_with(before), "{}", answer.header("location"));
        let taken = take(&service, &ticket_of(&answer), &page, Some(origin)).await;
        assert_eq!(taken.status, 200, "{}", taken.body);
        assert_eq!(taken.header("access-control-allow-origin"), origin);
    }
    // What begins at the identity provider belongs to the built-in page.
    let page = Page::new(9);
    let answer = service.post(&assertion(9), &page).await;
    assert!(answer.header("location").starts_with("https://app.example.com/#jwt="));

    let events = service.audit().await;
    let pages = |kind| -> Vec<_> {
        events.iter().filter(|event| event.kind == kind).map(|event| event.subject.page.clone()).collect()
    };
    let recorded = [Some("wiki".to_owned()), Some("build".to_owned()), None, None, None];
    assert_eq!(pages(EventKind::Started), recorded);
    assert_eq!(pages(EventKind::Issued), recorded);
}

/// A script error on one page must not take what a login at another page gives.
#[tokio::test]
async fn attack_a_hostile_page_takes_what_another_page_began() {
    let (service, _dir) = service(|_| ());
    for (number, (began_at, own, others)) in (1..).zip([
        (None, BUILT_IN, [WIKI, BUILD]),
        (Some("wiki"), WIKI, [BUILD, BUILT_IN]),
        (Some("build"), BUILD, [WIKI, "https://elsewhere.example"]),
    ]) {
        let page = Page::new(number);
        let response = answer_to(&service, &page, began_at, number).await;
        let ticket = ticket_of(&service.post(&response, &page).await);
        for other in others {
            take(&service, &ticket, &page, Some(other)).await.refused(401, "ticket_other_page");
        }
        assert_eq!(take(&service, &ticket, &page, Some(own)).await.status, 200, "nothing was consumed");
    }
}

/// The hostile page knows its own verifier, and may send the person's browser anywhere.
#[tokio::test]
async fn attack_a_hostile_page_begins_in_the_name_of_another() {
    let (service, _dir) = service(|settings| only_at(settings, "build"));
    // As itself: the rules are those for it.
    let page = Page::new(1);
    let response = answer_to(&service, &page, Some("wiki"), 1).await;
    service.post(&response, &page).await.refused(403, "role_not_allowed");
    // As another: the ticket goes there, where the hostile script cannot read it.
    let page = Page::new(2);
    let response = answer_to(&service, &page, Some("build"), 2).await;
    let answer = service.post(&response, &page).await;
    assert!(answer.header("location").starts_with("https://build.example.com/#jwt="));
    // As nobody, by the request or at the identity provider.
    let page = Page::new(3);
    service.post(&answer_to(&service, &page, None, 3).await, &page).await.refused(403, "role_not_allowed");
    service.post(&assertion(4), &Page::new(4)).await.refused(403, "role_not_allowed");
}

/// The page stands in the request's ID, which is sealed for one RelayState.
#[tokio::test]
async fn attack_the_answer_to_one_pages_request_comes_with_anothers_relay_state() {
    let (service, _dir) = service(|_| ());
    let (wiki, build) = (Page::new(1), Page::new(2));
    let response = answer_to(&service, &wiki, Some("wiki"), 1).await;
    answer_to(&service, &build, Some("build"), 2).await;
    service.post(&response, &build).await.refused(403, "unknown_request");
}

#[tokio::test]
async fn a_page_that_is_not_configured_begins_nothing() {
    let (service, _dir) = service(|_| ());
    for name in ["Wiki", "wiki ", "", "wiki\u{0}", "other"] {
        let started = service.start_with("ADFS", &Page::new(1), &[("page", name)]).await;
        started.refused(400, "page_unknown");
    }
    let twice = service.start_with("ADFS", &Page::new(1), &[("page", "wiki"), ("page", "wiki")]).await;
    twice.refused(400, "duplicate_field");
}

/// The configuration was read again between the start and the answer.
#[tokio::test]
async fn a_page_that_went_meanwhile_gets_nothing_and_nothing_is_used_up() {
    let dir = tempfile::tempdir().unwrap();
    let before = TestService::with(dir.path(), |settings| settings.pages = pages());
    let page = Page::new(1);
    let response = answer_to(&before, &page, Some("wiki"), 1).await;
    drop(before);
    let after = TestService::with(dir.path(), |_| ());
    after.post(&response, &page).await.refused(403, "page_gone");
    assert_eq!(after.count(EventKind::Started).await, 0);
    drop(after);
    let again = TestService::with(dir.path(), |settings| settings.pages = pages());
    assert_eq!(again.post(&response, &page).await.status, 302);
}

/// A person goes back to where they began, and so does one who signs in again.
#[tokio::test]
async fn a_refusal_leads_back_to_the_page_that_began() {
    let (service, _dir) = service(|settings| only_at(settings, "build"));
    let page = Page::new(1);
    let response = answer_to(&service, &page, Some("wiki"), 1).await;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLResponse", &STANDARD.encode(response.xml()))
        .append_pair("RelayState", &page.relay_state())
        .finish();
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "text/html")];
    let refused = service.send(request("POST", "/saml", &headers, Body::from(form))).await;
    assert_eq!(refused.status, 403);
    assert!(
        refused.body.contains("href=\"https://wiki.example.com/aws?from=vestibule\""),
        "{}",
        refused.body
    );
    assert!(!refused.body.contains("https://app.example.com"), "{}", refused.body);
    // A start that fails, too.
    let target = "/saml/login?page=wiki&RelayState=x";
    let refused = service.send(request("GET", target, &[("accept", "text/html")], Body::empty())).await;
    assert!(
        refused.body.contains("href=\"https://wiki.example.com/aws?from=vestibule\""),
        "{}",
        refused.body
    );
}

/// Each page's scripts may read our answers, and the module finds its page by its origin.
#[tokio::test]
async fn pages_are_told_of_in_config_json_and_cors() {
    let (service, _dir) = service(|_| ());
    for origin in [WIKI, BUILD, BUILT_IN] {
        let answer = service.send(request("GET", "/config.json", &[("origin", origin)], Body::empty())).await;
        assert_eq!(answer.header("access-control-allow-origin"), origin);
        let wiki = serde_json::json!({ "name": "wiki", "origin": WIKI });
        let pages = answer.json()["pages"].clone();
        assert_eq!((pages.as_array().unwrap().len(), &pages[0]), (2, &wiki));
    }
    let stranger = [("origin", "https://elsewhere.example")];
    let answer = service.send(request("GET", "/config.json", &stranger, Body::empty())).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
}
