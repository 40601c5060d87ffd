//! What can be repeated for free leaves no rows, and what is recorded names its person:
//! the audit trail under floods, through the real router on real files.

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use support::browser::{Browser, Form};
use support::faults::Fault;
use support::forge::{self, Encrypting, Forge};
use support::server::{ADFS, ADFS_METADATA, EMBEDDED, Server};
use support::test_service::{Page, TestService, assertion};
use support::trail_file;
use support::trail_rules::assert_holds;
use tempfile::TempDir;
use vestibule::broker::AuditEvent;
use vestibule::broker::EventKind::{Failed, Issued, Refused};
use vestibule::saml::DecryptionKeys;

fn service() -> (TestService, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (TestService::open(dir.path()), dir)
}

/// Of the assertion of this number, an hour old: `assertion_expired`.
fn expired(number: u32) -> Forge {
    Forge { issued: forge::at(-3_600), confirmed_until: forge::at(-3_300), ..assertion(number) }
}

/// Made for another relying party of the same identity provider.
fn foreign(forge: Forge) -> Forge {
    let elsewhere = "https://wiki.example.com/saml".to_owned();
    Forge { recipient: elsewhere.clone(), audiences: vec![elsewhere], ..forge }
}

async fn refusals(service: &TestService) -> Vec<AuditEvent> {
    let mut events = service.audit().await;
    events.retain(|event| event.kind == Refused);
    events
}

/// What the store takes up on the disk.
fn bytes_below(dir: &Path) -> u64 {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// Measured before: 9,033 rows a second that nobody may delete.
#[tokio::test]
async fn a_flood_of_one_expired_foreign_assertion_writes_nothing() {
    let (service, dir) = service();
    let (old, page) = (foreign(expired(1)).xml(), Page::new(1));
    service.post_xml(&old, &page).await;
    let before = bytes_below(dir.path());
    for _ in 0..1_000 {
        assert_eq!(service.post_xml(&old, &page).await.cell(), (403, "wrong_recipient".to_owned()));
    }
    assert_eq!(service.history().await, [""; 0], "it was not meant for us");
    assert_eq!(bytes_below(dir.path()), before);
}

#[tokio::test]
async fn a_flood_of_one_expired_assertion_of_our_own_is_one_row() {
    let (service, dir) = service();
    let old = expired(1).xml();
    service.post_xml(&old, &Page::new(1)).await;
    let before = bytes_below(dir.path());
    for number in 0..10_000 {
        let answer = service.post_xml(&old, &Page::new(number % 97)).await;
        assert_eq!(answer.cell(), (403, "assertion_expired".to_owned()));
    }
    assert_eq!(service.history().await, ["login.refused assertion_expired"]);
    assert_eq!(bytes_below(dir.path()), before, "a repetition writes nothing");
}

#[tokio::test]
async fn a_refused_person_is_named() {
    let (service, _dir) = service();
    service.post(&expired(1), &Page::new(1)).await;
    let strange = Forge { audiences: vec!["urn:example:elsewhere".into()], ..assertion(2) };
    service.post(&strange, &Page::new(2)).await;
    let recorded = refusals(&service).await;
    assert_eq!(recorded.len(), 2);
    for (event, assertion) in recorded.iter().zip(["_assertion-1", "_assertion-2"]) {
        let subject = &event.subject;
        assert_eq!(subject.name_id.as_deref(), Some(forge::PERSON), "{event:?}");
        assert_eq!(subject.assertion_id.as_deref(), Some(assertion));
        assert_eq!(subject.session_index.as_deref(), Some(assertion));
        assert_eq!((subject.idp.as_deref(), subject.issuer.as_deref()), (Some("ADFS"), Some(forge::ISSUER)));
    }
}

/// Encrypted inside of what is signed: named if it can be read.
#[tokio::test]
async fn a_refused_person_is_named_from_an_encrypted_name_id() {
    let encrypted = |xml: String| {
        let name = forge::element(&xml, "NameID").to_owned();
        xml.replace(&name, &Encrypting::default().wrap("EncryptedID", name.as_bytes()))
    };
    for has_keys in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let service = TestService::with(dir.path(), |settings| {
            if !has_keys {
                settings.service.decryption_keys = DecryptionKeys::default();
            }
        });
        let answer = service.post(&Forge { edit: encrypted, ..expired(1) }, &Page::new(1)).await;
        assert_eq!(answer.cell(), (403, "assertion_expired".to_owned()));
        let subject = &refusals(&service).await[0].subject;
        assert_eq!(subject.name_id.as_deref(), has_keys.then_some(forge::PERSON));
        assert_eq!(subject.assertion_id.as_deref(), Some("_assertion-1"));
    }
}

