//! SIGHUP: what is read again, what only a restart changes, and that the process lives
//! whatever the file says. The real binary.
#![allow(clippy::disallowed_methods, reason = "how long a test waits is measured")]

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::browser::{Browser, Form, Page};
use support::forge::{self, Forge, Key, Signing, p256, rsa};
use support::metadata_server::{Answer, MetadataServer, metadata};
use support::process::{Process, free_port, remove_configuration};
use support::server::{ADFS, ADFS_METADATA, EMBEDDED, Server};
use support::waiting::{WaitingPage, ticket};

const SOON: Duration = Duration::from_secs(20);

/// Lines in JSON, so that they can be read here.
fn config() -> String {
    format!("{EMBEDDED}\n[log]\nformat = \"json\"\n{ADFS}")
}

fn start() -> Server {
    start_with(ADFS_METADATA)
}

fn start_with(metadata: &str) -> Server {
    Server::setup(&config()).file("idp.xml", metadata).start()
}

/// A login's answer; the page that waits for it.
fn sign_in_with(server: &Server, key: &'static Key, forge: Forge) -> (Page, WaitingPage) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let page = WaitingPage::new(&format!("{:06}", NEXT.fetch_add(1, Ordering::Relaxed)));
    let acs = server.url("/saml");
    let response = Forge {
        recipient: acs.clone(),
        destination: Some(acs.clone()),
        assertion_signing: Some(Signing::with(key)),
        ..forge
    };
    let fields = [("SAMLResponse", STANDARD.encode(response.xml())), ("RelayState", page.relay_state())];
    let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let answer = Browser::new().submit_with(&Form { action: acs, fields }, &[("Accept", "application/json")]);
    (answer, page)
}

