//! The HTTP layer, from outside: every answer a client can get, and every way to
//! ask badly. The service is whole; `tests/protocol.rs` is about its logins.
#![allow(clippy::disallowed_methods, clippy::new_without_default)]

mod authorizer;
mod bad_input;
mod choice;
mod console;
mod languages;
mod pages;
mod ping;
mod portal;
mod redeem;
mod serve;
mod step_up;
#[path = "../support/mod.rs"]
mod support;
mod surface;

use axum::body::Body;
use http::Request;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use support::test_service::{Answer, Page, TestService, assertion, http_settings, production_that_asks};
use tempfile::TempDir;
use vestibule::broker::ports::CallerDirectory;
use vestibule::broker::{Binding, BrokerSettings, TicketClaims};
use vestibule::config::{Network, SignOn};
use vestibule::http::{App, HttpSettings};

pub const ORIGIN: &str = "https://app.example.com";

pub struct Vestibule {
    pub service: TestService,
    logins: AtomicU32,
    _dir: TempDir,
}

/// A login whose credentials wait, and what takes them.
pub struct Waiting {
    pub session: String,
    pub verifier: String,
    pub ticket: String,
    pub bearer: String,
}

impl Waiting {
    /// What takes the credentials.
    pub fn headers(&self) -> [(&str, &str); 2] {
        [("authorization", &self.bearer), ("vestibule-verifier", &self.verifier)]
    }
}

pub fn settings() -> HttpSettings {
    HttpSettings {
        allowed_origins: vec![ORIGIN.into(), "http://localhost:3000".into()],
        trusted_proxies: vec![Network { address: "10.0.0.0".parse().unwrap(), prefix: 8 }],
        contact: Some("Help desk <help@example.com>".into()),
        sign_on: vec![SignOn {
            name: "ADFS".into(),
            label: "Example sign-in".into(),
            sign_on_url: Some("https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx".into()),
            relying_party_id: Some("urn:amazon:webservices".into()),
        }],
        version: "0.1.0".into(),
        service_provider_metadata: "<EntityDescriptor/>".into(),
        ..http_settings()
    }
}

impl Vestibule {
    pub fn new() -> Self {
        Self::with(Binding::Challenge, settings())
    }

    pub fn with(binding: Binding, settings: HttpSettings) -> Self {
        Self::of(settings, |broker| broker.binding = binding)
    }

    /// One whose rule asks for a reason with this sentence.
    pub fn asking(sentence: &str) -> Self {
        Self::of(settings(), |broker| broker.rules = production_that_asks(Some(sentence)))
    }

    pub fn of(settings: HttpSettings, change: impl FnOnce(&mut BrokerSettings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let service = TestService::with(dir.path(), change);
        let callers = service.callers.clone();
        Self { service, logins: AtomicU32::new(0), _dir: dir }.serving(settings, callers)
    }

    /// The same with other settings, and with other callers or none.
    pub fn serving(mut self, settings: HttpSettings, callers: Option<Arc<dyn CallerDirectory>>) -> Self {
        let app = App::new(self.service.broker.clone(), callers, settings).unwrap();
        self.service.app = Arc::new(app);
        self
    }

    /// A login, up to its ticket.
    pub async fn waiting(&self) -> Waiting {
        let number = self.logins.fetch_add(1, Ordering::Relaxed);
        let page = Page::new(number);
        let ticket = self.service.post(&assertion(number), &page).await.ticket();
        Waiting { session: page.session, verifier: page.verifier, bearer: format!("Bearer {ticket}"), ticket }
    }

    /// Its ticket with other claims, signed by the service's own key ring.
    pub async fn ticket_with(&self, waiting: &Waiting, change: impl FnOnce(&mut TicketClaims)) -> String {
        let keys = &self.service.broker.ports().keys;
        let mut claims = keys.verify(&waiting.ticket).await.unwrap();
        change(&mut claims);
        keys.sign(&claims).await.unwrap().expose().to_owned()
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        self.service.send(request).await
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(request("GET", path, headers, Body::empty())).await
    }

    /// `POST /saml` with a form, from a script.
    pub async fn post(&self, form: &str) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        self.ask(request("POST", "/saml", &headers, Body::from(form.to_owned()))).await
    }
}

pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}
