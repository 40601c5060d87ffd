//! Whether a bucket is public: asked without credentials.

use super::error::innermost;
use super::query::elsewhere;
use crate::adapters::aws::Sdk;
use aws_sdk_sts::config::http::HttpRequest;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::HttpConnector;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Which of the listing and `index.html` are public.
///
/// # Errors
/// Why it is not known.
pub(crate) async fn anonymous_reads(
    sdk: &Sdk,
    region: &str,
    bucket: &str,
) -> Result<Vec<&'static str>, String> {
    let config = sdk.at(region, None).await;
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    // By path: the name may have dots, which no certificate of S3's covers.
    let base = elsewhere(&config, "S3", format!("https://s3.{region}.{domain}"));
    let connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .proxy_config(ProxyConfig::from_env())
        .build();
    let mut readable = Vec::new();
    for (what, path) in [("the list of its files", ""), ("index.html", "index.html")] {
        let mut request = HttpRequest::new("".into());
        let uri = format!("{}/{bucket}/{path}", base.trim_end_matches('/'));
        request.set_uri(uri.as_str()).map_err(|e| e.to_string())?;
        let response = tokio::time::timeout(TIMEOUT, connector.call(request))
            .await
            .map_err(|_| "no answer in time".to_owned())?
            .map_err(|e| innermost(&e))?;
        match response.status().as_u16() {
            200 => readable.push(what),
            // S3 says 403 of what is not there, too, unless the listing is public.
            403 => {}
            404 if path.is_empty() => return Err("there is no such bucket".to_owned()),
            404 => {}
            status => return Err(format!("S3 answers {status}; is it in this region?")),
        }
    }
    Ok(readable)
}
