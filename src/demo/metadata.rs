//! FederationMetadata.xml as AD FS publishes it: two WS-Federation
//! RoleDescriptors first, then the SAML roles, the encryption key always
//! before the signing key.

use super::sign::{DemoKey, SigningError, finish, key_info, text};
use quick_xml::Writer;

type Xml = Writer<Vec<u8>>;

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const FEDERATION: &str = "http://docs.oasis-open.org/wsfed/federation/200706";
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
const WS_PROTOCOLS: &str = "http://docs.oasis-open.org/ws-sx/ws-trust/200512 \
     http://schemas.xmlsoap.org/ws/2005/02/trust http://docs.oasis-open.org/wsfed/federation/200706";
const NAME_ID_FORMATS: [&str; 3] = [
    "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:transient",
];

/// The content of the document.
pub(super) struct Federation<'a> {
    pub(super) id: &'a str,
    pub(super) entity_id: &'a str,
    pub(super) display_name: &'a str,
    /// `…/adfs/ls/`
    pub(super) passive_url: &'a str,
    pub(super) signing: &'a DemoKey,
    /// Published because AD FS publishes one; the look-alike decrypts nothing.
    pub(super) encryption: &'a DemoKey,
}

impl Federation<'_> {
    /// The signed document.
    pub(super) fn write(&self) -> Result<String, SigningError> {
        let mut writer = Writer::new(Vec::new());
        writer
            .create_element("EntityDescriptor")
            .with_attributes([("ID", self.id), ("entityID", self.entity_id), ("xmlns", METADATA)])
            .write_inner_content(|writer| {
                self.role_descriptor(writer, "fed:ApplicationServiceType", "encryption", self.encryption)?;
                self.role_descriptor(writer, "fed:SecurityTokenServiceType", "signing", self.signing)?;
                self.service_provider(writer)?;
                self.identity_provider(writer)?;
                writer
                    .create_element("ContactPerson")
                    .with_attribute(("contactType", "support"))
                    .write_empty()
                    .map(drop)
            })?;
        self.signing.sign(&finish(writer)?, self.id)
    }

    fn role_descriptor(
        &self,
        writer: &mut Xml,
        kind: &str,
        usage: &str,
        key: &DemoKey,
    ) -> std::io::Result<()> {
        writer
            .create_element("RoleDescriptor")
            .with_attributes([
                ("xsi:type", kind),
                ("protocolSupportEnumeration", WS_PROTOCOLS),
                ("ServiceDisplayName", self.display_name),
                ("xmlns:xsi", INSTANCE),
                ("xmlns:fed", FEDERATION),
            ])
            .write_inner_content(|writer| {
                key_descriptor(writer, usage, key)?;
                writer
                    .create_element("fed:PassiveRequestorEndpoint")
                    .write_inner_content(|writer| {
                        writer
                            .create_element("EndpointReference")
                            .with_attribute(("xmlns", "http://www.w3.org/2005/08/addressing"))
                            .write_inner_content(|writer| text(writer, "Address", self.passive_url))
                            .map(drop)
                    })
                    .map(drop)
            })
            .map(drop)
    }

    fn service_provider(&self, writer: &mut Xml) -> std::io::Result<()> {
        writer
            .create_element("SPSSODescriptor")
            .with_attributes([("WantAssertionsSigned", "true"), ("protocolSupportEnumeration", PROTOCOL)])
            .write_inner_content(|writer| {
                key_descriptor(writer, "encryption", self.encryption)?;
                key_descriptor(writer, "signing", self.signing)?;
                formats(writer)?;
                writer
                    .create_element("AssertionConsumerService")
                    .with_attributes([
                        ("Binding", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"),
                        ("Location", self.passive_url),
                        ("index", "0"),
                        ("isDefault", "true"),
                    ])
                    .write_empty()
                    .map(drop)
            })
            .map(drop)
    }

    fn identity_provider(&self, writer: &mut Xml) -> std::io::Result<()> {
        writer
            .create_element("IDPSSODescriptor")
            .with_attribute(("protocolSupportEnumeration", PROTOCOL))
            .write_inner_content(|writer| {
                key_descriptor(writer, "encryption", self.encryption)?;
                key_descriptor(writer, "signing", self.signing)?;
                formats(writer)?;
                for binding in ["HTTP-Redirect", "HTTP-POST"] {
                    let binding = format!("urn:oasis:names:tc:SAML:2.0:bindings:{binding}");
                    writer
                        .create_element("SingleSignOnService")
                        .with_attributes([("Binding", binding.as_str()), ("Location", self.passive_url)])
                        .write_empty()?;
                }
                Ok(())
            })
            .map(drop)
    }
}

fn key_descriptor(writer: &mut Xml, usage: &str, key: &DemoKey) -> std::io::Result<()> {
    writer
        .create_element("KeyDescriptor")
        .with_attribute(("use", usage))
        .write_inner_content(|writer| key_info(writer, key.certificate()))
        .map(drop)
}

fn formats(writer: &mut Xml) -> std::io::Result<()> {
    NAME_ID_FORMATS.iter().try_for_each(|format| text(writer, "NameIDFormat", format))
}
