//! Arguments in, exit code out; everything else is in the library.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// Rust's memory; the C libraries have the system's (SECURITY.md, "Memory").
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // Lambda starts its functions without arguments.
    #[cfg(unix)]
    if vestibule::lambda::is_lambda() && std::env::args_os().len() == 1 {
        return vestibule::lambda::run(environment());
    }
    vestibule::cli::run(std::env::args_os(), environment())
}

/// The environment, without values that are not UTF-8: no option of ours needs one.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
