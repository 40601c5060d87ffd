//! What is recorded of an attempt that ends without credentials.

use super::attempt::Attempt;
use super::audit::{EventKind, Subject};
use super::ids::LoginId;
use super::refusal::LoginError;
use super::steps::Step;
use super::use_cases::Broker;
use crate::roles::Grant;

impl Broker {
    /// Records the refusal of a verified message. The refusal stands even if it
    /// cannot be recorded: nothing was given.
    pub(super) async fn record_refusal(&self, attempt: &Attempt, code: &str, subject: Subject) {
        let event = attempt.event(EventKind::Refused, self.ports.clock.now(), None, subject).with_code(code);
        let recorded = self.steps.measure(Step::StoreRecord, self.ports.audit.record(&event)).await;
        if recorded.is_err() {
            tracing::error!(
                reference = attempt.reference.as_str(),
                code,
                "refusal not recorded: store unavailable"
            );
        }
    }

    /// After `begin`: frees the session id and records why. If that cannot be
    /// written either, the sweeper will report the start as abandoned.
    pub(super) async fn record_failure(
        &self,
        attempt: &Attempt,
        grant: &Grant,
        login: &LoginId,
        error: &LoginError,
    ) {
        let (now, code) = (self.ports.clock.now(), error.code());
        let event = attempt.event(EventKind::Failed, now, Some(login), grant.into()).with_code(code);
        let handle = attempt.relay_state.session.handle();
        let released = self.ports.sessions.release(&handle, &event);
        if self.steps.measure(Step::StoreRelease, released).await.is_err() {
            tracing::error!(
                reference = attempt.reference.as_str(),
                code,
                "failure not recorded: store unavailable; the sweeper will report it"
            );
        }
    }
}
