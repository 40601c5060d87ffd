//! Reading: from the form field to one parsed tree, with every cap before its cost.

use super::scan::{is_declaration, scan};
use super::xml::{self, SAML, SAMLP};
use super::{IdentityProviders, Refusal, VerifiedAssertion, signature};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node, NodeId, ParsingOptions};
use zeroize::Zeroizing;

/// Caps on a response. Each is checked before the work it bounds is done.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Base64 characters of the form field, white space included. STS accepts 100,000.
    pub max_response_chars: usize,
    /// Nodes of the tree (elements, text, comments, processing instructions).
    pub max_nodes: u32,
    /// Nesting of elements.
    pub max_depth: u32,
    /// Attributes (namespace declarations included) on one element.
    pub max_attributes: usize,
    /// Namespace declarations in the whole document.
    pub max_namespaces: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_response_chars: 100_000,
            max_nodes: 20_000,
            max_depth: 64,
            max_attributes: 64,
            max_namespaces: 1_024,
        }
    }
}

/// The decoded XML text of a response and its cleanly re-encoded base64.
/// It is a credential until it expires: wiped on drop, no `Debug`.
pub struct ResponseMessage {
    xml: Zeroizing<String>,
    base64: Zeroizing<String>,
    limits: Limits,
}

impl ResponseMessage {
    /// Decodes the `SAMLResponse` form field (bindings 3.5.4).
    ///
    /// # Errors
    /// A reading [`Refusal`] (`Empty` to `NotXml`).
    pub fn decode(form_field: &str, limits: &Limits) -> Result<Self, Refusal> {
        // Bytes are at least as many as characters, and base64 has only ASCII.
        if form_field.len() > limits.max_response_chars {
            return Err(Refusal::TooLong);
        }
        let mut base64 = Zeroizing::new(String::with_capacity(form_field.len()));
        base64.extend(form_field.split_ascii_whitespace());
        if base64.is_empty() {
            return Err(Refusal::Empty);
        }
        // The engine refuses missing padding and stray bits, so there is one
        // encoding of these bytes, and without white space this is it.
        let bytes = Zeroizing::new(STANDARD.decode(base64.as_bytes()).map_err(|_| Refusal::NotBase64)?);
        let xml = text_of(&bytes)?;
        if declares_other_encoding(&xml) {
            return Err(Refusal::NotUtf8);
        }
        Ok(Self { xml, base64, limits: *limits })
    }

    /// Parses the text, once.
    ///
    /// # Errors
    /// A reading [`Refusal`] (`NotXml` to `EncryptedAssertion`), `NotCanonicalizable`
    /// for a relative namespace URI, or `NotSuccess` where the identity provider
    /// sends its failure instead of an assertion.
    pub fn parse(&self) -> Result<UnverifiedResponse<'_>, Refusal> {
        scan(&self.xml, &self.limits)?;
        // The parser counts the root of the tree too.
        let nodes_limit = self.limits.max_nodes.saturating_add(1);
        let options = ParsingOptions { allow_dtd: false, nodes_limit, entity_resolver: None };
        let document = Document::parse_with_options(&self.xml, options).map_err(not_parsed)?;

        let response = document.root_element();
        if !xml::is(response, SAMLP, "Response") {
            return Err(Refusal::NotAResponse);
        }
        let assertion = only_assertion(response)?.id();
        let response = response.id();
        Ok(UnverifiedResponse { message: self, document, response, assertion })
    }

    /// The base64 that STS is sent.
    pub(super) fn base64(&self) -> &str {
        &self.base64
    }
}

/// A parsed response of which nothing is believed yet. All it offers is
/// verification, and its claimed issuer to choose the keys by.
pub struct UnverifiedResponse<'m> {
    pub(super) message: &'m ResponseMessage,
    pub(super) document: Document<'m>,
    pub(super) response: NodeId,
    pub(super) assertion: NodeId,
}

impl<'m> UnverifiedResponse<'m> {
    /// The issuer that the assertion claims. For choosing keys, nothing else.
    pub fn unverified_issuer(&self) -> Option<String> {
        let assertion = self.document.get_node(self.assertion)?;
        xml::at_most_one(assertion, SAML, "Issuer").ok()?.and_then(xml::pure_text).map(str::to_owned)
    }

    /// Verifies every signature present with the keys of the claimed issuer.
    ///
    /// # Errors
    /// A verifying [`Refusal`] (`UnknownIssuer` to `SignatureMismatch`).
    pub fn verify<'i>(self, providers: &'i IdentityProviders) -> Result<VerifiedAssertion<'m, 'i>, Refusal> {
        signature::verify(self, providers)
    }
}

