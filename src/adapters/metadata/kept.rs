//! The last good metadata of each URL, in files of `saml.metadata_cache`.
//!
//! `NAME.metadata` is one line of JSON, then the document as it came; in one
//! file, so that a document and the validators of another can never meet.
//! `NAME.keys` are the fingerprints that the audit trail was last told of.
//!
//! Whoever can write here decides whose keys are believed, unless a certificate
//! is pinned: a document from here passes the same checks as one from its URL.

use super::fetch::Validators;
use crate::adapters::local::inspect;
use crate::broker::ports::SecureRandom;
use crate::config::MetadataSource;
use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

const VERSION: u32 = 1;

/// A document and its header.
const MAX_BYTES: u64 = MetadataSource::MAX_BYTES as u64 + (1 << 16);

/// The last good metadata of one URL.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) header: Header,
    pub(super) document: Vec<u8>,
}

/// What is known of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Header {
    version: u32,
    pub(super) url: String,
    pub(super) entity_id: String,
    /// When it was last had, or confirmed.
    #[serde(with = "time::serde::timestamp")]
    pub(super) confirmed: OffsetDateTime,
    pub(super) validators: Validators,
    /// Of the document, so that a torn or edited file is not taken for it.
    sha256: String,
}

/// What `doctor` wants to know.
#[derive(Debug)]
pub struct KeptFacts {
    /// When it was last had from its URL, or confirmed.
    pub confirmed: OffsetDateTime,
}

/// Of the last good metadata of this identity provider; `None` if there is none.
///
/// # Errors
/// Why it cannot be used.
pub fn kept_facts(directory: &Path, idp: &str, url: &str) -> Result<Option<KeptFacts>, String> {
    let kept = load(directory, idp, url)?;
    Ok(kept.map(|kept| KeptFacts { confirmed: kept.header.confirmed }))
}

impl Kept {
    pub(super) fn new(
        url: &str,
        entity_id: &str,
        document: Vec<u8>,
        validators: Validators,
        confirmed: OffsetDateTime,
    ) -> Self {
        let sha256 = sha256(&document);
        let (url, entity_id) = (url.to_owned(), entity_id.to_owned());
        Self { header: Header { version: VERSION, url, entity_id, confirmed, validators, sha256 }, document }
    }
}

/// What is kept of this URL; `None` if nothing is.
pub(super) fn load(directory: &Path, idp: &str, url: &str) -> Result<Option<Kept>, String> {
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
    // Of a URL that was configured before: nobody promised that it is the same entity.
    Ok((header.url == url).then_some(Kept { header, document }))
}

pub(super) fn save(
    directory: &Path,
    idp: &str,
    kept: &Kept,
    random: &dyn SecureRandom,
) -> Result<(), String> {
    let mut bytes = serde_json::to_vec(&kept.header).map_err(|e| e.to_string())?;
    bytes.push(b'\n');
    bytes.extend_from_slice(&kept.document);
    write(directory, &document_path(directory, idp), &bytes, random)
}

/// The fingerprints that were noted last.
pub(super) fn load_keys(directory: &Path, idp: &str) -> Result<Option<Vec<String>>, String> {
    let path = keys_path(directory, idp);
    let Some(bytes) = read(&path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|_| format!("{} is damaged; remove it", path.display()))
}

pub(super) fn save_keys(
    directory: &Path,
    idp: &str,
    keys: &[String],
    random: &dyn SecureRandom,
) -> Result<(), String> {
    let bytes = serde_json::to_vec(keys).map_err(|e| e.to_string())?;
    write(directory, &keys_path(directory, idp), &bytes, random)
}

fn document_path(directory: &Path, idp: &str) -> PathBuf {
    directory.join(format!("{idp}.metadata"))
}

fn keys_path(directory: &Path, idp: &str) -> PathBuf {
    directory.join(format!("{idp}.keys"))
}

/// A file that nobody else can have written.
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
    use crate::adapters::local::SystemRandom;
    use std::os::unix::fs::PermissionsExt;

    const URL: &str = "https://idp.example.com/metadata";
    const AT: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn kept() -> (tempfile::TempDir, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("var/metadata");
        let validators = Validators { etag: Some("\"1\"".to_owned()), last_modified: None };
        let kept = Kept::new(URL, "urn:idp", b"<a>\n</a>\n".to_vec(), validators, AT);
        save(&directory, "ADFS", &kept, &SystemRandom).unwrap();
        (place, directory)
    }

    #[test]
    fn what_was_kept_comes_back_and_is_for_this_user_alone() {
        let (_place, directory) = kept();
        let back = load(&directory, "ADFS", URL).unwrap().unwrap();
        assert_eq!(back.document, b"<a>\n</a>\n");
        assert_eq!((back.header.entity_id.as_str(), back.header.confirmed), ("urn:idp", AT));
        assert_eq!(back.header.validators.etag.as_deref(), Some("\"1\""));
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&directory.join("ADFS.metadata"))), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1, "nothing is left beside it");

        assert!(load(&directory, "Okta", URL).unwrap().is_none());
        assert!(load(&directory, "ADFS", "https://other.example.com/").unwrap().is_none());
        assert!(load(&directory.join("none"), "ADFS", URL).unwrap().is_none());

        save_keys(&directory, "ADFS", &["ab".to_owned()], &SystemRandom).unwrap();
        assert_eq!(load_keys(&directory, "ADFS").unwrap(), Some(vec!["ab".to_owned()]));
        assert_eq!(load_keys(&directory, "Okta").unwrap(), None);
    }

    #[test]
    fn what_was_changed_torn_or_can_be_written_by_others_is_not_taken() {
        let (_place, directory) = kept();
        let path = directory.join("ADFS.metadata");
        let honest = std::fs::read(&path).unwrap();
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            load(&directory, "ADFS", URL).unwrap_err()
        };
        let mut changed = honest.clone();
        *changed.last_mut().unwrap() = b' ';
        assert!(refused(&changed).contains("changed after it was written"));
        assert!(refused(&honest[..honest.len() - 3]).contains("changed after it was written"));
        assert!(refused(&honest[..20]).contains("no header"));
        assert!(refused(b"\n<a/>").contains("damaged"));

        std::fs::write(&path, &honest).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).unwrap();
        assert!(load(&directory, "ADFS", URL).unwrap_err().contains("others can write"));
    }

    #[test]
    fn a_directory_that_others_can_write_in_is_not_used() {
        let place = tempfile::tempdir().unwrap();
        std::fs::set_permissions(place.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let said = save_keys(place.path(), "ADFS", &[], &SystemRandom).unwrap_err();
        assert!(said.contains("others can write in"), "{said}");
    }
}
