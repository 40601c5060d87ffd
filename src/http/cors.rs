//! CORS, for exactly the configured origins, on what pages call (Fetch
//! standard, section 3.2). Errors carry it too: the envelope applies it last.

use super::{App, SettingsError, headers};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use std::sync::Arc;

/// The configured origins.
pub(super) struct Origins(Vec<HeaderValue>);

impl Origins {
    pub(super) fn new(origins: &[String]) -> Result<Self, SettingsError> {
        let parse = |origin: &String| {
            HeaderValue::from_str(origin)
                .map_err(|_| SettingsError { name: "allowed_origins", value: origin.clone() })
        };
        origins.iter().map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// The request's origin, if it is one of them.
    fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        self.0.contains(origin).then(|| origin.clone())
    }
}

/// Whether, and with whom, an answer is shared.
pub(super) enum Sharing {
    /// The route is not for other origins' scripts.
    Never,
    /// With this origin, or with none.
    With(Option<HeaderValue>),
}

impl Sharing {
    pub(super) fn of(request: &Request, origins: &Origins) -> Self {
        match request.uri().path() {
            // What an identity provider's form posts is nobody's to read.
            "/saml" if request.method() == Method::POST => Self::Never,
            "/saml" | "/users" | "/config.json" => Self::With(origins.allowed(request.headers())),
            _ => Self::Never,
        }
    }

    pub(super) fn apply(self, headers: &mut HeaderMap) {
        let Self::With(origin) = self else { return };
        // Also without an origin: a cache must not give this answer to one.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from(headers::REQUEST_ID));
        }
    }
}

/// What a page's request may look like.
const PREFLIGHT: [(HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, vestibule-verifier, cognito_id, x-amz-date, x-amz-security-token, x-amz-content-sha256",
    ),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
];

/// `OPTIONS` on a shared route.
pub(super) async fn preflight(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if app.origins.allowed(&headers).is_some() {
        for (name, value) in PREFLIGHT {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
