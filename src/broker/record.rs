//! What is recorded of an attempt that ends without credentials.

use super::attempt::Attempt;
use super::audit::{AuditEvent, EventKind, Subject};
use super::ids::Handle;
use super::ports::session_store::UsedOnce;
use super::refusal::LoginError;
use super::refusal_quota::{Admission, RefusalSum};
use super::steps::Step;
use super::use_cases::Broker;
use time::{Duration, OffsetDateTime};

impl Broker {
    /// Records the refusal of a verified message that was made for us: once a day for
    /// each assertion and reason, within the budget of [`RefusalQuota`]. The refusal
    /// stands even if it cannot be recorded: nothing was given.
    ///
    /// [`RefusalQuota`]: super::refusal_quota::RefusalQuota
    pub(super) async fn record_refusal(&self, attempt: &Attempt, code: &'static str, subject: Subject) {
        let now = self.ports.clock.now();
        self.record_due_sums(now).await;
        let once = refusal(&subject, code, now);
        let idp = subject.idp.as_deref();
        match self.refusals.admit(&once.handle, idp, code, now) {
            Admission::Known | Admission::Summed { first: false } => {}
            Admission::Summed { first: true } => {
                tracing::warn!(idp, code, "many refusals: they are summed in the audit trail");
            }
            Admission::Record => {
                let event = attempt.event(EventKind::Refused, now, None, subject).with_code(code);
                // `false`: another process has recorded it, or this one before it was restarted.
                let recorded = self.ports.audit.record_once(&once, &event);
                if self.steps.measure(Step::StoreRecord, recorded).await.is_err() {
                    self.refusals.forget(&once.handle);
                    tracing::error!(
                        reference = attempt.reference.as_str(),
                        code,
                        "refusal not recorded: store unavailable"
                    );
                }
            }
        }
    }

    /// Whether this process knows that the assertion was used before.
    pub(super) fn is_known_replay(&self, subject: &Subject, now: OffsetDateTime) -> bool {
        self.refusals.knows(&refusal(subject, LoginError::Replayed.code(), now).handle)
    }

    /// Records the sums of refusals that are due.
    pub(super) async fn record_due_sums(&self, now: OffsetDateTime) {
        for sum in self.refusals.take_due(now) {
            self.record_sum(sum, now).await;
        }
    }

    /// Records what is only in memory. Call it when the process ends.
    pub async fn finish(&self) {
        let now = self.ports.clock.now();
        for sum in self.refusals.take_all() {
            self.record_sum(sum, now).await;
        }
    }

    async fn record_sum(&self, sum: RefusalSum, now: OffsetDateTime) {
        let RefusalSum { idp, code, times, from, until } = sum.clone();
        let (times, from, until) = (Some(times), Some(from), Some(until));
        let subject = Subject { idp, times, from, until, ..Subject::default() };
        let event = AuditEvent::new(EventKind::RefusalsSummed, now, subject).with_code(code);
        if self.ports.audit.record(&event).await.is_err() {
            tracing::error!(code, "sum of refusals not recorded yet: store unavailable");
            self.refusals.put_back(sum, now);
        }
    }

    /// After `begin`: frees the session id and records why, with what is known of the
    /// login so far. If that cannot be written either, the sweeper will report the start
    /// as abandoned.
    pub(super) async fn record_failure(&self, session: &Handle, event: &AuditEvent) {
        let released = self.ports.sessions.release(session, event);
        if self.steps.measure(Step::StoreRelease, released).await.is_err() {
            tracing::error!(
                code = event.code,
                "failure not recorded: store unavailable; the sweeper will report it"
            );
        }
    }
}

/// The refusal of this assertion for this reason today.
fn refusal(subject: &Subject, code: &str, now: OffsetDateTime) -> UsedOnce {
    let (issuer, assertion) = (subject.issuer.as_deref(), subject.assertion_id.as_deref());
    UsedOnce {
        handle: Handle::of_refusal(issuer.unwrap_or_default(), assertion.unwrap_or_default(), code, now),
        // Tomorrow it has another handle.
        not_on_or_after: now.saturating_add(Duration::DAY),
    }
}
