//! The settings of the use cases.

use super::metadata::providers::CurrentProviders;
use super::relay_state::Binding;
use super::ticket::TicketSettings;
use crate::roles::Rules;
use crate::saml::{Limits, ServiceProvider, SigningKey};
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
