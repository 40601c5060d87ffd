//! Signing in to the AWS console: the federation endpoint of the credentials' partition
//! exchanges them for a sign-in token, which the address has that a browser opens.
//!
//! AWS's documentation ("Enable custom identity broker access to the AWS console") has it so:
//! `getSigninToken` takes POST, so no secret stands in a URL that something on the way could log;
//! the address is good for 15 minutes; and the console's session lasts as long as the credentials
//! unless `SessionDuration` says otherwise. None is sent: what the rule gave holds, and with
//! credentials of chained roles (`sts.kind = "assume-role"`) the endpoint refuses it.

use crate::broker::ports::ConsoleSignIn;
use crate::broker::{ConsoleError, Credentials};
use crate::config::ConsoleFederation;
use crate::system::{connector, innermost, within};
use async_trait::async_trait;
use aws_sdk_sts::config::http::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::http::HttpConnector;
use http_body_util::BodyExt;
use hyper::body::Bytes;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long one attempt may take. With two of them a login stays well within its reservation of
/// 60 s, of which STS takes 20 at most.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// An outage is asked again once. A token that never arrived ends unknown after 15 minutes.
const ATTEMPTS: u32 = 2;

/// The longest answer that is read. Tokens have about two kilobytes.
const MAX_BYTES: usize = 64 * 1024;

/// What `Session` is, by the names of AWS's documentation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    session_id: &'a str,
    session_key: &'a str,
    session_token: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "SigninToken")]
    signin_token: String,
}

/// Why there is no token, for the log: nothing of what was sent or answered.
struct Failure {
    error: ConsoleError,
    status: Option<u16>,
    hint: &'static str,
    /// Why there is no answer.
    why: Option<String>,
    /// Whether asking again can help.
    is_passing: bool,
}

/// AWS's federation endpoints.
#[derive(Debug)]
pub struct AwsConsole {
    federation: ConsoleFederation,
}

impl AwsConsole {
    /// Contacts nothing.
    pub fn new(federation: &ConsoleFederation) -> Self {
        Self { federation: federation.clone() }
    }

    /// Whether the endpoint at this address answers at all; without credentials, which it refuses.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn reach(address: &str) -> Result<(), String> {
        let endpoint = address.to_owned();
        let form = b"Action=getSigninToken".to_vec();
        within(ATTEMPT_TIMEOUT, async move { post(&endpoint, form.into()).await.map(|_| ()) }).await
    }

    async fn token(&self, endpoint: &str, credentials: &Credentials) -> Result<Zeroizing<String>, Failure> {
        let mut attempt = 1;
        loop {
            let form = form(credentials);
            let url = endpoint.to_owned();
            let asked = within(ATTEMPT_TIMEOUT, async move {
                let answer = post(&url, form).await?;
                Ok((answer.status().as_u16(), body(answer).await))
            });
            let answered = match asked.await {
                Ok((status, body)) => read(status, body),
                Err(why) => Err(Failure {
                    why: Some(why),
                    is_passing: true,
                    ..unavailable(None, "the federation endpoint cannot be reached, or does not answer")
                }),
            };
            match answered {
                Err(failure) if failure.is_passing && attempt < ATTEMPTS => attempt += 1,
                answered => return answered,
            }
        }
    }
}

#[async_trait]
impl ConsoleSignIn for AwsConsole {
    async fn sign_in(
        &self,
        credentials: &Credentials,
        partition: &str,
        destination: &str,
    ) -> Result<SecretString, ConsoleError> {
        let endpoint = self.federation.address(partition);
        let asked = match &endpoint {
            Some(endpoint) => self.token(endpoint, credentials).await.map(|token| (endpoint, token)),
            None => Err(unavailable(None, "the federation endpoint of this partition is not known")),
        };
        let (endpoint, token) = asked.map_err(|failure| {
            let Failure { error, status, hint, why, .. } = failure;
            tracing::warn!(code = error.code(), status, hint, why, "no sign-in to the console");
            error
        })?;
        Ok(address(endpoint, &self.federation.issuer, destination, &token))
    }
}

