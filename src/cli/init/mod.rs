//! `vestibule init`: the files that are special to a site, from the identity
//! provider's metadata.

mod place;
mod render;

use crate::config::Draft;
use crate::roles::{ProviderArn, partition_of_region};
use crate::saml::{IdpMetadata, SignOnService};
use crate::service::print_message;
use clap::Args;
use place::Staged;
use render::Site;
use std::path::{Path, PathBuf};

/// As `config` reads it: a federation's aggregate has some megabytes.
const MAX_METADATA_BYTES: u64 = 16 << 20;

#[derive(Args)]
pub(super) struct Options {
    /// The identity provider's SAML metadata
    /// (AD FS: https://HOST/FederationMetadata/2007-06/FederationMetadata.xml)
    #[arg(long, value_name = "FILE")]
    metadata: PathBuf,
    /// Which identity provider, where the metadata describes several
    #[arg(long, value_name = "ID")]
    entity_id: Option<String>,
    /// How the world will name this service; the ACS is this + /saml
    #[arg(long, value_name = "URL", default_value = DEFAULT_URL)]
    public_url: String,
    /// The AWS account of the roles
    #[arg(long, value_name = "ID", default_value = DEFAULT_ACCOUNT)]
    account: String,
    /// The region of STS, tables and keys
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    region: String,
    /// The SAML provider's name in IAM, and the identity provider's here
    #[arg(long, value_name = "NAME", default_value = "ADFS")]
    provider_name: String,
    /// Where the files go
    #[arg(long, value_name = "DIR", default_value = "site")]
    directory: PathBuf,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
}

const DEFAULT_URL: &str = "https://vestibule.example.com";
const DEFAULT_ACCOUNT: &str = "123456789012";

pub(super) fn run(options: &Options) -> Result<(), String> {
    let shown = options.metadata.display();
    let document = read(&options.metadata).map_err(|e| format!("{shown} cannot be read: {e}"))?;
    let metadata = IdpMetadata::parse(&document, options.entity_id.as_deref())
        .map_err(|e| format!("{shown} cannot be used: {e}"))?;
    let partition = partition_of_region(&options.region);
    let provider =
        format!("arn:{partition}:iam::{}:saml-provider/{}", options.account, options.provider_name);
    ProviderArn::parse(&provider)
        .map_err(|e| format!("--account and --provider-name make no SAML provider ({provider}): {e}"))?;

    let place = |name: &str| options.directory.join(name);
    let site = Site {
        public_url: options.public_url.trim_end_matches('/'),
        account: &options.account,
        region: &options.region,
        partition,
        provider_name: &options.provider_name,
        provider: &provider,
        entity_id: options.entity_id.as_deref(),
        adfs_page: adfs_page(&metadata.sign_on_services),
        directory: &options.directory,
    };
    // Under a name of its own it may replace nothing of the operator's.
    let kept = place("idp-metadata.xml");
    let files: [(&str, Vec<u8>); 5] = [
        ("idp-metadata.xml", document),
        ("vestibule.toml", site.configuration(&kept).into_bytes()),
        ("adfs.ps1", site.adfs_script().into_bytes()),
        ("trust-policy.json", site.trust_policy().into_bytes()),
        ("README.md", site.readme().into_bytes()),
    ];
    let staged = Staged::beside(&options.directory)?;
    for (name, content) in &files {
        staged.write(name, content)?;
    }
    // The very file, but for where the metadata still is.
    let proof = staged.write("proof.toml", site.configuration(&options.metadata).as_bytes())?;
    usable(&proof)?;
    staged.forget("proof.toml")?;
    staged.become_real(&options.directory, &files.each_ref().map(|(name, _)| *name), options.force)?;
    print_next_steps(options, &site, &metadata);
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let meta = std::fs::metadata(path).map_err(|e| e.to_string())?;
    if !meta.is_file() || meta.len() > MAX_METADATA_BYTES {
        return Err("it is no file of at most 16 MiB".to_owned());
    }
    std::fs::read(path).map_err(|e| e.to_string())
}

/// Files are only written if they pass `check`: the options are checked as those
/// of a configuration.
fn usable(path: &Path) -> Result<(), String> {
    let read = Draft::read(path, std::iter::empty()).and_then(Draft::check);
    read.map(|_| ()).map_err(|faults| {
        let faults: Vec<_> =
            faults.0.iter().map(|fault| format!("{}: {}", fault.key, fault.message)).collect();
        format!("these options make no usable configuration: {}", faults.join("; "))
    })
}

/// AD FS's own sign-on page, if this is an AD FS: beside its endpoint.
fn adfs_page(services: &[SignOnService]) -> Option<String> {
    let location = services.iter().map(|service| service.location.as_str());
    let adfs = location.filter_map(|at| at.strip_suffix("/adfs/ls/").or_else(|| at.strip_suffix("/adfs/ls")));
    adfs.map(|host| format!("{host}/adfs/ls/IdpInitiatedSignOn.aspx")).next()
}

fn print_next_steps(options: &Options, site: &Site<'_>, metadata: &IdpMetadata) {
    let directory = options.directory.display();
    print_message(&format!(
        "{directory}: vestibule.toml, idp-metadata.xml, adfs.ps1, trust-policy.json, README.md"
    ));
    print_message(&format!(
        "identity provider {}: {} signing key(s)",
        metadata.entity_id,
        metadata.signing_keys.len()
    ));
    let mut placeholders = Vec::new();
    if site.public_url == DEFAULT_URL {
        placeholders.push("--public-url");
    }
    if site.account == DEFAULT_ACCOUNT {
        placeholders.push("--account");
    }
    if !placeholders.is_empty() {
        print_message(&format!(
            "These are examples still: {}. Run it again with yours and --force.",
            placeholders.join(", ")
        ));
    }
    if site.adfs_page.is_none() {
        print_message(
            "The metadata is not AD FS's: adfs.ps1 shows which values are needed; enter them there by hand.",
        );
    }
    print_message(&format!("Next: {directory}/README.md, step by step. At the end:"));
    print_message(&format!("  vestibule doctor --config {directory}/vestibule.toml"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_on_page_is_found_beside_ad_fss_endpoint() {
        let service =
            |location: &str| SignOnService { binding: String::new(), location: location.to_owned() };
        let page = "https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx";
        assert_eq!(adfs_page(&[service("https://adfs.example.com/adfs/ls/")]).as_deref(), Some(page));
        assert_eq!(adfs_page(&[service("https://idp.example.com/sso")]), None);
    }
}
