//! Reads where a trust policy lets calls of STS come from: `aws:SourceIp`, `aws:SourceVpce`.
//!
//! A response passes through the person's own browser. Where a role can be had from
//! anywhere, that person has it without our rules; so what is not understood is no pin.

use super::policy::{is_pattern, like, listed, texts};
use crate::config::{Network, NetworkPin};
use serde_json::Value;
use std::net::IpAddr;

/// From where a role can be had with our people's responses.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// From where we call, and from nowhere else.
    Pinned,
    /// With responses to us from where we call only; but with those to these other recipients
    /// from elsewhere too.
    Beside(Vec<String>),
    /// From where we call only, but not from these of our places, or not from all of them.
    Partly(Vec<String>),
    /// From anywhere; what the policy says that is no pin, if anything.
    Anywhere(Option<String>),
    /// From these, which are more than where we call from.
    Wider(Vec<String>),
    /// From these, where we do not call from.
    Elsewhere(Vec<String>),
    /// From these; where we call from is not configured.
    Demanded(Vec<String>),
    /// This was not understood.
    Unclear(String),
}

impl Source {
    /// Greater is worse: of several, the worst is what to say.
    pub(super) fn badness(&self) -> u8 {
        match self {
            Self::Pinned => 0,
            Self::Demanded(_) => 1,
            Self::Unclear(_) => 2,
            Self::Beside(_) => 3,
            Self::Partly(_) => 4,
            Self::Elsewhere(_) => 5,
            Self::Wider(_) => 6,
            Self::Anywhere(_) => 7,
        }
    }
}

/// A call must come from one of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bound {
    ips: Vec<Network>,
    vpces: Vec<String>,
}

/// What one statement demands of where a call comes from: all of it at once.
#[derive(Debug, Default)]
pub(super) struct Demands {
    pub(super) bounds: Vec<Bound>,
    /// What keeps too few people out to be a pin, and may keep us out.
    others: Vec<Other>,
    /// A condition that looks like a pin and is none.
    pub(super) loose: Option<String>,
}

/// A condition that is no pin.
#[derive(Debug)]
struct Other {
    bound: Bound,
    is_of_ip: bool,
    /// Whether it holds for all but these.
    negated: bool,
    /// Whether it holds for a call without its key.
    holds_without: bool,
}

/// How far our calls from one place are let in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Admitted {
    No,
    InPart,
    Yes,
}

/// Whether a condition's key is about where a call comes from.
pub(super) fn is_source(key: &str) -> bool {
    is_ip(key) || is_vpce(key)
}

fn is_ip(key: &str) -> bool {
    key.eq_ignore_ascii_case("aws:SourceIp")
}

fn is_vpce(key: &str) -> bool {
    key.eq_ignore_ascii_case("aws:SourceVpce")
}

impl Demands {
    /// Adds a condition of an `Allow`, whose key [is of the source](is_source).
    ///
    /// # Errors
    /// What is not understood.
    pub(super) fn add(&mut self, operator: &str, key: &str, wanted: &Value) -> Result<(), String> {
        let unclear = || format!("it has the condition operator {operator} on {key}");
        let (any, name) =
            operator.strip_prefix("ForAnyValue:").map_or((false, operator), |name| (true, name));
        let (all, name) = name.strip_prefix("ForAllValues:").map_or((false, name), |name| (true, name));
        let (if_exists, name) = name.strip_suffix("IfExists").map_or((false, name), |name| (true, name));
        let wanted = texts(wanted).ok_or_else(unclear)?;
        let (bound, negated) = match name {
            "IpAddress" | "NotIpAddress" if is_ip(key) => {
                (Bound { ips: networks(&wanted).ok_or_else(unclear)?, vpces: vec![] }, name == "NotIpAddress")
            }
            "StringEquals" | "StringEqualsIgnoreCase" | "StringLike" if is_vpce(key) => {
                (Bound::of_vpces(&wanted), false)
            }
            "StringNotEquals" | "StringNotEqualsIgnoreCase" | "StringNotLike" if is_vpce(key) => {
                (Bound::of_vpces(&wanted), true)
            }
            _ => return Err(unclear()),
        };
        if any && negated {
            return Err(unclear());
        }
        // Only one of the two keys is there: a call through anybody's endpoint has no SourceIp.
        let holds_without = negated || all || if_exists;
        if !holds_without && bound.keeps_somebody_out() {
            self.bounds.push(bound);
            return Ok(());
        }
        self.loose = Some(if negated {
            format!("{operator} on {key} holds for everybody else")
        } else if holds_without {
            format!("{operator} on {key} holds for calls without that key")
        } else {
            format!("{operator} on {key} is as wide as {}", bound.names().join(", "))
        });
        self.others.push(Other { bound, is_of_ip: is_ip(key), negated, holds_without });
        Ok(())
    }

