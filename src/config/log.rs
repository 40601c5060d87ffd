//! `[log]`: what is written, and how.

use super::read::section::Section;
use super::read::values::one_of;
use tracing::Level;

/// `[log]`
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// One JSON object per line, or text.
    pub json: bool,
    /// The most verbose level written.
    pub level: Level,
}

pub(super) fn log(section: &Section<'_>) -> Log {
    let levels = [
        ("error", Level::ERROR),
        ("warn", Level::WARN),
        ("info", Level::INFO),
        ("debug", Level::DEBUG),
        ("trace", Level::TRACE),
    ];
    Log {
        json: section.or("format", false, one_of([("text", false), ("json", true)])),
        level: section.or("level", Level::INFO, one_of(levels)),
    }
}
