//! What is asked of the service: to begin a sign-in for a shell, and to take.

use super::exit::{Exit, Failure};
use super::server::Server;
use crate::system::{connector, innermost, within};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::http::StatusCode;
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

/// A service that is there answers within milliseconds; a proxy may have to look for it.
const PATIENCE: Duration = Duration::from_secs(30);
const MAX_ANSWER: usize = 1024 * 1024;

/// What a shell asks for.
#[derive(Serialize)]
pub(super) struct Asked<'a> {
    pub(super) key: &'a str,
    pub(super) state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redirect_uri: Option<&'a str>,
}

/// A sign-in that was begun. What a later version adds is ignored.
#[derive(Debug, Deserialize)]
pub(super) struct Begun {
    pub(super) request: String,
    pub(super) page: String,
    pub(super) now: String,
    pub(super) region: Option<String>,
}

#[derive(Deserialize)]
struct Taken {
    jwe: String,
}

/// An error of the service.
#[derive(Deserialize)]
struct ServiceError {
    error: String,
    message: String,
    reference: Option<String>,
    retry_after: Option<u64>,
}

/// # Errors
///
/// The service refuses, cannot be reached, or is another version.
pub(super) async fn begin(server: &Server, asked: &Asked<'_>) -> Result<Begun, Failure> {
    let body = serde_json::to_string(asked).map_err(|e| Failure::new(Exit::Failed, e.to_string()))?;
    ask(server, "POST", "/saml/shell", &[("content-type", "application/json")], Some(body)).await
}

/// Takes what a ticket is for, once: the JWE with the credentials.
///
/// # Errors
///
/// As [`begin`].
pub(super) async fn take(server: &Server, ticket: &str) -> Result<String, Failure> {
    let bearer = Zeroizing::new(format!("Bearer {ticket}"));
    let taken: Taken = ask(server, "GET", "/saml", &[("authorization", bearer.as_str())], None).await?;
    Ok(taken.jwe)
}

async fn ask<T: DeserializeOwned>(
    server: &Server,
    method: &str,
    path: &str,
    headers: &[(&'static str, &str)],
    body: Option<String>,
) -> Result<T, Failure> {
    let url = server.url(path);
    let unreachable = |why: String| {
        Failure::new(
            Exit::Unreachable,
            format!("{server} cannot be reached ({why}); look at the network, the proxy and the address"),
        )
    };
    let request = request(&url, method, headers, body).map_err(unreachable)?;
    let exchange = async move {
        let response = connector(&url, None)?.call(request).await.map_err(|e| innermost(&e))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|e| format!("the answer broke off: {e}"))?;
        Ok((status, body.to_bytes()))
    };
    let (status, body) = within(PATIENCE, exchange).await.map_err(unreachable)?;
    if !status.is_success() {
        return Err(refused(server, method, path, status, &body));
    }
    serde_json::from_slice(&body).map_err(|_| {
        Failure::new(
            Exit::Incompatible,
            format!(
                "what {server} answers lacks what this program needs: it is no Vestibule, or older than this \
                 program; see that the address is right, or ask its operator for an update"
            ),
        )
    })
}

fn request(
    url: &str,
    method: &str,
    headers: &[(&'static str, &str)],
    body: Option<String>,
) -> Result<HttpRequest, String> {
    let mut request = HttpRequest::new(body.map_or_else(|| "".into(), Into::into));
    request.set_method(method).map_err(|e| e.to_string())?;
    request.set_uri(url).map_err(|e| e.to_string())?;
    let agent = concat!("vestibule/", env!("CARGO_PKG_VERSION"));
    for (name, value) in [("accept", "application/json"), ("user-agent", agent)].iter().chain(headers) {
        request.headers_mut().try_insert(*name, (*value).to_owned()).map_err(|e| e.to_string())?;
    }
    Ok(request)
}

fn refused(server: &Server, method: &str, path: &str, status: StatusCode, body: &[u8]) -> Failure {
    let Ok(error) = serde_json::from_slice::<ServiceError>(body) else {
        let status = status.as_u16();
        return match status {
            502..=504 => Failure::new(
                Exit::Unreachable,
                format!(
                    "{server} answers {status}: what is in front of it does not reach it; try again later"
                ),
            ),
            _ => Failure::new(
                Exit::Incompatible,
                format!(
                    "{server} answers {method} {path} with {status}: it is no Vestibule, or older than \
                     this program; see that the address is right, or ask its operator for an update"
                ),
            ),
        };
    };
    let ServiceError { error, message, reference, retry_after } = error;
    let reference = reference.map_or_else(String::new, |reference| format!(", reference {reference}"));
    let again = retry_after.map_or_else(String::new, |seconds| format!("; try again in {seconds} s"));
    let message = printable(message.trim_end_matches('.'));
    Failure::new(
        Exit::Refused,
        format!("{server} refuses: {message} ({}{}){again}", printable(&error), printable(&reference)),
    )
}

/// Text of somebody else's: without control characters, which a terminal would obey.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, body: &str) -> Failure {
        let server = Server::parse("https://a.example").unwrap();
        refused(&server, "POST", "/saml/shell", StatusCode::try_from(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn a_refusal_is_the_services_own_sentence() {
        let body = r#"{"error":"shell_off","message":"Shells are off.\u001b[2J","reference":"R1","more":1}"#;
        let refused = failure(403, body);
        assert_eq!(refused.exit, Exit::Refused);
        assert_eq!(
            refused.sentence,
            "https://a.example refuses: Shells are off.[2J (shell_off, reference R1)"
        );
        let body = r#"{"error":"rate_limited","message":"Too many.","reference":null,"retry_after":3}"#;
        assert!(failure(429, body).sentence.ends_with("(rate_limited); try again in 3 s"));
    }

    #[test]
    fn another_service_or_version_is_said_to_be_one() {
        assert_eq!(failure(404, "<html>").exit, Exit::Incompatible);
        assert_eq!(failure(302, "").exit, Exit::Incompatible);
        assert_eq!(failure(503, "<html>").exit, Exit::Unreachable);
    }
}
