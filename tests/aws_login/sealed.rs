//! Who waits by a key of their own, on AWS's wires: a page (`delivery.binding = "sealed"`), and a
//! program at a shell. Nobody else opens what waits for them, whatever else is theirs.

use crate::auditor::text;
use crate::cloud::{Cloud, Options, Site};
use crate::people::{Person, Reply, caller, post_json};
use crate::support::aws::{REGION, Service};
use crate::support::browser::{Browser, Form};
use crate::support::forge::Forge;
use crate::support::ring::ring_at;
use crate::support::sealed::Waiting;
use crate::support::waiting::request_id;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use vestibule::broker::ports::KeyRing;
use vestibule::broker::{Handle, Purpose, Sealed, SessionId, shell_number};
use vestibule::config::{Kms, Signing};
use vestibule::jose::{self, PrivateKey};
use vestibule::system::SystemClock;

const PAGE: &str = "https://app.example.com";
pub const REDIRECT: &str = "http://127.0.0.1:49152/callback";
const TERMINAL: &str = "203.0.113.7";
const BROWSER: &str = "198.51.100.9";

pub const SEALED: Options =
    Options { delivery: "binding = \"sealed\"", asking: crate::cloud::Asking::WithSaml, sts: "", keys: "" };

/// A server that gives to programs, too, behind a proxy that says where each request comes from.
pub fn for_shells(cloud: &Cloud) -> Site {
    let config = cloud.config().replacen(
        "choose = true",
        "choose = true\ntrusted_proxies = [\"127.0.0.1/32\"]\n\n[shell]\nenabled = true\nother_device = true",
        1,
    );
    cloud.server_with(&config)
}

/// The page asks for a permit and goes to the identity provider: the request's `ID`.
pub fn begun(page: &Waiting, asked: &Site, started: &Site) -> String {
    let browser = Browser::new();
    let fields = vec![("RelayState".to_owned(), page.relay_state())];
    let form = Form { action: asked.server.url("/saml/login"), fields };
    let permit = browser.submit_with(&form, &[("Origin", PAGE), ("Accept", "application/json")]);
    let permit = permit.json()["permit"].as_str().unwrap_or_else(|| panic!("{}", permit.body)).to_owned();
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("RelayState", &page.relay_state())
        .append_pair("permit", &permit)
        .finish();
    let went = browser.get(&started.server.url(&format!("/saml/login?{query}")), &[]);
    request_id(&went.location().unwrap_or_else(|| panic!("{}", went.body)))
}

pub fn post(page: &Waiting, at: &Site, response: &Forge) -> Reply {
    let fields = [("SAMLResponse", STANDARD.encode(response.xml())), ("RelayState", page.relay_state())];
    let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let form = Form { action: at.server.url("/saml"), fields };
    Reply::of(Browser::new().submit_with(&form, &[("Accept", "application/json")]))
}

/// Who waits has the ticket, and no verifier.
pub fn take(at: &Site, ticket: &str) -> Reply {
    let bearer = format!("Bearer {ticket}");
    let headers = [("Authorization", bearer.as_str()), ("X-Forwarded-For", TERMINAL)];
    Reply::of(Browser::new().get(&at.server.url("/saml"), &headers))
}

/// What a program takes to the browser.
pub fn ask(program: &Waiting, at: &Site, redirect_uri: Option<&str>) -> String {
    let body = json!({ "key": program.key(), "state": program.name, "redirect_uri": redirect_uri });
    let asked = post_json(at, "/saml/shell", &body.to_string(), &[("X-Forwarded-For", TERMINAL)]);
    asked.json["request"].as_str().unwrap_or_else(|| panic!("{}", asked.json)).to_owned()
}

/// Somebody who reads the tables and may use the key: what they make of what waits there.
fn opened_with_everything(cloud: &Cloud, purpose: &Purpose, handle: &Handle) -> (Value, String) {
    let item =
        cloud.items("SAMLSessions").into_iter().find(|item| text(item, "identityhash") == handle.as_str());
    let item = item.expect("it waits");
    assert_eq!(text(&item, "phase"), "waiting");
    let sealed = Sealed::from_ciphertext(STANDARD.decode(item["sealed"]["B"].as_str().unwrap()).unwrap());
    let settings = Kms {
        region: REGION.to_owned(),
        endpoint: None,
        key_id: cloud.key.clone(),
        encryption_context: [("samlprovider".to_owned(), "ADFS".to_owned())].into(),
        keys_table: format!("{}SAMLKeys", cloud.prefix),
        signing: Signing::DataKey,
        refresh: Duration::from_secs(300),
    };
    let (kms, dynamodb) = (cloud.aws.endpoint(Service::Kms), cloud.aws.endpoint(Service::DynamoDb));
    let ring = ring_at(&kms, &dynamodb, &settings, Arc::new(SystemClock));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let opened = runtime.block_on(ring.open(purpose, &sealed)).expect("the ring's own seal");
    let opened = String::from_utf8(opened.expose_secret().to_vec()).unwrap();
    (serde_json::from_str(&opened).unwrap(), opened)
}

