//! The response that the look-alike gives about a person, in AD FS's shape:
//! `InResponseTo` where a request is answered, attributes without `NameFormat` or `xsi:type`, the
//! AttributeStatement before the AuthnStatement, the confirmation good for 5
//! minutes and the conditions for 60.

use super::people::Person;
use super::relying_party::RelyingParty;
use super::sign::{SigningError, finish, text};
use quick_xml::Writer;
use quick_xml::events::BytesText;
use time::format_description::well_known::Iso8601;
use time::format_description::well_known::iso8601::{Config, EncodedConfig, TimePrecision};
use time::{Duration, OffsetDateTime};

const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// AD FS: a bearer assertion is to be posted within 5 minutes.
const CONFIRMATION_LIFETIME: Duration = Duration::minutes(5);
/// AD FS: `TokenLifetime`, 60 minutes unless set.
const TOKEN_LIFETIME: Duration = Duration::minutes(60);

/// A flaw to put into a response, to show the refusal of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flaw {
    /// Nothing.
    #[default]
    None,
    /// It was made two hours ago.
    Expired,
    /// Its audience is another application.
    OtherAudience,
    /// A role was changed after signing.
    Tampered,
    /// It has no signature.
    Unsigned,
    /// It names an issuer that the service has no metadata of.
    OtherIssuer,
    /// It is signed with a key that the metadata does not list for signing;
    /// the certificate comes along.
    OtherKey,
}

/// Everything that a response is made of.
pub(super) struct Token<'a> {
    pub(super) issuer: &'a str,
    pub(super) person: &'a Person,
    pub(super) to: &'a RelyingParty,
    pub(super) at: OffsetDateTime,
    pub(super) flaw: Flaw,
    /// The request that is answered.
    pub(super) in_response_to: Option<&'a str>,
    pub(super) response_id: &'a str,
    pub(super) assertion_id: &'a str,
}

impl Token<'_> {
    /// The Response, not yet signed.
    pub(super) fn write(&self) -> Result<String, SigningError> {
        let issue_instant = instant(self.at)?;
        let mut writer = Writer::new(Vec::new());
        writer
            .create_element("samlp:Response")
            .with_attributes([
                ("ID", self.response_id),
                ("Version", "2.0"),
                ("IssueInstant", issue_instant.as_str()),
                ("Destination", self.to.acs_url.as_str()),
                ("Consent", "urn:oasis:names:tc:SAML:2.0:consent:unspecified"),
                ("xmlns:samlp", PROTOCOL),
            ])
            .with_attributes(self.in_response_to.map(|id| ("InResponseTo", id)))
            .write_inner_content(|writer| {
                writer
                    .create_element("Issuer")
                    .with_attribute(("xmlns", ASSERTION))
                    .write_text_content(BytesText::new(self.issuer))?;
                writer.create_element("samlp:Status").write_inner_content(|writer| {
                    writer
                        .create_element("samlp:StatusCode")
                        .with_attribute(("Value", "urn:oasis:names:tc:SAML:2.0:status:Success"))
                        .write_empty()
                        .map(drop)
                })?;
                writer
                    .create_element("Assertion")
                    .with_attributes([
                        ("ID", self.assertion_id),
                        ("IssueInstant", issue_instant.as_str()),
                        ("Version", "2.0"),
                        ("xmlns", ASSERTION),
                    ])
                    .write_inner_content(|writer| {
                        text(writer, "Issuer", self.issuer)?;
                        self.subject(writer)?;
                        self.conditions(writer)?;
                        self.attributes(writer)?;
                        self.authentication(writer)
                    })
                    .map(drop)
            })?;
        finish(writer)
    }

    fn subject(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let until = instant(self.at + CONFIRMATION_LIFETIME)?;
        writer
            .create_element("Subject")
            .write_inner_content(|writer| {
                writer
                    .create_element("NameID")
                    .with_attribute(("Format", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"))
                    .write_text_content(BytesText::new(&self.person.name_id()))?;
                writer
                    .create_element("SubjectConfirmation")
                    .with_attribute(("Method", "urn:oasis:names:tc:SAML:2.0:cm:bearer"))
                    .write_inner_content(|writer| {
                        writer
                            .create_element("SubjectConfirmationData")
                            .with_attributes([
                                ("NotOnOrAfter", until.as_str()),
                                ("Recipient", self.to.acs_url.as_str()),
                            ])
                            .with_attributes(self.in_response_to.map(|id| ("InResponseTo", id)))
                            .write_empty()
                            .map(drop)
                    })
                    .map(drop)
            })
            .map(drop)
    }

    fn conditions(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let audience = match self.flaw {
            Flaw::OtherAudience => "urn:example:another-application",
            Flaw::None
            | Flaw::Expired
            | Flaw::Tampered
            | Flaw::Unsigned
            | Flaw::OtherIssuer
            | Flaw::OtherKey => self.to.id.as_str(),
        };
        let (from, until) = (instant(self.at)?, instant(self.at + TOKEN_LIFETIME)?);
        writer
            .create_element("Conditions")
            .with_attributes([("NotBefore", from.as_str()), ("NotOnOrAfter", until.as_str())])
            .write_inner_content(|writer| {
                writer
                    .create_element("AudienceRestriction")
                    .write_inner_content(|writer| text(writer, "Audience", audience))
                    .map(drop)
            })
            .map(drop)
    }

    fn attributes(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let roles: Vec<String> = self.person.roles().collect();
        let groups: Vec<String> = self.person.groups.iter().map(|group| (*group).to_owned()).collect();
        let claims = [
            ("https://aws.amazon.com/SAML/Attributes/RoleSessionName", vec![self.person.mail()]),
            ("https://aws.amazon.com/SAML/Attributes/Role", roles),
            ("http://schemas.xmlsoap.org/claims/Group", groups),
        ];
        writer
            .create_element("AttributeStatement")
            .write_inner_content(|writer| {
                // AD FS issues no attribute for a claim without values.
                for (name, values) in claims.iter().filter(|(_, values)| !values.is_empty()) {
                    writer.create_element("Attribute").with_attribute(("Name", *name)).write_inner_content(
                        |writer| values.iter().try_for_each(|value| text(writer, "AttributeValue", value)),
                    )?;
                }
                Ok(())
            })
            .map(drop)
    }

    fn authentication(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let at = instant(self.at)?;
        writer
            .create_element("AuthnStatement")
            .with_attributes([("AuthnInstant", at.as_str()), ("SessionIndex", self.assertion_id)])
            .write_inner_content(|writer| {
                let class = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport";
                writer
                    .create_element("AuthnContext")
                    .write_inner_content(|writer| text(writer, "AuthnContextClassRef", class))
                    .map(drop)
            })
            .map(drop)
    }
}

/// `2026-11-23T09:00:00.000Z`, as AD FS writes it.
fn instant(at: OffsetDateTime) -> std::io::Result<String> {
    const MILLISECONDS: EncodedConfig = Config::DEFAULT
        .set_time_precision(TimePrecision::Second { decimal_digits: std::num::NonZero::new(3) })
        .encode();
    at.to_offset(time::UtcOffset::UTC).format(&Iso8601::<MILLISECONDS>).map_err(std::io::Error::other)
}
