//! Metadata as a living thing: the real binary, a metadata server of the test's
//! own, and people who sign in all the while.
#![allow(clippy::disallowed_methods)]

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};
use support::browser::{Browser, Form, Page};
use support::forge::{Encrypting, ISSUER, Key, Padding, Recipient, Signing, p256, rsa, stranger};
use support::metadata_server::{Answer, MetadataServer, metadata, signed};
use support::server::Server;

const CONFIG: &str = r#"
[server]
listen = "@LISTEN@"
admin_listen = "@ADMIN@"
public_url = "https://vestibule.example.com"
# Hundreds of people, from one address.
max_posts_per_minute = 1000000

[sts]
kind = "local"
path = "@DIR@/sts-key"

[store]
kind = "embedded"
path = "@DIR@/vestibule.db"

[keys]
kind = "local"
path = "@DIR@/keys"

[saml]
metadata_refresh = "REFRESH"
metadata_cache = "@DIR@/last-good"

[[saml.idp]]
name = "ADFS"
provider_arn = "arn:aws:iam::123456789012:saml-provider/ADFS"
metadata = "METADATA"

[[rule]]
name = "production"
when.role_name = { contains = "Prod" }
"#;

/// Looked at again every second; `more` goes into the block of the identity provider.
fn config(metadata: &str, more: &str) -> String {
    config_every("1s", metadata, more)
}

fn config_every(refresh: &str, metadata: &str, more: &str) -> String {
    let idp = format!("metadata = \"{metadata}\"\n{more}");
    CONFIG.replace("REFRESH", refresh).replace("metadata = \"METADATA\"", &idp)
}

/// A server that decrypts, and looks at its metadata only when there is a reason.
fn decrypting(source: &MetadataServer) -> Server {
    let keys = "[saml]\ndecryption_keys = [\"@DIR@/new.pem\"]";
    let config = config_every("24h", &source.url, "").replace("[saml]", keys);
    Server::setup(&config).file("new.pem", &Recipient::New.pem()).start()
}

/// Posts an honest response that this key has signed.
fn sign_in(server: &Server, key: &'static Key) -> Page {
    sign_in_with(server, key, |xml| xml)
}

/// The same, with the response as this makes it.
fn sign_in_with(server: &Server, key: &'static Key, made: impl FnOnce(String) -> String) -> Page {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let response = support::forge::Forge {
        assertion_signing: Some(Signing::with(key)),
        ..support::forge::Forge::issued_now(&format!("_assertion-{}-{number}", std::process::id()))
    };
    let relay_state = format!("session-of-page-{number:06}##{:A>43}", "");
    let fields = [("SAMLResponse", STANDARD.encode(made(response.xml()))), ("RelayState", relay_state)];
    let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let form = Form { action: server.url("/saml"), fields };
    Browser::new().submit_with(&form, &[("Accept", "application/json")])
}

/// Status, and the code of a refusal.
fn outcome(page: &Page) -> (u16, String) {
    if page.status == 302 {
        return (302, String::new());
    }
    (page.status, page.json()["error"].as_str().unwrap_or_default().to_owned())
}

fn assert_signs_in(server: &Server, key: &'static Key) {
    let page = sign_in(server, key);
    assert_eq!(page.status, 302, "{}\n{}", page.body, server.log_text());
}

fn assert_refused(server: &Server, key: &'static Key, status: u16, code: &str) {
    assert_eq!(outcome(&sign_in(server, key)), (status, code.to_owned()), "{}", server.log_text());
}

fn wait_until(what: &str, server: &Server, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(20), "not within 20 s: {what}\n{}", server.log_text());
        sleep(Duration::from_millis(50));
    }
}

