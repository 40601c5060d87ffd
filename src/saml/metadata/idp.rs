//! Reading the metadata of identity providers.

use super::keys::SigningKeys;
use super::sign_on_service::{SignOnService, takes_requests};
use crate::saml::dsig::key::VerificationKey;
use crate::saml::dsig::verify::{Effort, no_duplicate_ids, verify_signature};
use crate::saml::refusal::SamlRefusal;
use crate::saml::trace::Tracer;
use crate::saml::xml::blanks::trim_blanks;
use crate::saml::xml::instant::{parse_duration, parse_instant};
use crate::saml::xml::limits::Limits;
use crate::saml::xml::names::{DSIG, METADATA, SAMLP};
use crate::saml::xml::nodes;
use crate::saml::xml::scan::scan_within;
use roxmltree::{Document, Node, ParsingOptions};
use std::borrow::Cow;
use time::{Duration, OffsetDateTime};

/// The longest metadata, in bytes. AD FS writes 80 KB; the aggregate of a
/// federation with three thousand members has about 16 MB. Larger federations
/// serve each member separately (MDQ).
pub const MAX_METADATA_BYTES: usize = 32 << 20;
/// The most nodes of its tree (each takes about 100 bytes).
const MAX_NODES: u32 = 2_000_000;
/// The most entity ids in a message, and the most characters of each.
const MAX_NAMED: usize = 10;
const MAX_NAMED_CHARS: usize = 200;
/// Steps of namespace resolution for each byte. Genuine aggregates need less than one.
const STEPS_PER_BYTE: usize = 4;

/// What we take from an identity provider's metadata.
#[derive(Debug, Clone)]
pub struct IdpMetadata {
    /// `EntityDescriptor/@entityID`.
    pub entity_id: String,
    /// Keys with `use="signing"` or without `use`, in document order. Never empty.
    pub signing_keys: Vec<VerificationKey>,
    /// `SingleSignOnService` elements, in document order.
    pub sign_on_services: Vec<SignOnService>,
    /// Whether it wants our requests signed (`WantAuthnRequestsSigned`, metadata 2.4.3).
    pub want_authn_requests_signed: bool,
    /// `validUntil`, the earliest of the descriptor and its ancestors: the
    /// metadata must not be used after it (metadata 2.3.1).
    pub valid_until: Option<OffsetDateTime>,
    /// `cacheDuration`, the shortest of the descriptor and its ancestors: for how
    /// long it may be used before it is fetched again.
    pub cache_duration: Option<Duration>,
}

/// For how long metadata may be used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Validity {
    /// From this instant on its keys are not trusted. `None`: no end is given.
    pub until: Option<OffsetDateTime>,
    /// For how long it may be used before it is fetched again.
    pub cache_duration: Option<Duration>,
}

/// Why a metadata document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A web page.
    #[error("an HTML page, not metadata: was a sign-in page or an error page saved in its place?")]
    Html,
    /// Neither UTF-8 nor UTF-16, not well-formed, too big, or with a DOCTYPE.
    #[error("not a well-formed XML document: {0}")]
    NotXml(String),
    /// The root is not an EntityDescriptor or EntitiesDescriptor.
    #[error("not SAML metadata: the root element is not EntityDescriptor or EntitiesDescriptor")]
    NotMetadata,
    /// No entity with an IDPSSODescriptor for SAML 2.0.
    #[error("no identity provider in it")]
    NoIdentityProvider,
    /// None of this entity id.
    #[error("no identity provider with the entity id {0} in it")]
    NotInIt(String),
    /// Several identity providers, and none was named.
    #[error("several identity providers in it; name one with entity_id: {0}")]
    SeveralIdentityProviders(String),
    /// The named one is there twice, and only one of them can be meant.
    #[error("the entity id {0} is in it more than once: ask whoever publishes it which one holds")]
    NotUnique(String),
    /// No usable signing key: nothing could ever be verified.
    #[error("no usable signing key for {entity_id}: {why}")]
    NoSigningKey {
        /// Whose.
        entity_id: String,
        /// What is wrong with each.
        why: String,
    },
    /// A `validUntil` that is no `xs:dateTime`.
    #[error("its validUntil is no instant (2027-01-31T00:00:00Z): {0}")]
    ValidUntil(String),
    /// The signature that must be on its root is not there, or does not hold.
    #[error("its signature is not accepted ({code}): {message}", code = .0.code(), message = said(*.0, &SIGNATURE_FAULTS, "it is not built as it must be"))]
    Signature(SamlRefusal),
}

