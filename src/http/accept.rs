//! What a client would rather read: format and language of an answer, by `Accept` and
//! `Accept-Language` (RFC 9110 sections 12.5.1 and 12.5.4).

use super::language::Language;
use super::refusal::Format;
use http::header::{self, HeaderMap, HeaderName};

/// The most ranges of `Accept-Language` that are looked at. Browsers send up to ten.
const MAX_LANGUAGES: usize = 32;

/// JSON, if `Accept` names it and does not prefer HTML. Wildcards name nothing:
/// browsers send them, and a person at a browser needs a page.
pub(super) fn preferred_format(headers: &HeaderMap) -> Format {
    let (mut json, mut html) = (0, 0);
    for (name, quality) in ranges(headers, header::ACCEPT) {
        match name.to_ascii_lowercase().as_str() {
            "application/json" => json = json.max(quality),
            "text/html" | "application/xhtml+xml" => html = html.max(quality),
            _ => {}
        }
    }
    if json > 0 && json >= html { Format::Json } else { Format::Html }
}

/// The language that `Accept-Language` prefers, the first of several alike. A range such
/// as `de-CH` is met by German (RFC 4647 3.4). English where nothing is acceptable.
pub(super) fn preferred_language(headers: &HeaderMap) -> Language {
    let mut named = Vec::with_capacity(Language::ALL.len());
    let (mut best, mut any) = ((0, Language::English), 0);
    for (range, quality) in ranges(headers, header::ACCEPT_LANGUAGE).take(MAX_LANGUAGES) {
        let primary = range.split('-').next().unwrap_or_default();
        match Language::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary)) {
            Some(language) => {
                named.push(language);
                if quality > best.0 {
                    best = (quality, language);
                }
            }
            None if range == "*" => any = any.max(quality),
            None => {}
        }
    }
    let other = Language::ALL.into_iter().find(|language| !named.contains(language));
    match other {
        Some(other) if any > best.0 => other,
        _ => best.1,
    }
}

/// The ranges of such a header in their order, each with its quality in thousandths.
fn ranges(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (&str, u16)> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let quality = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        (name, quality.map_or(1_000, thousandths))
    })
}

/// A quality value in thousandths; 0 if it is not one.
fn thousandths(text: &str) -> u16 {
    text.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).map_or(0, |q| (q * 1_000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format_for(accept: &str) -> Format {
        preferred_format(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]))
    }

    #[test]
    fn json_is_sent_to_clients_that_ask_for_it() {
        for accept in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json, text/plain, */*",
            "text/html;q=0.5, application/json;q=0.9",
            "application/json, text/html",
        ] {
            assert_eq!(format_for(accept), Format::Json, "{accept}");
        }
    }

    #[test]
    fn every_other_client_gets_a_page() {
        for accept in [
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json;q=0",
            "application/json;q=0.1, text/html",
            "application/json;q=nonsense",
            "application/*",
            "",
        ] {
            assert_eq!(format_for(accept), Format::Html, "{accept}");
        }
        assert_eq!(preferred_format(&HeaderMap::new()), Format::Html);
    }

    fn language(accept: &str) -> &'static str {
        let value = http::HeaderValue::from_bytes(accept.as_bytes()).unwrap();
        preferred_language(&HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, value)])).tag()
    }

    #[test]
    fn the_best_of_our_languages_is_spoken() {
        for (accept, expected) in [
            ("de-AT,de;q=0.9,en;q=0.5", "de"),
            ("de-CH", "de"),
            ("FR-ca ; Q=0.7, en;q=0.6", "fr"),
            ("en-GB,de", "en"),
            ("fr, de", "fr"),
            ("de;q=0.2, fr;q=0.8", "fr"),
            ("es, fr;q=0.5, en;q=0.3", "fr"),
            ("es, *;q=0.5", "en"),
            ("en;q=0.3, *;q=0.5", "de"),
            ("en;q=0, de;q=0, *", "fr"),
            ("*;q=0.5, de;q=0.6", "de"),
        ] {
            assert_eq!(language(accept), expected, "{accept}");
        }
    }

    #[test]
    fn nothing_acceptable_and_nonsense_are_english() {
        let long = "de,".repeat(10).replace("de", "xx") + &"zz-".repeat(100_000);
        let late = "xx,".repeat(MAX_LANGUAGES) + "de";
        for accept in [
            "",
            "es",
            "fr;q=0",
            "*;q=0",
            "en;q=0",
            "de;q=2",
            "de;q=-1",
            "de;q=NaN",
            "deutsch",
            "de_DE",
            "d",
            "-de",
            ";;;,,,;q=",
            "\u{fc}, de",
            long.as_str(),
            late.as_str(),
        ] {
            let shown = accept.get(..20).unwrap_or(accept);
            assert_eq!(language(accept), "en", "{shown}");
        }
        assert_eq!(preferred_language(&HeaderMap::new()), Language::English);
    }
}
