//! ARNs of IAM roles, SAML providers and managed policies, checked as ARNs.

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
    /// A role whose path or name has a comma.
    #[error(
        "a comma in it: an assertion separates role and SAML provider by one, so it cannot name this role"
    )]
    Comma,
}

/// `arn:aws:iam::123456789012:role/path/NAME`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleArn(String);

/// `arn:aws:iam::123456789012:saml-provider/NAME`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderArn(String);

impl RoleArn {
    /// # Errors
    /// [`ArnError`].
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let parts = Parts::of(text)?;
        let path_and_name = parts.resource.strip_prefix("role/").ok_or(ArnError::OtherResource)?;
        if !has_account(&parts) {
            return Err(ArnError::NotIam);
        }
        if !is_path_and_name(path_and_name, 64) {
            return Err(ArnError::OtherResource);
        }
        // IAM lets a name have one; in an assertion it ends the ARN.
        if text.contains(',') {
            return Err(ArnError::Comma);
        }
        Ok(Self(text.to_owned()))
    }
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The partition: `aws`, `aws-us-gov`, `aws-cn`, …
    pub fn partition(&self) -> &str {
        part(&self.0, 1)
    }
    /// The 12-digit account id.
    pub fn account(&self) -> &str {
        part(&self.0, 4)
    }
    /// The role's name, without its path.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl ProviderArn {
    /// # Errors
    /// [`ArnError`].
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let parts = Parts::of(text)?;
        let name = parts.resource.strip_prefix("saml-provider/").ok_or(ArnError::OtherResource)?;
        if !has_account(&parts) {
            return Err(ArnError::NotIam);
        }
        // IAM: CreateSAMLProvider, Name.
        let ok = (1..=128).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
        if !ok {
            return Err(ArnError::OtherResource);
        }
        Ok(Self(text.to_owned()))
    }
    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// The partition: `aws`, `aws-us-gov`, `aws-cn`, …
    pub fn partition(&self) -> &str {
        part(&self.0, 1)
    }
    /// The 12-digit account id.
    pub fn account(&self) -> &str {
        part(&self.0, 4)
    }
    /// Whether this role is of its account, in its partition.
    pub fn is_beside(&self, role: &RoleArn) -> bool {
        (self.partition(), self.account()) == (role.partition(), role.account())
    }
}

/// `provider_arn` as it is configured: of one account, or `arn:aws:iam::*:saml-provider/NAME`
/// of each account that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderPattern {
    /// One SAML provider.
    One(ProviderArn),
    /// One of this name in each account: the ARN's texts before and behind the account.
    Each {
        /// `arn:aws:iam::`
        before: String,
        /// `:saml-provider/NAME`
        behind: String,
    },
}

impl ProviderPattern {
    /// # Errors
    /// [`ArnError`].
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let Some((before, behind)) = text.split_once("::*:") else {
            return ProviderArn::parse(text).map(Self::One);
        };
        let each = Self::Each { before: format!("{before}::"), behind: format!(":{behind}") };
        // Whatever the account: the rest is right, or it is not.
        each.of("000000000000").map(|_| each)
    }

    /// The SAML provider of this account; one that names its account stays what it is.
    ///
    /// # Errors
    /// [`ArnError`], if it is no account.
    pub fn of(&self, account: &str) -> Result<ProviderArn, ArnError> {
        match self {
            Self::One(arn) => Ok(arn.clone()),
            Self::Each { before, behind } => ProviderArn::parse(&format!("{before}{account}{behind}")),
        }
    }
}

/// Whether this is an account id: 12 digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether this is the ARN of a managed policy: a customer's
/// (`arn:aws:iam::123456789012:policy/path/NAME`) or AWS's own
/// (`arn:aws:iam::aws:policy/path/NAME`).
pub(super) fn is_managed_policy(text: &str) -> bool {
    Parts::of(text).is_ok_and(|parts| {
        (has_account(&parts) || parts.account == "aws")
            && parts.resource.strip_prefix("policy/").is_some_and(|rest| is_path_and_name(rest, 128))
    })
}

