//! The authorizer: whether a gateway may pass a request on to `GET /saml`.
//!
//! [`authorize`] is the whole Lambda authorizer; `POST /authorizer` offers it to
//! other gateways. Nothing is consumed here, and `GET /saml` checks everything
//! again. Results must not be cached (time to live 0): a ticket is for one call.

use super::admission::Class;
use super::app::App;
use super::body;
use super::context::{Context, OutcomeCode};
use super::error::Error;
use super::redeem::bearer;
use crate::broker::{Broker, Caller, TicketError, TicketKind};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use time::OffsetDateTime;

/// An event carries the headers of one request, and API Gateway takes 10 KiB of those.
const MAX_EVENT_BYTES: usize = 64 * 1024;

/// Why a request is not authorized. The caller gets one word (API Gateway's own: a
/// Lambda authorizer that fails with it makes a 401); the reason is for logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Unauthorized")]
pub enum Unauthorized {
    /// The event is of no known kind, or lacks a part.
    Event,
    /// The ARN is not `GET /saml`, or the choice, of one API and one stage.
    Arn,
    /// One header has two values.
    Header,
    /// The ticket or its binding to the browser is refused; or the key ring did not
    /// answer, for which a Lambda needs another error.
    Ticket(TicketError),
}

impl Unauthorized {
    /// The reason, for logs.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Event => "event_malformed",
            Self::Arn => "arn_refused",
            Self::Header => "duplicate_header",
            Self::Ticket(e) => e.code(),
        }
    }
}

/// Answers an authorizer event with an IAM policy, or for HTTP APIs with the
/// simple response (switch "simple responses" on there).
///
/// - REST API, `TOKEN`: the event has the ticket only, so only that is checked.
/// - REST API, `REQUEST`: ticket, verifier and, if sent, `COGNITO_ID`.
/// - HTTP API, payload format 2.0: the same.
///
/// # Errors
/// [`Unauthorized`].
pub async fn authorize(broker: &Broker, event: &Value, now: OffsetDateTime) -> Result<Value, Unauthorized> {
    let text = |name: &str| event.get(name).and_then(Value::as_str).ok_or(Unauthorized::Event);
    let simple = event.get("version").and_then(Value::as_str) == Some("2.0");
    let arn = if simple { text("routeArn")? } else { text("methodArn")? };
    let (resource, kind) = called_resource(arn)?;

    let by_token = !simple && text("type")? == "TOKEN";
    let session = if by_token {
        let ticket = broker.verify_ticket(bearer(text("authorizationToken")?), now).await;
        let ticket = ticket.and_then(|ticket| ticket.of_kind(kind)).map_err(Unauthorized::Ticket)?;
        ticket.session().as_str().to_owned()
    } else {
        if !simple && text("type")? != "REQUEST" {
            return Err(Unauthorized::Event);
        }
        let credentials =
            header(event, "authorization")?.ok_or(Unauthorized::Ticket(TicketError::Missing))?;
        let caller = Caller {
            origin: header(event, "origin")?,
            verifier: header(event, "vestibule-verifier")?,
            cognito_id: header(event, "cognito_id")?,
        };
        let ticket = broker.verify_ticket(bearer(credentials), now).await.map_err(Unauthorized::Ticket)?;
        let session = ticket.session().as_str().to_owned();
        let pages = &broker.settings().pages;
        let bound = match kind {
            TicketKind::HandOver => ticket.bind(&caller, pages).map(|_| ()),
            TicketKind::Choice => ticket.bind_choice(&caller, pages).map(|_| ()),
        };
        bound.map_err(Unauthorized::Ticket)?;
        session
    };

    let context = json!({ "session": session });
    if simple {
        return Ok(json!({ "isAuthorized": true, "context": context }));
    }
    Ok(json!({
        "principalId": session,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": resource }],
        },
        "context": context,
    }))
}

