//! The demo as a visitor has it: the real binary, its pages, its panel, and its end.
#![allow(clippy::disallowed_methods, clippy::new_without_default)]

mod support;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::browser::{Browser, Form, Page};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A running demo; killed on drop.
struct Demo {
    child: Child,
    /// Its `TMPDIR`.
    temporary: TempDir,
    /// Where its terminal is written to.
    output: TempDir,
    url: String,
    sign_on_url: String,
    browser: Browser,
}

const ANY_PORT: &str = "127.0.0.1:0";

impl Demo {
    fn start() -> Self {
        Self::listening(ANY_PORT, ANY_PORT)
    }

    fn listening(listen: &str, idp_listen: &str) -> Self {
        let (temporary, output) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let terminal = File::create(output.path().join("terminal")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_vestibule"))
            .args(["demo", "--listen", listen, "--idp-listen", idp_listen])
            .env("TMPDIR", temporary.path())
            .stdin(Stdio::null())
            .stdout(terminal.try_clone().unwrap())
            .stderr(terminal)
            .spawn()
            .unwrap();
        let mut demo = Self {
            child,
            temporary,
            output,
            url: String::new(),
            sign_on_url: String::new(),
            browser: Browser::new(),
        };
        let terminal = demo.terminal_when(|text| text.contains("Ctrl-C"));
        let (_, rest) = terminal.split_once("Vestibule demo: ").unwrap();
        demo.url = rest.lines().next().unwrap().trim_end_matches('/').to_owned();
        let config = demo.browser.get(&format!("{}/config.json", demo.url), &[]).json();
        demo.sign_on_url = config["identity_providers"][0]["sign_on_url"].as_str().unwrap().to_owned();
        demo
    }

    fn terminal(&self) -> String {
        std::fs::read_to_string(self.output.path().join("terminal")).unwrap()
    }

    /// The terminal's text, once it is as wanted.
    fn terminal_when(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        for _ in 0..500 {
            let text = self.terminal();
            if wanted(&text) {
                return text;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "the demo has ended:\n{text}");
            sleep(Duration::from_millis(20));
        }
        panic!("the terminal never said it:\n{}", self.terminal());
    }

    fn idp(&self, path: &str) -> String {
        let (origin, _) = self.sign_on_url.split_once("/adfs/").unwrap();
        format!("{origin}{path}")
    }

    /// What AD FS would post about this person for this page.
    fn signed_on(&self, account: &str, relay_state: &str) -> Form {
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let inner = format!("RPID={}&RelayState={}", encode("urn:amazon:webservices"), encode(relay_state));
        let action = format!("{}?RelayState={}", self.sign_on_url, encode(&inner));
        let choice = Form { action, fields: vec![("person".into(), account.into())] };
        self.browser.submit(&choice).form()
    }

    /// Signs in as this person, from a page of its own.
    fn sign_in(&self, account: &str) -> (Page, String) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (session, verifier) = (format!("session-of-page-{number:06}"), format!("{number:0>43}"));
        let challenge = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        let relay_state = format!("{session}##{}", URL_SAFE_NO_PAD.encode(challenge));
        (self.browser.submit(&self.signed_on(account, &relay_state)), verifier)
    }

    fn take(&self, signed_in: &Page, verifier: &str) -> Page {
        assert_eq!(signed_in.status, 302, "{}", signed_in.body);
        let location = signed_in.location().unwrap();
        let (page, ticket) = location.split_once("#jwt=").unwrap();
        assert_eq!(page, format!("{}/", self.url));
        let bearer = format!("Bearer {ticket}");
        let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", verifier)];
        self.browser.get(&format!("{}/saml", self.url), &headers)
    }

    fn audit(&self) -> String {
        self.browser.get(&self.idp("/panel/audit"), &[]).body
    }

    /// Asks it to end, and says how long that took.
    fn signal(&mut self, signal: &str) -> (ExitStatus, Duration) {
        let id = self.child.id().to_string();
        let began = Instant::now();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        for _ in 0..1_000 {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, began.elapsed());
            }
            sleep(Duration::from_millis(10));
        }
        panic!("it did not end:\n{}", self.terminal());
    }

    fn left_behind(&self) -> Vec<std::path::PathBuf> {
        std::fs::read_dir(self.temporary.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("---- the demo's terminal\n{}", self.terminal());
        }
    }
}

/// Title and code of a refusal page.
fn code_of(page: &Page) -> String {
    let (_, rest) = page.body.split_once("<code>").unwrap_or_else(|| panic!("no code: {}", page.body));
    rest.split_once("</code>").unwrap().0.to_owned()
}

fn reference_of(page: &Page) -> String {
    page.headers["x-request-id"].to_str().unwrap().to_owned()
}

/// Minutes that these credentials live.
fn minutes(credentials: &serde_json::Value) -> i64 {
    let expiration = OffsetDateTime::parse(credentials["Expiration"].as_str().unwrap(), &Rfc3339).unwrap();
    ((expiration - OffsetDateTime::now_utc()).as_seconds_f64() / 60.0).round() as i64
}

