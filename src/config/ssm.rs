//! `[ssm]`: where references lead. It holds no references itself.

use super::read::parameter::{Reference, parameter_name};
use super::read::section::Section;
use super::read::values;

/// `[ssm]`
pub(super) struct Ssm {
    pub(super) prefix: Option<String>,
    pub(super) region: Option<String>,
}

pub(super) fn ssm(section: &Section<'_>) -> Ssm {
    let prefix = |text: &str| parameter_name(text.strip_suffix('/').unwrap_or(text));
    Ssm {
        prefix: section.literal("prefix", |text| no_reference(text).and_then(prefix)),
        region: section.literal("region", |text| no_reference(text).and_then(values::region)),
    }
}

fn no_reference(text: &str) -> Result<&str, &'static str> {
    if Reference::of(text).is_some() { Err("cannot be a reference itself") } else { Ok(text) }
}
