//! `sts.source_ips`, `sts.source_vpces`: where AWS sees our calls of STS come from.
//!
//! A SAML response passes through the person's own browser, and `AssumeRoleWithSAML` is
//! not signed: STS takes the same response from anybody. Only a trust policy that demands
//! these addresses makes people get the role by way of us, and so by our rules.

use super::read::section::Section;
use super::read::values::{self, Network};
use serde_json::{Map, Value, json};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks and VPC endpoints that STS is called from; none where it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetworkPin {
    /// `aws:SourceIp` of calls that leave by a public address.
    pub source_ips: Vec<Network>,
    /// `aws:SourceVpce` of calls that leave by an interface endpoint.
    pub source_vpces: Vec<String>,
}

impl fmt::Display for NetworkPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ips = self.source_ips.iter().map(ToString::to_string);
        f.write_str(&ips.chain(self.source_vpces.iter().cloned()).collect::<Vec<_>>().join(", "))
    }
}

impl NetworkPin {
    /// Whether nothing is known of where we call from.
    pub fn is_empty(&self) -> bool {
        self.source_ips.is_empty() && self.source_vpces.is_empty()
    }

    /// Adds one of `source_ips`, for an STS that is AWS's.
    ///
    /// # Errors
    /// What was expected.
    pub fn add_source_ip(&mut self, text: &str) -> Result<(), &'static str> {
        self.source_ips.push(source_ip(text)?);
        Ok(())
    }

    /// Adds one of `source_vpces`.
    ///
    /// # Errors
    /// What was expected.
    pub fn add_source_vpce(&mut self, text: &str) -> Result<(), &'static str> {
        self.source_vpces.push(source_vpce(text)?);
        Ok(())
    }

    /// The conditions of a trust policy that demand it and these `StringEquals`, each for a
    /// statement of its own: what is in one statement must hold at once, and a call through an
    /// endpoint has no `aws:SourceIp`. None if it is empty.
    pub fn conditions(&self, equals: &Map<String, Value>) -> Vec<Value> {
        let mut conditions = Vec::new();
        if !self.source_ips.is_empty() {
            let ips: Vec<_> = self.source_ips.iter().map(ToString::to_string).collect();
            let mut condition = Map::from_iter([("IpAddress".to_owned(), json!({ "aws:SourceIp": ips }))]);
            if !equals.is_empty() {
                condition.insert("StringEquals".to_owned(), Value::Object(equals.clone()));
            }
            conditions.push(Value::Object(condition));
        }
        if !self.source_vpces.is_empty() {
            let mut equals = equals.clone();
            equals.insert("aws:SourceVpce".to_owned(), json!(self.source_vpces));
            conditions.push(json!({ "StringEquals": equals }));
        }
        conditions
    }
}

/// Whether a person can have a role without the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RulesHold {
    /// By posting the response to STS: the trust policies may demand no address of ours.
    Advisory,
    /// Not where the trust policies demand the addresses of the configuration.
    Pinned,
    /// Not at all: nobody but us makes these credentials.
    Enforced,
}

impl RulesHold {
    /// As `/config.json` and the log name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Advisory => "advisory",
            Self::Pinned => "pinned",
            Self::Enforced => "enforced",
        }
    }
}

/// `emulated`: STS is on this machine, and sees its addresses.
pub(super) fn pin(section: &Section<'_>, emulated: bool) -> NetworkPin {
    let source_ip = |text: &str| if emulated { narrow(text) } else { source_ip(text) };
    NetworkPin {
        source_ips: section.list("source_ips", source_ip),
        source_vpces: section.list("source_vpces", source_vpce),
    }
}

/// A network whose addresses AWS can see as those of a caller.
fn source_ip(text: &str) -> Result<Network, &'static str> {
    let network = narrow(text)?;
    if network.is_public() {
        Ok(network)
    } else {
        Err("expected a public address: STS sees that of the NAT gateway or proxy that calls leave by, \
             or by an interface endpoint none (then it is source_vpces)")
    }
}

/// A network that keeps somebody out.
fn narrow(text: &str) -> Result<Network, &'static str> {
    let network = values::network(text)?;
    if network.is_narrow() {
        Ok(network)
    } else {
        Err("expected the service's own addresses: a network of /8 or narrower (IPv6: /16) keeps others out")
    }
}

