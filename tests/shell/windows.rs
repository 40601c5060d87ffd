//! The commands for Windows, run by Wine, by hand: `tests/check-systems --run`.

use crate::person::Computer;
use crate::stand_in::{READER, SECRET, TOKEN};
use crate::support::computer::{at_once, files, outcome};
use crate::tools::python;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// With a space, as a person's own choice may be.
const PROGRAM: &str = r"C:\Program Files\Vestibule\vestibule.exe";

struct Windows {
    computer: Computer,
    path: String,
}

impl Windows {
    fn new() -> Self {
        let computer = Computer::new();
        let bin = computer.home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        // What Wine gives an address to.
        std::os::unix::fs::symlink(computer.home.path().join("browser"), bin.join("xdg-open")).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let windows = Self { computer, path };
        assert!(windows.on("wineboot", &["--init"]).status().unwrap().success());
        let built = PathBuf::from(std::env::var_os("VESTIBULE_EXE").expect("tests/check-systems sets it"));
        let installed = windows.drive().join("Program Files/Vestibule");
        std::fs::create_dir(&installed).unwrap();
        for entry in std::fs::read_dir(built.parent().unwrap()).unwrap() {
            let entry = entry.unwrap();
            if entry.path().extension().is_some_and(|end| end == "exe" || end == "dll") {
                std::fs::copy(entry.path(), installed.join(entry.file_name())).unwrap();
            }
        }
        windows
    }

    fn drive(&self) -> PathBuf {
        self.computer.home.path().join("wine/drive_c")
    }

    /// The person's own directory.
    fn profile(&self) -> PathBuf {
        let users = std::fs::read_dir(self.drive().join("users")).unwrap().map(|entry| entry.unwrap().path());
        users.into_iter().find(|path| !path.ends_with("Public")).unwrap()
    }

    fn on(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        self.computer.at_home(&mut command);
        command
            .args(arguments)
            .env("PATH", &self.path)
            .env("WINEPREFIX", self.computer.home.path().join("wine"))
            .env("WINEDEBUG", "-all")
            .env("WINEPATH", r"C:\scripts");
        command
    }

    fn command(&self, arguments: &[&str]) -> Command {
        self.on("wine", &[&[PROGRAM], arguments].concat())
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        outcome(&self.command(arguments).output().unwrap())
    }

    fn succeeds(&self, arguments: &[&str]) -> String {
        let (code, out, said) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        out
    }

    fn login(&self, more: &[&str]) -> String {
        let url = self.computer.service.url.clone();
        self.succeeds(&[&["login", &url, "--role", READER], more].concat())
    }

    fn script(&self, name: &str, lines: &str) {
        let scripts = self.drive().join("scripts");
        std::fs::create_dir_all(&scripts).unwrap();
        std::fs::write(scripts.join(format!("{name}.cmd")), format!("@echo off\r\n{lines}\r\n")).unwrap();
    }

    fn kept(&self) -> Vec<String> {
        let cache = self.profile().join("AppData/Local/vestibule");
        files(&cache).iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Windows {
    fn drop(&mut self) {
        self.on("wineserver", &["--kill", "--wait"]).status().unwrap();
    }
}

#[test]
#[ignore = "by hand, with Wine"]
fn a_day_on_windows() {
    let windows = Windows::new();
    let said = windows.login(&[]);
    assert!(said.contains("the Credential Manager"), "{said}");
    assert_eq!(windows.computer.windows(), 1);
    assert!(!windows.kept().iter().any(|name| name.ends_with(".key")), "{:?}", windows.kept());
    for path in files(&windows.profile().join("AppData/Local/vestibule")) {
        let content = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&content);
        assert!(!text.contains(SECRET) && !text.contains(TOKEN), "{}", path.display());
    }
    assert!(windows.profile().join("AppData/Roaming/vestibule/shell.toml").is_file());

    // What AWS's tools read, and how they split the line that starts it.
    windows.succeeds(&["profiles", "--write"]);
    let config = std::fs::read_to_string(windows.profile().join(".aws/config")).unwrap();
    let line = config.lines().find_map(|line| line.strip_prefix("credential_process = ")).unwrap();
    let split = "import sys, json; from botocore.compat import compat_shell_split
print(json.dumps(compat_shell_split(sys.argv[1], 'win32')))";
    let output = Command::new(python()).args(["-c", split, line]).output().unwrap();
    let words: Vec<String> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(words[0], PROGRAM);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let document: Value =
        serde_json::from_slice(&windows.on("wine", &words).output().unwrap().stdout).unwrap();
    assert_eq!((&document["SecretAccessKey"], &document["SessionToken"]), (&SECRET.into(), &TOKEN.into()));
    windows.succeeds(&["profiles", "--remove"]);
    assert!(!windows.profile().join(".aws/config").exists());

    // A command's code has 32 bits; what a test sees of it has eight.
    windows.script("code", &format!("\"{PROGRAM}\" exec -- cmd /c exit 70000\r\nif errorlevel 70000 exit 7"));
    assert_eq!(windows.on("wine", &["cmd", "/c", r"C:\scripts\code.cmd"]).status().unwrap().code(), Some(7));
    windows.script("tell", "echo %AWS_CONTAINER_CREDENTIALS_FULL_URI% %1\r\nexit 5");
    let (code, out, said) = windows.run(&["exec", "--", "tell", "a b"]);
    assert_eq!(code, 5, "{said}");
    assert!(out.starts_with("http://127.0.0.1:") && out.trim_end().ends_with(r#" "a b""#), "{out}");
    assert_eq!(windows.run(&["exec", "--", "absent"]).0, 127);
    assert_eq!(windows.computer.windows(), 1);

    assert!(windows.succeeds(&["logout"]).contains(READER));
    let (code, _, said) = windows.run(&["credentials", "--no-login"]);
    assert_eq!(code, 8, "{said}");

    // However many ask, one window opens.
    let command = || windows.command(&["credentials", "--role", READER]);
    for out in at_once(8, command) {
        assert!(out.contains(SECRET), "{out}");
    }
    assert_eq!(windows.computer.windows(), 2);

    assert!(windows.login(&["--cache", "file"]).contains("a file that is yours alone"));
    assert!(windows.kept().iter().any(|name| name.ends_with(".key")), "{:?}", windows.kept());
    assert!(windows.succeeds(&["credentials", "--no-login"]).contains(SECRET));
    let (code, _, said) = windows.run(&["serve", "--config", "x"]);
    assert_eq!(code, 2, "{said}");
}
