//! The commands as an operator meets them: real processes, bad files, exit codes.

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use support::process::remove_configuration;
use tempfile::TempDir;

/// For a configuration or an environment that the operator must mend.
const EX_CONFIG: i32 = 78;

/// A directory with a good configuration in it, to be spoilt.
fn workplace() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let metadata = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/metadata.xml");
    fs::copy(metadata, dir.path().join("idp.xml")).unwrap();
    write_config(dir.path(), "");
    dir
}

fn write_config(dir: &Path, more: &str) {
    let config = format!(
        r#"
[server]
listen = "127.0.0.1:0"
admin_listen = "127.0.0.2:0"
public_url = "http://127.0.0.1:8080"
redirect_url = "http://127.0.0.1:8080/"

[[saml.idp]]
name = "ADFS"
provider_arn = "arn:aws:iam::123456789012:saml-provider/ADFS"
metadata = "idp.xml"

[sts]
kind = "local"
path = "sts-key"
region = "eu-central-1"

[store]
kind = "embedded"
path = "vestibule.db"

[keys]
kind = "local"
path = "keys"
{more}"#
    );
    fs::write(dir.join("vestibule.toml"), config).unwrap();
}

fn vestibule(dir: &Path, arguments: &[&str]) -> Output {
    vestibule_in(dir, arguments, &[])
}

