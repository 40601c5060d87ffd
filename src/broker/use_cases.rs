//! What every use case has: settings and ports. The use cases themselves are
//! `impl Broker`, one in each file.

use super::metadata::source::RenewedSource;
use super::ports::audit_trail::AuditTrail;
use super::ports::console::ConsoleSignIn;
use super::ports::key_ring::KeyRing;
use super::ports::session_store::SessionStore;
use super::ports::system::{Clock, SecureRandom};
use super::ports::token_service::TokenService;
use super::refusal_quota::RefusalQuota;
use super::settings::BrokerSettings;
use super::steps::StepDurations;
use std::sync::Arc;

/// The use cases of one Vestibule.
pub struct Broker {
    pub(super) settings: BrokerSettings,
    pub(super) ports: Ports,
    pub(super) refusals: Arc<RefusalQuota>,
    pub(super) metadata: Vec<Arc<RenewedSource>>,
    pub(super) steps: StepDurations,
}

/// What the use cases need from outside of the process.
#[derive(Clone)]
pub struct Ports {
    pub token_service: Arc<dyn TokenService>,
    /// None where no sign-in to the console is given.
    pub console: Option<Arc<dyn ConsoleSignIn>>,
    /// Where sessions wait.
    pub sessions: Arc<dyn SessionStore>,
    /// Where events are recorded.
    pub audit: Arc<dyn AuditTrail>,
    /// What seals and signs.
    pub keys: Arc<dyn KeyRing>,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn SecureRandom>,
}

impl Broker {
    /// Contacts nothing yet.
    pub fn new(settings: BrokerSettings, ports: Ports) -> Self {
        Self {
            settings,
            ports,
            refusals: Arc::default(),
            metadata: Vec::new(),
            steps: StepDurations::default(),
        }
    }

    /// The same process with other settings: what it has counted and what it remembers of
    /// refusals goes on. Metadata is [renewed from](Self::renewed_from) no source yet.
    #[must_use]
    pub fn reconfigured(&self, settings: BrokerSettings) -> Self {
        Self {
            settings,
            ports: self.ports.clone(),
            refusals: Arc::clone(&self.refusals),
            metadata: Vec::new(),
            steps: self.steps.clone(),
        }
    }

    pub fn settings(&self) -> &BrokerSettings {
        &self.settings
    }

    /// How long logins, takes and their steps lasted.
    pub fn steps(&self) -> &StepDurations {
        &self.steps
    }

    pub fn ports(&self) -> &Ports {
        &self.ports
    }
}
