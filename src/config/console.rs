//! `[console]`: signing in to the AWS console.

use super::backend::Sts;
use super::delivery::Delivery;
use super::read::section::{Found, Section};
use super::read::values::{WebUrl, public_url};
use crate::broker::{Binding, Console, console_home, federation_endpoint, partition_of_console};
use crate::roles::partition_of_region;

/// How many destinations a person is shown at most.
const MAX_DESTINATIONS: usize = 20;

/// The longest of them. The address that a browser opens has it beside AWS's own token.
const MAX_CHARS: usize = 1_024;

/// `[console]`, where it is enabled: whom to ask, and in whose name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleFederation {
    /// Another address than AWS's, without a path of its own.
    pub endpoint: Option<String>,
    /// The region of the STS that gives the credentials.
    pub region: String,
    /// Where AWS sends people whose console session is over.
    pub issuer: String,
}

impl ConsoleFederation {
    /// The partition of the credentials that it gets.
    pub fn partition(&self) -> &'static str {
        partition_of_region(&self.region)
    }

    /// The address that is asked with credentials of this partition, where it is known.
    pub fn address(&self, partition: &str) -> Option<String> {
        let base = self.endpoint.clone().or_else(|| federation_endpoint(partition, &self.region))?;
        Some(format!("{base}/federation"))
    }
}

/// Both, where it is enabled and usable. `sts`: `None` if it is faulty.
pub(super) fn console(
    section: &Section<'_>,
    sts: Option<&Sts>,
    delivery: &Delivery,
    issuer: &str,
) -> (Option<Console>, Option<ConsoleFederation>) {
    let is_enabled = section.boolean("enabled", false);
    let endpoint = section.optional("endpoint", public_url).map(WebUrl::into_text);
    let destinations = section.list_at("destinations", destination).unwrap_or_default();
    if destinations.len() > MAX_DESTINATIONS {
        section.fault_at_value("destinations", format!("are more than {MAX_DESTINATIONS}"));
    }
    if !is_enabled {
        return (None, None);
    }
    if delivery.binding == Binding::Plain {
        let message =
            "pages of the 2017 sample (delivery.binding = \"plain\") take credentials, and nothing else";
        section.fault_at_value("enabled", message);
    }
    let region = match sts {
        Some(Sts::Aws { regions, .. }) => regions.first(),
        Some(Sts::Local { .. }) => {
            let message = "AWS signs nobody in by credentials that it does not know (sts.kind = \"local\")";
            section.fault_at_value("enabled", message);
            None
        }
        None => None,
    };
    let Some(region) = region else { return (None, None) };
    let partition = partition_of_region(region);
    if console_home(partition).is_none() {
        section.fault_at_value("enabled", format!("the console of {partition} is not known here"));
        return (None, None);
    }
    for Found { value, at } in &destinations {
        if partition_of_console(value) != Some(partition) {
            section.reading().fault(at, "is in the console of another AWS partition than sts.region");
        }
    }
    let destinations = destinations.into_iter().map(|found| found.value).collect();
    let federation = ConsoleFederation { endpoint, region: region.clone(), issuer: issuer.to_owned() };
    (Some(Console::new(destinations)), Some(federation))
}

/// A page of an AWS console. Its fragment belongs to it: many say there what they show.
fn destination(text: &str) -> Result<String, &'static str> {
    const EXPECTED: &str = "expected a page of an AWS console, such as \
                            \"https://eu-central-1.console.aws.amazon.com/ec2/home?region=eu-central-1#Instances:\"";
    // What RFC 3986 has in a URL; no browser and no server reads one of these otherwise.
    let is_in_urls = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    if text.len() > MAX_CHARS || !text.chars().all(is_in_urls) {
        return Err(EXPECTED);
    }
    let (page, fragment) = text.find('#').map_or((text, ""), |i| text.split_at(i));
    let mut page = WebUrl::parse(page).map_err(|_| EXPECTED)?.into_text();
    page.push_str(fragment);
    partition_of_console(&page).ok_or(EXPECTED)?;
    Ok(page)
}
