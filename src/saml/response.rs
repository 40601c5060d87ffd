//! Reading: from the form field to one parsed tree, with every cap before its cost.

use super::scan::{is_declaration, scan};
use super::splice::Spliced;
use super::trace::{Step, Trace, Tracer};
use super::xml::{self, SAML, SAMLP};
use super::{IdentityProviders, OriginalResponse, SamlRefusal, VerifiedAssertion, signature};
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
pub struct ResponseMessage<'t> {
    /// As it came: what a signature of the Response covers.
    pub(super) xml: Zeroizing<String>,
    /// The same with its encrypted assertion in clear ([`decrypt`](Self::decrypt)).
    pub(super) decrypted: Option<Spliced>,
    base64: OriginalResponse,
    pub(super) limits: Limits,
    pub(super) trace: Tracer<'t>,
}

impl<'t> ResponseMessage<'t> {
    /// Decodes the `SAMLResponse` form field (bindings 3.5.4).
    ///
    /// # Errors
    /// A reading [`SamlRefusal`] (`Empty` to `NotXml`).
    pub fn decode(form_field: &str, limits: &Limits) -> Result<Self, SamlRefusal> {
        Self::read_field(form_field, limits, Tracer::SILENT)
    }

    /// The same, and this step and all later ones tell what they look at.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_traced(form_field: &str, limits: &Limits, trace: &'t Trace) -> Result<Self, SamlRefusal> {
        Self::read_field(form_field, limits, Tracer::to(trace))
    }

    fn read_field(form_field: &str, limits: &Limits, trace: Tracer<'t>) -> Result<Self, SamlRefusal> {
        trace.step(Step::Decode);
        trace.count("base64_chars", form_field.len());
        trace.count("max_response_chars", limits.max_response_chars);
        // Bytes are at least as many as characters, and base64 has only ASCII.
        if form_field.len() > limits.max_response_chars {
            return Err(SamlRefusal::TooLong);
        }
        let base64 = OriginalResponse::new(without_white_space(form_field));
        if base64.expose().is_empty() {
            return Err(SamlRefusal::Empty);
        }
        // The engine refuses missing padding and stray bits, so there is one
        // encoding of these bytes, and without white space this is it.
        let bytes = Zeroizing::new(STANDARD.decode(base64.expose()).map_err(|_| SamlRefusal::NotBase64)?);
        trace.count("bytes", bytes.len());
        let xml = text_of(bytes)?;
        if declares_other_encoding(&xml) {
            return Err(SamlRefusal::NotUtf8);
        }
        Ok(Self { xml, decrypted: None, base64, limits: *limits, trace })
    }

    /// Parses the text, once. If it was decrypted, the text in clear.
    ///
    /// # Errors
    /// A reading [`SamlRefusal`] (`NotXml` to `EncryptedAssertion`), `NotCanonicalizable`
    /// for a relative namespace URI, or `NotSuccess` where the identity provider
    /// sends its failure instead of an assertion. Only `NotDecryptable` once it
    /// was decrypted.
    pub fn parse(&self) -> Result<UnverifiedResponse<'_>, SamlRefusal> {
        self.read().map_err(|refusal| self.told(refusal))
    }

    fn read(&self) -> Result<UnverifiedResponse<'_>, SamlRefusal> {
        self.trace.step(Step::Parse);
        let document = match &self.decrypted {
            Some(spliced) => spliced.parse(&self.limits)?,
            None => tree(&self.xml, &self.limits)?,
        };
        let response = document.root_element();
        self.trace.theirs("root", response.tag_name().name());
        if !xml::is(response, SAMLP, "Response") {
            return Err(SamlRefusal::NotAResponse);
        }
        let assertion = only_assertion(response, self.trace)?.id();
        let response = response.id();
        Ok(UnverifiedResponse { message: self, document, response, assertion })
    }

    /// What the sender is told of a refusal: where it could depend on a
    /// decrypted text, always the same (see `decrypt.rs`). The operator's trace
    /// has the true one.
    pub(super) fn told(&self, refusal: SamlRefusal) -> SamlRefusal {
        if self.decrypted.is_none() {
            return refusal;
        }
        let cause =
            if refusal == SamlRefusal::NotDecryptable { "not_one_whole_element" } else { refusal.code() };
        self.trace.ours("cause", cause);
        SamlRefusal::NotDecryptable
    }

    /// The base64 that STS is sent.
    pub(super) fn base64(&self) -> &OriginalResponse {
        &self.base64
    }
}