fn metric(server: &Server, name: &str) -> Option<f64> {
    let text = Browser::new().get(&format!("{}/metrics", server.admin_url), &[]).body;
    let line = text.lines().find(|line| line.starts_with(&format!("{name}{{idp=\"ADFS\"")))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn failures(server: &Server) -> f64 {
    metric(server, "vestibule_metadata_failures_total").unwrap()
}

/// What the audit trail says of keys: added, removed.
fn key_changes(server: &Server) -> Vec<(Vec<String>, Vec<String>)> {
    let database = rusqlite::Connection::open(server.path("vestibule.db")).unwrap();
    let mut all = database
        .prepare("SELECT subject FROM audit WHERE kind = 'provider.keys_changed' ORDER BY seq")
        .unwrap();
    let events = all.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let events = events.map(|json| serde_json::from_str::<serde_json::Value>(&json.unwrap()).unwrap());
    let keys = |event: &serde_json::Value, name: &str| -> Vec<String> {
        let list = event[name].as_array().cloned().unwrap_or_default();
        list.iter().map(|key| key.as_str().unwrap().to_owned()).collect()
    };
    let changes = events.map(|event| {
        assert_eq!((&event["idp"], &event["issuer"]), (&"ADFS".into(), &ISSUER.into()));
        (keys(&event, "keys_added"), keys(&event, "keys_removed"))
    });
    changes.collect()
}

fn print(key: &'static Key) -> String {
    key.verification().fingerprint().to_owned()
}

/// Runs a command on the configuration of a server that does not run.
fn vestibule(server: &Server, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vestibule"))
        .args(arguments)
        .arg("--config")
        .arg(server.path("vestibule.toml"))
        .current_dir(server.dir.path())
        .output()
        .unwrap()
}

fn assert_does_not_start(server: &Server, sentences: &[&str]) {
    let ended = vestibule(server, &["serve"]);
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(78), "{said}");
    for sentence in sentences {
        assert!(said.contains(sentence), "{sentence}\n{said}");
    }
}

#[test]
fn keys_roll_over_while_people_sign_in_and_nobody_notices() {
    let source = MetadataServer::start(metadata(&[rsa()]));
    let server = Server::start(&config(&source.url, ""));
    let (signs_with_new, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let logins = AtomicU32::new(0);
    let looked_twice = || {
        let seen = source.requests().len();
        wait_until("two more looks", &server, || source.requests().len() >= seen + 2);
    };
    scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                while !stop.load(Ordering::SeqCst) {
                    let key = if signs_with_new.load(Ordering::SeqCst) { p256() } else { rsa() };
                    assert_signs_in(&server, key);
                    logins.fetch_add(1, Ordering::SeqCst);
                    sleep(Duration::from_millis(20));
                }
            });
        }
        looked_twice();
        source.answer(Answer::Document(metadata(&[rsa(), p256()])));
        looked_twice();
        signs_with_new.store(true, Ordering::SeqCst);
        sleep(Duration::from_millis(500));
        source.answer(Answer::Document(metadata(&[p256()])));
        looked_twice();
        sleep(Duration::from_millis(300));
        stop.store(true, Ordering::SeqCst);
    });
    let logins = logins.load(Ordering::SeqCst);
    println!("{logins} logins, none failed");
    assert!(logins > 20, "{logins}");
    assert_refused(&server, rsa(), 403, "signature_mismatch");
    let (old, new) = (print(rsa()), print(p256()));
    assert_eq!(key_changes(&server), [(vec![new], vec![]), (vec![], vec![old])]);
    assert_eq!(failures(&server), 0.0);
}

#[test]
fn a_rollover_without_notice_fails_nobody_and_makes_no_storm() {
    let source = MetadataServer::start(metadata(&[rsa()]));
    let server = Server::start(&config_every("24h", &source.url, ""));
    assert_signs_in(&server, rsa());
    assert_eq!(source.requests().len(), 1);

    source.answer(Answer::Document(metadata(&[p256()])));
    scope(|threads| {
        for _ in 0..20 {
            threads.spawn(|| assert_signs_in(&server, p256()));
        }
    });
    assert_eq!(source.requests().len(), 2, "twenty people, one question");
    assert_refused(&server, rsa(), 403, "signature_mismatch");

    scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                (0..5).for_each(|_| assert_refused(&server, stranger(), 403, "signature_mismatch"))
            });
        }
    });
    assert_eq!(source.requests().len(), 2, "anybody can send what no key has signed");
    assert_eq!(key_changes(&server), [(vec![print(p256())], vec![print(rsa())])]);
}

