//! The page that a login comes back to, as far as a script needs it.

use super::browser::{Browser, Form, Page};
use super::server::Server;
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

/// The page that waits for credentials: what it keeps in `sessionStorage`.
pub struct WaitingPage {
    pub session_id: String,
    pub verifier: String,
}

impl WaitingPage {
    pub fn new(name: &str) -> Self {
        Self { session_id: format!("page-{name:-<17}"), verifier: format!("{name:x<43}") }
    }

    pub fn relay_state(&self) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()));
        format!("{}##{challenge}", self.session_id)
    }

    pub fn take(&self, browser: &Browser, server: &Server, ticket: &str) -> Page {
        let bearer = format!("Bearer {ticket}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Vestibule-Verifier", &self.verifier),
            ("COGNITO_ID", &self.session_id),
        ];
        browser.get(&server.url("/saml"), &headers)
    }
}

/// Where a login starts here.
pub fn start_link(server: &Server, idp: &str, page: &WaitingPage) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("idp", idp)
        .append_pair("RelayState", &page.relay_state())
        .finish();
    server.url(&format!("/saml/login?{query}"))
}

/// The ID of the request that a redirect carries.
pub fn request_id(location: &str) -> String {
    let (_, query) = location.split_once('?').unwrap();
    let (_, value) =
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "SAMLRequest").unwrap();
    let deflated = STANDARD.decode(&*value).unwrap();
    let xml = String::from_utf8(miniz_oxide::inflate::decompress_to_vec(&deflated).unwrap()).unwrap();
    let id = xml.split(" ID=\"").nth(1).and_then(|rest| rest.split('"').next());
    id.unwrap_or_else(|| panic!("{xml}")).to_owned()
}

/// The hand-over, to its end. Returns what the page got.
pub fn assert_taken(
    browser: &Browser,
    server: &Server,
    page: &WaitingPage,
    answer: &Page,
    role: &str,
) -> Value {
    let ticket = ticket(answer, server);
    let taken = page.take(browser, server, &ticket);
    assert_eq!(taken.status, 200, "{}", taken.body);
    let taken = taken.json();
    assert_eq!(taken["role"], format!("arn:aws:iam::123456789012:role/{role}"));
    taken
}

/// The ticket in the redirect to the page.
pub fn ticket(answer: &Page, server: &Server) -> String {
    assert_eq!(answer.status, 302, "{}\n{}", answer.body, server.log_text());
    let location = answer.location().unwrap();
    let ticket = location.strip_prefix(&server.url("/#jwt=")).unwrap_or_else(|| panic!("{location}"));
    ticket.to_owned()
}

pub fn assert_refused(browser: &Browser, form: &Form, status: u16, code: &str) {
    let answer = browser.submit_with(form, &[("Accept", "application/json")]);
    let refusal = answer.json();
    assert_eq!((answer.status, &refusal["error"]), (status, &code.into()), "{}", answer.body);
    for part in ["message", "reference"] {
        assert!(refusal[part].as_str().is_some_and(|text| !text.is_empty()), "{}", answer.body);
    }
}
