//! Signs requests as AWS's own clients do (Signature Version 4).

use super::browser::{Browser, Page};
use super::server::REGION;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use serde_json::Value;
use std::time::SystemTime;

/// The service that API Gateway's `AWS_IAM` signatures name.
pub const SERVICE: &str = "execute-api";

/// Credentials from the answer of `GET /saml`.
pub fn credentials(answer: &Value) -> Credentials {
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{name} is missing")).to_owned();
    let token = Some(text("SessionToken"));
    Credentials::new(text("AccessKeyId"), text("SecretAccessKey"), token, None, "vestibule")
}

/// `GET url` with these credentials, as a client of ours in the tests' region sends it.
pub fn get(browser: &Browser, url: &str, credentials: &Credentials) -> Page {
    let headers = headers(url, REGION, credentials);
    let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.get(url, &headers)
}

/// The headers that make `GET url` a signed request, now.
#[allow(clippy::disallowed_methods, reason = "the server under test goes by the real clock")]
pub fn headers(url: &str, region: &str, credentials: &Credentials) -> Vec<(String, String)> {
    let identity = credentials.clone().into();
    let parameters = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap();
    let host = url.split('/').nth(2).unwrap();
    let request =
        SignableRequest::new("GET", url, [("host", host)].into_iter(), SignableBody::Bytes(b"")).unwrap();
    let (instructions, _) = sign(request, &parameters.into()).unwrap().into_parts();
    instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
