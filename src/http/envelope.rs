//! What every request passes: it gets a reference and a task of its own, and its
//! answer gets the refusal's page or JSON, security headers and a log line.

use super::app::App;
use super::client::Client;
use super::connections::Connection;
use super::context::{Context, OutcomeCode};
use super::error::Error;
use super::refusal::{Format, Help, Refused, show};
use super::serve::Peer;
use super::{accept, client_ip, cors, headers};
use crate::broker::{BeganAt, Reference, Stopwatch, SupportId};
use axum::Extension;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::uri::Authority;
use http::{Method, Version, header};
use std::sync::Arc;
use tracing::Instrument;
use tracing::field::Empty;

/// Set on a request that a gateway has forwarded although parts of it cannot be parts of
/// one: it holds those that can. Our own listener never makes a request of such input.
#[derive(Debug, Clone, Copy)]
pub struct Unreadable;

pub(super) async fn envelope(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let stopwatch = Stopwatch::start();
    let reference = Reference::new(SupportId::random(&*app.broker.ports().random));
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let source_ip = client_ip::client_ip(peer, request.headers(), &app.settings.trusted_proxies);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    let method = known_method(request.method());
    let format = format_for(&request);
    let language = accept::preferred_language(request.headers());
    let connection = request.extensions().get::<Arc<Connection>>().cloned();
    if let (Some(_), Some(peer)) = (&connection, peer) {
        app.warn_of_a_proxy_that_is_not_trusted(peer, request.headers());
    }
    let came_from_outside = connection.is_some() || app.behind_gateway;
    let refused = if request.extensions().get::<Unreadable>().is_some() {
        Some(Error::RequestMalformed)
    } else if came_from_outside && !has_one_host(&request) {
        Some(Error::HostMalformed)
    } else {
        None
    };
    let began_at = BeganAt::default();
    let context =
        Context { reference: reference.clone(), source_ip, began_at: began_at.clone(), language, connection };
    request.extensions_mut().insert(context);

    // An error's span, so that no level of the log leaves its fields out. The broker
    // records what it learns.
    let span =
        tracing::error_span!("request", reference = reference.as_str(), login = Empty, access_key_id = Empty);
    let mut response = match refused {
        Some(error) => error.into_response(),
        None => next.run(request).instrument(span.clone()).await,
    };
    // Of the login, if the request was found to continue one.
    let reference = reference.current();

    let mut code = response.extensions().get::<OutcomeCode>().map_or("ok", |outcome| outcome.0);
    if let Some(Refused(error)) = response.extensions_mut().remove() {
        let contact = app.settings.contact.as_deref();
        let page = app.page(&began_at);
        let start_page = page.url();
        let sign_in_again = error.step_up().and_then(|step_up| app.sign_in_again(&began_at, step_up));
        let sign_in_again = sign_in_again.as_deref();
        let help = Help { reference, contact, start_page, sign_in_again, language };
        // Headers of inner layers (CORS) stay.
        let mut page = show(&error, format, &help);
        page.headers_mut().extend(response.headers_mut().drain());
        if error != Error::Unauthorized {
            headers::in_language(page.headers_mut(), language);
        }
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

/// The limits per client.
pub(super) async fn per_client(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
    request: Request,
    next: Next,
) -> Response {
    // A trusted proxy that forwards for nobody asks for many: a gateway's authorizer, say.
    let trusted = &app.settings.trusted_proxies;
    let address = context.connection.as_ref().and(context.source_ip);
    let client = address.filter(|ip| !client_ip::is_trusted(*ip, trusted)).map(Client::of);
    let Some(client) = client else { return next.run(request).await };
    match app.admission.admit(client, request.method()) {
        Ok(_in_progress) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

/// Runs the handler in a task of its own: a client that goes away cannot stop a login
/// half-way (PROTOCOL.md, rule 5), and a panic ends one request only.
pub(super) async fn task(request: Request, next: Next) -> Response {
    tokio::spawn(next.run(request).in_current_span()).await.unwrap_or_else(|_| {
        tracing::error!("a request panicked");
        Error::Internal.into_response()
    })
}

/// RFC 9112 3.2: a request of HTTP/1.1 has exactly one Host; one of HTTP/1.0 may have one.
fn has_one_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => Authority::try_from(host.as_bytes()).is_ok(),
        (None, _) => request.version() < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    }
}

/// Scripts and command lines call the paths named here, and always get JSON.
fn format_for(request: &Request) -> Format {
    match request.uri().path() {
        "/saml" if request.method() != Method::POST => Format::Json,
        "/saml/login" if request.method() == Method::POST => Format::Json,
        "/saml/choice"
        | "/saml/shell"
        | "/users"
        | "/config.json"
        | "/authorizer"
        | "/.well-known/jwks.json" => Format::Json,
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
