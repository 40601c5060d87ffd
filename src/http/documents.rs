//! Documents that are the same for every client: `/config.json`, SP metadata, public keys.

use super::admission::Class;
use super::app::App;
use super::context::Context;
use super::error::Error;
use crate::broker::ports::PUBLIC_KEYS_KEPT;
use crate::broker::{RedeemError, TicketError};
use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;
use std::sync::Arc;

/// `GET /config.json`
pub(super) async fn config(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], app.config_json.clone())
}

/// `GET /saml/metadata`
pub(super) async fn metadata(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/samlmetadata+xml")], app.settings.service_provider_metadata.clone())
}

/// `GET /.well-known/jwks.json`, for every service and page that verifies tickets.
/// If tickets are signed with a secret, the set is empty, not absent: verifiers
/// understand that, and the set fills when `keys.signing` changes.
pub(super) async fn jwks(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
) -> Result<impl IntoResponse, Error> {
    let _slot = app.admission.slot(Class::Other, &context)?;
    let keys = app.broker.ports().keys.public_keys().await;
    let keys = keys.map_err(|_| Error::Redeem(RedeemError::Ticket(TicketError::KeysUnavailable)))?;
    let kept = format!("public, max-age={}", PUBLIC_KEYS_KEPT.whole_seconds());
    let headers = [
        (CONTENT_TYPE, "application/jwk-set+json".to_owned()),
        (CACHE_CONTROL, kept),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*".to_owned()),
    ];
    Ok((headers, json!(keys).to_string()))
}
