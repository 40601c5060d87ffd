//! Figures that others keep, asked when somebody reads `/metrics`: one function for
//! each group.

use super::admission::{Limit, SlotFigures};
use super::connections::ConnectionFigures;
use crate::broker::ProviderHealth;
use crate::broker::ports::StoreFigures;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// Label names and values.
type Labels = Vec<(&'static str, String)>;

/// Figures by name; of one name, rows with different labels.
#[derive(Debug, Default)]
pub(super) struct Figures(BTreeMap<&'static str, Rows>);

#[derive(Debug)]
struct Rows {
    is_counter: bool,
    help: &'static str,
    values: BTreeMap<Labels, f64>,
}

impl Figures {
    /// A value that goes up and down.
    pub(super) fn gauge(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        self.put(name, Rows { is_counter: false, help, values: BTreeMap::new() }, labels, value);
    }

    /// A value that only grows while the process lives. The encoder adds `_total`.
    pub(super) fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        value: u64,
    ) {
        // Exact up to 2^53.
        self.put(name, Rows { is_counter: true, help, values: BTreeMap::new() }, labels, value as f64);
    }

    fn put(&mut self, name: &'static str, rows: Rows, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.0.entry(name).or_insert(rows).values.insert(labels, value);
    }

    /// Appends them in Prometheus's text format.
    pub(super) fn expose(self, text: &mut String) {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        // Writing to a String does not fail.
        _ = prometheus_text::encode(text, &registry);
    }
}

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        for (name, rows) in &self.0 {
            let kind = if rows.is_counter { MetricType::Counter } else { MetricType::Gauge };
            // A full stop, as the registry adds to its own.
            let help = format!("{}.", rows.help);
            let mut family = encoder.encode_descriptor(name, &help, None, kind)?;
            for (labels, value) in &rows.values {
                let row = family.encode_family(labels)?;
                // Whole numbers are written as such.
                if rows.is_counter {
                    ConstCounter::new(*value as u64).encode(row)?;
                } else if value.fract() == 0.0 {
                    ConstGauge::new(*value as i64).encode(row)?;
                } else {
                    ConstGauge::new(*value).encode(row)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a login can be recorded now.
pub(super) fn ready(figures: &mut Figures, ready: bool) {
    figures.gauge(
        "vestibule_ready",
        "1: a login can be recorded now, as /readyz says",
        &[],
        f64::from(ready),
    );
}

/// The slots for requests, and what the limits refused.
pub(super) fn slots(figures: &mut Figures, slots: &[SlotFigures], refused: &[(Limit, u64)]) {
    let in_use: usize = slots.iter().map(|slots| slots.in_use).sum();
    figures.gauge("vestibule_requests_in_flight", "Requests being worked on", &[], in_use as f64);
    for SlotFigures { class, in_use, total } in slots {
        let class = [("class", *class)];
        figures.gauge("vestibule_slots", "Requests that can be worked on at once", &class, *total as f64);
        figures.gauge("vestibule_slots_in_use", "Of these, those in use", &class, *in_use as f64);
    }
    for (limit, count) in refused {
        let help = "Requests refused by a limit";
        figures.counter("vestibule_refused", help, &[("limit", limit.as_str())], *count);
    }
}

/// The connections of the public listener.
pub(super) fn connections(figures: &mut Figures, connections: ConnectionFigures) {
    figures.gauge("vestibule_connections", "Open connections", &[], connections.open as f64);
    for (reason, count) in [("gave_way", connections.gave_way), ("refused", connections.refused)] {
        let help = "Connections that gave way to a newer one, or were refused";
        figures.counter("vestibule_connections_ended", help, &[("reason", reason)], count);
    }
}

/// Where the store is on a disk of ours.
pub(super) fn store(figures: &mut Figures, store: Option<StoreFigures>) {
    let Some(store) = store else { return };
    for (part, bytes) in [("database", store.database), ("wal", store.journal), ("free", store.free)] {
        let help = "Bytes of the database, of its write-ahead log, and free beside them";
        figures.gauge("vestibule_store_bytes", help, &[("part", part)], bytes as f64);
    }
}

/// The log of this process.
pub(super) fn log(figures: &mut Figures, lost: u64) {
    let help = "Lines that nobody read in time, or that could not be written";
    figures.counter("vestibule_log_lines_lost", help, &[], lost);
}

/// The ring's key in use.
pub(super) fn keys(figures: &mut Figures, created: Option<OffsetDateTime>, now: OffsetDateTime) {
    if let Some(created) = created {
        let age = (now - created).as_seconds_f64();
        figures.gauge("vestibule_key_age_seconds", "Since the key that seals and signs was made", &[], age);
    }
}

/// The state of the identity providers' keys. Their names are bounded by the
/// configuration.
pub(super) fn providers(figures: &mut Figures, health: &[ProviderHealth], now: OffsetDateTime) {
    let left = |end: OffsetDateTime| (end - now).as_seconds_f64().round();
    for provider in health {
        let idp = ("idp", &*provider.idp);
        if let Some(end) = provider.valid_until {
            let help = "Until the metadata expires (validUntil) and its keys with it";
            figures.gauge("vestibule_metadata_valid_seconds", help, &[idp], left(end));
        }
        for (print, end) in provider.keys.iter().filter_map(|(print, end)| Some((print.get(..16)?, (*end)?)))
        {
            let labels = [idp, ("fingerprint", print)];
            let help = "Until a signing certificate ends, which nothing is refused for";
            figures.gauge("vestibule_certificate_valid_seconds", help, &labels, left(end));
        }
        let Some(source) = &provider.source else { continue };
        if let Some(confirmed) = source.confirmed {
            let help = "Since its source last gave or confirmed it";
            figures.gauge("vestibule_metadata_age_seconds", help, &[idp], -left(confirmed));
        }
        let help = "Looks at the source that gave nothing that can be used";
        figures.counter("vestibule_metadata_failures", help, &[idp], source.failures);
    }
}

/// What the kernel knows of this process, by the names that Prometheus's own clients
/// use. Where there is no `/proc`, none.
pub(super) fn process(figures: &mut Figures) {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    let status = read("status");
    let kib =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    if let Some(kib) = kib.map(|kib: u64| kib * 1_024) {
        figures.gauge("process_resident_memory_bytes", "Memory in use", &[], kib as f64);
    }
    if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
        // One of them reads the directory.
        let open = descriptors.count().saturating_sub(1);
        figures.gauge("process_open_fds", "Open file descriptors", &[], open as f64);
    }
    let limits = read("limits");
    let most = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
    if let Some(most) = most.and_then(|most| most.parse::<u64>().ok()) {
        figures.gauge("process_max_fds", "File descriptors that may be open", &[], most as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_once_and_labels_are_escaped() {
        let mut figures = Figures::default();
        figures.gauge("b", "of b", &[("idp", "a\"\\\n")], 1.5);
        figures.counter("a", "of a", &[], 3);
        figures.gauge("b", "of b", &[("idp", "other")], 2.0);
        figures.gauge("b", "of b", &[("idp", "other")], 4.0);
        let mut text = String::new();
        figures.expose(&mut text);
        assert_eq!(
            text,
            "# HELP a_total of a.\n# TYPE a_total counter\na_total 3\n\
             # HELP b of b.\n# TYPE b gauge\nb{idp=\"a\\\"\\\\\\n\"} 1.5\nb{idp=\"other\"} 4\n"
        );
    }
}
