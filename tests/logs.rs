//! What an operator reads: output that nobody reads stops nothing, every line of a
//! request says which, and a login has one reference from its start to its end.
#![allow(clippy::disallowed_methods)]

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::net::TcpStream;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use support::browser::{Browser, Form, Page as Answered};
use support::faults::Fault;
use support::forge::{Forge, Signing, rsa};
use support::log::Log;
use support::server::{ADFS, ADFS_METADATA, EMBEDDED, Server, Setup};
use support::test_service::{Answer, Page, TestService, assertion};
use vestibule::broker::EventKind;
use vestibule::service::{LineFormat, SpanFields};

const JSON: &str = "\n[log]\nformat = \"json\"\n";

fn setup() -> Setup {
    Server::setup(&format!("{EMBEDDED}{JSON}{ADFS}")).file("idp.xml", ADFS_METADATA)
}

/// A login at the real binary, and the take of its credentials.
fn sign_in(server: &Server, number: u32) -> (Answered, Answered) {
    let page = Page::new(number);
    let response = Forge {
        recipient: server.url("/saml"),
        destination: Some(server.url("/saml")),
        assertion_signing: Some(Signing::with(rsa())),
        ..Forge::issued_now(&format!("_assertion-{number}"))
    };
    let fields = [("SAMLResponse", STANDARD.encode(response.xml())), ("RelayState", page.relay_state())];
    let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let browser = Browser::new();
    let posted =
        browser.submit_with(&Form { action: server.url("/saml"), fields }, &[("Accept", "application/json")]);
    let ticket = posted.location().unwrap_or_else(|| panic!("{}", posted.body));
    let bearer = format!("Bearer {}", ticket.split_once("#jwt=").unwrap().1);
    let headers = [("Authorization", &*bearer), ("Vestibule-Verifier", &*page.verifier)];
    let taken = browser.get(&server.url("/saml"), &headers);
    assert_eq!(taken.status, 200, "{}", taken.body);
    (posted, taken)
}

/// A pipe that takes no more: what is written into it waits until somebody reads.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
    rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
    for size in [4_096, 1] {
        while writer.write_all(&vec![b'\n'; size]).is_ok() {}
    }
    rustix::fs::fcntl_setfl(&writer, flags).unwrap();
    (reader, writer)
}

#[test]
fn output_that_nobody_reads_stops_no_request_and_no_end() {
    let (reader, writer) = full_pipe();
    // From the first line on: the start waits for nobody either.
    let mut server = setup().output(writer).start();
    for number in 0..3 {
        sign_in(&server, number);
    }
    assert_eq!(Browser::new().get(&format!("{}/healthz", server.admin_url), &[]).status, 200);
    assert_eq!(server.metric("vestibule_log_lines_lost_total"), 0, "the queue is not full yet");
    let began = Instant::now();
    assert!(server.stop().success());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(reader);
}

/// Asks for what is not there, some thousand times: a line each.
fn flood(server: &Server, requests: usize) {
    const AT_ONCE: usize = 50;
    let mut stream = TcpStream::connect(server.base_url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let batch = "GET /no HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n".repeat(AT_ONCE);
    let mut line = String::new();
    for _ in 0..requests / AT_ONCE {
        stream.write_all(batch.as_bytes()).unwrap();
        for _ in 0..AT_ONCE {
            let mut length = 0;
            loop {
                line.clear();
                answers.read_line(&mut line).expect("an answer within ten seconds");
                match line.to_ascii_lowercase().trim_end().strip_prefix("content-length: ") {
                    Some(value) => length = value.parse().unwrap(),
                    None if line == "\r\n" => break,
                    None => {}
                }
            }
            answers.read_exact(&mut vec![0; length]).unwrap();
        }
    }
}

#[test]
fn lost_lines_are_counted_and_the_log_says_how_many() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut server = setup().output(writer).start();
    // A line has some 260 bytes, the queue 2 MiB, a pipe 64 KiB.
    flood(&server, 12_000);
    let lost = server.metric("vestibule_log_lines_lost_total");
    assert!(lost > 0);

    let drain = std::thread::spawn(move || std::io::read_to_string(reader).unwrap());
    // Logins go on meanwhile, and are logged.
    sign_in(&server, 1);
    assert!(server.stop().success());
    let text = drain.join().unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let reports: Vec<_> =
        lines.iter().filter(|line| line["message"].as_str().unwrap().starts_with("log lines lost")).collect();
    let reported: u64 = reports.iter().map(|line| line["lines"].as_u64().unwrap()).sum();
    assert!(reported >= lost, "{reports:?}");
    assert_eq!(reports.last().unwrap()["total"], reported);
    assert_eq!(lines.last().unwrap()["message"], "stopped", "the end is flushed");
    let answered = lines.iter().filter(|line| line["message"] == "request answered").count() as u64;
    assert_eq!(answered + reported, 12_000 + 2, "each line is written, or counted");
}

