//! One login, end to end, with a real identity provider: SimpleSAMLphp from
//! Debian's packages on loopback, the real binary, and what a person's browser does.

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use support::browser::{Browser, Form};
use support::idp::{Idp, Options, Sign};
use support::server::{EMBEDDED, Server};
use support::sigv4;
use support::waiting::{WaitingPage, assert_refused, ticket};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

const SP: &str = "urn:amazon:webservices";

/// The rule asks for a group whose name XML and HTML had to escape.
const SAML: &str = r#"
[saml]
entity_id = "urn:amazon:webservices"
audience = "urn:amazon:webservices"

[[saml.idp]]
name = "SSP"
provider_arn = "arn:aws:iam::123456789012:saml-provider/SSP"
metadata = "@DIR@/idp.xml"
sign_on_url = "@IDP@/saml2/idp/SSOService.php?spentityid=urn:amazon:webservices"
idp_initiated = true
select.groups = "AttributeStatement/Attribute[@Name='http://schemas.xmlsoap.org/claims/Group']/AttributeValue"

[[rule]]
name = "production"
when.role_name = { contains = "Prod" }
when.attribute.groups = { equals = 'CN=Engineers & "Friends",OU=Groups' }
duration = "1h"
"#;

#[test]
fn a_login_with_a_signed_assertion_gives_working_credentials() {
    login_and_use(Sign::Assertion, "rsa-sha256");
}

#[test]
fn a_login_with_a_signed_response_gives_working_credentials() {
    login_and_use(Sign::Response, "rsa-sha256");
}

#[test]
fn a_login_with_both_signed_gives_working_credentials() {
    login_and_use(Sign::Both, "rsa-sha512");
}

/// Without a SAML provider in IAM, what it offers counts for nothing, and a group of it does.
#[test]
fn a_group_stands_for_a_role() {
    let map = r#"
[accounts]
123456789012 = "Production"
[[role_map]]
name = "engineers"
value = "groups"
regex = 'CN=(?<name>[A-Z][a-z]+) & "Friends",OU=Groups'
role = "arn:aws:iam::123456789012:role/people/Prod-{name}"
"#;
    let without_arn = SAML.lines().filter(|line| !line.starts_with("provider_arn"));
    let saml = without_arn.collect::<Vec<_>>().join("\n") + map;
    let (idp, server) = start_with(&saml, Sign::Assertion, "rsa-sha256");
    let browser = Browser::new();
    let waiting = WaitingPage::new("first");
    let form = idp.response(&browser, &idp.sign_on_link(SP, &waiting.relay_state()), "alice");
    let ticket = ticket(&browser.submit(&form), &server);
    let taken = waiting.take(&browser, &server, &ticket);
    assert_eq!(
        taken.json()["role"],
        "arn:aws:iam::123456789012:role/people/Prod-Engineers",
        "{}",
        taken.body
    );
}

#[test]
fn a_wrong_password_gives_no_response_to_post() {
    let (idp, _server) = start(Sign::Assertion, "rsa-sha256");
    let waiting = WaitingPage::new("first");
    let link = idp.sign_on_link(SP, &waiting.relay_state());
    let answer = idp.sign_in(&Browser::new(), &link, "alice", "a guess");
    assert!(answer.body.contains("Incorrect username or password"), "{}", answer.body);
    assert!(answer.form().value("SAMLResponse").is_none());
}

#[test]
fn a_replayed_response_is_refused_and_the_first_login_goes_on() {
    let (idp, server) = start(Sign::Assertion, "rsa-sha256");
    let browser = Browser::new();
    let first = WaitingPage::new("first");
    let form = idp.response(&browser, &idp.sign_on_link(SP, &first.relay_state()), "alice");
    let ticket = ticket(&browser.submit(&form), &server);

    assert_refused(&browser, &form, 409, "assertion_replayed");
    let other = WaitingPage::new("other");
    assert_refused(
        &browser,
        &form.clone().fill("RelayState", &other.relay_state()),
        409,
        "assertion_replayed",
    );

    assert_eq!(first.take(&browser, &server, &ticket).status, 200);
}

