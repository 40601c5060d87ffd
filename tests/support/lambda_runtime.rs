//! What AWS Lambda is to a function: an environment, and the Runtime API.

#![allow(clippy::disallowed_methods, reason = "a function under test goes by the real clock")]

use super::process::{Process, free_port};
use super::wire::{Reply, Request, WireServer};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// How long a function may take to start, and to answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The only version that the Runtime API has.
const API: &str = "/2018-06-01/runtime/";

/// A function's process, warm until dropped.
pub struct LambdaHost {
    // First, so that it has ended when the API's port closes.
    process: Process,
    _api: WireServer,
    _dir: TempDir,
    inner: Arc<Inner>,
    /// From the start of the process until it asked for its first event: the
    /// part of a cold start that is ours.
    pub init: Duration,
}

struct Inner {
    invocations: Mutex<Receiver<(String, Value)>>,
    invoke: Sender<(String, Value)>,
    waiting: Mutex<HashMap<String, Sender<Result<Value, Value>>>>,
    first_poll: Mutex<Option<Sender<Result<Instant, Value>>>>,
}

impl LambdaHost {
    /// Starts `binary` with nothing but what Lambda and `env` give it.
    ///
    /// # Panics
    /// With the function's own words when it reports that it cannot start.
    pub fn start(binary: &Path, arguments: &[&str], env: &[(String, String)]) -> Self {
        let (invoke, invocations) = channel();
        let (polled, first_poll) = channel();
        let inner = Arc::new(Inner {
            invocations: Mutex::new(invocations),
            invoke,
            waiting: Mutex::default(),
            first_poll: Mutex::new(Some(polled)),
        });
        let port = free_port();
        let ours = Arc::clone(&inner);
        let api = WireServer::start(port, move |request| ours.answer(&request));

        let dir = TempDir::with_prefix("vestibule-lambda-").unwrap();
        let log = dir.path().join("lambda.log");
        // It ends with this thread, even when that is killed and can drop nothing.
        let mut function = Command::new("setpriv");
        function.args(["--pdeathsig", "KILL"]).arg(binary).args(arguments).env_clear();
        // `setpriv` itself has to be found.
        function.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        function.env("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{port}"));
        for (name, value) in [
            ("AWS_LAMBDA_FUNCTION_NAME", "vestibule"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/vestibule"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/23/[$LATEST]0"),
            ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
            ("LAMBDA_TASK_ROOT", "/var/task"),
            ("_HANDLER", "bootstrap"),
            ("TZ", ":UTC"),
        ] {
            function.env(name, value);
        }
        function.envs(env.iter().map(|(name, value)| (name, value)));

        let started = Instant::now();
        let process = Process::spawn(function, &log);
        let init = match first_poll.recv_timeout(TIMEOUT) {
            Ok(Ok(at)) => at.duration_since(started),
            Ok(Err(error)) => panic!("the function cannot start: {error}\n{}", process.log_text()),
            Err(_) => panic!("the function asked for no event:\n{}", process.log_text()),
        };
        Self { process, _api: api, _dir: dir, inner, init }
    }

    /// Lambda's answer to one event: what the function returned, or the error it reported.
    ///
    /// # Errors
    /// `errorType` and `errorMessage` as the function reported them; `Task timed out` as Lambda does.
    pub fn invoke(&self, event: &Value) -> Result<Value, Value> {
        let (answer, answered) = channel();
        let id = {
            let mut waiting = self.inner.waiting.lock().unwrap();
            let id = format!("00000000-0000-4000-8000-{:012}", waiting.len() + 1);
            waiting.insert(id.clone(), answer);
            id
        };
        self.inner.invoke.send((id, event.clone())).unwrap();
        answered.recv_timeout(TIMEOUT).unwrap_or_else(|_| {
            let message = format!("Task timed out after {} seconds", TIMEOUT.as_secs());
            Err(json!({ "errorType": "Sandbox.Timedout", "errorMessage": message }))
        })
    }

    /// What the function logged.
    pub fn log_text(&self) -> String {
        self.process.log_text()
    }
}

impl Inner {
    fn answer(&self, request: &Request) -> Option<Reply> {
        let path = request.target.strip_prefix(API).unwrap_or_default();
        let body = serde_json::from_slice(&request.body).unwrap_or_else(|_| json!(request.text()));
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["invocation", "next"] => return self.next(),
            ["invocation", id, "response"] => self.finish(id, Ok(body)),
            ["invocation", id, "error"] => self.finish(id, Err(body)),
            ["init", "error"] => {
                if let Some(starting) = self.first_poll.lock().unwrap().take() {
                    let _ = starting.send(Err(body));
                }
            }
            _ => return Some(Reply::new(404, "application/json", "{}")),
        }
        Some(Reply::new(202, "application/json", r#"{"status":"OK"}"#))
    }

    /// One event at a time, as Lambda gives them to one environment.
    fn next(&self) -> Option<Reply> {
        if let Some(starting) = self.first_poll.lock().unwrap().take() {
            let _ = starting.send(Ok(Instant::now()));
        }
        let (id, event) = self.invocations.lock().unwrap().recv().ok()?;
        let deadline = (SystemTime::now() + TIMEOUT).duration_since(UNIX_EPOCH).unwrap().as_millis();
        let mut reply = Reply::new(200, "application/json", event.to_string());
        for (name, value) in [
            ("lambda-runtime-aws-request-id", id),
            ("lambda-runtime-deadline-ms", deadline.to_string()),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:eu-central-1:123456789012:function:vestibule".into(),
            ),
            (
                "lambda-runtime-trace-id",
                "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0".into(),
            ),
        ] {
            reply.headers.push((name.to_owned(), value));
        }
        Some(reply)
    }

    fn finish(&self, id: &str, result: Result<Value, Value>) {
        if let Some(waiting) = self.waiting.lock().unwrap().get(id) {
            let _ = waiting.send(result);
        }
    }
}
