//! The identity providers' metadata: how long it and its keys last.

use super::finding::{Report, Severity};
use crate::adapters::metadata::last_good_confirmed;
use crate::config::{Config, MetadataPlace};
use time::{Duration, OffsetDateTime};

const CHECK: &str = "metadata";

/// AD FS shows the next certificate 20 days before the end of the present one:
/// metadata without it by then is old.
const SOON: Duration = Duration::days(20);

/// Publishers renew metadata that has an end days before: metadata this close to
/// its end was not fetched again.
const STALE: Duration = Duration::days(3);

pub(super) fn check(config: &Config, now: OffsetDateTime, report: &mut Report) {
    for provider in config.broker.providers.current().iter() {
        if let Some(end) = provider.validity.until {
            let (severity, what) = valid(end, now);
            report.add(CHECK, severity, format!("{}: the metadata {what}", provider.name), remedy(severity));
        }
        let name = &provider.name;
        let ends: Vec<_> = provider.keys.iter().map(|key| (key.fingerprint(), key.not_after())).collect();
        let lasts = |at: &Option<OffsetDateTime>| at.is_none_or(|at| at - now > SOON);
        let another_lasts = ends.iter().any(|(_, at)| lasts(at));
        for (fingerprint, at) in &ends {
            let (severity, what) = end(*at, now, another_lasts);
            let print = fingerprint.get(..16).unwrap_or(fingerprint);
            report.add(
                CHECK,
                severity,
                format!("{name}: the signing certificate {print}… {what}"),
                remedy(severity),
            );
        }
    }
}

/// The last good copies: what a start uses while a URL gives nothing.
pub(super) fn last_good(config: &Config, now: OffsetDateTime, report: &mut Report) {
    let metadata = &config.metadata;
    for source in &metadata.sources {
        let MetadataPlace::Url(url) = &source.place else { continue };
        let idp = &source.idp;
        let Some(directory) = &metadata.cache else {
            let what =
                format!("{idp}: nothing is kept of {url}, so no start succeeds while it gives nothing");
            report.warning(CHECK, what, "set saml.metadata_cache to a directory of the service's own");
            continue;
        };
        match last_good_confirmed(directory, idp, url) {
            Ok(Some(confirmed)) => {
                let age = (now - confirmed).whole_minutes();
                report.ok(CHECK, format!("{idp}: the last good metadata was confirmed {age} minute(s) ago"));
            }
            Ok(None) => report
                .ok(CHECK, format!("{idp}: no metadata is kept yet; the first start keeps what {url} gives")),
            Err(why) => report.warning(
                CHECK,
                format!("{idp}: {why}"),
                "see that only the service's user can write there; then the next start keeps it anew",
            ),
        }
    }
}

fn remedy(severity: Severity) -> &'static str {
    if severity == Severity::Ok {
        return "nothing";
    }
    "fetch the identity provider's present metadata: replace the file with it, if it is a file (a running \
     service reads it within a minute; an address it asks by itself), and update IAM's copy (aws iam \
     update-saml-provider)"
}

/// `validUntil` (metadata 2.3.1).
fn valid(end: OffsetDateTime, now: OffsetDateTime) -> (Severity, String) {
    let (date, days) = (end.date(), (end - now).whole_days());
    match end - now {
        left if left <= Duration::ZERO => {
            (Severity::Fault, format!("was valid until {date}, {} day(s) ago", -days))
        }
        left if left <= STALE => (Severity::Warning, format!("is valid until {date}, {days} day(s) more")),
        _ => (Severity::Ok, format!("is valid until {date}")),
    }
}

/// The service accepts a certificate that has ended: metadata is what makes it
/// trusted. But a rollover is due, and the next certificate is unknown.
fn end(at: Option<OffsetDateTime>, now: OffsetDateTime, another_lasts: bool) -> (Severity, String) {
    let Some(at) = at else { return (Severity::Ok, "has no end".to_owned()) };
    let days = (at - now).whole_days();
    let date = at.date();
    let severity = if at - now > SOON || another_lasts { Severity::Ok } else { Severity::Warning };
    let what = if at <= now {
        format!("ended on {date}, {} day(s) ago", -days)
    } else {
        format!("ends on {date}, in {days} day(s)")
    };
    (
        severity,
        if another_lasts && at - now <= SOON { format!("{what}; another one lasts longer") } else { what },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_near_its_end_is_a_warning_unless_its_successor_is_known() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let severity = |days, another| end(Some(now + Duration::days(days)), now, another).0;
        assert_eq!(severity(21, false), Severity::Ok);
        assert_eq!(severity(19, false), Severity::Warning);
        assert_eq!(severity(19, true), Severity::Ok);
        assert_eq!(severity(-3, false), Severity::Warning);
        assert_eq!(end(None, now, false).0, Severity::Ok);
        assert!(end(Some(now - Duration::days(3)), now, false).1.contains("3 day(s) ago"));
    }

    #[test]
    fn metadata_near_its_end_is_a_warning_and_beyond_it_a_fault() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
        let (hour, day) = (Duration::hours(1), Duration::days(1));
        assert_eq!(valid(now + STALE + hour, now).0, Severity::Ok);
        assert_eq!(valid(now + 2 * day + hour, now).0, Severity::Warning);
        assert!(valid(now + 2 * day + hour, now).1.ends_with("2 day(s) more"));
        assert_eq!(valid(now, now).0, Severity::Fault);
        assert!(valid(now - 5 * day, now).1.ends_with("5 day(s) ago"));
    }
}
