//! What each table of the file has become: finished values, no text to be read.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

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
    /// What pages sign a ping for, where a gateway checks it.
    pub ping_url: Option<String>,
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

/// Certificates (DER) of our own SAML keys.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    /// Of the key that signs requests.
    pub signing: Vec<Vec<u8>>,
    /// Of the newest decryption key.
    pub encryption: Vec<Vec<u8>>,
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
    /// AWS STS.
    Aws {
        /// Asked in this order, the next one during an outage; at least one, all
        /// of one partition.
        regions: Vec<String>,
        /// Another address than AWS's.
        endpoint: Option<String>,
        /// How long one login may wait for it in all.
        timeout: std::time::Duration,
    },
}

impl Sts {
    /// The region that pages and signatures name.
    pub fn region(&self) -> &str {
        match self {
            Self::Local { region, .. } => region,
            Self::Aws { regions, .. } => regions.first().map_or("", String::as_str),
        }
    }
}

/// `[store]`
#[derive(Debug, Clone)]
pub enum Store {
    /// SQLite.
    Embedded {
        /// The database file.
        path: PathBuf,
    },
    /// Amazon DynamoDB.
    DynamoDb(DynamoDb),
}

/// `store.kind = "dynamodb"`
#[derive(Debug, Clone)]
pub struct DynamoDb {
    /// Where the tables are.
    pub region: String,
    /// Another address than AWS's.
    pub endpoint: Option<String>,
    /// Waiting sessions.
    pub sessions_table: String,
    /// Who has signed in so far.
    pub users_table: String,
    /// The audit trail.
    pub audit_table: String,
    /// Claims on assertions.
    pub claims_table: String,
}

/// `[keys]`
#[derive(Debug, Clone)]
pub enum Keys {
    /// A file of mode 0600; made at first start.
    Local {
        /// The file.
        path: PathBuf,
    },
    /// AWS KMS, with the protected keys in a table of their own.
    Kms(Kms),
}

/// `keys.kind = "kms"`
#[derive(Debug, Clone)]
pub struct Kms {
    /// Where the key and its table are.
    pub region: String,
    /// Another address of KMS than AWS's.
    pub endpoint: Option<String>,
    /// The KMS key that protects the ring: alias, id or ARN.
    pub key_id: String,
    /// What every use of it states, and its policy may ask for.
    pub encryption_context: BTreeMap<String, String>,
    /// The table of the ring.
    pub keys_table: String,
    /// What signs tickets.
    pub signing: Signing,
    /// How long a process relies on what it has read of the ring, and how long
    /// a new key is published before anyone uses it.
    pub refresh: std::time::Duration,
}

/// `keys.signing` with KMS
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signing {
    /// HS256 by a key of the ring: no call per login.
    DataKey,
    /// ES256 or RS256 by this asymmetric KMS key; one call per login.
    KmsAsymmetric {
        /// Alias, id or ARN.
        key_id: String,
    },
    /// HS256 by this KMS HMAC key; one call per login, one per hand-over.
    KmsHmac {
        /// Alias, id or ARN.
        key_id: String,
    },
}