/// The new key can only be seen by who decrypts. So whether newer metadata is asked for does
/// not depend on what is in it: else the question would tell if a ciphertext can be opened.
#[test]
fn a_rollover_under_encryption_fails_nobody_and_is_no_padding_oracle() {
    let source = MetadataServer::start(metadata(&[rsa()]));
    let server = decrypting(&source);
    let encrypted = |key, how: Encrypting| sign_in_with(&server, key, |xml| how.assertion_of(&xml));
    let asked = |page: Page, code: &str, questions: usize| {
        assert_eq!(outcome(&page).1, code, "{}", server.log_text());
        assert_eq!(source.requests().len(), questions, "{code}");
    };
    asked(encrypted(rsa(), Encrypting::default()), "", 1);
    source.answer(Answer::Document(metadata(&[p256()])));
    asked(encrypted(p256(), Encrypting::default()), "", 2);
    asked(encrypted(rsa(), Encrypting::default()), "assertion_not_decryptable", 2);
}

#[test]
fn whatever_cannot_be_decrypted_asks_for_newer_metadata_alike() {
    let by_us = Encrypting::default;
    for (what, key, how) in [
        ("another key's signature", stranger(), by_us()),
        ("wrong padding", rsa(), Encrypting { padding: Padding::Wrong(0), ..by_us() }),
        ("nothing that is XML", rsa(), Encrypting { tamper: |_| vec![7; 64], ..by_us() }),
        ("another recipient", rsa(), Encrypting { recipient: Recipient::Stranger, ..by_us() }),
        ("a damaged key", rsa(), Encrypting { tamper_key: |key| key.into_iter().rev().collect(), ..by_us() }),
        ("no tag", rsa(), Encrypting { content: "aes256-gcm", tamper: |_| vec![7; 64], ..by_us() }),
    ] {
        let source = MetadataServer::start(metadata(&[rsa()]));
        let server = decrypting(&source);
        let page = sign_in_with(&server, key, |xml| how.assertion_of(&xml));
        assert_eq!(outcome(&page), (403, "assertion_not_decryptable".to_owned()), "{what}");
        assert_eq!(source.requests().len(), 2, "{what}");
    }
}

#[test]
fn whatever_the_source_does_the_known_keys_stay() {
    let good = signed(&metadata(&[rsa()]), p256());
    let source = MetadataServer::start(good.clone());
    let pinned = "metadata_certificate = \"@DIR@/federation.pem\"";
    let server = Server::setup(&config(&source.url, pinned))
        .file("federation.pem", include_str!("../fixtures/keys/p256.cert.pem"))
        .start();
    assert_signs_in(&server, rsa());

    let of_evil = metadata(&[stranger()]);
    let expired =
        metadata(&[stranger()]).replacen(" entityID", " validUntil=\"2020-01-01T00:00:00Z\" entityID", 1);
    let other = of_evil.replace(ISSUER, "urn:other");
    let by_federation = |document: &str| Answer::Document(signed(document, p256()));
    let tampered = signed(&metadata(&[rsa()]), p256()).replace(&rsa().certificate, &stranger().certificate);
    for (answer, reason) in [
        (Answer::HangUp, "no metadata that can be used"),
        (Answer::Status(500), "it answers 500"),
        (Answer::Redirect, "redirects are not followed"),
        (Answer::Document("<html>Please sign in</html>".into()), "an HTML page, not metadata"),
        (Answer::Document("\u{1}junk".into()), "not a well-formed XML document"),
        (Answer::Document(String::new()), "not a well-formed XML document"),
        (Answer::Document(of_evil.clone()), "not_signed"),
        (Answer::Document(signed(&of_evil, stranger())), "none of the pinned certificates made it"),
        (Answer::Document(tampered), "changed after it was signed"),
        (by_federation(&expired), "it has expired"),
        (by_federation(&other), "no identity provider with the entity id"),
        (by_federation(&of_evil.replace("KeyDescriptor", "Nothing")), "no usable signing key"),
        (Answer::Compressed, "compression that was not asked for"),
        (Answer::Huge, "longer than 32 MiB"),
    ] {
        let (before, said) = (failures(&server), server.log_text().len());
        source.answer(answer.clone());
        wait_until(&format!("{reason} of {answer:?}"), &server, || {
            failures(&server) > before && server.log_text()[said..].contains(reason)
        });
        assert_signs_in(&server, rsa());
        assert_refused(&server, stranger(), 403, "signature_mismatch");
    }
    // No login waits for a slow source.
    source.answer(Answer::Slow);
    let asked = source.requests().len();
    wait_until("it is asked", &server, || source.requests().len() > asked);
    let began = Instant::now();
    assert_signs_in(&server, rsa());
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(key_changes(&server), []);
}

