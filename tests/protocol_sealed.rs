//! Sealed delivery and programs at a shell (`docs/PROTOCOL.md`, "Sealed to who waits"): what
//! comes of each event, who can read what, and what is left behind.
#![allow(clippy::disallowed_methods)]

mod support;

use axum::body::Body;
use axum::http::Request;
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::sync::Arc;
use support::forge::{self, Forge};
use support::sealed::Waiting;
use support::test_service::{
    Answer, TestService, assertion, choosing, http_settings, offering, part, production_that_asks, role_arn,
};
use tempfile::TempDir;
use vestibule::broker::ports::Held;
use vestibule::broker::{
    AuditEvent, Binding, BrokerSettings, EventKind, Page, Pages, Purpose, Shell, Ticket, TicketClaims,
    shell_number,
};
use vestibule::config::Network;
use vestibule::http::{App, HttpSettings, Peer};
use vestibule::jose::{self, PrivateKey};
use vestibule::saml::{IdentityProvider, IdentityProviders};

const ORIGIN: &str = "https://app.example.com";
const TERMINAL: &str = "203.0.113.7";
const BROWSER: &str = "198.51.100.9";

/// As the configuration makes it of `binding = "sealed"`.
fn sealed(settings: &mut BrokerSettings) {
    settings.binding = Binding::Sealed;
    let provider = IdentityProvider { idp_initiated: false, ..forge::adfs() };
    settings.providers = IdentityProviders::new(vec![provider]).unwrap().into();
    settings.pages = settings.pages.clone().built_in_at(vec![ORIGIN.into()]);
}

fn for_shells(settings: &mut BrokerSettings) {
    choosing(settings);
    settings.shell = Some(Shell { other_device: true });
}

fn service(change: impl FnOnce(&mut BrokerSettings)) -> (TestService, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::with(dir.path(), change);
    let proxy = Network { address: "10.0.0.0".parse().unwrap(), prefix: 8 };
    let settings = HttpSettings { trusted_proxies: vec![proxy], ..http_settings() };
    let app = Arc::new(App::new(service.broker.clone(), service.callers.clone(), settings).unwrap());
    (TestService { app, ..service }, dir)
}

/// The same service with other settings, as after a reload.
fn changed(service: &TestService, change: impl FnOnce(&mut BrokerSettings)) -> TestService {
    let mut settings = support::test_service::settings();
    change(&mut settings);
    let broker = Arc::new(service.broker.reconfigured(settings));
    let app = Arc::new(App::new(broker.clone(), service.callers.clone(), http_settings()).unwrap());
    TestService { broker, app, clock: service.clock.clone(), plan: service.plan.clone(), callers: None }
}

async fn permit(
    service: &TestService,
    relay_state: &str,
    page: Option<&str>,
    origin: Option<&str>,
) -> Answer {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("RelayState", relay_state).extend_pairs(page.map(|page| ("page", page)));
    let mut request = Request::post("/saml/login")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json");
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    service.send(request.body(Body::from(form.finish())).unwrap()).await
}

async fn start(service: &TestService, relay_state: &str, more: &[(&str, &str)]) -> Answer {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("RelayState", relay_state)
        .extend_pairs(more)
        .finish();
    let request = Request::get(format!("/saml/login?{query}")).header("accept", "application/json");
    service.send(request.body(Body::empty()).unwrap()).await
}

fn id_of(started: &Answer) -> String {
    started.authn_request().split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The request of a login that the page itself began.
async fn begun(service: &TestService, page: &Waiting) -> String {
    let permit = permit(service, &page.relay_state(), None, Some(ORIGIN)).await.json();
    let permit = permit["permit"].as_str().unwrap();
    id_of(&start(service, &page.relay_state(), &[("permit", permit)]).await)
}

async fn post(service: &TestService, response: &Forge, relay_state: &str) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("SAMLResponse", &STANDARD.encode(response.xml()))
        .append_pair("RelayState", relay_state)
        .finish();
    let request = Request::post("/saml")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("accept", "application/json")
        .header("x-forwarded-for", BROWSER)
        .extension(peer())
        .body(Body::from(form))
        .unwrap();
    service.send(request).await
}

