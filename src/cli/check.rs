//! `vestibule check`: every fault of a configuration at once.

use crate::service::load::{self, fetch_parameters};
use crate::service::print_message;
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
    let providers = checked.config.as_ref().map(|config| config.broker.providers.current());
    for idp in providers.iter().flat_map(|providers| providers.iter()) {
        print_message(&format!(
            "identity provider {}: {}, {} signing key(s)",
            idp.name,
            idp.entity_id,
            idp.keys.len()
        ));
    }
    let all = checked.unknown.is_empty() && checked.unfetched.is_empty();
    let as_far = if all { "" } else { ", as far as it was checked" };
    print_message(&format!("{}: usable{as_far}", path.display()));
    Ok(())
}
