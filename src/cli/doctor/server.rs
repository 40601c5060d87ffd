//! What the listener needs of the system and of the proxy in front.

use super::finding::Report;
use crate::config::Config;
use crate::service::descriptors;

pub(super) fn check(config: &Config, report: &mut Report) {
    match config.server.unnamed_proxy() {
        Some(what) => report.warning(
            "proxy",
            what,
            "name the proxy's network in server.trusted_proxies (behind API Gateway there is nothing to name)",
        ),
        None => report.ok("proxy", "server.trusted_proxies fits server.public_url"),
    }

    // doctor may raise its own limit: it opens no connections that matter.
    let max_connections = config.server.max_connections;
    match descriptors::raise() {
        Some(limit) if descriptors::connections_that_fit(max_connections, Some(limit)) < max_connections => {
            report.warning(
                "descriptors",
                format!(
                    "server.max_connections is {max_connections}, and this user may open {limit} files only"
                ),
                format!(
                    "raise the limit (LimitNOFILE, ulimits) to {} or more",
                    max_connections as u64 + descriptors::RESERVED
                ),
            )
        }
        Some(limit) => report.ok("descriptors", format!("{limit} files may be open at once")),
        None => report.ok("descriptors", "any number of files may be open at once"),
    }
}
