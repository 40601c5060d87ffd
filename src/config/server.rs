//! `[server]`: listeners, URLs, limits.

use super::read::section::Section;
use super::read::values::{self, Network, WebUrl, duration_between};
use std::net::SocketAddr;
use time::Duration;

/// `[server]`
#[derive(Debug, Clone)]
pub struct Server {
    /// The address for browsers and pages.
    pub listen: SocketAddr,
    /// Health, readiness, metrics.
    pub admin_listen: SocketAddr,
    /// The URL of this service: scheme, host, no trailing slash. The ACS is this + `/saml`.
    pub public_url: String,
    /// The page that receives the ticket.
    pub redirect_url: String,
    /// Origins whose pages may read the answers of this service.
    pub allowed_origins: Vec<String>,
    /// The origins at which the page lets people choose among their roles; none where it does
    /// not.
    pub choose_at: Vec<String>,
    /// The URL that pages sign a ping for, where a gateway checks the signature.
    pub ping_url: Option<String>,
    /// Networks whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<Network>,
    /// The contact that refusal pages show.
    pub contact: Option<String>,
    /// Requests handled at once; more are answered 503 `busy`.
    pub max_concurrent_requests: usize,
    /// Requests of one client in progress; more are answered 429 `too_many_requests`.
    pub max_requests_per_client: usize,
    /// Posts of one client a minute, and as many takes and starts; more are answered 429.
    pub max_posts_per_minute: usize,
    /// Connections held at once.
    pub max_connections: usize,
    /// Connections of one client held at once.
    pub max_connections_per_client: usize,
    /// How long a client may take to send its request.
    pub request_timeout: std::time::Duration,
}

impl Server {
    /// What it means that no proxy is named. TLS is a proxy's, so behind an https URL
    /// there is one, and all connections are its own.
    pub fn unnamed_proxy(&self) -> Option<&'static str> {
        (self.trusted_proxies.is_empty() && self.public_url.starts_with("https://")).then_some(
            "server.trusted_proxies is empty, and the proxy that speaks https in front is not named: \
             everybody counts as one client, in the audit trail and for the limits per client",
        )
    }

    /// Whether a page of this origin gets the tickets of the built-in one, or may read
    /// answers as it may.
    pub(super) fn has_page_on(&self, origin: &str) -> bool {
        self.page_origins().iter().any(|own| own == origin)
    }

    /// The origins of such pages.
    pub(super) fn page_origins(&self) -> Vec<String> {
        let own = [&self.public_url, &self.redirect_url].into_iter();
        let own = own.filter_map(|url| Some(WebUrl::parse(url).ok()?.origin));
        own.chain(self.allowed_origins.iter().cloned()).collect()
    }

    /// Whether only this machine can be meant by `public_url`.
    pub fn is_on_loopback(&self) -> bool {
        values::is_loopback_url(&self.public_url)
    }
}

/// `None` if a required option is absent or faulty.
pub(super) fn server(section: &Section<'_>) -> Option<Server> {
    let listen = section.or("listen", SocketAddr::from(([127, 0, 0, 1], 8080)), values::socket);
    let admin_listen = section.or("admin_listen", SocketAddr::from(([127, 0, 0, 1], 9090)), values::socket);
    let public_url = section.required("public_url", values::public_url);
    let redirect_url = section.optional("redirect_url", WebUrl::parse);
    let allowed_origins = section.list("allowed_origins", values::origin);
    let ping_url = section.optional("ping_url", WebUrl::parse).map(WebUrl::into_text);
    let trusted_proxies = section.list("trusted_proxies", values::network);
    let contact = section.optional("contact", values::line(200));
    let max_concurrent_requests = section.integer("max_concurrent_requests", 256, 1..=65_536);
    let max_requests_per_client = section.integer("max_requests_per_client", 64, 1..=65_536);
    let max_posts_per_minute = section.integer("max_posts_per_minute", 1_200, 1..=1_000_000);
    let max_connections = section.integer("max_connections", 1_024, 1..=65_536);
    let max_connections_per_client = section.integer("max_connections_per_client", 256, 1..=65_536);
    let request_timeout = section.or("request_timeout", Duration::seconds(10), duration_between("1s", "60s"));

    if clash(listen, admin_listen) {
        let message = "is the address of server.listen too: health and metrics are not for the public";
        section.fault_at_key("admin_listen", message);
    }
    if let (Some(public), Some(redirect)) = (&public_url, &redirect_url) {
        let origin = &redirect.origin;
        if *origin != public.origin && !allowed_origins.contains(origin) {
            section.reading().warn(format!(
                "server.redirect_url is on {origin}, which is not among server.allowed_origins: \
                 browsers will not let that page take the credentials"
            ));
        }
    }
    if trusted_proxies.iter().any(|network| network.prefix == 0) {
        section.reading().warn(
            "server.trusted_proxies holds the whole internet: anybody can write the address that the audit records",
        );
    }

    let choose_at = choose_at(section, public_url.as_ref(), redirect_url.as_ref());
    let public_url = public_url?.into_text();
    Some(Server {
        listen,
        admin_listen,
        redirect_url: redirect_url.map_or_else(|| format!("{public_url}/"), WebUrl::into_text),
        public_url,
        allowed_origins,
        choose_at,
        ping_url,
        trusted_proxies,
        contact,
        max_concurrent_requests,
        max_requests_per_client,
        max_posts_per_minute,
        max_connections,
        max_connections_per_client,
        request_timeout: request_timeout.unsigned_abs(),
    })
}

/// Where people choose: at the page that the service has itself, or at another one that is said
/// to be as good (`choose`). Whoever can run a script there can take every role of whoever
/// comes by.
fn choose_at(section: &Section<'_>, public: Option<&WebUrl>, redirect: Option<&WebUrl>) -> Vec<String> {
    let origins: Vec<String> =
        [public, redirect].into_iter().flatten().map(|url| url.origin.clone()).collect();
    let is_ours = origins.iter().all(|origin| Some(origin) == origins.first());
    if section.boolean("choose", is_ours) { origins } else { Vec::new() }
}

/// Whether two listeners would have the same address. Port 0 is a new port each time.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() != 0
        && one.port() == other.port()
        && (one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified())
}
