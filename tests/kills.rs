//! The real binary, killed again and again while people sign in: no credentials are
//! handed over twice, none without a record, and no login is left without an end.
//!
//! `VESTIBULE_KILLS=200 cargo test --release --test kills` is the long form; CI kills
//! a few times. Fifty kills and more wait besides until all that can end must have ended: a
//! minute for a login, five for a choice.

mod support;

use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;
use support::aws::{Emulators, Service};
use support::forge::{ACS, Forge, role};
use support::server::{ADFS, ADFS_METADATA, EMBEDDED, Server};
use support::trail_file;
use support::trail_rules::{Observed, assert_holds};
use support::waiting::WaitingPage;
use ureq::http::{self, Request};
use vestibule::broker::EventKind;

/// Clients at once.
const PEOPLE: u32 = 4;

/// A reservation and a session last a minute each; a sweep comes every ten seconds.
const UNTIL_ALL_HAVE_ENDED: Duration = Duration::from_secs(80);
/// A choice lasts five minutes, and what was chosen last is over after it.
const UNTIL_ALL_CHOICES_HAVE_ENDED: Duration = Duration::from_secs(5 * 60 + 80);

/// What people choose who have both.
const BOTH: [&str; 2] = ["ADFS-Production", "ADFS-Preproduction"];

/// What the clients saw.
#[derive(Default)]
struct Seen {
    /// Access key ids, as handed over.
    taken: Vec<String>,
    /// Assertions that were accepted.
    used: Vec<(String, String)>,
    /// How many chose, and got a ticket for each role.
    chose: usize,
    /// Answers that no failure explains.
    odd: Vec<String>,
}

struct People {
    /// Where responses are sent, as the service knows itself.
    acs: String,
    roles: Vec<String>,
    next: AtomicU32,
    stop: AtomicBool,
    seen: Mutex<Seen>,
    agent: ureq::Agent,
}