#[test]
fn everybody_gets_what_the_sign_on_page_says() {
    let demo = Demo::start();
    for (account, role, lives, rule, limited) in [
        ("paula", "ADFS-Production", 60, "production", false),
        ("conny-C", "ADFS-Production", 15, "contractors", true),
        ("ada", "ADFS-ProductionAdmin", 240, "administrators", false),
    ] {
        let (signed_in, verifier) = demo.sign_in(account);
        let taken = demo.take(&signed_in, &verifier);
        assert_eq!(taken.status, 200, "{account}: {}", taken.body);
        let credentials = taken.json();
        assert_eq!(credentials["user"], format!("{account}@halvorsen.example"));
        assert!(credentials["role"].as_str().unwrap().ends_with(&format!("/{role}")), "{account}");
        assert_eq!(minutes(&credentials), lives, "{account}");
        assert_eq!(
            (&credentials["rule"], &credentials["limited"]),
            (&rule.into(), &limited.into()),
            "{account}"
        );
        let again = demo.take(&signed_in, &verifier);
        assert_eq!((again.status, again.json()["error"].clone()), (404, "gone".into()), "{account}");
    }
    let (refused, _) = demo.sign_in("dev");
    assert_eq!((refused.status, code_of(&refused).as_str()), (403, "role_refused"));
    assert!(refused.body.contains("AWS-Production"), "{}", refused.body);

    let (choice, verifier) = demo.sign_in("tim");
    assert_eq!(choice.status, 302, "{}", choice.body);
    let ticket = choice.location().unwrap().split_once("#choice=").unwrap().1.to_owned();
    let bearer = format!("Bearer {ticket}");
    let headers = [("Authorization", bearer.as_str()), ("Vestibule-Verifier", verifier.as_str())];
    let listed = demo.browser.get(&format!("{}/saml/choice", demo.url), &headers).json();
    let can_be_had: Vec<bool> =
        listed["roles"].as_array().unwrap().iter().map(|role| role["credentials"].is_object()).collect();
    assert_eq!(can_be_had, [true, true, false], "{listed}");
}

/// What each button promises. The panel's own table must say the same.
const BUTTONS: &[(&str, u16, &str, bool)] = &[
    ("wrong-role", 403, "role_refused", true),
    ("expired", 403, "assertion_expired", true),
    ("other-audience", 403, "wrong_audience", true),
    ("replayed", 409, "assertion_replayed", true),
    ("session-waiting", 409, "session_waiting", true),
    ("tampered", 403, "digest_mismatch", false),
    ("unsigned", 403, "not_signed", false),
    ("other-key", 403, "signature_mismatch", false),
    ("unknown-issuer", 403, "issuer_unknown", false),
];

