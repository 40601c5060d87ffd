//! `GET /saml`: ticket and verifier in, credentials out, once.

use super::admission::Class;
use super::app::App;
use super::context::{Context, OutcomeCode};
use super::error::Error;
use super::form::{Malformed, percent_decoded};
use crate::broker::{Binding, Reason, RedeemError, RedeemRequest, TicketError, Unrecordable};
use crate::delivery;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::sync::Arc;

const VERIFIER: HeaderName = HeaderName::from_static("vestibule-verifier");
const REASON: HeaderName = HeaderName::from_static("vestibule-reason");
const COGNITO_ID: HeaderName = HeaderName::from_static("cognito_id");

pub(super) async fn redeem(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let _slot = app.admission.slot(Class::Redeem, &context)?;
    let ticket = single(&headers, header::AUTHORIZATION, TicketError::Malformed)?;
    let request = RedeemRequest {
        ticket: ticket.map(|credentials| bearer(credentials).to_owned()),
        verifier: single(&headers, VERIFIER, TicketError::VerifierMismatch)?.map(str::to_owned),
        cognito_id: single(&headers, COGNITO_ID, TicketError::CognitoIdMismatch)?.map(str::to_owned),
        reason: reason(&headers),
        reference: context.reference,
        source_ip: context.source_ip,
    };
    let hand_over = app.broker.redeem(request).await.map_err(Error::Redeem)?;
    tracing::info!(idp = hand_over.idp, rule = hand_over.rule, "login delivered");

    let json = match app.broker.settings().binding {
        Binding::Challenge => delivery::credential_process::json(&hand_over),
        Binding::Plain => delivery::dynamodb::json(&hand_over),
    };
    // The buffer is wiped once all of it has been sent.
    let body = Bytes::from_owner(json);
    let mut response =
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response();
    response.extensions_mut().insert(OutcomeCode("delivered"));
    Ok(response)
}

/// The header's value, if present: once, and in visible ASCII.
fn single(headers: &HeaderMap, name: HeaderName, otherwise: TicketError) -> Result<Option<&str>, Error> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            value.to_str().map(Some).map_err(|_| Error::Redeem(RedeemError::Ticket(otherwise)))
        }
        (Some(_), Some(_)) => Err(Error::Redeem(RedeemError::Ticket(otherwise))),
    }
}

/// The reason, if the header is there: as `encodeURIComponent` writes it, since a header
/// has no other letters than ASCII's that all on the way read alike.
fn reason(headers: &HeaderMap) -> Option<Result<Reason, Unrecordable>> {
    let mut values = headers.get_all(REASON).iter();
    let (value, other) = (values.next()?, values.next());
    let read = |value: &HeaderValue| {
        let encoded = value.to_str().map_err(|_| Unrecordable)?;
        let text = percent_decoded(encoded.as_bytes()).map_err(|Malformed| Unrecordable)?;
        Reason::parse(&text)
    };
    Some(if other.is_none() { read(value) } else { Err(Unrecordable) })
}

/// The token of `Bearer TOKEN` (RFC 6750 section 2.1), or the whole value without a scheme.
pub(super) fn bearer(credentials: &str) -> &str {
    match credentials.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => credentials.trim(),
    }
}
