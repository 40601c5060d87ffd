//! From a path to a finished configuration, with values from the Parameter Store
//! and metadata from URLs where the file refers to them.

use crate::adapters::aws::{ParameterStore, Sdk};
use crate::adapters::metadata;
use crate::broker::ports::{Clock, SecureRandom};
use crate::config::{Checked, CheckedRules, Config, Draft, Faults, ParameterSource};
use crate::saml::IdentityProvider;
use crate::system::{SystemClock, SystemRandom, print_message};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a start waits for metadata at a URL before it uses the last good
/// copy. Below the ten seconds in which a Lambda function must have started.
const METADATA_PATIENCE: Duration = Duration::from_secs(6);

/// Loads the configuration, or prints all that is wrong with it.
pub(crate) async fn load(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, String> {
    // Here, and not in another thread: nobody waits for this one before there is a configuration.
    let config = draft(path, environment).await.and_then(finish);
    config.map_err(|unusable| unusable.print(path))
}

/// Why there is no configuration.
pub(crate) enum Unusable {
    /// Of the file and the environment.
    Faults(Faults),
    /// A sentence: what they refer to cannot be had.
    Unavailable(String),
}

impl Unusable {
    /// Prints the faults and returns the sentence that the process ends with.
    fn print(&self, path: &Path) -> String {
        match self {
            Self::Faults(faults) => print_faults(path, faults),
            Self::Unavailable(sentence) => sentence.clone(),
        }
    }
}

impl From<Faults> for Unusable {
    fn from(faults: Faults) -> Self {
        Self::Faults(faults)
    }
}

/// Loads the configuration and prints nothing: for a process that serves.
pub(crate) async fn obtain(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, Unusable> {
    let draft = draft(path, environment).await?;
    // A large aggregate takes a second to parse, and a running service serves meanwhile.
    let finished = tokio::task::spawn_blocking(|| finish(draft)).await;
    finished.map_err(|e| Unusable::Unavailable(format!("it was not read to its end: {e}")))?
}

/// With all that it refers to.
async fn draft(path: &Path, environment: impl Iterator<Item = (String, String)>) -> Result<Draft, Unusable> {
    let draft = fetch_parameters(Draft::read(path, environment)?).await.map_err(Unusable::Unavailable)?;
    Ok(fetch_metadata(draft, true).await)
}

fn finish(draft: Draft) -> Result<Config, Unusable> {
    let mut config = draft.finish()?;
    config.warnings.extend(expired(&config));
    Ok(config)
}

/// The same for a process that verifies no SAML: fetches no metadata.
pub(crate) async fn load_without_metadata(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, String> {
    let draft = fetch_parameters(read(path, environment)?).await?;
    draft.without_metadata().finish().map_err(|faults| print_faults(path, &faults))
}

/// Reads the file and the environment; prints all that is wrong with them.
pub(crate) fn read(
    path: &Path,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Draft, String> {
    Draft::read(path, environment).map_err(|faults| print_faults(path, &faults))
}

/// Checks what is known of the configuration; prints all that is wrong with it.
pub(crate) fn check(path: &Path, draft: Draft) -> Result<Checked, String> {
    draft.check().map_err(|faults| print_faults(path, &faults))
}

/// The rules, and how their tests went; prints all else that is wrong.
pub(crate) fn check_rules(path: &Path, draft: Draft) -> Result<CheckedRules, String> {
    draft.check_rules().map_err(|faults| print_faults(path, &faults))
}

/// Prints the faults and returns the sentence that the process ends with.
fn print_faults(path: &Path, faults: &Faults) -> String {
    print_message(&faults.to_string());
    format!("{} is not usable", path.display())
}

/// Fetches the metadata that the draft refers to by URL, if any. With `keep`, what
/// is valid becomes the last good copy on the disk.
pub(crate) async fn fetch_metadata(draft: Draft, keep: bool) -> Draft {
    let places = draft.metadata();
    let (clock, random): (Arc<dyn Clock>, Arc<dyn SecureRandom>) =
        (Arc::new(SystemClock), Arc::new(SystemRandom));
    let (found, warnings) = metadata::obtain(&places, keep, METADATA_PATIENCE, &clock, &random).await;
    draft.with_metadata(found, warnings)
}

/// A sentence for each identity provider whose metadata has expired (metadata 2.3.1). No
/// process stops for it: the others' people can sign in, and newer metadata may come.
pub(crate) fn expired(config: &Config) -> Vec<String> {
    let now = SystemClock.now();
    let expired = |idp: &IdentityProvider| {
        let end = idp.validity.until.filter(|end| *end <= now)?;
        Some(format!(
            "identity provider {}: its metadata has expired (validUntil, {end}): nobody can sign in by it until \
             newer metadata is there; fetch it from the identity provider",
            idp.name
        ))
    };
    config.broker.providers.current().iter().filter_map(expired).collect()
}

/// Fetches the parameters that the draft refers to, if any.
pub(crate) async fn fetch_parameters(draft: Draft) -> Result<Draft, String> {
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
