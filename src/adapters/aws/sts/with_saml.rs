//! `AssumeRoleWithSAML`: the person's assertion asks. The call is not signed.

use super::scope_down::policy_arns;
use crate::roles::{Grant, ProviderArn};
use aws_sdk_sts::Client;
use aws_sdk_sts::error::SdkError;
use aws_sdk_sts::operation::assume_role_with_saml::AssumeRoleWithSAMLError;
use aws_sdk_sts::types::Credentials;

pub(super) async fn ask(
    client: &Client,
    grant: &Grant,
    provider: &ProviderArn,
    seconds: i32,
) -> Result<Option<Credentials>, SdkError<AssumeRoleWithSAMLError>> {
    let answer = client
        .assume_role_with_saml()
        .role_arn(grant.role().as_str())
        .principal_arn(provider.as_str())
        .saml_assertion(grant.identity().original().expose())
        .duration_seconds(seconds)
        .set_policy(grant.session_policy().map(str::to_owned))
        .set_policy_arns(policy_arns(grant))
        .send()
        .await?;
    Ok(answer.credentials)
}
