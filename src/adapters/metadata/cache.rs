//! The last good document of each URL, in files of `saml.metadata_cache`.
//!
//! `NAME.metadata` is one line of JSON, then the document as it came; in one
//! file, so that a document and the validators of another can never meet.
//! `NAME.keys` are the fingerprints that were last reported to the audit trail.
//!
//! Write access to this directory decides whose keys are trusted, unless a
//! certificate is pinned: a document from here passes the same checks as one from
//! its URL.

use crate::adapters::local::inspect;
use crate::broker::ports::{DocumentVersion, LastGood, SecureRandom, Validators};
use crate::config::MetadataSource;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use time::OffsetDateTime;

const VERSION: u32 = 1;

/// A document and its header.
const MAX_BYTES: u64 = MetadataSource::MAX_BYTES as u64 + (1 << 16);

/// When the last good document of this identity provider was last given or
/// confirmed by its URL, for `doctor`; `None` if there is none.
///
/// # Errors
/// Why it cannot be used.
pub fn last_good_confirmed(directory: &Path, idp: &str, url: &str) -> Result<Option<OffsetDateTime>, String> {
    Ok(load(directory, idp, url)?.map(|last_good| last_good.confirmed))
}

/// The files of one identity provider.
#[derive(Clone)]
pub(super) struct Cache {
    directory: PathBuf,
    idp: String,
    random: Arc<dyn SecureRandom>,
    writable: bool,
}

impl Cache {
    pub(super) fn new(directory: &Path, idp: &str, random: Arc<dyn SecureRandom>) -> Self {
        Self { directory: directory.to_owned(), idp: idp.to_owned(), random, writable: true }
    }

    /// Reads as before, and writes nothing.
    pub(super) fn read_only(self) -> Self {
        Self { writable: false, ..self }
    }

    /// The last good document of this URL; `None` if there is none.
    pub(super) fn load(&self, url: &str) -> Result<Option<LastGood>, String> {
        load(&self.directory, &self.idp, url)
    }

    pub(super) fn save(&self, url: &str, last_good: &LastGood) -> Result<(), String> {
        let header = Header {
            version: VERSION,
            url: url.to_owned(),
            entity_id: last_good.entity_id.clone(),
            confirmed: last_good.confirmed,
            validators: last_good.version.validators.clone(),
            sha256: last_good.version.sha256.clone(),
        };
        let mut bytes = serde_json::to_vec(&header).map_err(|e| e.to_string())?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&last_good.bytes);
        self.write(&document_path(&self.directory, &self.idp), &bytes)
    }

    /// The fingerprints that were reported last.
    pub(super) fn load_keys(&self) -> Result<Option<Vec<String>>, String> {
        let path = keys_path(&self.directory, &self.idp);
        let Some(bytes) = read(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| format!("{} is damaged; remove it", path.display()))
    }

    pub(super) fn save_keys(&self, keys: &[String]) -> Result<(), String> {
        let bytes = serde_json::to_vec(keys).map_err(|e| e.to_string())?;
        self.write(&keys_path(&self.directory, &self.idp), &bytes)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), String> {
        if !self.writable {
            return Ok(());
        }
        write(&self.directory, path, bytes, &*self.random)
    }
}

/// What is known of a document, in the first line of its file.
#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    url: String,
    entity_id: String,
    #[serde(with = "time::serde::timestamp")]
    confirmed: OffsetDateTime,
    validators: Validators,
    /// Hash of the document; a torn or edited file does not match it.
    sha256: String,
}

fn load(directory: &Path, idp: &str, url: &str) -> Result<Option<LastGood>, String> {
    let path = document_path(directory, idp);
    let Some(bytes) = read(&path)? else { return Ok(None) };
    let unusable = |why: &str| format!("{}: {why}; remove it", path.display());
    let end = bytes.iter().position(|b| *b == b'\n').ok_or_else(|| unusable("it has no header"))?;
    let (header, document) = bytes.split_at(end);
    let header: Header = serde_json::from_slice(header).map_err(|_| unusable("its header is damaged"))?;
    let document = document.get(1..).unwrap_or_default().to_vec();
    if header.version != VERSION {
        return Err(unusable("it was written by another version"));
    }
    if header.sha256 != sha256(&document) {
        return Err(unusable("it was changed after it was written"));
    }
    // The document of a URL that was configured before need not be of the same entity.
    if header.url != url {
        return Ok(None);
    }
    Ok(Some(LastGood {
        entity_id: header.entity_id,
        bytes: document,
        version: DocumentVersion { validators: header.validators, sha256: header.sha256 },
        confirmed: header.confirmed,
    }))
}

fn document_path(directory: &Path, idp: &str) -> PathBuf {
    directory.join(format!("{idp}.metadata"))
}

