//! Health, readiness and metrics, for the operator, on a separate listener.

use super::app::App;
use super::metrics;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use std::sync::Arc;

/// `/healthz` (the process runs), `/readyz` (the store can record a login),
/// `/metrics`.
pub fn admin_router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(exposition))
        .with_state(app)
}

async fn ready(State(app): State<Arc<App>>) -> impl IntoResponse {
    match app.broker.ports().audit.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable\n")
        }
    }
}

async fn exposition(State(app): State<Arc<App>>) -> impl IntoResponse {
    let in_flight = app.slots().iter().map(|slots| slots.in_use).sum();
    let mut text = app.metrics.expose(in_flight);
    text.push_str(&metrics::providers(&app.broker.provider_health(), app.broker.ports().clock.now()));
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
