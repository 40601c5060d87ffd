//! Health, readiness and metrics, for the operator, on a separate listener.

use super::app::App;
use super::figures::{self, Figures};
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus_client::encoding::prometheus_text;
use std::sync::Arc;
use std::time::Duration;

/// How long `/metrics` waits for the store.
const READY_PATIENCE: Duration = Duration::from_secs(5);

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
    // Asked within a scrape's usual patience of ten seconds.
    let ready = tokio::time::timeout(READY_PATIENCE, app.broker.ports().audit.ready()).await;
    let (now, limit) = (app.broker.ports().clock.now(), app.settings.max_concurrent_requests);
    let mut figures = Figures::default();
    figures::ready(&mut figures, matches!(ready, Ok(Ok(()))));
    figures::slots(&mut figures, limit, limit.saturating_sub(app.slots.available_permits()));
    figures::log(&mut figures, (app.log_lines_lost)());
    figures::keys(&mut figures, app.broker.ports().keys.created(), now);
    figures::providers(&mut figures, &app.broker.provider_health(), now);
    figures::process(&mut figures);
    let mut text = String::new();
    app.metrics.expose(&mut text);
    figures.expose(&mut text);
    ([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text)
}
