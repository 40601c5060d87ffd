//! `exec`: the command's environment, its endpoint, its end.

use crate::person::Computer;
use crate::stand_in::{Manner, READER, SECRET, TOKEN, WRITER};
use crate::support::computer::{Does, exchange, outcome, wait_until};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A command that tells its environment and then waits for a line.
pub struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
    variables: BTreeMap<String, String>,
}

impl Running {
    pub fn start(computer: &Computer, more: &[(&str, &str)]) -> Self {
        let mut command = computer.command(&["exec", "--", "sh", "-c", "env; echo; read line; exit 7"]);
        command
            .envs(more.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut variables = BTreeMap::new();
        loop {
            let mut line = String::new();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "it ended early");
            let Some((name, value)) = line.trim_end().split_once('=') else { break };
            variables.insert(name.to_owned(), value.to_owned());
        }
        Self { child, out, variables }
    }

    fn ask(&self, method: &str, path: &str, host: &str, token: &str) -> String {
        let url = &self.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        let (own_host, own_path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let path = if path.is_empty() { format!("/{own_path}") } else { path.to_owned() };
        let host = if host.is_empty() { own_host } else { host };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
        );
        exchange(own_host, &request)
    }

    pub fn token(&self) -> &str {
        &self.variables["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    }

    pub fn credentials(&self) -> String {
        self.ask("GET", "", "", self.token())
    }

    /// Waits until less than five minutes are left of what it has.
    fn wait_for_renewal(&self) {
        let answer = self.credentials();
        let json: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let ends = json["Expiration"].as_str().unwrap();
        let ends = time::OffsetDateTime::parse(ends, &time::format_description::well_known::Rfc3339).unwrap();
        let left = ends - time::Duration::minutes(5) - time::OffsetDateTime::now_utc();
        sleep(Duration::try_from(left).unwrap_or_default() + Duration::from_secs(1));
    }

    pub fn end(mut self) -> (i32, String) {
        writeln!(self.child.stdin.take().unwrap(), "go").unwrap();
        drop(self.out);
        let (code, _, said) = outcome(&self.child.wait_with_output().unwrap());
        (code, said)
    }
}

#[test]
fn a_command_has_an_endpoint_and_no_credentials() {
    let computer = Computer::signed_in();
    let others =
        [("AWS_PROFILE", "other"), ("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/x")];
    let running = Running::start(&computer, &others);
    for (name, _) in others {
        assert!(!running.variables.contains_key(name), "{name}");
    }
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        assert_eq!(running.variables[name], "eu-central-1");
    }
    let all = format!("{:?}", running.variables);
    assert!(!all.contains(SECRET) && !all.contains(TOKEN), "{all}");
    assert!(running.token().len() >= 43);

    let answer = running.credentials();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((json["SecretAccessKey"].as_str(), json["Token"].as_str()), (Some(SECRET), Some(TOKEN)));
    assert!(json["Expiration"].is_string() && json["RoleArn"] == READER);

    for (method, path, host, token, status) in [
        ("GET", "", "", "wrong", 401),
        ("GET", "", "", "", 401),
        ("GET", "/", "", running.token(), 404),
        ("GET", "/wrong", "", running.token(), 404),
        ("GET", "", "attacker.example", running.token(), 404),
        ("PUT", "", "", running.token(), 405),
    ] {
        let answer = running.ask(method, path, host, token);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{method} {path}: {answer}");
        assert!(!answer.contains("CANARY"), "{answer}");
    }
    assert_eq!(running.end().0, 7);
}

#[test]
fn a_region_that_is_set_stays() {
    let computer = Computer::signed_in();
    let running = Running::start(&computer, &[("AWS_DEFAULT_REGION", "us-east-1")]);
    assert_eq!(running.variables["AWS_REGION"], "us-east-1");
    assert_eq!(running.end().0, 7);
}

#[test]
fn a_default_profile_does_not_win() {
    let computer = Computer::signed_in();
    let aws = computer.home.path().join(".aws");
    std::fs::create_dir(&aws).unwrap();
    std::fs::write(
        aws.join("credentials"),
        "[default]\naws_access_key_id = AKIA\naws_secret_access_key = x\n",
    )
    .unwrap();
    let running = Running::start(&computer, &[]);
    assert_eq!(running.variables["AWS_SHARED_CREDENTIALS_FILE"], "/dev/null");
    assert!(!running.variables.contains_key("AWS_CONFIG_FILE"));
    assert!(running.end().1.contains("[default]"));
}

#[test]
fn the_end_is_the_commands_own() {
    let computer = Computer::signed_in();
    for (command, code) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 42"], 42),
        (&["sh", "-c", "kill -TERM $$"], 143),
        (&["/nonexistent"], 127),
        (&["/etc/passwd"], 126),
    ] {
        let arguments = [&["exec", "--"][..], command].concat();
        let (ended, _, said) = computer.run(&arguments);
        assert_eq!(ended, code, "{command:?}: {said}");
    }
}