/// Of these credentials the tables have nothing, not even sealed by the ring alone; `waits` is
/// what the ring opens.
fn only_who_waits_opens(waiting: &Waiting, waits: &(Value, String), document: &Value) {
    let mut names: Vec<&str> = waits.0.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names.retain(|name| *name != "choice");
    let expected = "access_key_id account expiration idp jwe limited name_id role rule use user";
    assert_eq!(names.join(" "), expected, "what the record has, and a JWE");
    for secret in ["SecretAccessKey", "SessionToken"] {
        assert!(!waits.1.contains(document[secret].as_str().unwrap()), "{secret}");
    }
    let jwe = waits.0["jwe"].as_str().unwrap();
    assert!(jose::open(jwe, &PrivateKey::generate().unwrap(), &waiting.name).is_none());
    assert!(jose::open(jwe, &waiting.key, "a-state-of-another-one").is_none());
    assert_eq!(serde_json::from_str::<Value>(&waiting.open(jwe)).unwrap(), *document);
}

/// All that the tables have, binaries too.
fn everything(cloud: &Cloud) -> String {
    let tables = ["SAMLSessions", "SAMLClaims", "SAMLUsers", "SAMLAudit", "SAMLKeys"];
    let mut all = String::new();
    for item in tables.into_iter().flat_map(|table| cloud.items(table)) {
        for value in item.as_object().unwrap().values() {
            let binary = value["B"].as_str().map(|base64| STANDARD.decode(base64).unwrap());
            all += &binary
                .map_or_else(|| value.to_string(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    all
}

/// A take to its end: the document.
pub fn taken(cloud: &Cloud, waiting: &Waiting, at: &Site, ticket: &str) -> Value {
    let reply = take(at, ticket);
    assert_eq!(reply.cell(), (200, ""), "{}", reply.json);
    assert_eq!(reply.json.as_object().unwrap().keys().collect::<Vec<_>>(), ["jwe"]);
    let document: Value = serde_json::from_str(&waiting.open(reply.json["jwe"].as_str().unwrap())).unwrap();
    cloud.handed_out.lock().unwrap().push(document["AccessKeyId"].as_str().unwrap().to_owned());
    document
}

/// The hand-over to who waits, by the second server: to it alone, and once at either. `waits` is what
/// the ring opens meanwhile.
fn handed_over(
    cloud: &Cloud,
    sites: [&Site; 2],
    waiting: &Waiting,
    jwe: &str,
    waits: &(Value, String),
) -> Value {
    assert!(jose::open(jwe, &PrivateKey::generate().unwrap(), &waiting.name).is_none());
    assert_eq!(take(sites[1], jwe).cell(), (401, "ticket_malformed"), "as it was seen on its way");
    let ticket = waiting.open(jwe);
    let before = everything(cloud);
    let document = taken(cloud, waiting, sites[1], &ticket);
    only_who_waits_opens(waiting, waits, &document);
    let [key, token] = ["SecretAccessKey", "SessionToken"].map(|name| document[name].as_str().unwrap());
    assert!(!before.contains(key) && !before.contains(token));
    let after = everything(cloud);
    for secret in [key, token, &ticket, jwe] {
        assert!(!after.contains(secret));
        assert!(sites.iter().all(|site| !site.server.log_text().contains(secret)));
    }
    let role = format!("assumed-role/{}Production/paula@example.com", cloud.prefix);
    assert_eq!(caller(&cloud.aws, &document).unwrap(), format!("arn:aws:sts::123456789012:{role}"));
    for site in sites {
        assert_eq!(take(site, &ticket).cell(), (404, "gone"));
    }
    let asked: usize = sites.iter().map(|site| site.wires.sts.seen().len()).sum();
    assert_eq!(asked, 1);
    document
}

#[test]
fn a_sealed_login_opens_for_its_page_alone() {
    let cloud = Cloud::with("sealed-", SEALED);
    let sites = [&cloud.server(), &cloud.server()];
    let page = Waiting::page(1);
    let in_response_to = Some(begun(&page, sites[0], sites[1]));
    let response = Forge { in_response_to, ..cloud.response() };
    let jwe = post(&page, sites[0], &response).ticket();
    let session = SessionId::parse(&page.name).unwrap();
    let waits = opened_with_everything(&cloud, &Purpose::credentials(&session), &session.handle());
    let document = handed_over(&cloud, sites, &page, &jwe, &waits);
    assert_eq!(cloud.history(&response), ["login.started", "login.issued", "login.delivered"]);
    for event in cloud.items("SAMLAudit") {
        assert_eq!((text(&event, "use"), text(&event, "device")), ("", ""), "{event}");
        if text(&event, "kind") != "login.started" {
            assert_eq!(text(&event, "access_key_id"), document["AccessKeyId"].as_str().unwrap());
        }
    }
    cloud.settle();
}

/// The page of a program's person, up to the choice.
pub struct Opened {
    pub person: Person,
    pub response: Forge,
    pub ticket: String,
}

impl Opened {
    pub fn new(cloud: &Cloud, sites: [&Site; 2]) -> Self {
        let person = Person::new();
        let in_response_to = Some(person.request_for(sites[1], "shell"));
        let response = Forge { in_response_to, ..cloud.response() };
        let ticket = person.post(sites[0], &response).choice();
        Self { person, response, ticket }
    }

    pub fn choose(&self, cloud: &Cloud, at: &Site, shell: &Value) -> Reply {
        let parts = json!({ "parts": [{ "role": cloud.role, "use": "shell" }], "shell": shell });
        let bearer = format!("Bearer {}", self.ticket);
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Vestibule-Verifier", &self.person.verifier),
            ("X-Forwarded-For", BROWSER),
        ];
        post_json(at, "/saml/choice", &parts.to_string(), &headers)
    }
}

/// The record of a part for a program: which role, who asked from where, who confirmed.
fn recorded(cloud: &Cloud, document: &Value, device: &str) {
    let trail = cloud.items("SAMLAudit");
    let of = |kind: &str| trail.iter().find(|event| text(event, "kind") == kind).expect(kind);
    assert_eq!(text(of("choice.opened"), "use"), "shell");
    for (kind, source_ip) in
        [("login.started", BROWSER), ("login.issued", BROWSER), ("login.delivered", TERMINAL)]
    {
        let event = of(kind);
        assert_eq!((text(event, "use"), text(event, "source_ip")), ("shell", source_ip), "{event}");
        assert_eq!(text(event, "role"), document["role"].as_str().unwrap(), "{event}");
        assert_eq!(text(event, "choice"), text(of("choice.opened"), "login_id"), "{event}");
    }
    for kind in ["login.started", "login.issued"] {
        assert_eq!((text(of(kind), "asked_from"), text(of(kind), "device")), (TERMINAL, device));
    }
    assert_eq!(text(of("login.delivered"), "access_key_id"), document["AccessKeyId"].as_str().unwrap());
}

#[test]
fn a_programs_login_opens_for_that_program_alone() {
    let cloud = Cloud::new("program-");
    let sites = [&for_shells(&cloud), &for_shells(&cloud)];
    let program = Waiting::program(1);
    let request = ask(&program, sites[0], Some(REDIRECT));
    let opened = Opened::new(&cloud, sites);
    let listed = opened.person.list_with(sites[1], &opened.ticket, &[("Vestibule-Shell", &request)]).json;
    let shell = &listed["shell"];
    assert_eq!((&shell["device"], &shell["port"]), (&json!("this_computer"), &json!(49152)), "{listed}");
    assert_eq!((&shell["address"], &shell["redirect_uri"]), (&json!(TERMINAL), &json!(REDIRECT)));
    assert_eq!(shell["number"], shell_number(program.key(), &program.name));
    let chosen = opened.choose(&cloud, sites[1], &json!({ "request": request }));
    assert_eq!(chosen.json["shell"], json!({ "redirect_uri": REDIRECT, "state": program.name }));
    let jwe = chosen.parts().remove(0);
    let session = SessionId::parse(&opened.person.session).unwrap();
    let part = cloud.items("SAMLSessions").into_iter().find(|item| text(item, "phase") == "waiting").unwrap();
    let part = Handle::from_stored(text(&part, "identityhash").to_owned());
    let waits = opened_with_everything(&cloud, &Purpose::part(&session, &part), &part);
    let document = handed_over(&cloud, sites, &program, &jwe, &waits);
    let kinds = ["choice.opened", "login.started", "login.issued", "login.delivered"];
    assert_eq!(cloud.history(&opened.response), kinds);
    recorded(&cloud, &document, "");
    cloud.sweep();
}

/// Its person types a number, and pastes a text there.
#[test]
fn a_program_on_another_device_has_both_addresses_in_the_record() {
    let cloud = Cloud::new("device-");
    let sites = [&for_shells(&cloud), &for_shells(&cloud)];
    let program = Waiting::program(2);
    let request = ask(&program, sites[0], None);
    let opened = Opened::new(&cloud, sites);
    let number = shell_number(program.key(), &program.name);
    let wrong = if number == "000 000" { "000 001" } else { "000 000" };
    for number in [Value::Null, json!(wrong)] {
        let shell = json!({ "request": request, "number": number });
        assert_eq!(opened.choose(&cloud, sites[0], &shell).cell(), (403, "number_wrong"));
    }
    assert_eq!(cloud.history(&opened.response), ["choice.opened"]);
    let shell = json!({ "request": request, "number": number });
    let jwe = opened.choose(&cloud, sites[1], &shell).parts().remove(0);
    let document = taken(&cloud, &program, sites[0], &program.open(&jwe));
    recorded(&cloud, &document, "another");
    cloud.sweep();
}
