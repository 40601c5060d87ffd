//! What to say of where the roles can be had from.

use super::finding::Report;
use super::source::Source;
use crate::config::NetworkPin;
use serde_json::Map;

const CHECK: &str = "pin";
/// How many roles a sentence names.
const NAMED: usize = 3;

/// What is found role by role, and said of all at once where all have the same.
pub(super) struct Pins<'a> {
    /// Where we call STS from.
    pub(super) ours: &'a NetworkPin,
    /// Roles without a pin, where none is configured.
    open: Vec<String>,
}

impl<'a> Pins<'a> {
    pub(super) fn of(ours: &'a NetworkPin) -> Self {
        Self { ours, open: Vec::new() }
    }

    /// `source`: the worst of the role's SAML providers.
    pub(super) fn note(&mut self, arn: &str, source: Source, report: &mut Report) {
        let demand = || format!("in its trust policy, {}", demand(self.ours));
        match source {
            Source::Pinned => report.ok(CHECK, format!("{arn} is pinned to {}", self.ours)),
            Source::Beside(recipients) => report.warning(
                CHECK,
                format!(
                    "{arn} is pinned to {}, but can be had from anywhere with responses to {}: people who get those have \
                     it without our rules",
                    self.ours,
                    recipients.join(", ")
                ),
                "if people need not come that way, take it out of the trust policy",
            ),
            Source::Partly(missing) => report.warning(
                CHECK,
                format!(
                    "{arn} is pinned, but not for all of {}: STS refuses calls from there",
                    missing.join(", ")
                ),
                format!("{}; or take what calls do not come from out of [sts]", demand()),
            ),
            Source::Anywhere(_) if self.ours.is_empty() => self.open.push(arn.to_owned()),
            Source::Anywhere(loose) => {
                let why = loose.map_or_else(String::new, |loose| format!(" ({loose})"));
                report.warning(
                    CHECK,
                    format!(
                        "{arn} can be had from anywhere{why}: rules are advisory; whoever posts their own response to \
                         STS has it without them"
                    ),
                    demand(),
                );
            }
            Source::Wider(others) => report.warning(
                CHECK,
                format!(
                    "{arn} can be had from {}, which is more than where we call from ({}): from there people have it \
                     without our rules",
                    others.join(", "),
                    self.ours
                ),
                demand(),
            ),
            Source::Elsewhere(others) => {
                let others = if others.is_empty() { "nowhere".to_owned() } else { others.join(", ") };
                report.fault(
                    CHECK,
                    format!(
                        "{arn} is pinned to {others}, and we call from {}: STS answers AccessDenied",
                        self.ours
                    ),
                    format!("{}; or mend source_ips and source_vpces of [sts]", demand()),
                );
            }
            Source::Demanded(places) => report.unknown(
                CHECK,
                format!("{arn} is pinned to {}; where we call from is not configured", places.join(", ")),
                "say it in source_ips or source_vpces of [sts]",
            ),
            Source::Unclear(why) => {
                report.unknown(CHECK, format!("{arn}: {why}"), "read its trust policy");
            }
        }
    }

    /// What was put off: one finding, however many roles there are.
    pub(super) fn finish(self, report: &mut Report) {
        let named: Vec<_> = self.open.iter().take(NAMED).map(String::as_str).collect();
        let Some(more) = self.open.len().checked_sub(named.len()).filter(|_| !named.is_empty()) else {
            return;
        };
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        report.warning(
            CHECK,
            format!(
                "{}{more} can be had from anywhere: rules are advisory; whoever posts their own response to STS has the \
                 role without them",
                named.join(", ")
            ),
            "set source_ips or source_vpces of [sts] to where this service calls STS from, and demand it in the \
             roles' trust policies (vestibule init writes them with --source-ip or --source-vpce); SECURITY.md",
        );
    }
}

/// The conditions to add. An address and an endpoint are never of one call, so they are
/// in statements of their own.
fn demand(ours: &NetworkPin) -> String {
    let statements: Vec<_> = ours.conditions(&Map::new()).into_iter().map(|each| each.to_string()).collect();
    match statements.as_slice() {
        [one] => format!("add {one} to the Condition of each statement that allows sts:AssumeRoleWithSAML"),
        _ => format!(
            "write the statement that allows sts:AssumeRoleWithSAML once for each of these, added to its Condition: {}",
            statements.join(" and ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_hundred_roles_without_a_pin_are_one_warning() {
        let ours = NetworkPin::default();
        let mut pins = Pins::of(&ours);
        let mut report = Report::default();
        for number in 0..300 {
            pins.note(&format!("role-{number}"), Source::Anywhere(None), &mut report);
        }
        pins.finish(&mut report);
        let [finding] = report.findings.as_slice() else { panic!("{report:?}") };
        assert!(finding.what.starts_with("role-0, role-1, role-2 and 297 more can"), "{finding:?}");

        let mut report = Report::default();
        Pins::of(&ours).finish(&mut report);
        assert!(report.findings.is_empty());
    }

    #[test]
    fn the_condition_to_add_is_said_exactly() {
        let nat = NetworkPin {
            source_ips: vec![crate::config::Network { address: [203, 0, 113, 7].into(), prefix: 32 }],
            source_vpces: vec![],
        };
        let both = NetworkPin { source_vpces: vec!["vpce-0123456789abcdef0".to_owned()], ..nat.clone() };
        let of_address = r#"{"IpAddress":{"aws:SourceIp":["203.0.113.7/32"]}}"#;
        assert!(demand(&nat).contains(&format!("add {of_address} to the Condition")), "{}", demand(&nat));
        let of_endpoint = r#"{"StringEquals":{"aws:SourceVpce":["vpce-0123456789abcdef0"]}}"#;
        assert!(demand(&both).ends_with(&format!("{of_address} and {of_endpoint}")), "{}", demand(&both));
    }
}
