//! With `--hub-role`: what makes the people's roles trust the service alone.

use super::site::Site;
use crate::roles::RoleArn;
use serde_json::json;

/// The policy that the service's own role needs.
pub(super) const POLICY: &str = "hub-policy.json";

/// What the service does with the people's roles: `mode.assume-role` of `deploy/actions.toml`, by
/// whose example in `deploy/iam` a test holds the policy. `init` configures no session tags, and
/// whoever does later needs no other policy.
const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];

impl Site<'_> {
    /// It names whose roles are meant, and need not be secret (IAM guide, "The confused deputy
    /// problem").
    fn external_id(&self) -> String {
        self.acs()
    }

    pub(super) fn hub_backend(&self, hub: &RoleArn) -> String {
        format!(
            "\n# The service's own role assumes the people's, which trust it alone: rules hold. An hour at most.\n\
             [sts]\nkind = \"assume-role\"\nregion = {}\nhub_role = {}\nexternal_id = {}\n",
            json!(self.region),
            json!(hub.as_str()),
            json!(self.external_id())
        )
    }

    pub(super) fn hub_trust_policy(&self, hub: &RoleArn) -> String {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "AWS": hub.as_str() },
                "Action": ACTIONS,
                "Condition": { "StringEquals": { "sts:ExternalId": self.external_id() } },
            }],
        });
        format!("{policy:#}\n")
    }

    pub(super) fn hub_policy(&self) -> String {
        let roles =
            |(account, _): &(String, String)| format!("arn:{}:iam::{account}:role/ADFS-*", self.partition);
        let roles: Vec<_> = self.accounts.iter().map(roles).collect();
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "AssumeThePeoplesRoles",
                "Effect": "Allow",
                "Action": ACTIONS,
                "Resource": roles,
            }],
        });
        format!("{policy:#}\n")
    }

    pub(super) fn hub_step(&self, hub: &RoleArn) -> String {
        format!(
            "**The service's own role**, {hub}, which it runs with (task role, instance profile, function's role). \
             `{POLICY}` names the people's roles, `ADFS-*`: change that to theirs.\n\
             `aws iam put-role-policy --role-name {name} --policy-name Vestibule --policy-document file://{file}`\n\
             Nobody else may have this role: whoever has it has all of them.\n",
            hub = hub.as_str(),
            name = hub.name(),
            file = self.directory.join(POLICY).display(),
        )
    }

    pub(super) fn about_the_hub(&self, hub: &RoleArn) -> String {
        format!(
            "\n## About the trust policy\n\n\
             The people's roles trust {hub} and nobody's assertion, so a response that a person posts to STS is of no \
             use there, and rules hold. `sts:ExternalId` is `{id}`: another service that was given the same role \
             cannot use it by mistake. A role that trusts the SAML provider too can be had past the rules; \
             `doctor` warns of it.\n\n\
             AWS ends such credentials after an hour at most. CloudTrail has the person's RoleSessionName as \
             `sourceIdentity` in each call. This was tried with a strict STS of ours, not on the real one: try it with \
             one role of little power first.\n",
            hub = hub.as_str(),
            id = self.external_id(),
        )
    }
}
