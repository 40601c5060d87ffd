//! Whether the federation endpoint of the AWS console answers.

use super::finding::Report;
use crate::adapters::aws::AwsConsole;
use crate::config::ConsoleFederation;

const CHECK: &str = "console";

/// Without credentials: a doctor has none of a person's. So it is not known whether the
/// endpoint would take them.
pub(super) async fn check(federation: &ConsoleFederation, report: &mut Report) {
    let Some(address) = federation.address(federation.partition()) else { return };
    match AwsConsole::reach(&address).await {
        Ok(()) => report.ok(CHECK, format!("{address} answers")),
        Err(why) => report.fault(
            CHECK,
            format!("{address} does not answer: {why}"),
            "let this machine reach it (route, proxy, DNS), or set console.endpoint to one that it can reach",
        ),
    }
}
