//! What every request passes: it gets a reference, a slot and a task of its own,
//! and its answer gets the refusal's page or JSON, security headers and a log line.

use super::app::App;
use super::error::Error;
use super::refusal::{Format, Help, Refused, show};
use super::serve::Peer;
use super::{accept, client_ip, cors, headers};
use crate::broker::{Reference, Stopwatch, SupportId};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use std::net::IpAddr;
use std::sync::Arc;
use tracing::Instrument;
use tracing::field::Empty;

/// What handlers know of a request beside its own parts.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) reference: Reference,
    pub(super) source_ip: Option<IpAddr>,
}

/// The stable code of an answer that is no refusal, for logs and metrics.
#[derive(Clone, Copy)]
pub(super) struct OutcomeCode(pub(super) &'static str);

pub(super) async fn envelope(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let stopwatch = Stopwatch::start();
    let reference = Reference::new(SupportId::random(&*app.broker.ports().random));
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let source_ip = client_ip::client_ip(peer, request.headers(), &app.settings.trusted_proxies);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    let method = known_method(request.method());
    let format = format_for(&request);
    request.extensions_mut().insert(Context { reference: reference.clone(), source_ip });

    // An error's span, so that no level of the log leaves its fields out. The broker
    // records what it learns.
    let span =
        tracing::error_span!("request", reference = reference.as_str(), login = Empty, access_key_id = Empty);
    let mut response = next.run(request).instrument(span.clone()).await;
    // Of the login, if the request was found to continue one.
    let reference = reference.current();

    let mut code = response.extensions().get::<OutcomeCode>().map_or("ok", |outcome| outcome.0);
    if let Some(Refused(error)) = response.extensions_mut().remove() {
        let contact = app.settings.contact.as_deref();
        let help = Help { reference, contact, start_page: &app.settings.redirect_url };
        // Headers of inner layers (CORS) stay.
        let mut page = show(&error, format, &help);
        page.headers_mut().extend(response.headers_mut().drain());
        response = page;
        code = error.code();
    }
    cors::hide_from_strangers(response.headers_mut());
    headers::secure(response.headers_mut(), reference, app.settings.public_url.starts_with("https://"));

    let duration = stopwatch.elapsed();
    app.metrics.count(method, route, code, duration);
    let (status, duration_ms) = (response.status().as_u16(), duration.as_millis() as u64);
    let source_ip = source_ip.map(tracing::field::display);
    let _entered = span.enter();
    tracing::info!(
        reference = reference.as_str(),
        method,
        route,
        status,
        code,
        duration_ms,
        source_ip,
        "request answered"
    );
    response
}

/// Runs the handler in one of the `max_concurrent_requests` slots.
pub(super) async fn slot(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Ok(slot) = app.slots.clone().try_acquire_owned() else {
        return Error::Busy.into_response();
    };
    // A task of its own: a client that goes away cannot stop a login half-way
    // (PROTOCOL.md, rule 5), and a panic ends one request only.
    let work = async move {
        let _slot = slot;
        next.run(request).await
    };
    tokio::spawn(work.in_current_span()).await.unwrap_or_else(|_| {
        tracing::error!("a request panicked");
        Error::Internal.into_response()
    })
}

/// Scripts and command lines call the paths named here, and always get JSON.
fn format_for(request: &Request) -> Format {
    match request.uri().path() {
        "/saml" if request.method() != Method::POST => Format::Json,
        "/users" | "/config.json" | "/authorizer" | "/.well-known/jwks.json" => Format::Json,
        _ => accept::preferred_format(request.headers()),
    }
}

/// Clients can invent methods; the labels of metrics must stay bounded.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}
