//! KMS, used once.

use super::finding::Report;
use super::inspect::{InspectError, KmsInspector};
use crate::adapters::aws::Sdk;
use crate::config::{Kms, Signing};

const CHECK: &str = "kms";

pub(super) async fn check(sdk: &Sdk, settings: &Kms, report: &mut Report) {
    let inspector = KmsInspector::open(sdk, settings).await;
    let context: Vec<_> = settings.encryption_context.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let context = if context.is_empty() { "no context".to_owned() } else { context.join(", ") };
    let key = &settings.key_id;
    match inspector.round_trip().await {
        Ok(()) => report.ok(CHECK, format!("{key}: a data key was made and opened again, with {context}")),
        Err((action, error)) => {
            report.fault(CHECK, format!("{key}, with {context}: {action}: {error}"), remedy(action, &error));
        }
    }
    let (Signing::KmsAsymmetric { key_id } | Signing::KmsHmac { key_id }) = &settings.signing else { return };
    match inspector.signs().await {
        Ok(()) => report.ok(CHECK, format!("{key_id} signs")),
        Err((action, error)) => {
            report.fault(CHECK, format!("{key_id}: {action}: {error}"), remedy(action, &error));
        }
    }
}

fn remedy(action: &str, error: &InspectError) -> String {
    match error {
        InspectError::Missing => "name an existing key of this region and account".to_owned(),
        InspectError::NotAllowed(_) => format!(
            "allow {action} on this key to the service's role, in the role's policy and the key's, under \
             conditions (kms:EncryptionContext:…) that match keys.encryption_context"
        ),
        InspectError::NotSupported(_) | InspectError::NoAnswer(_) => {
            "is the key enabled, keys.region right, and KMS reachable from here (VPC endpoint, proxy)?"
                .to_owned()
        }
    }
}