/// The body: the only place where the secrets are. Wiped once it is sent.
fn form(credentials: &Credentials) -> Zeroizing<Vec<u8>> {
    let session = Session {
        session_id: &credentials.access_key_id,
        session_key: credentials.secret_access_key.expose_secret(),
        session_token: credentials.session_token.expose_secret(),
    };
    // Reserved up front, here and below: what grows leaves copies of the secrets behind.
    let secrets = session.session_key.len() + session.session_token.len();
    let mut json = Zeroizing::new(Vec::with_capacity(1_024 + 2 * secrets));
    // Only a map with other than text keys or a failing writer could fail; there is neither.
    serde_json::to_writer(&mut *json, &session).unwrap_or_default();
    let json = Zeroizing::new(String::from_utf8(std::mem::take(&mut *json)).unwrap_or_default());
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(64 + 3 * json.len()));
    form.append_pair("Action", "getSigninToken").append_pair("Session", &json);
    Zeroizing::new(form.finish().into_bytes())
}

async fn post(url: &str, form: Zeroizing<Vec<u8>>) -> Result<HttpResponse, String> {
    let mut request = HttpRequest::new(Bytes::from_owner(form).into());
    request.set_method("POST").map_err(|e| e.to_string())?;
    request.set_uri(url).map_err(|e| e.to_string())?;
    for (name, value) in [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("user-agent", concat!("vestibule/", env!("CARGO_PKG_VERSION"))),
    ] {
        request.headers_mut().try_insert(name, value).map_err(|e| e.to_string())?;
    }
    connector(url, None)?.call(request).await.map_err(|e| innermost(&e))
}

/// `None` if it breaks off or is too long.
async fn body(answer: HttpResponse) -> Option<Zeroizing<Vec<u8>>> {
    let mut body = answer.into_body();
    let mut read = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
    while let Some(frame) = body.frame().await {
        let frame = frame.ok()?;
        let data = frame.data_ref().map_or(&[][..], |data| data);
        if read.len() + data.len() > MAX_BYTES {
            return None;
        }
        read.extend_from_slice(data);
    }
    Some(read)
}

fn read(status: u16, body: Option<Zeroizing<Vec<u8>>>) -> Result<Zeroizing<String>, Failure> {
    match status {
        200..=299 => {
            let answer = body.and_then(|body| serde_json::from_slice::<Answer>(&body).ok());
            let token =
                answer.map(|answer| Zeroizing::new(answer.signin_token)).filter(|token| !token.is_empty());
            token.ok_or_else(|| {
                unavailable(Some(status), "the answer is not the federation endpoint's; what stands between?")
            })
        }
        300..=399 => Err(unavailable(
            Some(status),
            "redirects are not followed; console.endpoint, or a proxy between?",
        )),
        429 => Err(unavailable(Some(status), "the federation endpoint throttles")),
        400..=499 => Err(Failure {
            error: ConsoleError::Refused,
            ..unavailable(
                Some(status),
                "the federation endpoint does not take the role's credentials; AWS's documentation says that \
                 those which one role's credentials have got of another may be refused",
            )
        }),
        _ => Err(Failure {
            is_passing: true,
            ..unavailable(Some(status), "the federation endpoint has a fault of its own")
        }),
    }
}

fn unavailable(status: Option<u16>, hint: &'static str) -> Failure {
    Failure { error: ConsoleError::Unavailable, status, hint, why: None, is_passing: false }
}

/// What a browser opens (by GET, as AWS's documentation has it).
fn address(endpoint: &str, issuer: &str, destination: &str, token: &str) -> SecretString {
    let length = endpoint.len() + 64 + 3 * (issuer.len() + destination.len() + token.len());
    let mut address = String::with_capacity(length);
    address.push_str(endpoint);
    address.push('?');
    let start = address.len();
    let mut query = form_urlencoded::Serializer::for_suffix(address, start);
    query
        .append_pair("Action", "login")
        .append_pair("Issuer", issuer)
        .append_pair("Destination", destination)
        .append_pair("SigninToken", token);
    // Copied and wiped: shrinking would leave the longer one behind.
    let address = Zeroizing::new(query.finish());
    SecretString::from(address.as_str())
}
