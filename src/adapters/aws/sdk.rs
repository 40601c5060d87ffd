//! The configuration of the AWS SDK: its versioned behaviour, our name in its
//! calls, and the endpoint of each service.
//!
//! The SDK's standard variables hold as everywhere (`AWS_ENDPOINT_URL`,
//! `AWS_ENDPOINT_URL_STS`, `AWS_PROFILE`, `HTTPS_PROXY`, …), and its chain of
//! credentials: task role, instance profile, Lambda's role, profile file.
//! Nothing is sent before the first call of a service.

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::ProvideCredentials;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpClient, http_client_fn};
use aws_types::origin::Origin;
use tokio::sync::OnceCell;

/// Our name in the User-Agent of every call, and so in AWS's logs.
const APP_NAME: &str = "vestibule";

/// The configuration, loaded once, on first use.
#[derive(Default)]
pub struct Sdk(OnceCell<SdkConfig>);

impl From<SdkConfig> for Sdk {
    /// With what is in it, instead of what the environment says.
    fn from(config: SdkConfig) -> Self {
        Self(OnceCell::from(config))
    }
}

impl Sdk {
    /// The configuration for a service in a region, at its own endpoint unless
    /// another is configured.
    pub async fn at(&self, region: &str, endpoint: Option<&str>) -> SdkConfig {
        let region = Region::new(region.to_owned());
        let shared = self.0.get_or_init(|| load(region.clone())).await;
        let mut builder = shared.to_builder().region(region);
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint_url(endpoint);
            // Or the environment would win over the setting for this very service.
            builder.insert_origin("endpoint_url", Origin::shared_config());
        }
        builder.build()
    }
}

async fn load(region: Region) -> SdkConfig {
    read_certificates();
    let mut loader =
        aws_config::defaults(BehaviorVersion::v2026_01_12()).region(region).http_client(http_client(None));
    if let Ok(name) = AppName::new(APP_NAME) {
        loader = loader.app_name(name);
    }
    // What the chain would ask first, as in a Lambda function, without the rest of the chain.
    let environment = EnvironmentVariableCredentialsProvider::new();
    if environment.provide_credentials().await.is_ok() {
        loader = loader.credentials_provider(environment);
    }
    loader.load().await
}

/// As the SDK makes its own, its proxy settings too, but that no certificate is read before the
/// first request: the SDK reads them anew for each service's client, which takes milliseconds of
/// a start.
pub(super) fn http_client(pool_max_idle_per_host: Option<usize>) -> SharedHttpClient {
    let client = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut connector = ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.set_proxy_config(Some(ProxyConfig::from_env()));
        connector.set_pool_max_idle_per_host(pool_max_idle_per_host);
        connector.build()
    });
    http_client_fn(move |settings, components| client.http_connector(settings, components))
}

/// Has the SDK read the system's certificates, which it does once in a process, meanwhile.
/// Whoever connects first waits for the end of it.
fn read_certificates() {
    let read = || drop(ConnectorBuilder::default().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build());
    // Without the thread the first to connect reads them.
    std::thread::Builder::new().name("certificates".to_owned()).spawn(read).ok();
}
