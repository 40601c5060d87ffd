//! The whole service in this process: the real router, broker, store, key ring
//! and token service on real files. The test moves the clock and causes faults.

use super::faults::{Plan, faulty};
use super::forge;
use axum::body::Body;
use axum::http::{self as http_types, HeaderMap, Request, StatusCode};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use time::Duration;
use tower::ServiceExt;
use vestibule::broker::ports::{AuditTrail, CallerDirectory, SessionStore};
use vestibule::broker::{
    AuditEvent, Binding, Broker, BrokerSettings, EventKind, Pages, Ports, TicketSettings,
};
use vestibule::config::{JwtIn, Keys, RulesHold, Store, Sts};
use vestibule::http::{self, App};
use vestibule::roles::{Condition, Effect, Field, Matcher, ProviderArn, Rule, Rules};
use vestibule::saml::Limits;
use vestibule::system::{ManualClock, SystemRandom};

pub struct TestService {
    pub broker: Arc<Broker>,
    pub clock: Arc<ManualClock>,
    pub plan: Arc<Plan>,
    pub app: Arc<App>,
    pub callers: Option<Arc<dyn CallerDirectory>>,
}

/// An HTTP answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_str(&self.body).unwrap()
    }

    /// Asserts a JSON refusal of this status and code.
    pub fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.cell(), (status, code.to_owned()), "{}", self.body);
        assert_eq!(self.json()["reference"], self.header("x-request-id"));
        assert_eq!(self.header("cache-control"), "no-store");
    }

    /// The stable code of a refusal.
    pub fn code(&self) -> String {
        let json: Value = serde_json::from_str(&self.body).unwrap_or_default();
        json["error"].as_str().unwrap_or_default().to_owned()
    }

    /// The ticket in the redirect's fragment.
    pub fn ticket(&self) -> String {
        assert_eq!(self.status, StatusCode::FOUND, "{}", self.body);
        let location = self.headers["location"].to_str().unwrap();
        location.split_once("#jwt=").expect("a ticket in the fragment").1.to_owned()
    }

    /// The ticket of a choice in the redirect's fragment.
    pub fn choice_ticket(&self) -> String {
        assert_eq!(self.status, StatusCode::FOUND, "{}", self.body);
        let location = self.headers["location"].to_str().unwrap();
        location.split_once("#choice=").expect("a choice in the fragment").1.to_owned()
    }

    /// The tickets of what was chosen, in the order of the request: all of it.
    pub fn part_tickets(&self) -> Vec<String> {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        let json = self.json();
        let ticket = |part: &Value| part["ticket"].as_str().unwrap_or_else(|| panic!("{part}")).to_owned();
        json["parts"].as_array().unwrap().iter().map(ticket).collect()
    }

    /// What became of each part: `ticket`, or the code of its refusal.
    pub fn part_codes(&self) -> Vec<String> {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        let code = |part: &Value| match part["refused"]["error"].as_str() {
            Some(code) => code.to_owned(),
            None => part["ticket"].as_str().map(|_| "ticket".to_owned()).unwrap(),
        };
        self.json()["parts"].as_array().unwrap().iter().map(code).collect()
    }

    /// The request that a redirect carries (HTTP-Redirect binding).
    pub fn authn_request(&self) -> String {
        assert_eq!(self.status, StatusCode::FOUND, "{}", self.body);
        let query = self.headers["location"].to_str().unwrap().split_once('?').unwrap().1;
        let (_, value) =
            form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "SAMLRequest").unwrap();
        let deflated = STANDARD.decode(&*value).unwrap();
        String::from_utf8(miniz_oxide::inflate::decompress_to_vec(&deflated).unwrap()).unwrap()
    }

    /// Status and code, for comparing with the table.
    pub fn cell(&self) -> (u16, String) {
        (self.status.as_u16(), self.code())
    }
}

/// What the page keeps while the browser is away.
#[derive(Clone)]
pub struct Page {
    pub session: String,
    pub verifier: String,
}

impl Page {
    /// A page of its own for each number.
    pub fn new(number: u32) -> Self {
        Self { session: format!("session-of-page-{number:06}"), verifier: format!("{number:0>43}") }
    }

    pub fn relay_state(&self) -> String {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.verifier.as_bytes());
        format!("{}##{}", self.session, URL_SAFE_NO_PAD.encode(hash))
    }
}