/// The same with variables of the environment, and no other of ours.
fn vestibule_in(dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    // A service that starts although it should not is killed, and its code is 137.
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "20", env!("CARGO_BIN_EXE_vestibule")]);
    remove_configuration(&mut command);
    command.args(arguments).current_dir(dir).envs(environment.iter().copied()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `serve` ends at once with a sentence that names these things.
fn refuses_to_start(dir: &Path, names: &[&str]) {
    let output = vestibule(dir, &["serve", "--config", "vestibule.toml"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(EX_CONFIG), "{said}");
    for name in names {
        assert!(said.contains(name), "{name} is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn help_teaches() {
    let output = vestibule(Path::new("."), &["--help"]);
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success());
    for command in ["serve", "check", "doctor", "explain", "init", "rules", "keys"] {
        assert!(help.contains(command), "{help}");
    }
    // The deployed binary is built without the feature, and cannot be an identity provider.
    assert_eq!(help.contains("demo"), cfg!(feature = "demo"), "{help}");
    let demo = vestibule(Path::new("."), &["demo", "--no-such-option"]);
    assert_eq!(said(&demo).contains("unrecognized subcommand 'demo'"), cfg!(not(feature = "demo")));
    assert_eq!(vestibule(Path::new("."), &["sevre"]).status.code(), Some(2));
}

#[test]
fn a_good_configuration_is_usable_and_nothing_is_written() {
    let dir = workplace();
    let output = vestibule(dir.path(), &["check", "--config", "vestibule.toml"]);
    assert!(output.status.success(), "{}", said(&output));
    let mut files: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["idp.xml", "vestibule.toml"]);
}

#[test]
fn a_configuration_with_ten_faults_shows_ten_places() {
    let dir = workplace();
    let config = r#"[server]
listen = "somewhere"
public_url = "ftp://vestibule.example.com"
allowed_origins = ["https://app.example.com/path"]
colour = "blue"

[[saml.idp]]
name = "ADFS"
provider_arn = "arn:aws:iam::12:saml-provider/ADFS"
metadata = "missing.xml"
select.groups = "../Attribute"

[delivery]
ticket_lifetime = "soon"

[sts]
kind = "imaginary"

[store]
kind = "embedded"
path = 7

[keys]
kind = "local"

[[rule]]
name = "production"
when.role_name = { like = "Prod" }
"#;
    fs::write(dir.path().join("vestibule.toml"), config).unwrap();
    let output = vestibule(dir.path(), &["check", "--config", "vestibule.toml"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(EX_CONFIG));
    for place in ["2:", "3:", "4:", "5:", "9:", "10:", "11:", "14:", "17:", "21:", "28:"] {
        assert!(said.contains(&format!("vestibule.toml:{place}")), "line {place} in {said}");
    }
    // The same faults keep the service from starting.
    refuses_to_start(dir.path(), &["vestibule.toml:2:"]);
}

/// Somebody widened a rule, and its test says so before anybody signs in.
#[test]
fn a_rule_whose_test_fails_does_not_start() {
    let dir = workplace();
    let rules = r#"
[[rule]]
name = "production"
when.role_name = { prefix = "Prod" }
[[rule.test]]
name = "only production"
name_id = "anna"
roles = "arn:aws:iam::123456789012:role/Products"
refused = true
"#;
    write_config(dir.path(), rules);
    refuses_to_start(
        dir.path(),
        &["vestibule.toml:29:1: rule[0].test[0]: the test 'only production' fails: expected: is refused"],
    );
    assert!(!dir.path().join("vestibule.db").exists());
}

#[test]
fn a_configuration_that_is_missing_or_not_toml() {
    let dir = workplace();
    fs::remove_file(dir.path().join("vestibule.toml")).unwrap();
    refuses_to_start(dir.path(), &["vestibule.toml"]);
    fs::write(dir.path().join("vestibule.toml"), "[server\nlisten").unwrap();
    refuses_to_start(dir.path(), &["vestibule.toml:1:"]);
    fs::write(dir.path().join("vestibule.toml"), [0xff, 0xfe, 0x00]).unwrap();
    refuses_to_start(dir.path(), &["vestibule.toml"]);
}

#[test]
fn metadata_that_is_not_metadata() {
    let dir = workplace();
    for junk in ["", "<html/>", "not xml", "<!DOCTYPE x><EntityDescriptor/>"] {
        fs::write(dir.path().join("idp.xml"), junk).unwrap();
        refuses_to_start(dir.path(), &["idp.xml", "saml.idp"]);
    }
}

#[test]
fn metadata_that_has_expired_or_may_have_is_not_usable() {
    let dir = workplace();
    let metadata = fs::read_to_string(dir.path().join("idp.xml")).unwrap();
    let until = |end: &str| {
        let ending = metadata.replacen(" entityID=", &format!(" validUntil=\"{end}\" entityID="), 1);
        assert_ne!(ending, metadata);
        fs::write(dir.path().join("idp.xml"), ending).unwrap();
    };
    until("2020-01-31T00:00:00Z");
    let output = vestibule(dir.path(), &["check", "--config", "vestibule.toml"]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(78), "{said}");
    for part in
        ["ADFS", "its metadata has expired", "validUntil", "2020-01-31", "vestibule.toml is not usable"]
    {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    until("2120-01-31T00:00:00Z");
    assert_eq!(vestibule(dir.path(), &["check", "--config", "vestibule.toml"]).status.code(), Some(0));
    until("2020-01-31");
    refuses_to_start(dir.path(), &["idp.xml", "its validUntil is no instant", "2020-01-31"]);
}

#[test]
fn metadata_without_a_signing_key_does_not_start() {
    let dir = workplace();
    let metadata = fs::read_to_string(dir.path().join("idp.xml")).unwrap();
    // Every other part is a certificate.
    let parts = metadata.split("X509Certificate>").enumerate();
    let emptied: Vec<&str> = parts.map(|(n, part)| if n % 2 == 0 { part } else { "</" }).collect();
    let without = emptied.join("X509Certificate>");
    fs::write(dir.path().join("idp.xml"), without).unwrap();
    refuses_to_start(dir.path(), &["idp.xml", "no usable signing key"]);
}

#[test]
fn a_database_that_is_not_one_is_left_alone() {
    let dir = workplace();
    let file = dir.path().join("vestibule.db");
    let precious = "the minutes of the last meeting\n".repeat(100);
    fs::write(&file, &precious).unwrap();
    refuses_to_start(dir.path(), &["vestibule.db"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), precious);
}

#[test]
fn a_database_of_somebody_else_is_left_alone() {
    let dir = workplace();
    let other = rusqlite::Connection::open(dir.path().join("vestibule.db")).unwrap();
    other.execute_batch("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)").unwrap();
    drop(other);
    refuses_to_start(dir.path(), &["vestibule.db"]);
    let other = rusqlite::Connection::open(dir.path().join("vestibule.db")).unwrap();
    let tables: i64 = other.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_key_file_that_others_can_read_is_refused() {
    let dir = workplace();
    fs::write(dir.path().join("keys"), "{}").unwrap();
    fs::set_permissions(dir.path().join("keys"), fs::Permissions::from_mode(0o644)).unwrap();
    refuses_to_start(dir.path(), &["keys"]);
}

#[test]
fn an_address_in_use_is_named() {
    let dir = workplace();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = fs::read_to_string(dir.path().join("vestibule.toml")).unwrap();
    fs::write(dir.path().join("vestibule.toml"), config.replace("127.0.0.1:0", &address)).unwrap();
    refuses_to_start(dir.path(), &[&address, "in use"]);
    assert!(!dir.path().join("vestibule.db").exists(), "nothing was made");
}

#[test]
fn the_environment_goes_over_the_file_and_a_typo_in_it_is_a_fault() {
    let dir = workplace();
    let check = |name: &str, value: &str| {
        vestibule_in(dir.path(), &["check", "--config", "vestibule.toml"], &[(name, value)])
    };
    assert!(check("VESTIBULE_SERVER_LISTEN", "127.0.0.1:1234").status.success());
    for (name, value) in [("VESTIBULE_SERVER_LISTEN", "nonsense"), ("VESTIBULE_SERVER_LISTNE", "127.0.0.1:1")]
    {
        let output = check(name, value);
        assert_eq!(output.status.code(), Some(EX_CONFIG));
        assert!(said(&output).contains(name), "{}", said(&output));
    }
}

#[test]
fn keys_are_made_listed_and_rotated() {
    let dir = workplace();
    let keys = |command: &str| {
        let output = vestibule(dir.path(), &["keys", command, "--config", "vestibule.toml"]);
        assert!(output.status.success(), "{}", said(&output));
        said(&output).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut first = keys("create");
    let issuer = first.pop().unwrap();
    assert!(issuer.contains("issuer's key"), "{issuer}");
    assert_eq!((keys("create"), keys("list")), (first.clone(), first.clone()), "made once");
    let second = keys("rotate");
    let kid = |lines: &[String]| lines[0].split_whitespace().next().unwrap().to_owned();
    assert_ne!(kid(&first), kid(&second));
    assert_eq!(keys("list"), [first, second].concat(), "the old one is still there");
}

/// 30 ms of every start (SECURITY.md, "Randomness"). What is built elsewhere than in this
/// directory does not see its `.cargo/config.toml`.
#[test]
fn the_random_generator_is_built_without_the_jitter_of_the_clock() {
    let binary = fs::read(env!("CARGO_BIN_EXE_vestibule")).unwrap();
    let has = |name: &[u8]| binary.windows(name.len()).any(|window| window == name);
    assert!(has(b"CTR_DRBG_generate"), "names are still in it");
    assert!(!has(b"jent_read_entropy"));
}