fn peer() -> Peer {
    Peer("10.0.0.1:1234".parse().unwrap())
}

/// A sealed login, up to the JWE in the redirect.
async fn issued(service: &TestService, page: &Waiting, number: u32) -> String {
    let answered = Some(begun(service, page).await);
    post(service, &Forge { in_response_to: answered, ..assertion(number) }, &page.relay_state())
        .await
        .ticket()
}

async fn take(service: &TestService, ticket: &str) -> Answer {
    let request = Request::get("/saml").header("authorization", format!("Bearer {ticket}"));
    service.send(request.body(Body::empty()).unwrap()).await
}

async fn claims(service: &TestService, ticket: &str) -> TicketClaims {
    service.broker.ports().keys.verify(ticket).await.unwrap()
}

async fn signed(service: &TestService, claims: &TicketClaims) -> Ticket {
    service.broker.ports().keys.sign(claims).await.unwrap()
}

fn header(jwe: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(jwe.split('.').next().unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn protocol_sealed_login_then_take() {
    let (service, _dir) = service(sealed);
    let page = Waiting::page(1);
    let sealed_ticket = issued(&service, &page, 1).await;
    let ticket = page.open(&sealed_ticket);
    let jti = claims(&service, &ticket).await.jti;
    let head = header(&sealed_ticket);
    assert_eq!(head["apu"], URL_SAFE_NO_PAD.encode(jti.as_str()));
    assert_eq!((&head["apv"], &head["cty"]), (&json!(URL_SAFE_NO_PAD.encode(&page.name)), &json!("JWT")));

    let taken = take(&service, &ticket).await;
    assert_eq!(taken.status, 200, "{}", taken.body);
    let answer = taken.json();
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["jwe"]);
    let jwe = answer["jwe"].as_str().unwrap();
    assert_eq!((&header(jwe)["apu"], &header(jwe)["cty"]), (&head["apu"], &json!("json")));
    let document: Value = serde_json::from_str(&page.open(jwe)).unwrap();
    assert_eq!((&document["Version"], &document["account"]), (&json!(1), &json!("123456789012")));
    assert!(
        ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]
            .iter()
            .all(|name| document[name].is_string())
    );

    take(&service, &ticket).await.refused(404, "gone");
    assert_eq!(service.history().await, ["login.started", "login.issued", "login.delivered"]);
    let delivered = service.audit().await.pop().unwrap();
    assert_eq!(delivered.subject.access_key_id.as_deref(), document["AccessKeyId"].as_str());
    assert_eq!(delivered.subject.for_use, None);
}

#[tokio::test]
async fn attack_a_sealed_login_begun_by_a_link() {
    let wiki = || Page {
        name: "wiki".into(),
        redirect_url: "https://wiki.example.com/".into(),
        origin: "https://wiki.example.com".into(),
        choose: false,
    };
    let (service, _dir) = service(|settings| {
        settings.pages = Pages::new(vec![wiki()]);
        sealed(settings);
    });
    let page = Waiting::page(1);
    let relay_state = page.relay_state();
    for origin in [None, Some("null"), Some("https://evil.example"), Some("https://wiki.example.com")] {
        permit(&service, &relay_state, None, origin).await.refused(403, "start_elsewhere");
    }
    permit(&service, &relay_state, Some("wiki"), Some(ORIGIN)).await.refused(403, "start_elsewhere");
    permit(&service, &relay_state, Some("wik"), Some(ORIGIN)).await.refused(400, "page_unknown");

    let mine = permit(&service, &relay_state, None, Some(ORIGIN)).await;
    assert_eq!(
        (mine.header("access-control-allow-origin"), &mine.json()["expires_in"]),
        (ORIGIN, &json!(60))
    );
    let mine = mine.json()["permit"].as_str().unwrap().to_owned();
    let of_wiki = permit(&service, &relay_state, Some("wiki"), Some("https://wiki.example.com")).await.json();
    let of_wiki = of_wiki["permit"].as_str().unwrap().to_owned();
    // The key in the link is somebody else's.
    let planted = Waiting { name: page.name.clone(), key: PrivateKey::generate().unwrap() };
    for (relay_state, more) in [
        (&relay_state, vec![]),
        (&relay_state, vec![("permit", "")]),
        (&relay_state, vec![("permit", "AAAA")]),
        (&relay_state, vec![("permit", &of_wiki[..])]),
        (&relay_state, vec![("permit", &mine), ("page", "wiki")]),
        (&planted.relay_state(), vec![("permit", &mine)]),
        (&Waiting::page(2).relay_state(), vec![("permit", &mine)]),
    ] {
        start(&service, relay_state, &more).await.refused(403, "start_elsewhere");
    }
    assert_eq!(start(&service, &relay_state, &[("permit", &mine)]).await.status, 302);
    assert_eq!(start(&service, &relay_state, &[("permit", &of_wiki), ("page", "wiki")]).await.status, 302);
    service.pass(60);
    start(&service, &relay_state, &[("permit", &mine)]).await.refused(403, "start_elsewhere");
    assert!(service.audit().await.is_empty());
}