/// An assertion of its own for each number.
pub fn assertion(number: u32) -> forge::Forge {
    forge::Forge {
        assertion_id: format!("_assertion-{number}"),
        response_id: format!("_response-{number}"),
        ..forge::Forge::default()
    }
}

impl TestService {
    /// The service whose files are in this directory.
    pub fn open(dir: &Path) -> Self {
        Self::with(dir, |_| {})
    }

    /// The same with other settings.
    pub fn with(dir: &Path, change: impl FnOnce(&mut BrokerSettings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        Self::over(dir, settings, |ports| ports)
    }

    /// The same with its records in this store.
    pub fn recording_in<S: SessionStore + AuditTrail + 'static>(dir: &Path, store: &Arc<S>) -> Self {
        Self::over(dir, settings(), |ports| Ports { sessions: store.clone(), audit: store.clone(), ..ports })
    }

    fn over(dir: &Path, settings: BrokerSettings, change: impl FnOnce(Ports) -> Ports) -> Self {
        let clock = Arc::new(ManualClock::new(forge::now()));
        let plan = Plan::new(clock.clone());
        let opened = at_once(vestibule::adapters::open(
            &Sts::Local { path: dir.join("sts-key"), region: "eu-central-1".into() },
            &Store::Embedded { path: dir.join("vestibule.db") },
            &Keys::Local { path: dir.join("keys") },
            clock.clone(),
            Arc::new(SystemRandom),
        ))
        .unwrap();
        let broker = Arc::new(Broker::new(settings, faulty(change(opened.ports), &plan)));
        let app = App::new(broker.clone(), opened.callers.clone(), http_settings()).unwrap();
        Self { broker, clock, plan, app: Arc::new(app), callers: opened.callers }
    }

    /// `POST /saml`, as the browser does for the identity provider.
    pub async fn post(&self, response: &forge::Forge, page: &Page) -> Answer {
        self.post_xml(&response.xml(), page).await
    }

    /// The same with a document that the test has changed.
    pub async fn post_xml(&self, xml: &str, page: &Page) -> Answer {
        self.post_field(&STANDARD.encode(xml), page).await
    }

    /// The same with a `SAMLResponse` field that the test has made.
    pub async fn post_field(&self, field: &str, page: &Page) -> Answer {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("SAMLResponse", field)
            .append_pair("RelayState", &page.relay_state())
            .finish();
        let request = Request::post("/saml")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json")
            .body(Body::from(form))
            .unwrap();
        self.send(request).await
    }

    /// `GET /saml/login`, as the page has the browser do.
    pub async fn start(&self, idp: &str, page: &Page) -> Answer {
        self.start_with(idp, page, &[]).await
    }

