//! Reads the identity provider's metadata, at its URL or in its file.

use super::found::Found;
use super::options::Options;
use super::place::Staged;
use super::site::Site;
use crate::adapters::metadata;
use crate::broker::check_not_expired;
use crate::broker::ports::Clock;
use crate::config::Draft;
use crate::system::SystemClock;
use std::time::Duration;

/// Somebody waits at a terminal, and it may be the first request for hours.
const PATIENCE: Duration = Duration::from_secs(15);

/// Looks where the options say: by the rules of the configuration, for addresses too.
pub(super) async fn look(options: &Options, staged: &Staged) -> Result<Found, String> {
    let site = Site::of(options, None);
    let path = staged.write("look.toml", site.configuration(&site.given_paths()).as_bytes())?;
    let source =
        Draft::read(&path, std::iter::empty()).map_err(|faults| faults.to_string())?.metadata().sources.pop();
    staged.forget("look.toml")?;
    let given = &options.metadata;
    let Some(source) = source else {
        let pem = options.metadata_ca.as_ref().filter(|path| !path.is_file());
        return Err(match pem {
            Some(path) => format!("--metadata-ca: there is no file {}", path.display()),
            None => format!("--metadata: expected an https address or a file; found {given:?}"),
        });
    };
    let read = metadata::read_now(&source, PATIENCE).await;
    let (metadata, document) = read.map_err(|why| {
        // What the configuration calls entity_id.
        let why = why.replace("entity_id", "--entity-id");
        format!("--metadata: {given} cannot be used: {why}{}", hint(&why))
    })?;
    let now = SystemClock.now();
    check_not_expired(&metadata, now).map_err(|why| {
        format!("--metadata: {given} cannot be used: {why}. Fetch what the identity provider publishes now")
    })?;
    Ok(Found { metadata, document, now })
}

/// What people mean who give something else.
fn hint(why: &str) -> &'static str {
    if why.contains("No such file") { " (an address begins with https://)" } else { "" }
}
