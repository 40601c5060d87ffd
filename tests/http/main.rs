//! The HTTP room, from outside: every answer a client can get, and every way to
//! ask badly. Sessions are put through the ports; whole logins are tested elsewhere.
#![allow(clippy::disallowed_methods, clippy::new_without_default)]

mod authorizer;
mod bad_input;
#[path = "../support/fake_world.rs"]
mod fake_world;
mod ping;
mod redeem;
mod serve;
mod surface;

use axum::body::Body;
use fake_world::{FakeCallers, FakeWorld, PUBLIC_URL};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;
use vestibule::broker::Binding;
use vestibule::config::{JwtIn, Network, SignOn};
use vestibule::http::{App, HttpSettings, router};

pub const ORIGIN: &str = "https://app.example.com";

pub struct Vestibule {
    pub world: Arc<FakeWorld>,
    pub app: Arc<App>,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_str(&self.body).unwrap()
    }
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
    /// Asserts a JSON refusal of this status and code.
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.json()["error"].as_str().unwrap()), (status, code));
        assert_eq!(self.json()["reference"], self.header("x-request-id"));
        assert_eq!(self.header("cache-control"), "no-store");
    }
}

pub fn settings() -> HttpSettings {
    HttpSettings {
        public_url: PUBLIC_URL.into(),
        redirect_url: "https://app.example.com/".into(),
        jwt_in: JwtIn::Fragment,
        allowed_origins: vec![ORIGIN.into(), "http://localhost:3000".into()],
        ping_url: None,
        trusted_proxies: vec![Network { address: "10.0.0.0".parse().unwrap(), prefix: 8 }],
        contact: Some("Help desk <help@example.com>".into()),
        sign_on: vec![SignOn {
            name: "ADFS".into(),
            sign_on_url: Some("https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx".into()),
            relying_party_id: Some("urn:amazon:webservices".into()),
        }],
        region: "eu-central-1".into(),
        version: "0.1.0".into(),
        service_provider_metadata: "<EntityDescriptor/>".into(),
        max_concurrent_requests: 64,
        request_timeout: Duration::from_secs(5),
    }
}

impl Vestibule {
    pub fn new() -> Self {
        Self::with(Binding::Challenge, settings(), Some(FakeCallers { ping_allowed: true }))
    }

    pub fn with(binding: Binding, settings: HttpSettings, callers: Option<FakeCallers>) -> Self {
        let world = FakeWorld::new();
        let callers = callers.map(|callers| Arc::new(callers) as _);
        let app = App::new(world.broker(binding), callers, settings).unwrap();
        Self { world, app: Arc::new(app) }
    }

    pub async fn ask(&self, request: Request<Body>) -> Answer {
        let (head, body) = router(self.app.clone()).oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body: String::from_utf8(body.to_vec()).unwrap() }
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
