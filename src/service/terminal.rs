//! What a process says to the person who started it.

/// Prints a command's result.
#[allow(clippy::print_stdout, reason = "reports are results")]
pub(crate) fn tell(text: &str) {
    println!("{text}");
}

/// Prints to the operator (standard error: standard output is for results).
#[allow(clippy::print_stderr, reason = "the one place where a command speaks to its operator")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}
