//! Output for the person who started the process.

/// Prints a command's result.
#[allow(clippy::print_stdout, reason = "reports are results")]
pub(crate) fn print_result(text: &str) {
    println!("{text}");
}

/// Prints a message to the operator, on standard error: standard output is for results.
#[allow(clippy::print_stderr, reason = "the one place that prints messages")]
pub(crate) fn print_message(text: &str) {
    eprintln!("{text}");
}