    /// The same with more fields.
    pub async fn start_with(&self, idp: &str, page: &Page, more: &[(&str, &str)]) -> Answer {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("idp", idp)
            .append_pair("RelayState", &page.relay_state())
            .extend_pairs(more)
            .finish();
        let request = Request::get(format!("/saml/login?{query}")).header("accept", "application/json");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The same, as far as the identity provider reads it: the request's `ID`.
    pub async fn request(&self, page: &Page) -> String {
        let xml = self.start("ADFS", page).await.authn_request();
        xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    }

    /// `GET /saml`, as the page does.
    pub async fn take(&self, ticket: &str, page: &Page) -> Answer {
        self.take_because(ticket, page, None).await
    }

    /// The same with a reason, as it stands in the header.
    pub async fn take_because(&self, ticket: &str, page: &Page, reason: Option<&str>) -> Answer {
        let mut request = Request::get("/saml")
            .header("authorization", format!("Bearer {ticket}"))
            .header("vestibule-verifier", &page.verifier);
        if let Some(reason) = reason {
            request = request.header("vestibule-reason", reason);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// `GET /saml/choice`, as the page does.
    pub async fn list(&self, ticket: &str, page: &Page) -> Answer {
        self.send(choice("GET", ticket, page).body(Body::empty()).unwrap()).await
    }

    /// `POST /saml/choice`, as the page does.
    pub async fn choose(&self, ticket: &str, page: &Page, parts: &[Value]) -> Answer {
        let body = json!({ "parts": parts }).to_string();
        let request = choice("POST", ticket, page).header("content-type", "application/json");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = http::router(self.app.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.advance(Duration::seconds(seconds));
    }

    /// The whole audit trail, oldest first.
    pub async fn audit(&self) -> Vec<AuditEvent> {
        let mut events = self.broker.ports().audit.recent(10_000).await.unwrap();
        events.reverse();
        events
    }

    /// What happened, as the table writes it: `login.failed sts_unavailable`.
    pub async fn history(&self) -> Vec<String> {
        let events = self.audit().await;
        events
            .iter()
            .map(|event| match &event.code {
                Some(code) => format!("{} {code}", event.kind.as_str()),
                None => event.kind.as_str().to_owned(),
            })
            .collect()
    }

    /// How often this happened.
    pub async fn count(&self, kind: EventKind) -> usize {
        self.audit().await.iter().filter(|event| event.kind == kind).count()
    }

    pub async fn sweep(&self) {
        self.broker.sweep().await.unwrap();
    }
}

/// A request of the choice.
pub fn choice(method: &str, ticket: &str, page: &Page) -> http_types::request::Builder {
    Request::builder()
        .method(method)
        .uri("/saml/choice")
        .header("authorization", format!("Bearer {ticket}"))
        .header("vestibule-verifier", &page.verifier)
}

/// One part of a choice.
pub fn part(role: &str, r#use: &str) -> Value {
    json!({ "role": role_arn(role), "use": r#use })
}

/// The ARN of a role of the tests' account.
pub fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::123456789012:role/{name}")
}

/// Each role that is offered, whichever it is, for an hour; and people choose at the page.
pub fn choosing(settings: &mut BrokerSettings) {
    let mut any: Vec<Rule> = production().iter().cloned().collect();
    any[0].name = "any".into();
    any[0].conditions.clear();
    settings.rules = with_rules(any);
    settings.pages = settings.pages.clone().choosing_at(vec!["https://app.example.com".into()]);
}

/// An assertion of its own for each number, which offers these roles.
pub fn offering(number: u32, roles: &[&str]) -> forge::Forge {
    let provider = "arn:aws:iam::123456789012:saml-provider/ADFS";
    let roles = roles.iter().map(|name| format!("{provider},{}", role_arn(name))).collect();
    forge::Forge { roles, ..assertion(number) }
}

/// The role whose name contains `Prod`, for an hour: the 2017 sample's rule.
pub fn production() -> Rules {
    production_that_asks(None)
}

/// The same, and it may ask for a reason.
pub fn production_that_asks(ask_reason: Option<&str>) -> Rules {
    let rule = Rule {
        name: "production".into(),
        conditions: vec![Condition {
            field: Field::RoleName,
            matchers: vec![Matcher::Contains("Prod".into())],
        }],
        outcome: Effect::Grant {
            role: None,
            duration: Duration::hours(1),
            session_policy: None,
            policy_arns: Vec::new(),
            ask_reason: ask_reason.map(str::to_owned),
        },
    };
    with_rules(vec![rule])
}

/// These rules, for roles of the tests' account.
pub fn with_rules(rules: Vec<Rule>) -> Rules {
    let provider = ProviderArn::parse("arn:aws:iam::123456789012:saml-provider/ADFS").unwrap();
    Rules::new(rules, [("ADFS".to_owned(), [provider].into())].into())
}

pub fn settings() -> BrokerSettings {
    BrokerSettings {
        providers: forge::providers().into(),
        service: forge::service(),
        signing_key: None,
        limits: Limits::default(),
        rules: production(),
        console: None,
        shell: None,
        pages: Pages::default(),
        binding: Binding::Challenge,
        tickets: TicketSettings {
            issuer: "https://vestibule.example.com".into(),
            lifetime: Duration::seconds(30),
        },
        session_lifetime: Duration::seconds(60),
    }
}

pub fn http_settings() -> http::HttpSettings {
    http::HttpSettings {
        public_url: "https://vestibule.example.com".into(),
        redirect_url: "https://app.example.com/".into(),
        jwt_in: JwtIn::Fragment,
        allowed_origins: vec!["https://app.example.com".into()],
        ping_url: None,
        trusted_proxies: Vec::new(),
        contact: None,
        accounts: BTreeMap::new(),
        sign_on: Vec::new(),
        region: "eu-central-1".into(),
        local_credentials: false,
        rules_hold: RulesHold::Advisory,
        version: "test".into(),
        service_provider_metadata: String::new(),
        max_concurrent_requests: 256,
        max_requests_per_client: 64,
        max_posts_per_minute: 1_000_000,
        request_timeout: std::time::Duration::from_secs(10),
    }
}

/// The output of a future that waits for nothing: what is embedded opens so.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("it waits"),
    }
}
