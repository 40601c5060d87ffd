//! Small values: durations, URLs, origins, networks. The error of each parser
//! says what was expected.

use crate::roles::{Effect, is_region};
use std::net::{IpAddr, SocketAddr};
use time::Duration;

/// `30s`, `5m`, `1h`.
///
/// # Errors
/// What was expected.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "expected a duration such as \"30s\", \"5m\" or \"1h\"";
    let unit = text.chars().next_back().ok_or(EXPECTED)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(EXPECTED),
    };
    let digits = text.strip_suffix(unit).unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(EXPECTED);
    }
    let count: u32 = digits.parse().map_err(|_| EXPECTED)?;
    Ok(Duration::seconds(i64::from(count) * seconds))
}

/// How long credentials may live.
pub(crate) fn credentials_duration(text: &str) -> Result<Duration, &'static str> {
    let duration = duration(text)?;
    Effect::check_duration(duration).map_err(|_| "expected a duration from \"15m\" to \"12h\"")
}

/// A duration between two others, written as in the file. A bound that is no
/// duration refuses every value.
pub(crate) fn duration_between(
    least: &'static str,
    most: &'static str,
) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| {
        let value = duration(text)?;
        let bounds = duration(least)?..=duration(most)?;
        if bounds.contains(&value) { Ok(value) } else { Err(format!("expected {least:?} to {most:?}")) }
    }
}

/// One of these words, which the error lists.
pub(crate) fn one_of<T: Copy, const N: usize>(
    words: [(&'static str, T); N],
) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let quoted = words.map(|(word, _)| format!("{word:?}"));
            match quoted.split_last() {
                Some((last, others)) if !others.is_empty() => {
                    format!("expected {} or {last}", others.join(", "))
                }
                Some(_) | None => format!("expected {}", quoted.concat()),
            }
        })
    }
}

/// A text that is not empty, as it is.
pub(crate) fn not_empty(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("expected a text that is not empty") } else { Ok(text.to_owned()) }
}

/// What an identity provider writes as `InResponseTo`, which can be the empty text.
pub(crate) fn in_response_to(text: &str) -> Result<String, &'static str> {
    let expected = "expected the text that is written, without white space around it; \"\" for an empty one";
    if text.trim() == text { Ok(text.to_owned()) } else { Err(expected) }
}

/// An address and a port to listen on.
pub(crate) fn socket(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "expected an IP address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"")
}

/// An http or https URL, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebUrl {
    /// Scheme, host and port as a browser's `Origin` header has them: in lower
    /// case, without the scheme's own port.
    pub(crate) origin: String,
    /// Path and query, as written; empty or beginning with `/`.
    rest: String,
}

impl WebUrl {
    /// An absolute URL without a fragment: https, or http on a loopback host,
    /// where the connection cannot be read on its way.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected an absolute URL such as \"https://vestibule.example.com\"";
        if text.contains('#') {
            return Err("expected a URL without a fragment (#)");
        }
        let uri: http::Uri = text.parse().map_err(|_| EXPECTED)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(EXPECTED);
        };
        let host = authority.host().to_ascii_lowercase();
        if !is_host(&host) || authority.as_str().contains('@') {
            return Err(EXPECTED);
        }
        let own_port = match scheme {
            "https" => 443,
            "http" if is_loopback(&host) => 80,
            "http" => {
                return Err("expected https: http is for loopback hosts only (localhost, 127.0.0.1, [::1])");
            }
            _ => return Err("expected an https URL"),
        };
        let port = match (authority.port(), authority.as_str().rsplit_once(':')) {
            (Some(port), _) if port.as_u16() == own_port => String::new(),
            (Some(port), _) => format!(":{}", port.as_u16()),
            // "https://host:" and "https://host:99999" have no port that the http crate reads.
            (None, Some((_, after))) if !after.ends_with(']') => return Err(EXPECTED),
            (None, _) => String::new(),
        };
        let after_scheme = text.get(text.find("://").map_or(0, |i| i + 3)..).unwrap_or_default();
        let rest = after_scheme.find(['/', '?']).and_then(|i| after_scheme.get(i..)).unwrap_or_default();
        Ok(Self { origin: format!("{scheme}://{host}{port}"), rest: rest.to_owned() })
    }

    /// The URL, its origin normalized.
    pub(crate) fn into_text(self) -> String {
        self.origin + &self.rest
    }
}

