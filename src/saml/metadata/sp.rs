//! Writing our own metadata, which an identity provider's administrator imports.

use super::sign_on_service::HTTP_POST;
use crate::saml::dsig::algorithm::SHA256_URI;
use crate::saml::xml::names::{DSIG, METADATA, SAMLP, XENC11};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

const PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
const UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// The content of our own metadata (metadata 2.4.4): our entity id, where
/// assertions are posted to, that they must be signed, and our keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServiceProviderMetadata<'a> {
    /// Our entity id.
    pub entity_id: &'a str,
    /// The Assertion Consumer Service.
    pub acs_url: &'a str,
    /// Certificates (DER) of the keys that sign our requests.
    pub signing_certificates: &'a [Vec<u8>],
    /// Whether all requests are signed (`AuthnRequestsSigned`): identity providers
    /// then refuse those that are not.
    pub requests_signed: bool,
    /// Certificates (DER) of our decryption keys, the newest first. A key that is
    /// being retired is not listed here, but still decrypts.
    pub encryption_certificates: &'a [Vec<u8>],
}

/// An algorithm that we decrypt.
struct EncryptionMethod {
    algorithm: &'static str,
    digest: Option<&'static str>,
    mask: Option<&'static str>,
}

const fn content(algorithm: &'static str) -> EncryptionMethod {
    EncryptionMethod { algorithm, digest: None, mask: None }
}

const fn transport(
    algorithm: &'static str,
    digest: &'static str,
    mask: Option<&'static str>,
) -> EncryptionMethod {
    EncryptionMethod { algorithm, digest: Some(digest), mask }
}

const MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";

/// In order of preference (metadata 2.4.1.1). Key transport is the same to us by any of
/// them, and the first is what most identity providers have.
const ENCRYPTION_METHODS: [EncryptionMethod; 7] = [
    content("http://www.w3.org/2009/xmlenc11#aes256-gcm"),
    content("http://www.w3.org/2009/xmlenc11#aes128-gcm"),
    content("http://www.w3.org/2001/04/xmlenc#aes256-cbc"),
    content("http://www.w3.org/2001/04/xmlenc#aes128-cbc"),
    transport(MGF1P, SHA1, None),
    transport(MGF1P, SHA256_URI, None),
    transport(OAEP, SHA256_URI, Some("http://www.w3.org/2009/xmlenc11#mgf1sha256")),
];

impl ServiceProviderMetadata<'_> {
    /// Writes the document.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        // Writing to memory does not fail, and the writer writes UTF-8.
        let written = self.write(&mut writer);
        debug_assert!(written.is_ok());
        String::from_utf8(writer.into_inner()).unwrap_or_default()
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let entity = writer.create_element("md:EntityDescriptor");
        entity
            .with_attribute(("xmlns:md", METADATA))
            .with_attribute(("entityID", self.entity_id))
            .write_inner_content(|writer| self.write_role(writer))?;
        Ok(())
    }

    fn write_role(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let signs = if self.requests_signed { "true" } else { "false" };
        let role = writer
            .create_element("md:SPSSODescriptor")
            .with_attribute(("AuthnRequestsSigned", signs))
            .with_attribute(("WantAssertionsSigned", "true"))
            .with_attribute(("protocolSupportEnumeration", SAMLP));
        role.write_inner_content(|writer| {
            for certificate in self.signing_certificates {
                write_key(writer, "signing", certificate, &[])?;
            }
            for certificate in self.encryption_certificates {
                write_key(writer, "encryption", certificate, &ENCRYPTION_METHODS)?;
            }
            for format in [PERSISTENT, UNSPECIFIED] {
                writer.create_element("md:NameIDFormat").write_text_content(BytesText::new(format))?;
            }
            let service = writer.create_element("md:AssertionConsumerService");
            service
                .with_attribute(("Binding", HTTP_POST))
                .with_attribute(("Location", self.acs_url))
                .with_attribute(("index", "0"))
                .with_attribute(("isDefault", "true"))
                .write_empty()?;
            Ok(())
        })?;
        Ok(())
    }
}

