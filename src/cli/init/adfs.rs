//! `adfs.ps1`, for the three ways to a relying party trust.

use super::options::Trust;
use super::site::Site;

const SCRIPT: &str = include_str!("adfs.ps1");

impl Site<'_> {
    /// `None` for another identity provider.
    pub(super) fn adfs_script(&self) -> Option<String> {
        self.adfs_page.as_ref()?;
        let trust = match self.trust {
            Trust::New => "new",
            Trust::Second => "second",
            Trust::Existing => "existing",
        };
        // With several accounts a group's name says which.
        let (groups, group, account) = match self.accounts.as_slice() {
            [(account, _)] => ("AWS-something", "AWS-", account.as_str()),
            _ => ("AWS-account-something", "AWS-([0-9]{12})-", "$1"),
        };
        let values = [
            ("@TRUST@", trust.to_owned()),
            ("@ACS@", quoted(&self.acs())),
            ("@IDENTIFIER@", quoted(self.identifier())),
            ("@CONSOLE@", quoted(self.relying_party())),
            ("@GROUPS@", groups.to_owned()),
            ("@GROUP@", group.to_owned()),
            // Names of IAM, of a narrow alphabet.
            ("@PROVIDER@", self.provider_of(account)),
            ("@ROLES@", format!("arn:{}:iam::{account}:role/ADFS-", self.partition)),
        ];
        Some(values.iter().fold(SCRIPT.to_owned(), |script, (mark, value)| script.replace(mark, value)))
    }
}

/// Inside a PowerShell string in single quotes, of which it takes four kinds.
fn quoted(value: &str) -> String {
    value
        .chars()
        .flat_map(|c| std::iter::repeat_n(c, 1 + usize::from(matches!(c, '\'' | '‘' | '’' | '‚' | '‛'))))
        .collect()
}
