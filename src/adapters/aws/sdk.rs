//! The configuration of the AWS SDK: its versioned behaviour, our name in its
//! calls, and the endpoint of each service.
//!
//! The SDK's standard variables hold as everywhere (`AWS_ENDPOINT_URL`,
//! `AWS_ENDPOINT_URL_STS`, `AWS_PROFILE`, `HTTPS_PROXY`, …), and its chain of
//! credentials: task role, instance profile, Lambda's role, profile file.
//! Nothing is sent before the first call of a service.

use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
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
            let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).region(region.clone());
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