#[test]
fn the_start_says_what_runs_in_one_line() {
    let mut server = setup().start();
    assert!(server.stop().success());
    let text = server.log_text();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let serving: Vec<Value> = lines.filter(|line| line["message"] == "serving").collect();
    let [serving] = &serving[..] else { panic!("{text}") };
    for (name, value) in [
        ("version", Value::from(env!("CARGO_PKG_VERSION"))),
        ("listen", server.base_url.trim_start_matches("http://").into()),
        ("public_url", server.base_url.clone().into()),
        ("acs_url", server.url("/saml").into()),
        ("entity_id", "urn:amazon:webservices".into()),
        ("providers", format!("ADFS={}", server.path("idp.xml").display()).into()),
        ("rules", 1.into()),
        ("sts", "local".into()),
        ("sts_regions", "eu-central-1".into()),
        ("rules_hold", "enforced".into()),
        ("store", "embedded".into()),
        ("store_at", server.path("vestibule.db").display().to_string().into()),
        ("keys", "local".into()),
        ("keys_at", server.path("keys").display().to_string().into()),
        ("binding", "challenge".into()),
        ("log_level", "INFO".into()),
    ] {
        assert_eq!(serving[name], value, "{name}");
    }
    assert!(!text.contains("WARN"), "local credentials are no surprise on this machine: {text}");
    assert!(text.contains("eu-central-1"));

    let config = format!("{EMBEDDED}{JSON}{ADFS}").replace("\"@URL@\"", "\"https://vestibule.example.com\"");
    let config = config.replace("redirect_url = \"@URL@/\"\n", "");
    let mut server = Server::setup(&config).file("idp.xml", ADFS_METADATA).start();
    assert!(server.stop().success());
    let text = server.log_text();
    let warned = text.lines().find(|line| line.contains("credentials that AWS does not know")).expect(&text);
    assert_eq!(serde_json::from_str::<Value>(warned).unwrap()["level"], "WARN");
}

/// What this process logs. One subscriber for all tests: tracing caches for all threads
/// whether a line is wanted.
static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .fmt_fields(SpanFields)
        .event_format(LineFormat::Json)
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log
});

/// The lines with this reference.
fn lines(reference: &str) -> Vec<Value> {
    let text = LOG.text();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["reference"] == reference).collect()
}

fn answers(reference: &str) -> Vec<Value> {
    lines(reference).into_iter().filter(|line| line["message"] == "request answered").collect()
}

fn reference(answer: &Answer) -> String {
    let reference = answer.header("x-request-id").to_owned();
    assert_eq!(reference.len(), 9, "{reference}");
    if answer.header("content-type") == "application/json" && !answer.status.is_success() {
        assert_eq!(answer.json()["reference"], reference);
    }
    reference
}

fn service() -> (TestService, tempfile::TempDir) {
    LazyLock::force(&LOG);
    let dir = tempfile::tempdir().unwrap();
    (TestService::open(dir.path()), dir)
}

async fn audited(service: &TestService) -> Vec<(&'static str, Option<String>)> {
    let events = service.audit().await;
    events.iter().map(|e| (e.kind.as_str(), e.reference.as_ref().map(|r| r.as_str().to_owned()))).collect()
}

