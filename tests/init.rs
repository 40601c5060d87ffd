//! `vestibule init`, as a process: what it writes is usable, and nothing is lost.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

fn workplace() -> TempDir {
    let dir = TempDir::with_prefix("vestibule-init-").unwrap();
    let metadata = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metadata.xml");
    fs::copy(metadata, dir.path().join("adfs.xml")).unwrap();
    dir
}

fn vestibule(dir: &Path, arguments: &[&str]) -> (Output, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_vestibule"))
        .args(arguments)
        .current_dir(dir)
        .env_clear()
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("panicked"), "{said}");
    (output, said)
}

const OURS: [&str; 6] = [
    "init",
    "--metadata",
    "adfs.xml",
    "--public-url",
    "https://login.corp.example",
    "--account=210987654321",
];

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_it_writes_passes_check_and_pins_our_acs() {
    let dir = workplace();
    let (output, said) = vestibule(dir.path(), &OURS);
    assert!(output.status.success(), "{said}");
    let site = dir.path().join("site");
    assert_eq!(
        names(&site),
        ["README.md", "adfs.ps1", "idp-metadata.xml", "trust-policy.json", "vestibule.toml"]
    );
    assert_eq!(names(dir.path()), ["adfs.xml", "site"], "nothing is left over");

    fs::remove_file(dir.path().join("adfs.xml")).unwrap();
    let (output, said) = vestibule(dir.path(), &["check", "--config", "site/vestibule.toml"]);
    assert!(output.status.success() && !said.contains("warning"), "{said}");

    let policy: serde_json::Value =
        serde_json::from_slice(&fs::read(site.join("trust-policy.json")).unwrap()).unwrap();
    let statement = &policy["Statement"][0];
    assert_eq!(statement["Principal"]["Federated"], "arn:aws:iam::210987654321:saml-provider/ADFS");
    assert_eq!(statement["Condition"]["StringEquals"]["SAML:aud"], "https://login.corp.example/saml");
    let script = fs::read_to_string(site.join("adfs.ps1")).unwrap();
    for part in [
        "'https://login.corp.example/saml'",
        "'urn:amazon:webservices'",
        "\"arn:aws:iam::210987654321:saml-provider/ADFS,arn:aws:iam::210987654321:role/ADFS-\"",
        "-EnableRelayStateForIdpInitiatedSignOn $true",
        "query = \";mail;{0}\"",
    ] {
        assert!(script.contains(part), "{part} is not in {script}");
    }
    let config = fs::read_to_string(site.join("vestibule.toml")).unwrap();
    assert!(config.contains("https://adfs.example.com/adfs/ls/IdpInitiatedSignOn.aspx"), "{config}");
    let readme = fs::read_to_string(site.join("README.md")).unwrap();
    assert!(readme.contains("was\nnot tried on the real STS"), "{readme}");
}

#[test]
fn without_options_it_says_which_values_are_examples() {
    let dir = workplace();
    let (output, said) = vestibule(dir.path(), &["init", "--metadata", "adfs.xml"]);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("examples still: --public-url, --account"), "{said}");
    let (output, said) = vestibule(dir.path(), &["check", "--config", "site/vestibule.toml"]);
    assert!(output.status.success(), "{said}");
}

#[test]
fn what_is_there_is_only_replaced_by_force() {
    let dir = workplace();
    let site = dir.path().join("site");
    fs::create_dir(&site).unwrap();
    fs::write(site.join("adfs.ps1"), "mine").unwrap();
    fs::write(site.join("other"), "mine").unwrap();
    let (output, said) = vestibule(dir.path(), &OURS);
    assert_eq!(output.status.code(), Some(78));
    assert!(said.contains("adfs.ps1") && said.contains("--force"), "{said}");
    assert_eq!(names(&site), ["adfs.ps1", "other"], "a part of the set was written");
    assert_eq!(fs::read_to_string(site.join("adfs.ps1")).unwrap(), "mine");

    let (output, said) = vestibule(dir.path(), &[&OURS[..], &["--force"]].concat());
    assert!(output.status.success(), "{said}");
    assert_eq!(names(&site).len(), 6);
    assert_ne!(fs::read_to_string(site.join("adfs.ps1")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(site.join("other")).unwrap(), "mine");
}

#[test]
fn a_place_that_cannot_be_made_leaves_nothing_behind() {
    let dir = workplace();
    let (output, said) = vestibule(dir.path(), &[&OURS[..], &["--directory", "adfs.xml/below"]].concat());
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert_eq!(names(dir.path()), ["adfs.xml"]);
}

#[test]
fn options_that_make_no_usable_set_write_nothing() {
    for (arguments, names_it) in [
        (&["--public-url", "ftp://login.corp.example"][..], "public_url"),
        (&["--public-url", "https://x.example/'; Remove-Item -Recurse C:\\"], "public_url"),
        (&["--account", "12"], "--account"),
        (&["--provider-name", "AD/FS\""], "--provider-name"),
        (&["--region", "nowhere at all"], "region"),
        (&["--entity-id", "urn:somebody:else"], "no identity provider"),
    ] {
        let dir = workplace();
        let (output, said) =
            vestibule(dir.path(), &[&["init", "--metadata", "adfs.xml"], arguments].concat());
        assert_eq!(output.status.code(), Some(78), "{arguments:?}: {said}");
        assert!(said.contains(names_it), "{arguments:?}: {said}");
        assert_eq!(names(dir.path()), ["adfs.xml"], "{arguments:?}");
    }
}