/// Metadata 2.4.1.1.
fn write_key(
    writer: &mut Writer<Vec<u8>>,
    usage: &str,
    certificate: &[u8],
    methods: &[EncryptionMethod],
) -> std::io::Result<()> {
    let certificate = STANDARD.encode(certificate);
    let key = writer.create_element("md:KeyDescriptor").with_attribute(("use", usage));
    key.write_inner_content(|writer| {
        let info = writer.create_element("ds:KeyInfo").with_attribute(("xmlns:ds", DSIG));
        info.write_inner_content(|writer| {
            writer.create_element("ds:X509Data").write_inner_content(|writer| {
                let element = writer.create_element("ds:X509Certificate");
                element.write_text_content(BytesText::new(&certificate))?;
                Ok(())
            })?;
            Ok(())
        })?;
        for method in methods {
            let element = writer.create_element("md:EncryptionMethod");
            let element = element.with_attribute(("Algorithm", method.algorithm));
            let Some(digest) = method.digest else {
                element.write_empty()?;
                continue;
            };
            element.write_inner_content(|writer| {
                let element = writer.create_element("ds:DigestMethod").with_attribute(("xmlns:ds", DSIG));
                element.with_attribute(("Algorithm", digest)).write_empty()?;
                if let Some(mask) = method.mask {
                    let element =
                        writer.create_element("xenc11:MGF").with_attribute(("xmlns:xenc11", XENC11));
                    element.with_attribute(("Algorithm", mask)).write_empty()?;
                }
                Ok(())
            })?;
        }
        Ok(())
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::xml::nodes;
    use roxmltree::Document;

    fn without_keys(entity_id: &str, acs_url: &str) -> String {
        ServiceProviderMetadata { entity_id, acs_url, ..ServiceProviderMetadata::default() }.to_xml()
    }

    #[test]
    fn ours_says_what_identity_providers_need() {
        let xml = without_keys("urn:amazon:webservices?a=1&b='<>\"", "https://v.example.com/saml");
        let document = Document::parse(&xml).unwrap();
        let entity = document.root_element();
        assert!(nodes::is(entity, METADATA, "EntityDescriptor"));
        assert_eq!(nodes::attribute(entity, "entityID"), Some("urn:amazon:webservices?a=1&b='<>\""));
        let role = entity.first_element_child().unwrap();
        assert_eq!(nodes::attribute(role, "WantAssertionsSigned"), Some("true"));
        let acs = role.last_element_child().unwrap();
        assert_eq!(nodes::attribute(acs, "Location"), Some("https://v.example.com/saml"));
        assert_eq!(nodes::attribute(acs, "Binding"), Some(HTTP_POST));
    }

    #[test]
    fn ours_has_our_keys_each_for_its_use() {
        let (signing, encryption) = (vec![b"signing".to_vec()], vec![b"new".to_vec(), b"next".to_vec()]);
        let xml = ServiceProviderMetadata {
            entity_id: "urn:sp",
            acs_url: "https://v.example.com/saml",
            signing_certificates: &signing,
            requests_signed: true,
            encryption_certificates: &encryption,
        }
        .to_xml();
        let document = Document::parse(&xml).unwrap();
        let role = document.root_element().first_element_child().unwrap();
        assert_eq!(nodes::attribute(role, "AuthnRequestsSigned"), Some("true"));
        let keys: Vec<_> = nodes::children(role, METADATA, "KeyDescriptor")
            .map(|key| {
                let certificate = key.descendants().find(|n| nodes::is(*n, DSIG, "X509Certificate")).unwrap();
                let der = nodes::base64_text(certificate, 100).unwrap();
                let methods = nodes::children(key, METADATA, "EncryptionMethod").count();
                (nodes::attribute(key, "use").unwrap(), String::from_utf8(der).unwrap(), methods)
            })
            .collect();
        let key = |usage, der: &str, methods| (usage, der.to_owned(), methods);
        assert_eq!(
            keys,
            [key("signing", "signing", 0), key("encryption", "new", 7), key("encryption", "next", 7)]
        );
        assert!(xml.contains("aes256-gcm") && !xml.contains("rsa-1_5"));
        // Each key transport says its digest: what is left out is SHA-1, or what somebody takes for it.
        let methods = document.descendants().filter(|n| nodes::is(*n, METADATA, "EncryptionMethod"));
        let transports = methods.filter(|n| nodes::attribute(*n, "Algorithm").unwrap().contains("rsa-oaep"));
        let digests: Vec<_> = transports
            .map(|n| nodes::attribute(nodes::children(n, DSIG, "DigestMethod").next().unwrap(), "Algorithm"))
            .collect();
        let of_one = [Some(SHA1), Some(SHA256_URI), Some(SHA256_URI)];
        assert_eq!(digests, [of_one, of_one].concat());
        let masks = document.descendants().filter(|n| nodes::is(*n, XENC11, "MGF"));
        assert_eq!(masks.count(), 2);
        let without = without_keys("urn:sp", "https://v.example.com/saml");
        assert!(without.contains("AuthnRequestsSigned=\"false\"") && !without.contains("KeyDescriptor"));
    }
}
