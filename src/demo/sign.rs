//! How the look-alike signs: an enveloped signature as AD FS makes it
//! (exclusive canonicalization, RSA-SHA256, `ds:` prefix but KeyInfo in the
//! default namespace).

use crate::saml::{CanonicalizationError, canonicalize};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD};
use quick_xml::Writer;
use quick_xml::events::BytesText;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize, SigningKey as _,
};

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const DIGEST_SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";

/// Why the look-alike could not make a key, a document or a signature. None of
/// them depends on what a browser sends.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// Making a key or certificate, or signing with it.
    #[error("key or certificate: {0}")]
    Key(#[from] rcgen::Error),
    /// Writing a document.
    #[error("writing XML: {0}")]
    Write(#[from] std::io::Error),
    /// Reading back what was written.
    #[error("reading back what was written: {0}")]
    ReadBack(#[from] roxmltree::Error),
    /// Canonicalizing it.
    #[error("canonicalizing: {0}")]
    Canonicalize(#[from] CanonicalizationError),
    /// The element to be signed is not in the document.
    #[error("nothing to sign")]
    NothingToSign,
}

/// A key pair with its self-signed certificate.
pub(super) struct DemoKey {
    key: KeyPair,
    certificate: String,
}

impl DemoKey {
    /// A new RSA-2048 key for this subject.
    pub(super) fn generate(common_name: &str) -> Result<Self, SigningError> {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let certificate = STANDARD.encode(params.self_signed(&key)?.der());
        Ok(Self { key, certificate })
    }

    /// The certificate, DER in base64, as metadata and KeyInfo hold it.
    pub(super) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Signs the element of this `ID`. The signature goes behind its Issuer
    /// (core 5.4.1, assertions) or before its first child (metadata).
    pub(super) fn sign(&self, xml: &str, id: &str) -> Result<String, SigningError> {
        let document = roxmltree::Document::parse(xml)?;
        let target = document
            .descendants()
            .find(|node| node.attribute("ID") == Some(id))
            .ok_or(SigningError::NothingToSign)?;
        let first = target.first_element_child().ok_or(SigningError::NothingToSign)?;
        let place = match first.tag_name().name() {
            "Issuer" => first.range().end,
            _ => first.range().start,
        };

        let mut canonical = Vec::new();
        canonicalize(target, None, &[], &mut canonical)?;
        let digest_value = STANDARD.encode(digest(&SHA256, &canonical));
        // Exclusive canonicalization makes SignedInfo's form independent of
        // where the signature is inserted.
        let unsigned = self.signature(id, &digest_value, "")?;
        let value = STANDARD.encode(self.key.sign(&canonical_signed_info(&unsigned)?)?);
        let signature = self.signature(id, &digest_value, &value)?;

        let (before, behind) = xml.split_at_checked(place).ok_or(SigningError::NothingToSign)?;
        Ok([before, &signature, behind].concat())
    }

    fn signature(&self, id: &str, digest_value: &str, value: &str) -> Result<String, SigningError> {
        let mut writer = Writer::new(Vec::new());
        writer.create_element("ds:Signature").with_attribute(("xmlns:ds", DSIG)).write_inner_content(
            |writer| {
                signed_info(writer, id, digest_value)?;
                text(writer, "ds:SignatureValue", value)?;
                key_info(writer, self.certificate())
            },
        )?;
        finish(writer)
    }
}

/// `<KeyInfo>` in the default namespace, as AD FS writes it everywhere.
pub(super) fn key_info(writer: &mut Writer<Vec<u8>>, certificate: &str) -> std::io::Result<()> {
    writer.create_element("KeyInfo").with_attribute(("xmlns", DSIG)).write_inner_content(|writer| {
        writer
            .create_element("X509Data")
            .write_inner_content(|writer| text(writer, "X509Certificate", certificate))?;
        Ok(())
    })?;
    Ok(())
}

/// `<name>text</name>`
pub(super) fn text(writer: &mut Writer<Vec<u8>>, name: &str, text: &str) -> std::io::Result<()> {
    writer.create_element(name).write_text_content(BytesText::new(text)).map(drop)
}

/// The document, as text.
pub(super) fn finish(writer: Writer<Vec<u8>>) -> Result<String, SigningError> {
    Ok(String::from_utf8(writer.into_inner()).map_err(std::io::Error::other)?)
}

fn signed_info(writer: &mut Writer<Vec<u8>>, id: &str, digest_value: &str) -> std::io::Result<()> {
    let algorithm = |writer: &mut Writer<Vec<u8>>, name: &str, uri: &str| {
        writer.create_element(name).with_attribute(("Algorithm", uri)).write_empty().map(drop)
    };
    writer.create_element("ds:SignedInfo").write_inner_content(|writer| {
        algorithm(writer, "ds:CanonicalizationMethod", EXCLUSIVE)?;
        algorithm(writer, "ds:SignatureMethod", RSA_SHA256)?;
        let uri = format!("#{id}");
        writer.create_element("ds:Reference").with_attribute(("URI", uri.as_str())).write_inner_content(
            |writer| {
                writer.create_element("ds:Transforms").write_inner_content(|writer| {
                    algorithm(writer, "ds:Transform", ENVELOPED)?;
                    algorithm(writer, "ds:Transform", EXCLUSIVE)
                })?;
                algorithm(writer, "ds:DigestMethod", DIGEST_SHA256)?;
                text(writer, "ds:DigestValue", digest_value)
            },
        )?;
        Ok(())
    })?;
    Ok(())
}

fn canonical_signed_info(signature: &str) -> Result<Vec<u8>, SigningError> {
    let document = roxmltree::Document::parse(signature)?;
    let signed_info = document.root_element().first_element_child().ok_or(SigningError::NothingToSign)?;
    let mut canonical = Vec::new();
    canonicalize(signed_info, None, &[], &mut canonical)?;
    Ok(canonical)
}
