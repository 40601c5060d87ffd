//! `POST /saml/shell`: a program at a shell says where it waits, and gets what it takes to the
//! browser.

use super::admission::Class;
use super::app::App;
use super::body;
use super::context::{Context, OutcomeCode};
use super::error::Error;
use crate::broker::{ShellAsks, ShellError, ShellRequest};
use crate::delivery::rfc3339;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;
use std::sync::Arc;

/// A key, a state and an address on this computer.
const MAX_BYTES: usize = 4 * 1024;

pub(super) async fn ask(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
    request: Request,
) -> Result<Response, Error> {
    let (_, bytes) = body::of_type(request, body::JSON, MAX_BYTES, app.settings.request_timeout).await?;
    let asks: ShellAsks = serde_json::from_slice(&bytes).map_err(|_| Error::Shell(ShellError::Malformed))?;
    let _slot = app.admission.slot(Class::Other, &context)?;
    let asked = app.broker.ask_for_shell(&asks, context.source_ip).await.map_err(Error::Shell)?;
    let ShellRequest { request, expires_at } = asked;
    let answer = json!({
        "request": request,
        "page": app.page(&context.began_at).url(),
        "expires": rfc3339(expires_at),
        "now": rfc3339(app.broker.ports().clock.now()),
        "region": app.settings.region,
    });
    let mut response = Json(answer).into_response();
    response.extensions_mut().insert(OutcomeCode("asked"));
    Ok(response)
}
