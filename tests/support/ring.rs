//! The key ring that KMS protects, in a test's own process.

use super::aws::{REGION, own_retries};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use std::sync::Arc;
use vestibule::adapters::aws::kms::KmsKeyRing;
use vestibule::broker::ports::Clock;
use vestibule::config::Kms;
use vestibule::system::SystemRandom;

pub fn ring_at(kms: &str, dynamodb: &str, settings: &Kms, clock: Arc<dyn Clock>) -> KmsKeyRing {
    let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG", None, None, "test");
    let kms = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials.clone())
        .endpoint_url(kms)
        .retry_partition(own_retries())
        .build();
    let dynamodb = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials)
        .endpoint_url(dynamodb)
        .retry_partition(own_retries())
        .build();
    let (kms, dynamodb) =
        (aws_sdk_kms::Client::from_conf(kms), aws_sdk_dynamodb::Client::from_conf(dynamodb));
    KmsKeyRing::new(&kms, &dynamodb, settings.clone(), clock, Arc::new(SystemRandom))
}
