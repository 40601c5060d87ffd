//! What a process keeps from its start to its end, whatever the file says later: its
//! listeners and their limits, its name, and what it has opened.

use super::backend::{Keys, Store, Sts};
use super::console::ConsoleFederation;
use super::log::Log;
use super::server::Server;
use super::whole::Config;

/// The options that only a restart changes, as they were at the start.
#[derive(Debug, Clone)]
pub struct Fixed {
    server: Server,
    log: Log,
    sts: Sts,
    store: Store,
    keys: Keys,
    console: Option<ConsoleFederation>,
}

impl Fixed {
    /// Those of this configuration.
    pub fn of(config: &Config) -> Self {
        Self {
            server: config.server.clone(),
            log: config.log,
            sts: config.sts.clone(),
            store: config.store.clone(),
            keys: config.keys.clone(),
            console: config.console.clone(),
        }
    }

    /// The options, or tables, that are others in `new`.
    pub fn changed_in(&self, new: &Config) -> Vec<&'static str> {
        let Server {
            listen,
            admin_listen,
            public_url,
            trusted_proxies,
            max_concurrent_requests,
            max_requests_per_client,
            max_posts_per_minute,
            max_connections,
            max_connections_per_client,
            // Each is read again. A new option does not compile until it is in one of the groups.
            redirect_url: _,
            allowed_origins: _,
            choose_at: _,
            ping_url: _,
            contact: _,
            request_timeout: _,
        } = &self.server;
        let server = &new.server;
        [
            ("server.listen", *listen != server.listen),
            ("server.admin_listen", *admin_listen != server.admin_listen),
            ("server.public_url", *public_url != server.public_url),
            ("server.trusted_proxies", *trusted_proxies != server.trusted_proxies),
            ("server.max_concurrent_requests", *max_concurrent_requests != server.max_concurrent_requests),
            ("server.max_requests_per_client", *max_requests_per_client != server.max_requests_per_client),
            ("server.max_posts_per_minute", *max_posts_per_minute != server.max_posts_per_minute),
            ("server.max_connections", *max_connections != server.max_connections),
            (
                "server.max_connections_per_client",
                *max_connections_per_client != server.max_connections_per_client,
            ),
            ("log.format", self.log.json != new.log.json),
            ("[sts]", self.sts != new.sts),
            ("[store]", self.store != new.store),
            ("[keys]", self.keys != new.keys),
            // Whom it asks; its destinations are read again.
            ("[console]", self.console != new.console),
        ]
        .into_iter()
        .filter_map(|(option, changed)| changed.then_some(option))
        .collect()
    }
}
