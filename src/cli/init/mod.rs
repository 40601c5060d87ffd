//! `vestibule init`: the files that are special to a site, from the identity
//! provider's metadata.
//!
//! ```text
//! options.rs  the command line
//! look.rs     reads the metadata, at its URL or in its file
//! found.rs    what it says
//! site.rs     the options and that, as one site; everything that is wrong with them
//! key.rs      the key that signs requests, where the provider wants them signed
//! config.rs   vestibule.toml, trust-policy.json
//! adfs.rs     adfs.ps1
//! guide.rs    README.md: what to do with them, in order
//! place.rs    all files or none
//! ```

mod adfs;
mod config;
mod found;
mod guide;
mod hub;
mod key;
mod look;
mod options;
mod place;
mod site;

use crate::broker::ports::Clock;
use crate::system::{SystemClock, print_message};
use found::Found;
use look::look;
pub(super) use options::Options;
use options::{DEFAULT_ACCOUNT, DEFAULT_URL};
use place::Staged;
use site::Site;

pub(super) async fn run(options: &Options) -> Result<(), String> {
    let staged = Staged::beside(&options.directory, options.is_installed())?;
    let found = look(options, &staged).await;
    let site = Site::of(options, found.as_ref().ok());

    let key_name = "saml-signing.pem";
    let key_is_there = options.directory.join(key_name).symlink_metadata().is_ok();
    let mut files: Vec<(&str, Vec<u8>)> = Vec::new();
    if let Ok(found) = &found {
        files.push(("idp-metadata.xml", found.document.clone()));
    }
    if let Some(authorities) = &options.metadata_ca {
        // A file that cannot be read is among the faults below.
        files.extend(std::fs::read(authorities).ok().map(|pem| ("metadata-ca.pem", pem)));
    }
    files.push(("vestibule.toml", site.configuration(&site.paths()).into_bytes()));
    let accounts = site.accounts.iter().map(|(account, _)| account.as_str());
    let policies: Vec<_> = accounts.map(|id| (site.trust_policy_name(id), site.trust_policy(id))).collect();
    for (name, policy) in &policies {
        files.push((name, policy.clone().into_bytes()));
    }
    if site.hub.is_some() {
        files.push((hub::POLICY, site.hub_policy().into_bytes()));
    }
    if let Some(script) = site.adfs_script() {
        files.push(("adfs.ps1", script.into_bytes()));
    }
    files.push(("README.md", site.guide().into_bytes()));
    for (name, content) in &files {
        staged.write(name, content)?;
    }
    let mut names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    if site.wants_key && !(key_is_there && options.force) {
        staged.write_private(key_name, &key::make(SystemClock.now())?)?;
        names.push(key_name);
    }
    let warnings = usable(&site, found, &staged)?;
    staged.become_real(&options.directory, &names, options.force)?;

    print_message(&format!("{}: {}", options.directory.display(), names.join(", ")));
    if site.wants_key && !names.contains(&key_name) {
        print_message(&format!("{key_name} was there and was kept: no private key is ever replaced"));
    }
    for warning in warnings.iter().chain(&site.warnings) {
        print_message(&format!("warning: {warning}"));
    }
    print_next_steps(&site);
    Ok(())
}

/// Files are only written if they pass `check`; else everything that is wrong is
/// said at once, by the options' names. Gives `check`'s warnings.
fn usable(site: &Site<'_>, found: Result<Found, String>, staged: &Staged) -> Result<Vec<String>, String> {
    let (metadata, mut faults) = match found {
        Ok(found) => (Some(found), site.faults.clone()),
        Err(why) => (None, [vec![why], site.faults.clone()].concat()),
    };
    let checked = staged.check(&site.configuration(&site.proof_paths(staged)), metadata);
    let (warnings, more) = match checked {
        Ok(warnings) => (warnings, Vec::new()),
        Err(more) => (Vec::new(), more),
    };
    for fault in more {
        // One cause may show at an option and at a key that was made of it.
        let option = |fault: &str| fault.split(':').next().unwrap_or_default().to_owned();
        if !faults.iter().any(|said| option(said) == option(&fault)) {
            faults.push(fault);
        }
    }
    if faults.is_empty() {
        return Ok(warnings);
    }
    Err(format!(
        "these options make no usable configuration, and nothing was written:\n{}",
        faults.join("\n")
    ))
}

fn print_next_steps(site: &Site<'_>) {
    let mut placeholders = Vec::new();
    if site.public_url == DEFAULT_URL {
        placeholders.push("--public-url");
    }
    if site.account() == DEFAULT_ACCOUNT {
        placeholders.push("--account");
    }
    if !placeholders.is_empty() {
        print_message(&format!(
            "These are examples still: {}. Run it again with yours and --force.",
            placeholders.join(", ")
        ));
    }
    if site.pin.is_empty() && site.hub.is_none() {
        print_message(
            "Rules are advisory until trust policies demand where this service calls STS from: --source-ip or \
             --source-vpce (README.md says how).",
        );
    }
    print_message(&format!("Next: {}/README.md, step by step. At the end:", site.directory.display()));
    print_message(&format!("  {}", site.as_service("doctor")));
}
