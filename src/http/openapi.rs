//! `/openapi.json`: the description of these routes. The document is written by hand
//! beside this file; `tests/openapi.rs` compares it with the router, and
//! `deploy/sam/package` makes the API on AWS from it.

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /openapi.json`
pub(super) async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}
