//! SIGHUP: the configuration is read again, and used if all of it is usable. Nothing
//! that a file says ends a process that serves.

use super::load::{Unusable, obtain};
use super::log::LogHandle;
use super::wire::Service;
use crate::config::{Config, Fixed};
use std::path::{Path, PathBuf};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How many faults of one configuration are logged. `vestibule check` prints all.
const LOGGED_FAULTS: usize = 20;

/// The signal, from now on: before, it ends a process.
pub(crate) struct HangUp(Signal);

impl HangUp {
    /// Catches the signal.
    pub(crate) fn catch() -> Result<Self, String> {
        signal(SignalKind::hangup()).map(Self).map_err(|e| format!("cannot handle signals: {e}"))
    }

    /// Completes when a signal has come since the last one. Several are one.
    async fn came(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}

/// Reads the configuration of a running service again.
pub(crate) struct Reloader {
    path: PathBuf,
    environment: Vec<(String, String)>,
    fixed: Fixed,
    log: LogHandle,
    hang_up: HangUp,
}

impl Reloader {
    /// `config` is the configuration that the service starts with.
    pub(crate) fn new(
        path: &Path,
        environment: Vec<(String, String)>,
        config: &Config,
        log: &LogHandle,
        hang_up: HangUp,
    ) -> Self {
        Self { path: path.to_owned(), environment, fixed: Fixed::of(config), log: log.clone(), hang_up }
    }

    /// Waits for a signal that brings a usable configuration, and gives the service with it.
    pub(super) async fn next(&mut self, service: &Service) -> Service {
        loop {
            self.hang_up.came().await;
            match self.reconfigured(service).await {
                Ok(reconfigured) => return reconfigured,
                Err(why) => {
                    service.app.note_reload(false);
                    tracing::error!(why, "the configuration is not reloaded, and the one in use stays");
                }
            }
        }
    }

    async fn reconfigured(&self, service: &Service) -> Result<Service, String> {
        let config = match obtain(&self.path, self.environment.iter().cloned()).await {
            Ok(config) => config,
            Err(Unusable::Unavailable(why)) => return Err(why),
            Err(Unusable::Faults(faults)) => {
                for fault in faults.0.iter().take(LOGGED_FAULTS) {
                    tracing::error!(%fault, "the configuration is not usable");
                }
                return Err(format!("{} faults; vestibule check prints all", faults.0.len()));
            }
        };
        let changed = self.fixed.changed_in(&config);
        if !changed.is_empty() {
            return Err(format!("needs a restart: {}", changed.join(", ")));
        }
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        let level = config.log.level;
        let reconfigured = service.reconfigured(config)?;
        self.log.set_level(level);
        Ok(reconfigured)
    }
}
