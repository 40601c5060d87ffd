//! Why an issuer gave no credentials: who must act, and what the operator should look at.

/// Why an issuer gave no credentials. Cut by who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenServiceError {
    /// The assertion or the identity provider's session is over. The person signs in again.
    #[error("the assertion has expired for the token service")]
    AssertionExpired,
    /// The issuer cannot believe the assertion: it holds another copy of the
    /// identity provider's metadata than we do.
    #[error("the token service does not believe the assertion")]
    AssertionInvalid,
    /// The assertion lacks what the issuer wants to find in it.
    #[error("the token service rejects a claim of the assertion")]
    ClaimRejected,
    /// The role does not trust this provider, this recipient or this person.
    #[error("the role's trust policy does not allow it")]
    NotTrusted,
    /// The role is in another partition of AWS than the issuer.
    #[error("the role is in another AWS partition")]
    WrongPartition,
    /// The account does not use this region.
    #[error("the region is switched off in the role's account")]
    RegionDisabled,
    /// The grant lasts longer than the role allows.
    #[error("the duration is beyond the role's maximum")]
    DurationTooLong,
    /// The session policy is no IAM policy.
    #[error("the session policy is malformed")]
    PolicyMalformed,
    /// Session policies and tags are too large together.
    #[error("the session policies are too large")]
    PolicyTooLarge,
    /// The issuer refuses for a reason without a variant of its own; asking
    /// again will not help.
    #[error("the token service refuses")]
    Refused,
    /// The issuer has too many callers.
    #[error("the token service throttles")]
    Throttled,
    /// The issuer did not answer in time.
    #[error("the token service did not answer in time")]
    Timeout,
    /// The issuer cannot be reached, or answers that it cannot now.
    #[error("the token service is unavailable")]
    Unavailable,
}

impl TokenServiceError {
    /// All there are, for tables and tests.
    pub const ALL: [Self; 13] = [
        Self::AssertionExpired,
        Self::AssertionInvalid,
        Self::ClaimRejected,
        Self::NotTrusted,
        Self::WrongPartition,
        Self::RegionDisabled,
        Self::DurationTooLong,
        Self::PolicyMalformed,
        Self::PolicyTooLarge,
        Self::Refused,
        Self::Throttled,
        Self::Timeout,
        Self::Unavailable,
    ];

    /// The stable, documented code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AssertionExpired => "sts_assertion_expired",
            Self::AssertionInvalid => "sts_assertion_invalid",
            Self::ClaimRejected => "sts_claim_rejected",
            Self::NotTrusted => "sts_not_trusted",
            Self::WrongPartition => "sts_wrong_partition",
            Self::RegionDisabled => "sts_region_disabled",
            Self::DurationTooLong => "sts_duration_too_long",
            Self::PolicyMalformed => "sts_policy_malformed",
            Self::PolicyTooLarge => "sts_policy_too_large",
            Self::Refused => "sts_refused",
            Self::Throttled => "sts_throttled",
            Self::Timeout => "sts_timeout",
            Self::Unavailable => "sts_unavailable",
        }
    }

    /// What the operator should look at. For the log; a person never sees it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::AssertionExpired => {
                "STS wants an assertion within 5 minutes of its issue, before its conditions and its \
                 SessionNotOnOrAfter end: compare the clocks of the identity provider and this server with AWS's"
            }
            Self::AssertionInvalid => {
                "IAM keeps its own copy of the identity provider's metadata: after a certificate rollover \
                 upload the new file (aws iam update-saml-provider); else look whether provider_arn names that \
                 provider, whether the assertion names AWS's audience (urn:amazon:webservices), and whether the \
                 identity provider's clock is ahead"
            }
            Self::ClaimRejected => {
                "the assertion's audience, role session name, session duration or tags are not as STS wants \
                 them: look at the identity provider's claim rules for https://aws.amazon.com/SAML/Attributes/"
            }
            Self::NotTrusted => {
                "the role's trust policy must allow sts:AssumeRoleWithSAML to the SAML provider, and its \
                 condition SAML:aud must name our ACS (public_url + /saml; it is the assertion's Recipient, and \
                 console-made policies pin AWS's own sign-in URL); with session tags also sts:TagSession, with a \
                 source identity sts:SetSourceIdentity; or the role does not exist"
            }
            Self::WrongPartition => {
                "sts.region lies in another partition than the role (aws, aws-us-gov and aws-cn share nothing): \
                 run one Vestibule for each partition"
            }
            Self::RegionDisabled => {
                "STS is switched off for sts.region in the role's account (IAM, account settings): \
                 activate it there, or name another region"
            }
            Self::DurationTooLong => {
                "the rule's duration is beyond the role's MaxSessionDuration (1 hour unless raised): \
                 shorten the one or raise the other"
            }
            Self::PolicyMalformed => {
                "the rule's session_policy is JSON but no IAM policy: \
                 try it with aws accessanalyzer validate-policy"
            }
            Self::PolicyTooLarge => {
                "session_policy, policy_arns and session tags are packed together and exceed what STS allows: \
                 shorten the policy, or move it into a managed policy"
            }
            Self::Refused => {
                "AWS's code says what it refuses; CloudTrail of the role's account has the event under the request id"
            }
            Self::Throttled => {
                "STS throttles calls by account and region: spread logins, or ask AWS for a higher quota"
            }
            Self::Timeout => {
                "STS did not answer in time: look at the way to it (DNS, proxy, security group, VPC endpoint) \
                 and at AWS's health page; a further region in sts.regions would have been tried"
            }
            Self::Unavailable => {
                "STS could not be reached, or answered with a fault of its own: look at the way to it (DNS, \
                 proxy, security group, VPC endpoint, sts.endpoint) and at AWS's health page"
            }
        }
    }

    /// Whether another region may have what this one has not.
    pub const fn is_outage(self) -> bool {
        match self {
            Self::Throttled | Self::Timeout | Self::Unavailable => true,
            Self::AssertionExpired
            | Self::AssertionInvalid
            | Self::ClaimRejected
            | Self::NotTrusted
            | Self::WrongPartition
            | Self::RegionDisabled
            | Self::DurationTooLong
            | Self::PolicyMalformed
            | Self::PolicyTooLarge
            | Self::Refused => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_has_a_code_and_a_hint_of_its_own() {
        let codes: BTreeSet<_> = TokenServiceError::ALL.into_iter().map(TokenServiceError::code).collect();
        let hints: BTreeSet<_> = TokenServiceError::ALL.into_iter().map(TokenServiceError::hint).collect();
        assert_eq!((codes.len(), hints.len()), (TokenServiceError::ALL.len(), TokenServiceError::ALL.len()));
        assert!(codes.iter().all(|code| code.starts_with("sts_")));
    }
}