/// A parsed response of which nothing is believed yet. All it offers is
/// verification, and its claimed issuer to choose the keys by.
pub struct UnverifiedResponse<'m> {
    pub(super) message: &'m ResponseMessage<'m>,
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
    /// A verifying [`SamlRefusal`] (`UnknownIssuer` to `SignatureMismatch`); of a
    /// decrypted message only `NotDecryptable`.
    pub fn verify<'i>(
        self,
        providers: &'i IdentityProviders,
    ) -> Result<VerifiedAssertion<'m, 'i>, SamlRefusal> {
        signature::verify(self, providers)
    }
}

/// The tree of a text, within the caps.
pub(super) fn tree<'t>(text: &'t str, limits: &Limits) -> Result<Document<'t>, SamlRefusal> {
    scan(text, limits)?;
    // The parser counts the root of the tree too.
    let nodes_limit = limits.max_nodes.saturating_add(1);
    let options = ParsingOptions { allow_dtd: false, nodes_limit, entity_resolver: None };
    // Caps and document types are the scan's to name; it has been there first,
    // and never counts less. The parser's own limits are a second line.
    Document::parse_with_options(text, options).map_err(|_| SamlRefusal::NotXml)
}

/// The one assertion. Nothing called an assertion may stand anywhere else, in
/// whatever wrapping, so that no later step can pick up another one.
fn only_assertion<'a, 'i>(response: Node<'a, 'i>, trace: Tracer<'_>) -> Result<Node<'a, 'i>, SamlRefusal> {
    let mut found = None;
    let mut others = false;
    for node in response.descendants() {
        if xml::is(node, SAML, "EncryptedAssertion") {
            return Err(SamlRefusal::EncryptedAssertion);
        }
        if xml::is(node, SAML, "Assertion") {
            others |= found.replace(node).is_some();
        }
    }
    match found {
        Some(assertion) if !others && assertion.parent() == Some(response) => Ok(assertion),
        None if reports_failure(response) => {
            tell_status(response, trace);
            Err(SamlRefusal::NotSuccess)
        }
        _ => Err(SamlRefusal::NotOneAssertion),
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

/// The status codes, the top-level one first (core 3.2.2.2: those below say more).
pub(super) fn tell_status(response: Node<'_, '_>, trace: Tracer<'_>) {
    let status = xml::children(response, SAMLP, "Status").flat_map(|status| status.descendants());
    for code in status.filter(|node| xml::is(*node, SAMLP, "StatusCode")).take(4) {
        trace.maybe_theirs("status_code", xml::attribute(code, "Value"));
    }
}

fn without_white_space(form_field: &str) -> String {
    let mut base64 = String::with_capacity(form_field.len());
    if form_field.bytes().fold(false, |any, byte| any | byte.is_ascii_whitespace()) {
        base64.extend(form_field.split_ascii_whitespace());
    } else {
        base64.push_str(form_field);
    }
    base64
}

/// The bytes as text with `\n` line ends.
fn text_of(mut bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, SamlRefusal> {
    if is_wide(&bytes) {
        return Err(SamlRefusal::NotUtf8);
    }
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    let looks_like_xml = text.trim_ascii_start().first() == Some(&b'<');
    let text = match std::str::from_utf8(text) {
        Ok(text) if looks_like_xml => text,
        Ok(_) => return Err(SamlRefusal::NotXml),
        Err(_) if looks_like_xml => return Err(SamlRefusal::NotUtf8),
        // Raw DEFLATE (bindings 3.4.4.1) has no mark of its own, and what has one
        // (zlib, gzip) is not UTF-8 either.
        Err(_) => return Err(SamlRefusal::Compressed),
    };
    if text.len() < bytes.len() || text.contains('\r') {
        return Ok(with_normal_line_ends(text));
    }
    // The usual case: the same memory, one copy less to wipe.
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|_| SamlRefusal::NotUtf8)
}

/// XML 1.0, 2.11: `\r\n` and a lone `\r` are `\n`, before anything else looks.
/// (The parser does it later and, beside character references, not quite.)
pub(super) fn with_normal_line_ends(text: &str) -> Zeroizing<String> {
    // Written once into what is large enough: no copy stays behind unwiped.
    let mut normal = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\r') {
        normal.push_str(line);
        normal.push('\n');
        rest = after.strip_prefix('\n').unwrap_or(after);
    }
    normal.push_str(rest);
    normal
}

/// UTF-16 or UTF-32, with a byte order mark or recognizable by its zeros
/// (XML 1.0, appendix F).
fn is_wide(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xfe\xff")
        || bytes.starts_with(b"\xff\xfe")
        || (bytes.contains(&b'<') && bytes.iter().take(4).any(|b| *b == 0))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::Cap;
    use crate::saml::testing::{RESPONSE, encoded};
    use proptest::prelude::*;

    fn decode(field: &str) -> Result<ResponseMessage<'static>, SamlRefusal> {
        ResponseMessage::decode(field, &Limits::default())
    }

    fn refusal(bytes: &[u8]) -> Option<SamlRefusal> {
        match decode(&STANDARD.encode(bytes)) {
            Ok(message) => message.parse().err(),
            Err(refusal) => Some(refusal),
        }
    }

    #[test]
    fn fields_that_are_no_response() {
        assert_eq!(decode("").err(), Some(SamlRefusal::Empty));
        assert_eq!(decode(" \r\n").err(), Some(SamlRefusal::Empty));
        assert_eq!(decode(&"A".repeat(100_001)).err(), Some(SamlRefusal::TooLong));
        let field = encoded("<a/>");
        assert!(decode(&(" ".repeat(100_000 - field.len()) + &field)).is_ok());
        for field in ["PGE", "PGEvPg", "PGEvPh==", "PGEv-_==", "PGEvPg==!", "é", "PGE=vPg="] {
            assert_eq!(decode(field).err(), Some(SamlRefusal::NotBase64), "{field}");
        }
    }

    #[test]
    fn bytes_that_are_no_text() {
        for (bytes, expected) in [
            (&b"\xff\xfe<\0a\0/\0>\0"[..], SamlRefusal::NotUtf8),
            (b"\xfe\xff\0<\0a\0/\0>", SamlRefusal::NotUtf8),
            (b"\0\0\0<\0\0\0a", SamlRefusal::NotUtf8),
            (b"<\0a\0", SamlRefusal::NotUtf8),
            (b"\xff\xfe\x2d\x4e", SamlRefusal::NotUtf8),
            (b"\xfe\xff\x4e\x2d", SamlRefusal::NotUtf8),
            (b"<a>\xe9</a>", SamlRefusal::NotUtf8),
            (b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", SamlRefusal::NotUtf8),
            (b"<?xml\tversion='1.0' encoding = \"utf-16\"?><a/>", SamlRefusal::NotUtf8),
            (b"\x78\x9c\xb3\x49\xd4\xb7\x03\x00", SamlRefusal::Compressed),
            (b"\xb3\x49\xd4\xb7\x03\x00", SamlRefusal::Compressed),
            (b"\x1f\x8b\x08\x00\x00\x00", SamlRefusal::Compressed),
            (b"hello", SamlRefusal::NotXml),
            // The parser would take off a second mark, behind which nobody looks for an encoding.
            (b"\xef\xbb\xbf\xef\xbb\xbf<a/>", SamlRefusal::NotXml),
            (b"", SamlRefusal::Empty),
            (b"{}", SamlRefusal::NotXml),
        ] {
            assert_eq!(refusal(bytes), Some(expected), "{bytes:?}");
        }
    }

    #[test]
    fn documents_that_are_no_response() {
        for (xml, expected) in [
            ("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", SamlRefusal::Doctype),
            ("<a/><b/>", SamlRefusal::NotXml),
            ("<a>", SamlRefusal::NotXml),
            ("<a>&undefined;</a>", SamlRefusal::NotXml),
            ("<p:a/>", SamlRefusal::NotXml),
            ("<a/>trailing", SamlRefusal::NotXml),
            ("<Response/>", SamlRefusal::NotAResponse),
            ("<Response xmlns='urn:oasis:names:tc:SAML:1.0:protocol'/>", SamlRefusal::NotAResponse),
            ("<Assertion xmlns='urn:oasis:names:tc:SAML:2.0:assertion'/>", SamlRefusal::NotAResponse),
        ] {
            assert_eq!(refusal(xml.as_bytes()), Some(expected), "{xml}");
        }
        let deep = "<a>".repeat(65) + &"</a>".repeat(65);
        assert_eq!(refusal(deep.as_bytes()), Some(SamlRefusal::TooComplex(Cap::Depth)));
    }

    #[test]
    fn there_is_one_assertion_and_nothing_like_it() {
        let honest = RESPONSE;
        let evil = "<saml:Assertion xmlns:saml='urn:oasis:names:tc:SAML:2.0:assertion' ID='_e'/>";
        for (from, to) in [
            ("<samlp:Status>", &*format!("{evil}<samlp:Status>")),
            ("<samlp:Status>", &*format!("<samlp:Extensions>{evil}</samlp:Extensions><samlp:Status>")),
            ("</Assertion>", &*format!("</Assertion>{evil}")),
            ("</Assertion>", &*format!("{evil}</Assertion>")),
            ("<Issuer>", &*format!("<Issuer>{evil}")),
            ("<Assertion xmlns=", "<Assertion xmlns='urn:x' e="),
        ] {
            assert_eq!(
                refusal(honest.replacen(from, to, 1).as_bytes()),
                Some(SamlRefusal::NotOneAssertion),
                "{to}"
            );
        }
        let around = honest.replacen("<Assertion ", "<samlp:X><Assertion ", 1);
        let around = around.replacen("</Assertion>", "</Assertion></samlp:X>", 1);
        assert_eq!(refusal(around.as_bytes()), Some(SamlRefusal::NotOneAssertion));
        let encrypted = honest
            .replace("<Assertion ", "<EncryptedAssertion ")
            .replace("</Assertion", "</EncryptedAssertion");
        assert_eq!(refusal(encrypted.as_bytes()), Some(SamlRefusal::EncryptedAssertion));
    }

    #[test]
    fn a_failure_without_an_assertion_says_so() {
        let failure = |code: &str| {
            format!(
                "<samlp:Response xmlns:samlp='{SAMLP}'><samlp:Status><samlp:StatusCode Value='{code}'/>\
                 </samlp:Status></samlp:Response>"
            )
        };
        let responder = "urn:oasis:names:tc:SAML:2.0:status:Responder";
        assert_eq!(refusal(failure(responder).as_bytes()), Some(SamlRefusal::NotSuccess));
        assert_eq!(refusal(failure(SUCCESS).as_bytes()), Some(SamlRefusal::NotOneAssertion));
        assert!(!SamlRefusal::NotSuccess.is_authenticated());
    }

    #[test]
    fn white_space_marks_and_line_ends_do_not_matter() {
        let field = encoded(RESPONSE);
        let wrapped =
            field.as_bytes().chunks(76).map(|l| std::str::from_utf8(l).unwrap()).collect::<Vec<_>>();
        let message = decode(&format!(" {}\r\n", wrapped.join("\r\n"))).ok().unwrap();
        assert_eq!(message.base64().expose(), field);

        let marked = format!("\u{feff}<?xml version='1.0' encoding='utf-8'?>\r\n{}\r", RESPONSE);
        let message = decode(&encoded(&marked)).ok().unwrap();
        assert!(message.xml.starts_with("<?xml") && !message.xml.contains('\r'));
        assert!(message.parse().is_ok());
        assert_eq!(*with_normal_line_ends("a\r\nb\r\r\n\nc\r"), "a\nb\n\n\nc\n");
    }

    proptest! {
        #[test]
        fn never_panics(field in any::<String>(), bytes in any::<Vec<u8>>(), text in "[<>a=' /!?x-]{0,60}") {
            let _ = decode(&field).map(|message| message.parse().is_ok());
            let _ = refusal(&bytes);
            let _ = refusal(text.as_bytes());
        }
    }
}
