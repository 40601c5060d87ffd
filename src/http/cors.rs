//! CORS, for exactly the configured origins, on what pages call (Fetch
//! standard, section 3.2).

use super::headers;
use super::settings::SettingsError;
use http::{HeaderMap, HeaderValue, Method, header};
use http::{HeaderName, request::Parts};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Headers that a page's request may carry.
const REQUEST_HEADERS: [HeaderName; 8] = [
    header::AUTHORIZATION,
    HeaderName::from_static("vestibule-verifier"),
    HeaderName::from_static("vestibule-reason"),
    HeaderName::from_static("vestibule-shell"),
    HeaderName::from_static("cognito_id"),
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-amz-content-sha256"),
];

/// The layer for routes that pages of other origins call. It wraps everything that
/// can refuse, so pages can read refusals too, and answers preflights itself: a
/// preflight refused as `busy` would hide that code from the page.
pub(super) fn layer<'o>(origins: impl Iterator<Item = &'o String>) -> Result<CorsLayer, SettingsError> {
    let origins = values(origins)?;
    let allowed = move |origin: &HeaderValue, request: &Parts| {
        // No page may read the answer to an identity provider's form.
        request.method != Method::POST && origins.contains(origin)
    };
    Ok(base()
        .allow_origin(AllowOrigin::predicate(allowed))
        .allow_methods([Method::GET])
        .allow_headers(REQUEST_HEADERS))
}

/// The same for the choice, which pages also post to: those alone at which people choose.
pub(super) fn choice_layer<'o>(
    origins: impl Iterator<Item = &'o String>,
) -> Result<CorsLayer, SettingsError> {
    Ok(base()
        .allow_origin(AllowOrigin::list(values(origins)?))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(REQUEST_HEADERS.into_iter().chain([header::CONTENT_TYPE]).collect::<Vec<_>>()))
}

/// The same for the permit to begin a sealed login: for its answer alone, and not for that of the
/// navigation on the same path.
pub(super) fn permit_layer<'o>(
    origins: impl Iterator<Item = &'o String>,
) -> Result<CorsLayer, SettingsError> {
    let origins = values(origins)?;
    let allowed = move |origin: &HeaderValue, request: &Parts| {
        request.method != Method::GET && origins.contains(origin)
    };
    Ok(base().allow_origin(AllowOrigin::predicate(allowed)).allow_methods([Method::POST]))
}

fn base() -> CorsLayer {
    CorsLayer::new().expose_headers([headers::REQUEST_ID]).max_age(Duration::from_secs(600))
}

fn values<'o>(origins: impl Iterator<Item = &'o String>) -> Result<Vec<HeaderValue>, SettingsError> {
    let parse = |origin: &String| {
        HeaderValue::from_str(origin)
            .map_err(|_| SettingsError { name: "allowed_origins", value: origin.clone() })
    };
    origins.map(parse).collect()
}

/// Removes the methods and headers that the layer also names to origins that are
/// not allowed.
pub(super) fn hide_from_strangers(headers: &mut HeaderMap) {
    if !headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        for name in [
            header::ACCESS_CONTROL_ALLOW_METHODS,
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            header::ACCESS_CONTROL_MAX_AGE,
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
        ] {
            headers.remove(name);
        }
    }
}
