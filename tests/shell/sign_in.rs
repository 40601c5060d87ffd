//! A sign-in, what is cached of it, and who has it.

use crate::person::Computer;
use crate::stand_in::{Manner, READER, SECRET, TOKEN, USER, WRITER, now};
use crate::support::computer::{Does, Killed, at_once, fragment, outcome, read_line, wait_until};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use time::Duration;

fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{json:?}: {e}"))
}

#[test]
fn a_sign_in_gives_credentials_until_they_end() {
    let computer = Computer::new();
    let url = computer.service.url.clone();
    let out = computer.succeeds(&["login", &url, "--cache", "file"]);
    assert!(out.contains(USER) && out.contains(READER) && out.contains("yours alone"), "{out}");
    let page = computer.first_page();
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("Sie sind angemeldet"), "{page}");
    for header in ["content-security-policy: default-src 'none'", "cache-control: no-store"] {
        assert!(page.contains(header), "{page}");
    }
    assert!(!page.contains("<script"), "{page}");

    // The server and the role are remembered.
    let credentials = read(&computer.succeeds(&["credentials"]));
    let members: Vec<&String> = credentials.as_object().unwrap().keys().collect();
    assert_eq!(members, ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken", "Version"]);
    assert_eq!(
        (&credentials["SecretAccessKey"], &credentials["SessionToken"]),
        (&SECRET.into(), &TOKEN.into())
    );
    assert_eq!(computer.windows(), 1);

    // With less than five minutes left it signs in again.
    computer.service.behave(Manner { lifetime: Duration::minutes(4), ..Manner::default() });
    computer.succeeds(&["login"]);
    computer.service.behave(Manner::default());
    computer.fails(&["credentials", "--no-login"], 8, "vestibule login");
    assert_eq!(read(&computer.succeeds(&["credentials"]))["AccessKeyId"], "ASIA0003");
    assert_eq!(computer.windows(), 3);
}

#[test]
fn many_processes_open_one_browser() {
    let computer = Computer::signed_in();
    computer.service.behave(Manner { lifetime: Duration::minutes(4), ..Manner::default() });
    computer.succeeds(&["login"]);
    computer.service.behave(Manner::default());
    let (windows, (begun, taken)) = (computer.windows(), computer.service.counts());
    let outputs = at_once(64, || computer.command(&["credentials"]));
    assert!(outputs.iter().all(|out| *out == outputs[0]));
    assert_eq!(computer.windows(), windows + 1);
    assert_eq!(computer.service.counts(), (begun + 1, taken + 1));
}

/// How many of them wait for a lock.
fn waiting(children: &[Child]) -> usize {
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let blocked = locks.lines().filter(|line| line.contains(" -> FLOCK "));
    let pids: Vec<&str> = blocked.filter_map(|line| line.split_whitespace().nth(5)).collect();
    children.iter().filter(|child| pids.contains(&child.id().to_string().as_str())).count()
}

