//! `/saml/choice`: the roles of a person who has several (`GET`), and tickets for those that
//! are chosen (`POST`).

use super::admission::Class;
use super::app::App;
use super::body;
use super::context::{Context, OutcomeCode};
use super::error::{Error, Refusal};
use super::redeem::{COGNITO_ID, VERIFIER, bearer, single};
use super::refusal::{Help, document};
use crate::broker::{
    AskedByShell, ChoiceError, ChoiceList, ChoiceRequest, ListedRole, Outcomes, Reason, RoleArn,
    ShownShellRequest, Terms, Ticket, TicketError, Use, WantedPart,
};
use crate::delivery::rfc3339;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, HeaderName, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const SHELL: HeaderName = HeaderName::from_static("vestibule-shell");

/// Ten parts, each with a reason of 500 characters, of which each may be escaped.
const MAX_BYTES: usize = 64 * 1024;

/// What is posted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    parts: Vec<ChosenPart>,
    shell: Option<ChosenForShell>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChosenForShell {
    request: String,
    number: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChosenPart {
    role: String,
    r#use: UseOf,
    reason: Option<String>,
    destination: Option<String>,
}

/// The uses that can be chosen.
#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum UseOf {
    Credentials,
    Console,
    Shell,
}

impl From<UseOf> for Use {
    fn from(chosen: UseOf) -> Self {
        match chosen {
            UseOf::Credentials => Self::Page,
            UseOf::Console => Self::Console,
            UseOf::Shell => Self::Shell,
        }
    }
}

impl From<&ChosenPart> for WantedPart {
    fn from(part: &ChosenPart) -> Self {
        Self {
            role: part.role.clone(),
            for_use: part.r#use.into(),
            reason: part.reason.as_deref().map(Reason::parse),
            destination: part.destination.clone(),
        }
    }
}

pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let _slot = app.admission.slot(Class::Other, &context)?;
    let shown = single(&headers, SHELL, TicketError::Malformed)?;
    let shown = shown.map(|request| ShownShellRequest { request: request.to_owned(), number: None });
    let request = request(&headers, &context, shown)?;
    let list = app.broker.list_choice(&request).await.map_err(Error::Choice)?;
    let mut response = Json(app.listed(&list, &context)).into_response();
    response.extensions_mut().insert(OutcomeCode("listed"));
    Ok(response)
}

pub(super) async fn choose(
    State(app): State<Arc<App>>,
    Extension(context): Extension<Context>,
    request: Request,
) -> Result<Response, Error> {
    // A slow client holds no slot.
    let (headers, bytes) =
        body::of_type(request, body::JSON, MAX_BYTES, app.settings.request_timeout).await?;
    let chosen: Chosen = serde_json::from_slice(&bytes).map_err(|_| Error::Choice(ChoiceError::Malformed))?;
    let _slot = app.admission.slot(Class::Other, &context)?;
    let shown = chosen.shell.map(|ChosenForShell { request, number }| ShownShellRequest { request, number });
    let request = self::request(&headers, &context, shown)?;
    let parts = chosen.parts.iter().map(WantedPart::from).collect();
    let Outcomes { parts: outcomes, shell } =
        app.broker.choose(&request, parts).await.map_err(Error::Choice)?;
    let parts: Vec<Value> =
        chosen.parts.iter().zip(outcomes).map(|(part, outcome)| app.part(part, outcome, &context)).collect();
    let mut answer = json!({ "parts": parts });
    if let (Some(shell), Some(answer)) = (shell, answer.as_object_mut()) {
        let to = json!({ "redirect_uri": shell.redirect_uri(), "state": shell.state() });
        answer.insert("shell".to_owned(), to);
    }
    let mut response = Json(answer).into_response();
    response.extensions_mut().insert(OutcomeCode("chosen"));
    Ok(response)
}

fn request(
    headers: &HeaderMap,
    context: &Context,
    shell: Option<ShownShellRequest>,
) -> Result<ChoiceRequest, Error> {
    let ticket = single(headers, header::AUTHORIZATION, TicketError::Malformed)?;
    Ok(ChoiceRequest {
        ticket: ticket.map(|credentials| bearer(credentials).to_owned()),
        verifier: single(headers, VERIFIER, TicketError::VerifierMismatch)?.map(str::to_owned),
        cognito_id: single(headers, COGNITO_ID, TicketError::CognitoIdMismatch)?.map(str::to_owned),
        origin: single(headers, header::ORIGIN, TicketError::OtherPage)?.map(str::to_owned),
        reference: context.reference.clone(),
        source_ip: context.source_ip,
        began_at: context.began_at.clone(),
        shell,
    })
}

impl App {
    fn listed(&self, list: &ChoiceList, context: &Context) -> Value {
        let console = self.broker.settings().console.as_ref();
        let partitions: BTreeSet<&str> = list
            .roles
            .iter()
            .filter(|listed| matches!(listed.console, Some(Ok(_))))
            .map(|listed| listed.role.partition())
            .collect();
        let destinations: Vec<&str> = console
            .iter()
            .flat_map(|console| partitions.iter().flat_map(|partition| console.destinations_of(partition)))
            .collect();
        let mut shown = json!({
            "user": list.user,
            "idp": list.idp,
            "expires": rfc3339(list.expires_at),
            "destinations": destinations,
            "roles": list.roles.iter().map(|listed| self.role(listed, context)).collect::<Vec<Value>>(),
        });
        if let (Some(asked), Some(shown)) = (&list.shell, shown.as_object_mut()) {
            shown.insert("shell".to_owned(), asked_by(asked));
        }
        shown
    }

