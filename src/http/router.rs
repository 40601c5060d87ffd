//! The public surface: which path and method reaches which handler.

use super::app::App;
use super::error::Error;
use super::{authorizer, choice, documents, envelope, login, openapi, pages, redeem, shell, start, users};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use axum::{Extension, Router};
use std::future::{Ready, ready};
use std::sync::Arc;

/// The public surface.
pub fn router(app: Arc<App>) -> Router {
    let limited = from_fn_with_state(app.clone(), envelope::per_client);
    let mut people = Router::new().route(
        "/saml",
        post(login::login)
            .get(redeem::redeem)
            // A HEAD would consume the credentials and send them nowhere.
            .head(only("GET, POST, OPTIONS"))
            .fallback(only("GET, POST, OPTIONS")),
    );
    if app.callers.is_some() || app.behind_gateway {
        let ping = get(users::ping).head(only("GET, OPTIONS"));
        people = people.route("/users", ping.fallback(only("GET, OPTIONS")));
    }
    let start = get(start::start).post(start::permit).head(only("GET, POST, OPTIONS"));
    let start =
        Router::new().route("/saml/login", start.fallback(only("GET, POST, OPTIONS"))).layer(limited.clone());
    let mut shared = people
        .layer(limited.clone())
        .route("/config.json", get(documents::config).fallback(only("GET, HEAD, OPTIONS")));
    let mut own = Router::new()
        .route("/saml/shell", post(shell::ask).fallback(only("POST")))
        .route("/authorizer", post(authorizer::route).fallback(only("POST")))
        .layer(limited.clone())
        .route("/saml/metadata", get(documents::metadata).fallback(only("GET, HEAD")))
        .route("/.well-known/jwks.json", get(documents::jwks).fallback(only("GET, HEAD")))
        .route("/openapi.json", get(openapi::document).fallback(only("GET, HEAD")));
    for asset in pages::ASSETS {
        let page = get(move |Extension(context), headers| pages::serve(asset, context, headers));
        let (router, allow) =
            if asset.shared { (&mut shared, "GET, HEAD, OPTIONS") } else { (&mut own, "GET, HEAD") };
        *router = std::mem::take(router).route(asset.path, page.fallback(only(allow)));
    }
    let choose = get(choice::list).post(choice::choose).head(only("GET, POST, OPTIONS"));
    let choice =
        Router::new().route("/saml/choice", choose.fallback(only("GET, POST, OPTIONS"))).layer(limited);
    let task = from_fn(envelope::task);
    let choice = choice.layer(task.clone()).layer(app.choice_cors.clone());
    let start = start.layer(task.clone()).layer(app.permit_cors.clone());
    let shared = shared.layer(task.clone()).layer(app.cors.clone());
    own.layer(task)
        .merge(shared)
        .merge(choice)
        .merge(start)
        .fallback(|| ready(Error::NotFound))
        .layer(from_fn_with_state(app.clone(), envelope::envelope))
        .with_state(app)
}

/// Refuses the methods that have no handler.
fn only(allow: &'static str) -> impl Fn() -> Ready<Error> + Clone + Send + Sync + 'static {
    move || ready(Error::MethodNotAllowed { allow })
}