/// The id of a VPC endpoint (EC2 API reference: `vpce-` and 8 or 17 hexadecimal digits).
fn source_vpce(text: &str) -> Result<String, &'static str> {
    let digits = text.strip_prefix("vpce-").unwrap_or_default();
    let is_hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_hex && matches!(digits.len(), 8 | 17) {
        Ok(text.to_owned())
    } else {
        Err("expected the id of a VPC endpoint such as \"vpce-0123456789abcdef0\"")
    }
}

impl Network {
    /// Whether it keeps anybody out worth speaking of.
    pub fn is_narrow(&self) -> bool {
        self.prefix >= if self.address.is_ipv4() { 8 } else { 16 }
    }

    /// Whether all of `other` is in it.
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.address)
    }

    /// Whether its addresses can be those of packets on the internet (IANA's registries of
    /// special-purpose addresses; the networks for documentation count, or no example would load).
    fn is_public(&self) -> bool {
        let v4 = |a, b, c, d, prefix| Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix };
        let v6 =
            |first, prefix| Self { address: IpAddr::V6(Ipv6Addr::new(first, 0, 0, 0, 0, 0, 0, 0)), prefix };
        let special = [
            v4(0, 0, 0, 0, 8),
            v4(10, 0, 0, 0, 8),
            v4(100, 64, 0, 0, 10),
            v4(127, 0, 0, 0, 8),
            v4(169, 254, 0, 0, 16),
            v4(172, 16, 0, 0, 12),
            v4(192, 168, 0, 0, 16),
            // Multicast, and all above.
            v4(224, 0, 0, 0, 3),
        ];
        match self.address {
            IpAddr::V4(_) => !special.iter().any(|each| each.covers(self) || self.covers(each)),
            // Global unicast; the rest is loopback, link-local, unique local, multicast.
            IpAddr::V6(_) => v6(0x2000, 3).covers(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_narrow_and_public() {
        for fine in ["203.0.113.7", "203.0.113.7/32", "198.51.100.0/24", "3.0.0.0/8", "2001:db8::/32"] {
            let network = source_ip(fine).unwrap_or_else(|why| panic!("{fine}: {why}"));
            assert!(network.to_string().starts_with(fine), "{network}");
        }
        for bad in [
            "",
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "128.0.0.0/7",
            "2000::/3",
            "0.0.0.0",
            "10.1.2.3",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.0.0/16",
            "172.0.0.0/8",
            "192.168.0.0/16",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "fd00::/16",
            "fe80::1",
            "::ffff:10.0.0.1",
            "203.0.113.7/24",
            "203.0.113.0/33",
            "203.0.113.7, 203.0.113.8",
            "*",
            "vpce-0123456789abcdef0",
        ] {
            assert!(source_ip(bad).is_err(), "{bad}");
        }
        assert!(narrow("127.0.0.1").is_ok() && narrow("10.0.0.0/8").is_ok() && narrow("0.0.0.0/0").is_err());
    }

    #[test]
    fn a_network_covers_what_is_wholly_in_it() {
        let covers = |one, other| values::network(one).unwrap().covers(&values::network(other).unwrap());
        assert!(covers("203.0.113.0/24", "203.0.113.0/24"));
        assert!(covers("203.0.113.0/24", "203.0.113.128/25"));
        assert!(!covers("203.0.113.128/25", "203.0.113.0/24"));
        assert!(!covers("203.0.113.0/24", "203.0.114.7"));
        assert!(covers("2001:db8::/32", "2001:db8:1::7") && !covers("2001:db8::/32", "203.0.113.7"));
    }

    #[test]
    fn an_endpoint_is_named_by_its_id() {
        for fine in ["vpce-0123456789abcdef0", "vpce-1a2b3c4d"] {
            assert_eq!(source_vpce(fine), Ok(fine.to_owned()));
        }
        for bad in [
            "",
            "vpce-",
            "vpce-*",
            "vpce-0123456789abcdef",
            "vpce-0123456789ABCDEF0",
            "vpc-0123456789abcdef0",
            "vpce-0123456789abcdef0 ",
            "vpce-svc-0123456789abcdef0",
        ] {
            assert!(source_vpce(bad).is_err(), "{bad}");
        }
    }
}
