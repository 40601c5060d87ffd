//! `POST /saml`: what the identity provider's form sends, to a redirect with a ticket.

use super::envelope::{Context, OutcomeCode};
use super::{App, Error, SettingsError, body, form};
use crate::broker::{LoginPost, Ticket};
use crate::config::JwtIn;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, body::Body};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a form may have beside the response: RelayState and a few fields more.
const BODY_OVERHEAD_BYTES: usize = 16 * 1024;

pub(super) async fn login(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
    request: Request,
) -> Result<Response, Error> {
    let (head, body) = request.into_parts();
    check_content(&head.headers)?;
    let post = read_form(&app, context, body).await?;
    let issued = app.broker.login(post).await.map_err(Error::Login)?;
    tracing::info!(idp = issued.idp, rule = issued.rule, "login issued");

    let location = app.redirect.to(&issued.ticket)?;
    let mut response = (StatusCode::FOUND, [(header::LOCATION, location)]).into_response();
    response.extensions_mut().insert(OutcomeCode("issued"));
    Ok(response)
}

/// The one content type of the HTTP-POST binding (bindings 3.5.4), as it is.
fn check_content(headers: &HeaderMap) -> Result<(), Error> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else { return Err(Error::ContentType) };
    let essence = content_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Error::ContentType);
    }
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Error::ContentEncoding);
    }
    Ok(())
}

async fn read_form(app: &App, context: Context, body: Body) -> Result<LoginPost, Error> {
    // Every base64 character may come percent-encoded, as three.
    let cap = 3 * app.broker.settings().limits.max_response_chars + BODY_OVERHEAD_BYTES;
    let bytes = body::read(body, cap, app.settings.request_timeout).await?;

    let (saml_response, relay_state) = form::login(form::fields(&bytes))?;
    Ok(LoginPost {
        saml_response,
        relay_state: relay_state.map(|value| value.to_string()),
        reference: context.reference,
        source_ip: context.source_ip,
    })
}

/// The way back to the page: everything but the ticket.
pub(super) struct Redirect {
    before: String,
    after: String,
}

impl Redirect {
    /// A ticket in the fragment replaces a fragment of the URL; one in the
    /// query joins its query.
    pub(super) fn new(url: &str, jwt_in: JwtIn) -> Result<Self, SettingsError> {
        HeaderValue::from_str(url)
            .map_err(|_| SettingsError { name: "redirect_url", value: url.to_owned() })?;
        let (base, fragment) = url.split_once('#').unwrap_or((url, ""));
        Ok(match jwt_in {
            JwtIn::Fragment => Self { before: format!("{base}#jwt="), after: String::new() },
            JwtIn::Query => {
                let separator = if base.contains('?') { '&' } else { '?' };
                let after = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
                Self { before: format!("{base}{separator}jwt="), after }
            }
        })
    }

    fn to(&self, ticket: &Ticket) -> Result<HeaderValue, Error> {
        let location = Zeroizing::new([&self.before, ticket.expose(), &self.after].concat());
        let mut location = HeaderValue::from_str(&location).map_err(|_| Error::Internal)?;
        location.set_sensitive(true);
        Ok(location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(url: &str, jwt_in: JwtIn) -> String {
        let location = Redirect::new(url, jwt_in).unwrap().to(&Ticket::from_signed("a.b.c".into())).unwrap();
        location.to_str().unwrap().to_owned()
    }

    #[test]
    fn the_ticket_stands_where_the_page_looks() {
        let page = "https://app.example.com/";
        assert_eq!(to(page, JwtIn::Fragment), "https://app.example.com/#jwt=a.b.c");
        assert_eq!(to("https://a.example/?x=1#old", JwtIn::Fragment), "https://a.example/?x=1#jwt=a.b.c");
        assert_eq!(to(page, JwtIn::Query), "https://app.example.com/?jwt=a.b.c");
        assert_eq!(to("https://a.example/?x=1#top", JwtIn::Query), "https://a.example/?x=1&jwt=a.b.c#top");
    }

    #[test]
    fn line_breaks_cannot_reach_the_location_header() {
        assert!(Redirect::new("https://a.example/\r\nSet-Cookie: a=b", JwtIn::Fragment).is_err());
        let redirect = Redirect::new("https://a.example/", JwtIn::Fragment).unwrap();
        let forged = Ticket::from_signed("a.b.c\r\nSet-Cookie: a=b".into());
        assert_eq!(redirect.to(&forged), Err(Error::Internal));
    }
}