    /// Whether no call meets them: one that comes through an endpoint has no SourceIp.
    fn contradict(&self) -> bool {
        self.bounds.iter().any(|bound| bound.ips.is_empty())
            && self.bounds.iter().any(|bound| bound.vpces.is_empty())
    }

    pub(super) fn are_within(&self, ours: &NetworkPin) -> bool {
        self.contradict() || self.bounds.iter().any(|bound| bound.is_within(ours))
    }

    fn names(&self) -> Vec<String> {
        self.bounds.iter().flat_map(Bound::names).collect()
    }
}

impl Other {
    fn admits(&self, of_ip: bool, admitted: impl Fn(&Bound) -> Admitted) -> Admitted {
        if self.is_of_ip != of_ip {
            return if self.holds_without { Admitted::Yes } else { Admitted::No };
        }
        match (admitted(&self.bound), self.negated) {
            (Admitted::Yes, true) | (Admitted::No, false) => Admitted::No,
            (Admitted::No, true) | (Admitted::Yes, false) => Admitted::Yes,
            (Admitted::InPart, _) => Admitted::InPart,
        }
    }
}

impl Bound {
    fn of_vpces(wanted: &[&str]) -> Self {
        Self { ips: vec![], vpces: wanted.iter().map(|each| (*each).to_owned()).collect() }
    }

    /// What is left of who comes to a `Deny` with these conditions; `None` if it is not
    /// of the shapes that are pins. A negated operator holds for a call without the key too.
    pub(super) fn of_deny(condition: Option<&Value>) -> Option<Self> {
        let mut bound = Self::default();
        for (operator, keys) in condition?.as_object()? {
            let name = operator.strip_suffix("IfExists").unwrap_or(operator);
            for (key, wanted) in keys.as_object()? {
                let wanted = texts(wanted)?;
                match name {
                    "NotIpAddress" if is_ip(key) => bound.ips.extend(networks(&wanted)?),
                    "StringNotEquals" | "StringNotEqualsIgnoreCase" | "StringNotLike" if is_vpce(key) => {
                        bound.vpces.extend(wanted.into_iter().map(str::to_owned));
                    }
                    _ => return None,
                }
            }
        }
        (bound != Self::default() && bound.keeps_somebody_out()).then_some(bound)
    }

    fn keeps_somebody_out(&self) -> bool {
        self.ips.iter().all(Network::is_narrow) && !self.vpces.iter().any(|vpce| is_pattern(vpce))
    }

    fn is_within(&self, ours: &NetworkPin) -> bool {
        self.ips.iter().all(|ip| ours.source_ips.iter().any(|each| each.covers(ip)))
            && self.vpces.iter().all(|vpce| ours.source_vpces.contains(vpce))
    }

    fn admits_ip(&self, ours: &Network) -> Admitted {
        if self.ips.iter().any(|ip| ip.covers(ours)) {
            Admitted::Yes
        } else if self.ips.iter().any(|ip| ours.covers(ip)) {
            Admitted::InPart
        } else {
            Admitted::No
        }
    }