impl IdpMetadata {
    /// Reads one identity provider (`entity_id` chooses where there are several).
    ///
    /// A signature on the document is not verified: metadata is trusted because
    /// the operator configured where it comes from.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn parse(xml: &[u8], entity_id: Option<&str>) -> Result<Self, MetadataError> {
        Self::parse_by(xml, entity_id, |_| Ok(()))
    }

    /// Reads a document whose root one of these keys must have signed. Nothing
    /// outside that signature is read, nor anything inside the signature's own
    /// element, which it does not cover.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn parse_signed(
        xml: &[u8],
        entity_id: Option<&str>,
        keys: &[VerificationKey],
    ) -> Result<Self, MetadataError> {
        Self::parse_by(xml, entity_id, |document| {
            verify_root(document, keys).map_err(MetadataError::Signature)
        })
    }

    fn parse_by(
        xml: &[u8],
        entity_id: Option<&str>,
        verify: impl FnOnce(&Document<'_>) -> Result<(), MetadataError>,
    ) -> Result<Self, MetadataError> {
        if xml.len() > MAX_METADATA_BYTES {
            return Err(MetadataError::NotXml("it is longer than 32 MiB".to_owned()));
        }
        let text = text_of(xml).ok_or_else(|| MetadataError::NotXml("it is not UTF-8 text".to_owned()))?;
        if text.starts_with('\u{feff}') {
            return Err(MetadataError::NotXml(TWO_MARKS.to_owned()));
        }
        if is_html(&text) {
            return Err(MetadataError::Html);
        }
        scan_within(&text, &limits(), text.len().saturating_mul(STEPS_PER_BYTE)).map_err(not_xml)?;
        let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, entity_resolver: None };
        let document =
            Document::parse_with_options(&text, options).map_err(|e| MetadataError::NotXml(e.to_string()))?;
        verify(&document)?;
        let root = document.root_element();
        if !nodes::is(root, METADATA, "EntityDescriptor") && !nodes::is(root, METADATA, "EntitiesDescriptor")
        {
            return Err(MetadataError::NotMetadata);
        }
        let mut found = Vec::new();
        let is_wanted = |entity: Node<'_, '_>| {
            entity_id.is_none_or(|id| nodes::attribute(entity, "entityID") == Some(id))
                && idp_roles(entity).next().is_some()
        };
        entities(root, &mut |entity| {
            if is_wanted(entity) {
                found.push(entity);
            }
        });
        match (found.as_slice(), entity_id) {
            ([entity], _) => Self::read(*entity),
            ([], None) => Err(MetadataError::NoIdentityProvider),
            ([], Some(id)) => Err(MetadataError::NotInIt(id.to_owned())),
            (several, None) => Err(MetadataError::SeveralIdentityProviders(named(several))),
            (_, Some(id)) => Err(MetadataError::NotUnique(id.to_owned())),
        }
    }

    /// For how long it holds.
    pub fn validity(&self) -> Validity {
        Validity { until: self.valid_until, cache_duration: self.cache_duration }
    }

    /// Whether a browser can carry a request to it (bindings 3.4 and 3.5).
    pub fn takes_requests(&self) -> bool {
        takes_requests(&self.sign_on_services)
    }

    fn read(entity: Node<'_, '_>) -> Result<Self, MetadataError> {
        let entity_id = nodes::attribute(entity, "entityID").unwrap_or_default().to_owned();
        if entity_id.is_empty() {
            return Err(MetadataError::NoIdentityProvider);
        }
        // One that cannot be used (DSA, a short key) does not invalidate the others.
        let keys = SigningKeys::of(idp_roles(entity));
        if keys.usable.is_empty() {
            return Err(MetadataError::NoSigningKey { entity_id, why: keys.why_none() });
        }
        let services =
            idp_roles(entity).flat_map(|role| nodes::children(role, METADATA, "SingleSignOnService"));
        let sign_on_services = services.filter_map(sign_on_service).collect();
        // Metadata 2.3.1: an ancestor's limits apply to its descendants.
        let on_the_way = || entity.ancestors().chain(idp_roles(entity));
        // An end that cannot be read may be over: not to see one would be to trust for ever.
        let ends = on_the_way().filter_map(|e| nodes::attribute(e, "validUntil"));
        let ends = ends.map(|end| parse_instant(end).ok_or_else(|| MetadataError::ValidUntil(shown(end))));
        let valid_until = ends.collect::<Result<Vec<_>, _>>()?.into_iter().min();
        let cache_duration =
            on_the_way().filter_map(|e| parse_duration(nodes::attribute(e, "cacheDuration")?)).min();
        let want_authn_requests_signed = idp_roles(entity)
            .filter_map(|role| nodes::attribute(role, "WantAuthnRequestsSigned"))
            .any(|wanted| matches!(trim_blanks(wanted), "true" | "1"));
        Ok(Self {
            entity_id,
            signing_keys: keys.usable,
            sign_on_services,
            want_authn_requests_signed,
            valid_until,
            cache_duration,
        })
    }
}

