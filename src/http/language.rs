//! The languages of what people read here: English, German and French.

use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A language in which pages and messages are written. Codes, references and the
/// operator's own words are never translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
    French,
}

/// `static/words.json`: the English text is the key.
#[derive(Deserialize)]
struct Translations {
    de: String,
    fr: String,
}

static TABLE: LazyLock<HashMap<String, Translations>> = LazyLock::new(|| {
    // A test reads the same text; without a table everything would be English.
    serde_json::from_str(include_str!("../../static/words.json")).unwrap_or_default()
});

impl Language {
    /// In the order in which `*` chooses.
    pub(super) const ALL: [Self; 3] = [Self::English, Self::German, Self::French];

    /// Its tag (BCP 47).
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
        }
    }

    /// This text of ours in this language.
    pub(super) fn say(self, english: &'static str) -> &'static str {
        let translated =
            |of: fn(&'static Translations) -> &'static str| TABLE.get(english).map_or(english, of);
        match self {
            Self::English => english,
            Self::German => translated(|text| &text.de),
            Self::French => translated(|text| &text.fr),
        }
    }
}

#[cfg(test)]
mod tests;
