//! Identity providers' metadata, read (SAML metadata 2.0).

use super::VerificationKey;
use super::instant::parse_instant;
use super::xml::{self, DSIG, HTTP_POST, HTTP_REDIRECT, METADATA, SAMLP};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use roxmltree::{Document, Node, ParsingOptions};
use std::borrow::Cow;
use time::OffsetDateTime;

/// The longest metadata, in bytes. One AD FS writes 80 KB; a federation's
/// aggregate of 200 members some megabytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most nodes of its tree (each takes about 100 bytes).
const MAX_NODES: u32 = 1_000_000;

/// What we take from an identity provider's metadata.
#[derive(Debug)]
pub struct IdpMetadata {
    /// `EntityDescriptor/@entityID`.
    pub entity_id: String,
    /// Keys with `use="signing"` or without `use`, in document order. Never empty.
    pub signing_keys: Vec<VerificationKey>,
    /// `SingleSignOnService` elements, in document order.
    pub sign_on_services: Vec<SignOnService>,
    /// Whether it wants our requests signed (`WantAuthnRequestsSigned`, metadata 2.4.3).
    pub want_authn_requests_signed: bool,
    /// `validUntil`, the earliest on the way to the descriptor.
    pub valid_until: Option<OffsetDateTime>,
}

/// One `SingleSignOnService`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignOnService {
    /// The binding's URI.
    pub binding: String,
    /// Where to send the browser.
    pub location: String,
}

/// Why a metadata document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// Neither UTF-8 nor UTF-16, not well-formed, too big, or with a DOCTYPE.
    #[error("not a well-formed XML document: {0}")]
    NotXml(String),
    /// The root is not an EntityDescriptor or EntitiesDescriptor.
    #[error("not SAML metadata: the root element is not EntityDescriptor or EntitiesDescriptor")]
    NotMetadata,
    /// No (or not exactly one) entity with an IDPSSODescriptor for SAML 2.0.
    #[error("no identity provider in it")]
    NoIdentityProvider,
    /// Several identity providers, and none was named.
    #[error("several identity providers in it; name one with entity_id")]
    SeveralIdentityProviders,
    /// No usable signing key: nothing could ever be verified.
    #[error("no usable signing key for {0}")]
    NoSigningKey(String),
}

impl IdpMetadata {
    /// Reads one identity provider (`entity_id` chooses where there are several).
    ///
    /// A signature on the document is not verified: metadata is believed
    /// because the operator says where it comes from.
    ///
    /// # Errors
    /// [`MetadataError`].
    pub fn parse(xml: &[u8], entity_id: Option<&str>) -> Result<Self, MetadataError> {
        if xml.len() > MAX_BYTES {
            return Err(MetadataError::NotXml("it is longer than 16 MiB".to_owned()));
        }
        let text = text_of(xml).ok_or_else(|| MetadataError::NotXml("it is not UTF-8 text".to_owned()))?;
        let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, entity_resolver: None };
        let document =
            Document::parse_with_options(&text, options).map_err(|e| MetadataError::NotXml(e.to_string()))?;
        let root = document.root_element();
        if !xml::is(root, METADATA, "EntityDescriptor") && !xml::is(root, METADATA, "EntitiesDescriptor") {
            return Err(MetadataError::NotMetadata);
        }
        let wanted = |entity: &Node<'_, '_>| {
            xml::is(*entity, METADATA, "EntityDescriptor")
                && entity_id.is_none_or(|id| xml::attribute(*entity, "entityID") == Some(id))
                && idp_roles(*entity).next().is_some()
        };
        let mut entities = root.descendants().filter(wanted);
        let entity = entities.next().ok_or(MetadataError::NoIdentityProvider)?;
        if entities.next().is_some() {
            return Err(MetadataError::SeveralIdentityProviders);
        }
        Self::read(entity)
    }

    /// Whether a browser can carry a request to it (bindings 3.4 and 3.5).
    pub fn takes_requests(&self) -> bool {
        takes_requests(&self.sign_on_services)
    }

    fn read(entity: Node<'_, '_>) -> Result<Self, MetadataError> {
        let entity_id = xml::attribute(entity, "entityID").unwrap_or_default().to_owned();
        if entity_id.is_empty() {
            return Err(MetadataError::NoIdentityProvider);
        }
        let mut signing_keys: Vec<VerificationKey> = Vec::new();
        for certificate in idp_roles(entity).flat_map(signing_certificates) {
            // A certificate that cannot be used (DSA, a short key) is no reason
            // to do without the others.
            if let Some(key) = key_of(certificate)
                && !signing_keys.iter().any(|known| known.fingerprint() == key.fingerprint())
            {
                signing_keys.push(key);
            }
        }
        if signing_keys.is_empty() {
            return Err(MetadataError::NoSigningKey(entity_id));
        }
        let services =
            idp_roles(entity).flat_map(|role| xml::children(role, METADATA, "SingleSignOnService"));
        let sign_on_services = services.filter_map(sign_on_service).collect();
        // Metadata 2.3.1: whatever ends first ends what is inside it.
        let on_the_way = entity.ancestors().chain(idp_roles(entity));
        let valid_until = on_the_way.filter_map(|e| parse_instant(xml::attribute(e, "validUntil")?)).min();
        let want_authn_requests_signed = idp_roles(entity)
            .filter_map(|role| xml::attribute(role, "WantAuthnRequestsSigned"))
            .any(|wanted| matches!(wanted.trim(), "true" | "1"));
        Ok(Self { entity_id, signing_keys, sign_on_services, want_authn_requests_signed, valid_until })
    }
}

