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
        let values = [
            ("@TRUST@", trust.to_owned()),
            ("@ACS@", quoted(&self.acs())),
            ("@IDENTIFIER@", quoted(self.identifier())),
            ("@CONSOLE@", quoted(self.relying_party())),
            // Names of IAM, of a narrow alphabet.
            ("@PROVIDER@", self.provider.clone()),
            ("@ROLES@", format!("arn:{}:iam::{}:role/ADFS-", self.partition, self.account)),
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
