//! Structured logs, one line per event, to standard error.
//!
//! What may be logged: references, stable codes, names from the configuration,
//! durations, counts. What may not: assertions, tickets, verifiers,
//! credentials, attribute values, query strings, bodies (`tests/canaries.rs`).

use crate::config::Log;

/// Starts logging for the rest of the process.
pub(super) fn start(log: Log) {
    let builder =
        tracing_subscriber::fmt().with_max_level(log.level).with_target(false).with_writer(std::io::stderr);
    // A second start (tests run commands in one process) keeps the first.
    let _ = if log.json {
        builder.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
    };
}
