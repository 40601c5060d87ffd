//! One request to one URL, by the SDK's own connections: bounded in time and
//! length, no redirects.

use crate::broker::ports::Validators;
use crate::config::MetadataSource;
use crate::system::{connector, innermost, within};
use aws_sdk_sts::config::http::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::http::HttpConnector;
use http_body_util::{BodyExt, Limited};
use std::time::Duration;

/// The longest validator kept. Servers write some dozens of characters.
const MAX_VALIDATOR_CHARS: usize = 1_024;

/// What a URL or a file gives.
#[derive(Debug)]
pub(super) enum Response {
    /// It has the document of the validators that were sent.
    NotModified,
    Document(Vec<u8>, Validators),
}

#[derive(Debug, Clone)]
pub(super) struct Fetcher {
    url: String,
    authorities: Option<Vec<u8>>,
}

impl Fetcher {
    pub(super) fn new(url: &str, source: &MetadataSource) -> Self {
        Self { url: url.to_owned(), authorities: source.authorities.clone() }
    }

    /// Gets the document unless it is still the one of `known`.
    pub(super) async fn get(&self, known: Validators, timeout: Duration) -> Result<Response, String> {
        let fetcher = self.clone();
        within(timeout, async move { fetcher.exchange(known).await }).await
    }

    async fn exchange(&self, known: Validators) -> Result<Response, String> {
        let mut request = HttpRequest::new("".into());
        request.set_uri(self.url.as_str()).map_err(|e| e.to_string())?;
        let may_be_unchanged = known != Validators::default();
        let headers = [
            ("accept", Some("application/samlmetadata+xml, application/xml;q=0.9, */*;q=0.1".to_owned())),
            ("accept-encoding", Some("identity".to_owned())),
            ("user-agent", Some(concat!("vestibule/", env!("CARGO_PKG_VERSION")).to_owned())),
            ("if-none-match", known.etag),
            ("if-modified-since", known.last_modified),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                request.headers_mut().try_insert(name, value).map_err(|e| e.to_string())?;
            }
        }
        let response = connector(&self.url, self.authorities.as_deref())?
            .call(request)
            .await
            .map_err(|e| innermost(&e))?;
        match response.status().as_u16() {
            200 => document(response).await,
            304 if may_be_unchanged => Ok(Response::NotModified),
            status @ 300..=399 => Err(format!(
                "it answers {status}, and redirects are not followed: configure where it leads to"
            )),
            status => Err(format!("it answers {status}")),
        }
    }
}

async fn document(response: HttpResponse) -> Result<Response, String> {
    let header = |name: &str| {
        let value = response.headers().get(name).filter(|value| value.len() <= MAX_VALIDATOR_CHARS);
        value.map(str::to_owned)
    };
    if header("content-encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err("it answers in a compression that was not asked for".to_owned());
    }
    let validators = Validators { etag: header("etag"), last_modified: header("last-modified") };
    let body = Limited::new(response.into_body(), MetadataSource::MAX_BYTES).collect().await;
    let body = body.map_err(|e| format!("the answer broke off or is longer than 32 MiB: {e}"))?;
    Ok(Response::Document(body.to_bytes().to_vec(), validators))
}
