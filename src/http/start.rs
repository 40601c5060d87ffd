//! `GET /saml/login`: starts a login with a request to the identity provider.

use super::admission::Class;
use super::app::App;
use super::context::{Context, OutcomeCode};
use super::error::Error;
use super::frame::{BEING_SENT, CONTINUE, TO_SIGN_IN, escape, frame};
use super::headers;
use super::language::Language;
use super::redeem::single;
use super::{body, form};
use crate::broker::{AuthnRequestMessage, PERMIT_LIFETIME, PermitRequest, Start, StartError, TicketError};
use axum::extract::{RawQuery, Request, State};
use axum::response::{Html, IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use std::sync::Arc;

/// A RelayState and a page's name.
const MAX_PERMIT_BYTES: usize = 4 * 1024;

/// The policy of every answer, except for the form: browsers apply `form-action`
/// also to redirects of the identity provider, whose targets are not known here.
const MAY_POST: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                        base-uri 'none'; form-action *; frame-ancestors 'none'";

pub(super) async fn start(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
    RawQuery(query): RawQuery,
) -> Result<Response, Error> {
    let _slot = app.admission.slot(Class::Other, &context)?;
    let (mut idp, mut page, mut for_use, mut relay_state) = (None, None, None, None);
    let (mut force_authn, mut permit) = (None, None);
    let mut authn_context: Vec<String> = Vec::new();
    for field in form::fields(query.unwrap_or_default().as_bytes()) {
        let (name, value) = field.map_err(|form::Malformed| Error::FormMalformed)?;
        let is_duplicate = match name.as_str() {
            "idp" => idp.replace(value).is_some(),
            "page" => page.replace(value).is_some(),
            "use" => for_use.replace(value).is_some(),
            "RelayState" => relay_state.replace(value).is_some(),
            "permit" => permit.replace(value).is_some(),
            "force_authn" => force_authn.replace(value).is_some(),
            // A list is a field for each, since a URI can have any character between two.
            "authn_context" => {
                let is_duplicate = authn_context.contains(&value);
                authn_context.push(value.to_string());
                is_duplicate
            }
            _ => false,
        };
        if is_duplicate {
            return Err(Error::DuplicateField);
        }
    }
    let start = Start {
        page: page.as_ref().map(|value| value.as_str()),
        for_use: for_use.as_ref().map(|value| value.as_str()),
        idp: idp.as_ref().map(|value| value.as_str()),
        relay_state: relay_state.as_ref().map(|value| value.as_str()),
        permit: permit.as_ref().map(|value| value.as_str()),
        authn_context: &authn_context,
        force_authn: match force_authn.as_ref().map(|value| value.as_str()) {
            None | Some("false") => false,
            Some("true") => true,
            // Whatever it means, the person would not sign in as it was meant.
            Some(_) => return Err(Error::Start(StartError::UnknownContext)),
        },
    };
    let started = app.broker.start(&start, &context.reference, &context.began_at).await;
    let mut response = match started.map_err(Error::Start)? {
        AuthnRequestMessage::Redirect(url) => {
            let location = HeaderValue::try_from(url).map_err(|_| Error::Internal)?;
            (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
        }
        AuthnRequestMessage::Post { destination, saml_request, relay_state } => {
            let start_page = app.page(&context.began_at).url();
            let page = form_page(context.language, start_page, &destination, &saml_request, &relay_state);
            let mut page = ([(header::CONTENT_SECURITY_POLICY, MAY_POST)], Html(page)).into_response();
            headers::in_language(page.headers_mut(), context.language);
            page
        }
    };
    response.extensions_mut().insert(OutcomeCode("sent"));
    Ok(response)
}

/// `POST /saml/login`: leave for a page to begin a sealed login.
pub(super) async fn permit(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
    request: Request,
) -> Result<Response, Error> {
    let (headers, bytes) =
        body::of_type(request, body::FORM, MAX_PERMIT_BYTES, app.settings.request_timeout).await?;
    let _slot = app.admission.slot(Class::Other, &context)?;
    let (mut page, mut relay_state) = (None, None);
    for field in form::fields(&bytes) {
        let (name, value) = field.map_err(|form::Malformed| Error::FormMalformed)?;
        let is_duplicate = match name.as_str() {
            "page" => page.replace(value).is_some(),
            "RelayState" => relay_state.replace(value).is_some(),
            _ => false,
        };
        if is_duplicate {
            return Err(Error::DuplicateField);
        }
    }
    let request = PermitRequest {
        page: page.as_ref().map(|value| value.as_str()),
        relay_state: relay_state.as_ref().map(|value| value.as_str()),
        origin: single(&headers, header::ORIGIN, TicketError::OtherPage)?,
    };
    let permit = app.broker.permit(&request).await.map_err(Error::Start)?;
    let answer = json!({ "permit": permit, "expires_in": PERMIT_LIFETIME.whole_seconds() });
    let mut response = Json(answer).into_response();
    response.extensions_mut().insert(OutcomeCode("permitted"));
    Ok(response)
}

/// The form of the HTTP-POST binding (bindings 3.5.4). Without a script it shows a button.
fn form_page(
    language: Language,
    start_page: &str,
    destination: &str,
    saml_request: &str,
    relay_state: &str,
) -> String {
    let content = format!(
        r#"<p class="lead">{}</p>
<form method="post" action="{}">
<input type="hidden" name="SAMLRequest" value="{}">
<input type="hidden" name="RelayState" value="{}">
<p class="actions"><button type="submit">{}</button></p>
</form>
"#,
        escape(language.say(BEING_SENT)),
        escape(destination),
        escape(saml_request),
        escape(relay_state),
        escape(language.say(CONTINUE)),
    );
    let script = "<script type=\"module\" src=\"/post.js\"></script>\n";
    frame(language, TO_SIGN_IN, start_page, script, &content)
}
