//! The options and the metadata, as one site; and what is wrong with them.

use super::found::Found;
use super::options::{DEFAULT_ACCOUNT, INSTALLED, INSTALLED_STATE, Options, Store, Trust};
use super::place::Staged;
use crate::config::NetworkPin;
use crate::roles::{ProviderArn, RoleArn, is_account, is_region, partition_of_region};
use std::path::{Path, PathBuf};

/// The regions of mid 2026, to notice a slip of the pen: a region of the right form
/// that is not here is a warning only, since new ones come.
const REGIONS: &str = "af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 \
    ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 \
    ap-southeast-7 ca-central-1 ca-west-1 cn-north-1 cn-northwest-1 eu-central-1 eu-central-2 eu-north-1 \
    eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 eusc-de-east-1 il-central-1 me-central-1 me-south-1 \
    mx-central-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-1 us-west-2";

/// The values that differ from site to site.
pub(super) struct Site<'a> {
    pub(super) public_url: &'a str,
    /// Ids and names; one at least.
    pub(super) accounts: Vec<(String, String)>,
    pub(super) region: &'a str,
    pub(super) partition: &'static str,
    pub(super) provider_name: &'a str,
    pub(super) entity_id: Option<&'a str>,
    /// Where STS is called from.
    pub(super) pin: NetworkPin,
    /// The role that the people's roles trust, instead of the SAML provider.
    pub(super) hub: Option<RoleArn>,
    pub(super) store: Store,
    pub(super) trust: Trust,
    pub(super) metadata: &'a str,
    pub(super) metadata_ca: Option<&'a Path>,
    /// AD FS's sign-on page; `None` for another identity provider.
    pub(super) adfs_page: Option<String>,
    /// Whether the identity provider wants requests signed.
    pub(super) wants_key: bool,
    /// As it is seen from where `init` runs.
    pub(super) directory: PathBuf,
    pub(super) state: PathBuf,
    /// Whether it is where the unit and the Debian package have it.
    pub(super) installed: bool,
    /// What is wrong with the options, a line each.
    pub(super) faults: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// Where the configuration finds what stands in files of their own.
pub(super) struct Paths {
    pub(super) metadata: String,
    pub(super) metadata_ca: Option<PathBuf>,
    pub(super) signing_key: PathBuf,
}

impl<'a> Site<'a> {
    /// What is wrong is among its faults, and an example in its place.
    pub(super) fn of(options: &'a Options, found: Option<&Found>) -> Self {
        let mut faults = Vec::new();
        let mut warnings = found.map(Found::ended_certificates).unwrap_or_default();
        let accounts = accounts(&options.account, &mut faults);
        let mut region = options.region.as_str();
        if !is_region(region) {
            faults.push(format!("--region: AWS calls no region so; found {region:?}"));
            region = "us-east-1";
        } else if !REGIONS.split_whitespace().any(|known| known == region) {
            warnings.push(format!(
                "{region} is none of the regions that this version knows; is it written right?"
            ));
        }
        let partition = partition_of_region(region);
        let mut provider_name = options.provider_name.as_str();
        if ProviderArn::parse(&provider_arn(partition, DEFAULT_ACCOUNT, provider_name)).is_err() {
            faults.push(format!(
                "--provider-name: IAM takes 1 to 128 of A-Z a-z 0-9 . _ - for a SAML provider; found {provider_name:?}"
            ));
            provider_name = "ADFS";
        }
        let adfs_page = found.and_then(Found::adfs_page);
        if found.is_some() && adfs_page.is_none() && options.adfs_trust != Trust::New {
            faults.push(
                "--adfs-trust: it is for AD FS, and the metadata is another identity provider's".to_owned(),
            );
        }
        if options.adfs_trust == Trust::Second && console(partition).is_none() {
            faults.push(format!(
                "--adfs-trust: this version does not know AWS's other identifier in {partition}; use existing"
            ));
        }
        let mut pin = NetworkPin::default();
        for (option, texts, add) in [
            ("--source-ip", &options.source_ip, NetworkPin::add_source_ip as fn(&mut _, &str) -> _),
            ("--source-vpce", &options.source_vpce, NetworkPin::add_source_vpce),
        ] {
            for text in texts {
                if let Err(expected) = add(&mut pin, text) {
                    faults.push(format!("{option}: {expected}; found {text:?}"));
                }
            }
        }
        let hub = hub(options, partition, &mut faults);
        let is_url = is_url(&options.metadata);
        if options.metadata_ca.is_some() && !is_url {
            faults.push("--metadata-ca: it vouches for an address, and --metadata is a file".to_owned());
        }
        if options.state.is_some() && options.store == Store::Dynamodb {
            faults.push("--state: with --store dynamodb nothing is kept on a disk".to_owned());
        }
        let installed = options.is_installed();
        let directory = if installed { INSTALLED.into() } else { options.directory.clone() };
        let state = if installed { INSTALLED_STATE.into() } else { directory.join("var") };
        Self {
            public_url: options.public_url.trim_end_matches('/'),
            accounts,
            region,
            partition,
            provider_name,
            entity_id: options.entity_id.as_deref(),
            pin,
            hub,
            store: options.store,
            trust: options.adfs_trust,
            metadata: &options.metadata,
            metadata_ca: options.metadata_ca.as_deref().filter(|_| is_url),
            adfs_page,
            wants_key: found.is_some_and(|found| found.metadata.want_authn_requests_signed),
            directory,
            state: options.state.clone().unwrap_or(state),
            installed,
            faults,
            warnings,
        }
    }

