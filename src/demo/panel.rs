//! The demo's panel: a button for each staged refusal, and the audit trail as it grows.
//!
//! The refusals are the service's own. Whatever is posted goes through its
//! public routes, mostly by the visitor's browser; a message that has to come before (a
//! response already used, a session already waiting) is posted by the panel itself.

use super::idp::{DemoIdp, content_type, elsewhere};
use super::pages;
use super::people::Person;
use super::refusals::{Before, StagedRefusal};
use super::sign::SigningError;
use super::token::Flaw;
use crate::broker::Broker;
use crate::broker::ports::SecureRandom;
use crate::http::Peer;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{Request, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tower::ServiceExt as _;

/// How much of the audit trail is shown.
const SHOWN: usize = 50;

/// The panel.
pub(super) struct Panel {
    pub(super) idp: Arc<DemoIdp>,
    /// The service's public surface.
    pub(super) service: Router,
    pub(super) broker: Arc<Broker>,
    pub(super) random: Arc<dyn SecureRandom>,
}

impl Panel {
    /// Its pages; all of them below `/panel`.
    pub(super) fn router(self) -> Router {
        Router::new()
            .route("/panel", get(show))
            .route("/panel/audit", get(trail))
            .route("/panel/panel.js", get(script))
            // GET: the page was reloaded, or reached by Back.
            .route("/panel/refusals/{id}", get(|| async { Redirect::to("/panel") }).post(cause))
            .with_state(Arc::new(self))
    }

    async fn trail(&self) -> String {
        match self.broker.ports().audit.recent(SHOWN).await {
            Ok(recent) => pages::trail(&recent),
            Err(_) => pages::no_trail(),
        }
    }

    /// The response to be posted by the browser, and its RelayState; what has
    /// to come before has been posted.
    async fn prepare(&self, refusal: &StagedRefusal) -> Result<(String, String), Trouble> {
        let relay_state = self.relay_state();
        let about = refusal.person().ok_or(Trouble::NoSuchPerson)?;
        let response = self.idp.respond_now(about, refusal.flaw)?;
        match refusal.before {
            Before::Nothing => {}
            Before::TheSame => self.post(&response, &relay_state).await?,
            Before::Another(account) => {
                let other = Person::by_account(account).ok_or(Trouble::NoSuchPerson)?;
                self.post(&self.idp.respond_now(other, Flaw::None)?, &relay_state).await?;
            }
        }
        Ok((response, relay_state))
    }

    /// A session id and a challenge as a page makes them, but at random: there is no
    /// verifier for it, so its credentials cannot be taken.
    fn relay_state(&self) -> String {
        let (mut session, mut challenge) = ([0_u8; 16], [0_u8; 32]);
        self.random.fill(&mut session);
        self.random.fill(&mut challenge);
        format!("{}##{}", URL_SAFE_NO_PAD.encode(session), URL_SAFE_NO_PAD.encode(challenge))
    }

    /// `POST /saml`, as a browser on this machine would, to its good end.
    async fn post(&self, response: &str, relay_state: &str) -> Result<(), Trouble> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("SAMLResponse", response)
            .append_pair("RelayState", relay_state)
            .finish();
        let request = Request::post("/saml")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .extension(Peer(SocketAddr::from(([127, 0, 0, 1], 0))))
            .body(Body::from(form))?;
        let Ok(answer): Result<_, Infallible> = self.service.clone().oneshot(request).await;
        match answer.status() {
            StatusCode::FOUND => Ok(()),
            status => Err(Trouble::Refused(status)),
        }
    }
}

/// Why a refusal could not be caused. None of it depends on what a browser sends.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("nobody of this name works here")]
    NoSuchPerson,
    #[error(transparent)]
    Sign(#[from] SigningError),
    #[error(transparent)]
    Request(#[from] http::Error),
    #[error("the sign-in that should come first was answered {0}")]
    Refused(StatusCode),
}

async fn show(State(panel): State<Arc<Panel>>) -> Response {
    let html = pages::panel(panel.idp.relying_party(), &panel.trail().await);
    panel.idp.page(StatusCode::OK, html)
}

async fn trail(State(panel): State<Arc<Panel>>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Html(panel.trail().await))
}

async fn script() -> impl IntoResponse {
    (content_type("text/javascript; charset=utf-8"), include_str!("assets/panel.js"))
}

async fn cause(State(panel): State<Arc<Panel>>, Path(id): Path<String>) -> Response {
    let Some(refusal) = StagedRefusal::by_id(&id) else {
        return elsewhere(State(panel.idp.clone())).await;
    };
    match panel.prepare(refusal).await {
        Ok((response, relay_state)) => panel.idp.post_to_application(refusal.sent, &response, &relay_state),
        Err(trouble) => panel.idp.broken(&trouble),
    }
}
