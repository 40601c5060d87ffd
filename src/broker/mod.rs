//! The use cases: a login (`login.rs`, the story; `identify.rs`, who it
//! is; `start.rs`, where it starts here), and the hand-over (`redeem.rs`).
//!
//! Everything that touches the world comes in through [`ports`]; the rooms
//! below are pure. `docs/PROTOCOL.md` says what each step leaves behind.

mod audit;
mod credentials;
mod identify;
mod login;
mod maintenance;
mod metadata;
pub mod ports;
mod redeem;
mod refusal;
mod refusal_log;
mod session;
mod start;
mod ticket;
mod token_service_error;

pub use audit::{AuditEvent, EventKind, Subject};
pub use credentials::{Credentials, HandOver};
pub use login::{Issued, LoginPost};
pub use maintenance::SweepReport;
pub use metadata::{CurrentProviders, ProviderHealth};
pub use redeem::RedeemRequest;
pub use refusal::{LoginError, RedeemError, RelayStateError, StartError, TicketError};
pub use session::{
    Binding, Challenge, Handle, LoginId, Purpose, RelayState, Sealed, SealedSession, SessionId, SupportId,
    Verifier,
};
pub use start::AuthnRequestMessage;
pub use ticket::{
    BoundTicket, Jti, Ticket, TicketClaims, TicketSettings, VerifiedTicket, decode_ticket, encode_ticket,
    ticket_kid,
};

/// What the rooms below refuse, for those above who may only look down one floor.
pub use crate::roles::RoleRefusal;
pub use crate::saml::{Cap, IdpMetadata, SamlRefusal};

use crate::roles::Rules;
use crate::saml::{Limits, ServiceProvider, SigningKey};
use ports::{
    AuditTrail, Clock, KeyRing, MetadataFeed, SecureRandom, SessionStore, TokenService, UserDirectory,
};
use std::sync::Arc;
use time::Duration;

/// The settings of the use cases, finished and typed.
pub struct BrokerSettings {
    /// Whom we believe.
    pub providers: CurrentProviders,
    /// What assertions must be addressed to.
    pub service: ServiceProvider,
    /// What our requests are signed with.
    pub signing_key: Option<Arc<SigningKey>>,
    /// Caps on what is read.
    pub limits: Limits,
    /// Who gets which role.
    pub rules: Rules,
    /// What the claim in RelayState is.
    pub binding: Binding,
    /// Issuer, audience and lifetime of tickets.
    pub tickets: TicketSettings,
    /// How long credentials wait to be taken.
    pub session_lifetime: Duration,
}

/// The world, as the use cases see it.
#[derive(Clone)]
pub struct Ports {
    /// Who gives credentials.
    pub token_service: Arc<dyn TokenService>,
    /// Where sessions wait.
    pub sessions: Arc<dyn SessionStore>,
    /// Where events are recorded.
    pub audit: Arc<dyn AuditTrail>,
    /// Who has signed in so far.
    pub users: Arc<dyn UserDirectory>,
    /// What seals and signs.
    pub keys: Arc<dyn KeyRing>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn SecureRandom>,
}

/// The use cases of one Vestibule.
pub struct Broker {
    settings: BrokerSettings,
    ports: Ports,
    metadata: Option<Arc<dyn MetadataFeed>>,
}

impl Broker {
    /// Settings and a world are all it takes; nothing is contacted yet.
    pub fn new(settings: BrokerSettings, ports: Ports) -> Self {
        Self { settings, ports, metadata: None }
    }

    /// With metadata that is looked at again, and renews whom we believe.
    #[must_use]
    pub fn renewed_by(self, feed: Arc<dyn MetadataFeed>) -> Self {
        Self { metadata: Some(feed), ..self }
    }

    /// The settings it runs with.
    pub fn settings(&self) -> &BrokerSettings {
        &self.settings
    }

    /// The world it runs in.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }
}
