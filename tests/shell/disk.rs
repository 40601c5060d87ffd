//! Disks that are full or read-only, and processes that are killed between two steps.

use crate::person::Computer;
use crate::stand_in::READER;
use crate::support::computer::outcome;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

/// A file system of some pages; unmounted at the end.
struct Tiny(std::path::PathBuf);

impl Tiny {
    fn mount(at: &Path, options: &str) -> Self {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).status();
        assert!(mounted.unwrap().success(), "mounting needs root, as tests/run says");
        Self(at.to_owned())
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.0).status().unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_what_was_there() {
    let computer = Computer::new();
    let url = computer.service.url.clone();
    let cache = computer.home.path().join(".cache");
    let _tiny = Tiny::mount(&cache, "size=64k");
    computer.succeeds(&["login", &url, "--cache", "file"]);
    let before = computer.succeeds(&["credentials", "--no-login"]);
    std::fs::write(cache.join("ballast"), vec![0; 1024 * 1024]).unwrap_err();
    computer.fails(&["login"], 10, "No space left");
    assert_eq!(computer.succeeds(&["credentials", "--no-login"]), before);
    assert_eq!(computer.cached(".json").len(), 1);
    std::fs::remove_file(cache.join("ballast")).unwrap();
    computer.succeeds(&["login"]);
    assert_eq!((computer.cached(".json").len(), computer.cached(".key").len()), (1, 1));
    assert_eq!(files_of_ours(&computer), 2);
}

fn files_of_ours(computer: &Computer) -> usize {
    let is_ours = |name: &str| {
        [".json", ".key", ".mark"].iter().any(|end| name.ends_with(end)) || name.contains(".new-")
    };
    let names = std::fs::read_dir(computer.cache()).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| is_ours(&name.to_string_lossy())).count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_home_that_is_read_only_is_said() {
    let computer = Computer::new();
    let _tiny = Tiny::mount(&computer.home.path().join(".cache"), "ro");
    computer.fails(&["login", &computer.service.url, "--cache", "file"], 10, "Read-only");
}

/// Who is signed in reads it, though nothing can be remembered for the next time.
#[test]
fn settings_that_cannot_be_written_hide_no_sign_in() {
    let computer = Computer::new();
    let url = computer.service.url.as_str();
    let mut command = computer.command(&["login", url, "--role", READER, "--cache", "file"]);
    let (code, out, said) = outcome(&command.env("XDG_CONFIG_HOME", "/proc/nowhere").output().unwrap());
    assert_eq!(code, 10, "{said}");
    assert!(out.contains("signed in as") && out.contains(READER), "{out}");
    computer.succeeds(&["credentials", "--no-login", "--server", url, "--role", READER]);
}

/// Killed at the N-th of each call by which anything changes, for each N: what is cached is the
/// old sign-in or the new one, or one more is needed; and then nothing is left over.
#[cfg(target_os = "linux")]
#[test]
fn a_kill_between_any_two_steps_costs_one_sign_in_at_most() {
    let computer = Computer::signed_in();
    let mut kills = 0;
    for call in ["write", "fsync", "rename", "unlink", "flock", "ftruncate", "openat"] {
        // Before main, files are opened that are nothing of ours.
        for step in if call == "openat" { 20.. } else { 1.. } {
            let (code, killed) = login_killed_at(&computer, call, step);
            kills += usize::from(killed);
            let windows = computer.windows();
            computer.succeeds(&["credentials"]);
            assert!(computer.windows() <= windows + 1);
            computer.succeeds(&["credentials", "--no-login"]);
            if code == 0 {
                break;
            }
        }
    }
    println!("killed at {kills} steps");
    assert!(kills >= 30, "{kills} kills hit");
    computer.succeeds(&["login", "--role", READER]);
    assert_eq!(files_of_ours(&computer), 2);
}

/// The code, and whether this process was killed (and not the browser).
#[cfg(target_os = "linux")]
fn login_killed_at(computer: &Computer, call: &str, step: u32) -> (i32, bool) {
    let mut command = Command::new("strace");
    computer.at_home(&mut command);
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:signal=SIGKILL:when={step}")]);
    command.arg(env!("CARGO_BIN_EXE_vestibule")).args(["login", "--role", READER]);
    let output = command.output().expect("strace is needed (tests/install-shell)");
    let (code, _, said) = outcome(&output);
    assert!(!said.contains("panicked"), "{said}");
    (code, output.status.signal() == Some(9))
}
