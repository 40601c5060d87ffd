//! Which refusals become rows of the audit trail, where rows can never be deleted: each
//! assertion once a day for one reason, and all together within a budget. What is
//! beyond it is summed.
//!
//! One signed assertion can be posted any number of times, by anybody who has it. The
//! memory here comes before the store, since even a write that a condition refuses is
//! paid for (DynamoDB). Everything here is of one process, and bounded.

use super::ids::Handle;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use time::{Duration, OffsetDateTime};

/// How many refusals are remembered, 200 bytes each; the oldest go first. A refusal
/// that was forgotten costs the store a read, and one of [`ROWS`].
const REMEMBERED: usize = 10_000;

/// How many rows all refusals may have in [`PERIOD`]. Fewer, and of an office in which
/// everybody is refused not everybody is named; more, and an attack costs more: it is
/// half a kilobyte a row, 12 MB a day.
const ROWS: i32 = 1_000;

/// The time in which a budget that is used up is whole again.
const PERIOD: Duration = Duration::HOUR;

/// How often the sum of one identity provider and code is written at most.
const SUM_INTERVAL: Duration = Duration::minutes(10);

/// How many sums there are at most. Codes are a short list, identity providers are
/// configured; beyond it the identity provider is left out of the sum.
const SUMS: usize = 1_000;

/// What the sums are of: the identity provider's configured name, and the code.
type Kind = (Option<String>, &'static str);

/// Decides which refusals are recorded, and counts the others.
#[derive(Debug, Default)]
pub(super) struct RefusalQuota(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    known: HashSet<Handle>,
    /// The same in the order in which they came.
    order: VecDeque<Handle>,
    /// When the whole budget is available again; none of it is used if that has passed.
    /// (The generic cell rate algorithm: one instant is the whole state.)
    whole_at: Option<OffsetDateTime>,
    sums: HashMap<Kind, Due>,
}

#[derive(Debug)]
struct Due {
    at: OffsetDateTime,
    sum: RefusalSum,
}

/// Refusals that have no rows of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RefusalSum {
    /// The identity provider's configured name.
    pub(super) idp: Option<String>,
    /// Why.
    pub(super) code: &'static str,
    /// How many.
    pub(super) times: u64,
    /// The first of them.
    pub(super) from: OffsetDateTime,
    /// The last of them.
    pub(super) until: OffsetDateTime,
}

/// What becomes of one refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It gets its row. If the row cannot be written, [`RefusalQuota::forget`] it.
    Record,
    /// It was recorded or summed before.
    Known,
    /// The budget is used up: it is counted. `first`: of a new sum.
    Summed { first: bool },
}

impl RefusalQuota {
    /// Of any number of callers with one handle, the first is told to record it.
    pub(super) fn admit(
        &self,
        handle: &Handle,
        idp: Option<&str>,
        code: &'static str,
        now: OffsetDateTime,
    ) -> Admission {
        let mut state = self.state();
        if !state.remember(handle) {
            return Admission::Known;
        }
        if state.spend(now) {
            return Admission::Record;
        }
        let sum = RefusalSum { idp: idp.map(str::to_owned), code, times: 1, from: now, until: now };
        Admission::Summed { first: state.add(sum, now) }
    }

    /// Whether this refusal was recorded or summed before.
    pub(super) fn knows(&self, handle: &Handle) -> bool {
        self.state().known.contains(handle)
    }

    /// Its row could not be written: the next one may try again.
    pub(super) fn forget(&self, handle: &Handle) {
        // Its place in the order stays, which may forget the next one early.
        self.state().known.remove(handle);
    }

    /// Takes the sums that are old enough to be written.
    pub(super) fn take_due(&self, now: OffsetDateTime) -> Vec<RefusalSum> {
        // A clock that was set back must not keep them.
        self.take(|due| due.at <= now || due.at - now > SUM_INTERVAL)
    }

    /// Takes all sums: the process ends.
    pub(super) fn take_all(&self) -> Vec<RefusalSum> {
        self.take(|_| true)
    }

    /// A sum could not be written: it waits once more.
    pub(super) fn put_back(&self, sum: RefusalSum, now: OffsetDateTime) {
        self.state().add(sum, now);
    }

