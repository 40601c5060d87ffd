//! Bad input: each a sentence that says what to do, a code of the table, nothing half-written.

use crate::person::{Computer, Does};
use crate::stand_in::{Manner, READER, WRITER};
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
}

#[test]
fn no_browser_is_said_at_once() {
    let computer = Computer::new();
    for browser in ["", "/nonexistent:false"] {
        let mut command = computer.command(&["login", &computer.service.url]);
        let output = command.env("BROWSER", browser).output().unwrap();
        let (code, _, said) = crate::person::outcome(&output);
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("--no-browser"), "{said}");
    }
}
