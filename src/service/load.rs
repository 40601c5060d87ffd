//! From a path to a finished configuration, by way of the Parameter Store and of
//! the URLs of metadata where the file refers to them.

use super::terminal::say;
use crate::adapters::aws::{ParameterStore, Sdk};
use crate::adapters::local::{SystemClock, SystemRandom};
use crate::adapters::metadata::obtain;
use crate::broker::ports::{Clock, SecureRandom};
use crate::config::{Config, Draft, Faults, ParameterSource};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a start waits for a URL of metadata before it goes by the last good
/// one. Below the ten seconds in which a Lambda function has to have started.
const METADATA_PATIENCE: Duration = Duration::from_secs(6);

/// Loads the configuration, or prints all that is wrong with it.
pub(crate) async fn load(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, String> {
    let draft = drafted(path, environment).await?;
    finished(path, with_metadata(draft, true).await)
}

/// The same for who needs no identity provider: none of their URLs is asked.
pub(crate) async fn load_without_metadata(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, String> {
    finished(path, drafted(path, environment).await?.without_metadata())
}

async fn drafted(path: &Path, environment: impl Iterator<Item = (String, String)>) -> Result<Draft, String> {
    let draft = Draft::read(path, environment).map_err(|faults| told(path, &faults))?;
    resolve(draft).await
}

fn finished(path: &Path, draft: Draft) -> Result<Config, String> {
    draft.finish().map_err(|faults| told(path, &faults))
}

fn told(path: &Path, faults: &Faults) -> String {
    say(&faults.to_string());
    format!("{} is not usable", path.display())
}

/// Fetches metadata that stands at URLs; asks nobody if there is none. What it
/// gives becomes the last good one, if that is to be kept.
pub(crate) async fn with_metadata(draft: Draft, keep: bool) -> Draft {
    let metadata = draft.metadata();
    let (clock, random): (Arc<dyn Clock>, Arc<dyn SecureRandom>) =
        (Arc::new(SystemClock), Arc::new(SystemRandom));
    let (found, warnings) = obtain(&metadata, keep, METADATA_PATIENCE, &clock, &random).await;
    draft.with_metadata(found, warnings)
}

/// Fetches what the draft refers to; asks nobody if that is nothing.
pub(crate) async fn resolve(draft: Draft) -> Result<Draft, String> {
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