#[test]
fn signals_are_passed_on() {
    let computer = Computer::signed_in();
    for (signal, code) in [("TERM", 21), ("INT", 22), ("HUP", 23), ("USR1", 24)] {
        let script = format!("trap 'exit {code}' {signal}; echo ready; while :; do sleep 0.05; done");
        // A session of its own has no terminal, so nobody else sends the signal to the command.
        let mut command = Command::new("setsid");
        computer.at_home(&mut command);
        command.args(["-w", env!("CARGO_BIN_EXE_vestibule"), "exec", "--", "sh", "-c", &script]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let pid = parent_of_script(&script);
        assert!(
            Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status().unwrap().success()
        );
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
    }
}

const AT_A_TERMINAL: &str = "
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
said = b''
def until(word):
    global said
    while word not in said: said += os.read(terminal, 1024)
until(b'ready')
os.write(terminal, b'\\x03')
until(b'end')
try:
    while True: said += os.read(terminal, 1024)
except OSError: pass
status = os.waitpid(pid, 0)[1]
print(said.count(b'got'), os.waitstatus_to_exitcode(status))
";

/// The terminal sends it to the whole group: once more would be twice.
#[test]
fn ctrl_c_at_a_terminal_comes_once() {
    let computer = Computer::signed_in();
    let script = "trap 'echo got' INT; echo ready; n=0; while [ $n -lt 20 ]; do sleep 0.05; n=$((n+1)); done; echo end; exit 5";
    let mut command = Command::new(crate::tools::python());
    computer.at_home(&mut command);
    command.args(["-c", AT_A_TERMINAL, env!("CARGO_BIN_EXE_vestibule"), "exec", "--", "sh", "-c", script]);
    let (code, out, said) = outcome(&command.output().unwrap());
    assert_eq!((code, out.as_str()), (0, "1 5\n"), "{said}");
}

/// The process `vestibule exec` with this script among its arguments.
fn parent_of_script(script: &str) -> u32 {
    let arguments = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let pids =
        std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut found = pids.filter(|pid| {
        let arguments = arguments(pid);
        arguments.starts_with(env!("CARGO_BIN_EXE_vestibule")) && arguments.contains(script)
    });
    found.next().unwrap().parse().unwrap()
}

/// Long enough for a busy computer to start a command meanwhile.
const SOON: time::Duration = time::Duration::seconds(5 * 60 + 15);

#[test]
fn a_long_command_gets_new_credentials() {
    let computer = Computer::signed_in();
    computer.service.behave(Manner { lifetime: SOON, ..Manner::default() });
    computer.succeeds(&["login", "--role", READER]);
    let running = Running::start(&computer, &[]);
    let windows = computer.windows();
    assert!(running.credentials().contains("ASIA0002"));
    computer.service.behave(Manner::default());
    computer.does(Does::Nothing);
    running.wait_for_renewal();
    // The old ones hold while the person signs in; however many ask, one window opens.
    for _ in 0..5 {
        assert!(running.credentials().contains("ASIA0002"));
    }
    wait_until("a window opens", || computer.windows() > windows);
    sleep(Duration::from_millis(500));
    assert_eq!(computer.windows(), windows + 1);
    computer.does(Does::Confirms);
    let notes = computer.home.path().join("windows");
    let text = std::fs::read_to_string(&notes).unwrap();
    let last = text.lines().last().unwrap();
    std::fs::write(&notes, format!("{text}{last}\n")).unwrap();
    wait_until("there is a new key", || running.credentials().contains("ASIA0003"));
    assert_eq!(computer.service.counts().1, 3);
    assert_eq!(running.end().0, 7);
}

/// The role that was chosen when it began, whatever is chosen elsewhere meanwhile.
#[test]
fn a_long_command_keeps_its_role() {
    let computer = Computer::new();
    let url = computer.service.url.clone();
    computer.service.behave(Manner { lifetime: SOON, ..Manner::default() });
    let running = Running::start(&computer, &[("VESTIBULE_SERVER", &url)]);
    assert!(running.credentials().contains(READER));
    computer.service.behave(Manner::default());
    computer.succeeds(&["login", &url, "--role", WRITER]);
    running.wait_for_renewal();
    wait_until("there is a new key", || running.credentials().contains("ASIA0003"));
    assert!(running.credentials().contains(READER));
    assert_eq!(running.end().0, 7);
}
