//! The configuration of the AWS SDK: its versioned behaviour, our name in its
//! calls, and the endpoint of each service.
//!
//! The SDK's standard variables hold as everywhere (`AWS_ENDPOINT_URL`,
//! `AWS_ENDPOINT_URL_STS`, `AWS_PROFILE`, `HTTPS_PROXY`, …), and its chain of
//! credentials: task role, instance profile, Lambda's role, profile file.
//! Nothing is sent before the first call of a service.

use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::origin::Origin;
use tokio::sync::OnceCell;

/// Our name in the User-Agent of every call, and so in AWS's logs.
const APP_NAME: &str = "vestibule";

/// The configuration, loaded once, on first use.
#[derive(Default)]
pub struct Sdk(OnceCell<SdkConfig>);

impl Sdk {
    /// The configuration for a service in a region, at its own endpoint unless
    /// another is configured.
    pub async fn at(&self, region: &str, endpoint: Option<&str>) -> SdkConfig {
        let region = Region::new(region.to_owned());
        let shared = self.0.get_or_init(|| {
            let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
                .region(region.clone())
                .http_client(http_client());
            if let Ok(name) = AppName::new(APP_NAME) {
                loader = loader.app_name(name);
            }
            loader.load()
        });
        let mut builder = shared.await.to_builder().region(region);
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint_url(endpoint);
            // Or the environment would win over the setting for this very service.
            builder.insert_origin("endpoint_url", Origin::shared_config());
        }
        builder.build()
    }
}

/// The SDK's own client, one for all services: each would read the system's certificates
/// anew, which takes 3 ms of a start.
fn http_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.build()
    })
}
