//! What a grant lets the credentials do less than the role.

use crate::roles::Grant;
use aws_sdk_sts::types::PolicyDescriptorType;

/// Its managed policies, if there are any.
pub(super) fn policy_arns(grant: &Grant) -> Option<Vec<PolicyDescriptorType>> {
    let arns = grant.policy_arns().iter().map(|arn| PolicyDescriptorType::builder().arn(arn).build());
    (arns.len() > 0).then(|| arns.collect())
}
