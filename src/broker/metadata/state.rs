//! What is known of one source of metadata, and when it is asked again. No I/O:
//! time and jitter are arguments.

use super::schedule::Bounds;
use crate::saml::Validity;
use time::{Duration, OffsetDateTime};

/// How often a source is asked out of turn at most: anybody can send a response
/// that no key has signed.
const OUT_OF_TURN_INTERVAL: Duration = Duration::minutes(1);

/// The health of one source of metadata.
#[derive(Debug, Clone)]
pub struct SourceHealth {
    /// When it last gave metadata, or confirmed what it gave.
    pub confirmed: Option<OffsetDateTime>,
    /// How often it gave none, or none that can be used, since the start.
    pub failures: u64,
}

/// A count of fetches: shows whether another caller has fetched since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FetchCount(u64);

pub(super) struct SourceState {
    bounds: Bounds,
    due: OffsetDateTime,
    fetches: FetchCount,
    last_out_of_turn: Option<OffsetDateTime>,
    confirmed: OffsetDateTime,
    failures: u64,
    failures_in_a_row: u32,
    /// Why the document that was accepted last cannot be used after all.
    rejected: Option<String>,
    /// The fingerprints of which the audit trail knows.
    reported_keys: Option<Vec<String>>,
}

impl SourceState {
    pub(super) fn new(
        bounds: Bounds,
        confirmed: OffsetDateTime,
        reported_keys: Option<Vec<String>>,
        jitter: u8,
    ) -> Self {
        Self {
            bounds,
            due: bounds.after_success(confirmed, jitter),
            fetches: FetchCount(0),
            last_out_of_turn: None,
            confirmed,
            failures: 0,
            failures_in_a_row: 0,
            rejected: None,
            reported_keys,
        }
    }

    pub(super) fn due(&self) -> OffsetDateTime {
        self.due
    }

    pub(super) fn fetches(&self) -> FetchCount {
        self.fetches
    }

    /// The end of the metadata in use.
    pub(super) fn valid_until(&self) -> Option<OffsetDateTime> {
        self.bounds.valid_until
    }

    /// Whether the metadata in use has not expired.
    pub(super) fn is_valid(&self, now: OffsetDateTime) -> bool {
        self.bounds.valid_until.is_none_or(|end| now < end)
    }

    pub(super) fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    pub(super) fn health(&self) -> SourceHealth {
        SourceHealth { confirmed: Some(self.confirmed), failures: self.failures }
    }

    /// Permits a fetch out of turn, once in [`OUT_OF_TURN_INTERVAL`] for whatever reason.
    pub(super) fn permit_out_of_turn(&mut self, now: OffsetDateTime) -> Option<FetchCount> {
        if self.last_out_of_turn.is_some_and(|last| now < last + OUT_OF_TURN_INTERVAL) {
            return None;
        }
        self.last_out_of_turn = Some(now);
        Some(self.fetches)
    }

    /// Begins a fetch, unless another caller has begun one since `seen`.
    pub(super) fn begin(&mut self, seen: FetchCount, now: OffsetDateTime) -> bool {
        if self.fetches != seen {
            return false;
        }
        self.fetches = FetchCount(seen.0.wrapping_add(1));
        // In case the fetch is cut short.
        self.due = self.bounds.after_failure(now, 1, 0);
        true
    }

    /// The source gave another document. The answer is whether it had failed before.
    pub(super) fn renewed(&mut self, validity: Validity, now: OffsetDateTime, jitter: u8) -> bool {
        self.bounds.cache_duration = validity.cache_duration;
        self.bounds.valid_until = validity.until;
        self.rejected = None;
        self.succeeded(now, jitter)
    }

    /// The source confirmed the document that it gave last. The answer is whether
    /// it had failed before.
    ///
    /// # Errors
    /// Why that document was rejected; this counts as one more failure.
    pub(super) fn unchanged(&mut self, now: OffsetDateTime, jitter: u8) -> Result<bool, String> {
        match self.rejected.clone() {
            Some(why) => {
                self.failed(now, jitter);
                Err(why)
            }
            None => Ok(self.succeeded(now, jitter)),
        }
    }

