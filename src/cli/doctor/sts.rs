//! Whether STS answers, and how far its clock is from ours.

use super::finding::{Report, Severity};
use super::inspect::{self, InspectError, QueryService};
use crate::adapters::aws::Sdk;
use crate::broker::ports::Clock;
use crate::roles::partition_of_region;
use time::Duration;

/// More than a second's rounding and a slow answer.
const NOTICEABLE: Duration = Duration::seconds(10);

/// Assertions are valid for five minutes at AWS and signatures for as much: what
/// is wrong by this fails some logins; our own default tolerance is a minute.
const TOO_MUCH: Duration = Duration::seconds(60);

/// Who we are, if STS says so.
pub(super) async fn check(
    sdk: &Sdk,
    regions: &[String],
    endpoint: Option<&str>,
    clock: &dyn Clock,
    report: &mut Report,
) -> Option<String> {
    let mut caller = None;
    for (index, region) in regions.iter().enumerate() {
        let sts = QueryService::sts(sdk, clock, region, endpoint, partition_of_region(region)).await;
        let place = format!("{} ({region})", sts.endpoint());
        let answer = match sts.ask("GetCallerIdentity", &[]).await {
            Ok(answer) => answer,
            Err(why) => {
                // The next region serves meanwhile.
                let severity = if index == 0 { Severity::Fault } else { Severity::Warning };
                let remedy = "let this machine reach it (route, VPC endpoint, proxy, DNS), or set sts.region \
                              or sts.endpoint to one that it can reach";
                report.add("sts", severity, format!("{place} does not answer: {why}"), remedy);
                continue;
            }
        };
        match answer.text("Arn") {
            Ok(arn) => {
                report.ok("sts", format!("{place} answers; we are {arn}"));
                caller.get_or_insert(arn);
            }
            Err(InspectError::NoAnswer(said)) => {
                report.fault(
                    "sts",
                    format!("{place} answers with a fault: {said}"),
                    "try again; if it stays, add a region to sts.regions",
                );
            }
            // A login is not signed: without credentials STS is as usable as with them.
            Err(error) => {
                let why = match inspect::credentials(sdk, region).await {
                    Ok(()) => error.to_string(),
                    Err(why) => {
                        format!("there are no AWS credentials to ask it with, and logins need none; {why}")
                    }
                };
                report.ok("sts", format!("{place} answers (it does not tell who we are: {why})"));
            }
        }
        match answer.ahead {
            Some(ahead) => {
                let (severity, what) = judged(ahead);
                let remedy = match severity {
                    Severity::Ok => "nothing",
                    Severity::Unknown | Severity::Warning | Severity::Fault => {
                        "synchronize this machine's clock (chrony, or Amazon Time Sync at 169.254.169.123)"
                    }
                };
                report.add("clock", severity, format!("{what} ({region})"), remedy);
            }
            None => report.unknown("clock", "the answer has no date", "compare the clock with a time server"),
        }
    }
    caller
}

fn judged(ahead: Duration) -> (Severity, String) {
    let seconds = ahead.abs().whole_seconds();
    let direction = if ahead.is_negative() { "ahead of" } else { "behind" };
    match ahead.abs() {
        by if by < NOTICEABLE => (Severity::Ok, "ours and STS's agree within seconds".to_owned()),
        by if by < TOO_MUCH => (Severity::Warning, format!("ours is {seconds} s {direction} STS's")),
        _ => (Severity::Fault, format!("ours is {seconds} s {direction} STS's")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_told_with_its_direction() {
        assert_eq!(judged(Duration::seconds(-2)).0, Severity::Ok);
        assert_eq!(
            judged(Duration::seconds(30)),
            (Severity::Warning, "ours is 30 s behind STS's".to_owned())
        );
        assert_eq!(
            judged(Duration::minutes(-5)),
            (Severity::Fault, "ours is 300 s ahead of STS's".to_owned())
        );
    }
}