#[tokio::test]
async fn the_offered_roles_are_recorded_where_rules_refused() {
    let (service, _dir) = service();
    let many = (0..30).map(|number| forge::role(&format!("ADFS-Dev{number:02}"))).collect();
    service.post(&Forge { roles: many, ..assertion(1) }, &Page::new(1)).await;
    let two = vec![forge::role("ADFS-Dev"), forge::role("ADFS-Audit")];
    service.post(&Forge { roles: two.clone(), ..assertion(2) }, &Page::new(2)).await;
    let [many, few] = &refusals(&service).await[..] else { panic!("two refusals") };
    let (many, few) =
        (serde_json::to_value(&many.subject).unwrap(), serde_json::to_value(&few.subject).unwrap());
    assert_eq!(many["offered_roles"].as_array().unwrap().len(), 20);
    assert_eq!(many["offered_count"], 30);
    assert_eq!(few["offered_roles"], serde_json::json!(two));
    assert_eq!(few["offered_count"], 2);
    assert_eq!(few["name_id"], forge::PERSON);
}

/// Otherwise CloudTrail has a key that the trail lacks.
#[tokio::test]
async fn a_login_that_fails_after_sts_names_its_access_key() {
    let (service, dir) = service();
    for (number, step) in [(1, "seal"), (2, "sign"), (3, "put")] {
        service.plan.at(step, Fault::Down);
        assert_eq!(service.post(&assertion(number), &Page::new(number)).await.status, 503);
        service.plan.mend();
        let failed = service.audit().await.pop().unwrap();
        assert_eq!(failed.kind, Failed, "{step}");
        let key = failed.subject.access_key_id.as_deref();
        assert!(key.is_some_and(|key| key.starts_with("LOCAL")), "{step}: {key:?}");
        assert!(failed.subject.expiration.is_some(), "{step}");
        assert_eq!(failed.subject.rule.as_deref(), Some("production"));
    }
    service.plan.at("issue", Fault::Down);
    service.post(&assertion(4), &Page::new(4)).await;
    let failed = service.audit().await.pop().unwrap();
    assert_eq!((failed.kind, failed.subject.access_key_id), (Failed, None));
    service.plan.mend();
    service.post(&assertion(5), &Page::new(5)).await.ticket();
    assert_eq!(service.count(Issued).await, 1);
    let observed = trail_file::observed(&dir.path().join("vestibule.db"), []);
    assert_eq!(observed.trail.len(), 10);
    assert_holds(&observed);
}

