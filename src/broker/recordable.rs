//! What others wrote, as the audit trail has it: no text forges the listing it is shown in.

use super::ids::Handle;

/// The longest text of an assertion that is recorded as it is, in bytes. Longer ones
/// have their beginning and their hash instead: a row must have a bound, and a name
/// of that length is none that people could read. SAML's longest identifiers have 256.
const MAX_TEXT: usize = 1_024;

/// A text of an assertion, as it is recorded: without characters that make something
/// else of the line they are shown in (terminals, listings, logs), and bounded. A text
/// that had to be changed has its hash behind it, so that different ones stay different.
pub(super) fn recordable(text: &str) -> String {
    if text.len() <= MAX_TEXT && !text.contains(is_misleading) {
        return text.to_owned();
    }
    let hash = Handle::of(&[text.as_bytes()]);
    let room = MAX_TEXT - hash.as_str().len() - '\u{2026}'.len_utf8();
    let mut recorded = String::with_capacity(MAX_TEXT);
    for char in text.chars() {
        let char = if is_misleading(char) { char::REPLACEMENT_CHARACTER } else { char };
        if recorded.len() + char.len_utf8() > room {
            break;
        }
        recorded.push(char);
    }
    recorded.push('\u{2026}');
    recorded.push_str(hash.as_str());
    recorded
}

/// Control characters, other ends of lines, and what turns the direction of writing.
pub(super) fn is_misleading(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_bounded_and_stays_different() {
        assert_eq!(recordable("EXAMPLE\\jos\u{e9}"), "EXAMPLE\\jos\u{e9}");
        let longest = "x".repeat(MAX_TEXT);
        assert_eq!(recordable(&longest), longest);
        for letter in ["x", "\u{df}", "\u{1f511}"] {
            let (one, other) = (letter.repeat(90_000), letter.repeat(90_001));
            assert!(recordable(&one).len() <= MAX_TEXT);
            assert!(recordable(&one).starts_with(&letter.repeat(200)));
            assert_ne!(recordable(&one), recordable(&other));
        }
    }

    #[test]
    fn a_text_that_would_forge_lines_does_not() {
        for evil in
            ["\n", "\r", "\t", "\0", "\u{1b}[2J", "\u{9b}2J", "\u{7f}", "\u{202e}", "\u{2028}", "\u{85}"]
        {
            let (one, other) = (format!("jane{evil}"), format!("jane{evil} "));
            assert!(!recordable(&one).contains(is_misleading), "{evil:?}");
            assert!(recordable(&one).starts_with("jane\u{fffd}"));
            assert_ne!(recordable(&one), recordable(&other));
            assert_ne!(recordable(&one), recordable("jane\u{fffd}"));
        }
        let joined = "\u{646}\u{200c}\u{62f}";
        assert_eq!(recordable(joined), joined, "joiners are part of names");
    }
}
