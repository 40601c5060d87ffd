//! Linux and macOS: modes and owners, signals, `$BROWSER`, the kernel's keyring or the keychain.

use crate::shell::environment::Environment;
use keyring_core::Entry;
use keyring_core::api::CredentialStoreApi;
use rustix::process::{Pid, Signal, kill_process};
use std::convert::Infallible;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// A path at which AWS's tools find a file without anything in it.
pub(in crate::shell) const EMPTY_FILE: &str = "/dev/null";

/// Makes a directory that others cannot enter, or closes one that is there.
pub(in crate::shell) fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// To make a file that its owner alone reads.
pub(in crate::shell) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(Access::PRIVATE.0);
    options
}

/// Who may do what with a file: its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shell) struct Access(u32);

impl Access {
    pub(in crate::shell) const PRIVATE: Self = Self(0o600);

    pub(in crate::shell) fn of(meta: &Metadata) -> Self {
        Self(meta.permissions().mode() & 0o7777)
    }

    /// To a file that was made by [`private_file`].
    pub(in crate::shell) fn give_to(self, file: &File) -> io::Result<()> {
        if self == Self::PRIVATE {
            return Ok(());
        }
        file.set_permissions(Permissions::from_mode(self.0))
    }
}

/// Whether a file belongs to who runs this.
pub(in crate::shell) fn is_own(meta: &Metadata) -> bool {
    meta.uid() == rustix::process::geteuid().as_raw()
}

/// Puts a file in the place of another one, of the same directory.
pub(in crate::shell) fn rename(new: &Path, path: &Path) -> io::Result<()> {
    fs::rename(new, path)?;
    // The name is on the disk once the directory is.
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// No core file, and no look into our memory or environment by others of the same person.
pub(in crate::shell) fn close_to_others() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Refused nowhere that we know; a command without it is better than none.
        set_dumpable_behavior(DumpableBehavior::NotDumpable).unwrap_or_default();
    }
}

/// For people.
pub(in crate::shell) const KEYRING: &str =
    if cfg!(target_os = "linux") { "the kernel's keyring" } else { "the system's keyring" };

/// A key in the keyring. Linux's is the kernel's (keyutils): never on a disk, without D-Bus and
/// without a prompt, and the same over SSH.
pub(in crate::shell) fn keyring_entry(service: &str, name: &str) -> keyring_core::Result<Entry> {
    #[cfg(target_os = "linux")]
    let store = linux_keyutils_keyring_store::Store::new()?;
    #[cfg(target_os = "macos")]
    let store = apple_native_keyring_store::keychain::Store::new()?;
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    return Err(keyring_core::Error::NoDefaultStore);
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    store.build(service, name, None)
}

/// What may open an address, best first: a program and its arguments. The address is the last
/// argument, or where `%s` stands.
pub(in crate::shell) fn openers(environment: &Environment) -> Vec<Vec<String>> {
    let words = |command: &str| command.split_whitespace().map(str::to_owned).collect();
    let mut openers: Vec<Vec<String>> =
        environment.get("BROWSER").into_iter().flat_map(|list| list.split(':')).map(words).collect();
    let system: &[&str] = if cfg!(target_os = "macos") {
        // Over SSH a window would open on a screen that nobody looks at.
        if environment.get("SSH_CONNECTION").is_none() { &["open"] } else { &[] }
    } else if environment.get("WSL_DISTRO_NAME").is_some() {
        &["wslview", "rundll32.exe url.dll,FileProtocolHandler"]
    } else if environment.get("DISPLAY").or(environment.get("WAYLAND_DISPLAY")).is_some() {
        &["xdg-open"]
    } else {
        // xdg-open would look for a browser in the terminal.
        &[]
    };
    openers.extend(system.iter().map(|command| words(command)));
    openers.retain(|words| !words.is_empty());
    openers
}

/// Ctrl-C is not for it.
pub(in crate::shell) fn set_apart(command: &mut Command) {
    command.process_group(0);
}

/// Where a command lies that a person has named: the system looks along `PATH` itself.
pub(in crate::shell) fn program(name: &OsStr, _: &Environment) -> PathBuf {
    name.into()
}

/// Sent on always.
const SENT_ON: [Signal; 4] = [Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2];
/// Sent on unless the terminal has sent them to the command itself.
const OF_THE_TERMINAL: [Signal; 2] = [Signal::INT, Signal::QUIT];

/// All signals that are not ours to act on, as they come.
pub(in crate::shell) struct Signals(mpsc::UnboundedReceiver<Signal>);

impl Signals {
    /// From now on they do not end this process.
    pub(in crate::shell) fn catch() -> io::Result<Self> {
        let (sender, receiver) = mpsc::unbounded_channel();
        for kind in SENT_ON.into_iter().chain(OF_THE_TERMINAL) {
            let mut coming = signal(SignalKind::from_raw(kind.as_raw()))?;
            let sender = sender.clone();
            tokio::spawn(async move {
                while coming.recv().await.is_some() {
                    if sender.send(kind).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self(receiver))
    }

    /// Sends on to a child, for ever.
    pub(in crate::shell) async fn send_on(&mut self, child: Option<u32>) -> Infallible {
        let pid = child.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        while let Some(signal) = self.0.recv().await {
            let Some(pid) = pid else { continue };
            if OF_THE_TERMINAL.contains(&signal) && is_in_foreground() {
                continue;
            }
            // It may have ended at this moment.
            kill_process(pid, signal).unwrap_or_default();
        }
        std::future::pending().await
    }
}

/// Whether the terminal sends its signals to our process group, the command among it.
fn is_in_foreground() -> bool {
    let Ok(terminal) = File::open("/dev/tty") else { return false };
    rustix::termios::tcgetpgrp(&terminal).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// A child's own code; 128 and the signal's number, if one ended it; else 1.
pub(in crate::shell) fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1)
}

/// Ends this process with a child's [`code`].
pub(in crate::shell) fn exit_with(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_commands_own() {
        assert_eq!(code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(code(ExitStatus::from_raw(15)), 143);
    }

    #[test]
    fn what_is_private_is_its_owners() {
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let inner = dir.path().join("a/b");
        private_directory(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        fs::set_permissions(&inner, Permissions::from_mode(0o755)).unwrap();
        private_directory(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
        let path = inner.join("x");
        let file = private_file().create_new(true).open(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        Access(0o644).give_to(&file).unwrap();
        assert_eq!(Access::of(&fs::metadata(&path).unwrap()), Access(0o644));
        assert!(is_own(&fs::metadata(&path).unwrap()));
    }

    #[test]
    fn the_persons_choice_of_a_browser_comes_first() {
        let openers = |variables: &[(&str, &str)]| -> Vec<String> {
            let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            openers(&Environment::new(owned)).iter().map(|words| words.join(" ")).collect()
        };
        if cfg!(target_os = "linux") {
            assert_eq!(
                openers(&[("BROWSER", "firefox -P work %s:w3m"), ("DISPLAY", ":0")]),
                ["firefox -P work %s", "w3m", "xdg-open"]
            );
            assert_eq!(openers(&[]), [""; 0]);
            assert_eq!(openers(&[("WSL_DISTRO_NAME", "Debian")]).first().unwrap(), "wslview");
        }
    }
}