#[test]
fn a_source_that_comes_back_is_believed_again() {
    let source = MetadataServer::start(metadata(&[rsa()]));
    let server = Server::start(&config(&source.url, ""));
    source.answer(Answer::Status(503));
    wait_until("a failure", &server, || failures(&server) > 0.0);
    source.answer(Answer::Document(metadata(&[rsa(), p256()])));
    wait_until("it is back", &server, || server.log_text().contains("metadata can be had again"));
    assert_signs_in(&server, p256());
}

#[test]
fn a_start_without_the_source_goes_by_the_last_good() {
    let source = MetadataServer::start(metadata(&[rsa()]));
    let mut server = Server::start(&config(&source.url, ""));
    assert_signs_in(&server, rsa());
    server.stop();

    for answer in [
        Answer::HangUp,
        Answer::Document("junk".into()),
        Answer::Document(metadata(&[p256()]).replace(ISSUER, "urn:other")),
    ] {
        source.answer(answer);
        server.restart();
        assert!(server.log_text().contains("going by the last good one"), "{}", server.log_text());
        assert_signs_in(&server, rsa());
        assert_refused(&server, p256(), 403, "signature_mismatch");
        server.stop();
    }

    // Back, with another key: the change is noticed although no process ran then.
    source.answer(Answer::Document(metadata(&[p256()])));
    server.restart();
    assert_signs_in(&server, p256());
    wait_until("the audit trail", &server, || !key_changes(&server).is_empty());
    assert_eq!(key_changes(&server), [(vec![print(p256())], vec![print(rsa())])]);
}

#[test]
fn a_start_with_nothing_to_go_by_is_refused() {
    let source = MetadataServer::start(metadata(&[rsa()]));
    let mut server = Server::start(&config(&source.url, ""));
    server.stop();
    source.answer(Answer::Status(500));
    let kept = server.path("last-good/ADFS.metadata");
    let honest = std::fs::read_to_string(&kept).unwrap();

    std::fs::write(&kept, honest.replace(&rsa().certificate, &stranger().certificate)).unwrap();
    assert_does_not_start(&server, &["saml.idp[0].metadata", "it answers 500", "nothing is kept of it"]);
    std::fs::write(&kept, &honest[..honest.len() / 2]).unwrap();
    assert_does_not_start(&server, &["it answers 500", "nothing is kept of it"]);
    std::fs::remove_file(&kept).unwrap();
    assert_does_not_start(
        &server,
        &["gives no metadata that can be used (it answers 500)", "nothing is kept of it"],
    );

    // Who needs no identity provider is not kept from anything.
    let listed = vestibule(&server, &["keys", "list"]);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
}

