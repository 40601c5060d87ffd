//! Files that hold keys: mode 0600, a regular file of our own user, written
//! whole or not at all. The key ring and the local token service share this.

use super::directory::make_parent;
use crate::adapters::error::OpenError;
use crate::broker::ports::SecureRandom;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Larger than any ring: hundreds of keys.
const MAX_BYTES: u64 = 256 * 1024;

/// The only version so far.
const VERSION: u32 = 1;

/// 32 random bytes, wiped when dropped. On the heap, so that moving leaves no copy.
pub(super) type KeyBytes = Zeroizing<Vec<u8>>;

pub(super) const KEY_BYTES: usize = 32;

pub(super) fn random_key(random: &dyn SecureRandom) -> KeyBytes {
    let mut key = Zeroizing::new(vec![0; KEY_BYTES]);
    random.fill(&mut key);
    key
}

/// A kind of key file: its marker keeps one kind from being taken for another.
pub(super) trait Content: Serialize + DeserializeOwned {
    /// The marker, in the words of an error message.
    const KIND: &'static str;
    /// Further conditions on a file that parses.
    fn is_sound(&self) -> bool;
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    kind: String,
    version: u32,
    content: T,
}

/// Identifies the file that was read: a replaced file is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl FileId {
    /// The file that has this name now.
    pub(super) fn at(path: &Path) -> Result<Self, OpenError> {
        fs::symlink_metadata(path).map(|m| Self::of(&m)).map_err(|e| OpenError::file(path, e))
    }
    fn of(meta: &fs::Metadata) -> Self {
        Self { device: meta.dev(), inode: meta.ino(), changed: (meta.ctime(), meta.ctime_nsec()) }
    }
}

/// Reads the file; if there is none, makes it. Two processes that make it at
/// once end with the same one.
pub(super) fn load_or_create<T: Content>(
    path: &Path,
    random: &dyn SecureRandom,
    make: impl FnOnce() -> T,
) -> Result<(T, FileId), OpenError> {
    make_parent(path)?;
    match fs::symlink_metadata(path) {
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let new = write_new(path, &make(), random)?;
            // A link, unlike a rename, refuses to replace what another process made first.
            let linked = fs::hard_link(&new.0, path);
            drop(new);
            match linked {
                Ok(()) => sync_directory(path)?,
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(OpenError::file(path, e)),
            }
        }
        Err(e) => return Err(OpenError::file(path, e)),
    }
    load(path)
}

/// Reads the file, if it is safe.
pub(super) fn load<T: Content>(path: &Path) -> Result<(T, FileId), OpenError> {
    let failed = |e| OpenError::file(path, e);
    let damaged = |reason| OpenError::KeyFileContent { path: path.to_owned(), expected: T::KIND, reason };
    let named = fs::symlink_metadata(path).map_err(failed)?;
    check(path, &named)?;
    let mut file = File::open(path).map_err(failed)?;
    let opened = file.metadata().map_err(failed)?;
    // The file that is read is the one that was checked, even if its name was given to another.
    check(path, &opened)?;
    if opened.len() > MAX_BYTES {
        return Err(damaged("it is too large"));
    }
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(opened.len()).unwrap_or(0) + 1));
    file.read_to_string(&mut text).map_err(|_| damaged("it is not text"))?;
    let envelope: Envelope<T> =
        serde_json::from_str(&text).map_err(|_| damaged("it is not the JSON that was written"))?;
    if envelope.kind != T::KIND {
        return Err(damaged("it is a key file of another kind"));
    }
    if envelope.version != VERSION {
        return Err(damaged("its version is unknown here"));
    }
    if !envelope.content.is_sound() {
        return Err(damaged("its keys are incomplete"));
    }
    Ok((envelope.content, FileId::of(&opened)))
}

/// Changes the file under a lock that every process respects; whole or not at all.
pub(super) fn update<T: Content>(
    path: &Path,
    random: &dyn SecureRandom,
    change: impl FnOnce(&mut T),
) -> Result<(T, FileId), OpenError> {
    let failed = |e| OpenError::file(path, e);
    // The directory is locked, since the file itself is replaced. Released when dropped.
    let directory = File::open(parent(path)).map_err(failed)?;
    directory.lock().map_err(failed)?;
    let (mut content, _) = load::<T>(path)?;
    change(&mut content);
    let new = write_new(path, &content, random)?;
    fs::rename(&new.0, path).map_err(failed)?;
    drop(new);
    sync_directory(path)?;
    load(path)
}

fn check(path: &Path, meta: &fs::Metadata) -> Result<(), OpenError> {
    let path = path.to_owned();
    if !meta.is_file() {
        return Err(OpenError::KeyFileKind { path });
    }
    if let Some(user) = effective_user()
        && meta.uid() != user
    {
        return Err(OpenError::KeyFileOwner { path, owner: meta.uid() });
    }
    let mode = meta.mode() & 0o7777;
    if mode & !0o600 != 0 {
        return Err(OpenError::KeyFileMode { path, mode });
    }
    Ok(())
}

/// The effective user id on Linux (`Uid: real effective saved fs`). Elsewhere
/// `None`: a file of mode 0600 opens for its owner or for root only.
pub(super) fn effective_user() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?.parse().ok()
}

/// A file beside the real one that goes away unless it was moved there.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

fn write_new<T: Content>(
    path: &Path,
    content: &T,
    random: &dyn SecureRandom,
) -> Result<Temporary, OpenError> {
    let failed = |e| OpenError::file(path, e);
    // Reserved up front: a growing Vec would leave copies of the keys behind.
    let mut text = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_BYTES).unwrap_or(0)));
    let envelope = Envelope { kind: T::KIND.to_owned(), version: VERSION, content };
    serde_json::to_writer_pretty(&mut *text, &envelope).map_err(|e| failed(e.into()))?;
    text.push(b'\n');

    let mut suffix = [0; 8];
    random.fill(&mut suffix);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{:016x}", u64::from_be_bytes(suffix)));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&name).map_err(failed)?;
    let new = Temporary(name.into());
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(new)
}

fn sync_directory(path: &Path) -> Result<(), OpenError> {
    File::open(parent(path)).and_then(|directory| directory.sync_all()).map_err(|e| OpenError::file(path, e))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Keys as base64 in the file: `#[serde(with = "base64_key")]`.
pub(super) mod base64_key {
    use super::{KEY_BYTES, KeyBytes, Zeroizing};
    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(in crate::adapters::local) fn serialize<S: Serializer>(
        key: &KeyBytes,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(&Zeroizing::new(STANDARD.encode(key)))
    }

    pub(in crate::adapters::local) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<KeyBytes, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        match STANDARD.decode(text.as_bytes()).map(Zeroizing::new) {
            Ok(key) if key.len() == KEY_BYTES => Ok(key),
            _ => Err(de::Error::custom("not a key")),
        }
    }
}
