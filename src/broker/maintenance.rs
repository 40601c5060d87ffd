//! What runs beside the logins: the sweeper.

use super::Broker;
use super::ports::StoreUnavailable;

/// What one sweep closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SweepReport {
    /// Starts that never ended.
    pub abandoned: usize,
    /// Sessions that nobody took.
    pub expired: usize,
    /// Takes that were never recorded.
    pub uncertain: usize,
    /// Names used once that could not be used again anyway.
    pub used_once_forgotten: usize,
}

impl Broker {
    /// Closes what nobody else will close, and says so in the log.
    ///
    /// # Errors
    /// [`StoreUnavailable`]; the next sweep goes on.
    pub async fn sweep(&self) -> Result<SweepReport, StoreUnavailable> {
        let report = self.ports.audit.sweep(self.ports.clock.now()).await?;
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
