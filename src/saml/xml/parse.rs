//! Parsing a text: the caps first, then the parser.

use super::limits::Limits;
use super::scan::scan;
use crate::saml::refusal::SamlRefusal;
use roxmltree::{Document, ParsingOptions};
use zeroize::Zeroizing;

/// Parses a text within the caps.
pub(in crate::saml) fn tree<'t>(text: &'t str, limits: &Limits) -> Result<Document<'t>, SamlRefusal> {
    scan(text, limits)?;
    // The parser counts the root of the tree too.
    let nodes_limit = limits.max_nodes.saturating_add(1);
    let options = ParsingOptions { allow_dtd: false, nodes_limit, entity_resolver: None };
    // The scan has already refused documents beyond the caps or with a document
    // type, and it never counts less than the parser. The parser's own limits are
    // a second line of defence.
    Document::parse_with_options(text, options).map_err(|_| SamlRefusal::NotXml)
}

/// XML 1.0, 2.11: `\r\n` and a lone `\r` become `\n` before the text is parsed.
/// (The parser does it later, and not correctly next to character references.)
pub(in crate::saml) fn with_normal_line_ends(text: &str) -> Zeroizing<String> {
    // The capacity suffices, so no reallocation leaves an unwiped copy behind.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_normal() {
        assert_eq!(*with_normal_line_ends("a\r\nb\r\r\n\nc\r"), "a\nb\n\n\nc\n");
    }
}
