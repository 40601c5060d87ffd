//! Health, readiness and metrics, for the operator, on a separate listener.

use super::app::App;
use super::metrics;
use crate::broker::ports::NotReady;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use std::sync::Arc;

/// `/healthz` (the process runs), `/readyz` (a login could be sealed and recorded),
/// `/metrics`.
pub fn admin_router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(exposition))
        .with_state(app)
}

async fn ready(State(app): State<Arc<App>>) -> impl IntoResponse {
    let ports = app.broker.ports();
    let keys = ports.keys.ready().await.map_err(|_| "keys_unavailable");
    let why = match ports.audit.ready().await {
        Err(NotReady(why)) => Err(why),
        Ok(()) => keys,
    };
    match why {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(why) => {
            tracing::warn!(code = why, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"))
        }
    }
}

async fn exposition(State(app): State<Arc<App>>) -> impl IntoResponse {
    let in_flight = app.slots().iter().map(|slots| slots.in_use).sum();
    let mut text = app.metrics.expose(in_flight);
    text.push_str(&metrics::providers(&app.broker.provider_health(), app.broker.ports().clock.now()));
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