    /// The SAML provider of this account, or of each with `*`.
    pub(super) fn provider_of(&self, account: &str) -> String {
        provider_arn(self.partition, account, self.provider_name)
    }

    /// `provider_arn` of the configuration.
    pub(super) fn provider(&self) -> String {
        match self.accounts.as_slice() {
            [(account, _)] => self.provider_of(account),
            _ => self.provider_of("*"),
        }
    }

    /// The account that examples name.
    pub(super) fn account(&self) -> &str {
        self.accounts.first().map_or(DEFAULT_ACCOUNT, |(id, _)| id)
    }

    /// The file of this account's trust policy.
    pub(super) fn trust_policy_name(&self, account: &str) -> String {
        match self.accounts.as_slice() {
            [_] => "trust-policy.json".to_owned(),
            _ => format!("trust-policy-{account}.json"),
        }
    }

    pub(super) fn acs(&self) -> String {
        format!("{}/saml", self.public_url)
    }

    /// AWS's name as a relying party, in each partition (IAM guide, AWS's own SAML metadata).
    pub(super) fn relying_party(&self) -> &'static str {
        match self.partition {
            "aws-us-gov" => "urn:amazon:webservices:govcloud",
            "aws-cn" => "urn:amazon:webservices:cn-north-1",
            _ => "urn:amazon:webservices",
        }
    }

    /// What identity provider and STS know this service by: one of AWS's two names.
    pub(super) fn identifier(&self) -> &'static str {
        let second = console(self.partition).filter(|_| self.trust == Trust::Second);
        second.unwrap_or_else(|| self.relying_party())
    }

    /// The console's sign-in address, where roles may be had with assertions for it too.
    pub(super) fn console_acs(&self) -> Option<&'static str> {
        console(self.partition).filter(|_| self.trust != Trust::New)
    }

    /// As the site's files lie at the end.
    pub(super) fn paths(&self) -> Paths {
        let at = |name: &str| self.directory.join(name);
        let file = || at("idp-metadata.xml").to_string_lossy().into_owned();
        Paths {
            metadata: if is_url(self.metadata) { self.metadata.to_owned() } else { file() },
            metadata_ca: self.metadata_ca.map(|_| at("metadata-ca.pem")),
            signing_key: at("saml-signing.pem"),
        }
    }

    /// As the options name them.
    pub(super) fn given_paths(&self) -> Paths {
        let metadata = self.metadata.to_owned();
        Paths { metadata, metadata_ca: self.metadata_ca.map(Path::to_owned), ..self.paths() }
    }

    /// As they lie while they are tried: a key that is kept is at its place already.
    pub(super) fn proof_paths(&self, staged: &Staged) -> Paths {
        let mut paths = self.given_paths();
        let new_key = staged.path("saml-signing.pem");
        if new_key.exists() {
            paths.signing_key = new_key;
        }
        paths
    }
}

fn provider_arn(partition: &str, account: &str, name: &str) -> String {
    format!("arn:{partition}:iam::{account}:saml-provider/{name}")
}

