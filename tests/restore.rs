//! The real binary: a backup while people sign in, a restore of it, and a rolling upgrade,
//! each as `docs/OPERATING.md` has it.
#![allow(clippy::disallowed_methods, reason = "how long something took is asked")]

mod support;

use base64::{Engine, engine::general_purpose::STANDARD};
use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use support::forge::Forge;
use support::server::{ADFS, ADFS_METADATA, EMBEDDED, Server};
use support::waiting::WaitingPage;

const SAML: &str = "
[saml]
clock_skew = \"0s\"
";

/// Says that a copy was put in place, however young it is.
const RESTORED: &str = "UPDATE meta SET value = 0 WHERE name = 'alive_at'";

struct Person(ureq::Agent);

impl Person {
    fn new() -> Self {
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(10)))
            .build();
        Self(agent.into())
    }

    /// Status, and the ticket or the refusal's code.
    fn post(&self, server: &str, xml: &str, page: &WaitingPage) -> (u16, String) {
        let field = STANDARD.encode(xml);
        let form = [("SAMLResponse", field.as_str()), ("RelayState", &page.relay_state())];
        let request = self.0.post(format!("{server}/saml")).header("Accept", "application/json");
        let mut answer = request.send_form(form).unwrap();
        let location = answer.headers().get("location").map(|v| v.to_str().unwrap().to_owned());
        if let Some((_, ticket)) = location.as_deref().and_then(|l| l.split_once("#jwt=")) {
            return (answer.status().as_u16(), ticket.to_owned());
        }
        let body = answer.body_mut().read_to_string().unwrap();
        let json: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        (answer.status().as_u16(), json["error"].as_str().unwrap_or(&body).to_owned())
    }

    fn take(&self, server: &str, page: &WaitingPage, ticket: &str) -> u16 {
        let request = self.0.get(format!("{server}/saml"));
        let request = request.header("Authorization", format!("Bearer {ticket}"));
        request.header("Vestibule-Verifier", &page.verifier).call().unwrap().status().as_u16()
    }
}

/// Issued now, for the service of this address.
fn assertion(public_url: &str, name: &str) -> String {
    let url = format!("{public_url}/saml");
    Forge { recipient: url.clone(), destination: Some(url), ..Forge::issued_now(&format!("_{name}")) }.xml()
}

