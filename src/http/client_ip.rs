//! The client's address, for the audit trail and for limits.

use crate::config::Network;
use http::{HeaderMap, HeaderName};
use std::net::{IpAddr, SocketAddr};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The socket's peer, unless that is a trusted proxy: then the rightmost address of
/// `X-Forwarded-For` that is not one. The client can write anything left of it.
pub(super) fn client_ip(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[Network]) -> Option<IpAddr> {
    let mut client = peer?.to_canonical();
    let values: Vec<_> = headers.get_all(X_FORWARDED_FOR).iter().map(|v| v.to_str().unwrap_or("?")).collect();
    for hop in values.iter().rev().flat_map(|value| value.rsplit(',')) {
        if !is_trusted(client, trusted) {
            break;
        }
        // An unreadable hop ends the chain: the last proxy is all that is known.
        let Some(address) = parse(hop.trim()) else { break };
        client = address;
    }
    Some(client)
}

/// The peer of the nearest proxy, by what that has appended to `X-Forwarded-For`: for a
/// load balancer that says it in no other way. With the proxy's own peer taken as ours,
/// `client_ip` comes to the same hop again, and goes on if that is trusted.
pub fn last_hop(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(X_FORWARDED_FOR).iter().next_back()?;
    parse(last.to_str().ok()?.rsplit(',').next()?.trim())
}

/// Whether a proxy that is not trusted forwards for others: then everybody is one client.
pub(super) fn proxy_is_not_trusted(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> bool {
    headers.contains_key(X_FORWARDED_FOR) && !is_trusted(peer, trusted)
}

/// Whether this address is a trusted proxy's.
pub(super) fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(address))
}

/// An address, with or without a port.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|a| a.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str]) -> String {
        let trusted = [
            Network { address: "10.0.0.0".parse().unwrap(), prefix: 8 },
            Network { address: "fd00::".parse().unwrap(), prefix: 8 },
        ];
        let headers = forwarded.iter().map(|v| (X_FORWARDED_FOR, v.parse().unwrap())).collect();
        client_ip(Some(peer.parse().unwrap()), &headers, &trusted).unwrap().to_string()
    }

    #[test]
    fn a_stranger_cannot_forge_an_address() {
        assert_eq!(of("203.0.113.9", &["1.1.1.1"]), "203.0.113.9");
        assert_eq!(of("10.0.0.1", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(of("10.0.0.1", &["1.1.1.1", "203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn trusted_hops_are_skipped_from_the_right() {
        assert_eq!(of("10.0.0.1", &["203.0.113.9, 10.2.2.2, 10.3.3.3"]), "203.0.113.9");
        assert_eq!(of("::ffff:10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(of("fd12::1", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(of("10.0.0.1", &["10.0.0.2"]), "10.0.0.2");
        assert_eq!(of("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_cannot_be_read_ends_the_chain() {
        assert_eq!(of("10.0.0.1", &["203.0.113.9, nonsense, 10.2.2.2"]), "10.2.2.2");
        assert_eq!(of("10.0.0.1", &["", "203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(of("10.0.0.1", &["[2001:db8::7]:443"]), "2001:db8::7");
    }

    #[test]
    fn the_last_hop_is_what_the_nearest_proxy_wrote() {
        for (forwarded, hop) in [
            (&["203.0.113.9"] as &[_], Some("203.0.113.9")),
            (&["1.1.1.1, 203.0.113.9"], Some("203.0.113.9")),
            (&["203.0.113.9", "10.0.0.1:4711"], Some("10.0.0.1")),
            (&["1.1.1.1, [2001:db8::7]:443"], Some("2001:db8::7")),
            (&["203.0.113.9, nonsense"], None),
            (&["203.0.113.9,"], None),
            (&["203.0.113.9", "ü"], None),
            (&[], None),
        ] {
            let value = |v: &&str| (X_FORWARDED_FOR, http::HeaderValue::from_bytes(v.as_bytes()).unwrap());
            let headers = forwarded.iter().map(value).collect();
            assert_eq!(last_hop(&headers), hop.map(|hop| hop.parse().unwrap()), "{forwarded:?}");
        }
    }
}
