//! Holds `static/words.json` complete, and each translation to what holds for the English.

use super::super::error::{Error, Refusal};
use super::super::frame::FRAME_WORDS;
use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// What may be the same in another language.
const SAME: [&str; 0] = [];

/// Words that mean nothing to the people who read them.
const JARGON: &str = "saml assertion jwt sts xml base64 relaystate acs token digest http url canonical \
    idp issuer audience recipient utf parser";

/// In English a request is one; in a translation it is a word left over.
const LEFT_IN_ENGLISH: &str = "request";

/// The words of a text that are among these.
fn among<'w>(text: &str, words: &'w str) -> Vec<&'w str> {
    let text: Vec<String> = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
    words.split_whitespace().filter(|word| text.iter().any(|each| each == word)).collect()
}

fn table() -> BTreeMap<String, BTreeMap<String, String>> {
    serde_json::from_str(include_str!("../../../static/words.json")).unwrap()
}

fn texts() -> BTreeSet<&'static str> {
    let of = |error: &Error| {
        let row = error.row();
        [row.title, row.happened, row.to_do]
    };
    // API Gateway's own word stays as it is.
    let refusals = Error::all().into_iter().filter(|error| *error != Error::Unauthorized);
    let refusals = refusals.flat_map(|error| of(&error));
    refusals.chain(FRAME_WORDS).filter(|text| !text.is_empty()).collect()
}

#[test]
fn every_text_is_there_in_every_language() {
    let table = table();
    for text in texts() {
        let translations = table.get(text).unwrap_or_else(|| panic!("not in static/words.json: {text}"));
        for language in ["de", "fr"] {
            let translated = translations.get(language).unwrap_or_else(|| panic!("{language}: {text}"));
            assert!(!translated.trim().is_empty(), "{language}: {text}");
            assert!(translated != text || SAME.contains(&text), "{language}: {text}");
            assert_eq!(translated.ends_with('.'), text.ends_with('.'), "{language}: {translated}");
        }
        assert_eq!(translations.len(), 2, "{text}");
        for language in Language::ALL {
            assert!(!language.say(text).is_empty());
        }
    }
}

#[test]
fn a_translation_keeps_placeholders_and_no_text_has_jargon() {
    let placeholders = |text: &str| -> BTreeSet<String> {
        text.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
    };
    let ours = texts();
    for (english, translations) in table() {
        for (language, translated) in translations {
            assert_eq!(placeholders(&translated), placeholders(&english), "{language}: {translated}");
            if ours.contains(english.as_str()) {
                assert_eq!(among(&translated, JARGON), [""; 0], "{language}: {translated}");
                assert_eq!(among(&translated, LEFT_IN_ENGLISH), [""; 0], "{language}: {translated}");
            }
        }
    }
    for english in ours {
        assert_eq!(among(english, JARGON), [""; 0], "{english}");
    }
}

/// A text that nobody shows any more is read by every browser that is not English.
#[test]
fn no_text_is_left_over() {
    let page = [
        include_str!("../../../static/index.html"),
        include_str!("../../../static/page.js"),
        include_str!("../../../static/document.js"),
        include_str!("../../../static/cards.js"),
        include_str!("../../../static/chooser.js"),
        include_str!("../../../static/rows.js"),
        include_str!("../../../static/failures.js"),
        include_str!("../../../static/formats.js"),
        include_str!("../../../static/shell.js"),
        include_str!("../../../static/vestibule.js"),
    ]
    .join("\n");
    let ours = texts();
    for text in table().into_keys() {
        let shown = [format!("\"{text}\""), format!(">{text}<")].iter().any(|shown| page.contains(shown));
        assert!(shown || ours.contains(text.as_str()), "shown nowhere: {text}");
    }
}

/// Others add their own words to the file: it is merged line by line.
#[test]
fn the_file_is_sorted() {
    let keys: Vec<&str> = include_str!("../../../static/words.json")
        .lines()
        .filter_map(|line| line.strip_prefix(" \"")?.strip_suffix("\": {"))
        .collect();
    assert_eq!(keys.len(), table().len());
    assert!(keys.is_sorted(), "sort the keys of static/words.json");
}

#[test]
fn a_language_says_what_it_knows() {
    let text = "The sign-in has expired";
    assert_eq!(Language::English.say(text), text);
    assert_eq!(Language::German.say(text), "Die Anmeldung ist abgelaufen");
    assert_eq!(Language::French.say(text), "La connexion a expiré");
    assert_eq!(Language::German.say("Unauthorized"), "Unauthorized");
}
