//! The settings of the use cases.

use super::metadata::providers::CurrentProviders;
use super::relay_state::Binding;
use super::ticket::TicketSettings;
use crate::roles::Rules;
use crate::saml::{Limits, ServiceProvider, SigningKey};
use std::sync::Arc;
use time::Duration;

/// The settings of the use cases.
pub struct BrokerSettings {
    /// The identity providers whose assertions are accepted.
    pub providers: CurrentProviders,
    /// What assertions must be addressed to.
    pub service: ServiceProvider,
    /// What our requests are signed with.
    pub signing_key: Option<Arc<SigningKey>>,
    /// Caps on what is read.
    pub limits: Limits,
    /// Which person gets which role.
    pub rules: Rules,
    /// What the second half of RelayState is.
    pub binding: Binding,
    /// Issuer, audience and lifetime of tickets.
    pub tickets: TicketSettings,
    /// How long credentials wait to be taken.
    pub session_lifetime: Duration,
}
