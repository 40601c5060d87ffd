//! Child processes on loopback, gone when the test ends, however it ends.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// How long a process may take to answer its first request, and to stop.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// A command of `vestibule`, in this directory and with no environment; what it says on stderr.
pub fn vestibule(dir: &Path, arguments: &[&str]) -> (Output, String) {
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

/// A free port, below the range from which the kernel gives ports to outgoing
/// connections, and other than those of tests that run beside this one.
pub fn free_port() -> u16 {
    const PORTS_EACH: u16 = 16;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 15_000 + u16::try_from(std::process::id() % 1_000).unwrap() * PORTS_EACH;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % (16_000 + PORTS_EACH);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Removes every variable that names an option: the configuration is the test's,
/// whatever the developer has set.
pub fn remove_configuration(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("VESTIBULE_") {
            command.env_remove(name);
        }
    }
}

/// A running process whose output goes to a file; killed on drop.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`, appending its output to `log`, and waits until `ready_url` answers 200.
    pub fn start(command: Command, log: &Path, ready_url: &str) -> Self {
        let mut process = Self::spawn(command, log);
        process.wait_ready(ready_url);
        process
    }

    /// Starts `command`, appending its output to `log`, and waits for nothing.
    pub fn spawn(command: Command, log: &Path) -> Self {
        let output: File = OpenOptions::new().create(true).append(true).open(log).unwrap();
        Self::spawn_into(command, log, output.try_clone().unwrap().into(), output.into())
    }

    /// Starts `command` with this output, of which nothing comes into `log`.
    pub fn spawn_into(mut command: Command, log: &Path, output: Stdio, errors: Stdio) -> Self {
        let name = log.file_stem().unwrap().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { name, child, log: log.to_owned() }
    }

    /// Waits until `url` answers 200.
    pub fn wait_ready(&mut self, url: &str) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(5)))
            .build()
            .into();
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            if agent.get(url).call().is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("{} ended ({status}) before {url} answered:\n{}", self.name, self.log_text());
            }
            sleep(PAUSE);
        }
        panic!("{} did not answer {url}:\n{}", self.name, self.log_text());
    }

    /// Waits until `url` answers 200, for a process that the test has started itself.
    pub fn wait_until_answers(url: &str) {
        let agent: ureq::Agent = ureq::Agent::config_builder().proxy(None).build().into();
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            if agent.get(url).call().is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            sleep(PAUSE);
        }
        panic!("nobody answers {url}");
    }

    /// Of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything written so far, by earlier processes with the same log too.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `kill -TERM`: asks to stop, and waits until it did.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal("-TERM");
        self.wait_end()
    }

    /// `kill -HUP` and the like.
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Waits until it ends by itself.
    pub fn wait_end(&mut self) -> ExitStatus {
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            sleep(PAUSE);
        }
        panic!("{} did not end:\n{}", self.name, self.log_text());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail when it has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            eprintln!("---- output of {}\n{log}", self.name);
        }
    }
}
