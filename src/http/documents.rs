//! Documents that are the same for everybody: `/config.json` and our metadata.

use super::{App, Settings};
use crate::broker::{self, Binding};
use crate::config::JwtIn;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use std::sync::Arc;

/// What a page must know to begin a login. Nothing in it is a secret.
pub(super) fn config_json(settings: &Settings, broker: &broker::Settings, ping: bool) -> String {
    let providers = settings.sign_on.iter().map(|idp| {
        let starts_here = broker.providers.by_name(&idp.name).is_some_and(|p| p.takes_requests());
        json!({
            "name": idp.name,
            "idp_initiated": idp.sign_on_url.is_some(),
            "sp_initiated": starts_here,
            "sign_on_url": idp.sign_on_url,
            "relying_party_id": idp.relying_party_id,
        })
    });
    json!({
        "version": settings.version,
        "public_url": settings.public_url,
        "acs_url": format!("{}/saml", settings.public_url),
        "region": settings.region,
        "binding": match broker.binding {
            Binding::Challenge => "challenge",
            Binding::Plain => "plain",
        },
        "jwt_in": match settings.jwt_in {
            JwtIn::Fragment => "fragment",
            JwtIn::Query => "query",
        },
        "ping": ping,
        "contact": settings.contact,
        "identity_providers": providers.collect::<Vec<Value>>(),
    })
    .to_string()
}

/// `GET /config.json`
pub(super) async fn config(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], app.config_json.clone())
}

/// `GET /saml/metadata`
pub(super) async fn metadata(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/samlmetadata+xml")], app.settings.service_provider_metadata.clone())
}
