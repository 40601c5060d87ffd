//! The AWS token service under the contract, and what IAM knows of the forge's provider.

use super::aws::{Emulators, REGION};
use super::contract::token_service::{TokenServiceUnderTest, TokenServices, Wanted};
use super::{forge, grants};
use async_trait::async_trait;
use serde_json::json;
use std::sync::Arc;
use time::{Duration, OffsetDateTime};
use vestibule::adapters::aws::AwsSts;
use vestibule::broker::Credentials;
use vestibule::broker::ports::{TokenService, TokenServiceError};
use vestibule::roles::Grant;

/// IAM's copy, with this signing certificate.
pub fn metadata(certificate: &str) -> String {
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{}\"><IDPSSODescriptor \
         protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor use=\"signing\">\
         <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{certificate}\
         </X509Certificate></X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>",
        forge::ISSUER
    )
}

/// For the contract, at whose start it is always nine o'clock at AWS.
struct OnTime {
    token_service: AwsSts,
    emulators: Arc<Emulators>,
}

#[async_trait]
impl TokenService for OnTime {
    async fn assume_role(
        &self,
        grant: &Grant,
        now: OffsetDateTime,
    ) -> Result<Credentials, TokenServiceError> {
        self.emulators.sts_set("clock", &json!({ "now": forge::at(0) }));
        self.token_service.assume_role(grant, now).await
    }
}

/// AWS's STS, however it is asked.
pub struct Sts {
    services: TokenServices,
    longest: Duration,
}

impl Sts {
    /// One that gives credentials for so long at most.
    pub fn new(token_service: AwsSts, emulators: Arc<Emulators>, longest: Duration) -> Self {
        let token_service = Arc::new(OnTime { token_service, emulators });
        Self { services: TokenServices { token_service, callers: None }, longest }
    }
}

impl TokenServiceUnderTest for Sts {
    fn open(&self) -> TokenServices {
        self.services.clone()
    }
    fn stranger(&self) -> TokenServices {
        unreachable!("STS does not know its callers")
    }
    fn grant(&self, wanted: &Wanted) -> Grant {
        grants::grant(wanted)
    }
    fn now(&self) -> OffsetDateTime {
        forge::now()
    }
    fn longest(&self) -> Duration {
        self.longest
    }
    fn region(&self) -> &'static str {
        REGION
    }
}
