//! Who reads the answer: what `Accept` prefers (RFC 9110 section 12.5.1).

use super::refusal::Reader;
use http::{HeaderMap, header};

/// A program, if `Accept` names JSON and does not like HTML better. Wildcards
/// name nothing: browsers send them, and people sit in front of browsers.
pub(super) fn reader(headers: &HeaderMap) -> Reader {
    let (mut json, mut html) = (0, 0);
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in values.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        let quality = quality.map_or(1_000, thousandths);
        match name.as_str() {
            "application/json" => json = json.max(quality),
            "text/html" | "application/xhtml+xml" => html = html.max(quality),
            _ => {}
        }
    }
    if json > 0 && json >= html { Reader::Program } else { Reader::Person }
}

/// A quality value in thousandths; 0 if it is not one.
fn thousandths(text: &str) -> u16 {
    text.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).map_or(0, |q| (q * 1_000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader_of(accept: &str) -> Reader {
        reader(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]))
    }

    #[test]
    fn json_is_for_those_who_ask_for_it() {
        for accept in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json, text/plain, */*",
            "text/html;q=0.5, application/json;q=0.9",
            "application/json, text/html",
        ] {
            assert_eq!(reader_of(accept), Reader::Program, "{accept}");
        }
    }

    #[test]
    fn everybody_else_reads_a_page() {
        for accept in [
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "application/json;q=0",
            "application/json;q=0.1, text/html",
            "application/json;q=nonsense",
            "application/*",
            "",
        ] {
            assert_eq!(reader_of(accept), Reader::Person, "{accept}");
        }
        assert_eq!(reader(&HeaderMap::new()), Reader::Person);
    }
}