    fn take(&self, is_taken: impl Fn(&Due) -> bool) -> Vec<RefusalSum> {
        self.state().sums.extract_if(|_, due| is_taken(due)).map(|(_, due)| due.sum).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// `false`: it is known already.
    fn remember(&mut self, handle: &Handle) -> bool {
        if !self.known.insert(handle.clone()) {
            return false;
        }
        self.order.push_back(handle.clone());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    /// One row of the budget, if there is one.
    fn spend(&mut self, now: OffsetDateTime) -> bool {
        // Whatever the clock did, nothing is owed for more than one period.
        let whole_at = self.whole_at.map_or(now, |at| at.clamp(now, now.saturating_add(PERIOD)));
        let after = whole_at.saturating_add(PERIOD / ROWS);
        let is_left = after - now <= PERIOD;
        self.whole_at = Some(if is_left { after } else { whole_at });
        is_left
    }

    /// `true`: it is the first of its kind.
    fn add(&mut self, sum: RefusalSum, now: OffsetDateTime) -> bool {
        let kind = (sum.idp.clone(), sum.code);
        if let Some(Due { sum: known, .. }) = self.sums.get_mut(&kind) {
            known.times = known.times.saturating_add(sum.times);
            known.from = known.from.min(sum.from);
            known.until = known.until.max(sum.until);
            return false;
        }
        if self.sums.len() >= SUMS && sum.idp.is_some() {
            return self.add(RefusalSum { idp: None, ..sum }, now);
        }
        self.sums.insert(kind, Due { at: now.saturating_add(SUM_INTERVAL), sum });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn handle(number: usize) -> Handle {
        Handle::of(&[&number.to_be_bytes()])
    }

    fn admit(quota: &RefusalQuota, number: usize, now: OffsetDateTime) -> Admission {
        quota.admit(&handle(number), Some("ADFS"), "assertion_expired", now)
    }

    fn recorded(quota: &RefusalQuota, numbers: std::ops::Range<usize>, now: OffsetDateTime) -> usize {
        numbers.filter(|number| admit(quota, *number, now) == Admission::Record).count()
    }

    #[test]
    fn of_64_at_once_one_is_recorded() {
        let quota = RefusalQuota::default();
        let winners = std::thread::scope(|scope| {
            let posts: Vec<_> = (0..64).map(|_| scope.spawn(|| admit(&quota, 1, START))).collect();
            posts.into_iter().map(|post| post.join().unwrap()).filter(|a| *a == Admission::Record).count()
        });
        assert_eq!(winners, 1);
        assert_eq!(admit(&quota, 1, START), Admission::Known);
        quota.forget(&handle(1));
        assert!(!quota.knows(&handle(1)));
        assert_eq!(admit(&quota, 1, START), Admission::Record);
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_the_oldest() {
        let quota = RefusalQuota::default();
        for number in 0..3 * REMEMBERED {
            admit(&quota, number, START);
            quota.forget(&handle(number / 7));
        }
        let state = quota.state();
        assert!(state.known.len() <= REMEMBERED && state.order.len() == REMEMBERED);
        assert!(state.known.contains(&handle(3 * REMEMBERED - 1)));
        assert!(!state.known.contains(&handle(2 * REMEMBERED - 1)));
    }

    #[test]
    fn the_budget_is_a_thousand_rows_and_fills_again() {
        let quota = RefusalQuota::default();
        assert_eq!(recorded(&quota, 0..5_000, START), 1_000);
        assert_eq!(recorded(&quota, 5_000..6_000, START + Duration::minutes(6)), 100);
        assert_eq!(
            recorded(&quota, 6_000..9_000, START + Duration::hours(9)),
            1_000,
            "no more than all of it"
        );
    }

    /// An hour ahead and back, or years: neither is the budget gone for longer than a
    /// period, nor is there more of it.
    #[test]
    fn a_clock_that_jumps_changes_little() {
        for jump in [Duration::HOUR, Duration::days(4_000)] {
            let quota = RefusalQuota::default();
            assert_eq!(recorded(&quota, 0..2_000, START + jump), 1_000);
            assert_eq!(recorded(&quota, 2_000..4_000, START), 0);
            assert_eq!(recorded(&quota, 4_000..6_000, START + Duration::HOUR), 1_000);
            assert_eq!(quota.take_due(START).len(), 1, "sums are not kept until the clock is there again");
        }
        let quota = RefusalQuota::default();
        assert_eq!(recorded(&quota, 0..10, time::Date::MAX.midnight().assume_utc()), 10);
        assert_eq!(recorded(&quota, 10..20, time::Date::MIN.midnight().assume_utc()), 0, "and no panic");
    }

    #[test]
    fn beyond_the_budget_each_is_counted_once() {
        let quota = RefusalQuota::default();
        recorded(&quota, 0..1_000, START);
        let end = START + Duration::SECOND;
        assert_eq!(admit(&quota, 1_000, START), Admission::Summed { first: true });
        assert_eq!(admit(&quota, 1_000, START), Admission::Known, "a repetition is not counted");
        assert_eq!(admit(&quota, 1_001, end), Admission::Summed { first: false });
        let other = quota.admit(&handle(1_002), None, "role_refused", end);
        assert_eq!(other, Admission::Summed { first: true });

        assert_eq!(quota.take_due(START + SUM_INTERVAL - Duration::NANOSECOND), []);
        let idp = Some("ADFS".to_owned());
        let sum = RefusalSum { idp, code: "assertion_expired", times: 2, from: START, until: end };
        assert_eq!(quota.take_due(START + SUM_INTERVAL), std::slice::from_ref(&sum));
        // It could not be written.
        quota.put_back(sum, START + SUM_INTERVAL);
        assert_eq!(quota.take_due(START + SUM_INTERVAL).len(), 0, "the store is asked again later");
        assert_eq!(quota.take_all().len(), 2);
        assert_eq!(quota.take_all(), []);
    }

    #[test]
    fn sums_are_bounded_whatever_comes() {
        let quota = RefusalQuota::default();
        recorded(&quota, 0..1_000, START);
        for number in 0..3 * SUMS {
            quota.admit(&handle(10_000 + number), Some(&format!("idp-{number}")), "role_refused", START);
        }
        let sums = quota.take_all();
        assert!(sums.len() <= SUMS + 1, "{}", sums.len());
        assert_eq!(sums.iter().map(|sum| sum.times).sum::<u64>(), 3 * SUMS as u64, "none is lost");
    }
}