/// The one assertion. Nothing called an assertion may stand anywhere else, in
/// whatever wrapping, so that no later step can pick up another one.
fn only_assertion<'a, 'i>(response: Node<'a, 'i>) -> Result<Node<'a, 'i>, Refusal> {
    let mut found = None;
    let mut others = false;
    for node in response.descendants() {
        if xml::is(node, SAML, "EncryptedAssertion") {
            return Err(Refusal::EncryptedAssertion);
        }
        if xml::is(node, SAML, "Assertion") {
            others |= found.replace(node).is_some();
        }
    }
    match found {
        Some(assertion) if !others && assertion.parent() == Some(response) => Ok(assertion),
        None if reports_failure(response) => Err(Refusal::NotSuccess),
        _ => Err(Refusal::NotOneAssertion),
    }
}

/// Whether the response has a status, and not that of success (core 3.2.2). A
/// failure comes without an assertion and often without a signature; saying so
/// to the person changes nothing and helps.
fn reports_failure(response: Node<'_, '_>) -> bool {
    status_code(response).is_some_and(|code| code != SUCCESS)
}

/// The top-level status code of success (core 3.2.2.2).
pub(super) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The value of the one top-level status code.
pub(super) fn status_code<'a>(response: Node<'a, '_>) -> Option<&'a str> {
    let status = xml::at_most_one(response, SAMLP, "Status").ok()??;
    let code = xml::at_most_one(status, SAMLP, "StatusCode").ok()??;
    xml::attribute(code, "Value")
}

/// The bytes as text with `\n` line ends.
fn text_of(bytes: &[u8]) -> Result<Zeroizing<String>, Refusal> {
    if is_wide(bytes) {
        return Err(Refusal::NotUtf8);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let looks_like_xml = bytes.trim_ascii_start().first() == Some(&b'<');
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if looks_like_xml => text,
        Ok(_) if is_wrapped_deflate(bytes) => return Err(Refusal::Compressed),
        Ok(_) => return Err(Refusal::NotXml),
        Err(_) if looks_like_xml => return Err(Refusal::NotUtf8),
        // Raw DEFLATE (bindings 3.4.4.1) has no mark of its own.
        Err(_) => return Err(Refusal::Compressed),
    };
    // XML 1.0, 2.11: line ends are normalized before anything else looks. (The
    // parser does it later and, beside character references, not quite.)
    Ok(Zeroizing::new(if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.to_owned()
    }))
}

/// UTF-16 or UTF-32, with a byte order mark or recognizable by its zeros
/// (XML 1.0, appendix F).
fn is_wide(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xfe\xff")
        || bytes.starts_with(b"\xff\xfe")
        || (bytes.contains(&b'<') && bytes.iter().take(4).any(|b| *b == 0))
}

/// zlib (RFC 1950, 2.2) or gzip (RFC 1952, 2.3.1).
fn is_wrapped_deflate(bytes: &[u8]) -> bool {
    match bytes {
        [0x1f, 0x8b, ..] => true,
        [method, flags, ..] => method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0,
        _ => false,
    }
}

/// Whether an XML declaration names an encoding other than UTF-8 and its
/// subset US-ASCII. Another reader (STS is one) would then read other
/// characters than we do.
fn declares_other_encoding(text: &str) -> bool {
    if !is_declaration(text) {
        return false;
    }
    let declaration = text.split_once("?>").map_or(text, |(declaration, _)| declaration);
    let Some((_, rest)) = declaration.split_once("encoding") else { return false };
    let value = rest.trim_start().strip_prefix('=').unwrap_or_default().trim_start();
    let name = value.split(['"', '\'']).nth(1).unwrap_or_default();
    !name.eq_ignore_ascii_case("UTF-8") && !name.eq_ignore_ascii_case("US-ASCII")
}

/// What the parser says, less its details. The scan has been there first, so
/// the caps here are a second line.
#[allow(clippy::wildcard_enum_match_arm)] // a foreign enum of 26 ways to be ill-formed
fn not_parsed(error: roxmltree::Error) -> Refusal {
    match error {
        roxmltree::Error::DtdDetected => Refusal::Doctype,
        roxmltree::Error::NodesLimitReached => Refusal::TooComplex(super::Cap::Nodes),
        roxmltree::Error::AttributesLimitReached => Refusal::TooComplex(super::Cap::Attributes),
        roxmltree::Error::NamespacesLimitReached => Refusal::TooComplex(super::Cap::Namespaces),
        _ => Refusal::NotXml,
    }
}
