//! The same router and authorizer as AWS Lambda functions, from the same binary.
//!
//! Lambda starts the binary without arguments and names the function in `_HANDLER`
//! (its `Handler`). An unknown name is an error: a function meant as the authorizer
//! must not answer logins because of a typing error.
//!
//! | handler | event | answer |
//! |---|---|---|
//! | `http` | REST proxy event, HTTP API 2.0, function URL | the route's |
//! | `authorizer` | `TOKEN` or `REQUEST` of a REST API, HTTP API 2.0 | a policy, or a simple response |
//! | `sweeper` | any, from a schedule | `{"swept":true}` |
//!
//! The configuration is packaged beside the binary (`config/vestibule.toml`;
//! `VESTIBULE_CONFIG` names another file), as are the files that it names; the
//! environment overrides it, as everywhere. Before the first event, only the Parameter
//! Store and, by `http`, URLs of metadata are contacted, if the configuration refers
//! to them.

use crate::adapters::local::{SystemClock, SystemRandom};
use crate::broker::{Broker, TicketError};
use crate::http::authorizer::{Unauthorized, authorize};
use crate::http::{self, GatewayCaller, Peer};
use crate::service::load::{load, load_without_metadata};
use crate::service::log::{self, Output};
use crate::service::{Front, Service, print_message};
use axum::body::Body;
use lambda_http::lambda_runtime::{self, Diagnostic, LambdaEvent};
use lambda_http::request::RequestContext;
use lambda_http::{RequestExt, service_fn};
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
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
    let base_path = path_of(&config.server.public_url).to_owned();
    let service =
        Service::open(config, &log, Front::Gateway, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    service.summary.log("started", None);
    let ended = match function {
        Function::Http => {
            let router = http::router(service.app);
            let (base_path, broker) = (&base_path, &service.broker);
            broker.refresh_metadata().await;
            lambda_http::run(service_fn(move |event: lambda_http::Request| {
                let router = router.clone();
                async move {
                    if event.method() == lambda_http::http::Method::POST {
                        refresh_if_due(broker).await;
                    }
                    router.oneshot(request(event, base_path)).await
                }
            }))
            .await
        }
        Function::Authorizer => {
            let broker = &service.broker;
            lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
                answer(broker, &event.payload).await
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

/// The event's request as the router knows it: its path without the stage, and
/// the caller as the gateway states it.
fn request(event: lambda_http::Request, base_path: &str) -> axum::extract::Request {
    let context = event.request_context_ref();
    // Only payload format 2.0 has the stage in the path.
    let stage = if let Some(RequestContext::ApiGatewayV2(context)) = context {
        context.stage.as_deref()
    } else {
        None
    };
    let path = route_path(event.raw_http_path(), stage, base_path);
    let (peer, caller) = (context.and_then(source_ip), context.and_then(iam_caller));
    let query = event.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let uri = format!("{path}{query}").parse().unwrap_or_default();

    let (mut head, body) = event.into_parts();
    head.uri = uri;
    if let Some(ip) = peer {
        head.extensions.insert(Peer(SocketAddr::new(ip, 0)));
    }
    if let Some(arn) = caller {
        head.extensions.insert(GatewayCaller(arn));
    }
    let body = match body {
        lambda_http::Body::Text(text) => Body::from(text),
        lambda_http::Body::Binary(bytes) => Body::from(bytes),
        lambda_http::Body::Empty | _ => Body::empty(),
    };
    axum::extract::Request::from_parts(head, body)
}

/// `/saml`, from `/prod/saml` at a stage, or from below a mapped base path.
fn route_path<'p>(raw: &'p str, stage: Option<&str>, base_path: &str) -> &'p str {
    let below = |raw: &'p str, prefix: &str| {
        raw.strip_prefix(prefix).filter(|rest| rest.starts_with('/') && !prefix.is_empty())
    };
    let stage = stage.filter(|stage| *stage != "$default").map(|stage| format!("/{stage}"));
    let raw = if raw.starts_with('/') { raw } else { "/" };
    stage.and_then(|stage| below(raw, &stage)).or_else(|| below(raw, base_path)).unwrap_or(raw)
}

/// The path of our public URL: the base path that a gateway maps us to.
fn path_of(public_url: &str) -> &str {
    let after_scheme = public_url.split_once("://").map_or("", |(_, rest)| rest);
    after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or_default()
}

/// The peer of the gateway's connection. Headers count only as far as
/// `server.trusted_proxies` says.
fn source_ip(context: &RequestContext) -> Option<IpAddr> {
    let text = if let RequestContext::ApiGatewayV1(context) = context {
        context.identity.source_ip.as_deref()
    } else if let RequestContext::ApiGatewayV2(context) = context {
        context.http.source_ip.as_deref()
    } else {
        None
    };
    text?.parse().ok()
}

/// The caller whose signature the gateway has verified, if the route wants one (`AWS_IAM`).
fn iam_caller(context: &RequestContext) -> Option<String> {
    if let RequestContext::ApiGatewayV1(context) = context {
        context.identity.user_arn.clone()
    } else if let RequestContext::ApiGatewayV2(context) = context {
        context.authorizer.as_ref()?.iam.as_ref()?.user_arn.clone()
    } else {
        None
    }
}

/// The authorizer's answer. A REST API answers 401 for exactly one error
/// message, and 500 for any other; an HTTP API takes `isAuthorized: false`.
async fn answer(broker: &Broker, event: &Value) -> Result<Value, Diagnostic> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_found_below_stages_and_base_paths() {
        for (raw, stage, base_path, path) in [
            ("/saml", None, "", "/saml"),
            ("/saml", Some("$default"), "", "/saml"),
            ("/prod/saml", Some("prod"), "", "/saml"),
            ("/prod/saml", Some("prod"), "/prod", "/saml"),
            ("/sign-in/saml", None, "/sign-in", "/saml"),
            ("/saml", None, "/sign-in", "/saml"),
            // A stage that is named like a route, and a path that only begins like a stage.
            ("/saml/saml", Some("saml"), "", "/saml"),
            ("/saml", Some("saml"), "", "/saml"),
            ("/production/saml", Some("prod"), "", "/production/saml"),
            ("", None, "", "/"),
        ] {
            assert_eq!(route_path(raw, stage, base_path), path, "{raw} {stage:?} {base_path}");
        }
        assert_eq!(path_of("https://vestibule.example.com"), "");
        assert_eq!(path_of("https://abc.execute-api.eu-central-1.amazonaws.com/prod"), "/prod");
    }
}
