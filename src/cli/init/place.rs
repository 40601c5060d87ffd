//! All files or none: written beside their place, then moved there.

use super::found::Found;
use crate::broker::ports::SecureRandom;
use crate::config::{Draft, Fault, Faults};
use crate::system::SystemRandom;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// A directory beside the real one; gone when dropped.
pub(super) struct Staged {
    path: PathBuf,
    /// Who may read them beside root: the service's group.
    group: Option<u32>,
}

impl Drop for Staged {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> String {
    move |e| format!("{} cannot be written: {e}", path.display())
}

impl Staged {
    /// On the same disk, so that moving is one step. `installed`: the group that the package
    /// gave the directory is the service's, and reads what root writes there.
    pub(super) fn beside(directory: &Path, installed: bool) -> Result<Self, String> {
        let mut random = [0; 8];
        SystemRandom.fill(&mut random);
        let parent = parent(directory);
        fs::create_dir_all(parent).map_err(failed(parent))?;
        let path = parent.join(format!(".vestibule-init-{:016x}", u64::from_be_bytes(random)));
        fs::create_dir(&path).map_err(failed(&path))?;
        let of_another = |group: &u32| installed && *group != 0 && rustix::process::geteuid().is_root();
        let group = fs::metadata(directory).ok().map(|meta| meta.gid()).filter(of_another);
        Ok(Self { path, group })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn write(&self, name: &str, content: &[u8]) -> Result<PathBuf, String> {
        self.write_mode(name, content, 0o644)
    }

    /// For its owner alone, and for the service's group where there is one.
    pub(super) fn write_private(&self, name: &str, content: &[u8]) -> Result<PathBuf, String> {
        self.write_mode(name, content, 0o600)
    }

    fn write_mode(&self, name: &str, content: &[u8], mode: u32) -> Result<PathBuf, String> {
        let path = self.path(name);
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(&path).map_err(failed(&path))?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(failed(&path))?;
        if let Some(group) = self.group {
            // In this order: the group that it has until now may not read it.
            fchown(&file, None, Some(group))
                .and_then(|()| file.set_permissions(Permissions::from_mode(mode | 0o040)))
                .map_err(failed(&path))?;
        }
        Ok(path)
    }

    pub(super) fn forget(&self, name: &str) -> Result<(), String> {
        let path = self.path(name);
        fs::remove_file(&path).map_err(failed(&path))
    }

    /// Tries a configuration, as `check` does, with metadata that was had already.
    /// Gives its warnings, or what is wrong by the options' names.
    pub(super) fn check(&self, text: &str, found: Option<Found>) -> Result<Vec<String>, Vec<String>> {
        let path = self.write("proof.toml", text.as_bytes()).map_err(|why| vec![why])?;
        let faults = |faults: Faults| faults.0.iter().map(by_option).collect::<Vec<_>>();
        let mut draft = Draft::read(&path, std::iter::empty()).map_err(faults)?;
        if let Some(source) = draft.metadata().sources.first()
            && let Some(found) = found
        {
            let read = BTreeMap::from([(source.key.clone(), Ok(found.metadata))]);
            draft = draft.with_metadata(read, Vec::new());
        }
        let checked = draft.check().map_err(faults)?;
        self.forget("proof.toml").map_err(|why| vec![why])?;
        Ok(checked.warnings)
    }

    /// Moves the files to their place: as one directory if there is none yet.
    /// Else one by one; what was replaced comes back if one cannot be moved.
    pub(super) fn become_real(&self, directory: &Path, names: &[&str], force: bool) -> Result<(), String> {
        let there: Vec<_> =
            names.iter().filter(|name| directory.join(name).symlink_metadata().is_ok()).collect();
        if let (Some(first), false) = (there.first(), force) {
            return Err(format!(
                "{} is there already ({} of {} files are); --force replaces them, --directory puts them elsewhere",
                directory.join(first).display(),
                there.len(),
                names.len()
            ));
        }
        if directory.symlink_metadata().is_err() {
            return fs::rename(&self.path, directory).map_err(failed(directory));
        }
        let old = |name: &str| self.path.join(format!("{name}.old"));
        let mut moved: Vec<(PathBuf, PathBuf)> = Vec::new();
        for name in names {
            let target = directory.join(name);
            let step = || -> std::io::Result<()> {
                if target.symlink_metadata().is_ok() {
                    fs::rename(&target, old(name))?;
                }
                fs::rename(self.path.join(name), &target)
            };
            if let Err(e) = step() {
                if old(name).exists() {
                    fs::rename(old(name), &target).ok();
                }
                for (target, old) in moved {
                    // Restores the file that was there before, if any.
                    let back =
                        if old.exists() { fs::rename(&old, &target) } else { fs::remove_file(&target) };
                    back.ok();
                }
                return Err(failed(&target)(e));
            }
            moved.push((target, old(name)));
        }
        Ok(())
    }
}

/// A fault by the option that the value came from, without its place in a file that
/// nobody will see.
fn by_option(fault: &Fault) -> String {
    let option = match fault.key.as_str() {
        "server.public_url" => "--public-url",
        "saml.idp[0].metadata" => "--metadata",
        "saml.idp[0].metadata_ca" => "--metadata-ca",
        "saml.idp[0].entity_id" => "--entity-id",
        "saml.idp[0].name" | "saml.idp[0].provider_arn" => "--provider-name",
        "sts.region" => "--region",
        key if key.starts_with("accounts.") => "--account",
        key => key,
    };
    format!("{option}: {}", fault.message)
}

fn parent(directory: &Path) -> &Path {
    // `.` has no other parent that is surely ours to write in.
    if directory.is_dir() {
        return directory;
    }
    directory.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode_and_group(path: &Path) -> (u32, u32) {
        let meta = fs::metadata(path).unwrap();
        (meta.mode() & 0o777, meta.gid())
    }

    #[test]
    fn the_group_of_the_directory_reads_what_root_writes() {
        let directory = tempfile::tempdir().unwrap();
        let ours = fs::metadata(directory.path()).unwrap().gid();
        let staged = Staged::beside(directory.path(), true).unwrap();
        let key = staged.write_private("key.pem", b"key").unwrap();
        assert_eq!(mode_and_group(&key), (0o600, ours), "no group of another's: its owner alone");
        drop(staged);

        if !rustix::process::geteuid().is_root() {
            return;
        }
        let service = 12_345;
        std::os::unix::fs::chown(directory.path(), None, Some(service)).unwrap();
        let staged = Staged::beside(directory.path(), false).unwrap();
        let key = staged.write_private("key.pem", b"key").unwrap();
        assert_eq!(mode_and_group(&key).0, 0o600, "no group that nobody said is the service's");
        drop(staged);
        let staged = Staged::beside(directory.path(), true).unwrap();
        let key = staged.write_private("key.pem", b"key").unwrap();
        assert_eq!(mode_and_group(&key), (0o640, service));
        let config = staged.write("vestibule.toml", b"").unwrap();
        assert_eq!(mode_and_group(&config), (0o644, service));
    }
}