impl People {
    /// Signs in, again and again, through whatever happens to the server.
    fn sign_in_until_stopped(&self, server: &str) {
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let page = WaitingPage::new(&format!("kill{number}"));
            let xml = self.assertion(number);
            let Some((status, location, body)) = self.post(server, &xml, &page) else {
                // Killed just now; it comes back.
                sleep(Duration::from_millis(5));
                continue;
            };
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let fragment = location.split_once('#').map(|(_, fragment)| fragment);
            match (status, fragment.and_then(|fragment| fragment.split_once('='))) {
                (302, Some((kind, ticket))) => {
                    seen.used.push((xml, page.relay_state()));
                    drop(seen);
                    let chosen = (kind == "choice").then(|| self.choose(server, &page, ticket));
                    for ticket in chosen.unwrap_or_else(|| vec![ticket.to_owned()]) {
                        self.take(server, &page, &ticket);
                    }
                }
                (503, _) => {}
                _ => seen.odd.push(format!("{status} {body}")),
            }
        }
    }

    fn post(&self, server: &str, xml: &str, page: &WaitingPage) -> Option<(u16, String, String)> {
        let field = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, xml);
        let form = [("SAMLResponse", field.as_str()), ("RelayState", &page.relay_state())];
        let mut answer = self.agent.post(format!("{server}/saml")).send_form(form).ok()?;
        let location = answer.headers().get("location").map(|v| v.to_str().unwrap_or_default().to_owned());
        let body = answer.body_mut().read_to_string().ok()?;
        Some((answer.status().as_u16(), location.unwrap_or_default(), body))
    }

    fn assertion(&self, number: u32) -> String {
        let forged = Forge::issued_now(&format!("_kill{number}"));
        let destination = Some(self.acs.clone());
        Forge { recipient: self.acs.clone(), destination, roles: self.roles.clone(), ..forged }.xml()
    }

    /// Asks for the list, and then for both roles: the tickets.
    fn choose(&self, server: &str, page: &WaitingPage, ticket: &str) -> Vec<String> {
        let url = format!("{server}/saml/choice");
        let Some((status, list)) = self.ask(|| with(Request::get(&url), page, ticket).body(String::new()))
        else {
            return Vec::new();
        };
        let roles = match (status, list["roles"].as_array()) {
            (200, Some(roles)) if roles.len() == BOTH.len() => roles,
            (503, _) => return Vec::new(),
            _ => return self.is_odd(status, &list),
        };
        let part = |role: &Value| json!({ "role": role["role"], "use": "credentials" });
        let parts = json!({ "parts": roles.iter().map(part).collect::<Vec<_>>() }).to_string();
        let post = || with(Request::post(&url), page, ticket).header("Content-Type", "application/json");
        let Some((status, answer)) = self.ask(|| post().body(parts.clone())) else { return Vec::new() };
        let parts = answer["parts"].as_array();
        if status != 200 || parts.is_none() {
            return if status == 503 { Vec::new() } else { self.is_odd(status, &answer) };
        }
        let mut tickets = Vec::new();
        for part in parts.into_iter().flatten() {
            match part["ticket"].as_str() {
                Some(ticket) => tickets.push(ticket.to_owned()),
                None => return self.is_odd(status, part),
            }
        }
        let chose = usize::from(tickets.len() == BOTH.len());
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).chose += chose;
        tickets
    }

    /// Where an answer was lost, a second take must find nothing.
    fn take(&self, server: &str, page: &WaitingPage, ticket: &str) {
        let url = format!("{server}/saml");
        let Some((status, answer)) = self.ask(|| with(Request::get(&url), page, ticket).body(String::new()))
        else {
            return;
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match status {
            200 => seen.taken.push(answer["AccessKeyId"].as_str().unwrap().to_owned()),
            401 | 404 | 503 => {}
            _ => seen.odd.push(format!("{status} {answer}")),
        }
    }

    fn is_odd(&self, status: u16, answer: &Value) -> Vec<String> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.odd.push(format!("{status} {answer}"));
        Vec::new()
    }

    /// Asks until there is an answer. `None` where it does not come in time: a part that a dead
    /// process has reserved is waited for, and nobody here has that patience.
    fn ask(&self, request: impl Fn() -> Result<Request<String>, http::Error>) -> Option<(u16, Value)> {
        // Twenty seconds and more: a start takes long where all of it is slow.
        for _ in 0..4_000 {
            let answer = self
                .agent
                .run(request().unwrap())
                .and_then(|mut answer| Ok((answer.status().as_u16(), answer.body_mut().read_to_string()?)));
            match answer {
                Ok((status, body)) => {
                    let json = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{status} {body}"));
                    return Some((status, json));
                }
                Err(ureq::Error::Timeout(_)) => return None,
                Err(_) => sleep(Duration::from_millis(5)),
            }
        }
        panic!("the server does not come back");
    }
}

fn with(request: http::request::Builder, page: &WaitingPage, ticket: &str) -> http::request::Builder {
    request
        .header("Authorization", format!("Bearer {ticket}"))
        .header("Vestibule-Verifier", &page.verifier)
        .header("COGNITO_ID", &page.session_id)
}

#[test]
fn killed_under_load_hands_out_nothing_twice_and_loses_no_record() {
    let server = Server::setup(&format!("{EMBEDDED}{ADFS}")).file("idp.xml", ADFS_METADATA).start();
    let acs = server.url("/saml");
    killed_under_load(server, acs, &BOTH[..1], || None);
}

/// The same where people have two roles: each person lists them, chooses both, and takes both.
#[test]
fn killed_while_people_choose_hands_out_nothing_twice_and_loses_no_record() {
    let config = format!("{EMBEDDED}{ADFS}").replace("contains = \"Prod\"", "prefix = \"ADFS-P\"");
    let server = Server::setup(&config).file("idp.xml", ADFS_METADATA).start();
    let acs = server.url("/saml");
    killed_under_load(server, acs, &BOTH, || None);
}