    fn role(&self, listed: &ListedRole, context: &Context) -> Value {
        let ListedRole { role, last_used, credentials, console } = listed;
        let mut shown = json!({
            "role": role.as_str(),
            "account": role.account(),
            "name": role.name(),
            "path": path(role),
            "partition": role.partition(),
        });
        let mut set = |name: &str, value: Value| {
            if let Some(shown) = shown.as_object_mut() {
                shown.insert(name.to_owned(), value);
            }
        };
        if let Some(name) = self.settings.accounts.get(role.account()) {
            set("account_name", name.as_str().into());
        }
        if let Some(at) = last_used {
            set("last_used", rfc3339(*at).into());
        }
        if let Ok(terms) = credentials {
            set("credentials", given(terms));
        }
        if let Some(Ok(terms)) = console {
            set("console", given(terms));
        }
        if let (Err(refusal), false) = (credentials, listed.can_be_had()) {
            set("refused", self.why_not(&Error::Choice(ChoiceError::Login(refusal.clone().into())), context));
        }
        shown
    }

    fn part(&self, part: &ChosenPart, outcome: Result<Ticket, ChoiceError>, context: &Context) -> Value {
        match outcome {
            Ok(ticket) => json!({ "role": part.role, "use": part.r#use, "ticket": ticket.expose() }),
            Err(error) => {
                let error = Error::Choice(error);
                tracing::info!(code = error.row().code, "part of a choice refused");
                json!({ "role": part.role, "use": part.r#use, "refused": self.why_not(&error, context) })
            }
        }
    }

    /// As a whole answer would say it.
    fn why_not(&self, error: &Error, context: &Context) -> Value {
        let page = self.page(&context.began_at);
        let sign_in_again =
            error.step_up().and_then(|step_up| self.sign_in_again(&context.began_at, step_up));
        let help = Help {
            reference: context.reference.current(),
            contact: self.settings.contact.as_deref(),
            start_page: page.url(),
            sign_in_again: sign_in_again.as_deref(),
            language: context.language,
        };
        document(error, &help)
    }
}

/// What comes before the name, with its slashes; `/` where there is none.
fn path(role: &RoleArn) -> &str {
    let resource = role.as_str().split_once(":role").map_or("", |(_, resource)| resource);
    resource.strip_suffix(role.name()).unwrap_or(resource)
}

/// Of a program on this computer the number is shown, to be compared; of one elsewhere it is
/// typed.
fn asked_by(asked: &AskedByShell) -> Value {
    let is_another = asked.is_another_device();
    json!({
        "device": if is_another { "another" } else { "this_computer" },
        "port": asked.port(),
        "number": (!is_another).then(|| asked.number()),
        "address": asked.address(),
        "at": rfc3339(asked.at()),
        // Where it hears of it, if the person gives it nothing.
        "redirect_uri": asked.redirect_uri(),
        "state": asked.state(),
    })
}

fn given(terms: &Terms) -> Value {
    let mut given = json!({
        "rule": terms.rule,
        "duration": terms.duration.whole_seconds(),
        "limited": terms.are_limited(),
    });
    if let (Some(ask), Some(given)) = (&terms.ask_reason, given.as_object_mut()) {
        given.insert("ask_reason".to_owned(), ask.as_str().into());
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_what_comes_before_the_name() {
        for (arn, expected) in [
            ("arn:aws:iam::123456789012:role/Prod", "/"),
            ("arn:aws:iam::123456789012:role/team/a/Prod", "/team/a/"),
            ("arn:aws:iam::123456789012:role/role/role", "/role/"),
        ] {
            assert_eq!(path(&RoleArn::parse(arn).unwrap()), expected);
        }
    }

    #[test]
    fn nothing_but_the_documented_shape_is_read() {
        let read = |text: &str| serde_json::from_str::<Chosen>(text).is_ok();
        assert!(read(r#"{"parts":[{"role":"r","use":"credentials"}]}"#));
        assert!(read(r#"{"parts":[{"role":"r","use":"console","reason":"x","destination":"d"}]}"#));
        assert!(read(r#"{"parts":[{"role":"r","use":"shell"}],"shell":{"request":"r","number":"1"}}"#));
        for wrong in [
            r#"{"parts":[],"shell":"r"}"#,
            r#"{"parts":[],"shell":{"number":"1"}}"#,
            r#"{"parts":[],"shell":{"request":"r","port":1}}"#,
            "",
            "[]",
            "{}",
            r#"{"parts":{}}"#,
            r#"{"parts":[{"role":"r"}]}"#,
            r#"{"parts":[{"role":"r","use":"page"}]}"#,
            r#"{"parts":[{"role":"r","use":"console","duration":1}]}"#,
            r#"{"parts":[],"more":1}"#,
            r#"{"parts":[{"role":"r","role":"s","use":"console"}]}"#,
        ] {
            assert!(!read(wrong), "{wrong}");
        }
    }
}
