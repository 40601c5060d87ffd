//! Structured logs, one line per event, to standard error.
//!
//! Logged: support ids, stable codes, names from the configuration,
//! durations, counts. Never logged: assertions, tickets, verifiers,
//! credentials, attribute values, query strings, bodies (`tests/canaries.rs`).

use crate::config::Log;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging for the rest of the process.
///
/// The level is for our own lines. Libraries log warnings at most: at `trace` some
/// log what they send and receive, the AWS SDK assertions and credentials.
pub(crate) fn start(log: Log) {
    let ours = LevelFilter::from_level(log.level);
    let filter =
        Targets::new().with_default(ours.min(LevelFilter::WARN)).with_target(env!("CARGO_PKG_NAME"), ours);
    let lines = tracing_subscriber::fmt::layer().with_target(false).with_writer(std::io::stderr);
    let lines = if log.json {
        lines.json().flatten_event(true).with_current_span(false).boxed()
    } else {
        lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed()
    };
    // A second start (tests run commands in one process) keeps the first.
    let _ = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
}
