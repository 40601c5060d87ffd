//! A person at a computer of their own: a home directory, a browser, and what they do in it.
//!
//! The browser is a script that notes the address; the person is a thread that reads the notes.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;
use tempfile::TempDir;

/// What the person does in each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Confirms the roles that are asked for, or `READER`.
    Confirms,
    /// Confirms `READER`, whatever is asked for.
    ConfirmsReader,
    Cancels,
    /// Tries what another page might, then confirms.
    IsAttacked,
    Nothing,
}

pub struct Computer<S> {
    pub home: TempDir,
    pub service: S,
    does: Arc<Mutex<Does>>,
    /// What the browser showed, a window each.
    shown: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    person: Option<JoinHandle<()>>,
}

/// What the browser and its person do with an address: what is shown at the end.
type Acts = Box<dyn Fn(Does, &str) -> String + Send>;

impl<S> Computer<S> {
    /// At this service, with a person who does this.
    pub fn with(service: S, acts: Acts) -> Self {
        let home = tempfile::tempdir().unwrap();
        let windows = home.path().join("windows");
        let browser = home.path().join("browser");
        std::fs::write(&browser, format!("#!/bin/sh\nprintf '%s\\n' \"$1\" >> '{}'\n", windows.display()))
            .unwrap();
        std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o700)).unwrap();
        let does = Arc::new(Mutex::new(Does::Confirms));
        let (shown, stop) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<AtomicBool>::default());
        let mut computer = Self { home, service, does, shown, stop, person: None };
        computer.person = Some(computer.sit_down(windows, acts));
        computer
    }

    fn sit_down(&self, windows: PathBuf, acts: Acts) -> JoinHandle<()> {
        let does = Arc::clone(&self.does);
        let (shown, stop) = (Arc::clone(&self.shown), Arc::clone(&self.stop));
        std::thread::spawn(move || {
            let mut seen = 0;
            while !stop.load(Ordering::Relaxed) {
                let text = std::fs::read_to_string(&windows).unwrap_or_default();
                for address in text.lines().skip(seen) {
                    seen += 1;
                    let does = *does.lock().unwrap();
                    let page = acts(does, address);
                    shown.lock().unwrap().push(page);
                }
                sleep(Duration::from_millis(5));
            }
        })
    }

    pub fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    /// How many windows have opened.
    pub fn windows(&self) -> usize {
        std::fs::read_to_string(self.home.path().join("windows")).unwrap_or_default().lines().count()
    }

    /// What the first window shows at the end: the process may end before its browser has read it.
    pub fn first_page(&self) -> String {
        for _ in 0..1_000 {
            if let Some(page) = self.shown.lock().unwrap().first() {
                return page.clone();
            }
            sleep(Duration::from_millis(5));
        }
        panic!("no window has shown anything")
    }

    pub fn cache(&self) -> PathBuf {
        self.home.path().join(".cache/vestibule")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vestibule"));
        command.args(arguments);
        self.at_home(&mut command);
        command
    }

    pub fn at_home(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.home.path())
            .env("BROWSER", self.home.path().join("browser"))
            .stdin(Stdio::null());
    }

    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        outcome(&self.command(arguments).output().unwrap())
    }

    pub fn succeeds(&self, arguments: &[&str]) -> String {
        let (code, out, said) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        out
    }

    /// Ends with this code, and says this.
    pub fn fails(&self, arguments: &[&str], code: i32, words: &str) {
        let (ended, out, said) = self.run(arguments);
        assert_eq!((ended, out.as_str()), (code, ""), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }

    /// The names in the cache that end so.
    pub fn cached(&self, end: &str) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.cache()) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.to_string_lossy().ends_with(end)).collect()
    }
}

impl<S> Drop for Computer<S> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(person) = self.person.take() {
            let joined = person.join();
            assert!(joined.is_ok() || std::thread::panicking(), "the person's thread failed");
        }
    }
}

pub fn outcome(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// So many processes at once, which all succeed: what each wrote.
pub fn at_once(number: usize, command: impl Fn() -> Command) -> Vec<String> {
    let start = |_| command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children: Vec<Child> = (0..number).map(start).collect();
    let end = |child: Child| {
        let (code, out, said) = outcome(&child.wait_with_output().unwrap());
        assert_eq!(code, 0, "{said}");
        out
    };
    children.into_iter().map(end).collect()
}

/// What stands behind `#` of an address of the page.
pub fn fragment(address: &str) -> Vec<(String, String)> {
    let (_, fragment) = address.split_once('#').unwrap();
    form_urlencoded::parse(fragment.as_bytes()).into_owned().collect()
}

/// A process that ends with the test.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().unwrap();
    }
}

/// A line of what it says.
pub fn read_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

/// The program's request, which is among it.
pub fn shell_request(address: &str) -> String {
    let request = fragment(address).into_iter().find(|(name, _)| name == "shell");
    request.unwrap_or_else(|| panic!("no program asks by {address}")).1
}

/// The browser goes back to the program, with what was chosen for it: what the program answers.
pub fn go_back(chosen: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{chosen}")).to_owned();
    let (redirect, state) = (text(&chosen["shell"]["redirect_uri"]), text(&chosen["shell"]["state"]));
    let ticket = text(&chosen["parts"][0]["ticket"]);
    let host = redirect.strip_prefix("http://").unwrap().strip_suffix("/callback").unwrap();
    exchange(host, &format!("GET /callback?state={state}&ticket={ticket} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

/// A busy computer takes its time.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..1_200 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(50));
    }
    panic!("not within a minute: {what}");
}

/// Sends one request, as it stands, and reads the whole answer.
pub fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap_or_default();
    answer
}

/// Every file below a directory.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
