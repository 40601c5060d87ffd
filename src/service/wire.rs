//! A configuration, opened and wired: what `serve`, `demo` and Lambda functions run.

use super::descriptors;
use super::log::LogHandle;
use super::summary::Summary;
use crate::adapters::metadata::open_sources;
use crate::adapters::{self, Opened};
use crate::broker::Broker;
use crate::broker::ports::{Clock, SecureRandom};
use crate::config::{Config, Sts};
use crate::http::{self, App};
use crate::saml::ServiceProviderMetadata;
use std::sync::Arc;

/// What is in front of the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    /// Our own listener.
    Listener,
    /// API Gateway, which verifies the signatures of `AWS_IAM` routes; or a load balancer,
    /// which verifies none and names no caller.
    Gateway,
}

/// The service as one configuration has it, opened, not yet listening.
pub(crate) struct Service {
    pub(crate) broker: Arc<Broker>,
    pub(crate) app: Arc<App>,
    pub(crate) connections: Arc<http::Connections>,
    pub(crate) summary: Summary,
}

impl Service {
    /// Opens what the configuration names. Nothing is contacted but files.
    pub(crate) async fn open(
        config: Config,
        log: &LogHandle,
        front: Front,
        clock: Arc<dyn Clock>,
        random: Arc<dyn SecureRandom>,
    ) -> Result<Self, String> {
        let summary = Summary::of(&config);
        let Opened { mut ports, callers } =
            adapters::open(&config.sts, &config.store, &config.keys, clock, random)
                .await
                .map_err(|e| e.to_string())?;
        ports.console = config.console.as_ref().map(adapters::open_console);
        let limits = http::ServeLimits {
            max_connections: config.server.max_connections,
            max_connections_per_client: config.server.max_connections_per_client,
            proxies: config.server.trusted_proxies.clone(),
            ..http::ServeLimits::default()
        };
        let connections = http::Connections::new(match front {
            Front::Listener => held_against_descriptors(limits),
            Front::Gateway => limits,
        });
        let settings = http_settings(&config);
        let sources = open_sources(&config.metadata, &ports.random);
        let broker = Broker::new(config.broker, ports).renewed_from(sources, config.metadata.refresh);
        let broker = Arc::new(broker);
        let app = App::new(broker.clone(), callers, settings).map_err(|e| e.to_string())?;
        let log = log.clone();
        let app = app.counting_lost_log_lines(move || log.lost());
        let app = match front {
            Front::Listener => app,
            Front::Gateway => app.behind_gateway(),
        };
        Ok(Self {
            broker,
            app: Arc::new(app.counting_connections(connections.clone())),
            connections,
            summary,
        })
    }

    /// The same process with another configuration. What it has opened, and what it has
    /// counted, goes on; of the configuration that is [`Fixed`](crate::config::Fixed).
    pub(crate) fn reconfigured(&self, config: Config) -> Result<Self, String> {
        let summary = Summary::of(&config);
        let settings = http_settings(&config);
        let sources = open_sources(&config.metadata, &self.broker.ports().random);
        let sources = self.broker.with_reported_keys(sources);
        let broker = self.broker.reconfigured(config.broker).renewed_from(sources, config.metadata.refresh);
        let broker = Arc::new(broker);
        let app = self.app.reconfigured(broker.clone(), settings).map_err(|e| e.to_string())?;
        Ok(Self { broker, app: Arc::new(app), connections: self.connections.clone(), summary })
    }
}

/// What the HTTP layer has of a configuration.
fn http_settings(config: &Config) -> http::HttpSettings {
    let metadata = ServiceProviderMetadata {
        entity_id: &config.broker.service.entity_id,
        acs_url: &config.broker.service.acs_url,
        signing_certificates: &config.certificates.signing,
        requests_signed: config.broker.providers.current().iter().all(|provider| provider.sign_requests),
        encryption_certificates: &config.certificates.encryption,
    };
    let server = config.server.clone();
    http::HttpSettings {
        public_url: server.public_url,
        redirect_url: server.redirect_url,
        jwt_in: config.jwt_in,
        allowed_origins: server.allowed_origins,
        ping_url: server.ping_url,
        trusted_proxies: server.trusted_proxies,
        contact: server.contact,
        accounts: config.accounts.clone(),
        sign_on: config.sign_on.clone(),
        region: config.sts.region().to_owned(),
        local_credentials: matches!(config.sts, Sts::Local { .. }),
        rules_hold: config.sts.rules_hold(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        service_provider_metadata: metadata.to_xml(),
        max_concurrent_requests: server.max_concurrent_requests,
        max_requests_per_client: server.max_requests_per_client,
        max_posts_per_minute: server.max_posts_per_minute,
        request_timeout: server.request_timeout,
    }
}

/// Connections must not take the descriptors that a login needs.
fn held_against_descriptors(limits: http::ServeLimits) -> http::ServeLimits {
    let descriptors = descriptors::raise();
    let fit = descriptors::connections_that_fit(limits.max_connections, descriptors);
    if fit < limits.max_connections {
        tracing::warn!(
            descriptors,
            wanted = limits.max_connections,
            max_connections = fit,
            "server.max_connections is lowered to what the limit of open files allows (LimitNOFILE, ulimits)"
        );
    }
    http::ServeLimits { max_connections: fit, ..limits }
}
