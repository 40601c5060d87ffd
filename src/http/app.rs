//! The state that handlers share.

use super::admission::{Admission, Limit, SlotFigures};
use super::connections::Connections;
use super::metrics::Metrics;
use super::redirect::Redirect;
use super::settings::{HttpSettings, SettingsError};
use super::{client_ip, config_json, cors};
use crate::broker::ports::CallerDirectory;
use crate::broker::{BeganAt, Binding, Broker, Pages, StepUp};
use crate::config::JwtIn;
use http::HeaderMap;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tower_http::cors::CorsLayer;

/// One Vestibule: its use cases, its settings, and what is made of them once.
pub struct App {
    pub(super) broker: Arc<Broker>,
    pub(super) callers: Option<Arc<dyn CallerDirectory>>,
    pub(super) behind_gateway: bool,
    pub(super) settings: HttpSettings,
    pub(super) cors: CorsLayer,
    pub(super) choice_cors: CorsLayer,
    pub(super) permit_cors: CorsLayer,
    built_in: Redirect,
    /// By the pages' names.
    redirects: BTreeMap<String, Redirect>,
    pub(super) config_json: String,
    pub(super) metrics: Arc<Metrics>,
    pub(super) admission: Arc<Admission>,
    proxy_warned: Arc<AtomicBool>,
    pub(super) log_lines_lost: Arc<dyn Fn() -> u64 + Send + Sync>,
    pub(super) connections: Option<Arc<Connections>>,
}

fn redirects(pages: &Pages, jwt_in: JwtIn) -> Result<BTreeMap<String, Redirect>, SettingsError> {
    pages.iter().map(|page| Ok((page.name.clone(), Redirect::new(&page.redirect_url, jwt_in)?))).collect()
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
        let pages = &broker.settings().pages;
        let origins = || settings.allowed_origins.iter().chain(pages.iter().map(|page| &page.origin));
        Ok(Self {
            cors: cors::layer(origins())?,
            choice_cors: cors::choice_layer(pages.choosers())?,
            permit_cors: cors::permit_layer(origins())?,
            redirects: redirects(pages, settings.jwt_in)?,
            built_in: Redirect::new(&settings.redirect_url, settings.jwt_in)?,
            config_json: config_json::config_json(
                &settings,
                broker.settings(),
                callers.is_some() || settings.ping_url.is_some(),
            ),
            metrics: Arc::new(Metrics::new(
                &settings.version,
                broker.steps().histograms(),
                broker.ports().clock.now(),
            )),
            admission: Arc::new(Admission::new(&settings)),
            proxy_warned: Arc::default(),
            log_lines_lost: Arc::new(|| 0),
            connections: None,
            broker,
            callers,
            behind_gateway: false,
            settings,
        })
    }

    /// The same process with other settings: slots, limits, counters and connections go
    /// on as they are, so those among the settings change nothing.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn reconfigured(&self, broker: Arc<Broker>, settings: HttpSettings) -> Result<Self, SettingsError> {
        let app = Self::new(broker, self.callers.clone(), settings)?;
        Ok(Self {
            behind_gateway: self.behind_gateway,
            metrics: Arc::clone(&self.metrics),
            admission: Arc::clone(&self.admission),
            proxy_warned: Arc::clone(&self.proxy_warned),
            log_lines_lost: Arc::clone(&self.log_lines_lost),
            connections: self.connections.clone(),
            ..app
        })
    }

    /// Shows among the metrics whether the configuration could be read again.
    pub fn note_reload(&self, usable: bool) {
        self.metrics.note_reload(usable, self.broker.ports().clock.now());
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
        Self { log_lines_lost: Arc::new(lost), ..self }
    }

    /// Shows among the metrics the connections of the public listener.
    #[must_use]
    pub fn counting_connections(self, connections: Arc<Connections>) -> Self {
        Self { connections: Some(connections), ..self }
    }

    /// Waits until no request is being worked on. A login continues after its client
    /// has disconnected: stop the process only after this (and bound the wait).
    pub async fn idle(&self) {
        self.admission.idle().await;
    }

    /// Whether a page can begin a login at this identity provider.
    pub(super) fn can_begin(&self, idp: &str) -> bool {
        let sign_on = self.settings.sign_on.iter().find(|sign_on| sign_on.name == idp);
        sign_on.is_some_and(|sign_on| config_json::can_start(self.broker.settings(), sign_on))
    }

    /// The page at which this login began.
    pub(super) fn page(&self, began_at: &BeganAt) -> &Redirect {
        began_at.other().and_then(|name| self.redirects.get(name)).unwrap_or(&self.built_in)
    }

    /// Where the page begins such a sign-in. Pages of the 2017 sample cannot.
    pub(super) fn sign_in_again(&self, began_at: &BeganAt, step_up: &StepUp) -> Option<String> {
        let can_begin = self.broker.settings().binding != Binding::Plain;
        can_begin.then(|| self.page(began_at).to_sign_in_again(step_up, began_at.for_use()))
    }

    /// Slots by class, for the operator.
    pub fn slots(&self) -> [SlotFigures; 2] {
        self.admission.slots()
    }

    /// How many requests each limit has refused, for the operator.
    pub fn refused(&self) -> [(Limit, u64); Limit::ALL.len()] {
        self.admission.refused()
    }

    /// Once: a client can write such a header too, as often as it likes.
    pub(super) fn warn_of_a_proxy_that_is_not_trusted(&self, peer: IpAddr, headers: &HeaderMap) {
        let trusted = &self.settings.trusted_proxies;
        if client_ip::proxy_is_not_trusted(peer, headers, trusted)
            && !self.proxy_warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                %peer,
                "X-Forwarded-For came from an address that server.trusted_proxies does not name: if that is \
                 your proxy, everybody behind it is one client, in the audit trail and for limits"
            );
        }
    }
}
