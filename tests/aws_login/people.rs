//! People, as far as a login sees them: a tab, what it is answered, and what its
//! credentials are good for.

use crate::cloud::Site;
use crate::support::aws::{Emulators, REGION, Service};
use crate::support::browser::{Browser, Form, Page};
use crate::support::forge::Forge;
use crate::support::waiting::request_id;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use vestibule::broker::SessionId;

/// A tab of a person's browser.
pub struct Person {
    browser: Browser,
    pub session: String,
    pub verifier: String,
}

impl Person {
    pub fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let session = format!("session-of-the-tab-{number:06}");
        Self { browser: Browser::new(), session, verifier: format!("{number:x>43}") }
    }

    /// What tables know the session id by.
    pub fn handle(&self) -> String {
        SessionId::parse(&self.session).unwrap().handle().as_str().to_owned()
    }

    /// The same tab, to be used at the same time.
    pub fn again(&self) -> Self {
        let (session, verifier) = (self.session.clone(), self.verifier.clone());
        Self { browser: Browser::new(), session, verifier }
    }

    /// `POST /saml`, as the identity provider's page makes the browser do.
    pub fn post(&self, at: &Site, assertion: &Forge) -> Reply {
        let form = self.form(&at.server.url("/saml"), assertion);
        Reply::of(self.browser.submit_with(&form, &[("Accept", "application/json")]))
    }

    /// The same, where it may be that there is no answer.
    pub fn try_post(&self, url: &str, assertion: &Forge) -> Option<u16> {
        let form = self.form(url, assertion);
        agent().post(url).send_form(form.fields).ok().map(|answer| answer.status().as_u16())
    }

    /// `GET /saml`, where it may be that there is no answer.
    pub fn try_take(&self, url: &str, ticket: &str) -> Option<u16> {
        let request = agent().get(url).header("authorization", format!("Bearer {ticket}"));
        let answer = request.header("vestibule-verifier", &self.verifier).call();
        answer.ok().map(|answer| answer.status().as_u16())
    }

    /// `GET /saml`, as the page does.
    pub fn take(&self, at: &Site, ticket: &str) -> Reply {
        let bearer = format!("Bearer {ticket}");
        let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", &self.verifier)];
        Reply::of(self.browser.get(&at.server.url("/saml"), &headers))
    }

    /// `GET /saml/choice`.
    pub fn list(&self, at: &Site, ticket: &str) -> Reply {
        self.list_with(at, ticket, &[])
    }

    /// The same with more headers.
    pub fn list_with(&self, at: &Site, ticket: &str, more: &[(&str, &str)]) -> Reply {
        let bearer = format!("Bearer {ticket}");
        let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", &self.verifier)];
        Reply::of(self.browser.get(&at.server.url("/saml/choice"), &[&headers, more].concat()))
    }

    /// `POST /saml/choice`, of credentials for each of these roles.
    pub fn choose(&self, at: &Site, ticket: &str, roles: &[&str]) -> Reply {
        self.choose_parts(at, ticket, &parts(roles))
    }

    /// The same of these parts.
    pub fn choose_parts(&self, at: &Site, ticket: &str, parts: &str) -> Reply {
        let bearer = format!("Bearer {ticket}");
        let headers = [("authorization", bearer.as_str()), ("vestibule-verifier", &self.verifier)];
        post_json(at, "/saml/choice", parts, &headers)
    }

    /// `GET /saml/login`, where the login starts here: the request's `ID`.
    pub fn request(&self, at: &Site) -> String {
        self.request_for(at, "page")
    }

    /// The same for this use.
    pub fn request_for(&self, at: &Site, r#use: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("idp", "ADFS")
            .append_pair("use", r#use)
            .append_pair("RelayState", &self.relay_state())
            .finish();
        let page = self.browser.get(&at.server.url(&format!("/saml/login?{query}")), &[]);
        let location = page.location().unwrap_or_else(|| panic!("{}", page.body));
        request_id(&location)
    }

    fn relay_state(&self) -> String {
        let challenge = digest(&SHA256, self.verifier.as_bytes());
        format!("{}##{}", self.session, URL_SAFE_NO_PAD.encode(challenge))
    }

    pub fn form(&self, action: &str, assertion: &Forge) -> Form {
        let fields = [("SAMLResponse", STANDARD.encode(assertion.xml())), ("RelayState", self.relay_state())];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Form { action: action.to_owned(), fields }
    }
}

/// One POST of JSON, and JSON for an answer.
pub fn post_json(at: &Site, path: &str, body: &str, headers: &[(&str, &str)]) -> Reply {
    let request = agent().post(at.server.url(path)).content_type("application/json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let mut answer = request.send(body).unwrap();
    let json = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    Reply { status: answer.status().as_u16(), location: None, json }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).max_redirects(0);
    config.build().into()
}

/// What `POST /saml/choice` takes: credentials for each of these roles.
pub fn parts(roles: &[&str]) -> String {
    let parts: Vec<_> =
        roles.iter().map(|role| serde_json::json!({ "role": role, "use": "credentials" })).collect();
    serde_json::json!({ "parts": parts }).to_string()
}

/// An answer.
pub struct Reply {
    pub status: u16,
    pub location: Option<String>,
    pub json: Value,
}

impl Reply {
    pub fn of(page: Page) -> Self {
        let json = serde_json::from_str(&page.body).unwrap_or(Value::Null);
        Self { status: page.status, location: page.location(), json }
    }

    /// Status and code, for comparing with the documents.
    pub fn cell(&self) -> (u16, &str) {
        (self.status, self.json["error"].as_str().unwrap_or_default())
    }

    pub fn ticket(&self) -> String {
        assert_eq!(self.cell(), (302, ""), "{}", self.json);
        let location = self.location.as_deref().unwrap();
        location.strip_prefix("https://app.example.com/#jwt=").unwrap().to_owned()
    }
}

impl Reply {
    /// Of a choice.
    pub fn choice(&self) -> String {
        assert_eq!(self.cell(), (302, ""), "{}", self.json);
        let location = self.location.as_deref().unwrap();
        location.strip_prefix("https://app.example.com/#choice=").unwrap().to_owned()
    }

    /// The ticket of each part that was chosen.
    pub fn parts(&self) -> Vec<String> {
        let parts = self.json["parts"].as_array().unwrap_or_else(|| panic!("{}", self.json));
        let ticket = |part: &Value| part["ticket"].as_str().unwrap_or_else(|| panic!("{part}")).to_owned();
        parts.iter().map(ticket).collect()
    }
}

/// The `jti` that a ticket says.
pub fn jti(ticket: &str) -> String {
    let claims = URL_SAFE_NO_PAD.decode(ticket.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

/// The `kid` in a ticket's header.
pub fn kid(ticket: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(ticket.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Whom AWS takes the holder of these credentials for, by AWS's own SDK.
pub fn caller(aws: &Emulators, credentials: &Value) -> Result<String, String> {
    use aws_sdk_sts::config::{BehaviorVersion, Credentials, Region};
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    let token = Some(text("SessionToken"));
    let credentials =
        Credentials::new(text("AccessKeyId"), text("SecretAccessKey"), token, None, "vestibule");
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials)
        .endpoint_url(aws.endpoint(Service::Sts))
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = aws_sdk_sts::Client::from_conf(config);
    let identity = runtime.block_on(client.get_caller_identity().send());
    identity.map(|identity| identity.arn.unwrap()).map_err(|error| format!("{error:?}"))
}
