//! `vestibule check`: every fault of a configuration at once.

use crate::config::{Draft, Faults};
use crate::service::load::resolve;
use crate::service::say;
use std::path::Path;

pub(super) async fn run(
    path: &Path,
    ask_parameter_store: bool,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<(), String> {
    let told = |faults: Faults| {
        say(&faults.to_string());
        format!("{} is not usable", path.display())
    };
    let mut draft = Draft::read(path, environment).map_err(told)?;
    if ask_parameter_store {
        draft = resolve(draft).await?;
    }
    let checked = draft.check().map_err(told)?;
    for warning in &checked.warnings {
        say(&format!("warning: {warning}"));
    }
    for (key, parameter) in &checked.unknown {
        say(&format!("not checked: {key} stands in the Parameter Store ({parameter}); --resolve asks it"));
    }
    for (key, url) in &checked.unfetched {
        say(&format!("not checked: {key} stands at {url}; serve and doctor ask it"));
    }
    let providers = checked.config.as_ref().map(|config| config.broker.providers.current());
    for idp in providers.iter().flat_map(|providers| providers.iter()) {
        say(&format!("identity provider {}: {}, {} signing key(s)", idp.name, idp.entity_id, idp.keys.len()));
    }
    let all = checked.unknown.is_empty() && checked.unfetched.is_empty();
    let as_far = if all { "" } else { ", as far as it was checked" };
    say(&format!("{}: usable{as_far}", path.display()));
    Ok(())
}
