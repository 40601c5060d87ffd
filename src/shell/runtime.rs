//! The runtime of a command that waits: one thread, and more only for what blocks.

use super::exit::{Exit, Failure};

/// Runs a future to its end, and waits for nothing that it left behind.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime
        .map_err(|e| Failure::new(Exit::Failed, format!("the runtime did not start: {e}; run this again")))?;
    let outcome = runtime.block_on(future);
    // A thread may wait for a lock or a line that never comes.
    runtime.shutdown_background();
    outcome
}
