//! People who come from a tile of their identity provider's portal: no RelayState, so
//! nobody waits for what they bring.

use super::support::forge::{self, Forge};
use super::support::test_service::{Page, TestService, assertion};
use super::{Answer, Vestibule, request, settings};
use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use vestibule::broker::Binding;
use vestibule::config::SignOn;
use vestibule::saml::{IdentityProvider, IdentityProviders};

const BROWSER: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

async fn post(vestibule: &Vestibule, xml: &str, more: &str, accept: &str) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLResponse", &STANDARD.encode(xml))
        .finish();
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", accept)];
    vestibule.ask(request("POST", "/saml", &headers, Body::from(form + more))).await
}

#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("relay_state_missing"), "{}", answer.body);
    assert!(!answer.headers.contains_key("location"));
}

#[tokio::test]
async fn a_tile_of_the_portal_begins_a_login_at_the_page() {
    let vestibule = Vestibule::new();
    let tile = assertion(1);
    for no_relay_state in ["", "&RelayState=", "&RelayState"] {
        let answer = post(&vestibule, &tile.xml(), no_relay_state, BROWSER).await;
        assert_eq!(answer.status, 302);
        assert_eq!(answer.header("location"), "https://app.example.com/#sign-in=ADFS");
    }
    assert!(vestibule.service.audit().await.is_empty(), "what can be repeated for free leaves no row");
    // Nothing was used up.
    let page = Page::new(1);
    vestibule.service.post(&tile, &page).await.ticket();
}

/// Its time is over when somebody goes back to it, and it takes nothing.
#[tokio::test]
async fn an_old_response_begins_a_login_too() {
    let vestibule = Vestibule::new();
    vestibule.service.pass(86_400);
    assert_eq!(post(&vestibule, &assertion(1).xml(), "", BROWSER).await.status, 302);
}

#[tokio::test]
async fn only_a_genuine_response_that_nobody_asked_for_begins_a_login() {
    let vestibule = Vestibule::new();
    let genuine = assertion(1).xml();
    let forged = assertion(2).xml().replace("example.com</", "example.org</");
    assert_ne!(forged, assertion(2).xml());
    let stranger = Forge { issuer: "https://idp.example.org/".into(), ..assertion(3) }.xml();
    // A provider that drops the RelayState of a request would do so again, and again.
    let answers_a_request = Forge { in_response_to: Some("_request".into()), ..assertion(4) }.xml();
    for response in [forged, stranger, answers_a_request] {
        refused(&post(&vestibule, &response, "", BROWSER).await);
    }
    // A program is told what is wrong; a RelayState of somebody else is none of ours.
    refused(&post(&vestibule, &genuine, "", "application/json").await);
    let other = post(&vestibule, &genuine, "&RelayState=https%3A%2F%2Fapp.example.com", BROWSER).await;
    assert!(other.body.contains("relay_state_malformed"), "{}", other.body);
    assert!(vestibule.service.audit().await.is_empty());
}

#[tokio::test]
async fn no_login_begins_where_none_can() {
    refused(&post(&Vestibule::with(Binding::Plain, settings()), &assertion(1).xml(), "", BROWSER).await);
    // Neither a sign-on page nor an address for requests.
    let mut elsewhere = settings();
    elsewhere.sign_on = vec![SignOn { sign_on_url: None, ..settings().sign_on.remove(0) }];
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), |broker| {
        let provider = IdentityProvider { sign_on_services: Vec::new(), ..forge::adfs() };
        broker.providers = IdentityProviders::new(vec![provider]).unwrap().into();
    });
    let vestibule = Vestibule { service, logins: Default::default(), _dir: dir }.serving(elsewhere, None);
    refused(&post(&vestibule, &assertion(1).xml(), "", BROWSER).await);
}