fn count(database: &Path, condition: &str) -> u32 {
    let query = format!("SELECT count(*) FROM audit WHERE {condition}");
    Connection::open(database).unwrap().query_row(&query, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_restored_backup_refuses_what_was_used_after_it_was_made() {
    let mut server = Server::setup(&format!("{EMBEDDED}{SAML}{ADFS}")).file("idp.xml", ADFS_METADATA).start();
    let (url, person) = (server.base_url.clone(), Person::new());
    let (database, backup) = (server.path("vestibule.db"), server.path("backup.db"));
    let login = |name: &str| {
        let (xml, page) = (assertion(&url, name), WaitingPage::new(name));
        let (status, ticket) = person.post(&url, &xml, &page);
        assert_eq!(status, 302, "{ticket}");
        (xml, page, ticket)
    };
    let (before, page, ticket) = login("before");
    assert_eq!(person.take(&url, &page, &ticket), 200);
    Connection::open(&database).unwrap().execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    let (after, page, ticket) = login("after");
    assert_eq!(person.take(&url, &page, &ticket), 200);
    let (_, waiting, its_ticket) = login("waiting");

    assert!(server.stop().success());
    std::fs::copy(&backup, &database).unwrap();
    for suffix in ["db-wal", "db-shm"] {
        _ = std::fs::remove_file(database.with_extension(suffix));
    }
    // The copy is seconds old, and the file is the same: only its operator knows.
    assert_eq!(Connection::open(&database).unwrap().execute(RESTORED, []).unwrap(), 1);
    server.restart();

    for (name, xml) in [("again1", &before), ("again2", &after)] {
        let refused = person.post(&url, xml, &WaitingPage::new(name));
        assert_eq!(refused, (409, "assertion_before_restore".to_owned()));
    }
    assert_eq!(person.take(&url, &waiting, &its_ticket), 404, "what waited after the copy is gone");
    assert_eq!(count(&database, "kind = 'login.delivered'"), 1, "the trail is the copy's");
    // The identity provider writes whole seconds: within one, a new sign-in is after the restore.
    let began = Instant::now();
    let mut number = 0;
    let (page, ticket) = loop {
        number += 1;
        let (xml, page) = (assertion(&url, &format!("new{number}")), WaitingPage::new(&format!("n{number}")));
        match person.post(&url, &xml, &page) {
            (302, ticket) => break (page, ticket),
            (409, code) if code == "assertion_before_restore" => {}
            other => panic!("{other:?}"),
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{}", server.log_text());
    };
    assert_eq!(person.take(&url, &page, &ticket), 200);
    assert!(server.log_text().contains("sign-ins made before this start are refused"));
}

/// The commands of the documentation are those of the test above.
#[test]
fn the_documentation_says_how_to_restore() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/OPERATING.md")).unwrap();
    let (_, backup) = text.split_once("\n## Backup").unwrap();
    let backup = backup.split("\n## ").next().unwrap();
    for words in ["VACUUM INTO", "rm -f var/vestibule.db-wal var/vestibule.db-shm", RESTORED] {
        assert!(backup.contains(words), "{words}");
    }
}

/// The new process comes before the old one goes, on the same files. Whoever signed in at one
/// takes at either; nobody is refused, nothing is lost.
#[test]
fn a_rolling_upgrade_loses_nothing_and_refuses_nobody() {
    let mut old = Server::setup(&format!("{EMBEDDED}{SAML}{ADFS}")).file("idp.xml", ADFS_METADATA).start();
    let public_url = old.base_url.clone();
    let config = format!("{EMBEDDED}{SAML}{ADFS}")
        .replace("@URL@", &public_url)
        .replace("@DIR@", old.dir.path().to_str().unwrap());
    let (number, both, only_new, stop) =
        (AtomicU32::new(0), AtomicBool::new(false), AtomicBool::new(false), AtomicBool::new(false));
    let new = Server::setup(&config);
    let new_url = new.base_url();
    let done = AtomicU32::new(0);
    let sign_in = || {
        let person = Person::new();
        while !stop.load(Ordering::Relaxed) {
            let n = number.fetch_add(1, Ordering::Relaxed);
            // A balancer sends nobody to the old one any more, then to the new one only.
            let (post_at, take_at) = match (only_new.load(Ordering::Relaxed), both.load(Ordering::Relaxed)) {
                (true, _) => (&new_url, &new_url),
                (false, true) if n.is_multiple_of(2) => (&new_url, &public_url),
                (false, true) => (&public_url, &new_url),
                (false, false) => (&public_url, &public_url),
            };
            let (xml, page) =
                (assertion(&public_url, &format!("roll{n}")), WaitingPage::new(&format!("r{n}")));
            let (status, ticket) = person.post(post_at, &xml, &page);
            assert_eq!(status, 302, "{ticket}");
            assert_eq!(person.take(take_at, &page, &ticket), 200);
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    let new = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3).map(|_| scope.spawn(sign_in)).collect();
        // Some more logins than there are clients, so that each has seen the new state.
        let some_more = || {
            let (from, began) = (done.load(Ordering::Relaxed), Instant::now());
            while done.load(Ordering::Relaxed) < from + 20 {
                let ended = clients.iter().any(|client| client.is_finished());
                assert!(!ended && began.elapsed() < Duration::from_secs(20), "a client failed");
                std::thread::yield_now();
            }
        };
        some_more();
        let new = new.start();
        both.store(true, Ordering::Relaxed);
        some_more();
        only_new.store(true, Ordering::Relaxed);
        some_more();
        assert!(old.stop().success());
        some_more();
        stop.store(true, Ordering::Relaxed);
        new
    });
    let logins = done.load(Ordering::Relaxed);
    let database = old.path("vestibule.db");
    for kind in ["login.started", "login.issued", "login.delivered"] {
        assert_eq!(count(&database, &format!("kind = '{kind}'")), logins, "{kind}");
    }
    assert_eq!(count(&database, "kind NOT IN ('login.started', 'login.issued', 'login.delivered')"), 0);
    assert!(!new.log_text().contains("are refused"), "{}", new.log_text());
}
