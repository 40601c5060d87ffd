//! From a path to a finished configuration, by way of the Parameter Store where
//! the file refers to it.

use super::say;
use crate::adapters::aws::{ParameterStore, Sdk};
use crate::config::{Config, Draft, Faults, ParameterSource};
use std::path::Path;

/// Loads the configuration, or prints all that is wrong with it.
pub(crate) async fn load(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, String> {
    let told = |faults: Faults| {
        say(&faults.to_string());
        format!("{} is not usable", path.display())
    };
    let draft = Draft::read(path, environment).map_err(told)?;
    resolve(draft).await?.finish().map_err(told)
}

/// Fetches what the draft refers to; asks nobody if that is nothing.
pub(super) async fn resolve(draft: Draft) -> Result<Draft, String> {
    let wanted = draft.wanted();
    if wanted.is_empty() {
        return Ok(draft);
    }
    let region = draft.region().ok_or(
        "the configuration refers to the Parameter Store (ssm:…), and nothing says in which region: \
         set ssm.region or AWS_REGION",
    )?;
    let store = ParameterStore::open(&Sdk::default(), region).await;
    let parameters = store.fetch(&wanted).await;
    Ok(draft.with(parameters))
}