fn keys_path(directory: &Path, idp: &str) -> PathBuf {
    directory.join(format!("{idp}.keys"))
}

/// Reads a file that only this user can have written.
fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    let said = |why: String| format!("{}: {why}", path.display());
    let Some(facts) = inspect::file(path).map_err(said)? else { return Ok(None) };
    if !facts.ours || facts.mode & 0o022 != 0 {
        return Err(said("others can write it; it must belong to this user, mode 0600".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|e| said(e.to_string()))?;
    Ok(Some(bytes))
}

/// Whole or not at all, and on the disk when it returns.
fn write(directory: &Path, path: &Path, bytes: &[u8], random: &dyn SecureRandom) -> Result<(), String> {
    let said = |e: std::io::Error| format!("{} cannot be written: {e}", path.display());
    make_private(directory)?;
    let mut suffix = [0; 8];
    random.fill(&mut suffix);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{:016x}", u64::from_be_bytes(suffix)));
    let new = PathBuf::from(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(said)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&new, path))
        .and_then(|()| File::open(directory)?.sync_all());
    written.map_err(|e| {
        std::fs::remove_file(&new).ok();
        said(e)
    })
}

/// Makes it for this user alone; one that others can write in is of no use.
fn make_private(directory: &Path) -> Result<(), String> {
    let said = |e: std::io::Error| format!("{}: {e}", directory.display());
    match DirBuilder::new().recursive(true).mode(0o700).create(directory) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
        Err(e) => return Err(said(e)),
    }
    if std::fs::metadata(directory).map_err(said)?.mode() & 0o022 != 0 {
        return Err(format!(
            "others can write in {}; saml.metadata_cache must be a directory of this user alone",
            directory.display()
        ));
    }
    Ok(())
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemRandom;
    use std::os::unix::fs::PermissionsExt;

    const URL: &str = "https://idp.example.com/metadata";
    const AT: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn cache(directory: &Path, idp: &str) -> Cache {
        Cache::new(directory, idp, Arc::new(SystemRandom))
    }

    fn kept() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("var/metadata");
        let bytes = b"<a>\n</a>\n".to_vec();
        let validators = Validators { etag: Some("\"1\"".to_owned()), last_modified: None };
        let version = DocumentVersion { validators, sha256: sha256(&bytes) };
        let last_good = LastGood { entity_id: "urn:idp".to_owned(), bytes, version, confirmed: AT };
        cache(&directory, "ADFS").save(URL, &last_good).unwrap();
        (place, directory)
    }

    #[test]
    fn what_was_kept_comes_back_and_is_for_this_user_alone() {
        let (_place, directory) = kept();
        let (adfs, okta) = (cache(&directory, "ADFS"), cache(&directory, "Okta"));
        let back = adfs.load(URL).unwrap().unwrap();
        assert_eq!(back.bytes, b"<a>\n</a>\n");
        assert_eq!((back.entity_id.as_str(), back.confirmed), ("urn:idp", AT));
        assert_eq!(back.version.validators.etag.as_deref(), Some("\"1\""));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&directory.join("ADFS.metadata"))), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");

        assert!(okta.load(URL).unwrap().is_none());
        assert!(adfs.load("https://other.example.com/").unwrap().is_none());
        assert!(cache(&directory.join("none"), "ADFS").load(URL).unwrap().is_none());

        adfs.save_keys(&["ab".to_owned()]).unwrap();
        assert_eq!(adfs.load_keys().unwrap(), Some(vec!["ab".to_owned()]));
        assert_eq!(okta.load_keys().unwrap(), None);
    }

    #[test]
    fn a_read_only_cache_writes_nothing() {
        let place = tempfile::tempdir().unwrap();
        cache(place.path(), "ADFS").read_only().save_keys(&["ab".to_owned()]).unwrap();
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_was_changed_torn_or_can_be_written_by_others_is_not_taken() {
        let (_place, directory) = kept();
        let path = directory.join("ADFS.metadata");
        let honest = std::fs::read(&path).unwrap();
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            cache(&directory, "ADFS").load(URL).unwrap_err()
        };
        let mut changed = honest.clone();
        *changed.last_mut().unwrap() = b' ';
        assert!(refused(&changed).contains("changed after it was written"));
        assert!(refused(&honest[..honest.len() - 3]).contains("changed after it was written"));
        assert!(refused(&honest[..20]).contains("no header"));
        assert!(refused(b"\n<a/>").contains("damaged"));

        std::fs::write(&path, &honest).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        assert!(cache(&directory, "ADFS").load(URL).unwrap_err().contains("others can write"));
    }

    #[test]
    fn a_directory_that_others_can_write_in_is_not_used() {
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let said = cache(place.path(), "ADFS").save_keys(&[]).unwrap_err();
        assert!(said.contains("others can write in"), "{said}");
    }
}
