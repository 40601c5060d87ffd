//! The calls of KMS, and its errors in the operator's words.

use super::jws::PublicKey;
use crate::adapters::aws::error::described;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::verify_mac::VerifyMacError;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, KeyUsageType, MacAlgorithmSpec, MessageType, SigningAlgorithmSpec};
use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::time::Duration;
use zeroize::Zeroizing;

/// A connection inside one region takes milliseconds; a second is a fault.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// KMS answers in ten milliseconds or so.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// With retries of throttling and 5xx.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

const ATTEMPTS: u32 = 3;

/// The encryption context of every data key, which its ciphertext is bound to.
const PURPOSE: (&str, &str) = ("vestibule:purpose", "key ring");
const KID: &str = "vestibule:kid";

/// KMS, with the encryption context of the data keys.
pub(super) struct Kms {
    client: Client,
    context: BTreeMap<String, String>,
}

/// A key that KMS made: its ciphertext, and the ARN of the KMS key.
pub(super) struct Protected {
    pub(super) ciphertext: Vec<u8>,
    pub(super) by: String,
}

/// A public key, and the ARN of its KMS key.
pub(super) struct Public {
    /// `None`: of a kind that signs no tickets.
    pub(super) key: Option<PublicKey>,
    pub(super) key_id: String,
}

/// Why something cannot be done: a sentence for the operator.
pub(super) type Reason = String;

impl Kms {
    pub(super) fn new(client: &Client, context: BTreeMap<String, String>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let retry = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(Duration::from_millis(100))
            .with_max_backoff(Duration::from_secs(1));
        let config = client.config().to_builder().retry_config(retry).timeout_config(timeouts);
        Self { client: Client::from_conf(config.build()), context }
    }

    fn context(&self, kid: &str) -> HashMap<String, String> {
        let ours =
            [(PURPOSE.0, PURPOSE.1), (KID, kid)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.context.clone().into_iter().chain(ours).collect()
    }

    /// A new data key; its plaintext stays in KMS.
    pub(super) async fn generate(&self, key_id: &str, kid: &str) -> Result<Protected, Reason> {
        let made = self
            .client
            .generate_data_key_without_plaintext()
            .key_id(key_id)
            .key_spec(DataKeySpec::Aes256)
            .set_encryption_context(Some(self.context(kid)))
            .send()
            .await
            .map_err(|e| denied("GenerateDataKeyWithoutPlaintext", key_id, &e))?;
        let (Some(ciphertext), Some(by)) = (made.ciphertext_blob, made.key_id) else {
            return Err(incomplete("GenerateDataKeyWithoutPlaintext"));
        };
        Ok(Protected { ciphertext: ciphertext.into_inner(), by })
    }

    /// The plaintext of the data key, if it is of this kid and of our context.
    pub(super) async fn decrypt(
        &self,
        protected_by: &str,
        kid: &str,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Reason> {
        let opened = self
            .client
            .decrypt()
            .key_id(protected_by)
            .ciphertext_blob(Blob::new(ciphertext))
            .set_encryption_context(Some(self.context(kid)))
            .send()
            .await
            .map_err(|e| denied("Decrypt", protected_by, &e))?;
        let plaintext = opened.plaintext.ok_or_else(|| incomplete("Decrypt"))?;
        Ok(Zeroizing::new(plaintext.into_inner()))
    }

    pub(super) async fn public_key(&self, key_id: &str) -> Result<Public, Reason> {
        let found = self.client.get_public_key().key_id(key_id).send().await;
        let found = found.map_err(|e| denied("GetPublicKey", key_id, &e))?;
        let (Some(spki), Some(key_id)) = (found.public_key, found.key_id) else {
            return Err(incomplete("GetPublicKey"));
        };
        let signs = found.key_usage == Some(KeyUsageType::SignVerify);
        let key = PublicKey::from_spki(spki.as_ref()).filter(|_| signs);
        Ok(Public { key, key_id })
    }

    /// A signature; of ECDSA in ASN.1, as KMS writes it.
    pub(super) async fn sign(
        &self,
        key_id: &str,
        algorithm: SigningAlgorithmSpec,
        message: &str,
    ) -> Result<Vec<u8>, Reason> {
        let signed = self
            .client
            .sign()
            .key_id(key_id)
            .signing_algorithm(algorithm)
            .message_type(MessageType::Raw)
            .message(Blob::new(message))
            .send()
            .await
            .map_err(|e| denied("Sign", key_id, &e))?;
        Ok(signed.signature.ok_or_else(|| incomplete("Sign"))?.into_inner())
    }

    /// The MAC, and the ARN of its key.
    pub(super) async fn mac(&self, key_id: &str, message: &str) -> Result<(Vec<u8>, String), Reason> {
        let made = self
            .client
            .generate_mac()
            .key_id(key_id)
            .mac_algorithm(MacAlgorithmSpec::HmacSha256)
            .message(Blob::new(message))
            .send()
            .await
            .map_err(|e| denied("GenerateMac", key_id, &e))?;
        let (Some(mac), Some(key_id)) = (made.mac, made.key_id) else {
            return Err(incomplete("GenerateMac"));
        };
        Ok((mac.into_inner(), key_id))
    }

    pub(super) async fn mac_is_valid(
        &self,
        key_id: &str,
        message: &str,
        mac: Vec<u8>,
    ) -> Result<bool, Reason> {
        let verified = self
            .client
            .verify_mac()
            .key_id(key_id)
            .mac_algorithm(MacAlgorithmSpec::HmacSha256)
            .message(Blob::new(message))
            .mac(Blob::new(mac))
            .send()
            .await;
        match verified {
            Ok(verified) => Ok(verified.mac_valid),
            Err(e) if e.as_service_error().is_some_and(VerifyMacError::is_kms_invalid_mac_exception) => {
                Ok(false)
            }
            Err(e) => Err(denied("VerifyMac", key_id, &e)),
        }
    }
}

/// KMS's messages name keys, principals and permissions, never contents.
fn denied<E>(operation: &str, key_id: &str, error: &SdkError<E>) -> Reason
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let said = described(error);
    let advice = match error.code() {
        Some("AccessDeniedException") => {
            format!("; allow this role kms:{operation} on the key, and see that the key's policy does too")
        }
        Some("InvalidCiphertextException" | "IncorrectKeyException") => {
            "; was keys.encryption_context changed? What it was protects the keys made then".to_owned()
        }
        Some("NotFoundException") => "; is it in this region and account?".to_owned(),
        Some("DisabledException" | "KMSInvalidStateException") => "; enable the key again".to_owned(),
        _ => String::new(),
    };
    format!("KMS does not {operation} with {key_id} ({said}){advice}")
}

fn incomplete(operation: &str) -> Reason {
    format!("KMS's answer to {operation} is incomplete")
}
