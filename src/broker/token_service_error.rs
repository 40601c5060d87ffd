//! Why a token service gave no credentials, and what the operator should look at.

token_service_errors! { refusal_enum
    /// Why a token service gave no credentials.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum TokenServiceError
}

impl TokenServiceError {
    /// Whether another region may have what this one has not.
    pub const fn is_outage(self) -> bool {
        token_service_errors!(refusal_mark self)
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
                 console-made policies pin AWS's own sign-in URL), and aws:SourceIp or aws:SourceVpce, where it has \
                 one, the address or endpoint that this service calls from (vestibule doctor compares); with session tags also sts:TagSession, with a \
                 source identity sts:SetSourceIdentity; or the role does not exist"
            }
            Self::HubNotTrusted => {
                "the role's trust policy must allow sts:AssumeRole and sts:SetSourceIdentity (sts:TagSession with \
                 sts.session_tags) to this service's own role, with sts.external_id if there is one; and this \
                 service's role must be allowed the same on that role; or the role does not exist"
            }
            Self::OwnCredentials => {
                "this service asks with its own AWS credentials (task role, instance profile, Lambda's role, \
                 environment, profile): there are none, or they have ended, or were removed"
            }
            Self::SourceIdentity => {
                "AWS takes 2 to 64 letters, digits and _+=,.@- of ASCII as SourceIdentity and RoleSessionName, and \
                 nothing is changed to fit: name another value in sts.source_identity, or change it at the \
                 identity provider"
            }
            Self::SessionTag => {
                "a session tag has one value of at most 256 letters, digits, spaces and _.:/=+-@: look at the \
                 values that sts.session_tags names"
            }
            Self::SessionTooShort => {
                "AWS gives credentials for 15 minutes at least, and the identity provider's SessionNotOnOrAfter \
                 is nearer: lengthen its session, or have people sign in anew"
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_has_a_code_and_a_hint_of_its_own() {
        let all = TokenServiceError::all();
        let codes: BTreeSet<_> = all.iter().map(|error| error.code()).collect();
        let hints: BTreeSet<_> = all.iter().map(|error| error.hint()).collect();
        assert_eq!((codes.len(), hints.len()), (all.len(), all.len()));
        assert!(codes.iter().all(|code| code.starts_with("sts_")));
    }
}