/// Verifies the signature of metadata (metadata 3): the root's own, over the
/// whole document except itself. Members of an aggregate may have signatures of
/// their own; those are covered by the root's and not verified.
fn verify_root(document: &Document<'_>, keys: &[VerificationKey]) -> Result<(), SamlRefusal> {
    let signature = nodes::at_most_one(document.root_element(), DSIG, "Signature")
        .map_err(|nodes::Several| SamlRefusal::SignatureMisplaced)?
        .ok_or(SamlRefusal::NotSigned)?;
    no_duplicate_ids(document)?;
    let mut canonical = Vec::with_capacity(document.input_text().len());
    verify_signature(signature, keys, &mut canonical, Effort::Least, Tracer::SILENT)
}

/// Their entity ids, for a message: the first few of a federation, each cut.
fn named(entities: &[Node<'_, '_>]) -> String {
    let id = |entity: &Node<'_, '_>| shown(nodes::attribute(*entity, "entityID").unwrap_or_default());
    let mut named = entities.iter().take(MAX_NAMED).map(id).collect::<Vec<_>>().join(", ");
    match entities.len().saturating_sub(MAX_NAMED) {
        0 => {}
        more => named.push_str(&format!(" and {more} more")),
    }
    named
}

/// A text of the document, for a message: one line, cut.
fn shown(text: &str) -> String {
    text.chars().take(MAX_NAMED_CHARS).flat_map(char::escape_debug).collect()
}

/// Whether it begins as web pages do.
fn is_html(text: &str) -> bool {
    let begins = |with: &str| {
        let start = text.trim_start().get(..with.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    begins("<!doctype html") || begins("<html")
}

/// The caps of metadata. Depth and attributes are those of a response; the
/// rest is bounded by the length.
fn limits() -> Limits {
    Limits { max_nodes: MAX_NODES, max_namespaces: MAX_NODES as usize, ..Limits::default() }
}

fn not_xml(refusal: SamlRefusal) -> MetadataError {
    MetadataError::NotXml(if let SamlRefusal::TooComplex(cap) = refusal {
        format!("it is too complex: {cap:?}")
    } else {
        said(refusal, &SCAN_FAULTS, "its markup or its characters are not those of XML 1.0")
    })
}

/// The words for metadata: those of the refusal itself are about responses.
fn said(refusal: SamlRefusal, of: &[(SamlRefusal, &str)], otherwise: &str) -> String {
    of.iter().find(|(known, _)| *known == refusal).map_or(otherwise, |(_, words)| words).to_owned()
}

const TWO_MARKS: &str = "it begins with two byte order marks, as a file that was saved anew as Unicode twice; \
                         download it again";

const SCAN_FAULTS: [(SamlRefusal, &str); 2] = [
    (SamlRefusal::Doctype, "it has a document type declaration"),
    (SamlRefusal::NotCanonicalizable, "it has a relative namespace URI"),
];

const SIGNATURE_FAULTS: [(SamlRefusal, &str); 7] = [
    (SamlRefusal::NotSigned, "its root carries none"),
    (SamlRefusal::SignatureMismatch, "none of the pinned certificates made it"),
    (SamlRefusal::DigestMismatch, "the document was changed after it was signed"),
    (SamlRefusal::ReferenceRefused, "it covers something else than the root"),
    (SamlRefusal::DuplicateId, "two elements carry one ID"),
    (SamlRefusal::AlgorithmRefused, "the algorithm of its signature or of its digest is not accepted"),
    (SamlRefusal::TransformRefused, "its transforms are not accepted"),
];

/// Visits each entity at its place in the schema (metadata 2.3): the root, or a
/// child of nested `EntitiesDescriptor`s. An element in extensions or inside a
/// signature is not an entity.
fn entities<'a, 'i>(root: Node<'a, 'i>, each: &mut dyn FnMut(Node<'a, 'i>)) {
    // The scan has bounded the depth.
    if nodes::is(root, METADATA, "EntityDescriptor") {
        each(root);
    } else if nodes::is(root, METADATA, "EntitiesDescriptor") {
        root.children().for_each(|child| entities(child, each));
    }
}

/// The roles in which an entity is an identity provider for SAML 2.0 (metadata
/// 2.4.1 and 2.4.3). AD FS lists roles of WS-Federation first.
fn idp_roles<'a, 'i>(entity: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    nodes::children(entity, METADATA, "IDPSSODescriptor").filter(|role| {
        let protocols = nodes::attribute(*role, "protocolSupportEnumeration").unwrap_or_default();
        protocols.split_ascii_whitespace().any(|protocol| protocol == SAMLP)
    })
}

fn sign_on_service(service: Node<'_, '_>) -> Option<SignOnService> {
    let binding = nodes::attribute(service, "Binding")?.to_owned();
    let location = nodes::attribute(service, "Location")?.to_owned();
    Some(SignOnService { binding, location })
}

/// UTF-8 with or without a byte order mark, or UTF-16 with one, as PowerShell
/// saves a download.
fn text_of(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        if odd.is_empty() { String::from_utf16(&units).ok().map(Cow::Owned) } else { None }
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(Cow::Borrowed),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
    }
}

#[cfg(test)]
mod tests;