#[tokio::test]
async fn a_login_has_one_reference_from_its_start_to_its_take() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let started = service.start("ADFS", &page).await;
    let ours = reference(&started);
    let xml = started.authn_request();
    let request = xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let answered = Forge { in_response_to: Some(request.clone()), ..assertion(1) };

    let posted = service.post(&answered, &page).await;
    assert_eq!(reference(&posted), ours);
    let ticket = posted.ticket();
    // Whatever a take with this ticket ends in.
    let stranger = Page { session: page.session.clone(), ..Page::new(2) };
    for (taken, outcome) in [
        (service.take(&ticket, &stranger).await, (401, "verifier_mismatch")),
        (service.take(&ticket, &page).await, (200, "")),
        (service.take(&ticket, &page).await, (404, "gone")),
    ] {
        assert_eq!((taken.status.as_u16(), &*taken.code()), outcome);
        assert_eq!(reference(&taken), ours);
    }
    // So is a refused post: its request is one of ours, whoever answers it again.
    let replayed = service.post(&answered, &page).await;
    assert_eq!((replayed.cell().1, reference(&replayed)), ("assertion_replayed".into(), ours.clone()));
    service.pass(31);
    let late = service.take(&ticket, &page).await;
    assert_eq!((late.cell().1, reference(&late)), ("ticket_expired".into(), ours.clone()));

    let audited = audited(&service).await;
    assert!(audited.iter().all(|(_, reference)| reference.as_deref() == Some(&ours)), "{audited:?}");
    let codes =
        answers(&ours).iter().map(|line| line["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(
        codes,
        ["sent", "issued", "verifier_mismatch", "delivered", "gone", "assertion_replayed", "ticket_expired"]
    );
}

#[tokio::test]
async fn every_line_of_a_request_names_login_and_access_key_once_they_are_known() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let posted = service.post(&assertion(1), &page).await;
    let taken = service.take(&posted.ticket(), &page).await;
    let ours = reference(&posted);
    assert_eq!(reference(&taken), ours, "without a start, the post's");
    let delivered = service.audit().await.into_iter().find(|e| e.kind == EventKind::Delivered).unwrap();
    let (login, key) = (delivered.login.unwrap(), delivered.subject.access_key_id.unwrap());
    let all = lines(&ours);
    for message in ["login issued", "request answered", "login delivered"] {
        let named: Vec<_> = all.iter().filter(|line| line["message"] == message).collect();
        assert!(!named.is_empty(), "{message}");
        for line in named {
            assert_eq!(
                (&line["login"], &line["access_key_id"]),
                (&login.as_str().into(), &(*key).into()),
                "{line}"
            );
        }
    }

    // A failure between `begin` and STS has a login and no key; after STS, both.
    for (number, step, has_key) in [(2, "issue", false), (3, "sign", true)] {
        service.plan.at(step, Fault::Down);
        let refused = service.post(&assertion(number), &Page::new(number)).await;
        service.plan.mend();
        let [line] = &answers(&reference(&refused))[..] else { panic!("one line") };
        assert!(line["login"].is_string(), "{line}");
        assert_eq!(line["access_key_id"].is_string(), has_key, "{line}");
    }
}

#[tokio::test]
async fn nobody_else_can_choose_a_reference() {
    let (service, _dir) = service();
    let page = Page::new(1);
    let started = service.start("ADFS", &page).await;
    let (theirs, xml) = (reference(&started), started.authn_request());
    let request = xml.split(" ID=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let answered = Forge { in_response_to: Some(request), ..assertion(1) };

    // Our request, and a message that nobody has signed, or for another page.
    let unsigned = service.post_xml(&answered.xml().replace("paula@", "admin@"), &page).await;
    assert_eq!(unsigned.cell().1, "digest_mismatch");
    assert_ne!(reference(&unsigned), theirs);
    let elsewhere = service.post(&answered, &Page::new(2)).await;
    assert_eq!(elsewhere.status.as_u16(), 403, "{}", elsewhere.body);
    assert_ne!(reference(&elsewhere), theirs);

    // A ticket of ours, changed, or with a reference that is none.
    let ticket = service.post(&answered, &page).await.ticket();
    let broken = service.take(&format!("{ticket}x"), &page).await;
    assert_eq!(broken.status.as_u16(), 401);
    assert_ne!(reference(&broken), theirs);
    let keys = &service.broker.ports().keys;
    for other in [None, Some("7K3F-9QTZ\r\nX: y"), Some("")] {
        let mut claims = keys.verify(&ticket).await.unwrap();
        assert_eq!(claims.reference.as_deref(), Some(&*theirs));
        claims.reference = other.map(str::to_owned);
        claims.jti = vestibule::broker::Jti::from_stored("another".into());
        let gone = service.take(keys.sign(&claims).await.unwrap().expose(), &page).await;
        assert_eq!(gone.cell().1, "gone", "an old ticket is a ticket");
        assert_ne!(reference(&gone), theirs);
    }
}
