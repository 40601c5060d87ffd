//! Health, readiness and metrics, for the operator, on a separate listener.

use super::app::App;
use super::figures::{self, Figures};
use crate::broker::ports::NotReady;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus_client::encoding::prometheus_text;
use std::sync::Arc;
use std::time::Duration;

/// How long `/readyz` and `/metrics` wait for the store: scrapes have ten seconds.
const READY_PATIENCE: Duration = Duration::from_secs(5);

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
    match readiness(&app).await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(NotReady(why)) => {
            tracing::warn!(code = why, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"))
        }
    }
}

/// Whether a login could be recorded and sealed now.
async fn readiness(app: &App) -> Result<(), NotReady> {
    let ports = app.broker.ports();
    // A probe is not held up by a disk that does not answer.
    let recorded = tokio::time::timeout(READY_PATIENCE, ports.audit.ready()).await;
    recorded.unwrap_or(Err(NotReady("store_unavailable")))?;
    ports.keys.ready().await.map_err(|_| NotReady("keys_unavailable"))
}

async fn exposition(State(app): State<Arc<App>>) -> impl IntoResponse {
    let ports = app.broker.ports();
    let now = ports.clock.now();
    let mut figures = Figures::default();
    figures::ready(&mut figures, readiness(&app).await.is_ok());
    figures::slots(&mut figures, &app.slots(), &app.refused());
    if let Some(connections) = &app.connections {
        figures::connections(&mut figures, connections.figures());
    }
    figures::store(&mut figures, ports.audit.figures());
    figures::log(&mut figures, (app.log_lines_lost)());
    figures::keys(&mut figures, ports.keys.created(), now);
    figures::providers(&mut figures, &app.broker.provider_health(), now);
    figures::process(&mut figures);
    let mut text = String::new();
    app.metrics.expose(&mut text);
    figures.expose(&mut text);
    ([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text)
}
