//! `GET /saml/login`: where a login starts here, and how it is refused.
//! What becomes of it is `docs/PROTOCOL.md`'s and `tests/protocol.rs`'s.

mod support;

use axum::body::Body;
use axum::http::Request;
use base64::{Engine, engine::general_purpose::STANDARD};
use roxmltree::Document;
use std::sync::Arc;
use support::forge;
use support::test_service::{Answer, Page, TestService, assertion};
use tempfile::TempDir;
use vestibule::saml::{
    HTTP_POST, HTTP_REDIRECT, IdentityProvider, IdentityProviders, RequestedAuthn, SignOnService, SigningKey,
};

fn service_of(provider: IdentityProvider, key: Option<SigningKey>) -> (TestService, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), |settings| {
        settings.providers = IdentityProviders::new(vec![provider]).unwrap().into();
        settings.signing_key = key.map(Arc::new);
    });
    (service, dir)
}

fn at(binding: &str, location: &str) -> IdentityProvider {
    let service = SignOnService { binding: binding.into(), location: location.into() };
    IdentityProvider { sign_on_services: vec![service], ..forge::adfs() }
}

async fn get(service: &TestService, target: &str, accept: &str) -> Answer {
    service.send(Request::get(target).header("accept", accept).body(Body::empty()).unwrap()).await
}

/// The value of a form field, as a browser would send it.
fn field(html: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let value = html.split(&start).nth(1).unwrap_or_else(|| panic!("no {name}")).split('"').next().unwrap();
    value.replace("&#39;", "'").replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&")
}

#[tokio::test]
async fn the_browser_is_sent_with_a_request_and_the_page_s_relay_state() {
    let (service, _dir) = service_of(at(HTTP_REDIRECT, "https://adfs.example.com/adfs/ls/?x=1"), None);
    let page = Page::new(1);
    let answer = service.start("ADFS", &page).await;
    let xml = answer.authn_request();
    let document = Document::parse(&xml).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("AssertionConsumerServiceURL"), Some(forge::ACS));
    assert_eq!(root.attribute("Destination"), Some("https://adfs.example.com/adfs/ls/?x=1"));
    assert_eq!(root.first_element_child().unwrap().text(), Some(forge::AUDIENCE));

    let location = answer.headers["location"].to_str().unwrap();
    assert!(location.starts_with("https://adfs.example.com/adfs/ls/?x=1&SAMLRequest="));
    let query = location.split_once('?').unwrap().1;
    let relay_state =
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "RelayState").unwrap();
    assert_eq!(relay_state.1, page.relay_state());
    assert_eq!(answer.headers["cache-control"], "no-store");
    // Some servers take addresses of 2,048 characters at most.
    assert!(location.len() < 1_100, "{}", location.len());
    assert!(service.audit().await.is_empty());

    // Each request is another one, also for the same page.
    assert_ne!(service.request(&page).await, service.request(&page).await);
}

#[tokio::test]
async fn an_identity_provider_that_takes_no_redirect_gets_a_form() {
    let hostile = "https://idp.example.com/sso?a=1&b=\"><script>alert(1)</script>";
    let (service, _dir) = service_of(at(HTTP_POST, hostile), None);
    let page = Page::new(1);
    let answer = service.start("ADFS", &page).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    assert!(!answer.body.contains("<script>alert"), "{}", answer.body);
    assert!(answer.body.contains("action=\"https://idp.example.com/sso?a=1&amp;b=&quot;&gt;&lt;script"));
    assert_eq!(field(&answer.body, "RelayState"), page.relay_state());
    let xml = String::from_utf8(STANDARD.decode(field(&answer.body, "SAMLRequest")).unwrap()).unwrap();
    assert!(xml.contains("AuthnRequest"));
    // Only this page may send a form, and nothing else is looser.
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("form-action *; ") && policy.contains("default-src 'none'; "), "{policy}");
    assert!(!policy.contains("unsafe"));
    assert_eq!(answer.headers["x-frame-options"], "DENY");
    assert_eq!(answer.headers["cache-control"], "no-store");
    // It is as good a request as any.
    let request = xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let answered = forge::Forge { in_response_to: Some(request), ..assertion(1) };
    service.post(&answered, &page).await.ticket();
}