#[test]
fn many_processes_share_one_failure() {
    let computer = Computer::new();
    computer.does(Does::Nothing);
    let url = computer.service.url.clone();
    let start = |_| {
        let mut command = computer.command(&["credentials", "--server", &url, "--role", READER]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<Child> = (0..16).map(start).collect();
    // All wait before the person says no.
    wait_until("all but one wait", || waiting(&children) == 15 && computer.windows() == 1);
    let windows = std::fs::read_to_string(computer.home.path().join("windows")).unwrap();
    computer.does(Does::Cancels);
    std::fs::write(computer.home.path().join("windows"), format!("{windows}{windows}")).unwrap();
    for child in children {
        let (code, out, said) = outcome(&child.wait_with_output().unwrap());
        assert_eq!((code, out.as_str()), (4, ""), "{said}");
        assert!(said.contains("cancelled"), "{said}");
    }
    assert_eq!(computer.service.counts(), (1, 0));
    // Who comes later asks anew.
    computer.does(Does::Confirms);
    computer.succeeds(&["credentials", "--server", &url, "--role", READER]);
}

/// Killed while others wait: they fail, and open nothing.
#[test]
fn many_processes_share_one_interruption() {
    let computer = Computer::new();
    computer.does(Does::Nothing);
    let url = computer.service.url.clone();
    let start = || {
        let mut command = computer.command(&["credentials", "--server", &url, "--role", READER]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut first = Killed(start());
    read_line(&mut first.0);
    let others: Vec<Child> = (0..4).map(|_| start()).collect();
    wait_until("all but one wait", || waiting(&others) == 4);
    drop(first);
    for child in others {
        let (code, _, said) = outcome(&child.wait_with_output().unwrap());
        assert_eq!(code, 4, "{said}");
        assert!(said.contains("interrupted"), "{said}");
    }
    assert_eq!(computer.service.counts().0, 1);
}

#[test]
fn what_another_page_sends_ends_nothing() {
    let computer = Computer::new();
    computer.does(Does::IsAttacked);
    let url = computer.service.url.clone();
    computer.succeeds(&["login", &url, "--cache", "file"]);
    assert!(computer.first_page().contains("angemeldet"));
}

#[test]
fn two_logins_at_once_are_two() {
    let computer = Computer::new();
    let url = computer.service.url.clone();
    let start = |role| {
        let mut command = computer.command(&["login", &url, "--role", role, "--cache", "file", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for (role, child) in [READER, WRITER].map(|role| (role, start(role))) {
        let (code, out, said) = outcome(&child.wait_with_output().unwrap());
        assert_eq!(code, 0, "{said}");
        assert_eq!(read(&out)[0]["role"], role);
    }
}

#[test]
fn several_roles_are_one_sign_in() {
    let computer = Computer::new();
    let url = computer.service.url.clone();
    let login =
        ["login", &url, "--cache", "file", "--json", "--role", READER, "--role", WRITER, "--idp", "B"];
    let told = read(&computer.succeeds(&login));
    assert_eq!((told[0]["role"].as_str(), told[1]["role"].as_str()), (Some(READER), Some(WRITER)));
    assert!(!told.to_string().contains("CANARY"));
    assert_eq!(computer.windows(), 1);
    for role in [READER, WRITER] {
        computer.succeeds(&["credentials", "--no-login", "--role", role]);
    }
    let removed = read(&computer.succeeds(&["logout", "--role", READER, "--json"]));
    assert_eq!(removed[0]["role"], READER);
    computer.fails(&["credentials", "--no-login", "--role", READER], 8, "");
    computer.succeeds(&["credentials", "--no-login", "--role", WRITER]);
    // The first was chosen last; the only one that is cached counts now.
    computer.succeeds(&["credentials", "--no-login"]);
    assert!(computer.succeeds(&["logout"]).contains("Writer"));
    assert_eq!(computer.cached(".json").len() + computer.cached(".key").len(), 0);
    assert_eq!(computer.succeeds(&["logout"]), "nothing was cached\n");
}

/// As many as can be asked for at once, in one address of the browser's.
#[test]
fn ten_roles_come_back_in_one_address() {
    let computer = Computer::new();
    let url = computer.service.url.clone();
    let roles: Vec<String> = (0..11).map(|number| format!("{READER}{number}")).collect();
    let login = |count: usize| -> Vec<&str> {
        let named = roles.iter().take(count).flat_map(|role| ["--role", role]);
        ["login", &url, "--cache", "file", "--json"].into_iter().chain(named).collect()
    };
    let told = read(&computer.succeeds(&login(10)));
    assert_eq!((told.as_array().unwrap().len(), computer.windows()), (10, 1));
    assert_eq!(computer.cached(".key").len(), 10);
    for role in &roles[..10] {
        computer.succeeds(&["credentials", "--no-login", "--role", role]);
    }
    computer.fails(&login(11), 2, "at most 10 roles");
    assert_eq!(computer.windows(), 1);
}

#[test]
fn a_copied_cache_without_its_key_is_useless() {
    let computer = Computer::signed_in();
    computer.succeeds(&["credentials", "--no-login"]);
    let other = Computer::signed_in();
    for file in computer.cached(".json").iter().chain(&computer.cached(".last")) {
        std::fs::copy(file, other.cache().join(file.file_name().unwrap())).unwrap();
    }
    other.fails(&["credentials", "--no-login", "--server", &computer.service.url], 8, "");
}

#[test]
fn a_text_that_is_pasted_back_signs_in() {
    let computer = Computer::new();
    let url = computer.service.url.clone();
    let mut login = computer.command(&["login", &url, "--no-browser", "--cache", "file"]);
    let mut child =
        login.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        line
    };
    let address = line();
    let request = fragment(address.trim()).into_iter().find(|(name, _)| name == "shell").unwrap().1;
    let number = line();
    assert!(number.trim_end().rsplit(": ").next().unwrap().len() == 7, "{number}");
    line();
    assert_eq!(computer.service.asked(&request).redirect_uri, None);
    let text = computer.service.ticket(&request, READER);
    // A terminal gives no more in one line.
    assert!(text.len() < 4_095, "{}", text.len());
    let stdin = child.stdin.as_mut().unwrap();
    writeln!(stdin, "not the text").unwrap();
    assert!(line().contains("paste all of it"));
    writeln!(stdin, "  {text}  ").unwrap();
    let (code, out, _) = outcome(&child.wait_with_output().unwrap());
    assert_eq!(code, 0);
    assert!(out.contains(READER), "{out}");
    assert_eq!(computer.windows(), 0);
    computer.succeeds(&["credentials", "--no-login"]);
}

#[test]
fn the_console_is_an_address_alone() {
    let computer = Computer::new();
    let url = computer.service.url.clone();
    let out = computer.succeeds(&["console", "--server", &url, "--no-browser", "--role", WRITER]);
    assert_eq!(
        out,
        format!("{url}/#console&role=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fteams%2FWriter\n")
    );
    computer.succeeds(&["console", "--server", &url, "--role", READER]);
    assert_eq!((computer.windows(), computer.service.counts()), (1, (0, 0)));
}

/// Long-lived caches would hide it; a lifetime is read by the second.
#[test]
fn expiration_is_the_services_own() {
    let computer = Computer::signed_in();
    let credentials = read(&computer.succeeds(&["credentials"]));
    let at = credentials["Expiration"].as_str().unwrap();
    let at = time::OffsetDateTime::parse(at, &time::format_description::well_known::Rfc3339).unwrap();
    assert!((at - now() - Duration::hours(1)).abs() < Duration::minutes(1));
}
