//! AWS's own tools read what we write, by `credential_process` and by the endpoint: boto3, awscli from
//! PyPI and from Debian, and the SDKs for JavaScript and Rust.

use crate::person::Computer;
use crate::stand_in::{SECRET, TOKEN};
use crate::support::computer::outcome;
use aws_config::Region;
use aws_credential_types::provider::ProvideCredentials;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

const PROFILE: &str = "123456789012-Reader";
/// Debian's, and not one of PyPI's that may lie before it: version 2.
pub const AWSCLI: &str = "/usr/bin/aws";

const WHO: &str = "
import boto3, sys
session = boto3.Session(profile_name=sys.argv[1] if len(sys.argv) > 1 else None)
found = session.get_credentials()
frozen = found.get_frozen_credentials()
print(found.method, session.region_name, frozen.secret_key, frozen.token)
";

pub fn python() -> PathBuf {
    std::env::var_os("TEST_PYTHON").map(PathBuf::from).expect("TEST_PYTHON, as tests/run sets it")
}

#[test]
fn boto3_reads_a_profile() {
    let computer = Computer::signed_in();
    computer.succeeds(&["profiles", "--write"]);
    let mut command = Command::new(python());
    computer.at_home(&mut command);
    let output = command.args(["-c", WHO, PROFILE]).output().unwrap();
    let (code, out, said) = outcome(&output);
    assert_eq!(code, 0, "{said}");
    assert_eq!(out, format!("custom-process eu-central-1 {SECRET} {TOKEN}\n"));
}

#[test]
fn boto3_asks_the_endpoint_even_with_a_default_profile() {
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

/// What a program says that was run with this computer's profile, and by `exec`.
fn both(computer: &Computer, program: &Path, arguments: &[&str]) -> [String; 2] {
    computer.succeeds(&["profiles", "--write"]);
    let mut by_profile = Command::new(program);
    computer.at_home(&mut by_profile);
    let mut words = vec!["exec", "--", program.to_str().unwrap()];
    words.extend(arguments);
    let by_endpoint = computer.command(&words);
    by_profile.args(arguments).env("AWS_PROFILE", PROFILE);
    [by_profile, by_endpoint].map(|mut command| {
        let output = command.env(SAYS_WHO, "yes").env("NODE_PATH", node_modules()).output().unwrap();
        let (code, out, said) = outcome(&output);
        assert_eq!(code, 0, "{out}{said}");
        out
    })
}

fn node_modules() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/node_modules")
}

const CALLER: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
    <GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:assumed-role/Reader/ada</Arn><UserId>A:ada</UserId>\
    <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

/// AWS's place for some calls: each is answered, whoever signed it; what was asked.
fn calls(listener: &TcpListener, number: usize) -> Vec<String> {
    let answer = |stream: TcpStream| {
        let mut reader = BufReader::new(&stream);
        let (mut head, mut length) = (String::new(), 0);
        while reader.read_line(&mut head).unwrap() > 2 {
            let line = head.lines().last().unwrap().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        reader.read_exact(&mut vec![0; length]).unwrap();
        let start = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", CALLER.len());
        (&stream).write_all(format!("{start}{CALLER}").as_bytes()).unwrap();
        head
    };
    listener.incoming().take(number).map(|stream| answer(stream.unwrap())).collect()
}

/// Both versions that have packages sign a call with it.
#[test]
fn awscli_signs_with_what_we_cache() {
    let computer = Computer::signed_in();
    let python = python();
    for (program, words) in [(python.as_path(), &["-m", "awscli"][..]), (Path::new(AWSCLI), &[])] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let called = std::thread::spawn(move || calls(&listener, 2));
        let call = ["sts", "get-caller-identity", "--output", "text", "--endpoint-url", &url];
        for out in both(&computer, program, &[words, &call[..]].concat()) {
            assert!(out.starts_with("123456789012\t"), "{out}");
        }
        for head in called.join().unwrap() {
            assert!(head.contains("Credential=ASIA0001/"), "{head}");
            assert!(
                head.to_ascii_lowercase()
                    .contains(&format!("x-amz-security-token: {TOKEN}").to_ascii_lowercase()),
                "{head}"
            );
            assert!(head.contains("/eu-central-1/sts/"), "{head}");
        }
    }
}

#[test]
fn debians_awscli_exports_what_we_cache() {
    let computer = Computer::signed_in();
    let arguments = ["configure", "export-credentials", "--format", "process"];
    for out in both(&computer, Path::new(AWSCLI), &arguments) {
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(
            (&document["SecretAccessKey"], &document["SessionToken"]),
            (&SECRET.into(), &TOKEN.into())
        );
        assert!(document["Expiration"].is_string(), "{out}");
    }
}

#[test]
fn the_sdk_for_javascript_reads_both() {
    const SAY: &str = "require('@aws-sdk/credential-provider-node').defaultProvider()().then((found) => \
         console.log(found.secretAccessKey, found.sessionToken, found.expiration.toISOString()))";
    let computer = Computer::signed_in();
    for out in both(&computer, Path::new("/usr/bin/env"), &["node", "-e", SAY]) {
        assert!(out.starts_with(&format!("{SECRET} {TOKEN} 20")), "{out}");
    }
}

/// Set where this process is the program that was run.
const SAYS_WHO: &str = "VESTIBULE_TEST_SAYS_WHO";

#[test]
fn the_sdk_for_rust_reads_both() {
    if std::env::var_os(SAYS_WHO).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(async {
            let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).load().await;
            let found = config.credentials_provider().unwrap().provide_credentials().await.unwrap();
            let region = config.region().map(Region::as_ref).unwrap_or_default();
            println!(
                "who: {region} {} {} {}",
                found.secret_access_key(),
                found.session_token().unwrap(),
                found.expiry().is_some()
            );
        });
    }
    let computer = Computer::signed_in();
    let this = std::env::current_exe().unwrap();
    for out in both(&computer, &this, &["tools::the_sdk_for_rust_reads_both", "--exact", "--nocapture"]) {
        assert!(out.contains(&format!("who: eu-central-1 {SECRET} {TOKEN} true\n")), "{out}");
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
