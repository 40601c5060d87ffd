//! `[[saml.idp]] metadata`: where identity providers' metadata comes from, and
//! what it has to prove.
//!
//! Files are read here. What stands at a URL is fetched by whoever starts the
//! process, as parameters are, and given to the [`Draft`](super::Draft).

use super::read::fault::shown;
use super::read::section::{At, Found, Section};
use super::read::values::{self, WebUrl};
use super::read_file;
use super::saml::idp_name;
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
/// metadata, or a sentence.
pub type FetchedMetadata = BTreeMap<String, Result<IdpMetadata, String>>;

/// Where all metadata comes from, and how often it is looked at again.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// Of each identity provider.
    pub sources: Vec<MetadataSource>,
    /// `saml.metadata_refresh`
    pub refresh: Duration,
    /// `saml.metadata_cache`: the directory of what URLs gave last.
    pub cache: Option<PathBuf>,
}

/// Where one identity provider's metadata comes from.
#[derive(Debug, Clone)]
pub struct MetadataSource {
    /// The identity provider's configured name.
    pub idp: String,
    /// The key that names the place, for faults and [`FetchedMetadata`].
    pub key: String,
    /// Where.
    pub place: MetadataPlace,
    /// Which identity provider of the document is meant.
    pub entity_id: Option<String>,
    /// One of these has signed the document; empty: it need not be signed.
    pub certificates: Vec<VerificationKey>,
    /// The authorities, in PEM, of which one has certified the URL's server;
    /// `None`: those that the system trusts.
    pub authorities: Option<Vec<u8>>,
}

/// A file, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetadataPlace {
    /// On this machine.
    File(PathBuf),
    /// https, or http on a loopback host.
    Url(String),
}

impl MetadataSource {
    /// The longest document that is read.
    pub const MAX_BYTES: usize = MAX_METADATA_BYTES;

    /// Reads a document that came from this place, and verifies its signature if
    /// it must have one. `known` is the entity id that was seen here before: it
    /// has to stay the same, even where none is configured.
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

/// `[saml]`, what it says of all of them.
pub(super) fn settings(section: &Section<'_>, sources: Vec<MetadataSource>) -> Metadata {
    let bounds =
        values::duration_within(Duration::seconds(1), Duration::hours(24), "expected \"1s\" to \"24h\"");
    Metadata {
        sources,
        refresh: section.or("metadata_refresh", Duration::hours(1), bounds),
        cache: section.optional_text("metadata_cache").map(|found| PathBuf::from(found.value)),
    }
}

/// `[[saml.idp]]`: where, and what it has to prove; nothing of it is read.
pub(super) fn source(section: &Section<'_>) -> Option<Found<MetadataSource>> {
    let place = section.required("metadata", |text| {
        let is_url = text.starts_with("https:") || text.starts_with("http:");
        if is_url { url(text) } else { Ok(MetadataPlace::File(PathBuf::from(text))) }
    });
    let certificates = certificates(section);
    let authorities = section.optional("metadata_ca", pem_file);
    let Found { value: place, at } = place?;
    if let (Some(found), MetadataPlace::File(_)) = (&authorities, &place) {
        section.reader().fault(&found.at, "says who vouches for a URL's server, and metadata is a file");
    }
    let source = MetadataSource {
        idp: section.optional("name", idp_name).map_or_else(String::new, |found| found.value),
        key: at.key.clone(),
        place,
        entity_id: section.optional("entity_id", values::line(1_024)).map(|found| found.value),
        certificates: certificates?,
        authorities: authorities.map(|found| pem(&found.value)),
    };
    Some(Found { value: source, at })
}

/// What stands there; `None` where that is a fault, or not known yet.
pub(super) fn document(section: &Section<'_>, source: &Found<MetadataSource>) -> Option<IdpMetadata> {
    let Found { value: source, at } = source;
    let metadata = match &source.place {
        MetadataPlace::Url(url) => section.reader().metadata(at, url)?.clone(),
        MetadataPlace::File(path) => {
            let shown = path.display();
            let read = MetadataSource::read_file(path).map_err(|why| format!("cannot be read: {why}"));
            read.and_then(|bytes| source.read(&bytes, None).map_err(|why| format!("cannot be used: {why}")))
                .map_err(|why| format!("the metadata file {why}; found \"{shown}\""))
        }
    };
    metadata.map_err(|sentence| section.reader().fault(at, sentence)).ok()
}

fn url(text: &str) -> Result<MetadataPlace, &'static str> {
    WebUrl::parse(text).map(|url| MetadataPlace::Url(url.into_text()))
}

/// `metadata_certificate`; `None` where something of it is a fault, since less
/// than what is configured must never be asked for.
fn certificates(section: &Section<'_>) -> Option<Vec<VerificationKey>> {
    const KEY: &str = "metadata_certificate";
    let paths = section.one_or_list(KEY);
    let at = section.at_key(KEY);
    if paths.is_empty() && section.has(KEY) {
        let unknown = section.reader().unknown();
        if !unknown.iter().any(|(other, _)| other.key == at.key) {
            section.reader().fault(&at, "expected a file of certificates, or leave the key out");
        }
        return None;
    }
    let read = |path: String| -> Option<Vec<VerificationKey>> {
        let fault = |at: &At, why: String| section.reader().fault(at, why);
        let ders = pem_file(&path).map_err(|why| fault(&at, format!("{}: {why}", shown(&path)))).ok()?;
        let keys = ders.iter().map(|der| VerificationKey::from_certificate(der));
        keys.collect::<Result<_, _>>().map_err(|why| fault(&at, format!("{}: {why}", shown(&path)))).ok()
    };
    let all: Option<Vec<_>> = paths.into_iter().map(read).collect();
    Some(all?.into_iter().flatten().collect())
}

/// The certificates of a file in PEM (or of its text), in DER: at least one.
fn pem_file(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let pem = if text.trim_start().starts_with("-----BEGIN ") {
        text.as_bytes().to_vec()
    } else {
        read_file(Path::new(text), MAX_PEM_BYTES).map_err(|why| format!("cannot be read: {why}"))?
    };
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
