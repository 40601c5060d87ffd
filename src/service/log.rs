//! Structured logs, one line per event, to standard error.
//!
//! Logged: support ids, stable codes, names from the configuration,
//! durations, counts. Never logged: assertions, tickets, verifiers,
//! credentials, attribute values, query strings, bodies (`tests/canaries.rs`).

mod format;
mod queue;

pub use format::{LineFormat, SpanFields};

use crate::config::Log;
use queue::Queue;
use std::io::{IsTerminal, stderr};
use std::sync::Arc;
use std::time::Duration;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// How long the end of the process waits for lines that are not written yet.
const FLUSH: Duration = Duration::from_secs(1);

/// Who writes the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// A thread of its own: standard error that nobody reads stops no request, and
    /// lines beyond the queue are lost and counted.
    Queued,
    /// Whoever logs, before it goes on: for Lambda, which freezes the process when
    /// an answer is out, so that a queue would keep its lines until the next event or
    /// for ever. Lambda always reads.
    Direct,
}

/// What can be done with the log of a running process.
#[derive(Clone)]
pub(crate) struct LogHandle {
    filter: reload::Handle<Targets, Registry>,
    queue: Option<Arc<Queue>>,
}

impl LogHandle {
    /// From now on, lines of this level and above it are written.
    pub(crate) fn set_level(&self, level: Level) {
        // Fails only where another start of the log came first (tests), whose level stays.
        let _ = self.filter.reload(targets(level));
    }

    /// How many lines were lost so far.
    pub(crate) fn lost(&self) -> u64 {
        self.queue.as_ref().map_or(0, |queue| queue.lost())
    }

    /// Waits until all lines are written, for a second at most.
    pub(crate) fn flush(&self) {
        if let Some(queue) = &self.queue {
            queue.flush(FLUSH);
        }
    }
}

/// Starts logging for the rest of the process. Panics are logged too.
pub(crate) fn start(log: Log, output: Output) -> LogHandle {
    let queue = match output {
        // Without a thread for it the lines are written directly, as they always were.
        Output::Queued => Queue::start(stderr()).ok(),
        Output::Direct => None,
    };
    let writer = match &queue {
        Some(queue) => BoxMakeWriter::new(Arc::clone(queue)),
        None => BoxMakeWriter::new(stderr),
    };
    let format =
        if log.json { LineFormat::Json } else { LineFormat::Text { colour: stderr().is_terminal() } };
    let (filter, handle) = reload::Layer::new(targets(log.level));
    let lines =
        tracing_subscriber::fmt::layer().fmt_fields(SpanFields).event_format(format).with_writer(writer);
    // A second start (tests run commands in one process) keeps the first.
    if tracing_subscriber::registry().with(lines.with_filter(filter)).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    LogHandle { filter: handle, queue }
}

/// The level is for our own lines. Libraries log warnings at most: at `trace` some
/// log what they send and receive, the AWS SDK assertions and credentials.
fn targets(level: Level) -> Targets {
    let ours = LevelFilter::from_level(level);
    Targets::new().with_default(ours.min(LevelFilter::WARN)).with_target(env!("CARGO_PKG_NAME"), ours)
}

/// The default hook writes to standard error itself, and would wait for who reads it.
///
/// A message with values in it is left out: that of a slice out of range quotes the
/// text that was cut, which may be an attribute. The place says which panic it was.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let backtrace = std::backtrace::Backtrace::capture();
    let captured = backtrace.status() == std::backtrace::BacktraceStatus::Captured;
    tracing::error!(
        place = panic.location().map(tracing::field::display),
        reason = panic.payload().downcast_ref::<&'static str>(),
        thread = std::thread::current().name(),
        backtrace = captured.then(|| tracing::field::display(&backtrace)),
        "panic"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{PipeReader, Read};

    /// What a log of this level writes into a pipe meanwhile.
    fn logged(work: impl FnOnce(&LogHandle)) -> String {
        let (mut reader, writer): (PipeReader, _) = std::io::pipe().unwrap();
        let queue = Queue::start(writer).unwrap();
        let (filter, handle) = reload::Layer::new(targets(Level::INFO));
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(SpanFields)
            .event_format(LineFormat::Json)
            .with_writer(Arc::clone(&queue));
        let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
        let log = LogHandle { filter: handle, queue: Some(queue) };
        let _default = tracing::subscriber::set_default(subscriber);
        work(&log);
        tracing::info!("the end");
        log.flush();
        let mut bytes = vec![0; 1 << 16];
        let length = reader.read(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_level_changes_while_it_runs() {
        let text = logged(|log| {
            tracing::debug!("one");
            log.set_level(Level::DEBUG);
            tracing::debug!("two");
            log.set_level(Level::WARN);
            tracing::info!("three");
            log.set_level(Level::INFO);
        });
        let messages: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["message"].clone())
            .collect();
        assert_eq!(messages, ["two", "the end"]);
    }

    #[test]
    fn a_panic_is_a_line_without_the_values_in_its_message() {
        let text = logged(|_| {
            let former = std::panic::take_hook();
            std::panic::set_hook(Box::new(log_panic));
            let _ = std::panic::catch_unwind(|| panic!("a defect"));
            let value = "CANARY";
            let _ = std::panic::catch_unwind(|| panic!("in {value}"));
            std::panic::set_hook(former);
        });
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .filter(|line: &serde_json::Value| line["message"] == "panic")
            .collect();
        let [one, two] = &lines[..] else { panic!("{text}") };
        assert_eq!((&one["level"], &one["reason"]), (&"ERROR".into(), &"a defect".into()));
        assert!(two["reason"].is_null() && !text.contains("CANARY"), "{text}");
        assert!(two["place"].as_str().unwrap().starts_with("src/service/log.rs:"), "{two}");
    }
}
