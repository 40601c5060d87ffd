//! The message: from the form field to XML text, each cap checked before its cost.

use crate::saml::refusal::SamlRefusal;
use crate::saml::trace::{Step, Trace, Tracer};
use crate::saml::xml::limits::Limits;
use crate::saml::xml::parse::with_normal_line_ends;
use crate::saml::xml::scan::is_declaration;
use crate::saml::xmlenc::splice::Spliced;
use memchr::memchr;
use secrecy::SecretString;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// The response in the form that STS takes: base64 without white space. It is a
/// bearer credential until it expires, so it cannot be printed, and it is wiped
/// when the last clone is dropped.
#[derive(Clone)]
pub struct OriginalResponse(Arc<SecretString>);

impl OriginalResponse {
    pub(super) fn new(base64: String) -> Self {
        Self(Arc::new(base64.into()))
    }
    /// For `AssumeRoleWithSAML`, the one call that sends it.
    pub fn expose(&self) -> &str {
        use secrecy::ExposeSecret;
        self.0.expose_secret()
    }
}

/// The XML text of a response and its base64 without white space. It is a
/// credential until it expires: wiped on drop, no `Debug`.
pub struct ResponseMessage<'t> {
    /// As received: this is what a signature of the Response covers.
    pub(super) xml: Zeroizing<String>,
    /// The text with its assertion decrypted, if it was encrypted
    /// ([`decrypt`](Self::decrypt)).
    pub(super) decrypted: Option<Decrypted>,
    base64: OriginalResponse,
    pub(super) limits: Limits,
    pub(super) trace: Tracer<'t>,
}

/// The text of a message with its assertion decrypted.
pub(super) struct Decrypted {
    pub(super) spliced: Spliced,
    /// The assertion in it is ours, in place of one that could not be read: it is
    /// refused in the end, whatever it looks like.
    pub(super) is_stand_in: bool,
    /// The Response's own Issuer, which everybody can read.
    pub(super) visible_issuer: Option<String>,
}

/// `Zeroizing` wipes what a text has character by character, and what it could have as one
/// block: so it has nothing any more.
impl Drop for ResponseMessage<'_> {
    fn drop(&mut self) {
        self.xml.clear();
    }
}

impl<'t> ResponseMessage<'t> {
    /// Decodes the `SAMLResponse` form field (bindings 3.5.4). This step and all
    /// later ones note in the trace what they look at.
    ///
    /// # Errors
    /// A reading [`SamlRefusal`] (`Empty` to `NotXml`).
    pub fn decode(form_field: &str, limits: &Limits, trace: Option<&'t Trace>) -> Result<Self, SamlRefusal> {
        let trace = Tracer::to(trace);
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
        // The decoder refuses missing padding and stray bits. So these bytes have
        // only one encoding, and the field without white space is it.
        let bytes = base64_simd::STANDARD.decode_to_vec(base64.expose());
        let bytes = Zeroizing::new(bytes.map_err(|_| SamlRefusal::NotBase64)?);
        trace.count("bytes", bytes.len());
        let xml = text_of(bytes)?;
        if declares_other_encoding(&xml) {
            return Err(SamlRefusal::NotUtf8);
        }
        Ok(Self { xml, decrypted: None, base64, limits: *limits, trace })
    }

    /// Runs a step that reads what may have been decrypted. Then its refusal is
    /// always the same (`decrypt.rs` has the reason); the trace has the cause.
    pub(super) fn opaque_if_decrypted<T>(
        &self,
        step: impl FnOnce() -> Result<T, SamlRefusal>,
    ) -> Result<T, SamlRefusal> {
        step().map_err(|refusal| {
            if self.decrypted.is_none() {
                return refusal;
            }
            self.trace.ours("cause", refusal.code());
            SamlRefusal::NotDecryptable
        })
    }

    /// The base64 for STS.
    pub(super) fn base64(&self) -> &OriginalResponse {
        &self.base64
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
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let is_marked = bytes.starts_with(MARK);
    let unmarked = bytes.strip_prefix(MARK).unwrap_or(&bytes);
    let looks_like_xml = unmarked.trim_ascii_start().first() == Some(&b'<');
    let text = match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) if looks_like_xml => Zeroizing::new(text),
        Ok(mut text) => {
            text.zeroize();
            return Err(SamlRefusal::NotXml);
        }
        Err(error) => {
            error.into_bytes().zeroize();
            // Raw DEFLATE (bindings 3.4.4.1) has no magic number; zlib and gzip have
            // one, and are not UTF-8 either.
            return Err(if looks_like_xml { SamlRefusal::NotUtf8 } else { SamlRefusal::Compressed });
        }
    };
    // Mostly no copy, so there is only one buffer to wipe.
    if is_marked || memchr(b'\r', text.as_bytes()).is_some() {
        return Ok(with_normal_line_ends(text.strip_prefix('\u{feff}').unwrap_or(&text)));
    }
    Ok(text)
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
    use crate::saml::testing::{RESPONSE, encoded};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn decode(field: &str) -> Result<ResponseMessage<'static>, SamlRefusal> {
        ResponseMessage::decode(field, &Limits::default(), None)
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
            // The parser would skip a second byte order mark; an encoding after it would not be found.
            (b"\xef\xbb\xbf\xef\xbb\xbf<a/>", SamlRefusal::NotXml),
            (b"", SamlRefusal::Empty),
            (b"{}", SamlRefusal::NotXml),
        ] {
            assert_eq!(refusal(bytes), Some(expected), "{bytes:?}");
        }
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
        let message = decode(&encoded(&RESPONSE.replace("><", ">\r\n<"))).ok().unwrap();
        assert!(message.xml.contains(">\n<") && !message.xml.contains('\r'));
    }

    proptest! {
        /// Two encodings of the same bytes would be two assertions to us, and one to STS.
        #[test]
        fn base64_is_what_another_decoder_takes_for_it(text in "[A-Za-z0-9+/=_-]{0,12}", any in any::<String>()) {
            for text in [text, any] {
                let ours = base64_simd::STANDARD.decode_to_vec(&text).ok();
                prop_assert_eq!(ours, STANDARD.decode(&text).ok());
            }
        }

        #[test]
        fn never_panics(field in any::<String>(), bytes in any::<Vec<u8>>()) {
            let _ = decode(&field).map(|message| message.parse().is_ok());
            let _ = refusal(&bytes);
        }
    }
}
