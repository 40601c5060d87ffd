//! Stands between the service and an emulator, counts what passes, and does what
//! networks and overloaded services do: delays, throttles, loses requests, loses
//! answers to what was done.

use super::process::free_port;
use super::wire::{Reply, Request, WireServer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

/// What happens to a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is forwarded after this time.
    Delay(Duration),
    /// The connection ends; the service behind never hears of it.
    Drop,
    /// It is forwarded and done; the connection ends without the answer.
    LoseAnswer,
    /// This is the answer; the service behind never hears of it.
    Answer(Reply),
}

impl Fault {
    /// An error as DynamoDB, KMS and SSM write it.
    pub fn json(status: u16, code: &str, message: &str) -> Self {
        Self::json_with(status, json!({ "__type": code, "message": message }))
    }

    /// An error with more than a message, such as `CancellationReasons`.
    pub fn json_with(status: u16, body: Value) -> Self {
        Self::Answer(Reply::new(status, "application/x-amz-json-1.0", body.to_string()))
    }

    /// An error as STS writes it.
    pub fn xml(status: u16, code: &str, message: &str) -> Self {
        let whose = if status < 500 { "Sender" } else { "Receiver" };
        let body = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>{whose}</Type>\
             <Code>{code}</Code><Message>{message}</Message></Error><AuthnRequestId>fault</AuthnRequestId></ErrorResponse>"
        );
        Self::Answer(Reply::new(status, "text/xml", body))
    }

    /// DynamoDB has no capacity left for this.
    pub fn throttled() -> Self {
        let message = "The level of configured provisioned throughput for the table was exceeded.";
        Self::json(400, "ProvisionedThroughputExceededException", message)
    }

    /// A transaction that met another one.
    pub fn transaction_conflict() -> Self {
        Self::json_with(
            400,
            json!({
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]",
                "CancellationReasons": [{ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" }],
            }),
        )
    }
}

/// Which requests a fault strikes.
#[derive(Clone, Debug)]
pub struct Rule {
    operation: String,
    containing: String,
    skip: usize,
    times: usize,
    fault: Fault,
}

impl Rule {
    /// Strikes every request for this operation (`DeleteItem`, `AssumeRoleWithSAML`); empty means any.
    pub fn on(operation: &str, fault: Fault) -> Self {
        Self { operation: operation.to_owned(), containing: String::new(), skip: 0, times: usize::MAX, fault }
    }

    /// Only requests whose body has this text (a table's name, say).
    pub fn containing(self, text: &str) -> Self {
        Self { containing: text.to_owned(), ..self }
    }

    /// Lets the first ones pass.
    pub fn skip(self, skip: usize) -> Self {
        Self { skip, ..self }
    }

    /// Only so many of them.
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    fn strikes(&mut self, seen: &Seen) -> bool {
        let named = self.operation.is_empty() || self.operation == seen.operation;
        if !named || !seen.body.contains(&self.containing) || self.times == 0 {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.times -= 1;
        true
    }
}

/// A request that came by.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `DeleteItem`, `AssumeRoleWithSAML`; method and path where nothing else names it.
    pub operation: String,
    /// As text.
    pub body: String,
    /// Whether a fault struck it.
    pub struck: bool,
}

/// The proxy; dropping it closes its port.
pub struct FaultProxy {
    /// What the service is told is the emulator's address.
    pub url: String,
    port: u16,
    inner: Arc<Inner>,
    server: Option<WireServer>,
}

struct Inner {
    upstream: String,
    agent: ureq::Agent,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
}

impl FaultProxy {
    /// Forwards everything to `upstream` (`http://127.0.0.1:…`) until told otherwise.
    pub fn start(upstream: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            // A connection that the emulator closes while it is idle would be a fault nobody asked for.
            .max_idle_connections(0)
            .build();
        let inner = Inner {
            upstream: upstream.to_owned(),
            agent: config.into(),
            rules: Mutex::default(),
            seen: Mutex::default(),
        };
        let port = free_port();
        let mut proxy =
            Self { url: format!("http://127.0.0.1:{port}"), port, inner: Arc::new(inner), server: None };
        proxy.revive();
        proxy
    }

    /// Adds a rule; the first that strikes decides.
    pub fn add(&self, rule: Rule) {
        self.inner.rules.lock().unwrap().push(rule);
    }

    /// Drops all rules and forgets what came by.
    pub fn reset(&self) {
        self.inner.rules.lock().unwrap().clear();
        self.inner.seen.lock().unwrap().clear();
    }

    /// From now on nobody listens, and open connections end.
    pub fn die(&mut self) {
        self.server = None;
    }

    /// Listens (again), on the same port.
    pub fn revive(&mut self) {
        let inner = Arc::clone(&self.inner);
        self.server.get_or_insert_with(|| WireServer::start(self.port, move |request| inner.pass(&request)));
    }

    /// Everything that came by, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().unwrap().clone()
    }

    /// How often each operation was asked for, struck or not.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for seen in self.inner.seen.lock().unwrap().iter() {
            *counts.entry(seen.operation.clone()).or_default() += 1;
        }
        counts
    }
}

impl Inner {
    fn pass(&self, request: &Request) -> Option<Reply> {
        let mut seen = Seen { operation: operation(request), body: request.text(), struck: false };
        let fault = {
            let mut rules = self.rules.lock().unwrap();
            rules.iter_mut().find_map(|rule| rule.strikes(&seen).then(|| rule.fault.clone()))
        };
        seen.struck = fault.is_some();
        self.seen.lock().unwrap().push(seen);
        match fault {
            None => self.forward(request),
            Some(Fault::Delay(time)) => {
                sleep(time);
                self.forward(request)
            }
            Some(Fault::Drop) => None,
            Some(Fault::LoseAnswer) => {
                self.forward(request);
                None
            }
            Some(Fault::Answer(reply)) => Some(reply),
        }
    }

    fn forward(&self, request: &Request) -> Option<Reply> {
        let url = format!("{}{}", self.upstream, request.target);
        let mut forwarded = http::Request::builder().method(request.method.as_str()).uri(url);
        for (name, value) in request.headers.iter().filter(|(name, _)| !about_the_connection(name)) {
            forwarded = forwarded.header(name, value);
        }
        let mut answer = self.agent.run(forwarded.body(request.body.as_slice()).unwrap()).ok()?;
        let headers = answer.headers().iter().filter(|(name, _)| !about_the_connection(name.as_str()));
        Some(Reply {
            status: answer.status().as_u16(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            body: answer.body_mut().read_to_vec().ok()?,
        })
    }
}

/// `Host` is not: signatures cover it.
fn about_the_connection(header: &str) -> bool {
    ["connection", "keep-alive", "transfer-encoding", "content-length", "expect"]
        .iter()
        .any(|each| header.eq_ignore_ascii_case(each))
}

fn operation(request: &Request) -> String {
    if let Some(target) = request.header("x-amz-target") {
        return target.rsplit('.').next().unwrap().to_owned();
    }
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let action = |form: &[u8]| {
        let mut fields = form_urlencoded::parse(form);
        fields.find(|(name, _)| name == "Action").map(|(_, value)| value.into_owned())
    };
    let named = action(&request.body).or_else(|| action(query.as_bytes()));
    named.unwrap_or_else(|| format!("{} {path}", request.method))
}
