//! `/openapi.json`: this surface, described. The document is kept by hand beside
//! this file; `tests/openapi.rs` holds it against the router, and on AWS what is
//! deployed is made from it (`deploy/sam/package`).

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /openapi.json`
pub(super) async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}
