//! The SDK's own connections for what is no service of the SDK's: one TLS stack, one list of
//! certificates, the same proxies.

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use std::error::Error;
use std::time::Duration;

/// Keeps no connection open: long times lie between two requests. `authorities`, in PEM, in
/// place of those that the system trusts.
pub(crate) fn connector(url: &str, authorities: Option<&[u8]>) -> Result<Connector, String> {
    let roots = match authorities {
        Some(pem) => TrustStore::empty().with_pem_certificate(pem),
        None => TrustStore::default(),
    };
    let tls = TlsContext::builder().with_trust_store(roots).build().map_err(|e| e.to_string())?;
    // http is for loopback hosts, which no proxy leads to.
    let proxy = if url.starts_with("http:") { ProxyConfig::disabled() } else { ProxyConfig::from_env() };
    let connector = Connector::builder()
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .tls_context(tls)
        .proxy_config(proxy)
        .pool_max_idle_per_host(0);
    Ok(connector.build())
}

/// In a task of its own, so that a library's panic about a server's certificate is a failure
/// like others.
pub(crate) async fn within<T: Send + 'static>(
    timeout: Duration,
    asking: impl Future<Output = Result<T, String>> + Send + 'static,
) -> Result<T, String> {
    let asked = tokio::spawn(asking);
    let stop = asked.abort_handle();
    let answered = tokio::time::timeout(timeout, asked).await.map_err(|_| {
        stop.abort();
        format!("no whole answer in {} s", timeout.as_secs())
    })?;
    answered.map_err(|e| format!("asking failed: {e}"))?
}

/// The end of the chain of causes: "connection refused", "unknown issuer".
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string().chars().take(200).collect()
}
