//! White space as XML and its schema types treat it.
//!
//! The schema of SAML gives each value a type, and the type says what white space
//! around it means (XML Schema part 2, 4.3.6): it is no part of an `xs:anyURI`, an
//! `xs:NCName`, an `xs:boolean` or an `xs:dateTime` (`collapse`), and it is part of an
//! `xs:string` (`preserve`). A string of white space only is no value at all
//! (core 1.3.1 and 1.3.2).

/// XML 1.0, 2.3: the only white space. A no-break space is a character like others.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

/// The text without the white space around it.
pub fn trim_blanks(text: &str) -> &str {
    text.trim_matches(BLANKS)
}

/// Whether there is nothing but white space.
pub(in crate::saml) fn is_blank(text: &str) -> bool {
    trim_blanks(text).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_four_blanks_of_xml_are_white_space() {
        assert_eq!(trim_blanks(" \t\r\n a \u{a0}b\n"), "a \u{a0}b");
        for blank in ["", " ", "\t\n\r"] {
            assert!(is_blank(blank), "{blank:?}");
        }
        for text in ["\u{a0}", "\u{2003}", "\u{85}", "\u{c}", "\u{b}", "\u{feff}"] {
            assert!(!is_blank(text), "{text:?}");
            assert_eq!(trim_blanks(text), text);
        }
    }
}
