//! The runtime of one command.

use crate::system::print_message;
use std::process::ExitCode;

/// Exit code for a configuration or an environment that the operator must mend
/// (sysexits.h's EX_CONFIG), so that supervisors need not try again.
pub(super) const EX_CONFIG: u8 = 78;

/// Runs a command's future; an error is a sentence for the operator.
pub(super) fn in_runtime(command: impl Future<Output = Result<(), String>>) -> ExitCode {
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("the runtime did not start: {e}"))
        .and_then(|runtime| runtime.block_on(command));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            print_message(&format!("vestibule: {sentence}"));
            ExitCode::from(EX_CONFIG)
        }
    }
}
