//! The real binary, killed while a choice waits, and while what was chosen waits.

use super::support::forge::{Forge, role};
use super::support::server::{ADFS_METADATA, EMBEDDED, Server};
use super::support::trail_file;
use super::support::trail_rules::assert_holds;
use super::support::waiting::WaitingPage;
use super::{ROLES, jti, part};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::time::Duration;

const ADFS: &str = r#"
[[saml.idp]]
name = "ADFS"
provider_arn = "arn:aws:iam::123456789012:saml-provider/ADFS"
metadata = "@DIR@/idp.xml"

[[rule]]
name = "any"
when.account = { equals = "123456789012" }
duration = "1h"
"#;

struct Person<'s> {
    server: &'s str,
    page: WaitingPage,
    agent: ureq::Agent,
}

impl Person<'_> {
    /// Signs in: the ticket of the choice.
    fn sign_in(&self) -> String {
        let acs = format!("{}/saml", self.server);
        let forged = Forge::issued_now("_killed");
        let roles = ROLES.map(role).to_vec();
        let response = Forge { recipient: acs.clone(), destination: Some(acs.clone()), roles, ..forged };
        let field = STANDARD.encode(response.xml());
        let form = [("SAMLResponse", field.as_str()), ("RelayState", &self.page.relay_state())];
        let mut answer = self.agent.post(acs).send_form(form).unwrap();
        let location = answer.headers().get("location").map(|v| v.to_str().unwrap().to_owned());
        let location = location.unwrap_or_else(|| panic!("{}", answer.body_mut().read_to_string().unwrap()));
        location.split_once("#choice=").unwrap_or_else(|| panic!("{location}")).1.to_owned()
    }

    fn list(&self, ticket: &str) -> Value {
        let request = self.agent.get(format!("{}/saml/choice", self.server));
        let request = request.header("Authorization", format!("Bearer {ticket}"));
        let mut answer = request.header("Vestibule-Verifier", &self.page.verifier).call().unwrap();
        assert_eq!(answer.status(), 200);
        serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
    }

    /// Chooses the credentials of these roles: a ticket for each.
    fn choose(&self, ticket: &str, roles: &[&str]) -> Vec<String> {
        let parts: Vec<Value> = roles.iter().map(|role| part(role, "credentials")).collect();
        let request = self.agent.post(format!("{}/saml/choice", self.server));
        let request = request.header("Authorization", format!("Bearer {ticket}"));
        let request = request.header("Vestibule-Verifier", &self.page.verifier);
        let request = request.header("Content-Type", "application/json");
        let mut answer = request.send(json!({ "parts": parts }).to_string()).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        let tickets = json["parts"].as_array().unwrap_or_else(|| panic!("{text}")).iter();
        tickets.map(|part| part["ticket"].as_str().unwrap_or_else(|| panic!("{text}")).to_owned()).collect()
    }

    /// Takes: status, and the access key.
    fn take(&self, ticket: &str) -> (u16, Option<String>) {
        let request = self.agent.get(format!("{}/saml", self.server));
        let request = request.header("Authorization", format!("Bearer {ticket}"));
        let mut answer = request.header("Vestibule-Verifier", &self.page.verifier).call().unwrap();
        let json: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        (answer.status().as_u16(), json["AccessKeyId"].as_str().map(str::to_owned))
    }
}

#[test]
fn a_killed_server_keeps_the_choice_and_what_waits_of_it() {
    let mut server = Server::setup(&format!("{EMBEDDED}{ADFS}")).file("idp.xml", ADFS_METADATA).start();
    let agent = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(10)))
        .build();
    let address = server.base_url.clone();
    let person = Person { server: &address, page: WaitingPage::new("killed"), agent: agent.into() };
    let ticket = person.sign_in();
    let listed = person.list(&ticket);
    assert_eq!(listed["roles"].as_array().unwrap().len(), ROLES.len());
    server.kill();
    server.restart();
    assert_eq!(person.list(&ticket), listed);
    let first = person.choose(&ticket, &["Prod", "Dev"]);
    server.kill();
    server.restart();
    // As after an answer that was lost: what waits is not made twice.
    let again = person.choose(&ticket, &["Prod", "Dev", "Audit"]);
    let jtis = |tickets: &[String]| tickets.iter().map(|ticket| jti(ticket)).collect::<Vec<_>>();
    assert_eq!(jtis(&first), jtis(&again)[..2]);
    let mut keys = Vec::new();
    for (number, ticket) in again.iter().enumerate() {
        let (status, key) = person.take(ticket);
        assert_eq!(status, 200, "{number}");
        keys.extend(key);
        server.kill();
        server.restart();
    }
    for ticket in first.iter().chain(&again) {
        assert_eq!(person.take(ticket), (404, None));
    }
    assert_eq!(keys.len(), 3);
    assert_holds(&trail_file::observed(&server.path("vestibule.db"), &keys));
}