/// The parts of an IAM ARN that differ.
struct Parts<'a> {
    account: &'a str,
    resource: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, ArnError> {
        if !(20..=2_048).contains(&text.chars().count()) {
            return Err(ArnError::Length);
        }
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().unwrap_or_default();
        // IAM is global: its ARNs name no region.
        let iam = next() == "arn" && is_partition(next()) && next() == "iam" && next().is_empty();
        if iam { Ok(Self { account: next(), resource: next() }) } else { Err(ArnError::NotIam) }
    }
}

fn part(arn: &str, index: usize) -> &str {
    arn.splitn(6, ':').nth(index).unwrap_or_default()
}

/// AWS's partitions. A closed list, except that the isolated ones multiply (`aws-iso-b`, `-e`, `-f`).
pub(super) fn is_partition(text: &str) -> bool {
    matches!(text, "aws" | "aws-us-gov" | "aws-cn" | "aws-eusc" | "aws-iso")
        || text
            .strip_prefix("aws-iso-")
            .is_some_and(|rest| (1..=8).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase()))
}

fn has_account(parts: &Parts<'_>) -> bool {
    is_account(parts.account)
}

/// `path/…/NAME`: an IAM path is printable ASCII, at most 512 characters with
/// its slashes. We are stricter in two things: no empty segment, and no colon,
/// or one role could hold another ARN.
fn is_path_and_name(text: &str, max_name: usize) -> bool {
    let (path, name) = text.rsplit_once('/').unwrap_or(("", text));
    let path_ok = path.is_empty() && !text.starts_with('/')
        || path.len() <= 510
            && path.split('/').all(|segment| {
                !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_graphic() && b != b':')
            });
    path_ok && (1..=max_name).contains(&name.len()) && name.bytes().all(is_name_byte)
}

