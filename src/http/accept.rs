//! Which format a refusal has: what `Accept` prefers (RFC 9110 section 12.5.1).

use super::refusal::Format;
use http::{HeaderMap, header};

/// JSON, if `Accept` names it and does not prefer HTML. Wildcards name nothing:
/// browsers send them, and a person at a browser needs a page.
pub(super) fn preferred_format(headers: &HeaderMap) -> Format {
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
    if json > 0 && json >= html { Format::Json } else { Format::Html }
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
}