#[test]
fn a_person_whose_role_no_rule_grants_is_refused() {
    let (idp, server) = start(Sign::Assertion, "rsa-sha256");
    let browser = Browser::new();
    let link = idp.sign_on_link(SP, &WaitingPage::new("first").relay_state());
    assert_refused(&browser, &idp.response(&browser, &link, "bob"), 403, "role_not_allowed");
    // The identity provider remembers bob: signed in once, he gets a new response by the link alone.
    let form = browser.open(&link).form();
    assert_eq!(form.action, server.url("/saml"));
    assert_refused(&browser, &form, 403, "role_not_allowed");
}

#[test]
fn a_response_that_the_person_changed_is_refused() {
    for sign in [Sign::Assertion, Sign::Response] {
        let (idp, _server) = start(sign, "rsa-sha256");
        let browser = Browser::new();
        let link = idp.sign_on_link(SP, &WaitingPage::new("first").relay_state());
        let form = idp.response(&browser, &link, "bob");
        let xml = String::from_utf8(STANDARD.decode(form.value("SAMLResponse").unwrap()).unwrap()).unwrap();
        let promoted = xml.replace("role/Development", "role/Production");
        assert_ne!(promoted, xml);
        let form = form.fill("SAMLResponse", &STANDARD.encode(promoted));
        assert_refused(&browser, &form, 403, "digest_mismatch");
    }
}

fn login_and_use(sign: Sign, algorithm: &'static str) {
    let (idp, server) = start(sign, algorithm);
    let browser = Browser::new();
    let waiting = WaitingPage::new("first");

    let form = idp.response(&browser, &idp.sign_on_link(SP, &waiting.relay_state()), "alice");
    assert_eq!(form.action, server.url("/saml"), "the address comes from our metadata");
    assert_eq!(form.value("RelayState"), Some(waiting.relay_state().as_str()));
    let ticket = ticket(&browser.submit(&form), &server);

    let taken = waiting.take(&browser, &server, &ticket);
    assert_eq!(taken.status, 200, "{}", taken.body);
    assert_eq!(taken.headers["cache-control"], "no-store");
    let answer = taken.json();
    assert_eq!(answer["Version"], 1);
    assert_eq!(answer["role"], "arn:aws:iam::123456789012:role/Production");
    assert_eq!(answer["account"], "123456789012");
    assert_eq!(answer["user"], "alice@example.test");
    let expiration = OffsetDateTime::parse(answer["Expiration"].as_str().unwrap(), &Rfc3339).unwrap();
    let remaining = expiration - now();
    assert!((Duration::minutes(59)..=Duration::minutes(60)).contains(&remaining), "{remaining}");

    let credentials = sigv4::credentials(&answer);
    let ping = sigv4::get(&browser, &server.url("/users"), &credentials);
    assert_eq!((ping.status, &ping.json()["status"]), (200, &"Success".into()), "{}", ping.body);
    assert_ne!(browser.get(&server.url("/users"), &[]).status, 200, "the ping asks for a signature");

    let again = waiting.take(&browser, &server, &ticket);
    assert_eq!((again.status, &again.json()["error"]), (404, &"gone".into()));
    assert_log_is_clean(&server, &form, &[&ticket, &waiting.verifier, credentials.secret_access_key()]);
}

/// An identity provider and a server, each with the other's metadata.
fn start(sign: Sign, algorithm: &'static str) -> (Idp, Server) {
    start_with(SAML, sign, algorithm)
}

fn start_with(saml: &str, sign: Sign, algorithm: &'static str) -> (Idp, Server) {
    let idp = Idp::start(&Options { sign, algorithm, ..Options::default() });
    let config = format!("{EMBEDDED}{}", saml.replace("@IDP@", &idp.url));
    let server = Server::setup(&config).file("idp.xml", &idp.metadata()).start();
    let metadata = Browser::new().open(&server.url("/saml/metadata"));
    assert_eq!(metadata.status, 200, "{}", metadata.body);
    idp.trust(&metadata.body);
    (idp, server)
}

fn assert_log_is_clean(server: &Server, form: &Form, secrets: &[&str]) {
    let log = server.log_text();
    let response = form.value("SAMLResponse").unwrap();
    for secret in secrets.iter().copied().chain([&response[..60], "Friends", "Zürich"]) {
        assert!(!log.contains(secret), "the log holds {secret}:\n{log}");
    }
}

#[allow(clippy::disallowed_methods, reason = "the identity provider goes by the real clock")]
fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