/// A name with line breaks forged lines of the listing in docs/OPERATING.md.
#[tokio::test]
async fn no_name_forges_a_line_of_the_listing() {
    let (service, dir) = service();
    let forged = "2026-11-23 09:00:00|login.delivered||AAAA-AAAA|EXAMPLE\\root|AKIAROOT\",\"x";
    let name = format!("EXAMPLE\\eve&#10;{forged}&#x9b;2J&#x202e;");
    service.post(&Forge { name_id: name.clone(), ..expired(1) }, &Page::new(1)).await;
    let ticket = service.post(&Forge { name_id: name, ..assertion(2) }, &Page::new(2)).await.ticket();
    assert_eq!(service.take(&ticket, &Page::new(2)).await.status, 200);

    let misleading = |c: char| c.is_control() || c == '\u{202e}';
    let events = service.audit().await;
    assert_eq!(events.len(), 4);
    for event in &events {
        let name = event.subject.name_id.as_deref().unwrap();
        assert!(name.contains(forged) && !name.contains(misleading), "{name:?}");
        assert_eq!(event.subject.name_id, events[0].subject.name_id, "found by one name");
    }
    let manual = include_str!("../docs/OPERATING.md");
    let section = manual.split("\n## The audit trail\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let listing = section
        .lines()
        .filter_map(|line| line.strip_prefix("sqlite3 var/vestibule.db \"")?.strip_suffix('"'))
        .find(|query| query.contains("LIMIT 20"))
        .expect("a listing");
    let database = rusqlite::Connection::open(dir.path().join("vestibule.db")).unwrap();
    let mut statement = database.prepare(listing).unwrap();
    let lines: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!((statement.column_count(), lines.len()), (1, 4), "one text a row");
    for (line, event) in lines.iter().rev().zip(&events) {
        assert!(!line.contains(misleading), "{line:?}");
        let columns: Vec<Option<String>> = serde_json::from_str(line).unwrap();
        assert_eq!(columns[1].as_deref(), Some(event.kind.as_str()));
        assert_eq!(columns[2], event.code);
        assert_eq!(columns[4], event.subject.name_id);
        assert_eq!(columns.len(), 6);
    }
}

/// What is summed is in memory: SIGTERM writes it down, and repetitions cost a restarted
/// process nothing.
#[test]
fn a_graceful_stop_writes_the_sums() {
    const POSTS: u32 = 1_500;
    // Each post comes from an address of its own, or the limits of one address would count.
    let embedded = EMBEDDED.replace("[sts]", "trusted_proxies = [\"127.0.0.1/32\"]\n\n[sts]");
    let setup = Server::setup(&format!("{embedded}{ADFS}")).file("idp.xml", ADFS_METADATA);
    let mut server = setup.start();
    let browser = Browser::new();
    let post = |server: &Server, number: u32| {
        let late = Forge {
            recipient: server.url("/saml"),
            destination: Some(server.url("/saml")),
            ..expired(number)
        };
        let fields =
            [("SAMLResponse", STANDARD.encode(late.xml())), ("RelayState", Page::new(1).relay_state())];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
        let address = std::net::Ipv4Addr::from(0x0a00_0000 + number).to_string();
        let headers = [("Accept", "application/json"), ("X-Forwarded-For", &*address)];
        let answer = browser.submit_with(&Form { action: server.url("/saml"), fields }, &headers);
        assert_eq!((answer.status, &answer.json()["error"]), (403, &"assertion_expired".into()), "{number}");
    };
    (0..POSTS).for_each(|number| post(&server, number));
    assert!(server.stop().success());
    let file = server.path("vestibule.db");
    let rows = || {
        let database = rusqlite::Connection::open(&file).unwrap();
        let sql = "SELECT kind, count(*), max(subject ->> 'times') FROM audit GROUP BY kind ORDER BY kind";
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.collect::<Result<Vec<(String, u32, Option<u32>)>, _>>().unwrap()
    };
    let written = rows();
    let [(summed, 1, Some(times)), (refused, recorded, None)] = &*written else { panic!("{written:?}") };
    assert_eq!((&**summed, &**refused), ("login.refusals_summed", "login.refused"));
    // The budget fills again while the posts come: one row in 3.6 s.
    assert!((1_000..1_500).contains(recorded), "{written:?}");
    assert_eq!(recorded + times, POSTS);
    server.restart();
    (0..20).for_each(|number| post(&server, number));
    assert_eq!(rows(), written);
}
