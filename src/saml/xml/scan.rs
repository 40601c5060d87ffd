//! The scan before the parse: one pass over the text that bounds the work of the
//! parser.
//!
//! It distinguishes markup from text exactly as the parser's tokenizer does and
//! never counts less than it. Where the two could disagree, the document is
//! refused.

use super::limits::{Limits, USUAL_DEPTH};
use crate::saml::refusal::{Cap, SamlRefusal};
use memchr::{memchr, memmem};

/// Steps of namespace resolution that the parser may take. For every element that
/// adds a declaration it copies those in scope, comparing each with each, and it
/// looks names up one by one: 1,024 declarations in the worst places cost a
/// second. Genuine responses stay below 100,000 steps.
const MAX_RESOLUTION_STEPS: usize = 1_000_000;

/// Refuses a text that is too complex or has a document type, or that the parser
/// accepts although XML 1.0 or Namespaces in XML 1.0 do not.
pub(super) fn scan(text: &str, limits: &Limits) -> Result<Counts, SamlRefusal> {
    scan_within(text, limits, 0)
}

/// Scans a longer document, which may take `more_steps` of namespace resolution.
pub(in crate::saml) fn scan_within(
    text: &str,
    limits: &Limits,
    more_steps: usize,
) -> Result<Counts, SamlRefusal> {
    let mut scan = Scan {
        limits,
        counts: Counts::default(),
        open: Vec::with_capacity(USUAL_DEPTH),
        in_scope: 0,
        steps: 0,
        max_steps: MAX_RESOLUTION_STEPS.saturating_add(more_steps),
        has_references: memmem::find(text.as_bytes(), b"&#").is_some(),
    };
    scan.document(text)?;
    Ok(scan.counts)
}

/// What was counted: at least what the parser will find.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::saml) struct Counts {
    pub(super) nodes: u32,
    pub(super) depth: usize,
    pub(super) namespaces: usize,
}

struct Scan<'l> {
    limits: &'l Limits,
    counts: Counts,
    /// For each open element, the declarations in scope outside it.
    open: Vec<usize>,
    in_scope: usize,
    steps: usize,
    max_steps: usize,
    /// Whether the text has character references. Most texts have none.
    has_references: bool,
}

impl Scan<'_> {
    fn document(&mut self, text: &str) -> Result<(), SamlRefusal> {
        let mut rest = text;
        if is_declaration(rest) {
            // The parser takes it for an instruction if a tab or line end follows.
            self.node()?;
            rest = after(rest, 0, "?>")?;
        }
        while let Some(start) = memchr(b'<', rest.as_bytes()) {
            if start > 0 {
                self.node()?;
                self.references(rest.get(..start).unwrap_or_default())?;
            }
            let markup = rest.get(start..).ok_or(SamlRefusal::NotXml)?;
            rest = match markup.as_bytes().get(1) {
                Some(b'!') => self.comment_or_cdata(markup)?,
                Some(b'?') => self.processing_instruction(markup)?,
                Some(b'/') => {
                    self.in_scope = self.open.pop().ok_or(SamlRefusal::NotXml)?;
                    let end = memchr(b'>', markup.as_bytes()).ok_or(SamlRefusal::NotXml)?;
                    markup.get(end + 1..).unwrap_or_default()
                }
                _ => self.start_tag(markup)?,
            };
        }
        Ok(())
    }

    fn comment_or_cdata<'t>(&mut self, markup: &'t str) -> Result<&'t str, SamlRefusal> {
        self.node()?;
        if markup.starts_with("<!--") {
            after(markup, "<!--".len(), "-->")
        } else if markup.starts_with("<![CDATA[") {
            after(markup, "<![CDATA[".len(), "]]>")
        } else {
            // Every other `<!` belongs to a document type declaration.
            Err(SamlRefusal::Doctype)
        }
    }

    fn processing_instruction<'t>(&mut self, markup: &'t str) -> Result<&'t str, SamlRefusal> {
        self.node()?;
        // XML 1.0, 2.6: the target `xml` is reserved. The parser takes `<?xml`
        // followed by a tab for an instruction.
        let target = markup.get(2..).unwrap_or_default();
        let end = target.find(|c: char| c.is_ascii_whitespace() || c == '?').unwrap_or(target.len());
        if target.get(..end).is_some_and(|name| name.eq_ignore_ascii_case("xml")) {
            return Err(SamlRefusal::NotXml);
        }
        after(markup, 2, "?>")
    }

    fn start_tag<'t>(&mut self, markup: &'t str) -> Result<&'t str, SamlRefusal> {
        self.node()?;
        let depth = self.open.len() + 1;
        self.counts.depth = self.counts.depth.max(depth);
        if depth > self.limits.max_depth as usize {
            return Err(SamlRefusal::TooComplex(Cap::Depth));
        }

        let mut tag = Tag { rest: markup.get(1..).unwrap_or_default() };
        tag.name();
        let outside = self.in_scope;
        let mut attributes = 0_usize;
        let mut default_declared = false;
        let is_empty = loop {
            match tag.next()? {
                Next::Open => break false,
                Next::Empty => break true,
                Next::Attribute { name, value } => {
                    attributes += 1;
                    if attributes > self.limits.max_attributes {
                        return Err(SamlRefusal::TooComplex(Cap::Attributes));
                    }
                    self.references(value)?;
                    if name == "xmlns" {
                        // The parser lets a second default declaration pass.
                        if std::mem::replace(&mut default_declared, true) {
                            return Err(SamlRefusal::NotXml);
                        }
                        self.declaration(value)?;
                    } else if name.starts_with("xmlns:") {
                        // Namespaces in XML 1.0, 5: a prefix cannot be undeclared,
                        // and 3: `xmlns` cannot be declared.
                        if value.is_empty() || name == "xmlns:xmlns" {
                            return Err(SamlRefusal::NotXml);
                        }
                        self.declaration(value)?;
                    }
                }
            }
        };

        let copied = if self.in_scope > outside { self.in_scope.saturating_mul(self.in_scope) } else { 0 };
        let looked_up = self.in_scope.saturating_mul(attributes + 1);
        self.steps = self.steps.saturating_add(copied).saturating_add(looked_up);
        if self.steps > self.max_steps {
            return Err(SamlRefusal::TooComplex(Cap::Namespaces));
        }
        if is_empty {
            self.in_scope = outside;
        } else {
            self.open.push(outside);
        }
        Ok(tag.rest)
    }

    fn declaration(&mut self, uri: &str) -> Result<(), SamlRefusal> {
        self.counts.namespaces += 1;
        self.in_scope += 1;
        if self.counts.namespaces > self.limits.max_namespaces {
            return Err(SamlRefusal::TooComplex(Cap::Namespaces));
        }
        // Canonical XML 1.0, 1.3 and 4.7 make relative namespace URIs an error.
        // Checked here for the whole document, rendered or not.
        if !uri.is_empty() && !is_absolute_uri(uri) {
            return Err(SamlRefusal::NotCanonicalizable);
        }
        Ok(())
    }

    /// XML 1.0, 4.1: a reference must name a character. The parser reads one to a
    /// surrogate, or to no code point of Unicode, as U+FFFD.
    fn references(&self, text: &str) -> Result<(), SamlRefusal> {
        if !self.has_references {
            return Ok(());
        }
        let is_character = |reference: &str| {
            let number = reference.split_once(';').map_or(reference, |(number, _)| number);
            let code = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            code.is_ok_and(|code| char::from_u32(code).is_some())
        };
        if text.split("&#").skip(1).all(is_character) { Ok(()) } else { Err(SamlRefusal::NotXml) }
    }

    fn node(&mut self) -> Result<(), SamlRefusal> {
        self.counts.nodes = self.counts.nodes.saturating_add(1);
        if self.counts.nodes > self.limits.max_nodes {
            return Err(SamlRefusal::TooComplex(Cap::Nodes));
        }
        Ok(())
    }
}

