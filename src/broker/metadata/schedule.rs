//! When a source of metadata is asked again.

use time::{Duration, OffsetDateTime};

/// Never sooner than this, whatever metadata says of itself, unless the operator
/// wants it so.
const FLOOR: Duration = Duration::minutes(1);

/// After the first failure; each further one doubles it.
const FIRST_RETRY: Duration = Duration::seconds(30);

/// Files are cheap to read.
const FILE_INTERVAL: Duration = Duration::minutes(1);

/// What bounds the time until a source is asked again.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    /// `saml.metadata_refresh`
    pub(super) refresh: Duration,
    /// The metadata's own `cacheDuration`.
    pub(super) cache_duration: Option<Duration>,
    /// The metadata's own `validUntil`.
    pub(super) valid_until: Option<OffsetDateTime>,
    pub(super) is_file: bool,
}

impl Bounds {
    fn floor(self) -> Duration {
        FLOOR.min(self.refresh)
    }

    /// After metadata was had, or confirmed. With a validUntil several attempts
    /// fit in before it. `jitter` (0 to 255) spreads servers that started at
    /// once over a tenth of the interval.
    pub(super) fn after_success(self, now: OffsetDateTime, jitter: u8) -> OffsetDateTime {
        let mut interval = if self.is_file { self.refresh.min(FILE_INTERVAL) } else { self.refresh };
        if let Some(own) = self.cache_duration {
            interval = interval.min(own);
        }
        if let Some(end) = self.valid_until {
            interval = interval.min((end - now) / 2);
        }
        now.saturating_add(spread(interval.max(self.floor()), jitter))
    }

    /// After so many failures in a row.
    pub(super) fn after_failure(self, now: OffsetDateTime, failures: u32, jitter: u8) -> OffsetDateTime {
        let doubled = FIRST_RETRY.saturating_mul(1 << failures.saturating_sub(1).min(16));
        now.saturating_add(spread(doubled.min(self.refresh), jitter))
    }
}

fn spread(interval: Duration, jitter: u8) -> Duration {
    interval - interval / 10 * i32::from(jitter) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn hourly() -> Bounds {
        Bounds { refresh: Duration::hours(1), ..Bounds::default() }
    }

    #[test]
    fn the_shortest_of_all_bounds_holds_but_never_less_than_a_minute() {
        let until = |bounds: Bounds| bounds.after_success(NOW, 0) - NOW;
        assert_eq!(until(hourly()), Duration::hours(1));
        let own = |own| Bounds { cache_duration: Some(own), ..hourly() };
        assert_eq!(until(own(Duration::minutes(10))), Duration::minutes(10));
        assert_eq!(until(own(Duration::days(7))), Duration::hours(1));
        assert_eq!(until(own(Duration::ZERO)), Duration::minutes(1));
        let ends = |after| Bounds { valid_until: Some(NOW + after), ..hourly() };
        assert_eq!(until(ends(Duration::minutes(30))), Duration::minutes(15));
        assert_eq!(until(ends(Duration::seconds(3))), Duration::minutes(1));
        assert_eq!(until(ends(Duration::days(-3))), Duration::minutes(1));
        assert_eq!(until(Bounds { is_file: true, ..hourly() }), Duration::minutes(1));
        assert_eq!(
            until(Bounds { refresh: Duration::seconds(2), ..own(Duration::ZERO) }),
            Duration::seconds(2)
        );
    }

    #[test]
    fn failures_are_retried_soon_and_then_more_rarely() {
        let after = |failures| hourly().after_failure(NOW, failures, 0) - NOW;
        let waits: Vec<_> = [1, 2, 3, 8, 99].map(|n| after(n).whole_seconds()).to_vec();
        assert_eq!(waits, [30, 60, 120, 3_600, 3_600]);
    }

    #[test]
    fn jitter_brings_it_forward_by_a_tenth_at_most() {
        assert_eq!(hourly().after_success(NOW, 255) - NOW, Duration::minutes(54));
        assert_eq!(hourly().after_failure(NOW, 1, 255) - NOW, Duration::seconds(27));
    }
}