/// An attacker who can write the last good metadata and its checksum, but cannot sign.
#[test]
fn attack_an_edited_last_good_under_a_pinned_certificate() {
    let source = MetadataServer::start(signed(&metadata(&[rsa()]), p256()));
    let pinned = "metadata_certificate = \"@DIR@/federation.pem\"";
    let mut server = Server::setup(&config(&source.url, pinned))
        .file("federation.pem", include_str!("../fixtures/keys/p256.cert.pem"))
        .start();
    server.stop();
    source.answer(Answer::HangUp);
    let kept = server.path("last-good/ADFS.metadata");
    let honest = std::fs::read_to_string(&kept).unwrap();
    let (header, document) = honest.split_once('\n').unwrap();
    let evil = document.replace(&rsa().certificate, &stranger().certificate);
    let sum = |text: &str| -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let header = header.replace(&sum(document), &sum(&evil));
    assert!(header.contains(&sum(&evil)));
    std::fs::write(&kept, format!("{header}\n{evil}")).unwrap();
    assert_does_not_start(&server, &["neither is there a last good one", "changed after it was signed"]);
}

#[test]
fn metadata_past_its_valid_until_is_believed_no_more() {
    let until = (time::OffsetDateTime::now_utc() + Duration::from_secs(6)).replace_nanosecond(0).unwrap();
    let until_text = until.format(&time::format_description::well_known::Rfc3339).unwrap();
    let short =
        metadata(&[rsa()]).replacen(" entityID", &format!(" validUntil=\"{until_text}\" entityID"), 1);
    let source = MetadataServer::start(short);
    let mut server = Server::start(&config(&source.url, ""));
    source.answer(Answer::Status(500));
    assert_signs_in(&server, rsa());
    assert!(metric(&server, "vestibule_metadata_valid_seconds").unwrap() <= 6.0);

    wait_until("its end", &server, || time::OffsetDateTime::now_utc() > until);
    assert_refused(&server, rsa(), 503, "metadata_expired");
    wait_until("the log", &server, || server.log_text().contains("nobody signs in by it"));
    assert!(metric(&server, "vestibule_metadata_valid_seconds").unwrap() <= 0.0);

    source.answer(Answer::Document(metadata(&[rsa()])));
    wait_until("newer metadata", &server, || sign_in(&server, rsa()).status == 302);

    // And no start goes by a last good one that has expired.
    source.answer(Answer::HangUp);
    server.stop();
    let kept = server.path("last-good/ADFS.metadata");
    let text = std::fs::read_to_string(&kept).unwrap();
    let (header, document) = text.split_once('\n').unwrap();
    let sum = |text: &str| -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let expired = document.replacen(" entityID", &format!(" validUntil=\"{until_text}\" entityID"), 1);
    let header = header.replace(&sum(document), &sum(&expired));
    std::fs::write(&kept, format!("{header}\n{expired}")).unwrap();
    assert_does_not_start(&server, &["it has expired"]);
}

/// As in a running service: other identity providers' people can sign in meanwhile.
#[test]
fn a_file_that_has_expired_stops_no_start_and_newer_metadata_helps() {
    let expired =
        metadata(&[rsa()]).replacen(" entityID", " validUntil=\"2020-01-01T00:00:00Z\" entityID", 1);
    let config = config("@DIR@/idp.xml", "");
    let server = Server::setup(&config).file("idp.xml", &expired).start();
    assert!(server.log_text().contains("its metadata has expired"), "{}", server.log_text());
    assert_refused(&server, rsa(), 503, "metadata_expired");
    std::fs::write(server.path("idp.xml"), metadata(&[rsa()])).unwrap();
    wait_until("newer metadata", &server, || sign_in(&server, rsa()).status == 302);
}

#[test]
fn what_has_not_changed_is_not_sent_again() {
    let source = MetadataServer::start(metadata(&[rsa()]));
    let mut server = Server::start(&config(&source.url, ""));
    wait_until("three more looks", &server, || source.requests().len() >= 4);
    let conditional = |request: &support::wire::Request| {
        request.header("if-none-match").is_some_and(|etag| etag.starts_with('"'))
    };
    let requests = source.requests();
    assert!(!conditional(&requests[0]) && requests[1..].iter().all(conditional), "{requests:#?}");
    assert_eq!(failures(&server), 0.0);
    assert!(metric(&server, "vestibule_metadata_age_seconds").unwrap() <= 2.0);
    assert!(metric(&server, "vestibule_certificate_valid_seconds").is_some());

    // A restart asks for it only if it is another one, and goes by what is kept.
    server.stop();
    let seen = source.requests().len();
    server.restart();
    assert!(conditional(&source.requests()[seen]));
    assert_signs_in(&server, rsa());
}

