//! The people of the demo's company, and the claims of its AD FS about them.

/// The company of the demo, made up.
pub const COMPANY: &str = "Halvorsen Tide Gauges";

/// The AWS account of the demo's roles.
pub const ACCOUNT: &str = "123456789012";

/// The SAML provider for the look-alike in that account.
pub const PROVIDER_ARN: &str = "arn:aws:iam::123456789012:saml-provider/ADFS";

/// A person who can sign in.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// The account name, as the sign-on form sends it.
    pub account: &'static str,
    /// How the sign-on page names them.
    pub name: &'static str,
    /// Their job.
    pub title: &'static str,
    /// What the demo shows with them.
    pub shows: &'static str,
    /// Names of their Active Directory groups.
    pub groups: &'static [&'static str],
}

/// All of them.
pub const PEOPLE: &[Person] = &[
    Person {
        account: "paula",
        name: "Paula Okafor",
        title: "Operations",
        shows: "has production, and gets it for an hour",
        groups: &["Domain Users", "Operations", "AWS-Production", "AWS-Dev"],
    },
    Person {
        account: "dev",
        name: "Dev Chandra",
        title: "Software",
        shows: "has development only: refused, and told why",
        groups: &["Domain Users", "Software", "AWS-Dev"],
    },
    Person {
        account: "conny-C",
        name: "Conny Contractor",
        title: "External, field service",
        shows: "has production, scoped down to calling the API for 15 minutes",
        groups: &["Domain Users", "External", "AWS-Production"],
    },
    Person {
        account: "ada",
        name: "Ada Lindqvist",
        title: "Administrator",
        shows: "has an administrator's role for four hours",
        groups: &["Domain Users", "Domain Admins", "AWS-ProductionAdmin"],
    },
    Person {
        account: "tim",
        name: "Tim Both",
        title: "Operations, two plants",
        shows: "has two production roles: chooses between them, and reads why not a third",
        groups: &["Domain Users", "Operations", "AWS-ProductionNorth", "AWS-ProductionSouth", "AWS-Dev"],
    },
];

impl Person {
    /// The person of this account name.
    pub fn by_account(account: &str) -> Option<&'static Self> {
        PEOPLE.iter().find(|person| person.account == account)
    }

    /// AWS's claim rules for AD FS take the Windows account name as NameID.
    pub fn name_id(&self) -> String {
        format!("HALVORSEN\\{}", self.account)
    }

    /// And the mail address as RoleSessionName.
    pub fn mail(&self) -> String {
        format!("{}@halvorsen.example", self.account)
    }

    /// `RegExReplace(c.Value, "AWS-", "arn:aws:iam::ACCT:saml-provider/ADFS,arn:aws:iam::ACCT:role/ADFS-")`
    /// over the groups whose name begins with `AWS-`.
    pub fn roles(&self) -> impl Iterator<Item = String> + '_ {
        self.groups
            .iter()
            .filter_map(|group| group.strip_prefix("AWS-"))
            .map(|name| format!("{PROVIDER_ARN},arn:aws:iam::{ACCOUNT}:role/ADFS-{name}"))
    }
}