/// The same where the service assumes the people's roles: many a kill comes while STS is asked.
#[test]
fn killed_while_it_assumes_roles_hands_out_nothing_twice_and_loses_no_record() {
    let aws = Emulators::only(&[Service::Sts]);
    let (key, secret) = ("AKIAVESTIBULEITSOWN0", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let hub = "arn:aws:iam::999999999999:role/Vestibule";
    let session = "arn:aws:sts::999999999999:assumed-role/Vestibule/i-0123456789abcdef0";
    aws.sts_set("callers", &json!({ "access_key_id": key, "secret": secret, "arn": session }));
    let statement = json!({
        "Effect": "Allow", "Principal": { "AWS": hub }, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    });
    let role = json!({
        "arn": "arn:aws:iam::123456789012:role/ADFS-Production", "max_session_duration": 3_600,
        "trust_policy": { "Version": "2012-10-17", "Statement": [statement] },
    });
    aws.sts_set("roles", &role);
    let config = format!("{EMBEDDED}{ADFS}")
        .replace("kind = \"local\"\npath = \"@DIR@/sts-key\"", "kind = \"assume-role\"")
        .replace("public_url = \"@URL@\"", "public_url = \"https://vestibule.example.com\"");
    // By `env`, so that what starts again has it too.
    let with_key = |(name, value)| {
        let value = if name == "AWS_ACCESS_KEY_ID" { key.to_owned() } else { value };
        format!("{name}={value}")
    };
    let env: Vec<String> =
        ["env".to_owned()].into_iter().chain(aws.env().into_iter().map(with_key)).collect();
    let env: Vec<&str> = env.iter().map(String::as_str).collect();
    let setup = Server::setup(&config).file("idp.xml", ADFS_METADATA).through(&env);
    killed_under_load(setup.start(), ACS.to_owned(), &BOTH[..1], || {
        let calls = aws.sts_calls();
        assert!(calls.iter().all(|call| call["action"] == "AssumeRole"));
        let given = calls.iter().filter(|call| call["access_key_id"].is_string()).count();
        assert!(given > 10, "{given}");
        Some(given)
    });
}

/// People who have these roles. `given`: how often STS gave credentials, where that is counted.
fn killed_under_load(mut server: Server, acs: String, roles: &[&str], given: impl FnOnce() -> Option<usize>) {
    let kills = std::env::var("VESTIBULE_KILLS").map_or(8, |text| text.parse().expect("a number"));
    let enough = usize::try_from(kills).unwrap();
    let url = server.base_url.clone();
    let people = People {
        acs,
        roles: roles.iter().map(|name| role(name)).collect(),
        next: AtomicU32::new(0),
        stop: AtomicBool::new(false),
        seen: Mutex::default(),
        agent: ureq::Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(3)))
            .build()
            .into(),
    };
    std::thread::scope(|scope| {
        for _ in 0..PEOPLE {
            scope.spawn(|| people.sign_in_until_stopped(&url));
        }
        for kill in 0..kills {
            // Longer than a start, and another moment of a login each time.
            sleep(Duration::from_millis(200 + kill * 37 % 230));
            server.kill();
            server.restart();
        }
        // As many as kills, however slow the machine is.
        for _ in 0..600 {
            sleep(Duration::from_millis(100));
            if people.seen.lock().unwrap_or_else(PoisonError::into_inner).taken.len() > enough {
                break;
            }
        }
        people.stop.store(true, Ordering::Relaxed);
    });
    let seen = people.seen.lock().unwrap();
    assert!(seen.odd.is_empty(), "{:#?}", seen.odd);
    assert!(seen.taken.len() > enough, "{} takes", seen.taken.len());
    let choosing = roles.len() > 1;
    assert_eq!(seen.chose > 0, choosing, "{} chose", seen.chose);

    // What was used before a kill stays used after it.
    for (xml, _) in seen.used.iter().rev().step_by(7).take(20) {
        let (status, _, body) = people.post(&url, xml, &WaitingPage::new("again")).unwrap();
        assert_eq!(status, 409, "{body}");
    }

    let long = kills >= 50;
    if long {
        sleep(if choosing { UNTIL_ALL_CHOICES_HAVE_ENDED } else { UNTIL_ALL_HAVE_ENDED });
    }
    let file = server.path("vestibule.db");
    let observed = Observed { given: given(), swept: long, ..trail_file::observed(&file, &seen.taken) };
    assert_holds(&observed);
    let count = |kind| observed.trail.iter().filter(|entry| entry.kind == kind).count();
    let (logins, delivered) = (count(EventKind::Started), count(EventKind::Delivered));
    assert_eq!(count(EventKind::ChoiceOpened) > 0, choosing);
    println!(
        "{kills} kills: {} choices, {logins} logins, {} taken, {} cut off before their delivery was recorded",
        count(EventKind::ChoiceOpened),
        seen.taken.len(),
        logins - delivered
    );
}