fn fresh() -> Forge {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    Forge::issued_now(&format!("_assertion-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

fn sign_in(server: &Server) -> (Page, WaitingPage) {
    sign_in_with(server, rsa(), fresh())
}

/// `302`, or status and code of a refusal.
fn outcome(page: &Page) -> String {
    match page.status {
        302 => "302".to_owned(),
        status => format!("{status} {}", page.json()["error"].as_str().unwrap_or_default()),
    }
}

fn take(server: &Server, answer: &Page, page: &WaitingPage) -> u16 {
    page.take(&Browser::new(), server, &ticket(answer, server)).status
}

/// Changes the configuration's text.
fn edit(server: &Server, from: &str, to: &str) {
    let path = server.path("vestibule.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// All lines so far, in JSON.
fn lines(server: &Server) -> Vec<serde_json::Value> {
    server.log_text().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn said(server: &Server, message: &str) -> usize {
    lines(server).iter().filter(|line| line["message"] == message).count()
}

const RELOADED: &str = "configuration reloaded";
const STAYS: &str = "the configuration is not reloaded, and the one in use stays";

/// Sends the signal, and waits for what it leads to.
fn hang_up(server: &Server, message: &str) {
    let before = said(server, message);
    server.hang_up();
    let clock = Instant::now();
    while said(server, message) == before {
        assert!(clock.elapsed() < SOON, "no {message:?}\n{}", server.log_text());
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn rules_are_read_again_and_nothing_that_waits_is_lost() {
    let server = start();
    let (answer, page) = sign_in(&server);
    let issued = "vestibule_requests_total{method=\"POST\",route=\"/saml\",code=\"issued\"}";
    assert_eq!((outcome(&answer).as_str(), server.metric(issued)), ("302", 1));

    edit(&server, "contains = \"Prod\"", "contains = \"Nobody\"");
    assert_eq!(outcome(&sign_in(&server).0), "302", "no file is read without being told");
    hang_up(&server, RELOADED);
    assert_eq!(outcome(&sign_in(&server).0), "403 role_not_allowed");
    assert_eq!(take(&server, &answer, &page), 200, "a ticket and a session of before");
    assert_eq!(server.metric(issued), 2, "counters go on");

    edit(&server, "contains = \"Nobody\"", "contains = \"Dev\"");
    hang_up(&server, RELOADED);
    let (answer, page) = sign_in(&server);
    assert_eq!(take(&server, &answer, &page), 200);
    let line = lines(&server).into_iter().rfind(|line| line["message"] == RELOADED).unwrap();
    assert_eq!((&line["rules"], &line["level"]), (&1.into(), &"INFO".into()));
}

#[test]
fn the_log_level_is_read_again() {
    let server = start();
    edit(&server, "[log]", "[log]\nlevel = \"error\"");
    server.hang_up();
    let clock = Instant::now();
    loop {
        let before = lines(&server).len();
        assert_eq!(outcome(&sign_in(&server).0), "302");
        // The writer has its own thread.
        sleep(Duration::from_millis(200));
        if lines(&server).len() == before {
            break;
        }
        assert!(clock.elapsed() < SOON, "{}", server.log_text());
    }
    edit(&server, "level = \"error\"", "level = \"debug\"");
    hang_up(&server, RELOADED);
}

#[test]
fn a_file_that_is_not_usable_changes_nothing_and_ends_nothing() {
    let server = start();
    let path = server.path("vestibule.toml");
    let good = fs::read_to_string(&path).unwrap();
    let loaded = server.metric("vestibule_config_loaded_time_seconds");
    type Spoil<'a> = Box<dyn Fn() + 'a>;
    let bad: [(&str, Spoil<'_>, &str); 6] = [
        ("garbled", Box::new(|| fs::write(&path, [0xff, 0, b'=']).unwrap()), "is not UTF-8 text"),
        ("cut off", Box::new(|| fs::write(&path, &good[..good.len() / 2]).unwrap()), ""),
        ("empty", Box::new(|| fs::write(&path, "").unwrap()), ""),
        ("gone", Box::new(|| fs::remove_file(&path).unwrap()), "cannot be read"),
        ("a directory", Box::new(|| fs::create_dir(&path).unwrap()), "it is not a regular file"),
        (
            "a misspelt option, and metadata that is gone",
            Box::new(|| {
                fs::remove_dir(&path).unwrap();
                fs::write(&path, good.replace("duration = ", "durration = ").replace("idp.xml", "no.xml"))
                    .unwrap();
            }),
            "durration",
        ),
    ];
    for (what, spoil, word) in bad {
        spoil();
        hang_up(&server, STAYS);
        assert_eq!(outcome(&sign_in(&server).0), "302", "{what}");
        assert_eq!(server.metric("vestibule_config_last_reload_successful"), 0, "{what}");
        assert!(server.log_text().contains(word), "{what}: {}", server.log_text());
    }
    assert_eq!(server.metric("vestibule_config_loaded_time_seconds"), loaded);
    let faults = lines(&server);
    let mut faults = faults.iter().filter(|line| line["message"] == "the configuration is not usable");
    assert!(faults.next_back().unwrap()["fault"].as_str().unwrap().contains("vestibule.toml:"), "its place");

    fs::write(&path, good).unwrap();
    hang_up(&server, RELOADED);
    assert_eq!(server.metric("vestibule_config_last_reload_successful"), 1);
    assert!(server.metric("vestibule_config_loaded_time_seconds") >= loaded);
    assert_eq!(outcome(&sign_in(&server).0), "302");
}

/// A rule that is widened by mistake is found by its test before anybody signs in under it.
#[test]
fn a_rule_whose_test_fails_is_not_reloaded() {
    let server = start();
    let path = server.path("vestibule.toml");
    let test = "[[rule.test]]\nname_id = \"anna\"\nroles = \"arn:aws:iam::123456789012:role/ADFS-Dev\"\nrefused = true\n";
    let tested = format!("{}\n{test}", fs::read_to_string(&path).unwrap());
    fs::write(&path, tested).unwrap();
    hang_up(&server, RELOADED);

    edit(&server, "contains = \"Prod\"", "contains = \"D\"");
    hang_up(&server, STAYS);
    assert_eq!(server.metric("vestibule_config_last_reload_successful"), 0);
    let fault = lines(&server).into_iter().rfind(|line| line["message"] == "the configuration is not usable");
    let fault = fault.unwrap()["fault"].as_str().unwrap().to_owned();
    assert!(fault.contains("rule[0].test[0]: the test 'test 1' fails: expected: is refused; "), "{fault}");
    let (answer, page) = sign_in(&server);
    assert_eq!(take(&server, &answer, &page), 200, "the rules of before");
}

/// A mixture of two files would be what neither says.
#[test]
fn what_only_a_restart_changes_is_named_and_the_rest_waits_for_it() {
    let server = start();
    for (from, to, option) in [
        ("listen = \"127.0.0.1:", "listen = \"127.0.0.2:", "server.listen"),
        ("[sts]", "trusted_proxies = [\"127.0.0.1\"]\n\n[sts]", "server.trusted_proxies"),
        ("[sts]", "max_connections = 7\n\n[sts]", "server.max_connections"),
        ("/sts-key", "/other-sts-key", "[sts]"),
        ("/vestibule.db", "/other.db", "[store]"),
        ("/keys\"", "/other-keys\"", "[keys]"),
        ("format = \"json\"", "format = \"text\"", "log.format"),
    ] {
        edit(&server, from, to);
        edit(&server, "contains = \"Prod\"", "contains = \"Nobody\"");
        hang_up(&server, STAYS);
        let line = lines(&server).into_iter().rfind(|line| line["message"] == STAYS).unwrap();
        assert_eq!(line["why"], format!("needs a restart: {option}"));
        assert_eq!(outcome(&sign_in(&server).0), "302", "{option}: the old rule");
        edit(&server, "contains = \"Nobody\"", "contains = \"Prod\"");
        edit(&server, to, from);
    }
    assert!(!server.path("other.db").exists() && !server.path("other-keys").exists());
}

/// An identity provider more, and pages hear of it.
#[test]
fn identity_providers_are_read_again() {
    let server = start();
    let names = || Browser::new().get(&server.url("/config.json"), &[]).json()["identity_providers"].clone();
    let before = names();
    let second = ADFS.split("[[rule]]").next().unwrap().replace("\"ADFS\"", "\"Second\"");
    let second = second.replace("@DIR@/idp.xml", server.path("second.xml").to_str().unwrap());
    let other = ADFS_METADATA.replace("http://adfs.example.com/adfs/services/trust", "urn:second");
    assert_ne!(other, ADFS_METADATA);
    fs::write(server.path("second.xml"), other).unwrap();
    edit(&server, "[[rule]]", &format!("{second}\n[[rule]]"));
    let from_second =
        || Forge { issuer: "urn:second".into(), response_issuer: Some("urn:second".into()), ..fresh() };
    assert_eq!(outcome(&sign_in_with(&server, rsa(), from_second()).0), "403 issuer_unknown");
    hang_up(&server, RELOADED);
    assert_ne!(names(), before);
    let answer = sign_in_with(&server, rsa(), from_second()).0;
    assert_ne!(outcome(&answer), "403 issuer_unknown", "{}", answer.body);
    edit(&server, &second, "");
    hang_up(&server, RELOADED);
    assert_eq!(outcome(&sign_in_with(&server, rsa(), from_second()).0), "403 issuer_unknown");
    assert_eq!(names(), before);
}

/// How many changes of keys are in the audit trail.
fn key_changes(server: &Server) -> i64 {
    let trail = rusqlite::Connection::open(server.path("vestibule.db")).unwrap();
    let count = "SELECT count(*) FROM audit WHERE kind = 'provider.keys_changed'";
    trail.query_row(count, [], |row| row.get(0)).unwrap()
}

fn wait_for_key_changes(server: &Server, number: i64) {
    let clock = Instant::now();
    while key_changes(server) < number {
        assert!(clock.elapsed() < SOON, "{}", server.log_text());
        sleep(Duration::from_millis(20));
    }
    assert_eq!(key_changes(server), number);
}

/// Without a cache only the process itself knows which keys it has reported.
#[test]
fn keys_of_a_new_file_are_believed_at_once_and_audited() {
    let server = start_with(&metadata(&[rsa()]));
    assert_eq!((outcome(&sign_in(&server).0).as_str(), key_changes(&server)), ("302", 0));
    fs::write(server.path("idp.xml"), metadata(&[p256()])).unwrap();
    hang_up(&server, RELOADED);
    assert_eq!(outcome(&sign_in_with(&server, p256(), fresh()).0), "302");
    assert_eq!(outcome(&sign_in_with(&server, rsa(), fresh()).0), "403 signature_mismatch");
    wait_for_key_changes(&server, 1);
}

/// Nobody signs in meanwhile, and the URL is not due for an hour.
#[test]
fn keys_of_a_url_are_audited_with_the_reload() {
    let source = MetadataServer::start(metadata(&[rsa()]));
    let server = Server::start(&config().replace("@DIR@/idp.xml", &source.url));
    assert_eq!((outcome(&sign_in(&server).0).as_str(), key_changes(&server)), ("302", 0));
    source.answer(Answer::Document(metadata(&[p256()])));
    hang_up(&server, RELOADED);
    wait_for_key_changes(&server, 1);
}

/// What a process remembers of refusals holds back a flood: a new configuration must not
/// begin the hour's budget of rows anew.
#[test]
fn a_reload_gives_refusals_no_new_budget() {
    let config = config().replacen("[sts]", "max_posts_per_minute = 1000000\n\n[sts]", 1);
    let server = Server::setup(&config).file("idp.xml", ADFS_METADATA).start();
    let refuse = |posts: usize| {
        for _ in 0..posts {
            let nobody = Forge { roles: vec![forge::role("ADFS-Nobody")], ..fresh() };
            assert_eq!(outcome(&sign_in_with(&server, rsa(), nobody).0), "403 role_not_allowed");
        }
    };
    let rows = || {
        let trail = rusqlite::Connection::open(server.path("vestibule.db")).unwrap();
        let count = "SELECT count(*) FROM audit WHERE kind = 'login.refused'";
        trail.query_row::<i64, _, _>(count, [], |row| row.get(0)).unwrap()
    };
    refuse(1_050);
    let before = rows();
    assert!((1_000..1_050).contains(&before), "{before}");
    hang_up(&server, RELOADED);
    refuse(60);
    // The budget grows by a row in 3.6 s.
    assert!(rows() - before < 30, "{}", rows() - before);
}

/// The identity provider's server has not answered yet when the signal comes.
#[test]
fn a_signal_while_it_starts_ends_nothing() {
    let source = MetadataServer::start(metadata(&[rsa()]));
    source.answer(Answer::Slow);
    let dir = tempfile::tempdir().unwrap();
    let config = config()
        .replace("@DIR@/idp.xml", &source.url)
        .replace("@LISTEN@", &format!("127.0.0.1:{}", free_port()))
        .replace("@ADMIN@", &format!("127.0.0.1:{}", free_port()))
        .replace("@URL@", "http://127.0.0.1")
        .replace("@REGION@", "eu-central-1")
        .replace("@DIR@", dir.path().to_str().unwrap());
    fs::write(dir.path().join("vestibule.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
    command.args(["serve", "--config"]).arg(dir.path().join("vestibule.toml"));
    remove_configuration(&mut command);
    let mut process = Process::spawn(command, &dir.path().join("server.log"));
    let clock = Instant::now();
    while source.requests().is_empty() {
        assert!(clock.elapsed() < SOON, "it does not ask");
        sleep(Duration::from_millis(5));
    }
    process.signal("-HUP");
    let ended = process.wait_end();
    assert_eq!(ended.code(), Some(78), "its own end, for want of metadata, and not the signal's: {ended}");
}

#[test]
fn a_stop_ends_it_though_it_reloads() {
    let source = MetadataServer::start(metadata(&[rsa()]));
    let mut server = Server::start(&config().replace("@DIR@/idp.xml", &source.url));
    source.answer(Answer::Slow);
    let asked = source.requests().len();
    server.hang_up();
    let clock = Instant::now();
    while source.requests().len() == asked {
        assert!(clock.elapsed() < SOON, "it does not ask");
        sleep(Duration::from_millis(5));
    }
    let clock = Instant::now();
    assert!(server.stop().success());
    assert!(clock.elapsed() < Duration::from_secs(5), "{:?}", clock.elapsed());
}
