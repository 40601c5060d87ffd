//! Bad input: each a sentence that says what to do, a code of the table, nothing half-written.

use crate::person::Computer;
use crate::stand_in::{Manner, READER, WRITER};
use crate::support::computer::{Does, fragment, outcome};
use time::Duration;

fn misbehaving(manner: Manner, code: i32, words: &str) {
    let computer = Computer::new();
    computer.service.behave(manner);
    computer.fails(&["login", &computer.service.url, "--cache", "file"], code, words);
    assert_eq!(computer.cached(".json").len() + computer.cached(".key").len(), 0);
}

#[test]
fn the_persons_no_is_an_end() {
    let computer = Computer::new();
    computer.does(Does::Cancels);
    computer.fails(&["login", &computer.service.url], 4, "cancelled at the page");
    assert!(computer.first_page().contains("Abgebrochen"));
}

#[test]
fn a_clock_that_is_off_by_a_day_is_said() {
    for (ahead, words) in [(Duration::DAY, "1440 minutes behind"), (-Duration::DAY, "1440 minutes ahead of")]
    {
        misbehaving(Manner { ahead, ..Manner::default() }, 7, words);
    }
}

#[test]
fn another_version_is_said() {
    let answers = [
        (200, r#"{"request":"r"}"#, 6, "older than this program"),
        (404, "<html>", 6, "no Vestibule, or older"),
        (200, "<html>", 6, "older than this program"),
        (502, "<html>", 5, "try again later"),
        (
            403,
            r#"{"error":"shell_off","message":"Off.","reference":"R1"}"#,
            3,
            "refuses: Off (shell_off, reference R1)",
        ),
        (
            429,
            r#"{"error":"busy","message":"Busy.","reference":null,"retry_after":7}"#,
            3,
            "try again in 7 s",
        ),
        (200, r#"{"request":"r","page":"javascript:alert(1)","now":"2026-11-28T12:00:00Z"}"#, 6, "no page"),
    ];
    for (status, body, code, words) in answers {
        misbehaving(Manner { instead: Some((status, body.to_owned())), ..Manner::default() }, code, words);
    }
    misbehaving(Manner { document: Some("{}".to_owned()), ..Manner::default() }, 6, "another version");
}

#[test]
fn a_refusal_to_hand_over_is_the_browsers_too() {
    let computer = Computer::new();
    computer.service.behave(Manner { refuses: true, ..Manner::default() });
    computer.fails(&["login", &computer.service.url], 3, "It is gone (session_gone, reference R7)");
    assert!(computer.first_page().contains("Es hat nicht geklappt"));
}

#[test]
fn a_service_that_is_not_there_is_said() {
    let computer = Computer::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    computer.fails(&["login", &format!("http://{free}")], 5, "cannot be reached");
}

#[test]
fn another_role_than_asked_for_is_not_given() {
    let computer = Computer::signed_in();
    computer.does(Does::ConfirmsReader);
    computer.fails(&["credentials", "--role", WRITER], 3, "another role");
    computer.succeeds(&["credentials", "--no-login", "--role", READER]);
}

#[test]
fn a_server_must_be_known_and_safe() {
    let computer = Computer::new();
    computer.fails(&["credentials"], 78, "no server is known");
    computer.fails(&["login", "http://vestibule.example.com"], 78, "not encrypted");
    let directory = computer.home.path().join(".config/vestibule");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("shell.toml"), "server = \"https://a.example\"\ncolour = 1\n").unwrap();
    computer.fails(&["credentials"], 78, "shell.toml, line 2");
    computer.fails(&["credentials", "--wrong"], 2, "--wrong");
    for role in ["Reader", "", "arn:aws:iam::1:user/x"] {
        computer.fails(&["credentials", "--role", role], 2, "the role is an ARN like");
        computer.fails(&["login", &computer.service.url, "--role", role], 2, "the role is an ARN like");
    }
}

/// Nobody reads what is said, or a disk is full: the code is the table's all the same.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_takes_nothing_is_no_panic() {
    let computer = Computer::new();
    let full = || std::fs::File::options().write(true).open("/dev/full").unwrap();
    let silent = computer.command(&["credentials"]).stderr(full()).status().unwrap();
    assert_eq!(silent.code(), Some(78));
    for (arguments, code) in [(&["completions", "bash"][..], 10), (&["profiles"], 78)] {
        let output = computer.command(arguments).stdout(full()).output().unwrap();
        assert_eq!(outcome(&output).0, code, "{arguments:?}");
    }
}

/// Every port is taken.
#[cfg(target_os = "linux")]
#[test]
fn no_port_to_be_had_is_said() {
    let computer = Computer::new();
    let mut command = std::process::Command::new("strace");
    computer.at_home(&mut command);
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=bind", "-e", "inject=bind:error=EADDRINUSE"]);
    command.args([env!("CARGO_BIN_EXE_vestibule"), "login", &computer.service.url, "--cache", "file"]);
    let (code, out, said) = outcome(&command.output().expect("strace is needed (tests/install-shell)"));
    assert_eq!((code, out.as_str()), (1, ""), "{said}");
    assert!(said.contains("no port of 127.0.0.1 can be had") && said.contains("--no-browser"), "{said}");
    assert_eq!((computer.windows(), computer.service.counts()), (0, (0, 0)));
}

#[test]
fn no_browser_is_said_at_once() {
    let computer = Computer::new();
    for browser in ["", "/nonexistent:false"] {
        let mut command = computer.command(&["login", &computer.service.url]);
        let output = command.env("BROWSER", browser).output().unwrap();
        let (code, _, said) = outcome(&output);
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("--no-browser"), "{said}");
    }
}

/// Five minutes, by a clock of which ten seconds are one of ours. `tests/install-shell`
/// brings `faketime`.
#[cfg(target_os = "linux")]
#[test]
fn an_answer_after_five_minutes_finds_nobody() {
    let computer = Computer::new();
    computer.does(Does::Nothing);
    let url = computer.service.url.as_str();
    let mut command = std::process::Command::new("faketime");
    computer.at_home(&mut command);
    let login = format!(
        "date +%s; {} login {url} --cache file; code=$?; date +%s; exit $code",
        env!("CARGO_BIN_EXE_vestibule")
    );
    command.args(["-f", "+0 x10", "sh", "-c", &login]);
    let (code, out, said) = outcome(&command.output().expect("faketime is needed (tests/install-shell)"));
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("nobody has signed in for five minutes; run this again"), "{said}");
    let (began, ended) = out.trim_end().split_once('\n').unwrap();
    let took = ended.parse::<u32>().unwrap() - began.parse::<u32>().unwrap();
    // Above: what starting and ending take here, ten times.
    assert!((300..500).contains(&took), "{took} s");
    let (_, address) = said.lines().next().unwrap().split_once("opens: ").unwrap();
    let request = fragment(address).into_iter().find(|(name, _)| name == "shell").unwrap().1;
    let asked = computer.service.asked(&request);
    let host = asked.redirect_uri.unwrap();
    let host = host.strip_prefix("http://").unwrap().strip_suffix("/callback").unwrap();
    assert!(std::net::TcpStream::connect(host).is_err(), "nobody waits any more");
    // What was confirmed is not taken; the next sign-in is one.
    assert_eq!(computer.service.counts(), (1, 0));
    assert_eq!(computer.cached(".json").len() + computer.cached(".key").len(), 0);
    computer.does(Does::Confirms);
    computer.succeeds(&["login", url, "--cache", "file"]);
}
