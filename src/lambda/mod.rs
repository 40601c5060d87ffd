//! The same router and authorizer as AWS Lambda functions, from the same binary.
//!
//! Lambda starts the binary without arguments and names the function in `_HANDLER`
//! (its `Handler`). An unknown name is an error: a function meant as the authorizer
//! must not answer logins because of a typing error.
//!
//! | handler | event | answer |
//! |---|---|---|
//! | `http` | REST proxy event, HTTP API 2.0, function URL, Application Load Balancer | the route's |
//! | `authorizer` | `TOKEN` or `REQUEST` of a REST API, HTTP API 2.0 | a policy, or a simple response |
//! | `sweeper` | any, from a schedule | `{"swept":true}` |
//!
//! ```text
//! event.rs    an event to a request
//! target.rs   its path, below stage and base path, and its query
//! answer.rs   the answer, in the event's payload format
//! ```
//!
//! The configuration is packaged beside the binary (`config/vestibule.toml`;
//! `VESTIBULE_CONFIG` names another file), as are the files that it names; the
//! environment overrides it, as everywhere. Before the first event, only the Parameter
//! Store and, by `http`, URLs of metadata are contacted, if the configuration refers
//! to them.

mod answer;
mod event;
mod target;

use crate::broker::{Broker, TicketError};
use crate::http;
use crate::http::authorizer::{Unauthorized, authorize};
use crate::service::load::{load, load_without_metadata};
use crate::service::log::{self, Output};
use crate::service::{Front, Service};
use crate::system::{SystemClock, SystemRandom, print_message};
use answer::Answer;
use axum::Router;
use axum::http::Method;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

/// Set in every Lambda function: where its runtime asks for events.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";
/// The function's `Handler`.
const HANDLER: &str = "_HANDLER";
/// The configuration file; no option of the configuration itself.
const CONFIG: &str = "VESTIBULE_CONFIG";
const DEFAULT_CONFIG: &str = "config/vestibule.toml";
/// How long a login waits for metadata that is due.
const REFRESH_PATIENCE: Duration = Duration::from_secs(2);

/// The functions of the deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Http,
    Authorizer,
    Sweeper,
}

impl Function {
    fn named(handler: &str) -> Result<Self, String> {
        match handler {
            "http" => Ok(Self::Http),
            "authorizer" => Ok(Self::Authorizer),
            "sweeper" => Ok(Self::Sweeper),
            _ => Err(format!(
                "the function's Handler is {handler:?}, and must be one of http, authorizer and sweeper"
            )),
        }
    }
}

/// Whether this process is a Lambda function.
pub fn is_lambda() -> bool {
    std::env::var_os(RUNTIME_API).is_some()
}

/// Runs the function until Lambda ends the process.
pub fn run(environment: impl Iterator<Item = (String, String)>) -> ExitCode {
    // One thread: a function handles one event at a time, and starts sooner.
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("the runtime did not start: {e}"))
        .and_then(|runtime| runtime.block_on(serve(environment)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            print_message(&format!("vestibule: {sentence}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve(environment: impl Iterator<Item = (String, String)>) -> Result<(), String> {
    let (mut handler, mut path) = (String::new(), DEFAULT_CONFIG.to_owned());
    let mut options = Vec::new();
    for (name, value) in environment {
        match name.as_str() {
            HANDLER => handler = value,
            CONFIG => path = value,
            _ => options.push((name, value)),
        }
    }
    let function = Function::named(&handler)?;
    let (path, options) = (Path::new(&path), options.into_iter());
    let config = match function {
        Function::Http => load(path, options).await?,
        Function::Authorizer | Function::Sweeper => load_without_metadata(path, options).await?,
    };
    // Lambda stops the process between events, a thread that writes too.
    let log = log::start(config.log, Output::Direct);
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let base_path = target::path_of(&config.server.public_url).to_owned();
    let service =
        Service::open(config, &log, Front::Gateway, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    service.summary.log("started", None);
    let ended = match function {
        Function::Http => {
            let router = http::router(service.app);
            let (base_path, broker) = (&base_path, &service.broker);
            broker.refresh_metadata().await;
            lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
                forward(&router, broker, base_path, event.payload).await
            }))
            .await
        }
        Function::Authorizer => {
            let broker = &service.broker;
            lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
                judge(broker, &event.payload).await
            }))
            .await
        }
        Function::Sweeper => {
            let broker = &service.broker;
            lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| sweep(broker).await)).await
        }
    };
    ended.map_err(|e| format!("the Lambda runtime ended: {e}"))
}

/// The router's answer to the request that the event is about.
async fn forward(
    router: &Router,
    broker: &Broker,
    base_path: &str,
    event: Value,
) -> Result<Answer, Diagnostic> {
    let (payload, request) = event::read(event, base_path).map_err(|refused| {
        tracing::error!("{refused}");
        Diagnostic { error_type: "event_refused".to_owned(), error_message: refused.to_string() }
    })?;
    if request.method() == Method::POST {
        refresh_if_due(broker).await;
    }
    let Ok(response) = router.clone().oneshot(request).await;
    let broken =
        |e: axum::Error| Diagnostic { error_type: "internal".to_owned(), error_message: e.to_string() };
    answer::answer(payload, response).await.map_err(broken)
}

/// Nothing runs between events, so metadata that is due is fetched before a
/// login, which does not wait long for it: the known keys are still valid.
async fn refresh_if_due(broker: &Broker) {
    let now = broker.ports().clock.now();
    if broker.metadata_due().is_some_and(|due| due <= now)
        && tokio::time::timeout(REFRESH_PATIENCE, broker.refresh_metadata()).await.is_err()
    {
        tracing::warn!("metadata took too long; the known keys stay, and it is tried again later");
    }
}

/// The authorizer's answer. A REST API answers 401 for exactly one error
/// message, and 500 for any other; an HTTP API takes `isAuthorized: false`.
async fn judge(broker: &Broker, event: &Value) -> Result<Value, Diagnostic> {
    let refused = match authorize(broker, event, broker.ports().clock.now()).await {
        Ok(policy) => return Ok(policy),
        Err(refused) => refused,
    };
    tracing::info!(reason = refused.reason(), "authorizer refused");
    let error_type = refused.reason().to_owned();
    match refused {
        Unauthorized::Ticket(TicketError::KeysUnavailable) => {
            Err(Diagnostic { error_type, error_message: "Unavailable".to_owned() })
        }
        Unauthorized::Event | Unauthorized::Arn | Unauthorized::Header | Unauthorized::Ticket(_) => {
            if event.get("version").and_then(Value::as_str) == Some("2.0") {
                return Ok(json!({ "isAuthorized": false }));
            }
            Err(Diagnostic { error_type, error_message: refused.to_string() })
        }
    }
}

async fn sweep(broker: &Broker) -> Result<Value, Diagnostic> {
    match broker.sweep().await {
        Ok(_) => Ok(json!({ "swept": true })),
        Err(e) => {
            Err(Diagnostic { error_type: "store_unavailable".to_owned(), error_message: e.to_string() })
        }
    }
}