    fn admits_vpce(&self, ours: &str) -> Admitted {
        if self.vpces.iter().any(|each| like(each, ours)) { Admitted::Yes } else { Admitted::No }
    }

    fn names(&self) -> Vec<String> {
        self.ips.iter().map(ToString::to_string).chain(self.vpces.iter().cloned()).collect()
    }
}

/// `openings`: the statements that give the role to our people, one at least, each with
/// what the policy denies.
pub(super) fn judge(openings: &[Demands], ours: &NetworkPin) -> Source {
    if let Some(open) = openings.iter().find(|demands| demands.bounds.is_empty()) {
        return Source::Anywhere(open.loose.clone());
    }
    let names = |demands: &mut dyn Iterator<Item = &Demands>| {
        let mut names: Vec<_> = demands.flat_map(Demands::names).collect();
        names.sort();
        names.dedup();
        names
    };
    if ours.is_empty() {
        return Source::Demanded(names(&mut openings.iter()));
    }
    let ips = ours.source_ips.iter().map(|ip| {
        let admitted = best(openings, true, |bound| bound.admits_ip(ip));
        (ip.to_string(), admitted)
    });
    let vpces = ours.source_vpces.iter().map(|vpce| {
        let admitted = best(openings, false, |bound| bound.admits_vpce(vpce));
        (vpce.clone(), admitted)
    });
    let places: Vec<_> = ips.chain(vpces).collect();
    if places.iter().all(|(_, admitted)| *admitted == Admitted::No) {
        return Source::Elsewhere(names(&mut openings.iter()));
    }
    let mut wider = openings.iter().filter(|demands| !demands.are_within(ours)).peekable();
    if wider.peek().is_some() {
        return Source::Wider(names(&mut wider));
    }
    let missing: Vec<_> =
        places.into_iter().filter(|(_, admitted)| *admitted != Admitted::Yes).map(|(name, _)| name).collect();
    if missing.is_empty() { Source::Pinned } else { Source::Partly(missing) }
}

/// Statements are alternatives, and what is in one must hold at once.
fn best(openings: &[Demands], of_ip: bool, admits: impl Fn(&Bound) -> Admitted) -> Admitted {
    let of = |demands: &Demands| {
        let others = demands.others.iter().map(|other| other.admits(of_ip, &admits));
        demands.bounds.iter().map(&admits).chain(others).min()
    };
    openings.iter().filter_map(of).max().unwrap_or(Admitted::No)
}

fn networks(texts: &[&str]) -> Option<Vec<Network>> {
    texts.iter().map(|text| network(text)).collect()
}

/// As IAM takes it: with bits beyond the prefix, too, which count for nothing.
fn network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let address: IpAddr = address.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(bits), |prefix| prefix.parse().ok())?;
    (prefix <= bits).then_some(Network { address, prefix })
}

/// Whether a `Deny` is surely for everybody who comes with this provider's assertions.
pub(super) fn is_for_all_of(principal: Option<&Value>, provider: &str) -> bool {
    names(principal, "Federated", provider) || names(principal, "Federated", "*") || is_star(principal)
}

/// Whether an `Allow` may be for everybody. Who comes with an assertion is then meant, too, or
/// is not: IAM's guide leaves it open.
pub(super) fn is_for_everybody(principal: Option<&Value>) -> bool {
    names(principal, "Federated", "*") || names(principal, "AWS", "*") || is_star(principal)
}

/// Whether the statement's principal of this kind is, or one of them is, `wanted`.
pub(super) fn names(principal: Option<&Value>, kind: &str, wanted: &str) -> bool {
    listed(principal.and_then(|principal| principal.get(kind))).iter().any(|each| *each == wanted)
}

fn is_star(principal: Option<&Value>) -> bool {
    principal.is_some_and(|principal| principal == "*")
}
