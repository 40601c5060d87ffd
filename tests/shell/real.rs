//! The commands against the real service: the same binary, which serves.

use crate::support::browser::{Browser, Form};
use crate::support::computer::{Computer, Does, at_once, files, go_back, outcome, shell_request};
use crate::support::forge::{Forge, role};
use crate::support::server::{ADFS, ADFS_METADATA, EMBEDDED, Server};
use crate::support::waiting::{WaitingPage, request_id, start_link};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

const PRODUCTION: &str = "arn:aws:iam::123456789012:role/ADFS-Production";

/// A service that allows shells, and a person who is known to its identity provider.
struct Real {
    server: Server,
    next: AtomicU32,
}

impl Real {
    fn start() -> Arc<Self> {
        let config = format!("{EMBEDDED}\n[shell]\nenabled = true\nother_device = true\n{ADFS}");
        let server = Server::setup(&config).file("idp.xml", ADFS_METADATA).start();
        Arc::new(Self { server, next: AtomicU32::new(0) })
    }

    /// What the page does with an address: signs in, lists, chooses the role; the answer.
    fn choose(&self, address: &str, number: Option<&str>) -> Value {
        let browser = Browser::new();
        let (server, next) = (&self.server, self.next.fetch_add(1, Ordering::Relaxed));
        let shell = shell_request(address);
        let page = WaitingPage::new(&format!("shell{next}"));
        let link = start_link(server, "ADFS", &page);
        let sent = browser.get(&format!("{link}&use=shell"), &[]);
        let location = sent.location().unwrap_or_else(|| panic!("{}", sent.body));
        let acs = server.url("/saml");
        let forged = Forge {
            in_response_to: Some(request_id(&location)),
            recipient: acs.clone(),
            destination: Some(acs.clone()),
            roles: vec![role("ADFS-Production")],
            ..Forge::issued_now(&format!("_shell{next}"))
        };
        let form = Form {
            action: acs,
            fields: vec![
                ("SAMLResponse".to_owned(), STANDARD.encode(forged.xml())),
                ("RelayState".to_owned(), page.relay_state()),
            ],
        };
        let answer = browser.submit(&form);
        let location = answer.location().unwrap_or_else(|| panic!("{}", answer.body));
        let (_, ticket) = location.split_once("#choice=").unwrap_or_else(|| panic!("{location}"));
        let bearer = format!("Bearer {ticket}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Vestibule-Verifier", page.verifier.as_str()),
            ("Vestibule-Shell", shell.as_str()),
        ];
        let list = browser.get(&server.url("/saml/choice"), &headers);
        assert_eq!(list.status, 200, "{}", list.body);
        let list = list.json();
        assert_eq!(list["shell"]["device"], if number.is_some() { "another" } else { "this_computer" });
        let mut shown = json!({"request": shell});
        if let Some(number) = number {
            shown["number"] = number.into();
        }
        let body = json!({"parts": [{"role": PRODUCTION, "use": "shell"}], "shell": shown}).to_string();
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let post = agent.post(server.url("/saml/choice")).header("content-type", "application/json");
        let post = post.header("Authorization", &bearer).header("Vestibule-Verifier", &page.verifier);
        let text = post.send(body).unwrap().body_mut().read_to_string().unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn computer(self: &Arc<Self>) -> Computer<Arc<Self>> {
        let real = Arc::clone(self);
        let acts = move |does, address: &str| {
            if does == Does::Nothing { String::new() } else { go_back(&real.choose(address, None)) }
        };
        Computer::with(Arc::clone(self), Box::new(acts))
    }
}

#[test]
fn a_sign_in_at_the_real_service() {
    let real = Real::start();
    let computer = real.computer();
    let out = computer.succeeds(&["login", &real.server.base_url, "--cache", "file", "--json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&told[0]["role"], &told[0]["region"]), (&PRODUCTION.into(), &"eu-central-1".into()));
    let credentials: Value =
        serde_json::from_str(&computer.succeeds(&["credentials", "--no-login"])).unwrap();
    assert_eq!(credentials["Version"], 1);
    let secret = credentials["SecretAccessKey"].as_str().unwrap();
    for file in files(computer.home.path()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", file.display());
    }
    assert!(!real.server.log_text().contains(secret));
}

#[test]
fn many_processes_are_one_login_of_the_real_service() {
    let real = Real::start();
    let computer = real.computer();
    let url = real.server.base_url.clone();
    let command = || computer.command(&["credentials", "--server", &url, "--role", PRODUCTION]);
    let outputs = at_once(64, command);
    assert!(outputs.iter().all(|out| *out == outputs[0]));
    assert_eq!((computer.windows(), real.next.load(Ordering::Relaxed)), (1, 1));
    let trail = rusqlite::Connection::open(real.server.path("vestibule.db")).unwrap();
    let count = "SELECT count(*) FROM audit WHERE kind = 'login.issued'";
    assert_eq!(
        trail.query_row(count, [], |row| row.get::<_, u32>(0)).unwrap(),
        1,
        "credentials were made once"
    );
}

#[test]
fn another_device_at_the_real_service() {
    let real = Real::start();
    let computer = real.computer();
    let url = real.server.base_url.clone();
    let mut login = computer.command(&["login", &url, "--no-browser", "--cache", "file"]);
    let mut child =
        login.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        line.trim().to_owned()
    };
    let address = line();
    let number = line();
    let (_, number) = number.rsplit_once(": ").unwrap();
    assert_eq!(real.choose(&address, Some("000 00x"))["error"], "number_wrong");
    let chosen = real.choose(&address, Some(number));
    assert_eq!(chosen["shell"]["redirect_uri"], Value::Null);
    let text = chosen["parts"][0]["ticket"].as_str().unwrap_or_else(|| panic!("{chosen}"));
    // A terminal gives no more in one line.
    assert!(text.len() < 4_095, "{}", text.len());
    println!("the text has {} characters", text.len());
    writeln!(child.stdin.as_mut().unwrap(), "{text}").unwrap();
    let (code, out, _) = outcome(&child.wait_with_output().unwrap());
    assert!(code == 0 && out.contains(PRODUCTION), "{code} {out}");
    computer.succeeds(&["credentials", "--no-login"]);
}

#[test]
fn a_service_that_allows_no_shells_says_so() {
    let server = Server::setup(&format!("{EMBEDDED}{ADFS}")).file("idp.xml", ADFS_METADATA).start();
    let computer = Computer::new();
    computer.fails(&["login", &server.base_url], 3, "shell_off");
}