#[test]
fn every_button_of_the_panel_gets_the_refusal_it_promises() {
    let demo = Demo::start();
    let panel = demo.browser.get(&demo.idp("/panel"), &[]).body;
    assert_eq!(panel.matches("<form").count(), BUTTONS.len());
    let sign_on = demo.browser.get(&demo.idp("/adfs/ls/IdpInitiatedSignOn.aspx?RelayState=RPID%3Durn%253Aamazon%253Awebservices%26RelayState%3Dx"), &[]);
    assert!(sign_on.body.contains(r#"href="/panel""#), "{}", sign_on.body);

    for (id, status, code, audited) in BUTTONS {
        let action = demo.idp(&format!("/panel/refusals/{id}"));
        assert!(panel.contains(&format!("<code>{status} {code}</code>")), "{id} promises something else");
        assert!(panel.contains(&format!(r#"action="/panel/refusals/{id}""#)));
        let post = demo.browser.submit(&Form { action, fields: Vec::new() }).form();
        assert_eq!(post.action, format!("{}/saml", demo.url), "{id}");
        let refused = demo.browser.submit(&post);
        assert_eq!((refused.status, code_of(&refused).as_str()), (*status, *code), "{id}");
        let told = demo
            .audit()
            .lines()
            .any(|line| line.contains(&reference_of(&refused)) && line.contains(&format!("({code})")));
        assert_eq!(told, *audited, "{id}: is it in the audit trail?\n{}", demo.audit());
    }
    // The first posts of two buttons left credentials that nobody can take.
    assert_eq!(demo.audit().matches("login.issued · ").count(), 2, "{}", demo.audit());
}

#[test]
fn a_button_that_does_not_exist_does_nothing() {
    let demo = Demo::start();
    let action = demo.idp("/panel/refusals/%3Cscript%3E");
    let answer = demo.browser.submit(&Form { action: action.clone(), fields: Vec::new() });
    assert_eq!(answer.status, 404);
    assert!(!answer.body.contains("<script>"));
    assert_eq!(demo.browser.get(&action, &[]).location(), Some(demo.idp("/panel")));
    assert!(demo.audit().contains("Nothing yet"));
}

#[test]
fn a_login_is_told_step_by_step_and_without_its_secrets() {
    let mut demo = Demo::start();
    let (signed_in, verifier) = demo.sign_in("paula");
    let credentials = demo.take(&signed_in, &verifier).json();
    let (refused, _) = demo.sign_in("dev");

    let steps = [
        "paula@halvorsen.example signed in, and the rule “production” chose ADFS-Production",
        "credentials for paula@halvorsen.example wait, sealed",
        "credentials handed over to paula@halvorsen.example, once",
        "dev@halvorsen.example was refused: a rule says no (role_refused)",
    ];
    let terminal = demo.terminal_when(|text| text.contains(steps[3]));
    let told: Vec<&str> = terminal.lines().filter(|line| line.contains("halvorsen.example")).collect();
    assert_eq!(told.len(), steps.len(), "each step once: {terminal}");
    assert!(told.iter().zip(steps).all(|(line, step)| line.ends_with(step)), "in order: {terminal}");
    assert_eq!(terminal.matches("http").count(), 1, "one URL: {terminal}");

    let audit = demo.audit();
    let lines: Vec<&str> = audit.lines().collect();
    assert_eq!(lines.len(), steps.len(), "{audit}");
    assert!(lines.iter().rev().zip(steps).all(|(line, step)| line.contains(step)), "newest first: {audit}");
    assert!(lines[0].contains(&reference_of(&refused)));
    assert!(lines[1].contains(credentials["AccessKeyId"].as_str().unwrap()));

    let ticket = signed_in.location().unwrap().split_once("#jwt=").unwrap().1.to_owned();
    let secret = |name: &str| credentials[name].as_str().unwrap().to_owned();
    for text in [&terminal, &audit, &demo.browser.get(&demo.idp("/panel"), &[]).body] {
        for secret in [&secret("SecretAccessKey"), &secret("SessionToken"), &ticket, &verifier] {
            assert!(!text.contains(secret.as_str()), "{text}");
        }
    }
}

/// More than one look at the audit trail can hold.
#[test]
fn nothing_is_skipped_when_much_happens_at_once() {
    let mut demo = Demo::start();
    let relay_state = "session-0123456789##0123456789012345678901234567890123456789012";
    // Each its own response: the same one again is not recorded again.
    let forms: Vec<Form> = (0..200).map(|_| demo.signed_on("dev", relay_state)).collect();
    let threads: Vec<_> = forms
        .chunks(25)
        .map(|forms| {
            let (browser, forms) = (Browser::new(), forms.to_vec());
            std::thread::spawn(move || {
                forms.iter().map(|form| reference_of(&browser.submit(form))).collect::<Vec<_>>()
            })
        })
        .collect();
    let references: Vec<String> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let terminal = demo.terminal_when(|text| text.matches("role_refused").count() >= references.len());
    assert_eq!(terminal.matches("role_refused").count(), references.len());
}

#[test]
fn the_panels_pages_hold_no_inline_script_or_style_and_say_so() {
    let demo = Demo::start();
    for path in ["/panel", "/panel/audit", "/adfs/ls/IdpInitiatedSignOn.aspx"] {
        let page = demo.browser.get(&demo.idp(path), &[]);
        for forbidden in ["<style", " style=", "<script>", " onclick=", "javascript:"] {
            assert!(!page.body.contains(forbidden), "{path}: {forbidden}");
        }
        if path != "/panel/audit" {
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        }
    }
}

/// Also while browsers hold connections, used and unused, as they do.
#[test]
fn an_interrupt_ends_it_within_three_seconds_and_leaves_nothing() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let mut demo = Demo::start();
        assert_eq!(demo.left_behind().len(), 1, "its directory");
        assert_eq!(demo.sign_in("paula").0.status, 302);
        let address = |url: &str| url.trim_start_matches("http://").to_owned();
        let idle = [address(&demo.url), address(&demo.idp(""))].map(|a| TcpStream::connect(a).unwrap());
        let (status, took) = demo.signal(signal);
        assert!(status.success(), "{signal}: {status}\n{}", demo.terminal());
        assert!(took < Duration::from_secs(3), "{signal} took {took:?}");
        assert_eq!(demo.left_behind(), Vec::<&Path>::new(), "{signal}");
        assert!(demo.terminal().contains("wait, sealed"), "the last steps are told: {}", demo.terminal());
        drop(idle);
    }
}

#[test]
fn ports_in_use_are_stepped_aside_from() {
    let taken = [TcpListener::bind(ANY_PORT).unwrap(), TcpListener::bind(ANY_PORT).unwrap()];
    let [listen, idp_listen] = taken.each_ref().map(|l| l.local_addr().unwrap().to_string());
    let demo = Demo::listening(&listen, &idp_listen);
    assert!(!demo.url.ends_with(&listen) && !demo.sign_on_url.contains(&idp_listen));
    let (signed_in, verifier) = demo.sign_in("paula");
    assert_eq!(demo.take(&signed_in, &verifier).status, 200);
}
