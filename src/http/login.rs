//! `POST /saml`: takes the identity provider's form, answers a redirect with a ticket.

use super::accept::preferred_format;
use super::admission::Class;
use super::app::App;
use super::context::{Context, OutcomeCode};
use super::error::Error;
use super::refusal::Format;
use super::{body, form};
use crate::broker::{LoginOutcome, LoginPost, RelayStateError};
use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use std::sync::Arc;

/// The part of the form beside the response: RelayState and a few more fields.
const BODY_OVERHEAD_BYTES: usize = 16 * 1024;

pub(super) async fn login(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
    request: Request,
) -> Result<Response, Error> {
    let for_a_person = preferred_format(request.headers()) == Format::Html;
    // A slow client holds no slot.
    let post = read_form(&app, &context, request).await?;
    let _slot = app.admission.slot(Class::Other, &context)?;
    let (location, outcome) = match app.broker.login(post).await.map_err(Error::Login)? {
        LoginOutcome::Issued(issued) => {
            tracing::info!(idp = issued.idp, rule = issued.rule, "login issued");
            (app.page(&context.began_at).to(&issued.ticket)?, "issued")
        }
        LoginOutcome::Choice(opened) => {
            tracing::info!(idp = opened.idp, "choice opened");
            (app.page(&context.began_at).to_choose(&opened.ticket)?, "choice")
        }
        LoginOutcome::BeginAtPage { idp } if for_a_person && app.can_begin(&idp) => {
            tracing::info!(idp, "sign-in from the provider's portal: a login begins at the page");
            (app.page(&context.began_at).to_begin(&idp)?, "begin_at_page")
        }
        LoginOutcome::BeginAtPage { .. } => {
            return Err(Error::Login(RelayStateError::Missing.into()));
        }
    };
    let mut response = (StatusCode::FOUND, [(header::LOCATION, location)]).into_response();
    response.extensions_mut().insert(OutcomeCode(outcome));
    Ok(response)
}

async fn read_form(app: &App, context: &Context, request: Request) -> Result<LoginPost, Error> {
    // Every base64 character may be percent-encoded, as three.
    let cap = 3 * app.broker.settings().limits.max_response_chars + BODY_OVERHEAD_BYTES;
    // The type is that of the HTTP-POST binding (bindings 3.5.4).
    let (_, mut bytes) = body::of_type(request, body::FORM, cap, app.settings.request_timeout).await?;

    let (saml_response, relay_state) = form::login(form::fields(&bytes))?;
    // Wiped as one block.
    bytes.clear();
    Ok(LoginPost {
        saml_response,
        relay_state: relay_state.map(|value| value.to_string()),
        reference: context.reference.clone(),
        source_ip: context.source_ip,
        began_at: context.began_at.clone(),
    })
}