/// The URL of this service: no query, no fragment, no trailing slash.
pub(crate) fn public_url(text: &str) -> Result<WebUrl, &'static str> {
    let url = WebUrl::parse(text)?;
    if url.rest.contains('?') {
        return Err("expected a URL without a query (?)");
    }
    Ok(WebUrl { rest: url.rest.trim_end_matches('/').to_owned(), ..url })
}

/// Scheme, host and port, as browsers send them in `Origin`.
pub(crate) fn origin(text: &str) -> Result<String, &'static str> {
    let url = WebUrl::parse(text)?;
    if url.rest.is_empty() {
        Ok(url.origin)
    } else {
        Err("expected an origin such as \"https://app.example.com\": no path, no trailing slash")
    }
}

/// A name (international ones in their ASCII form), an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        }
    }
}

/// Whether this URL, which [`WebUrl::parse`] has accepted, leads to this machine.
pub(crate) fn is_loopback_url(url: &str) -> bool {
    let uri = url.parse::<http::Uri>().ok();
    uri.and_then(|uri| uri.host().map(str::to_ascii_lowercase)).is_some_and(|host| is_loopback(&host))
}

fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    address.parse().map_or_else(
        |_| host == "localhost" || host.ends_with(".localhost"),
        |address: IpAddr| address.is_loopback(),
    )
}

/// An IP network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The network's address.
    pub address: IpAddr,
    /// The prefix length in bits.
    pub prefix: u8,
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    /// Whether the address is in it. IPv4 and IPv6 have none in common.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(net), IpAddr::V4(ip)) => same_prefix(net.to_bits(), ip.to_bits(), 32, self.prefix),
            (IpAddr::V6(net), IpAddr::V6(ip)) => same_prefix(net.to_bits(), ip.to_bits(), 128, self.prefix),
            _ => false,
        }
    }
}

fn same_prefix(a: impl Into<u128>, b: impl Into<u128>, bits: u32, prefix: u8) -> bool {
    // A shift by all 128 bits (prefix 0 of IPv6) is `None`: nothing is compared.
    let differing = a.into() ^ b.into();
    differing.checked_shr(bits.saturating_sub(u32::from(prefix))).unwrap_or(0) == 0
}

/// `10.0.0.0/8`, `fd00::/8`, or one address.
pub(crate) fn network(text: &str) -> Result<Network, &'static str> {
    const EXPECTED: &str = "expected a network such as \"10.0.0.0/8\" or an IP address";
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let address: IpAddr = address.parse().map_err(|_| EXPECTED)?;
    let (bits, number) = match address {
        IpAddr::V4(v4) => (32, u128::from(u32::from(v4)) << 96),
        IpAddr::V6(v6) => (128, u128::from(v6)),
    };
    let prefix = match prefix {
        None => bits,
        Some(p) if p.bytes().all(|b| b.is_ascii_digit()) => p.parse().map_err(|_| EXPECTED)?,
        Some(_) => return Err(EXPECTED),
    };
    if prefix > bits {
        return Err(EXPECTED);
    }
    // A typing error in either half shows here; a guess could trust a wider network.
    if number.checked_shl(u32::from(prefix)).unwrap_or(0) != 0 {
        return Err("the address has bits beyond the prefix");
    }
    Ok(Network { address, prefix })
}

/// A text of at least one and at most `max` characters without control characters.
pub(crate) fn line(max: usize) -> impl Fn(&str) -> Result<String, String> {
    move |text| {
        let chars = text.chars().count();
        if text.trim().is_empty() || chars > max || text.chars().any(char::is_control) {
            return Err(format!("expected one line of 1 to {max} characters"));
        }
        Ok(text.to_owned())
    }
}

/// The name of an identity provider: in links (`?idp=NAME`), logs and the key
/// `NAME#NameID` of a users row.
pub(crate) fn idp_name(text: &str) -> Result<String, &'static str> {
    let ok = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if ok { Ok(text.to_owned()) } else { Err("expected 1 to 64 of A-Z a-z 0-9 . _ -") }
}

/// A region of AWS, `eu-central-1`.
pub(crate) fn region(text: &str) -> Result<String, &'static str> {
    if is_region(text) { Ok(text.to_owned()) } else { Err("expected a region such as \"us-east-1\"") }
}