#[tokio::test]
async fn the_form_is_in_the_person_s_language() {
    let (service, _dir) = service_of(at(HTTP_POST, "https://idp.example.com/sso"), None);
    let relay_state: String =
        form_urlencoded::byte_serialize(Page::new(1).relay_state().as_bytes()).collect();
    let target = format!("/saml/login?RelayState={relay_state}");
    for (language, title, button) in [
        ("de-CH", "Zur Anmeldeseite Ihres Unternehmens", "Weiter"),
        ("fr", "Vers la page de connexion de votre entreprise", "Continuer"),
        ("es", "To your company’s sign-in page", "Continue"),
    ] {
        let request = Request::get(&target).header("accept-language", language).body(Body::empty()).unwrap();
        let answer = service.send(request).await;
        assert_eq!(answer.headers["vary"], "accept-language");
        let tag = answer.headers["content-language"].to_str().unwrap();
        for part in [
            format!("<html lang=\"{tag}\">"),
            format!("<h1>{title}</h1>"),
            format!("<button type=\"submit\">{button}</button>"),
        ] {
            assert!(answer.body.contains(&part), "{part} is not in: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn the_redirect_is_preferred_and_others_are_left_alone() {
    let service =
        |binding: &str, location: &str| SignOnService { binding: binding.into(), location: location.into() };
    let artifact = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact";
    let provider = IdentityProvider {
        sign_on_services: vec![
            service(artifact, "https://idp.example.com/artifact"),
            service(HTTP_POST, "https://idp.example.com/post"),
            service(HTTP_REDIRECT, "https://idp.example.com/redirect"),
        ],
        ..forge::adfs()
    };
    let (service, _dir) = service_of(provider, None);
    let answer = service.start("ADFS", &Page::new(1)).await;
    assert!(answer.headers["location"].to_str().unwrap().starts_with("https://idp.example.com/redirect?"));
    let (service, _dir) = service_of(at(artifact, "https://idp.example.com/artifact"), None);
    assert_eq!(service.start("ADFS", &Page::new(1)).await.cell(), (404, "idp_takes_no_requests".into()));
}

#[tokio::test]
async fn what_is_asked_and_whether_it_is_signed_is_the_identity_provider_s() {
    let key = || {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        SigningKey::from_pkcs8(&pair.serialize_der()).unwrap()
    };
    let demanding = IdentityProvider {
        sign_requests: true,
        requested_authn: RequestedAuthn { force_authn: true, authn_context: None },
        name_id_format: Some("urn:persistent".into()),
        ..forge::adfs()
    };
    let (service, _dir) = service_of(demanding, Some(key()));
    let answer = service.start("ADFS", &Page::new(1)).await;
    assert!(answer.headers["location"].to_str().unwrap().contains("&Signature="));
    let xml = answer.authn_request();
    assert!(xml.contains("ForceAuthn=\"true\"") && xml.contains("urn:persistent"), "{xml}");
    let (service, _dir) = service_of(forge::adfs(), Some(key()));
    let answer = service.start("ADFS", &Page::new(1)).await;
    assert!(!answer.headers["location"].to_str().unwrap().contains("Signature"));
}

#[tokio::test]
async fn what_is_wrong_is_said_and_starts_nothing() {
    let (service, _dir) = service_of(forge::adfs(), None);
    let relay_state: String =
        form_urlencoded::byte_serialize(Page::new(1).relay_state().as_bytes()).collect();
    let good = format!("RelayState={relay_state}");
    for (query, status, code) in [
        (String::new(), 400, "relay_state_missing"),
        ("?idp=ADFS".into(), 400, "relay_state_missing"),
        ("?RelayState=".into(), 400, "relay_state_missing"),
        ("?RelayState=hello".into(), 400, "relay_state_malformed"),
        (format!("?idp=Okta&{good}"), 404, "idp_unknown"),
        (format!("?idp=&{good}"), 404, "idp_unknown"),
        (format!("?{good}&{good}"), 400, "duplicate_field"),
        (format!("?idp=ADFS&idp=ADFS&{good}"), 400, "duplicate_field"),
        (format!("?idp=%zz&{good}"), 400, "form_malformed"),
    ] {
        let target = format!("/saml/login{query}");
        assert_eq!(get(&service, &target, "application/json").await.cell(), (status, code.into()), "{query}");
        let page = get(&service, &target, "text/html").await;
        assert!(page.body.contains("Back to the sign-in page") && page.body.contains(code), "{query}");
    }
    // Without a name it is the first.
    assert_eq!(get(&service, &format!("/saml/login?{good}"), "*/*").await.status, 302);
    assert!(service.audit().await.is_empty());
}

#[tokio::test]
async fn without_keys_nothing_starts_and_nothing_is_accepted() {
    let (service, _dir) = service_of(forge::adfs(), None);
    let page = Page::new(1);
    let request = service.request(&page).await;
    service.plan.at("seal", support::faults::Fault::Down);
    assert_eq!(service.start("ADFS", &page).await.cell(), (503, "keys_unavailable".into()));
    service.plan.mend();
    // A ring that cannot be read is no reason to believe that we asked for nothing.
    service.plan.at("open", support::faults::Fault::Down);
    let answered = forge::Forge { in_response_to: Some(request), ..assertion(1) };
    assert_eq!(service.post(&answered, &page).await.cell(), (503, "keys_unavailable".into()));
    service.plan.mend();
    service.post(&answered, &page).await.ticket();
}