/// `arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/` and one of the routes that a ticket
/// opens, with its kind; nothing else: it becomes the policy's resource, where `*` and `?` are
/// wildcards.
fn called_resource(arn: &str) -> Result<(&str, TicketKind), Unauthorized> {
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    let mut parts = arn.splitn(6, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (scheme, partition, service, region, account, rest) =
        (next(), next(), next(), next(), next(), next());
    let (api, rest) = rest.split_once('/').unwrap_or_default();
    let (stage, route) = rest.split_once('/').unwrap_or_default();
    let well_formed = scheme == "arn"
        && service == "execute-api"
        && [partition, region, api].into_iter().all(plain)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && (plain(stage) || stage == "$default");
    let kind = match route {
        "GET/saml" => TicketKind::HandOver,
        "GET/saml/choice" | "POST/saml/choice" => TicketKind::Choice,
        _ => return Err(Unauthorized::Arn),
    };
    if well_formed { Ok((arn, kind)) } else { Err(Unauthorized::Arn) }
}

/// A header of the request in the event, whatever its case, from `headers` and
/// `multiValueHeaders`. The same value twice is one value; two values are none.
fn header<'e>(event: &'e Value, name: &str) -> Result<Option<&'e str>, Unauthorized> {
    let map = |key: &str| event.get(key).and_then(Value::as_object);
    let named = |headers: &'e Map<String, Value>| {
        headers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    let singles = map("headers").map(named).unwrap_or_default();
    let lists = map("multiValueHeaders").map(named).unwrap_or_default();
    let mut found = None;
    for value in lists.into_iter().filter_map(Value::as_array).flatten().chain(singles) {
        let value = value.as_str().ok_or(Unauthorized::Event)?;
        if found.replace(value).is_some_and(|before| before != value) {
            return Err(Unauthorized::Header);
        }
    }
    Ok(found)
}

/// `POST /authorizer`
pub(super) async fn route(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
    request: Request,
) -> Result<Response, Error> {
    let bytes = body::read(request.into_body(), MAX_EVENT_BYTES, app.settings.request_timeout).await?;
    let event: Value = serde_json::from_slice(&bytes).map_err(|_| Error::EventMalformed)?;
    let _slot = app.admission.slot(Class::Redeem, &context)?;
    match authorize(&app.broker, &event, app.broker.ports().clock.now()).await {
        Ok(answer) => {
            let mut response = Json(answer).into_response();
            response.extensions_mut().insert(OutcomeCode("authorized"));
            Ok(response)
        }
        Err(unauthorized) => {
            tracing::info!(reason = unauthorized.reason(), "authorizer refused");
            Err(match unauthorized {
                Unauthorized::Ticket(e @ TicketError::KeysUnavailable) => Error::Redeem(e.into()),
                Unauthorized::Ticket(_) | Unauthorized::Event | Unauthorized::Arn | Unauthorized::Header => {
                    Error::Unauthorized
                }
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_ticket_opens_of_one_api_and_stage_is_a_resource() {
        for method in ["GET", "POST"] {
            let arn =
                format!("arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/{method}/saml/choice");
            assert_eq!(called_resource(&arn), Ok((arn.as_str(), TicketKind::Choice)));
        }
        for arn in [
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/saml",
            "arn:aws-cn:execute-api:cn-north-1:123456789012:abc123/$default/GET/saml",
        ] {
            assert_eq!(called_resource(arn), Ok((arn, TicketKind::HandOver)));
        }
    }

    #[test]
    fn wildcards_and_other_routes_are_refused() {
        for arn in [
            "*",
            "",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/*/GET/saml",
            "arn:aws:execute-api:eu-central-1:123456789012:*/prod/GET/saml",
            "arn:aws:execute-api:*:123456789012:abc123/prod/GET/saml",
            "arn:aws:execute-api:eu-central-1:123456789012:abc?23/prod/GET/saml",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/*/saml",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/*",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/POST/saml",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/HEAD/saml",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/users",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/saml/",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/saml/metadata",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/PUT/saml/choice",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/saml/choice/x",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/x/GET/saml",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123//GET/saml",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/${x}/GET/saml",
            "arn:aws:execute-api:eu-central-1:12345678901:abc123/prod/GET/saml",
            "arn:aws:s3:eu-central-1:123456789012:abc123/prod/GET/saml",
            "arn:aws:execute-api:eu-central-1:123456789012:abc123/prod/GET/saml\n",
        ] {
            assert_eq!(called_resource(arn), Err(Unauthorized::Arn), "{arn}");
        }
    }

    #[test]
    fn one_header_under_two_names_must_say_one_thing() {
        let twice = json!({ "headers": { "Authorization": "a", "authorization": "a" } });
        assert_eq!(header(&twice, "authorization"), Ok(Some("a")));
        let conflict = json!({ "headers": { "Authorization": "a", "AUTHORIZATION": "b" } });
        assert_eq!(header(&conflict, "authorization"), Err(Unauthorized::Header));
        let hidden = json!({ "headers": { "authorization": "b" }, "multiValueHeaders": { "Authorization": ["a", "b"] } });
        assert_eq!(header(&hidden, "authorization"), Err(Unauthorized::Header));
        let number = json!({ "headers": { "authorization": 7 } });
        assert_eq!(header(&number, "authorization"), Err(Unauthorized::Event));
        assert_eq!(header(&json!({}), "authorization"), Ok(None));
        assert_eq!(header(&json!({ "headers": null }), "authorization"), Ok(None));
    }
}
