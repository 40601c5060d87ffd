//! The service's side of a shell's sign-in, as far as a shell sees it: it seals by the real
//! `jose`, hands over once, and misbehaves when a test wants it.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};
use vestibule::jose::{self, PublicKey};

pub const SECRET: &str = "CANARY-secret-access-key-4b1d";
pub const TOKEN: &str = "CANARY-session-token-90aa";
pub const USER: &str = "ada@example.com";
pub const READER: &str = "arn:aws:iam::123456789012:role/Reader";
pub const WRITER: &str = "arn:aws:iam::123456789012:role/teams/Writer";

/// How the service answers.
#[derive(Clone)]
pub struct Manner {
    /// Its clock.
    pub ahead: Duration,
    /// Of credentials.
    pub lifetime: Duration,
    /// An answer to `POST /saml/shell` in place of its own.
    pub instead: Option<(u16, String)>,
    /// Another document in place of the credentials.
    pub document: Option<String>,
    /// Refuses to hand over.
    pub refuses: bool,
}

impl Default for Manner {
    fn default() -> Self {
        let (ahead, lifetime) = (Duration::ZERO, Duration::hours(1));
        Self { ahead, lifetime, instead: None, document: None, refuses: false }
    }
}

#[derive(Clone)]
pub struct Asked {
    pub key: PublicKey,
    pub state: String,
    pub redirect_uri: Option<String>,
}

#[derive(Default)]
struct Inner {
    manner: Manner,
    asked: BTreeMap<String, Asked>,
    /// Ticket: request and role.
    tickets: BTreeMap<String, (String, String)>,
    taken: usize,
    begun: usize,
}

pub struct StandIn {
    pub url: String,
    inner: Mutex<Inner>,
}

impl StandIn {
    pub fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = Arc::new(Self { url, inner: Mutex::default() });
        let serving = Arc::clone(&service);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let service = Arc::clone(&serving);
                std::thread::spawn(move || service.serve(stream));
            }
        });
        service
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub fn behave(&self, manner: Manner) {
        self.inner().manner = manner;
    }

    /// How many sign-ins were begun, and how many tickets taken.
    pub fn counts(&self) -> (usize, usize) {
        let inner = self.inner();
        (inner.begun, inner.taken)
    }

    pub fn asked(&self, request: &str) -> Asked {
        self.inner().asked[request].clone()
    }

    /// A ticket for a role, sealed to who asked.
    pub fn ticket(&self, request: &str, role: &str) -> String {
        let asked = self.asked(request);
        let mut inner = self.inner();
        // As long as a real one.
        let ticket = format!("CANARY-ticket-{:x<900}", inner.tickets.len());
        inner.tickets.insert(ticket.clone(), (request.to_owned(), role.to_owned()));
        jose::seal(ticket.as_bytes(), &asked.key, "jti", &asked.state, "JWT").unwrap()
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap_or_default();
        let target: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (mut length, mut bearer) = (0, None);
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or_default() < 3 {
                break;
            }
            let (name, value) = header.trim().split_once(": ").unwrap();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "authorization" => bearer = value.strip_prefix("Bearer ").map(str::to_owned),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let (status, answer) = match (target.first().map(String::as_str), target.get(1).map(String::as_str)) {
            (Some("POST"), Some("/saml/shell")) => self.begin(&serde_json::from_slice(&body).unwrap()),
            (Some("GET"), Some("/saml")) => self.take(&bearer.unwrap()),
            _ => (404, "<html>nothing here</html>".to_owned()),
        };
        let length = answer.len();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        (&stream).write_all(format!("{head}{answer}").as_bytes()).unwrap_or_default();
    }

    fn begin(&self, body: &Value) -> (u16, String) {
        let mut inner = self.inner();
        inner.begun += 1;
        if let Some(instead) = &inner.manner.instead {
            return instead.clone();
        }
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let key = PublicKey::parse(&text("key").unwrap()).unwrap();
        let asked = Asked { key, state: text("state").unwrap(), redirect_uri: text("redirect_uri") };
        assert_eq!(asked.state.len(), 22);
        let request = format!("request{}", inner.begun);
        inner.asked.insert(request.clone(), asked);
        let now = now() + inner.manner.ahead;
        let answer = json!({
            "request": request,
            "page": format!("{}/", self.url),
            "expires": rfc3339(now + Duration::minutes(10)),
            "now": rfc3339(now),
            "region": "eu-central-1",
            "added_later": {"by": "another version"},
        });
        (200, answer.to_string())
    }

    fn take(&self, ticket: &str) -> (u16, String) {
        let mut inner = self.inner();
        if inner.manner.refuses {
            let error = json!({"error": "session_gone", "message": "It is gone.", "reference": "R7"});
            return (404, error.to_string());
        }
        let Some((request, role)) = inner.tickets.remove(ticket) else {
            return (404, json!({"error": "taken", "message": "Taken.", "reference": null}).to_string());
        };
        inner.taken += 1;
        let asked = &inner.asked[&request];
        let document = json!({
            "Version": 1,
            "AccessKeyId": format!("ASIA{:04}", inner.taken),
            "SecretAccessKey": SECRET,
            "SessionToken": TOKEN,
            "Expiration": rfc3339(now() + inner.manner.lifetime),
            "role": role, "account": "123456789012", "user": USER, "rule": "all", "limited": false,
        });
        let document = inner.manner.document.clone().unwrap_or(document.to_string());
        let jwe = jose::seal(document.as_bytes(), &asked.key, "jti", &asked.state, "json").unwrap();
        (200, json!({"jwe": jwe}).to_string())
    }
}

pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc().replace_nanosecond(0).unwrap()
}

pub fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap()
}