/// Whoever writes a link to the identity provider writes its RelayState.
#[tokio::test]
async fn attack_a_planted_key_at_the_identity_provider() {
    let (service, _dir) = service(sealed);
    let planted = Waiting::page(1);
    post(&service, &assertion(1), &planted.relay_state()).await.refused(403, "idp_initiated_off");
    // Nor can it take the place of the key for which a request was made.
    let page = Waiting::page(1);
    let answered = Some(begun(&service, &page).await);
    let response = Forge { in_response_to: answered, ..assertion(2) };
    post(&service, &response, &planted.relay_state()).await.refused(403, "unknown_request");
    assert_eq!(service.history().await, ["login.refused idp_initiated_off", "login.refused unknown_request"]);
    // Nothing was used up.
    assert_eq!(post(&service, &response, &page.relay_state()).await.status, 302);
}

#[tokio::test]
async fn attack_a_sealed_login_for_a_key_of_low_order() {
    let (service, _dir) = service(sealed);
    let low = format!("session-of-page-000001##{}", "A".repeat(43));
    permit(&service, &low, None, Some(ORIGIN)).await.refused(400, "key_refused");
    start(&service, &low, &[]).await.refused(400, "key_refused");
    let answered = Some(begun(&service, &Waiting::page(1)).await);
    let response = Forge { in_response_to: answered, ..assertion(1) };
    post(&service, &response, &low).await.refused(400, "key_refused");
    assert!(service.audit().await.is_empty());
}

/// Else a challenge would be taken for a key, and nobody could open what is sealed to it.
#[tokio::test]
async fn protocol_sealed_binding_changed_meanwhile() {
    let (sealing, _dir) = service(sealed);
    let page = Waiting::page(1);
    let answered = Some(begun(&sealing, &page).await);
    let challenging = changed(&sealing, |_| {});
    let response = Forge { in_response_to: answered.clone(), ..assertion(1) };
    post(&challenging, &response, &page.relay_state()).await.refused(403, "unknown_request");
    let other = Waiting::page(2);
    let before = id_of(&start(&challenging, &other.relay_state(), &[]).await);
    let late = Forge { in_response_to: Some(before), ..assertion(2) };
    post(&sealing, &late, &other.relay_state()).await.refused(403, "unknown_request");
    // What was issued is taken as it was issued.
    let ticket =
        post(&sealing, &Forge { response_id: "_again".into(), ..response }, &page.relay_state()).await;
    let taken = take(&challenging, &page.open(&ticket.ticket())).await;
    assert_eq!(taken.status, 200, "{}", taken.body);
    page.open(taken.json()["jwe"].as_str().unwrap());
}

