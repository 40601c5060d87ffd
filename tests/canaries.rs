//! No secret leaks: the test plants recognizable secrets wherever the service
//! handles one, causes every outcome, and searches every log line, every refusal
//! and every byte of the database for them.

mod support;

use axum::body::Body;
use axum::http::Request;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::path::Path;
use support::faults::{Fault, record};
use support::forge::{self, Forge};
use support::log::Log;
use support::test_service::{Answer, Page, TestService, assertion};
use vestibule::broker::EventKind::Delivered;
use vestibule::service::{LineFormat, SpanFields};

/// Values of attributes that no rule needs and no record may keep.
const ATTRIBUTE: &str = "CANARY-attribute-5f0b1c";
/// Allowed in the audit trail, which exists to record it, and nowhere else.
const PERSON: &str = "CANARY-person-a81d3e";

/// What somebody writes as a reason: the same.
const REASON: &str = "CANARY-reason-c4e907";

/// What must not be found, and what it is.
#[derive(Default)]
struct Canaries(Vec<(&'static str, String)>);

impl Canaries {
    fn plant(&mut self, what: &'static str, value: &str) {
        assert!(value.len() >= 16, "{what} is too short to be searched for");
        self.0.push((what, value.to_owned()));
    }

    fn search(&self, place: &str, bytes: &[u8]) {
        for (what, value) in &self.0 {
            let found = bytes.windows(value.len()).any(|window| window == value.as_bytes());
            assert!(!found, "{what} in {place}");
        }
    }
}

fn person(number: u32) -> Forge {
    Forge {
        name_id: PERSON.into(),
        groups: vec![ATTRIBUTE.into()],
        session_name: "CANARY-session-name".into(),
        ..assertion(number)
    }
}

#[tokio::test]
async fn no_secret_reaches_a_log_an_error_or_the_disk() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().fmt_fields(SpanFields).event_format(LineFormat::Json);
    subscriber.with_max_level(tracing::Level::TRACE).with_writer(log.clone()).init();
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::open(dir.path());
    let mut canaries = Canaries::default();
    let mut refusals: Vec<Answer> = Vec::new();
    canaries.plant("an attribute value", ATTRIBUTE);

    // A login that succeeds, its take, and a second take.
    let page = Page::new(1);
    let xml = person(1).xml();
    let ticket = service.post_xml(&xml, &page).await.ticket();
    let taken = service.take_because(&ticket, &page, Some(REASON)).await;
    let credentials: serde_json::Value = serde_json::from_str(&taken.body).unwrap();
    canaries.plant("the assertion", forge::element(&xml, "SignatureValue"));
    canaries.plant("the response in base64", &STANDARD.encode(&xml)[..64]);
    canaries.plant("the ticket", &ticket);
    canaries.plant("the ticket's signature", ticket.rsplit('.').next().unwrap());
    canaries.plant("the verifier", &page.verifier);
    canaries.plant("the challenge", page.relay_state().split_once("##").unwrap().1);
    canaries.plant("the secret access key", credentials["SecretAccessKey"].as_str().unwrap());
    canaries.plant("the session token", credentials["SessionToken"].as_str().unwrap());
    canaries.plant("the session id", &page.session);
    refusals.push(service.take(&ticket, &page).await);

    // One whose credentials wait, sealed, for good.
    let waiting = service.post(&person(2), &Page::new(2)).await.ticket();
    canaries.plant("a waiting ticket", &waiting);
    refusals.push(service.take(&waiting, &Page::new(3)).await);
    refusals.push(service.take_because(&waiting, &Page::new(3), Some(REASON)).await);
    refusals.push(service.take_because(&waiting, &Page::new(2), Some(&format!("{REASON}%0A{REASON}"))).await);
    refusals.push(service.take(&format!("{waiting}x"), &Page::new(2)).await);

    // Every kind of refusal and failure.
    refusals.push(service.post_xml(&xml, &page).await);
    refusals.push(service.post_xml(&person(3).xml().replace(PERSON, &format!("{PERSON}x")), &page).await);
    refusals.push(service.post(&Forge { roles: vec![forge::role("ADFS-Dev")], ..person(4) }, &page).await);
    refusals.push(
        service.post(&Forge { session_name: "CANARY-session-name/no".into(), ..person(5) }, &page).await,
    );
    refusals.push(
        service.post(&Forge { recipient: "https://elsewhere.example".into(), ..person(6) }, &page).await,
    );
    let nameless = |xml: String| xml.replace("SAML/Attributes/RoleSessionName", "SAML/Attributes/Other");
    refusals.push(service.post(&Forge { edit: nameless, ..person(8) }, &page).await);
    let unparsable = Forge { name_id: "CANARY-person-a81d3e<!---->".into(), ..person(7) };
    refusals.push(service.post(&unparsable, &page).await);
    for (number, step) in
        [(10, "begin"), (11, "issue"), (12, "seal"), (13, "sign"), (14, "put"), (15, "release")]
    {
        service.plan.at(step, Fault::Down);
        if step == "release" {
            service.plan.at("issue", Fault::Down);
        }
        refusals.push(service.post(&person(number), &Page::new(number)).await);
        service.plan.mend();
    }
    for (number, step) in [(20, "take".to_owned()), (21, "open".to_owned()), (22, record(Delivered))] {
        let ticket = service.post(&person(number), &Page::new(number)).await.ticket();
        service.plan.at(&step, Fault::Down);
        refusals.push(service.take_because(&ticket, &Page::new(number), Some(REASON)).await);
        service.plan.mend();
    }
    let broken = Request::post("/saml")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(format!("SAMLResponse={}&RelayState={ATTRIBUTE}", &STANDARD.encode(&xml)[..64])))
        .unwrap();
    refusals.push(service.send(broken).await);
    service.pass(3_600);
    service.sweep().await;

    assert!(refusals.iter().all(|answer| !answer.status.is_success()));
    for answer in &refusals {
        let place = format!("the answer {}", answer.body);
        canaries.search(&place, answer.body.as_bytes());
        assert!(!answer.body.contains(REASON), "{place}");
        for (name, value) in &answer.headers {
            canaries.search(name.as_str(), value.as_bytes());
        }
    }

    let text = log.text();
    assert!(text.lines().count() > refusals.len(), "something was logged");
    for answer in &refusals {
        let reference = answer.headers["x-request-id"].to_str().unwrap();
        assert!(text.contains(reference), "a refusal without its log line");
    }
    // The reasons are there, and none of them is a value.
    for (code, fact) in [
        ("wrong_recipient", "recipient: https://elsewhere.example"),
        ("digest_mismatch", "key: "),
        ("value_not_text", "selector: Subject/NameID"),
        ("no_role_session_name", "name_id: (20 characters)"),
        ("role_not_allowed", "0 of 1 roles met"),
        ("role_session_name_invalid", "STS does not accept the role session name"),
    ] {
        let has = |line: &str| line.contains("login refused") && line.contains(code) && line.contains(fact);
        assert!(text.lines().any(has), "{code}: {fact}");
    }
    canaries.search("the database", &files(dir.path(), |name| name.starts_with("vestibule.db")));
    canaries.plant("a person", PERSON);
    canaries.plant("a reason", REASON);
    canaries.plant("a role session name", "CANARY-session-name");
    canaries.search("the log", text.as_bytes());

    // The search can find: what belongs in the audit trail is there.
    let database = files(dir.path(), |name| name.starts_with("vestibule.db"));
    for recorded in [PERSON, REASON] {
        assert!(database.windows(recorded.len()).any(|window| window == recorded.as_bytes()), "{recorded}");
    }
    let events = format!("{:?}", service.audit().await);
    assert!(events.contains(PERSON) && !events.contains(REASON), "a reason is a person's own text");
}