/// `ID` or `ID=NAME`, each. Without any that is right the example is in its place.
fn accounts(given: &[String], faults: &mut Vec<String>) -> Vec<(String, String)> {
    let mut accounts: Vec<(String, String)> = Vec::new();
    for text in given {
        let (id, name) = text.split_once('=').unwrap_or((text, ""));
        // Consoles show it in groups of four.
        let id = id.replace('-', "");
        if !is_account(&id) {
            faults.push(format!("--account: an account has 12 digits; found {text:?}"));
        } else if accounts.iter().any(|(earlier, _)| *earlier == id) {
            faults.push(format!("--account: {id} is there twice"));
        } else {
            let name = if name.is_empty() { id.clone() } else { name.to_owned() };
            accounts.push((id, name));
        }
    }
    if accounts.is_empty() {
        accounts.push((DEFAULT_ACCOUNT.to_owned(), DEFAULT_ACCOUNT.to_owned()));
    }
    accounts
}

/// The role of `--hub-role`, where nothing contradicts it.
fn hub(options: &Options, partition: &str, faults: &mut Vec<String>) -> Option<RoleArn> {
    let text = options.hub_role.as_deref()?;
    let hub =
        RoleArn::parse(text).map_err(|error| faults.push(format!("--hub-role: {error}; found {text:?}")));
    if hub.as_ref().is_ok_and(|hub| hub.partition() != partition) {
        faults.push(format!("--hub-role: --region is in the partition {partition}; found {text:?}"));
    }
    if !options.source_ip.is_empty() || !options.source_vpce.is_empty() {
        faults.push(
            "--hub-role: roles trust it from wherever it calls: leave out --source-ip, --source-vpce"
                .to_owned(),
        );
    }
    if options.adfs_trust != Trust::New {
        faults.push(
            "--hub-role: the console's sign-in needs roles that trust the SAML provider: leave out --adfs-trust"
                .to_owned(),
        );
    }
    hub.ok()
}

pub(super) fn is_url(text: &str) -> bool {
    text.starts_with("https:") || text.starts_with("http:")
}

/// The sign-in address of AWS's console, which is its second name as an audience.
fn console(partition: &str) -> Option<&'static str> {
    match partition {
        "aws" => Some("https://signin.aws.amazon.com/saml"),
        "aws-us-gov" => Some("https://signin.amazonaws-us-gov.com/saml"),
        "aws-cn" => Some("https://signin.amazonaws.cn/saml"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(directory: &str, store: Store) -> Options {
        Options {
            metadata: "https://adfs.example/metadata.xml".to_owned(),
            metadata_ca: None,
            entity_id: None,
            public_url: "https://vestibule.example.com".to_owned(),
            account: vec![DEFAULT_ACCOUNT.to_owned()],
            region: "eu-central-1".to_owned(),
            provider_name: "ADFS".to_owned(),
            source_ip: Vec::new(),
            source_vpce: Vec::new(),
            hub_role: None,
            store,
            adfs_trust: Trust::New,
            directory: directory.into(),
            state: None,
            force: false,
        }
    }

    /// The unit cannot write where its configuration is, and root's files are not its user's.
    #[test]
    fn where_the_unit_reads_it_the_unit_can_run() {
        for directory in ["/etc/vestibule", "/etc/./vestibule/"] {
            let options = options(directory, Store::Embedded);
            let site = Site::of(&options, None);
            assert_eq!(site.faults, Vec::<String>::new());
            let config = site.configuration(&site.paths());
            for path in ["vestibule.db", "keys", "metadata"] {
                assert!(config.contains(&format!("= \"/var/lib/vestibule/{path}\"")), "{path}: {config}");
            }
            let guide = site.guide();
            for command in ["check", "doctor"] {
                let command = format!(
                    "`runuser -u vestibule -- vestibule {command} --config /etc/vestibule/vestibule.toml"
                );
                assert!(guide.contains(&command), "{command}: {guide}");
            }
            assert!(guide.contains("`systemctl start vestibule`") && !guide.contains("vestibule serve"));
        }
    }

    #[test]
    fn elsewhere_all_is_below_the_directory() {
        let options = options("/srv/vestibule", Store::Embedded);
        let site = Site::of(&options, None);
        assert!(site.configuration(&site.paths()).contains("= \"/srv/vestibule/var/vestibule.db\""));
        let guide = site.guide();
        assert!(guide.contains("`vestibule serve --config /srv/vestibule/vestibule.toml`"), "{guide}");
        assert!(!guide.contains("runuser") && !guide.contains("systemctl"), "{guide}");
    }

    /// An operator's credentials make it, not the service's.
    #[test]
    fn the_first_key_is_made_by_an_operator() {
        let options = options("/etc/vestibule", Store::Dynamodb);
        let guide = Site::of(&options, None).guide();
        assert!(
            guide.contains("\n   `vestibule keys create --config /etc/vestibule/vestibule.toml`"),
            "{guide}"
        );
    }
}
