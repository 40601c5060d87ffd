//! The kernel's keyring, in sessions of their own. `tests/install-shell` brings `keyctl`.
#![cfg(target_os = "linux")]

use crate::person::Computer;
use crate::stand_in::READER;
use crate::support::computer::outcome;
use std::process::Command;

/// Runs a line of sh in a new session keyring, as a login makes one.
fn in_session(computer: &Computer, line: &str) -> (i32, String, String) {
    let mut command = Command::new("keyctl");
    computer.at_home(&mut command);
    let line = line.replace("vestibule", env!("CARGO_BIN_EXE_vestibule"));
    let output = command.args(["session", "-", "sh", "-c", &line]).output();
    let (code, out, said) = outcome(&output.expect("keyctl is needed (tests/install-shell)"));
    (code, out, said.replace("Joined session keyring: ", ""))
}

#[test]
fn a_key_in_the_keyring_opens_in_every_session() {
    let computer = Computer::new();
    let login = format!("vestibule login {} --role {READER} --cache keyring", computer.service.url);
    let (code, out, said) = in_session(&computer, &login);
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("the kernel's keyring"), "{out}");
    assert_eq!((computer.cached(".json").len(), computer.cached(".key").len()), (1, 0));
    let (code, first, said) = in_session(&computer, "vestibule credentials --no-login");
    assert_eq!(code, 0, "{said}");

    // A session that has the old key and one that signs in anew do not hide keys from each other.
    let both = "vestibule credentials --no-login >/dev/null && keyctl session - VESTIBULE login >/dev/null 2>&1 && vestibule credentials --no-login";
    let (code, second, said) = in_session(&computer, &both.replace("VESTIBULE", "vestibule"));
    assert_eq!(code, 0, "{said}");
    assert!(first != second && second.contains("ASIA0002"), "{second}");
    assert_eq!(computer.windows(), 2);

    let (code, _, said) = in_session(&computer, "vestibule logout");
    assert_eq!(code, 0, "{said}");
    let (code, _, _) = in_session(&computer, "vestibule credentials --no-login");
    assert_eq!(code, 8);
}

#[test]
fn a_keyring_that_is_revoked_is_said() {
    let computer = Computer::new();
    let login = format!("vestibule login {} --role {READER} --cache keyring", computer.service.url);
    assert_eq!(in_session(&computer, &login).0, 0);
    let (code, out, said) = in_session(&computer, "keyctl revoke @s; vestibule credentials --no-login");
    assert_eq!((code, out.as_str()), (9, ""), "{said}");
    assert!(said.contains("--cache file"), "{said}");
    assert_eq!(in_session(&computer, "vestibule logout").0, 0);
}

/// It worked when it was tried, and does not when the credentials are there.
#[test]
fn a_keyring_that_is_revoked_during_a_sign_in_is_said() {
    let computer = Computer::new();
    let browser = computer.home.path().join("browser");
    let script = std::fs::read_to_string(&browser).unwrap();
    std::fs::write(&browser, script.replace("#!/bin/sh\n", "#!/bin/sh\nkeyctl revoke @s\n")).unwrap();
    let login = format!("vestibule login {} --role {READER} --cache keyring", computer.service.url);
    let (code, out, said) = in_session(&computer, &login);
    assert_eq!((code, out.as_str()), (9, ""), "{said}");
    assert!(said.contains("--cache file"), "{said}");
    assert!(computer.first_page().contains("Es hat nicht geklappt"));
    assert_eq!(computer.service.counts(), (1, 1));
    assert_eq!(computer.cached(".json").len(), 0);
    // Nothing is left of it after the next one.
    assert_eq!(in_session(&computer, "vestibule logout").0, 0);
    std::fs::write(&browser, script).unwrap();
    assert_eq!(in_session(&computer, &login).0, 0);
    assert_eq!((computer.cached(".json").len(), computer.cached(".mark").len()), (1, 0));
}

/// The keyring's calls take their time, so that what one tries meets what the others remove.
#[test]
fn who_tries_the_keyring_at_once_disturbs_nobody() {
    let computer = Computer::new();
    let slow = "strace -f -qq -o /dev/null -e trace=keyctl -e inject=keyctl:delay_enter=${n}0000";
    let login = format!("{slow} vestibule login {} --role {READER} --cache keyring", computer.service.url);
    let line = format!(
        "for n in 1 2 3 4; do {login} & all=\"$all $!\"; done; for one in $all; do wait $one || exit $?; done"
    );
    let (code, _, said) = in_session(&computer, &line);
    assert_eq!(code, 0, "{said}");
    assert_eq!(computer.service.counts(), (4, 4));
}
