//! Windows: what lies below the person's own `AppData` is closed to others by the access list that
//! it inherits; the Credential Manager; the console.

use crate::shell::environment::Environment;
use keyring_core::Entry;
use keyring_core::api::CredentialStoreApi;
use std::collections::HashMap;
use std::convert::Infallible;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;
use tokio::process::Command;
use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

/// A path at which AWS's tools find a file without anything in it.
pub(in crate::shell) const EMPTY_FILE: &str = "NUL";

/// Makes a directory.
pub(in crate::shell) fn private_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// To make a file.
pub(in crate::shell) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

/// Who may do what with a file: whom the directory says.
#[derive(Debug, Clone, Copy)]
pub(in crate::shell) struct Access;

impl Access {
    pub(in crate::shell) const PRIVATE: Self = Self;

    pub(in crate::shell) fn of(_: &Metadata) -> Self {
        Self
    }

    pub(in crate::shell) fn give_to(self, _: &File) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a file belongs to who runs this: the access list says who may write.
pub(in crate::shell) fn is_own(_: &Metadata) -> bool {
    true
}

/// A virus scanner, or a tool that reads the old file at this moment, holds a file for milliseconds.
const RENAME_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// For a second; then it is no moment.
const RENAMES: u32 = 50;

/// Puts a file in the place of another one, of the same directory.
pub(in crate::shell) fn rename(new: &Path, path: &Path) -> io::Result<()> {
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    let mut renamed = fs::rename(new, path);
    for _ in 1..RENAMES {
        let code = renamed.as_ref().err().and_then(io::Error::raw_os_error);
        if !matches!(code, Some(ACCESS_DENIED | SHARING_VIOLATION)) {
            break;
        }
        std::thread::sleep(RENAME_AGAIN_AFTER);
        renamed = fs::rename(new, path);
    }
    renamed
}

/// Others of the same person can look into our memory; there is no core file to forbid.
pub(in crate::shell) fn close_to_others() {}

/// For people.
pub(in crate::shell) const KEYRING: &str = "the Credential Manager";

/// A key in the keyring. It stays on this computer: with the store's own default it would follow
/// the person to others of the domain.
pub(in crate::shell) fn keyring_entry(service: &str, name: &str) -> keyring_core::Result<Entry> {
    let local = HashMap::from([("persistence", "Local")]);
    windows_native_keyring_store::Store::new()?.build(service, name, Some(&local))
}

/// What may open an address: the system's own opener, by its whole path, so that no other program
/// of this name comes before it. `BROWSER` does not count: a browser would hold the output that
/// one of AWS's tools waits for.
pub(in crate::shell) fn openers(environment: &Environment) -> Vec<Vec<String>> {
    // Over SSH a window would open on a screen that nobody looks at.
    if environment.get("SSH_CONNECTION").is_some() {
        return Vec::new();
    }
    let system = environment.get("SYSTEMROOT").unwrap_or(r"C:\Windows");
    vec![vec![format!(r"{system}\System32\rundll32.exe"), "url.dll,FileProtocolHandler".to_owned()]]
}

/// Ctrl-C is not for it.
pub(in crate::shell) fn set_apart(command: &mut Command) {
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    command.creation_flags(CREATE_NEW_PROCESS_GROUP);
}

/// What a command's name may end in. Many of npm's and Python's commands are scripts.
const EXECUTABLE: [&str; 4] = [".com", ".exe", ".bat", ".cmd"];

/// Where a command lies that a person has named. The system itself would find `NAME.exe` alone.
pub(in crate::shell) fn program(name: &OsStr, environment: &Environment) -> PathBuf {
    let Some(text) = name.to_str().filter(|text| !text.contains(['\\', '/', ':'])) else {
        return name.into();
    };
    let lower = text.to_ascii_lowercase();
    if EXECUTABLE.iter().any(|ending| lower.ends_with(ending)) {
        return name.into();
    }
    let path = environment.get("PATH").unwrap_or_default();
    let directories = std::env::split_paths(path).filter(|directory| directory.is_absolute());
    let candidates =
        directories.flat_map(|directory| EXECUTABLE.map(|ending| directory.join(format!("{text}{ending}"))));
    candidates.into_iter().find(|path| path.is_file()).unwrap_or_else(|| name.into())
}

/// Ctrl-C and Ctrl-Break, which the console gives to the command too.
pub(in crate::shell) struct Signals {
    _interrupt: CtrlC,
    _break: CtrlBreak,
}

impl Signals {
    /// From now on they do not end this process.
    pub(in crate::shell) fn catch() -> io::Result<Self> {
        Ok(Self { _interrupt: ctrl_c()?, _break: ctrl_break()? })
    }

    /// There is nothing to send on.
    pub(in crate::shell) async fn send_on(&mut self, _: Option<u32>) -> Infallible {
        std::future::pending().await
    }
}

/// A child's own code.
pub(in crate::shell) fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(1)
}

/// Ends this process with a child's [`code`]: 32 bits, of which `ExitCode` has eight.
pub(in crate::shell) fn exit_with(code: i32) -> ExitCode {
    u8::try_from(code).map_or_else(|_| std::process::exit(code), ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_systems_own_opener_is_the_only_one() {
        let openers = |variables: &[(&str, &str)]| openers(&environment(variables));
        assert_eq!(
            openers(&[("SystemRoot", r"D:\Windows"), ("BROWSER", "firefox")]),
            [[r"D:\Windows\System32\rundll32.exe", "url.dll,FileProtocolHandler"]]
        );
        assert!(openers(&[("SSH_CONNECTION", "x")]).is_empty());
    }

    #[test]
    fn a_script_is_found_along_the_path() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = std::env::join_paths([one.path(), two.path()]).unwrap();
        let environment = environment(&[("Path", path.to_str().unwrap())]);
        fs::write(two.path().join("cdk.cmd"), "").unwrap();
        fs::write(two.path().join("python3.11.exe"), "").unwrap();
        for (name, found) in [
            ("cdk", two.path().join("cdk.cmd")),
            ("python3.11", two.path().join("python3.11.exe")),
            ("cdk.cmd", "cdk.cmd".into()),
            ("absent", "absent".into()),
            (r".\cdk", r".\cdk".into()),
        ] {
            assert_eq!(program(OsStr::new(name), &environment), found);
        }
        fs::write(one.path().join("cdk.exe"), "").unwrap();
        assert_eq!(program(OsStr::new("cdk"), &environment), one.path().join("cdk.exe"));
    }

    #[test]
    fn a_file_that_is_held_for_a_moment_is_replaced() {
        use std::os::windows::fs::OpenOptionsExt;
        let dir = tempfile::tempdir().unwrap();
        let (new, path) = (dir.path().join("new"), dir.path().join("path"));
        fs::write(&new, "new").unwrap();
        fs::write(&path, "old").unwrap();
        let held = OpenOptions::new().read(true).share_mode(0).open(&path).unwrap();
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || rename(&new, &path)
        });
        std::thread::sleep(4 * RENAME_AGAIN_AFTER);
        drop(held);
        waiting.join().unwrap().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
