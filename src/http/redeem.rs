//! `GET /saml`: ticket and verifier in, credentials out, once.

use super::admission::Class;
use super::app::App;
use super::context::{Context, OutcomeCode};
use super::error::Error;
use super::form::{Malformed, percent_decoded};
use crate::broker::{Binding, HandedOver, Reason, RedeemError, RedeemRequest, TicketError, Unrecordable};
use crate::delivery;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::sync::Arc;

pub(super) const VERIFIER: HeaderName = HeaderName::from_static("vestibule-verifier");
const REASON: HeaderName = HeaderName::from_static("vestibule-reason");
pub(super) const COGNITO_ID: HeaderName = HeaderName::from_static("cognito_id");

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
        origin: single(&headers, header::ORIGIN, TicketError::OtherPage)?.map(str::to_owned),
        reference: context.reference,
        source_ip: context.source_ip,
    };
    let hand_over = app.broker.redeem(request).await.map_err(Error::Redeem)?;
    tracing::info!(idp = hand_over.idp, rule = hand_over.rule, "login delivered");

    let binding = app.broker.settings().binding;
    let json = match (&hand_over.handed_over, hand_over.written()) {
        (HandedOver::Credentials(credentials), _) if binding == Binding::Plain => {
            delivery::dynamodb::json(&credentials.written(), credentials.expiration)
        }
        (_, Some(written)) => delivery::credential_process::json(&written),
        (HandedOver::Sealed { jwe, .. }, None) => delivery::sealed::json(jwe),
        (HandedOver::Credentials(_) | HandedOver::Console { .. }, None) => return Err(Error::Internal),
    };
    // The buffer is wiped once all of it has been sent.
    let body = Bytes::from_owner(json);
    let mut response =
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response();
    response.extensions_mut().insert(OutcomeCode("delivered"));
    Ok(response)
}

/// The header's value, if present: once, and in visible ASCII.
pub(super) fn single(
    headers: &HeaderMap,
    name: HeaderName,
    otherwise: TicketError,
) -> Result<Option<&str>, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    fn read(values: &[&[u8]]) -> Option<Result<Reason, Unrecordable>> {
        let values = values.iter().map(|value| (REASON, HeaderValue::from_bytes(value).unwrap()));
        reason(&values.collect())
    }

    /// As browsers' `encodeURIComponent` does.
    fn encoded(text: &str) -> String {
        let one = |byte: u8| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(one).collect()
    }

    #[test]
    fn one_header_of_escaped_text_is_a_reason() {
        assert_eq!(read(&[]), None);
        for plain in ["INC-1", "INC-1, twice; 100+1", "caf%C3%A9"] {
            let expected = plain.replace("%C3%A9", "\u{e9}");
            assert_eq!(read(&[plain.as_bytes()]).unwrap().unwrap().as_str(), expected);
        }
        for bad in ["", "  ", "%", "%4", "100%", "%zz", "%ff", "%ed%a0%80", "a%0d%0ab", "a\tb", "caf\u{e9}"] {
            assert_eq!(read(&[bad.as_bytes()]), Some(Err(Unrecordable)), "{bad:?}");
        }
        assert_eq!(read(&[b"INC-1", b"INC-1"]), Some(Err(Unrecordable)));
    }

    proptest! {
        #[test]
        fn what_is_typed_is_what_is_recorded(typed in "\\PC{1,500}") {
            let recorded = read(&[encoded(&typed).as_bytes()]).unwrap();
            prop_assert_eq!(&recorded, &Reason::parse(&typed));
            if let Ok(recorded) = recorded {
                prop_assert_eq!(recorded.as_str(), typed.trim());
            }
        }

        #[test]
        fn any_bytes_get_an_answer(bytes: Vec<u8>, escape in any::<bool>()) {
            let escaped: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            let value = if escape { escaped.into_bytes() } else { bytes };
            let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
            if let Some(Ok(reason)) = reason(&[(REASON, value)].into_iter().collect()) {
                let text = reason.as_str();
                prop_assert!((1..=500).contains(&text.chars().count()) && text == text.trim());
                prop_assert!(!text.contains(char::is_control), "{:?}", text);
            }
        }
    }
}