#[test]
fn a_file_can_be_replaced_while_the_service_runs() {
    let server = Server::setup(&config("@DIR@/adfs.xml", "")).file("adfs.xml", &metadata(&[rsa()])).start();
    assert_signs_in(&server, rsa());
    let path = server.path("adfs.xml");
    let replace = |text: &str| {
        std::fs::write(server.path("new.xml"), text).unwrap();
        std::fs::rename(server.path("new.xml"), &path).unwrap();
    };
    replace(&metadata(&[p256()]));
    wait_until("the new key", &server, || sign_in(&server, p256()).status == 302);
    assert_refused(&server, rsa(), 403, "signature_mismatch");

    replace("half of a fi");
    wait_until("a failure", &server, || failures(&server) > 0.0);
    assert_signs_in(&server, p256());
    std::fs::remove_file(&path).unwrap();
    wait_until("another failure", &server, || server.log_text().contains("No such file"));
    assert_signs_in(&server, p256());
    assert_eq!(key_changes(&server), [(vec![print(p256())], vec![print(rsa())])]);
}

#[test]
fn https_is_believed_by_the_configured_authority_only() {
    let source = MetadataServer::start_tls(metadata(&[rsa()]), "localhost");
    let ca = "metadata_ca = \"@DIR@/ca.pem\"";
    let mut server = Server::setup(&config(&source.url, ca)).file("ca.pem", &source.authority).start();
    assert_signs_in(&server, rsa());
    server.stop();
    std::fs::remove_dir_all(server.path("last-good")).unwrap();

    // Neither by the system's authorities, nor by another one.
    let path = server.path("vestibule.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("metadata_ca", "#")).unwrap();
    assert_does_not_start(&server, &["gives no metadata that can be used"]);
    std::fs::write(&path, &text).unwrap();
    let other = MetadataServer::start_tls(metadata(&[rsa()]), "localhost");
    std::fs::write(server.path("ca.pem"), &other.authority).unwrap();
    assert_does_not_start(&server, &["gives no metadata that can be used"]);

    // Nor with a certificate of another host.
    let elsewhere = MetadataServer::start_tls(metadata(&[rsa()]), "elsewhere.example.com");
    std::fs::write(server.path("ca.pem"), &elsewhere.authority).unwrap();
    std::fs::write(&path, text.replace(&source.url, &elsewhere.url)).unwrap();
    assert_does_not_start(&server, &["gives no metadata that can be used"]);
}

#[test]
fn check_asks_nobody_and_doctor_says_what_there_is_to_fall_back_on() {
    let source = MetadataServer::start(metadata(&[rsa()]));
    let mut server = Server::start(&config(&source.url, ""));
    server.stop();
    let asked = source.requests().len();
    let checked = vestibule(&server, &["check"]);
    let said = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(
        checked.status.success() && said.contains("not checked: saml.idp[0].metadata stands at http"),
        "{said}"
    );
    assert!(said.contains("usable, as far as it was checked"), "{said}");
    assert_eq!(source.requests().len(), asked);

    let kept = std::fs::read(server.path("last-good/ADFS.metadata")).unwrap();
    let doctor = |expected: &str| {
        let told = String::from_utf8_lossy(&vestibule(&server, &["doctor"]).stdout).into_owned();
        assert!(told.contains(expected), "{expected}\n{told}");
    };
    doctor("ADFS: the last good metadata was confirmed 0 minute(s) ago");
    source.answer(Answer::Status(500));
    doctor("going by the last good one");
    assert_eq!(std::fs::read(server.path("last-good/ADFS.metadata")).unwrap(), kept, "it looks only");
    std::fs::remove_dir_all(server.path("last-good")).unwrap();
    doctor("gives no metadata that can be used (it answers 500)");
}
