//! AWS's own tools read what we write: botocore, by `credential_process` and by the endpoint.

use crate::person::{Computer, outcome};
use crate::stand_in::{SECRET, TOKEN};
use std::path::PathBuf;
use std::process::Command;

const WHO: &str = "
import botocore.session, sys
session = botocore.session.Session()
if len(sys.argv) > 1: session.set_config_variable('profile', sys.argv[1])
found = session.get_credentials()
frozen = found.get_frozen_credentials()
print(found.method, session.get_config_variable('region'), frozen.secret_key, frozen.token)
";

pub fn python() -> PathBuf {
    std::env::var_os("TEST_PYTHON").map(PathBuf::from).expect("TEST_PYTHON, as tests/run sets it")
}

#[test]
fn botocore_reads_a_profile() {
    let computer = Computer::signed_in();
    computer.succeeds(&["profiles", "--write"]);
    let mut command = Command::new(python());
    computer.at_home(&mut command);
    let output = command.args(["-c", WHO, "123456789012-Reader"]).output().unwrap();
    let (code, out, said) = outcome(&output);
    assert_eq!(code, 0, "{said}");
    assert_eq!(out, format!("custom-process eu-central-1 {SECRET} {TOKEN}\n"));
}

#[test]
fn botocore_asks_the_endpoint_even_with_a_default_profile() {
    let computer = Computer::signed_in();
    let aws = computer.home.path().join(".aws");
    std::fs::create_dir(&aws).unwrap();
    let keys = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = x\n";
    for files in [&[][..], &["credentials"], &["credentials", "config"]] {
        for file in files {
            std::fs::write(aws.join(file), keys).unwrap();
        }
        let python = python();
        let output = computer.command(&["exec", "--", python.to_str().unwrap(), "-c", WHO]).output().unwrap();
        let (code, out, said) = outcome(&output);
        assert_eq!(code, 0, "{said}");
        assert_eq!(out, format!("container-role eu-central-1 {SECRET} {TOKEN}\n"), "{files:?}");
    }
}

#[test]
fn completions_are_of_every_shell() {
    let computer = Computer::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let out = computer.succeeds(&["completions", shell]);
        assert!(out.contains("credentials") && out.contains("no-login"), "{shell}");
    }
}