#[tokio::test]
async fn attack_a_stolen_sealed_ticket() {
    let (service, _dir) = service(sealed);
    let page = Waiting::page(1);
    let stolen = issued(&service, &page, 1).await;
    take(&service, &stolen).await.refused(401, "ticket_malformed");
    assert!(jose::open(&stolen, &PrivateKey::generate().unwrap(), &page.name).is_none());
    // One that says it needs no key is not ours; one of ours that needs a verifier still does.
    let ticket = page.open(&stolen);
    let bare = TicketClaims { sealed: false, ..claims(&service, &ticket).await };
    take(&service, signed(&service, &bare).await.expose()).await.refused(401, "verifier_missing");
    assert_eq!(take(&service, &ticket).await.status, 200, "nothing was consumed");
}

/// The whole table, and every key of the ring.
#[tokio::test]
async fn attack_whoever_has_store_and_ring_reads_what_is_sealed() {
    let (service, _dir) = service(sealed);
    let page = Waiting::page(1);
    let ticket = page.open(&issued(&service, &page, 1).await);
    let ports = service.broker.ports();
    let now = ports.clock.now();
    let held = ports.sessions.look(&page.session().handle(), now).await.unwrap();
    assert!(matches!(held, Some(Held::Waiting { .. })));
    let jti = claims(&service, &ticket).await.jti;
    let stolen = ports.sessions.take(&page.session().handle(), &jti, now).await.unwrap().unwrap();
    let opened = ports.keys.open(&Purpose::credentials(&page.session()), &stolen.sealed).await.unwrap();
    let wire: Value = serde_json::from_slice(opened.expose_secret()).unwrap();
    let mut names: Vec<&str> = wire.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let expected = "access_key_id account expiration idp jwe limited name_id role rule use user";
    assert_eq!(names.join(" "), expected);
    let jwe = wire["jwe"].as_str().unwrap();
    assert!(jose::open(jwe, &PrivateKey::generate().unwrap(), &page.name).is_none());
    let document: Value = serde_json::from_str(&page.open(jwe)).unwrap();
    for secret in ["SecretAccessKey", "SessionToken"] {
        let secret = document[secret].as_str().unwrap();
        assert!(!String::from_utf8_lossy(opened.expose_secret()).contains(secret));
    }
}

#[tokio::test]
async fn protocol_sealed_choice() {
    let (service, _dir) = service(|settings| {
        choosing(settings);
        sealed(settings);
    });
    let page = Waiting::page(1);
    let answered = Some(begun(&service, &page).await);
    let response = Forge { in_response_to: answered, ..offering(1, &["Prod", "Dev"]) };
    let choice = post(&service, &response, &page.relay_state()).await.choice_ticket();
    let ticket = page.open(&choice);
    assert_eq!(list(&service, &choice, None).await.code(), "ticket_malformed");
    let listed = list(&service, &ticket, None).await;
    assert_eq!((listed.status.as_u16(), listed.json()["roles"].as_array().unwrap().len()), (200, 2));
    assert_eq!(listed.json().get("shell"), None);
    let parts = json!({ "parts": [part("Prod", "credentials"), part("Dev", "credentials")] });
    let chosen = choose(&service, &ticket, &parts).await;
    for (sealed_ticket, role) in chosen.part_tickets().iter().zip(["Prod", "Dev"]) {
        let taken = take(&service, &page.open(sealed_ticket)).await.json();
        let document: Value = serde_json::from_str(&page.open(taken["jwe"].as_str().unwrap())).unwrap();
        assert_eq!(document["role"], role_arn(role));
    }
}

/// A question stands in the ticket, and so is sealed with it.
#[tokio::test]
async fn protocol_sealed_take_with_its_reason() {
    let (service, _dir) = service(|settings| {
        settings.rules = production_that_asks(Some("Which ticket?"));
        sealed(settings);
    });
    let page = Waiting::page(1);
    let ticket = page.open(&issued(&service, &page, 1).await);
    let asked = take(&service, &ticket).await;
    asked.refused(428, "reason_required");
    assert_eq!(asked.json()["ask"], "Which ticket?");
    service.pass(299);
    let request = Request::get("/saml")
        .header("authorization", format!("Bearer {ticket}"))
        .header("vestibule-reason", "INC-4711");
    let taken = service.send(request.body(Body::empty()).unwrap()).await;
    page.open(taken.json()["jwe"].as_str().unwrap());
    let delivered = events_of(&service, EventKind::Delivered).await.remove(0);
    assert_eq!(delivered.subject.reason.unwrap().as_str(), "INC-4711");
}

