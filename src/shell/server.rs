//! The service's address: all that a shell must be told.

use super::exit::{Exit, Failure};
use http::Uri;
use std::fmt;

/// `https://vestibule.example.com`, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server(String);

impl Server {
    /// An address as a person writes it; without a scheme it is https.
    ///
    /// # Errors
    ///
    /// A sentence, if it is no address, has a query, or would send credentials over a network
    /// without TLS.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        let fault = |what: &str| {
            let text: String = text.chars().take(200).collect();
            Failure::new(
                Exit::Configuration,
                format!("{text:?} {what}; give an address like https://vestibule.example.com"),
            )
        };
        let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let uri: Uri = whole.parse().map_err(|_| fault("is no address"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(fault("is no address"));
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(fault("is no address of a server alone"));
        }
        let after_host = authority.as_str().get(authority.host().len()..).unwrap_or_default();
        let is_port = |text: &str| text.parse::<u16>().is_ok();
        if !after_host.is_empty() && !after_host.strip_prefix(':').is_some_and(is_port) {
            return Err(fault("has no port that is one"));
        }
        if uri.query().is_some() || whole.contains('#') {
            return Err(fault("has a query or a fragment"));
        }
        // It becomes an argument in ~/.aws/config, which tools hand to `sh -c` or `cmd.exe /C`.
        if !whole.chars().all(|c| c.is_ascii_alphanumeric() || ":/._~-[]".contains(c)) {
            return Err(fault("has characters that the address of a service has not"));
        }
        match scheme {
            "https" => {}
            "http" if is_loopback(authority.host()) => {}
            "http" => return Err(fault("is not encrypted, and http is for this machine alone")),
            _ => return Err(fault("is neither https nor http")),
        }
        let authority = authority.as_str().to_ascii_lowercase();
        Ok(Self(format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/'))))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Of a path that begins with a slash.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::Server;

    #[test]
    fn an_address_is_written_one_way() {
        for (text, address) in [
            ("https://Vestibule.example.com/", "https://vestibule.example.com"),
            (" vestibule.example.com ", "https://vestibule.example.com"),
            ("https://example.com:8443/vestibule/", "https://example.com:8443/vestibule"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://localhost:1/", "http://localhost:1"),
        ] {
            assert_eq!(Server::parse(text).unwrap().as_str(), address, "{text}");
        }
    }

    #[test]
    fn what_is_no_safe_address_is_refused() {
        for text in [
            "",
            "https://",
            "http://vestibule.example.com",
            "http://127.0.0.1.example.com",
            "ftp://example.com",
            "https://user@example.com",
            "https://example.com:a",
            "javascript:alert(1)",
            "https://example.com/?a",
            "https://example.com/#a",
            "https://example.com/$(id)",
            "https://example.com/a;b",
            "https://example.com/a&b",
            "https://a$b.example.com",
            "https://example.com/%41",
            "a b",
        ] {
            assert!(Server::parse(text).is_err(), "{text}");
        }
    }
}
