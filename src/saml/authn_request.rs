//! The AuthnRequest of a login that starts here (core 3.4; profiles 4.1.4.1),
//! written for the HTTP-Redirect or the HTTP-POST binding.

use super::dsig::sign::{SigningError, SigningKey};
use super::metadata::sign_on_service::HTTP_POST;
use super::xml::instant::format_instant;
use super::xml::names::{SAML, SAMLP};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use quick_xml::Writer;
use quick_xml::events::BytesText;
use time::OffsetDateTime;

/// DEFLATE's usual compromise between size and time.
const DEFLATE_LEVEL: u8 = 6;

/// The longest `ID` that is decoded, in characters. Ours have 84, and 181 at most.
const MAX_ID_CHARS: usize = 256;

/// The `ID` of a request: what its answer names as `InResponseTo`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AuthnRequestId(String);

impl AuthnRequestId {
    /// Writes these bytes as an `xs:ID`, which must not begin with a digit. They
    /// must be unguessable (core 1.3.4: at least 128 random bits).
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(format!("_{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Parses an `ID` that has the form of ours. Returns its bytes too.
    pub fn parse(text: &str) -> Option<(Self, Vec<u8>)> {
        let encoded = text.strip_prefix('_').filter(|encoded| encoded.len() <= MAX_ID_CHARS)?;
        Some((Self(text.to_owned()), URL_SAFE_NO_PAD.decode(encoded).ok()?))
    }

    /// The `ID` as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request of ours, as it is known when its response arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentAuthnRequest {
    /// Its `ID`.
    pub id: AuthnRequestId,
    /// The configured name of the identity provider that it was sent to.
    pub idp: String,
    /// Its `IssueInstant`.
    pub issued_at: OffsetDateTime,
    /// What it asked for beside what is configured.
    pub asked: AskedAuthn,
}

/// What one request asks for beside what all requests to its identity provider ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AskedAuthn {
    /// The person must sign in again.
    pub force_authn: bool,
    /// By one of these exactly. Empty: as configured.
    pub class_refs: Vec<ShortDigest>,
}

/// The beginning of the SHA-256 of a text, such as an `AuthnContextClassRef`: as much as a
/// request's `ID` has room for. The texts are the operator's and the identity provider's: who
/// could choose one with the same beginning has a say in the answer anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShortDigest(pub [u8; Self::BYTES]);

impl ShortDigest {
    /// Its length.
    pub const BYTES: usize = 8;

    /// Of this text.
    pub fn of(text: &str) -> Self {
        let hash = digest(&SHA256, text.as_bytes());
        Self(hash.as_ref().first_chunk().copied().unwrap_or_default())
    }
}

/// What our requests ask of one identity provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestedAuthn {
    /// The person must sign in again (core 3.4.1, `ForceAuthn`).
    pub force_authn: bool,
    /// How the person must sign in.
    pub authn_context: Option<RequestedAuthnContext>,
}

/// Core 3.3.2.2.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedAuthnContext {
    /// How the response's context may relate to these.
    pub comparison: Comparison,
    /// `AuthnContextClassRef` URIs, in order of preference.
    pub class_refs: Vec<String>,
}

/// `RequestedAuthnContext/@Comparison`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// One of these. The only one that we can check ourselves.
    Exact,
    /// At least as strong as one of these.
    Minimum,
    /// At most as strong as one of these.
    Maximum,
    /// Stronger than all of these.
    Better,
}

impl Comparison {
    /// Parses the value as it is written in a request.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Exact, Self::Minimum, Self::Maximum, Self::Better].into_iter().find(|c| c.as_str() == text)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Better => "better",
        }
    }
}

/// One request, before it is written.
#[derive(Debug, Clone, Copy)]
pub struct AuthnRequest<'r> {
    /// Its `ID`, new every time.
    pub id: &'r AuthnRequestId,
    /// Its `IssueInstant`.
    pub issued_at: OffsetDateTime,
    /// The identity provider's `SingleSignOnService` for the binding used.
    pub destination: &'r str,
    /// Our entity id.
    pub issuer: &'r str,
    /// The URL that the response is posted to (`AssertionConsumerServiceURL`).
    pub acs_url: &'r str,
    /// The requested `NameIDPolicy/@Format`. `None`: the identity provider chooses.
    pub name_id_format: Option<&'r str>,
    /// What the request asks of the identity provider.
    pub requested_authn: &'r RequestedAuthn,
}

