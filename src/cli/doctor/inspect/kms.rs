//! KMS as the key ring uses it: one data key made and opened again, under the
//! configured context; one signature, where KMS signs tickets.

use super::error::InspectError;
use crate::adapters::aws::Sdk;
use crate::config::{Kms, Signing};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, MacAlgorithmSpec, MessageType, SigningAlgorithmSpec};
use std::collections::HashMap;
use std::time::Duration;
use zeroize::Zeroizing;

/// The signed message: its form is not that of a ticket, so it cannot be used as one.
const PROBE: &[u8] = b"vestibule doctor";

/// KMS with the settings of the key ring.
pub(crate) struct KmsInspector<'a> {
    client: Client,
    settings: &'a Kms,
}

impl<'a> KmsInspector<'a> {
    /// Sends nothing yet.
    pub(crate) async fn open(sdk: &Sdk, settings: &'a Kms) -> Self {
        let shared = sdk.at(&settings.region, settings.endpoint.as_deref()).await;
        let config = aws_sdk_kms::config::Builder::from(&shared)
            .retry_config(RetryConfig::standard().with_max_attempts(2))
            .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_secs(6)).build())
            .build();
        Self { client: Client::from_conf(config), settings }
    }

    /// `GenerateDataKey`, then `Decrypt`, both with the context. The data key
    /// protects nothing and is discarded.
    ///
    /// # Errors
    /// Which of the two was refused, and why.
    pub(crate) async fn round_trip(&self) -> Result<(), (&'static str, InspectError)> {
        let context: HashMap<String, String> = self.settings.encryption_context.clone().into_iter().collect();
        let key = &self.settings.key_id;
        let made = self
            .client
            .generate_data_key()
            .key_id(key)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(context.clone()))
            .send()
            .await
            .map_err(|e| ("kms:GenerateDataKey", InspectError::of_sdk(&e)))?;
        let plaintext = Zeroizing::new(made.plaintext.map(|b| b.into_inner()).unwrap_or_default());
        let opened = self
            .client
            .decrypt()
            .key_id(key)
            .set_ciphertext_blob(made.ciphertext_blob)
            .set_encryption_context(Some(context))
            .send()
            .await
            .map_err(|e| ("kms:Decrypt", InspectError::of_sdk(&e)))?;
        let opened = Zeroizing::new(opened.plaintext.map(|b| b.into_inner()).unwrap_or_default());
        if plaintext.is_empty() || *plaintext != *opened {
            return Err(("kms:Decrypt", InspectError::NoAnswer("another key came back".to_owned())));
        }
        Ok(())
    }

    /// One signature by the key that signs tickets, if KMS signs them.
    ///
    /// # Errors
    /// Which action was refused, and why.
    pub(crate) async fn signs(&self) -> Result<(), (&'static str, InspectError)> {
        match &self.settings.signing {
            Signing::DataKey => Ok(()),
            Signing::KmsHmac { key_id } => self
                .client
                .generate_mac()
                .key_id(key_id)
                .mac_algorithm(MacAlgorithmSpec::HmacSha256)
                .message(Blob::new(PROBE))
                .send()
                .await
                .map(|_| ())
                .map_err(|e| ("kms:GenerateMac", InspectError::of_sdk(&e))),
            Signing::KmsAsymmetric { key_id } => {
                let public = self.client.get_public_key().key_id(key_id).send().await;
                let offered = public
                    .map_err(|e| ("kms:GetPublicKey", InspectError::of_sdk(&e)))?
                    .signing_algorithms
                    .unwrap_or_default();
                let usable = [SigningAlgorithmSpec::EcdsaSha256, SigningAlgorithmSpec::RsassaPkcs1V15Sha256];
                let algorithm = usable.into_iter().find(|each| offered.contains(each)).ok_or_else(|| {
                    let said = "the key signs neither ES256 nor RS256".to_owned();
                    ("kms:GetPublicKey", InspectError::NoAnswer(said))
                })?;
                self.client
                    .sign()
                    .key_id(key_id)
                    .message_type(MessageType::Raw)
                    .message(Blob::new(PROBE))
                    .signing_algorithm(algorithm)
                    .send()
                    .await
                    .map(|_| ())
                    .map_err(|e| ("kms:Sign", InspectError::of_sdk(&e)))
            }
        }
    }
}