/// The prefixes that the start tag at the beginning of `markup` declares
/// (`None`: the default namespace), and where the name in it ends.
pub(in crate::saml) fn declarations(markup: &str) -> Result<(usize, Vec<Option<&str>>), SamlRefusal> {
    let mut tag = Tag { rest: markup.strip_prefix('<').ok_or(SamlRefusal::NotXml)? };
    let name = tag.name().len() + 1;
    let mut declared = Vec::new();
    while let Next::Attribute { name, .. } = tag.next()? {
        if name == "xmlns" {
            declared.push(None);
        } else if let Some(prefix) = name.strip_prefix("xmlns:") {
            declared.push(Some(prefix));
        }
    }
    Ok((name, declared))
}

/// Whether a URI begins with a scheme (RFC 3986, 3.1).
pub(super) fn is_absolute_uri(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    })
}

/// Whether the text begins with an XML declaration.
pub(in crate::saml) fn is_declaration(text: &str) -> bool {
    text.strip_prefix("<?xml").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_whitespace()))
}

/// What follows `end`, searched `skip` bytes into `markup`.
fn after<'t>(markup: &'t str, skip: usize, end: &str) -> Result<&'t str, SamlRefusal> {
    let body = markup.get(skip..).ok_or(SamlRefusal::NotXml)?;
    let at = memmem::find(body.as_bytes(), end.as_bytes()).ok_or(SamlRefusal::NotXml)?;
    body.get(at + end.len()..).ok_or(SamlRefusal::NotXml)
}

/// The inside of a start tag.
struct Tag<'t> {
    rest: &'t str,
}

enum Next<'t> {
    Open,
    Empty,
    Attribute { name: &'t str, value: &'t str },
}

impl<'t> Tag<'t> {
    fn next(&mut self) -> Result<Next<'t>, SamlRefusal> {
        self.rest = skip_spaces(self.rest);
        match self.rest.as_bytes().first() {
            Some(b'>') => {
                self.skip(1);
                Ok(Next::Open)
            }
            Some(b'/') => {
                self.rest = self.rest.strip_prefix("/>").ok_or(SamlRefusal::NotXml)?;
                Ok(Next::Empty)
            }
            Some(_) => {
                let name = self.name();
                let rest = skip_spaces(self.rest).strip_prefix('=').ok_or(SamlRefusal::NotXml)?;
                let rest = skip_spaces(rest);
                let quote =
                    rest.bytes().next().filter(|b| matches!(b, b'"' | b'\'')).ok_or(SamlRefusal::NotXml)?;
                let body = rest.get(1..).ok_or(SamlRefusal::NotXml)?;
                let end = memchr(quote, body.as_bytes()).ok_or(SamlRefusal::NotXml)?;
                self.rest = body.get(end + 1..).unwrap_or_default();
                Ok(Next::Attribute { name, value: body.get(..end).unwrap_or_default() })
            }
            None => Err(SamlRefusal::NotXml),
        }
    }

    /// Takes everything up to the next byte that cannot be in a name. The parser
    /// refuses the rest of what is not a name.
    fn name(&mut self) -> &'t str {
        let is_end = |b: u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b'/' | b'>' | b'=');
        let end = self.rest.bytes().position(is_end).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        name
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

fn skip_spaces(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r'])
}

#[cfg(test)]
mod tests;
