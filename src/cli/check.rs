//! `vestibule check`: every fault of a configuration at once.

use crate::config::{Config, RulesHold, Sts};
use crate::service::load::{self, fetch_parameters};
use crate::system::print_message;
use std::path::Path;

pub(super) async fn run(
    path: &Path,
    ask_parameter_store: bool,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(), String> {
    let mut draft = load::read(path, environment)?;
    if ask_parameter_store {
        draft = fetch_parameters(draft).await?;
    }
    let checked = load::check(path, draft)?;
    for warning in &checked.warnings {
        print_message(&format!("warning: {warning}"));
    }
    for (key, parameter) in &checked.unknown {
        print_message(&format!(
            "not checked: {key} stands in the Parameter Store ({parameter}); --resolve asks it"
        ));
    }
    for (key, url) in &checked.unfetched {
        print_message(&format!("not checked: {key} stands at {url}; serve and doctor ask it"));
    }
    let mut expired = false;
    if let Some(config) = &checked.config {
        for what in load::expired(config) {
            print_message(&what);
            expired = true;
        }
        rules_hold(config);
        for idp in config.broker.providers.current().iter() {
            let (name, entity_id, keys) = (&idp.name, &idp.entity_id, idp.keys.len());
            let accounts = accounts_of(config, name);
            print_message(&format!(
                "identity provider {name}: {entity_id}, {keys} signing key(s), roles of {accounts}"
            ));
        }
    }
    if expired {
        return Err(format!("{} is not usable", path.display()));
    }
    let all = checked.unknown.is_empty() && checked.unfetched.is_empty();
    let as_far = if all { "" } else { ", as far as it was checked" };
    print_message(&format!("{}: usable{as_far}", path.display()));
    Ok(())
}

/// A line, and a warning only where somebody wants to keep people from something.
fn rules_hold(config: &Config) {
    match (config.sts.rules_hold(), &config.sts) {
        (_, Sts::Local { .. }) => {}
        (RulesHold::Enforced, Sts::Aws { .. }) => print_message(
            "rules: enforced, if the roles' trust policies let nobody in but this service's role; doctor reads them",
        ),
        (RulesHold::Pinned, Sts::Aws { pin, .. }) => print_message(&format!(
            "rules: pinned to {pin}, if the roles' trust policies demand it; doctor compares them"
        )),
        (RulesHold::Advisory, Sts::Aws { .. }) => {
            let warning = if config.limits_are_advisory() { "warning: " } else { "" };
            print_message(&format!(
                "{warning}rules: advisory; whoever posts their own SAML response to STS has the role without them, \
                 unless its trust policy demands where this service calls from (sts.source_ips, \
                 sts.source_vpces; SECURITY.md)"
            ));
        }
    }
}

/// The accounts of whose roles its people may have some.
fn accounts_of(config: &Config, idp: &str) -> String {
    let of_idp = config.broker.rules.provider_arns().filter(|(name, _)| *name == idp);
    let accounts = of_idp.map(|(_, arn)| match config.accounts.get(arn.account()) {
        Some(name) if name != arn.account() => format!("{} ({name})", arn.account()),
        _ => arn.account().to_owned(),
    });
    let mut accounts: Vec<_> = accounts.collect();
    // Several SAML providers may be of one account.
    accounts.dedup();
    accounts.join(", ")
}