/// A DynamoDB table's name (API reference, `TableName`), or its ARN.
pub(crate) fn table_name(text: &str) -> Result<String, &'static str> {
    let name = text.rsplit_once(":table/").map_or(text, |(_, name)| name);
    let ok = (3..=255).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && (name.len() == text.len() || text.starts_with("arn:"));
    if ok { Ok(text.to_owned()) } else { Err("expected a table's name: 3 to 255 of A-Z a-z 0-9 _ . -") }
}

/// A KMS key: an alias, a key id, the ARN of either.
pub(crate) fn key_id(text: &str) -> Result<String, &'static str> {
    let ok = (1..=2_048).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b':'));
    if ok {
        Ok(text.to_owned())
    } else {
        Err("expected a KMS key: \"alias/NAME\", a key id, or the ARN of either")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_have_one_number_and_one_unit() {
        assert_eq!(duration("30s"), Ok(Duration::seconds(30)));
        assert_eq!(duration("5m"), Ok(Duration::minutes(5)));
        assert_eq!(duration("12h"), Ok(Duration::hours(12)));
        for bad in ["", "s", "30", "-1s", "+1s", "1.5h", "1h30m", "1 h", "1d", "99999999999s", "３s", "1ß"]
        {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_public_url_is_https_or_loopback() {
        let text = |text| public_url(text).map(WebUrl::into_text);
        assert_eq!(text("https://Vestibule.Example.com").unwrap(), "https://vestibule.example.com");
        assert_eq!(text("https://v.example.com:443/").unwrap(), "https://v.example.com");
        assert_eq!(text("https://v.example.com:8443/Base/").unwrap(), "https://v.example.com:8443/Base");
        for loopback in
            ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:1", "http://a.localhost"]
        {
            assert_eq!(text(loopback).unwrap(), loopback);
        }
        for bad in [
            "",
            "/",
            "v.example.com",
            "//v.example.com",
            "ftp://v.example.com",
            "http://v.example.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "https://v.example.com/?a=b",
            "https://v.example.com/#a",
            "https://v.example.com#",
            "https://user@v.example.com",
            "https://v.example.com:",
            "https://v.example.com:99999",
            "https://",
            "https:///path",
            "https://v example.com",
            "https://v.example.com\r\nX: y",
            "javascript:1",
        ] {
            assert!(public_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn origins_are_as_browsers_send_them() {
        assert_eq!(origin("https://App.example.com:443").unwrap(), "https://app.example.com");
        assert_eq!(origin("http://localhost:3000").unwrap(), "http://localhost:3000");
        for bad in
            ["*", "null", "https://app.example.com/", "https://app.example.com/x", "https://*", "https://a?b"]
        {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn networks_are_cidr_without_host_bits() {
        let of = |address: &str, prefix| Ok(Network { address: address.parse().unwrap(), prefix });
        assert_eq!(network("10.0.0.0/8"), of("10.0.0.0", 8));
        assert_eq!(network("127.0.0.1"), of("127.0.0.1", 32));
        assert_eq!(network("fd00::/8"), of("fd00::", 8));
        assert_eq!(network("::1"), of("::1", 128));
        assert_eq!(network("0.0.0.0/0"), of("0.0.0.0", 0));
        for bad in
            ["", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/+8", "::/129", "fd00::1/64", "host"]
        {
            assert!(network(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_prefix_of_nothing_holds_everything_and_a_full_one_a_single_host() {
        let all = Network { address: "::".parse().unwrap(), prefix: 0 };
        assert!(all.contains("2001:db8::1".parse().unwrap()));
        let one = Network { address: "10.0.0.1".parse().unwrap(), prefix: 32 };
        assert!(one.contains("10.0.0.1".parse().unwrap()));
        assert!(!one.contains("10.0.0.2".parse().unwrap()));
        assert!(!all.contains("10.0.0.1".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "(https?://)?\\PC{0,40}") {
            let _ = (duration(&text), network(&text), origin(&text), socket(&text));
            if let Ok(url) = public_url(&text) {
                let text = url.into_text();
                prop_assert!(!text.ends_with('/') && !text.contains(['?', '#']), "{}", text);
                prop_assert_eq!(public_url(&text).map(WebUrl::into_text), Ok(text));
            }
        }
    }
}