/// Whether one of them has a binding that a browser can carry a request by.
pub(super) fn takes_requests(services: &[SignOnService]) -> bool {
    services.iter().any(|service| service.binding == HTTP_REDIRECT || service.binding == HTTP_POST)
}

/// The roles in which an entity is an identity provider for SAML 2.0 (metadata
/// 2.4.1 and 2.4.3). AD FS lists roles of WS-Federation before it.
fn idp_roles<'a, 'i>(entity: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    xml::children(entity, METADATA, "IDPSSODescriptor").filter(|role| {
        let protocols = xml::attribute(*role, "protocolSupportEnumeration").unwrap_or_default();
        protocols.split_ascii_whitespace().any(|protocol| protocol == SAMLP)
    })
}

/// Metadata 2.4.1.1: a key descriptor without `use` is for both uses.
fn signing_certificates<'a, 'i>(role: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    xml::children(role, METADATA, "KeyDescriptor")
        .filter(|key| matches!(xml::attribute(*key, "use"), None | Some("signing")))
        .flat_map(|key| xml::children(key, DSIG, "KeyInfo"))
        .flat_map(|info| xml::children(info, DSIG, "X509Data"))
        .flat_map(|data| xml::children(data, DSIG, "X509Certificate"))
}

fn key_of(certificate: Node<'_, '_>) -> Option<VerificationKey> {
    // People paste certificates: any white space, padding or not.
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let text: String = xml::pure_text(certificate)?.split_ascii_whitespace().collect();
    VerificationKey::from_certificate(&engine.decode(text).ok()?).ok()
}

