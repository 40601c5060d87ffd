//! Counters for `/metrics`, in Prometheus's text format.
//!
//! `vestibule_requests_total` by method, route and outcome code answers most
//! questions: logins are `method="POST",route="/saml",code="issued"`, hand-overs
//! `method="GET",route="/saml",code="delivered"`, and every refusal is its code.

use crate::broker::ProviderHealth;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use time::{Duration, OffsetDateTime};

/// Method, route, code. The program bounds the number of values of each.
type Labels = (&'static str, String, &'static str);

#[derive(Default)]
struct Count {
    requests: u64,
    seconds: f64,
}

/// The state of the identity providers' keys. Their names are bounded by the
/// configuration.
pub(super) fn providers(health: &[ProviderHealth], now: OffsetDateTime) -> String {
    let left = |end: OffsetDateTime| (end - now).as_seconds_f64();
    let mut out = String::from(
        "# HELP vestibule_metadata_valid_seconds Until the metadata expires (validUntil) and its keys with it.\n\
         # TYPE vestibule_metadata_valid_seconds gauge\n",
    );
    for (idp, end) in health.iter().filter_map(|p| Some((&p.idp, p.valid_until?))) {
        _ = writeln!(out, "vestibule_metadata_valid_seconds{{idp=\"{idp}\"}} {:.0}", left(end));
    }
    out.push_str(
        "# HELP vestibule_certificate_valid_seconds Until a signing certificate ends, which nothing is refused for.\n\
         # TYPE vestibule_certificate_valid_seconds gauge\n",
    );
    for provider in health {
        for (print, end) in provider.keys.iter().filter_map(|(print, end)| Some((print.get(..16)?, (*end)?)))
        {
            let labels = format!("idp=\"{}\",fingerprint=\"{print}\"", provider.idp);
            _ = writeln!(out, "vestibule_certificate_valid_seconds{{{labels}}} {:.0}", left(end));
        }
    }
    out.push_str(
        "# HELP vestibule_metadata_age_seconds Since its source last gave or confirmed it.\n\
         # TYPE vestibule_metadata_age_seconds gauge\n",
    );
    let sources = || health.iter().filter_map(|p| Some((&p.idp, p.source.as_ref()?)));
    for (idp, source) in sources() {
        if let Some(confirmed) = source.confirmed {
            _ = writeln!(out, "vestibule_metadata_age_seconds{{idp=\"{idp}\"}} {:.0}", -left(confirmed));
        }
    }
    out.push_str(
        "# HELP vestibule_metadata_failures_total Looks at the source that gave nothing that can be used.\n\
         # TYPE vestibule_metadata_failures_total counter\n",
    );
    for (idp, source) in sources() {
        _ = writeln!(out, "vestibule_metadata_failures_total{{idp=\"{idp}\"}} {}", source.failures);
    }
    out
}

#[derive(Default)]
pub(super) struct Metrics(Mutex<BTreeMap<Labels, Count>>);

impl Metrics {
    pub(super) fn count(&self, method: &'static str, route: &str, code: &'static str, duration: Duration) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry((method, route.to_owned(), code)).or_default();
        count.requests += 1;
        count.seconds += duration.as_seconds_f64();
    }

    /// The exposition, with the number of requests being handled.
    pub(super) fn expose(&self, in_flight: usize) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::from(
            "# HELP vestibule_requests_in_flight Requests being worked on.\n\
             # TYPE vestibule_requests_in_flight gauge\n",
        );
        _ = writeln!(out, "vestibule_requests_in_flight {in_flight}");
        out.push_str(
            "# HELP vestibule_requests_total Requests answered, by outcome code (docs/ERRORS.md).\n\
             # TYPE vestibule_requests_total counter\n",
        );
        for ((method, route, code), count) in counts.iter() {
            let labels = format!("method=\"{method}\",route=\"{route}\",code=\"{code}\"");
            _ = writeln!(out, "vestibule_requests_total{{{labels}}} {}", count.requests);
        }
        out.push_str(
            "# HELP vestibule_request_seconds_total Time spent on them.\n\
             # TYPE vestibule_request_seconds_total counter\n",
        );
        for ((method, route, code), count) in counts.iter() {
            let labels = format!("method=\"{method}\",route=\"{route}\",code=\"{code}\"");
            _ = writeln!(out, "vestibule_request_seconds_total{{{labels}}} {:.6}", count.seconds);
        }
        out
    }
}
