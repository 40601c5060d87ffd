//! Where a request goes: its path, below stage and base path, and its query.
//!
//! REST APIs, function URLs and load balancers give the path as the client sent it; HTTP
//! APIs give it decoded, in both payload formats. Neither is told apart by the event, so
//! whatever cannot stand in a path is escaped, and an escape stays one: no route of ours
//! needs any. A `?` that a client has escaped must not begin a query.
//!
//! A REST API decodes the query, a load balancer does not
//! ("If the query parameters are URL-encoded, the load balancer does not decode them").

use http::Uri;
use std::fmt::Write;

/// The request's target. `None`: such a path and query are no URI, or too long for one.
pub(super) fn target(path: &str, query: Option<&str>) -> Option<Uri> {
    let path = match path {
        "" => "/",
        path if path.starts_with('/') => path,
        _ => return None,
    };
    let mut target = escaped(path);
    if let Some(query) = query.filter(|query| !query.is_empty()) {
        target.push('?');
        target.push_str(query);
    }
    target.try_into().ok()
}

/// `/saml`, from `/prod/saml` at a stage, or from below a mapped base path.
pub(super) fn route_path<'p>(raw: &'p str, stage: Option<&str>, base_path: &str) -> &'p str {
    let below =
        |prefix: &str| raw.strip_prefix(prefix).filter(|rest| rest.starts_with('/') && !prefix.is_empty());
    let stage = stage.filter(|stage| *stage != "$default").map(|stage| format!("/{stage}"));
    stage.and_then(|stage| below(&stage)).or_else(|| below(base_path)).unwrap_or(raw)
}

/// The path of our public URL: the base path that a gateway maps us to.
pub(super) fn path_of(public_url: &str) -> &str {
    let after_scheme = public_url.split_once("://").map_or("", |(_, rest)| rest);
    after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or_default()
}

/// A query of names and values that were decoded.
pub(super) fn encoded_query(pairs: &[(String, String)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// A query of names and values as the client sent them.
pub(super) fn plain_query(pairs: &[(String, String)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// The path with escapes for everything but RFC 3986's `pchar`, `/` and what are escapes
/// already.
fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(byte.into()),
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => {
                escaped.push(byte.into());
            }
            b':' | b'@' | b'/' | b'%' => escaped.push(byte.into()),
            // A String takes all that is written.
            _ => _ = write!(escaped, "%{byte:02X}"),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::form;
    use proptest::prelude::*;

    #[test]
    fn routes_are_found_below_stages_and_base_paths() {
        for (raw, stage, base_path, path) in [
            ("/saml", None, "", "/saml"),
            ("/saml", Some("$default"), "", "/saml"),
            ("/prod/saml", Some("prod"), "", "/saml"),
            ("/prod/saml", Some("prod"), "/prod", "/saml"),
            ("/sign-in/saml", None, "/sign-in", "/saml"),
            ("/saml", None, "/sign-in", "/saml"),
            // A stage that is named like a route, and a path that only begins like a stage.
            ("/saml/saml", Some("saml"), "", "/saml"),
            ("/saml", Some("saml"), "", "/saml"),
            ("/production/saml", Some("prod"), "", "/production/saml"),
            ("/saml", Some(""), "", "/saml"),
            ("", None, "", ""),
        ] {
            assert_eq!(route_path(raw, stage, base_path), path, "{raw} {stage:?} {base_path}");
        }
        assert_eq!(path_of("https://vestibule.example.com"), "");
        assert_eq!(path_of("https://abc.execute-api.eu-central-1.amazonaws.com/prod"), "/prod");
    }

    #[test]
    fn a_path_stays_one_path() {
        for (path, query, expected) in [
            ("/saml", None, Some("/saml")),
            ("/saml", Some(""), Some("/saml")),
            (
                "/saml/login",
                Some("idp=ADFS&RelayState=a%23%23b"),
                Some("/saml/login?idp=ADFS&RelayState=a%23%23b"),
            ),
            ("", None, Some("/")),
            ("/", Some("a"), Some("/?a")),
            // Decoded by an HTTP API: none of these is `/saml`.
            ("/saml<", None, Some("/saml%3C")),
            ("/saml?idp=x", None, Some("/saml%3Fidp=x")),
            ("/saml#x", None, Some("/saml%23x")),
            ("/saml \r\n\0ü", None, Some("/saml%20%0D%0A%00%C3%BC")),
            // Not decoded.
            ("/saml%3C%", None, Some("/saml%3C%")),
            ("//evil.example.com/saml", None, Some("//evil.example.com/saml")),
            ("*", None, None),
            ("saml", None, None),
            ("https://evil.example.com/saml", None, None),
            ("/saml", Some("a b"), None),
            ("/saml", Some("<"), None),
            ("/saml", Some("\""), None),
            ("/saml", Some("\n"), None),
        ] {
            let target = target(path, query);
            let found = target.as_ref().map(|uri| uri.path_and_query().unwrap().as_str());
            assert_eq!(found, expected, "{path:?} {query:?}");
            assert!(target.is_none_or(|uri| uri.authority().is_none()));
        }
        assert!(target(&"/a".repeat(40_000), None).is_none());
    }

    proptest! {
        #[test]
        fn a_path_never_has_a_query_nor_an_authority(path in "/.*", query in "[a-z=&]{1,9}") {
            let target = target(&path, Some(&query)).unwrap();
            prop_assert_eq!(target.query(), Some(query.as_str()));
            prop_assert!(target.authority().is_none());
        }

        #[test]
        fn a_decoded_query_survives_the_way(
            pairs in proptest::collection::vec(any::<(String, String)>(), 0..32)
        ) {
            let query = encoded_query(&pairs);
            prop_assert!(query.is_empty() || target("/", Some(&query)).is_some());
            let fields = form::fields(query.as_bytes()).map(|field| field.unwrap());
            let fields: Vec<_> = fields.map(|(name, value)| (name, value.to_string())).collect();
            prop_assert_eq!(fields, pairs);
        }
    }
}
