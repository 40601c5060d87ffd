//! What `deploy/release` packs, looked into: the binary of this build stands for a release's.

use std::process::Command;

#[test]
fn a_release_has_what_it_promises() {
    let output = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/deploy/release.py"))
        .arg(env!("CARGO_BIN_EXE_vestibule"))
        .output()
        .expect("python3 is needed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
