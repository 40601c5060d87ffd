//! Canaries: what is secret lies nowhere that others look.

use crate::person::{Computer, Does, Killed, files, fragment, read_line};
use crate::stand_in::{SECRET, TOKEN};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

#[test]
fn nothing_secret_lies_on_the_disk_or_stands_in_an_argument() {
    let computer = Computer::signed_in();
    computer.succeeds(&["credentials"]);
    let cache = computer.cache();
    assert_eq!(std::fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
    for file in files(computer.home.path()) {
        let bytes = std::fs::read(&file).unwrap();
        for secret in [SECRET, TOKEN, "CANARY-ticket"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} in {}", file.display());
        }
        if file.starts_with(&cache) {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
    }
    // One entry and its key.
    assert_eq!((computer.cached(".json").len(), computer.cached(".key").len()), (1, 1));
    assert_eq!(computer.cached(".mark").len(), 0);
}

/// While a process waits for a sign-in, it holds a key: it leaves no core file, whatever ends it.
#[cfg(target_os = "linux")]
#[test]
fn a_process_that_waits_leaves_no_core() {
    use std::os::unix::process::ExitStatusExt;
    let computer = Computer::new();
    computer.does(Does::Nothing);
    let ends_with_a_core = |line: &str| {
        let mut command = std::process::Command::new("sh");
        computer.at_home(&mut command);
        command.current_dir(computer.home.path()).stderr(Stdio::piped());
        let mut child = command.args(["-c", &format!("ulimit -c unlimited; {line}")]).spawn().unwrap();
        read_line(&mut child);
        let killed = std::process::Command::new("kill").args(["-ABRT", &child.id().to_string()]).status();
        assert!(killed.unwrap().success());
        child.wait().unwrap().core_dumped()
    };
    let program = env!("CARGO_BIN_EXE_vestibule");
    assert!(ends_with_a_core("echo ready >&2; exec sleep 60"), "this system writes no cores at all");
    assert!(!ends_with_a_core(&format!("exec {program} login {}", computer.service.url)));
}

#[test]
fn no_argument_is_secret() {
    let computer = Computer::new();
    computer.does(Does::Nothing);
    let mut command = computer.command(&["login", &computer.service.url]);
    let mut child = Killed(command.stderr(Stdio::piped()).spawn().unwrap());
    let address = read_line(&mut child.0);
    // The browser's argument is the address that the terminal shows too.
    let request = fragment(address.trim()).into_iter().next().unwrap().1;
    let asked = computer.service.asked(&request);
    assert!(!address.contains(&asked.state) && !address.contains(asked.key.as_str()), "{address}");
}
