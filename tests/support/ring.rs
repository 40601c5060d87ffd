//! The key ring that KMS protects, in a test's own process.

use super::aws::{REGION, dynamodb_at, own_retries, some_credentials};
use aws_sdk_kms::config::{BehaviorVersion, Region};
use std::sync::Arc;
use vestibule::adapters::aws::kms::KmsKeyRing;
use vestibule::broker::ports::Clock;
use vestibule::config::Kms;
use vestibule::system::SystemRandom;

pub fn ring_at(kms: &str, dynamodb: &str, settings: &Kms, clock: Arc<dyn Clock>) -> KmsKeyRing {
    let kms = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(some_credentials())
        .endpoint_url(kms)
        .retry_partition(own_retries())
        .build();
    let (kms, dynamodb) = (aws_sdk_kms::Client::from_conf(kms), dynamodb_at(dynamodb));
    KmsKeyRing::new(&kms, &dynamodb, settings.clone(), clock, Arc::new(SystemRandom))
}
