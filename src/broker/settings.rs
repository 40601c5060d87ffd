//! The settings of the use cases.

use super::console::Console;
use super::metadata::providers::CurrentProviders;
use super::page::Pages;
use super::refusal::ConsoleError;
use super::relay_state::Binding;
use super::ticket::TicketSettings;
use crate::roles::{RoleRefusal, Rules};
use crate::saml::{IdentityProvider, Limits, ServiceProvider, SigningKey};
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
    /// The pages beside the built-in one.
    pub pages: Pages,
    /// Where the AWS console may be opened; None where nobody is signed in to it.
    pub console: Option<Console>,
    /// Programs at a shell; None where they get nothing.
    pub shell: Option<Shell>,
    /// What the second half of RelayState is.
    pub binding: Binding,
    /// Issuer, audience and lifetime of tickets.
    pub tickets: TicketSettings,
    /// How long credentials wait to be taken.
    pub session_lifetime: Duration,
}

/// Programs at a shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shell {
    /// Whether a program may run on another computer than the browser.
    pub other_device: bool,
}

impl BrokerSettings {
    /// Where a sign-in to the console leads.
    ///
    /// # Errors
    /// [`ConsoleError`].
    pub fn destination(&self, partition: &str, wanted: Option<&str>) -> Result<&str, ConsoleError> {
        self.console.as_ref().ok_or(ConsoleError::Off)?.destination(partition, wanted)
    }

    /// The rules' refusal as the person hears it: another sign-in is offered only where the
    /// identity provider takes requests, which its metadata of now says.
    pub fn answer(&self, refusal: RoleRefusal, idp: &str) -> RoleRefusal {
        let takes_requests =
            self.providers.current().by_name(idp).is_some_and(IdentityProvider::takes_requests);
        if takes_requests { refusal } else { refusal.without_step_up() }
    }
}