fn sign_on_service(service: Node<'_, '_>) -> Option<SignOnService> {
    let binding = xml::attribute(service, "Binding")?.to_owned();
    let location = xml::attribute(service, "Location")?.to_owned();
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
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        // The parser takes the mark of UTF-8 off.
        _ => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::saml::xml::HTTP_POST;
    use base64::engine::general_purpose::STANDARD;

    fn certificate() -> String {
        let pair = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&pair).unwrap();
        let text = STANDARD.encode(certificate.der());
        let lines: Vec<_> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        lines.join("\r\n  ")
    }

    fn key(usage: &str, certificate: &str) -> String {
        format!(
            "<KeyDescriptor{usage}><KeyInfo xmlns='{DSIG}'><X509Data><X509Certificate>{certificate}\
             </X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
        )
    }

    fn entity(id: &str, keys: &str) -> String {
        format!(
            "<EntityDescriptor xmlns='{METADATA}' entityID='{id}' validUntil='2027-01-01T00:00:00Z'>\
             <RoleDescriptor xmlns:fed='urn:fed' protocolSupportEnumeration='urn:fed'>{}</RoleDescriptor>\
             <SPSSODescriptor protocolSupportEnumeration='{SAMLP}'>{}</SPSSODescriptor>\
             <IDPSSODescriptor protocolSupportEnumeration='urn:oasis:names:tc:SAML:1.1:protocol {SAMLP}'>{keys}\
             <SingleSignOnService Binding='{HTTP_POST}' Location='https://idp.example.com/ls/'/>\
             </IDPSSODescriptor></EntityDescriptor>",
            key(" use='signing'", &certificate()),
            key(" use='signing'", &certificate()),
        )
    }

    fn fingerprint(certificate: &str) -> String {
        let der = STANDARD.decode(certificate.split_ascii_whitespace().collect::<String>()).unwrap();
        VerificationKey::from_certificate(&der).unwrap().fingerprint().to_owned()
    }

    #[test]
    fn the_identity_provider_s_signing_keys_are_taken() {
        let (encryption, first, second) = (certificate(), certificate(), certificate());
        let keys = [
            key(" use='encryption'", &encryption),
            key(" use='signing'", &first),
            key(" use='signing'", "bm90IGEgY2VydGlmaWNhdGU="),
            key("", &second),
            key(" use='signing'", &first),
        ];
        let xml = entity("urn:idp", &keys.concat());
        let check = |bytes: &[u8]| {
            let metadata = IdpMetadata::parse(bytes, None).unwrap();
            assert_eq!(metadata.entity_id, "urn:idp");
            let found: Vec<_> = metadata.signing_keys.iter().map(|k| k.fingerprint().to_owned()).collect();
            assert_eq!(found, [fingerprint(&first), fingerprint(&second)]);
            let [service] = metadata.sign_on_services.as_slice() else { unreachable!() };
            assert_eq!((&*service.binding, &*service.location), (HTTP_POST, "https://idp.example.com/ls/"));
            assert_eq!(metadata.valid_until, parse_instant("2027-01-01T00:00:00Z"));
        };
        check(xml.as_bytes());
        check(format!("\u{feff}{xml}").as_bytes());
        let utf16 = format!("\u{feff}<?xml version='1.0' encoding='utf-16'?>{xml}");
        check(&utf16.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
        check(&utf16.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>());
    }

    #[test]
    fn one_is_chosen_from_an_aggregate() {
        let keys = key("", &certificate());
        let aggregate = format!(
            "<EntitiesDescriptor xmlns='{METADATA}' validUntil='2026-12-01T00:00:00Z'>{}<EntitiesDescriptor>{}\
             </EntitiesDescriptor></EntitiesDescriptor>",
            entity("urn:one", &keys),
            entity("urn:two", &keys)
        );
        let parse = |id| IdpMetadata::parse(aggregate.as_bytes(), id);
        assert_eq!(parse(None).err(), Some(MetadataError::SeveralIdentityProviders));
        assert_eq!(parse(Some("urn:none")).err(), Some(MetadataError::NoIdentityProvider));
        let two = parse(Some("urn:two")).unwrap();
        assert_eq!(two.entity_id, "urn:two");
        assert_eq!(two.valid_until, parse_instant("2026-12-01T00:00:00Z"));
    }

    #[test]
    fn requests_go_where_a_browser_carries_them() {
        let metadata = |binding: &str| {
            let xml = entity("urn:idp", &key("", &certificate())).replace(HTTP_POST, binding);
            IdpMetadata::parse(xml.as_bytes(), None).unwrap()
        };
        assert!(metadata(HTTP_POST).takes_requests());
        assert!(metadata(HTTP_REDIRECT).takes_requests());
        assert!(!metadata("urn:oasis:names:tc:SAML:2.0:bindings:SOAP").takes_requests());
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let mut xml = entity("urn:idp", &key("", &certificate())).into_bytes();
        xml.resize(16 * 1024 * 1024, b' ');
        assert!(IdpMetadata::parse(&xml, None).is_ok());
        xml.push(b' ');
        assert!(matches!(IdpMetadata::parse(&xml, None), Err(MetadataError::NotXml(_))));
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        let parse = |xml: &str| IdpMetadata::parse(xml.as_bytes(), None).err();
        assert_eq!(parse("<a/>"), Some(MetadataError::NotMetadata));
        assert!(matches!(parse("<a>"), Some(MetadataError::NotXml(_))));
        assert!(matches!(parse("<!DOCTYPE a><a/>"), Some(MetadataError::NotXml(_))));
        assert!(matches!(IdpMetadata::parse(b"\xff\xfe<", None).err(), Some(MetadataError::NotXml(_))));
        let no_key = Some(MetadataError::NoSigningKey("urn:idp".to_owned()));
        assert_eq!(parse(&entity("urn:idp", "")), no_key);
        assert_eq!(parse(&entity("urn:idp", &key(" use='encryption'", &certificate()))), no_key);
        assert_eq!(parse(&entity("urn:idp", &key("", "AAAA"))), no_key);
        let other = entity("urn:idp", &key("", &certificate()))
            .replace("IDPSSODescriptor", "AttributeAuthorityDescriptor");
        assert_eq!(parse(&other), Some(MetadataError::NoIdentityProvider));
    }
}
