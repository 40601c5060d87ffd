//! Output for the person who started the process.

use std::io::Write;

/// Prints the result of a command for operators.
#[cfg(unix)]
#[allow(clippy::print_stdout, reason = "reports are results")]
pub(crate) fn print_result(text: &str) {
    println!("{text}");
}

/// Prints a message to the operator, on standard error: standard output is for results. Where nobody
/// can read it, the work goes on.
pub(crate) fn print_message(text: &str) {
    writeln!(std::io::stderr(), "{text}").unwrap_or_default();
}
