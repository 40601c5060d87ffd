//! What runs beside the logins: the sweeper.

use super::ports::audit_trail::SweepReport;
use super::ports::session_store::StoreUnavailable;
use super::use_cases::Broker;

impl Broker {
    /// Closes logins that nothing else will close, and logs how many.
    ///
    /// # Errors
    /// [`StoreUnavailable`]; the next sweep goes on.
    pub async fn sweep(&self) -> Result<SweepReport, StoreUnavailable> {
        let now = self.ports.clock.now();
        self.record_due_sums(now).await;
        let report = self.ports.audit.sweep(now).await?;
        if report.abandoned > 0 || report.uncertain > 0 {
            tracing::warn!(
                abandoned = report.abandoned,
                uncertain = report.uncertain,
                "logins ended without an end; the audit trail has them"
            );
        }
        Ok(report)
    }
}
