//! The same test binary once more, as a process that dies at a step.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const DIR: &str = "VESTIBULE_TEST_CHILD_DIR";
const STEP: &str = "VESTIBULE_TEST_CHILD_STEP";

/// Runs this test alone, in a process of its own that aborts.
pub fn dies(test: &str, dir: &Path, step: &str) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(DIR, dir)
        .env(STEP, step)
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(6), "the child aborted at {step}");
}

/// In that process: where the service's files are, and the step.
pub fn wanted() -> Option<(PathBuf, String)> {
    Some((std::env::var_os(DIR)?.into(), std::env::var(STEP).ok()?))
}
