//! `GET /users`, the ping: whether the delivered credentials sign requests.

use super::admission::Class;
use super::app::App;
use super::context::Context;
use super::error::{Error, PingError};
use super::sigv4;
use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, header};
use serde_json::json;
use std::sync::Arc;

/// The ARN of a caller whose signature a gateway has checked; an extension of
/// each request that has one. Only what the gateway says beside the request may
/// put it there, never anything in the request.
#[derive(Debug, Clone)]
pub struct GatewayCaller(pub String);

/// The part of a User-Agent that is sent back.
const MAX_AGENT_CHARS: usize = 256;

pub(super) async fn ping(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
    request: Request,
) -> Result<Response, Error> {
    let _slot = app.admission.slot(Class::Other, &context)?;
    let (head, body) = request.into_parts();
    if app.behind_gateway {
        let caller = head.extensions.get::<GatewayCaller>().ok_or(Error::Ping(PingError::NotSigned))?;
        return Ok(success(&head.headers, &caller.0));
    }
    if !body.is_end_stream() {
        // The signature is verified for an empty body only.
        return Err(Error::Ping(PingError::Invalid));
    }
    let now = app.broker.ports().clock.now();
    let signed = sigv4::SignedRequest::read(&head, &app.settings.region, now).map_err(Error::Ping)?;
    let callers = app.callers.as_ref().ok_or(Error::NotFound)?;
    let caller = callers
        .caller(signed.access_key_id(), signed.session_token(), now)
        .await
        .ok_or(Error::Ping(PingError::Invalid))?;
    signed.verify(&caller.secret_access_key).map_err(Error::Ping)?;
    if !caller.ping_allowed {
        return Err(Error::Ping(PingError::NotAllowed));
    }
    Ok(success(&head.headers, &caller.assumed_role_arn))
}

fn success(headers: &HeaderMap, arn: &str) -> Response {
    Json(json!({ "status": "Success", "agent": agent(headers), "arn": arn })).into_response()
}

fn agent(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    agent.unwrap_or_default().chars().filter(|c| !c.is_control()).take(MAX_AGENT_CHARS).collect()
}
