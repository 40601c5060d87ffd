//! The state that handlers share.

use super::metrics::Metrics;
use super::redirect::Redirect;
use super::settings::{HttpSettings, SettingsError};
use super::{config_json, cors};
use crate::broker::Broker;
use crate::broker::ports::CallerDirectory;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tower_http::cors::CorsLayer;

/// One Vestibule: its use cases, its settings, and what is made of them once.
pub struct App {
    pub(super) broker: Arc<Broker>,
    pub(super) callers: Option<Arc<dyn CallerDirectory>>,
    pub(super) behind_gateway: bool,
    pub(super) settings: HttpSettings,
    pub(super) cors: CorsLayer,
    pub(super) redirect: Redirect,
    pub(super) config_json: String,
    pub(super) metrics: Metrics,
    pub(super) log_lines_lost: Box<dyn Fn() -> u64 + Send + Sync>,
    pub(super) slots: Arc<Semaphore>,
}

impl App {
    /// Without a `callers` directory this service cannot check a ping's signature, so
    /// it offers no ping unless a gateway checks it.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn new(
        broker: Arc<Broker>,
        callers: Option<Arc<dyn CallerDirectory>>,
        settings: HttpSettings,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            cors: cors::layer(&settings.allowed_origins)?,
            redirect: Redirect::new(&settings.redirect_url, settings.jwt_in)?,
            config_json: config_json::config_json(
                &settings,
                broker.settings(),
                callers.is_some() || settings.ping_url.is_some(),
            ),
            metrics: Metrics::new(&settings.version, broker.steps().histograms(), broker.ports().clock.now()),
            log_lines_lost: Box::new(|| 0),
            slots: Arc::new(Semaphore::new(settings.max_concurrent_requests)),
            broker,
            callers,
            behind_gateway: false,
            settings,
        })
    }

    /// A gateway in front checks the signatures of pings and names the caller
    /// ([`GatewayCaller`](super::GatewayCaller)). Whether it does, and for which
    /// address pings are signed, is in [`HttpSettings::ping_url`].
    #[must_use]
    pub fn behind_gateway(self) -> Self {
        Self { behind_gateway: true, ..self }
    }

    /// Shows among the metrics how many lines of the log were lost.
    #[must_use]
    pub fn counting_lost_log_lines(self, lost: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { log_lines_lost: Box::new(lost), ..self }
    }

    /// Waits until no request is being handled. A login continues after its client
    /// has disconnected: stop the process only after this (and bound the wait).
    pub async fn idle(&self) {
        let all = u32::try_from(self.settings.max_concurrent_requests).unwrap_or(u32::MAX);
        // Fails only on a closed semaphore, and this one is never closed.
        drop(self.slots.acquire_many(all).await);
    }
}
