//! AWS's federation endpoint on loopback, as strict as its documentation: `getSigninToken` by
//! POST alone and with nothing more than it takes, `login` by GET. It behaves or not.

use super::aws::Emulators;
use super::process::free_port;
use super::wire::{Reply, Request, WireServer};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// In tokens and in bad answers, where no log may have it.
pub const CANARY: &str = "CANARY-signin-token-71c0d4";

/// What the endpoint does when it is asked for a token.
#[derive(Clone, Debug)]
pub enum Answer {
    Token,
    /// With a body that repeats what was asked.
    Status(u16),
    Redirect,
    /// This text, with 200.
    Text(String),
    /// A token that is longer than anything that is read.
    Huge,
    /// The token, after so long.
    After(Duration),
    HangUp,
    /// Hangs up once, then the token.
    FailsOnce,
}

/// A running endpoint; gone when it is dropped.
pub struct FederationEndpoint {
    /// For `console.endpoint`.
    pub url: String,
    state: Arc<State>,
    _server: WireServer,
}

struct State {
    answer: Mutex<Answer>,
    requests: Mutex<Vec<Request>>,
    /// By their tokens: the sessions that people can be signed in to.
    sessions: Mutex<BTreeMap<String, Map<String, Value>>>,
    /// Where it is known whose credentials are real.
    sts: Option<Arc<Emulators>>,
}

impl FederationEndpoint {
    /// It takes any credentials of three parts.
    pub fn start() -> Self {
        Self::with(None)
    }

    /// It takes those alone that this STS gave.
    pub fn beside(sts: Arc<Emulators>) -> Self {
        Self::with(Some(sts))
    }

    fn with(sts: Option<Arc<Emulators>>) -> Self {
        let state = Arc::new(State {
            answer: Mutex::new(Answer::Token),
            requests: Mutex::default(),
            sessions: Mutex::default(),
            sts,
        });
        let (port, shared) = (free_port(), Arc::clone(&state));
        let server = WireServer::start(port, move |request| shared.reply(request));
        Self { url: format!("http://127.0.0.1:{port}"), state, _server: server }
    }

    /// The table for a configuration file.
    pub fn config(&self) -> String {
        format!("[console]\nenabled = true\nendpoint = \"{}\"\n", self.url)
    }

    /// From now on.
    pub fn answer(&self, answer: Answer) {
        *self.state.answer.lock().unwrap() = answer;
    }

    /// All that it was asked, logins of browsers too.
    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    /// The session (`sessionId`, `sessionKey`, `sessionToken`) of a token, until it signs in.
    pub fn session(&self, token: &str) -> Option<Map<String, Value>> {
        self.state.sessions.lock().unwrap().get(token).cloned()
    }
}

impl State {
    fn reply(&self, request: Request) -> Option<Reply> {
        self.requests.lock().unwrap().push(request.clone());
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        match (request.method.as_str(), path) {
            ("POST", "/federation") if query.is_empty() => self.token(&request),
            ("GET", "/federation") => Some(self.login(query)),
            (_, "/federation") => Some(bad("a secret in a query, or another method")),
            _ => Some(Reply::new(404, "text/html", "")),
        }
    }

    fn token(&self, request: &Request) -> Option<Reply> {
        let session = match self.asked(request) {
            Ok(session) => session,
            Err(why) => return Some(bad(why)),
        };
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Answer::HangUp => return None,
            Answer::FailsOnce => {
                *self.answer.lock().unwrap() = Answer::Token;
                return None;
            }
            Answer::Status(status) => {
                return Some(Reply::new(status, "text/html", format!("{CANARY} {}", request.text())));
            }
            Answer::Redirect => {
                let mut redirect = Reply::new(302, "text/html", CANARY);
                let elsewhere = format!("https://evil.example.com/{CANARY}");
                redirect.headers.push(("location".to_owned(), elsewhere));
                return Some(redirect);
            }
            Answer::Text(text) => return Some(Reply::new(200, "application/json", text)),
            Answer::Huge => {
                let token = json!({ "SigninToken": "x".repeat(1 << 20) });
                return Some(Reply::new(200, "application/json", token.to_string()));
            }
            Answer::After(duration) => std::thread::sleep(duration),
            Answer::Token => {}
        }
        let mut sessions = self.sessions.lock().unwrap();
        // As AWS's have them; and what has to be escaped in an address.
        let token = format!("{CANARY}-{}-_+/=&", sessions.len());
        sessions.insert(token.clone(), session);
        Some(Reply::new(200, "application/json", json!({ "SigninToken": token }).to_string()))
    }

    /// The session that a right request asks a token for.
    fn asked(&self, request: &Request) -> Result<Map<String, Value>, &'static str> {
        if request.header("content-type") != Some("application/x-www-form-urlencoded") {
            return Err("no form");
        }
        let fields: Vec<(String, String)> = form_urlencoded::parse(&request.body).into_owned().collect();
        // No SessionDuration: with credentials of chained roles AWS refuses it.
        let [(action, get), (name, session)] = &fields[..] else { return Err("not these two fields") };
        if (action.as_str(), get.as_str(), name.as_str()) != ("Action", "getSigninToken", "Session") {
            return Err("not these two fields");
        }
        let session: Map<String, Value> = serde_json::from_str(session).map_err(|_| "no JSON")?;
        let names: Vec<&str> = session.keys().map(String::as_str).collect();
        let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        if names != ["sessionId", "sessionKey", "sessionToken"] || !session.values().all(is_text) {
            return Err("not the three parts of credentials");
        }
        let is_known = self.sts.as_ref().is_none_or(|sts| {
            sts.sts_calls()
                .iter()
                .any(|call| call["result"] == "OK" && call["access_key_id"] == session["sessionId"])
        });
        if is_known { Ok(session) } else { Err("no credentials of AWS's") }
    }

    /// What a browser asks: each token signs in once.
    fn login(&self, query: &str) -> Reply {
        let fields: BTreeMap<String, String> =
            form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let names: Vec<&str> = fields.keys().map(String::as_str).collect();
        if names != ["Action", "Destination", "Issuer", "SigninToken"] || fields["Action"] != "login" {
            return bad("not these four fields");
        }
        if self.sessions.lock().unwrap().remove(&fields["SigninToken"]).is_none() {
            return bad("no such token");
        }
        let mut signed_in = Reply::new(302, "text/html", "");
        signed_in.headers.push(("location".to_owned(), fields["Destination"].clone()));
        signed_in
    }
}

fn bad(why: &str) -> Reply {
    Reply::new(400, "text/html", why)
}
