//! The command line of `init`.

use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(in crate::cli) struct Options {
    /// The identity provider's SAML metadata: its https address, or a file
    ///
    /// AD FS: https://HOST/FederationMetadata/2007-06/FederationMetadata.xml. An
    /// address is asked again while the service runs, so that new signing keys need nobody.
    #[arg(long, value_name = "URL|FILE")]
    pub(super) metadata: String,
    /// The certificate authorities, in PEM, that vouch for that address, where the
    /// system does not know them
    #[arg(long, value_name = "FILE")]
    pub(super) metadata_ca: Option<PathBuf>,
    /// Which identity provider, where the metadata describes several
    #[arg(long, value_name = "ID")]
    pub(super) entity_id: Option<String>,
    /// How the world will name this service; the ACS is this + /saml
    #[arg(long, value_name = "URL", default_value = DEFAULT_URL)]
    pub(super) public_url: String,
    /// The AWS account of the roles: 12 digits, and perhaps its name
    ///
    /// Given several times, each has a SAML provider of the same name, and AD FS's groups are
    /// named AWS-ID-something.
    #[arg(long, value_name = "ID[=NAME]", default_value = DEFAULT_ACCOUNT)]
    pub(super) account: Vec<String>,
    /// The region of STS, tables and keys; it decides the partition, too
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub(super) region: String,
    /// The SAML provider's name in IAM, and the identity provider's here
    #[arg(long, value_name = "NAME", default_value = "ADFS")]
    pub(super) provider_name: String,
    /// A public address or network that this service calls STS from, as AWS sees it: trust
    /// policies demand it, so that nobody takes a response to STS without our rules (may be repeated)
    ///
    /// The Elastic IP of a NAT gateway, or the server's own public address
    /// (`curl https://checkip.amazonaws.com` says it).
    #[arg(long, value_name = "CIDR")]
    pub(super) source_ip: Vec<String>,
    /// The same by the interface endpoint for STS that its calls leave by (may be repeated)
    #[arg(long, value_name = "ID")]
    pub(super) source_vpce: Vec<String>,
    /// The role that this service runs as: the people's roles trust it, and no assertion, so that
    /// nobody takes a response to STS without our rules
    ///
    /// Instead of --source-ip and --source-vpce. Credentials live for an hour at most.
    #[arg(long, value_name = "ARN")]
    pub(super) hub_role: Option<String>,
    /// Where sessions, audit trail and keys are kept
    #[arg(long, value_enum, default_value_t = Store::Embedded)]
    pub(super) store: Store,
    /// Which relying party trust of AD FS sends its responses here
    #[arg(long, value_enum, default_value_t = Trust::New)]
    pub(super) adfs_trust: Trust,
    /// Where the files go
    #[arg(long, value_name = "DIR", default_value = "site")]
    pub(super) directory: PathBuf,
    /// With the embedded store: where database, keys and last good metadata go
    /// [default: var below --directory; for /etc/vestibule it is /var/lib/vestibule]
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// Replace files that are there (never a private key)
    #[arg(long)]
    pub(super) force: bool,
}

/// Where the unit and the Debian package have the configuration, and what they keep.
pub(super) const INSTALLED: &str = "/etc/vestibule";
pub(super) const INSTALLED_STATE: &str = "/var/lib/vestibule";

impl Options {
    /// Whether the files go to where the unit and the Debian package have them.
    pub(super) fn is_installed(&self) -> bool {
        std::path::absolute(&self.directory).is_ok_and(|path| path == Path::new(INSTALLED))
    }
}

pub(super) const DEFAULT_URL: &str = "https://vestibule.example.com";
pub(super) const DEFAULT_ACCOUNT: &str = "123456789012";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Store {
    /// One server: a database and a key file on its disk
    Embedded,
    /// Any number of servers or functions: DynamoDB and KMS
    Dynamodb,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Trust {
    /// AD FS has no relying party trust for AWS yet: the script makes one
    New,
    /// It has one for the AWS console: the script makes another beside it, with AWS's other identifier
    Second,
    /// It has one for the AWS console: the script adds our address to it
    Existing,
}