/// `[\w+=,.@-]`, IAM's alphabet for names; `\w` is ASCII there.
pub(super) const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_role_with_a_path_gives_its_parts() {
        let arn = RoleArn::parse("arn:aws-us-gov:iam::123456789012:role/team/x+y!/ADFS-Prod").unwrap();
        assert_eq!(arn.partition(), "aws-us-gov");
        assert_eq!(arn.account(), "123456789012");
        assert_eq!(arn.name(), "ADFS-Prod");
    }

    #[test]
    fn every_partition_is_known_and_no_other() {
        let with = |partition: &str| RoleArn::parse(&format!("arn:{partition}:iam::123456789012:role/R"));
        for known in ["aws", "aws-us-gov", "aws-cn", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-f"] {
            with(known).unwrap();
        }
        for unknown in ["", "AWS", "aws-", "aws-xx", "aws-iso-", "aws-iso-B", "*", "aws*"] {
            assert_eq!(with(unknown), Err(ArnError::NotIam), "{unknown}");
        }
    }

    #[test]
    fn roles_are_checked_as_arns() {
        use ArnError::{Comma, Length, NotIam, OtherResource};
        let long_name = format!("arn:aws:iam::123456789012:role/{}", "n".repeat(65));
        let long_path = format!("arn:aws:iam::123456789012:role/{}/R", "p".repeat(511));
        let too_long = format!("arn:aws:iam::123456789012:role/{}", "r".repeat(2_048));
        for (text, error) in [
            ("", Length),
            ("arn:aws:iam::1:role", Length),
            (too_long.as_str(), Length),
            ("the text arn:aws:iam::123456789012:role/Prod", NotIam),
            (" arn:aws:iam::123456789012:role/Prod", NotIam),
            ("arn:aws:sts::123456789012:role/Prod", NotIam),
            ("arn:aws:iam:eu-west-1:123456789012:role/Prod", NotIam),
            ("arn:aws:iam::12345678901:role/Production", NotIam),
            ("arn:aws:iam::12345678901x:role/Prod", NotIam),
            ("arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/Prod", NotIam),
            ("arn:aws:iam::aws:role/Production", NotIam),
            ("arn:aws:iam::123456789012:saml-provider/ADFS", OtherResource),
            ("arn:aws:iam::123456789012:user/Prod", OtherResource),
            ("arn:aws:iam::123456789012:role", OtherResource),
            ("arn:aws:iam::123456789012:role/", OtherResource),
            ("arn:aws:iam::123456789012:role//Prod", OtherResource),
            ("arn:aws:iam::123456789012:role/a//Prod", OtherResource),
            ("arn:aws:iam::123456789012:role/a b/Prod", OtherResource),
            ("arn:aws:iam::123456789012:role/x,arn:aws:iam::123456789012:role/Prod", OtherResource),
            ("arn:aws:iam::123456789012:role/Prod ", OtherResource),
            ("arn:aws:iam::123456789012:role/Pröd", OtherResource),
            ("arn:aws:iam::123456789012:role/*", OtherResource),
            ("arn:aws:iam::123456789012:role/Prod\n", OtherResource),
            ("arn:aws:iam::123456789012:role/Prod,a", Comma),
            ("arn:aws:iam::123456789012:role/a,b/Prod", Comma),
            (long_name.as_str(), OtherResource),
            (long_path.as_str(), OtherResource),
        ] {
            assert_eq!(RoleArn::parse(text), Err(error), "{text}");
        }
        RoleArn::parse(&format!("arn:aws:iam::123456789012:role/{}", "n".repeat(64))).unwrap();
    }

    #[test]
    fn providers_are_checked_as_arns() {
        let provider = ProviderArn::parse("arn:aws-cn:iam::123456789012:saml-provider/AD_FS.v-2").unwrap();
        assert_eq!((provider.partition(), provider.account()), ("aws-cn", "123456789012"));
        for text in ["", "a/b", "a,b", "a b", "a:b", &"n".repeat(129)] {
            let arn = format!("arn:aws:iam::123456789012:saml-provider/{text}");
            assert_eq!(ProviderArn::parse(&arn), Err(ArnError::OtherResource), "{arn}");
        }
        assert_eq!(ProviderArn::parse("arn:aws:iam::123456789012:role/ADFS"), Err(ArnError::OtherResource));
    }

    #[test]
    fn a_star_stands_for_the_account_and_for_nothing_else() {
        let pattern = ProviderPattern::parse("arn:aws-us-gov:iam::*:saml-provider/ADFS").unwrap();
        let arn = pattern.of("123456789012").unwrap();
        assert_eq!(arn.as_str(), "arn:aws-us-gov:iam::123456789012:saml-provider/ADFS");
        assert_eq!(pattern.of("1"), Err(ArnError::NotIam));
        assert_eq!(pattern.of("aws"), Err(ArnError::NotIam));
        for text in [
            "arn:*:iam::123456789012:saml-provider/ADFS",
            "arn:aws:iam::*:saml-provider/*",
            "arn:aws:iam::12345678901*:saml-provider/ADFS",
            "arn:aws:iam::*:role/ADFS",
            "arn:aws:iam::**:saml-provider/ADFS",
            "arn:aws:iam::*::*:saml-provider/ADFS",
            "*",
            "::*:",
        ] {
            assert!(ProviderPattern::parse(text).is_err(), "{text}");
        }
        let one = ProviderPattern::parse("arn:aws:iam::123456789012:saml-provider/ADFS").unwrap();
        assert_eq!(one.of("210987654321").unwrap().account(), "123456789012");
    }

    #[test]
    fn managed_policies_are_the_customers_and_awss_own() {
        assert!(is_managed_policy("arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"));
        assert!(is_managed_policy("arn:aws:iam::123456789012:policy/Scope"));
        for text in ["arn:aws:iam::aws:role/ViewOnlyAccess", "arn:aws:s3:::bucket/policy/x", "ViewOnlyAccess"]
        {
            assert!(!is_managed_policy(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_parses_is_kept_to_the_letter(text in "(arn:(aws|aws-cn)?:iam::[0-9]{11,12}:)?(role|saml-provider)/\\PC{0,80}") {
            if let Ok(arn) = RoleArn::parse(&text) {
                prop_assert_eq!(arn.as_str(), text.as_str());
                prop_assert!(text.ends_with(arn.name()) && !arn.name().is_empty());
                prop_assert!(text.is_ascii() && arn.account().len() == 12);
                prop_assert!(ProviderArn::parse(&text).is_err());
            }
        }

        #[test]
        fn any_text_is_answered(text in "\\PC{0,3000}") {
            let _ = (RoleArn::parse(&text), ProviderArn::parse(&text), is_managed_policy(&text));
        }
    }
}
