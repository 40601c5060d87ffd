//! ARNs of IAM roles and SAML providers, checked as ARNs.

/// Why a text is not the ARN that is needed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// Longer than STS's 2,048 characters, or shorter than its 20.
    #[error("an ARN has 20 to 2,048 characters")]
    Length,
    /// Not `arn:PARTITION:iam::ACCOUNT:…` with a known partition and a 12-digit account.
    #[error("not an IAM ARN (arn:aws:iam::123456789012:…)")]
    NotIam,
    /// An IAM ARN of another kind of resource.
    #[error("not the ARN of a role (role/NAME) or of a SAML provider (saml-provider/NAME)")]
    OtherResource,
}

/// `arn:aws:iam::123456789012:role/path/NAME`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleArn(String);

/// `arn:aws:iam::123456789012:saml-provider/NAME`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProviderArn(String);

impl RoleArn {
    /// # Errors
    /// [`ArnError`].
    pub fn parse(_text: &str) -> Result<Self, ArnError> {
        todo!()
    }
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The partition: `aws`, `aws-us-gov`, `aws-cn`, …
    pub fn partition(&self) -> &str {
        todo!()
    }
    /// The 12-digit account id.
    pub fn account(&self) -> &str {
        todo!()
    }
    /// The role's name, without its path.
    pub fn name(&self) -> &str {
        todo!()
    }
}

impl ProviderArn {
    /// # Errors
    /// [`ArnError`].
    pub fn parse(_text: &str) -> Result<Self, ArnError> {
        todo!()
    }
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The 12-digit account id.
    pub fn account(&self) -> &str {
        todo!()
    }
}