    /// The source gave nothing that can be used.
    pub(super) fn failed(&mut self, now: OffsetDateTime, jitter: u8) {
        self.failures += 1;
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        self.due = self.bounds.after_failure(now, self.failures_in_a_row, jitter);
    }

    /// The document that was accepted last cannot be used after all.
    pub(super) fn rejected(&mut self, why: String, now: OffsetDateTime, jitter: u8) {
        self.rejected = Some(why);
        self.failed(now, jitter);
    }

    fn succeeded(&mut self, now: OffsetDateTime, jitter: u8) -> bool {
        self.confirmed = now;
        self.due = self.bounds.after_success(now, jitter);
        std::mem::take(&mut self.failures_in_a_row) > 0
    }

    /// The fingerprints of which the audit trail knows.
    pub(super) fn reported_keys(&self) -> Option<Vec<String>> {
        self.reported_keys.clone()
    }

    /// Notes the fingerprints that are about to be reported: `None` if they are the
    /// noted ones, else those noted before, if any were.
    pub(super) fn note_keys(&mut self, keys: &[String]) -> Option<Option<Vec<String>>> {
        if self.reported_keys.as_deref() == Some(keys) {
            return None;
        }
        Some(self.reported_keys.replace(keys.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn hourly() -> SourceState {
        let bounds = Bounds { refresh: Duration::hours(1), ..Bounds::default() };
        SourceState::new(bounds, NOW, None, 0)
    }

    fn seconds(n: i64) -> OffsetDateTime {
        NOW + Duration::seconds(n)
    }

    #[test]
    fn out_of_turn_is_permitted_once_a_minute() {
        let mut state = hourly();
        assert!(state.permit_out_of_turn(seconds(0)).is_some());
        assert!(state.permit_out_of_turn(seconds(59)).is_none());
        assert!(state.permit_out_of_turn(seconds(60)).is_some());
    }

    #[test]
    fn of_two_who_saw_the_same_count_one_fetches() {
        let mut state = hourly();
        let seen = state.fetches();
        assert!(state.begin(seen, NOW));
        assert!(!state.begin(seen, NOW));
        assert_eq!(state.due(), seconds(30), "a fetch that is cut short is tried again");
        assert!(state.begin(state.fetches(), NOW));
    }

    #[test]
    fn a_source_that_recovers_says_so_once() {
        let mut state = hourly();
        state.failed(seconds(0), 0);
        state.failed(seconds(30), 0);
        assert_eq!((state.due(), state.failures_in_a_row()), (seconds(90), 2));
        assert_eq!(state.unchanged(seconds(90), 0), Ok(true));
        assert_eq!(state.unchanged(seconds(91), 0), Ok(false));
        assert_eq!(state.due(), seconds(3_691));
        let health = state.health();
        assert_eq!((health.confirmed, health.failures), (Some(seconds(91)), 2));
    }

    #[test]
    fn a_rejected_document_stays_rejected_until_another_comes() {
        let mut state = hourly();
        state.renewed(Validity::default(), NOW, 0);
        state.rejected("all keys are denied".to_owned(), NOW, 0);
        state.failed(seconds(30), 0);
        assert_eq!(state.unchanged(seconds(60), 0), Err("all keys are denied".to_owned()));
        assert_eq!(state.health().failures, 3);
        assert!(state.renewed(Validity::default(), seconds(90), 0));
        assert_eq!(state.unchanged(seconds(91), 0), Ok(false));
    }

    #[test]
    fn metadata_is_valid_until_its_end_and_asked_for_before() {
        let mut state = hourly();
        assert!(state.is_valid(seconds(1_000_000)));
        state.renewed(Validity { until: Some(seconds(600)), cache_duration: None }, NOW, 0);
        assert_eq!((state.is_valid(seconds(599)), state.is_valid(seconds(600))), (true, false));
        assert_eq!(state.due(), seconds(300));
    }

    #[test]
    fn keys_are_reported_when_they_differ_from_those_noted() {
        let keys = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut state = hourly();
        assert_eq!(state.note_keys(&keys(&["a"])), Some(None), "nothing to compare with");
        assert_eq!(state.note_keys(&keys(&["a"])), None);
        assert_eq!(state.note_keys(&keys(&["b"])), Some(Some(keys(&["a"]))));
    }
}
