//! The configuration: one TOML file, the environment over it, all faults at once.
//!
//! `config/vestibule.toml` documents every option. The file is mirrored, then
//! turned into this finished, typed [`Config`]; nothing behind this room parses text.

use crate::broker;
use crate::saml::SignOnService;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// A finished configuration.
pub struct Config {
    /// `[server]`
    pub server: Server,
    /// `[log]`
    pub log: Log,
    /// `[[saml.idp]]`, what pages and metadata need of them.
    pub sign_on: Vec<SignOn>,
    /// `[saml]`, `[[saml.idp]]`, `[[rule]]`, `[delivery]`: what the use cases need.
    pub broker: broker::Settings,
    /// `delivery.jwt_in`
    pub jwt_in: JwtIn,
    /// `[sts]`
    pub sts: Sts,
    /// `[store]`
    pub store: Store,
    /// `[keys]`
    pub keys: Keys,
    /// Things that work but that the operator should know.
    pub warnings: Vec<String>,
}

/// `[server]`
#[derive(Debug, Clone)]
pub struct Server {
    /// Where browsers and pages come in.
    pub listen: SocketAddr,
    /// Health, readiness, metrics.
    pub admin_listen: SocketAddr,
    /// How the world names us: scheme, host, no trailing slash. The ACS is this + `/saml`.
    pub public_url: String,
    /// The page that receives the ticket.
    pub redirect_url: String,
    /// Origins whose pages may read our answers.
    pub allowed_origins: Vec<String>,
    /// Networks whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<Network>,
    /// Whom a refused person should ask; shown on refusal pages.
    pub contact: Option<String>,
    /// Requests worked on at once; more are answered 503 `busy`.
    pub max_concurrent_requests: usize,
    /// Connections held at once.
    pub max_connections: usize,
    /// How long a client may take to send its request.
    pub request_timeout: std::time::Duration,
}

/// An IP network in CIDR notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The network's address.
    pub address: IpAddr,
    /// The prefix length in bits.
    pub prefix: u8,
}

/// `[log]`
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// One JSON object per line, or text.
    pub json: bool,
    /// The most verbose level written.
    pub level: tracing::Level,
}

/// How a page sends people to one identity provider.
#[derive(Debug, Clone)]
pub struct SignOn {
    /// The configured name.
    pub name: String,
    /// For IdP-initiated login; absent if switched off.
    pub sign_on_url: Option<String>,
    /// AD FS's `RPID`; absent for identity providers that take a plain RelayState.
    pub relying_party_id: Option<String>,
    /// From its metadata.
    pub services: Vec<SignOnService>,
}

/// `delivery.jwt_in`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JwtIn {
    /// `#jwt=…`: never sent to any server.
    Fragment,
    /// `?jwt=…`, for pages of the 2017 sample.
    Query,
}

/// `[sts]`
#[derive(Debug, Clone)]
pub enum Sts {
    /// Credentials derived from a local key, clearly marked as local.
    Local {
        /// Where the issuer's key is kept (mode 0600); made at first start.
        path: PathBuf,
        /// The region that signatures must name.
        region: String,
    },
}

/// `[store]`
#[derive(Debug, Clone)]
pub enum Store {
    /// SQLite.
    Embedded {
        /// The database file.
        path: PathBuf,
    },
}

/// `[keys]`
#[derive(Debug, Clone)]
pub enum Keys {
    /// A file of mode 0600; made at first start.
    Local {
        /// The file.
        path: PathBuf,
    },
}