impl AuthnRequest<'_> {
    /// Returns the URL that the browser is sent to: the HTTP-Redirect binding with
    /// DEFLATE (bindings 3.4.4.1), signed if there is a key.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn redirect_url(
        &self,
        relay_state: Option<&str>,
        key: Option<&SigningKey>,
    ) -> Result<String, SigningError> {
        let deflated = miniz_oxide::deflate::compress_to_vec(self.to_xml().as_bytes(), DEFLATE_LEVEL);
        // The binding fixes the order, and the signature covers these characters.
        let mut query = parameter("SAMLRequest", &STANDARD.encode(deflated));
        if let Some(relay_state) = relay_state {
            query = query + "&" + &parameter("RelayState", relay_state);
        }
        if let Some(key) = key {
            query = query + "&" + &parameter("SigAlg", key.algorithm());
            let signature = key.sign(query.as_bytes())?;
            query = query + "&" + &parameter("Signature", &STANDARD.encode(signature));
        }
        let separator = if self.destination.contains('?') { '&' } else { '?' };
        Ok(format!("{}{separator}{query}", self.destination))
    }

    /// The value of the form field `SAMLRequest`: the HTTP-POST binding
    /// (bindings 3.5.4), with an enveloped signature if there is a key.
    ///
    /// # Errors
    /// [`SigningError`].
    pub fn post_field(&self, key: Option<&SigningKey>) -> Result<String, SigningError> {
        let xml = self.to_xml();
        let xml = match key {
            // Core 3.2.1: the signature follows the Issuer.
            Some(key) => key.sign_enveloped(&xml, self.id.as_str(), "</saml:Issuer>")?,
            None => xml,
        };
        Ok(STANDARD.encode(xml))
    }

    fn to_xml(self) -> String {
        let mut writer = Writer::new(Vec::new());
        // Writing to memory does not fail, and the writer writes UTF-8.
        let written = self.write(&mut writer);
        debug_assert!(written.is_ok());
        String::from_utf8(writer.into_inner()).unwrap_or_default()
    }

    fn write(self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let issued_at = format_instant(self.issued_at);
        let mut request = writer
            .create_element("samlp:AuthnRequest")
            .with_attribute(("xmlns:samlp", SAMLP))
            .with_attribute(("xmlns:saml", SAML))
            .with_attribute(("ID", self.id.as_str()))
            .with_attribute(("Version", "2.0"))
            .with_attribute(("IssueInstant", &*issued_at))
            .with_attribute(("Destination", self.destination));
        if self.requested_authn.force_authn {
            request = request.with_attribute(("ForceAuthn", "true"));
        }
        request
            .with_attribute(("ProtocolBinding", HTTP_POST))
            .with_attribute(("AssertionConsumerServiceURL", self.acs_url))
            .write_inner_content(|writer| {
                writer.create_element("saml:Issuer").write_text_content(BytesText::new(self.issuer))?;
                // Core 3.4.1.1: without AllowCreate an identity provider may not make an
                // identifier for a person who signs in here for the first time.
                let mut policy = writer.create_element("samlp:NameIDPolicy");
                if let Some(format) = self.name_id_format {
                    policy = policy.with_attribute(("Format", format));
                }
                policy.with_attribute(("AllowCreate", "true")).write_empty()?;
                match &self.requested_authn.authn_context {
                    Some(context) => context.write(writer),
                    None => Ok(()),
                }
            })?;
        Ok(())
    }
}

impl RequestedAuthnContext {
    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let context = writer
            .create_element("samlp:RequestedAuthnContext")
            .with_attribute(("Comparison", self.comparison.as_str()));
        context.write_inner_content(|writer| {
            for class in &self.class_refs {
                let element = writer.create_element("saml:AuthnContextClassRef");
                element.write_text_content(BytesText::new(class))?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

/// `name=value`, with every special character of the value escaped.
fn parameter(name: &str, value: &str) -> String {
    format!("{name}={}", form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>())
}

#[cfg(test)]
mod tests;
