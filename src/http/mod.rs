//! The street: routes, limits, and what each answer looks like.
//!
//! Every request passes the envelope (`envelope.rs`: reference, limits, panics,
//! CORS, headers, log line) and reaches one small handler. A handler answers or
//! returns an [`Error`]; `error.rs` makes answers of the list of refusals. To add
//! a refusal: a row in `src/refusals.rs` (`docs/ERRORS.md` is checked by a test).

mod accept;
mod admin;
pub mod authorizer;
mod body;
mod client_ip;
mod cors;
mod documents;
mod envelope;
mod error;
pub(crate) mod form;
mod frame;
mod headers;
mod login;
mod metrics;
mod openapi;
mod pages;
mod redeem;
mod refusal;
pub mod serve;
mod sigv4;
mod start;
mod users;

pub use admin::admin_router;
pub use error::{Error, PingError, Refusal, Row, Who};
pub use serve::{Peer, ServeLimits, serve};

use crate::broker::Broker;
use crate::broker::ports::CallerDirectory;
use crate::config::{JwtIn, Network, SignOn};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tower_http::cors::CorsLayer;

/// What this room needs to know, finished and typed.
pub struct HttpSettings {
    /// How the world names us: scheme and host, no trailing slash.
    pub public_url: String,
    /// The page that receives the ticket.
    pub redirect_url: String,
    /// Where in the redirect the ticket stands.
    pub jwt_in: JwtIn,
    /// Origins whose pages may read our answers.
    pub allowed_origins: Vec<String>,
    /// What pages sign a ping for, where whoever checks it knows itself by another
    /// name than `public_url`: a gateway.
    pub ping_url: Option<String>,
    /// Networks whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// Whom a refused person should ask.
    pub contact: Option<String>,
    /// How pages send people to the identity providers.
    pub sign_on: Vec<SignOn>,
    /// The region that signatures of the ping must name.
    pub region: String,
    /// The product's version.
    pub version: String,
    /// Our SP metadata (`saml::ServiceProviderMetadata`).
    pub service_provider_metadata: String,
    /// Requests worked on at once; more are answered 503 `busy`.
    pub max_concurrent_requests: usize,
    /// How long a client may take to send its request's body.
    pub request_timeout: Duration,
}

/// A setting that cannot stand in an HTTP header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} cannot stand in an HTTP header: {value:?}")]
pub struct SettingsError {
    /// The option's name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
}

/// The ARN of a caller whose signature a gateway has checked; an extension of
/// each request that has one. Only what the gateway says beside the request may
/// put it there, never anything in the request.
#[derive(Debug, Clone)]
pub struct GatewayCaller(pub String);

/// One Vestibule, as its routes see it.
pub struct App {
    broker: Arc<Broker>,
    callers: Option<Arc<dyn CallerDirectory>>,
    behind_gateway: bool,
    settings: HttpSettings,
    cors: CorsLayer,
    redirect: login::Redirect,
    config_json: String,
    metrics: metrics::Metrics,
    slots: Arc<Semaphore>,
}

impl App {
    /// Without a `callers` directory nobody here could check a ping's signature, so
    /// there is none, unless a gateway does it.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn new(
        broker: Arc<Broker>,
        callers: Option<Arc<dyn CallerDirectory>>,
        settings: HttpSettings,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            cors: cors::layer(&settings.allowed_origins)?,
            redirect: login::Redirect::new(&settings.redirect_url, settings.jwt_in)?,
            config_json: documents::config_json(
                &settings,
                broker.settings(),
                callers.is_some() || settings.ping_url.is_some(),
            ),
            metrics: metrics::Metrics::default(),
            slots: Arc::new(Semaphore::new(settings.max_concurrent_requests)),
            broker,
            callers,
            behind_gateway: false,
            settings,
        })
    }

    /// Pings that arrive here were checked by a gateway in front, which says who
    /// called ([`GatewayCaller`]). Whether any do, and for which address they are
    /// signed, only [`HttpSettings::ping_url`] knows.
    #[must_use]
    pub fn behind_gateway(self) -> Self {
        Self { behind_gateway: true, ..self }
    }

    /// Waits until no request is being worked on. A login goes on when its
    /// client has gone: stop the process only after this (and bound the wait).
    pub async fn idle(&self) {
        let all = u32::try_from(self.settings.max_concurrent_requests).unwrap_or(u32::MAX);
        // Fails only on a closed semaphore, which nobody closes.
        drop(self.slots.acquire_many(all).await);
    }
}

/// The public surface.
pub fn router(app: Arc<App>) -> Router {
    let mut shared = Router::new()
        .route(
            "/saml",
            post(login::login)
                .get(redeem::redeem)
                // A HEAD would take the credentials and show them to nobody.
                .head(only("GET, POST, OPTIONS"))
                .fallback(only("GET, POST, OPTIONS")),
        )
        .route("/config.json", get(documents::config).fallback(only("GET, HEAD, OPTIONS")));
    if app.callers.is_some() || app.behind_gateway {
        let ping = get(users::ping).head(only("GET, OPTIONS"));
        shared = shared.route("/users", ping.fallback(only("GET, OPTIONS")));
    }
    let mut own = Router::new()
        .route("/saml/login", get(start::start).head(only("GET")).fallback(only("GET")))
        .route("/saml/metadata", get(documents::metadata).fallback(only("GET, HEAD")))
        .route("/.well-known/jwks.json", get(documents::jwks).fallback(only("GET, HEAD")))
        .route("/openapi.json", get(openapi::document).fallback(only("GET, HEAD")))
        .route("/authorizer", post(authorizer::route).fallback(only("POST")));
    for asset in pages::ASSETS {
        let page = get(move |headers| pages::serve(asset, headers));
        let (router, allow) =
            if asset.shared { (&mut shared, "GET, HEAD, OPTIONS") } else { (&mut own, "GET, HEAD") };
        *router = std::mem::take(router).route(asset.path, page.fallback(only(allow)));
    }
    let slot = from_fn_with_state(app.clone(), envelope::slot);
    let shared = shared.layer(slot.clone()).layer(app.cors.clone());
    own.layer(slot)
        .merge(shared)
        .fallback(|| ready(Error::NotFound))
        .layer(from_fn_with_state(app.clone(), envelope::envelope))
        .with_state(app)
}

/// Refuses every other method.
fn only(allow: &'static str) -> impl Fn() -> Ready<Error> + Clone + Send + Sync + 'static {
    move || ready(Error::MethodNotAllowed { allow })
}
