//! What `/metrics` counts and measures itself; `figures.rs` has what it asks of others.
//!
//! `vestibule_requests_total` by method, route and outcome code answers most
//! questions: logins are `method="POST",route="/saml",code="issued"`, hand-overs
//! `method="GET",route="/saml",code="delivered"`, and every refusal is its code.

use crate::broker::{StepHistograms, latency_histogram};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;
use time::OffsetDateTime;

/// Outcomes that alarms are for (`deploy/alerts.yml`): there from the start, at 0, since
/// a series that appears with its first event hides that event from `increase`.
const FROM_THE_START: [(&str, &str); 12] = [
    ("POST", "issued"),
    ("POST", "internal"),
    ("POST", "busy"),
    ("POST", "store_unavailable"),
    ("POST", "keys_unavailable"),
    ("POST", "signature_mismatch"),
    ("POST", "assertion_replayed"),
    ("POST", "sts_unavailable"),
    ("GET", "delivered"),
    ("GET", "internal"),
    ("GET", "store_unavailable"),
    ("GET", "delivery_uncertain"),
];

/// The program bounds the number of values of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    method: &'static str,
    route: String,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: String,
    profile: &'static str,
}

/// The counters and histograms of one process.
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Outcome, Counter>,
    durations: Family<Route, Histogram, fn() -> Histogram>,
    reload_usable: Gauge<i64>,
    config_loaded: Gauge<i64>,
}

impl Metrics {
    /// `steps`: the broker's own, which are shown here.
    pub(super) fn new(version: &str, steps: StepHistograms, started: OffsetDateTime) -> Self {
        let mut registry = Registry::default();
        let requests = Family::<Outcome, Counter>::default();
        for (method, code) in FROM_THE_START {
            drop(requests.get_or_create(&Outcome { method, route: "/saml".to_owned(), code }));
        }
        let durations =
            Family::<Route, Histogram, fn() -> Histogram>::new_with_constructor(latency_histogram);
        // The encoder adds `_total` to a counter's name and a full stop to the help.
        registry.register(
            "vestibule_requests",
            "Requests answered, by outcome code (docs/ERRORS.md)",
            requests.clone(),
        );
        registry.register(
            "vestibule_request_duration_seconds",
            "From the request's head to its answer's",
            durations.clone(),
        );
        registry.register(
            "vestibule_step_duration_seconds",
            "Of a login, a take, and each call of a store, key ring or token service in them",
            steps,
        );
        let build = Family::<Build, Gauge>::default();
        let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
        build.get_or_create(&Build { version: version.to_owned(), profile }).set(1);
        registry.register("vestibule_build_info", "The version that runs", build);
        let start = Gauge::<i64>::default();
        start.set(started.unix_timestamp());
        registry.register("process_start_time_seconds", "When the process started, since 1970", start);
        let reload_usable = Gauge::<i64>::default();
        reload_usable.set(1);
        registry.register(
            "vestibule_config_last_reload_successful",
            "0: the file was not usable when SIGHUP came last, and what was read before it goes on",
            reload_usable.clone(),
        );
        let config_loaded = Gauge::<i64>::default();
        config_loaded.set(started.unix_timestamp());
        registry.register(
            "vestibule_config_loaded_time_seconds",
            "When the configuration in use was read, since 1970",
            config_loaded.clone(),
        );
        Self { registry, requests, durations, reload_usable, config_loaded }
    }

    pub(super) fn note_reload(&self, usable: bool, now: OffsetDateTime) {
        self.reload_usable.set(i64::from(usable));
        if usable {
            self.config_loaded.set(now.unix_timestamp());
        }
    }

    pub(super) fn count(&self, method: &'static str, route: &str, code: &'static str, took: Duration) {
        let route = route.to_owned();
        self.requests.get_or_create(&Outcome { method, route: route.clone(), code }).inc();
        self.durations.get_or_create(&Route { method, route }).observe(took.as_secs_f64());
    }

    /// Appends the exposition in Prometheus's text format.
    pub(super) fn expose(&self, text: &mut String) {
        // Writing to a String does not fail.
        _ = prometheus_text::encode(text, &self.registry);
    }
}