/// The bytes of all files of such names.
fn files(dir: &Path, wanted: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if wanted(path.file_name().unwrap().to_str().unwrap()) {
            bytes.extend(std::fs::read(path).unwrap());
        }
    }
    assert!(!bytes.is_empty());
    bytes
}

#[tokio::test]
async fn no_secret_can_be_printed() {
    let dir = tempfile::tempdir().unwrap();
    let service = TestService::open(dir.path());
    let identity = forge::judge(&person(1).xml()).unwrap();
    let original = identity.original().expose().to_owned();
    for secret in [ATTRIBUTE, PERSON, "CANARY-session-name", &original] {
        assert!(!format!("{identity:?}").contains(secret));
    }
    let grant = support::test_service::production().decide(identity).unwrap();
    for secret in [ATTRIBUTE, PERSON, "CANARY-session-name", &original] {
        assert!(!format!("{grant:?}").contains(secret), "{grant:?}");
    }
    let ports = service.broker.ports();
    let credentials = ports.token_service.assume_role(&grant, forge::now()).await.unwrap();
    use secrecy::ExposeSecret;
    let printed = format!("{credentials:?}");
    assert!(!printed.contains(credentials.secret_access_key.expose_secret()));
    assert!(!printed.contains(credentials.session_token.expose_secret()));
}
