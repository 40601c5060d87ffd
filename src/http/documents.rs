//! Documents that are the same for everybody: `/config.json`, our metadata, our public keys.

use super::{App, Error, HttpSettings};
use crate::broker::ports::PUBLIC_KEYS_KEPT;
use crate::broker::{self, Binding, RedeemError, TicketError};
use crate::config::JwtIn;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a page must know to begin a login. Nothing in it is a secret.
pub(super) fn config_json(settings: &HttpSettings, broker: &broker::BrokerSettings, ping: bool) -> String {
    let providers = settings.sign_on.iter().map(|idp| {
        let starts_here = broker.providers.current().by_name(&idp.name).is_some_and(|p| p.takes_requests());
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
        "region": settings.ping_url.as_deref().and_then(gateway_region).unwrap_or(&settings.region),
        "binding": match broker.binding {
            Binding::Challenge => "challenge",
            Binding::Plain => "plain",
        },
        "jwt_in": match settings.jwt_in {
            JwtIn::Fragment => "fragment",
            JwtIn::Query => "query",
        },
        "ping": ping,
        "ping_url": settings.ping_url,
        "contact": settings.contact,
        "identity_providers": providers.collect::<Vec<Value>>(),
    })
    .to_string()
}

/// Of `https://ID.execute-api.REGION.amazonaws.com/STAGE`. A gateway under a name of
/// its own is where everything else is.
fn gateway_region(ping_url: &str) -> Option<&str> {
    let (_, rest) = ping_url.split_once(".execute-api.")?;
    rest.split_once(".amazonaws.com").map(|(region, _)| region)
}

/// `GET /config.json`
pub(super) async fn config(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], app.config_json.clone())
}

/// `GET /saml/metadata`
pub(super) async fn metadata(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/samlmetadata+xml")], app.settings.service_provider_metadata.clone())
}

/// `GET /.well-known/jwks.json`, for whoever verifies tickets: any service, any
/// page. Where tickets are signed with a secret the set is empty, not absent: it
/// is what a verifier understands, and it fills when `keys.signing` changes.
pub(super) async fn jwks(State(app): State<Arc<App>>) -> Result<impl IntoResponse, Error> {
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