async fn list(service: &TestService, ticket: &str, request: Option<&str>) -> Answer {
    let mut list = Request::get("/saml/choice").header("authorization", format!("Bearer {ticket}"));
    if let Some(request) = request {
        list = list.header("vestibule-shell", request);
    }
    service.send(list.header("x-forwarded-for", BROWSER).extension(peer()).body(Body::empty()).unwrap()).await
}

async fn choose(service: &TestService, ticket: &str, body: &Value) -> Answer {
    let request = Request::post("/saml/choice")
        .header("authorization", format!("Bearer {ticket}"))
        .header("content-type", "application/json")
        .header("x-forwarded-for", BROWSER)
        .extension(peer());
    service.send(request.body(Body::from(body.to_string())).unwrap()).await
}

// --- Programs at a shell

const REDIRECT: &str = "http://127.0.0.1:49152/callback";

async fn ask(service: &TestService, body: &Value) -> Answer {
    let request = Request::post("/saml/shell")
        .header("content-type", "application/json")
        .header("x-forwarded-for", TERMINAL)
        .extension(peer());
    service.send(request.body(Body::from(body.to_string())).unwrap()).await
}

/// What a program takes to the browser.
async fn asked(service: &TestService, program: &Waiting, redirect_uri: Option<&str>) -> String {
    let body = json!({ "key": program.key(), "state": program.name, "redirect_uri": redirect_uri });
    let answer = ask(service, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["request"].as_str().unwrap().to_owned()
}

/// A page that waits by a verifier, for a program: up to its choice's ticket, and the verifier.
struct Opened {
    ticket: String,
    verifier: String,
}

impl Opened {
    async fn new(service: &TestService, number: u32, roles: &[&str]) -> Self {
        Self::by(service, number, offering(number, roles)).await
    }

    async fn by(service: &TestService, number: u32, response: Forge) -> Self {
        let page = support::test_service::Page::new(number);
        let answered = Some(id_of(&service.start_with("ADFS", &page, &[("use", "shell")]).await));
        let response = Forge { in_response_to: answered, ..response };
        let ticket = post(service, &response, &page.relay_state()).await.choice_ticket();
        Self { ticket, verifier: page.verifier }
    }

    async fn send(&self, service: &TestService, method: &str, request: Option<&str>, body: &Value) -> Answer {
        let mut sent = Request::builder()
            .method(method)
            .uri("/saml/choice")
            .header("authorization", format!("Bearer {}", self.ticket))
            .header("vestibule-verifier", &self.verifier)
            .header("content-type", "application/json")
            .header("x-forwarded-for", BROWSER)
            .extension(peer());
        if let Some(request) = request {
            sent = sent.header("vestibule-shell", request);
        }
        service.send(sent.body(Body::from(body.to_string())).unwrap()).await
    }

    async fn list(&self, service: &TestService, request: Option<&str>) -> Answer {
        self.send(service, "GET", request, &Value::Null).await
    }

    async fn choose(&self, service: &TestService, request: &str, number: Option<&str>, role: &str) -> Answer {
        let shell = json!({ "request": request, "number": number });
        self.send(service, "POST", None, &json!({ "parts": [part(role, "shell")], "shell": shell })).await
    }
}

async fn events_of(service: &TestService, kind: EventKind) -> Vec<AuditEvent> {
    service.audit().await.into_iter().filter(|event| event.kind == kind).collect()
}

#[tokio::test]
async fn protocol_shell_login() {
    let (service, _dir) = service(for_shells);
    let program = Waiting::program(1);
    let request = asked(&service, &program, Some(REDIRECT)).await;
    assert!(request.len() < 500 && request.bytes().all(|b| b.is_ascii_graphic()), "{request}");
    assert!(service.audit().await.is_empty());
    // One role, and still a choice: the person says to whom it goes.
    let opened = Opened::new(&service, 1, &["Prod"]).await;
    let listed = opened.list(&service, Some(&request)).await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    let number = shell_number(program.key(), &program.name);
    let mut shell = listed.json()["shell"].clone();
    assert!(shell.as_object_mut().unwrap().remove("at").unwrap().is_string());
    let expected = json!({
        "device": "this_computer", "port": 49152, "number": number, "address": TERMINAL,
        "redirect_uri": REDIRECT, "state": program.name,
    });
    assert_eq!(shell, expected);
    assert!(listed.json()["roles"][0]["credentials"].is_object(), "{}", listed.body);

    let chosen = opened.choose(&service, &request, None, "Prod").await;
    let to = json!({ "redirect_uri": REDIRECT, "state": program.name });
    assert_eq!(chosen.json()["shell"], to, "{}", chosen.body);
    let ticket = program.open(&chosen.part_tickets()[0]);
    let taken = take(&service, &ticket).await;
    let document: Value = serde_json::from_str(&program.open(taken.json()["jwe"].as_str().unwrap())).unwrap();
    assert_eq!(document["role"], role_arn("Prod"));
    take(&service, &ticket).await.refused(404, "gone");

    let kinds = ["choice.opened", "login.started", "login.issued", "login.delivered"];
    assert_eq!(service.history().await, kinds);
    for event in service.audit().await {
        assert_eq!(event.subject.for_use.as_deref(), Some("shell"), "{}", event.kind.as_str());
        assert_eq!(event.subject.device, None);
    }
    for kind in [EventKind::Started, EventKind::Issued] {
        let event = &events_of(&service, kind).await[0];
        assert_eq!(event.source_ip.unwrap().to_string(), BROWSER);
        assert_eq!(event.subject.asked_from.unwrap().to_string(), TERMINAL);
    }
}

#[tokio::test]
async fn protocol_shell_on_another_device() {
    let (service, _dir) = service(for_shells);
    let program = Waiting::program(1);
    let request = asked(&service, &program, None).await;
    let opened = Opened::new(&service, 1, &["Prod", "Dev"]).await;
    let shell = opened.list(&service, Some(&request)).await.json()["shell"].clone();
    assert_eq!(
        (&shell["device"], &shell["port"], &shell["number"]),
        (&json!("another"), &Value::Null, &Value::Null)
    );
    let number = shell_number(program.key(), &program.name);
    let other = if number == "000 000" { "000 001" } else { "000 000" };
    for wrong in [None, Some(""), Some("482"), Some(other), Some("000 000 000")] {
        opened.choose(&service, &request, wrong, "Prod").await.refused(403, "number_wrong");
    }
    assert_eq!(service.history().await, ["choice.opened"]);
    let chosen = opened.choose(&service, &request, Some(&number.replace(' ', "")), "Prod").await;
    assert_eq!(chosen.json()["shell"], json!({ "redirect_uri": null, "state": program.name }));
    let ticket = program.open(&chosen.part_tickets()[0]);
    // Time to paste.
    service.pass(299);
    assert_eq!(take(&service, &ticket).await.status, 200);
    for kind in [EventKind::Started, EventKind::Issued] {
        let event = &events_of(&service, kind).await[0];
        assert_eq!(event.subject.device.as_deref(), Some("another"));
        assert_eq!(event.subject.asked_from.unwrap().to_string(), TERMINAL);
    }
}

#[tokio::test]
async fn protocol_shell_off() {
    let (service, _dir) = service(for_shells);
    let program = Waiting::program(1);
    let (here, elsewhere) =
        (asked(&service, &program, Some(REDIRECT)).await, asked(&service, &program, None).await);
    let opened = Opened::new(&service, 1, &["Prod"]).await;
    let body = json!({ "key": program.key(), "state": program.name });
    // Switched off meanwhile, too.
    let off = changed(&service, choosing);
    ask(&off, &body).await.refused(403, "shell_off");
    opened.list(&off, Some(&here)).await.refused(403, "shell_off");
    opened.choose(&off, &here, None, "Prod").await.refused(403, "shell_off");
    let page = support::test_service::Page::new(2);
    off.start_with("ADFS", &page, &[("use", "shell")]).await.refused(403, "shell_off");
    let here_only = changed(&service, |settings| {
        choosing(settings);
        settings.shell = Some(Shell { other_device: false });
    });
    ask(&here_only, &body).await.refused(403, "other_device_off");
    opened.list(&here_only, Some(&elsewhere)).await.refused(403, "other_device_off");
    assert_eq!(opened.list(&here_only, Some(&here)).await.status, 200);
}

#[tokio::test]
async fn protocol_shell_request_expired() {
    let (service, _dir) = service(for_shells);
    let request = asked(&service, &Waiting::program(1), Some(REDIRECT)).await;
    service.pass(599);
    let (issued, confirmed_until) = (forge::at(590), forge::at(890));
    let late = Forge { issued, confirmed_until, ..offering(1, &["Prod"]) };
    let opened = Opened::by(&service, 1, late).await;
    assert_eq!(opened.list(&service, Some(&request)).await.status, 200);
    service.pass(1);
    opened.list(&service, Some(&request)).await.refused(403, "shell_request_expired");
    opened.choose(&service, &request, None, "Prod").await.refused(403, "shell_request_expired");
    assert_eq!(service.history().await, ["choice.opened"]);
}

#[tokio::test]
async fn attack_a_shell_request_that_was_not_made_here() {
    let (service, _dir) = service(for_shells);
    let (program, other) = (Waiting::program(1), Waiting::program(2));
    let request = asked(&service, &program, Some(REDIRECT)).await;
    let opened = Opened::new(&service, 1, &["Prod"]).await;
    opened.list(&service, None).await.refused(400, "shell_request_malformed");
    let sealed = request.split_once('.').unwrap().1;
    let cut = &request[..request.len() - 1];
    let long = format!("{request}{}", "A".repeat(4_096));
    for forged in ["", ".", "x", sealed, cut, &long, &format!("{}.{sealed}", other.name)] {
        opened.list(&service, Some(forged)).await.refused(400, "shell_request_malformed");
        opened.choose(&service, forged, None, "Prod").await.refused(400, "shell_request_malformed");
    }
    // A login for a page gives a program nothing, and one for a program a page nothing.
    let parts = json!({ "parts": [part("Prod", "credentials")], "shell": { "request": request } });
    opened.send(&service, "POST", None, &parts).await.refused(400, "shell_request_malformed");
    let parts = json!({ "parts": [part("Prod", "shell")] });
    opened.send(&service, "POST", None, &parts).await.refused(400, "shell_request_malformed");
    let page = support::test_service::Page::new(2);
    let ticket = service.post(&offering(2, &["Prod", "Dev"]), &page).await.choice_ticket();
    let of_page = Opened { ticket, verifier: page.verifier };
    of_page.list(&service, Some(&request)).await.refused(400, "shell_request_malformed");
    of_page.choose(&service, &request, None, "Prod").await.refused(400, "shell_request_malformed");
    let parts = json!({ "parts": [part("Prod", "shell")] });
    of_page.send(&service, "POST", None, &parts).await.refused(400, "shell_request_malformed");
    assert_eq!(service.history().await, ["choice.opened", "choice.opened"]);
}

#[tokio::test]
async fn a_program_that_asks_badly_is_told() {
    let (service, _dir) = service(for_shells);
    let program = Waiting::program(1);
    let good = json!({ "key": program.key(), "state": program.name, "redirect_uri": REDIRECT });
    assert_eq!(ask(&service, &good).await.status, 200);
    for (name, value, code) in [
        ("key", json!("A".repeat(43)), "key_refused"),
        ("key", json!("short"), "key_refused"),
        ("key", json!(7), "shell_request_malformed"),
        ("state", json!("short"), "shell_request_malformed"),
        ("state", json!("state-of-shell-000000.1"), "shell_request_malformed"),
        ("port", json!(1), "shell_request_malformed"),
        ("redirect_uri", json!("https://evil.example/callback"), "redirect_refused"),
        ("redirect_uri", json!("http://localhost:49152/callback"), "redirect_refused"),
    ] {
        let mut body = good.clone();
        body[name] = value;
        ask(&service, &body).await.refused(400, code);
    }
    for name in ["key", "state"] {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(name);
        ask(&service, &body).await.refused(400, "shell_request_malformed");
    }
}

/// A lost answer uses nothing up; another program's key never meets it.
#[tokio::test]
async fn protocol_shell_choice_repeated() {
    let (service, _dir) = service(for_shells);
    let (program, other) = (Waiting::program(1), Waiting::program(2));
    let request = asked(&service, &program, Some(REDIRECT)).await;
    let of_other = asked(&service, &other, Some(REDIRECT)).await;
    let opened = Opened::new(&service, 1, &["Prod"]).await;
    let first = program.open(&opened.choose(&service, &request, None, "Prod").await.part_tickets()[0]);
    let again = program.open(&opened.choose(&service, &request, None, "Prod").await.part_tickets()[0]);
    assert_eq!(claims(&service, &first).await.jti, claims(&service, &again).await.jti);
    let for_other = other.open(&opened.choose(&service, &of_other, None, "Prod").await.part_tickets()[0]);
    assert_ne!(claims(&service, &for_other).await.jti, claims(&service, &again).await.jti);
    for (ticket, program) in [(again, &program), (for_other, &other)] {
        let taken = take(&service, &ticket).await;
        program.open(taken.json()["jwe"].as_str().unwrap());
    }
    take(&service, &first).await.refused(404, "gone");
    assert_eq!(events_of(&service, EventKind::Started).await.len(), 2);
}

/// With both: the page opens its choice with its own key, the program its ticket with its own.
#[tokio::test]
async fn protocol_shell_at_a_sealed_page() {
    let (service, _dir) = service(|settings| {
        for_shells(settings);
        sealed(settings);
    });
    let (page, program) = (Waiting::page(1), Waiting::program(1));
    let request = asked(&service, &program, Some(REDIRECT)).await;
    let permit = permit(&service, &page.relay_state(), None, Some(ORIGIN)).await.json();
    let more = [("permit", permit["permit"].as_str().unwrap()), ("use", "shell")];
    let answered = Some(id_of(&start(&service, &page.relay_state(), &more).await));
    let response = Forge { in_response_to: answered, ..offering(1, &["Prod"]) };
    let ticket = page.open(&post(&service, &response, &page.relay_state()).await.choice_ticket());
    assert_eq!(list(&service, &ticket, Some(&request)).await.status, 200);
    let parts = json!({ "parts": [part("Prod", "shell")], "shell": { "request": request } });
    let sealed_ticket = choose(&service, &ticket, &parts).await.part_tickets().remove(0);
    assert!(jose::open(&sealed_ticket, &page.key, &program.name).is_none());
    let taken = take(&service, &program.open(&sealed_ticket)).await;
    program.open(taken.json()["jwe"].as_str().unwrap());
}

/// Nobody but the built-in page asks a person to whom credentials go.
#[tokio::test]
async fn a_page_of_another_team_begins_no_login_for_a_program() {
    let (service, _dir) = service(|settings| {
        let wiki = Page {
            name: "wiki".into(),
            redirect_url: "https://wiki.example.com/".into(),
            origin: "https://wiki.example.com".into(),
            choose: true,
        };
        settings.pages = Pages::new(vec![wiki]);
        for_shells(settings);
    });
    let page = support::test_service::Page::new(1);
    let more = [("use", "shell"), ("page", "wiki")];
    service.start_with("ADFS", &page, &more).await.refused(400, "use_unknown");
}
