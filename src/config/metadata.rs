//! `[[saml.idp]] metadata`: where identity providers' metadata comes from, and
//! who must have signed it.
//!
//! Files are read here. Metadata at a URL is fetched by the caller, as parameters
//! are, and put into the [`Draft`](super::Draft).

use super::read::fault::shown;
use super::read::file::{read_file, read_pem};
use super::read::reading::Unfetched;
use super::read::section::{Found, Section};
use super::read::values::{self, WebUrl, duration_between};
use crate::saml::{IdpMetadata, MAX_METADATA_BYTES, MetadataError, VerificationKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use time::Duration;

/// The most bytes of a file of certificates.
const MAX_PEM_BYTES: u64 = 1 << 18;

/// What URLs gave, by the key that names them (`saml.idp[0].metadata`): the
/// metadata, or why there is none.
pub type FetchedMetadata = BTreeMap<String, Result<IdpMetadata, String>>;

/// Where all metadata comes from, and how often it is read again.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// One for each identity provider.
    pub sources: Vec<MetadataSource>,
    /// `saml.metadata_refresh`
    pub refresh: Duration,
    /// `saml.metadata_cache`: the directory for what URLs gave last.
    pub cache: Option<PathBuf>,
}

/// Where one identity provider's metadata comes from.
#[derive(Debug, Clone)]
pub struct MetadataSource {
    /// The identity provider's configured name.
    pub idp: String,
    /// The key that names the place, for faults and [`FetchedMetadata`].
    pub key: String,
    /// The file or the URL.
    pub place: MetadataPlace,
    /// The identity provider that is meant, if the document describes several.
    pub entity_id: Option<String>,
    /// One of these must have signed the document; empty: it need not be signed.
    pub certificates: Vec<VerificationKey>,
    /// The authorities, in PEM, that may certify the URL's server; `None`: those
    /// that the system trusts.
    pub authorities: Option<Vec<u8>>,
}

/// A file or a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataPlace {
    /// A path on this machine.
    File(PathBuf),
    /// https, or http on a loopback host.
    Url(String),
}

impl MetadataSource {
    /// The longest document that is read.
    pub const MAX_BYTES: usize = MAX_METADATA_BYTES;

    /// Reads a document that came from this place, and verifies its signature if
    /// it must have one. `known` is the entity id that this place had before: it
    /// must stay the same, even where none is configured.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn read(&self, document: &[u8], known: Option<&str>) -> Result<IdpMetadata, MetadataError> {
        let entity_id = self.entity_id.as_deref().or(known);
        if self.certificates.is_empty() {
            IdpMetadata::parse(document, entity_id)
        } else {
            IdpMetadata::parse_signed(document, entity_id, &self.certificates)
        }
    }

    /// The document, if the place is a file.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read_file(path: &Path) -> Result<Vec<u8>, String> {
        read_file(path, MAX_METADATA_BYTES as u64)
    }
}

/// What was fetched, for one reading of the configuration.
#[derive(Default)]
pub(super) struct Fetched {
    pub(super) metadata: FetchedMetadata,
    /// Whether a URL that was not fetched is no fault.
    pub(super) may_be_absent: bool,
}

/// What `[saml]` says of all metadata.
pub(super) fn metadata(section: &Section<'_>, sources: Vec<MetadataSource>) -> Metadata {
    Metadata {
        sources,
        refresh: section.or("metadata_refresh", Duration::hours(1), duration_between("1s", "24h")),
        cache: section.optional("metadata_cache", values::not_empty).map(PathBuf::from),
    }
}

/// Where the metadata of the identity provider `idp` comes from; no document is read.
pub(super) fn source(section: &Section<'_>, idp: &str) -> Option<Found<MetadataSource>> {
    let place = section.required_at("metadata", |text| {
        let is_url = text.starts_with("https:") || text.starts_with("http:");
        if !is_url {
            return Ok(MetadataPlace::File(PathBuf::from(text)));
        }
        WebUrl::parse(text).map(|url| MetadataPlace::Url(url.into_text()))
    });
    let certificates = certificates(section);
    let authorities = section.optional_at("metadata_ca", pem_file);
    let Found { value: place, at } = place?;
    if let (Some(found), MetadataPlace::File(_)) = (&authorities, &place) {
        section.reading().fault(&found.at, "says who vouches for a URL's server, and metadata is a file");
    }
    let source = MetadataSource {
        idp: idp.to_owned(),
        key: at.key.clone(),
        place,
        entity_id: section.optional("entity_id", values::line(1_024)),
        certificates: certificates?,
        authorities: authorities.map(|found| pem(&found.value)),
    };
    Some(Found { value: source, at })
}

/// The metadata; `None` if it is faulty, or not fetched yet.
pub(super) fn document(
    section: &Section<'_>,
    source: &Found<MetadataSource>,
    fetched: &Fetched,
) -> Option<IdpMetadata> {
    let Found { value: source, at } = source;
    let metadata = match &source.place {
        MetadataPlace::Url(url) => {
            let found = fetched.metadata.get(&source.key).cloned();
            if found.is_none() && !fetched.may_be_absent {
                section.reading().miss(at, Unfetched::Metadata(url.clone()));
            }
            found?
        }
        MetadataPlace::File(path) => {
            let shown = path.display();
            let read = MetadataSource::read_file(path).map_err(|why| format!("cannot be read: {why}"));
            read.and_then(|bytes| source.read(&bytes, None).map_err(|why| format!("cannot be used: {why}")))
                .map_err(|why| format!("the metadata file {why}; found \"{shown}\""))
        }
    };
    metadata.map_err(|message| section.reading().fault(at, message)).ok()
}

/// `metadata_certificate`; `None` if any of it is faulty, since fewer checks
/// than the configured ones must never be made.
fn certificates(section: &Section<'_>) -> Option<Vec<VerificationKey>> {
    const KEY: &str = "metadata_certificate";
    let paths = section.one_or_list(KEY);
    let at = section.at_key(KEY);
    if paths.is_empty() && section.has(KEY) {
        if !section.reading().misses(&at.key) {
            section.reading().fault(&at, "expected a file of certificates, or leave the key out");
        }
        return None;
    }
    let read = |path: String| -> Option<Vec<VerificationKey>> {
        let fault = |why: String| section.reading().fault(&at, format!("{}: {why}", shown(&path)));
        let ders = pem_file(&path).map_err(fault).ok()?;
        let keys = ders.iter().map(|der| VerificationKey::from_certificate(der));
        keys.collect::<Result<_, _>>().map_err(|why| fault(why.to_string())).ok()
    };
    let all: Option<Vec<_>> = paths.into_iter().map(read).collect();
    Some(all?.into_iter().flatten().collect())
}

/// The certificates of a file in PEM (or of its text), in DER: at least one.
fn pem_file(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let pem = read_pem(text, MAX_PEM_BYTES).map_err(|why| format!("cannot be read: {why}"))?;
    let found: Result<Vec<CertificateDer<'_>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found: Vec<Vec<u8>> = found.unwrap_or_default().iter().map(|der| der.to_vec()).collect();
    if found.is_empty() || !found.iter().all(|der| VerificationKey::is_certificate(der)) {
        return Err("expected certificates in PEM (-----BEGIN CERTIFICATE-----)".to_owned());
    }
    Ok(found)
}

/// Certificates in PEM, and nothing beside them.
fn pem(certificates: &[Vec<u8>]) -> Vec<u8> {
    let block = |der: &Vec<u8>| {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
    };
    certificates.iter().map(block).collect::<String>().into_bytes()
}
