//! Canaries: what is secret lies nowhere that others look.

use crate::exec::Running;
use crate::person::Computer;
use crate::stand_in::{SECRET, TOKEN};
use crate::support::computer::{Does, Killed, files, fragment, read_line};
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

/// What stands below `/proc` for each process that we may look at.
fn of_each_process(name: &str) -> Vec<Vec<u8>> {
    let processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    // One may have ended meanwhile.
    processes.filter_map(|process| std::fs::read(process.join(name)).ok()).collect()
}

/// The command that `exec` runs has an address and a token for it, and nobody has more. Root sees
/// everybody's environment.
#[cfg(target_os = "linux")]
#[test]
fn no_process_has_a_secret_in_its_arguments_or_environment() {
    let computer = Computer::signed_in();
    let running = Running::start(&computer, &[]);
    assert!(running.credentials().contains(SECRET), "the command has the credentials");
    let (arguments, environments) = (of_each_process("cmdline"), of_each_process("environ"));
    let has = |texts: &[Vec<u8>], text: &str| {
        texts.iter().filter(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes())).count()
    };
    assert!(has(&arguments, "env; echo; read line") >= 2, "ours and its command");
    assert_eq!(has(&environments, running.token()), 1, "its command alone");
    for secret in [SECRET, TOKEN, "CANARY-ticket"] {
        assert_eq!((has(&arguments, secret), has(&environments, secret)), (0, 0), "{secret}");
    }
    assert_eq!(has(&arguments, running.token()), 0);
    running.end();
}

/// While it waits for a sign-in it holds a key: no other process of the same person reads its
/// environment or its memory.
#[cfg(target_os = "linux")]
#[test]
fn a_process_that_waits_is_closed_to_others_of_its_person() {
    use std::process::Command;
    const NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let computer = Computer::new();
    computer.does(Does::Nothing);
    let home = computer.home.path();
    let program = home.join("vestibule");
    std::fs::copy(env!("CARGO_BIN_EXE_vestibule"), &program).unwrap();
    let owned = Command::new("chown").args(["-R", "65534:65534"]).arg(home).status().unwrap();
    assert!(owned.success(), "changing owners needs root, as tests/run says");
    let start = |program: &std::ffi::OsStr, arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        computer.at_home(&mut command);
        command.args(NOBODY).arg(program).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        Killed(command.spawn().unwrap())
    };
    let is_readable = |process: &Killed, name: &str| {
        let path = format!("/proc/{}/{name}", process.0.id());
        let mut read = start("head".as_ref(), &["-c", "1", &path]);
        read.0.wait().unwrap().success()
    };
    let url = computer.service.url.as_str();
    let mut login = start(program.as_ref(), &["login", url, "--cache", "file"]);
    assert!(read_line(&mut login.0).contains(url));
    let mut other = start("sh".as_ref(), &["-c", "echo ready >&2; exec sleep 60"]);
    read_line(&mut other.0);
    for name in ["environ", "maps"] {
        assert!(is_readable(&other, name), "{name}: this system closes every process");
        assert!(!is_readable(&login, name), "{name}");
    }
}

/// A person at a terminal, who pastes the text that the page shows.
#[cfg(target_os = "linux")]
#[test]
fn nothing_secret_is_in_the_shells_history() {
    use std::io::{Read, Write};
    const PROMPT: &str = "prompt> ";
    let computer = Computer::new();
    let home = computer.home.path();
    let mut command = std::process::Command::new("script");
    computer.at_home(&mut command);
    command.env("HISTFILE", home.join("history")).env("PS1", PROMPT);
    command.args(["-qfc", "timeout --foreground 300 bash --norc -i", "/dev/null"]);
    let mut terminal = Killed(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap());
    let mut out = terminal.0.stdout.take().unwrap();
    let mut until = |words: &str| {
        let mut shown = Vec::new();
        while !shown.ends_with(words.as_bytes()) {
            let mut byte = [0];
            out.read_exact(&mut byte).unwrap_or_else(|e| panic!("before {words}: {e}"));
            shown.push(byte[0]);
        }
        String::from_utf8(shown).unwrap()
    };
    let mut types = |line: &str| writeln!(terminal.0.stdin.as_mut().unwrap(), "{line}").unwrap();
    let (program, url) = (env!("CARGO_BIN_EXE_vestibule"), &computer.service.url);
    // What is typed before the prompt is there may be lost.
    until(PROMPT);
    types(&format!("{program} login {url} --no-browser --cache file"));
    until("#shell=");
    let address = format!("#shell={}", until("\n"));
    let request = fragment(address.trim()).into_iter().find(|(name, _)| name == "shell").unwrap().1;
    until("paste");
    until("\n");
    let text = computer.service.ticket(&request, crate::stand_in::READER);
    types(&text);
    until("signed in as");
    until(PROMPT);
    types(&format!("{program} exec -- sh -c 'exit 7'; exit"));
    terminal.0.wait().unwrap();
    let history = std::fs::read_to_string(home.join("history")).unwrap();
    assert!(history.contains("login") && history.contains("exec -- sh"), "{history}");
    for secret in [SECRET, TOKEN, "CANARY-ticket", &text] {
        assert!(!history.contains(secret), "{secret}: {history}");
    }
}
