//! What the log says of a request in every line: its reference, and the login and the
//! access key that it turned out to be about.
//!
//! A login has one reference from its start to its end. It travels inside the seal of
//! our `AuthnRequest`'s ID and as a claim of the ticket, so nobody but us can choose it.

use super::ids::{LoginId, SupportId};
use std::sync::{Arc, OnceLock};

/// The reference of an HTTP request: its own, until it is known which login it belongs
/// to. All clones are one.
#[derive(Debug, Clone)]
pub struct Reference {
    own: SupportId,
    adopted: Arc<OnceLock<SupportId>>,
}

impl Reference {
    /// The reference of a request of which nothing is known yet.
    pub fn new(own: SupportId) -> Self {
        Self { own, adopted: Arc::default() }
    }

    /// The one to show, to log and to record from now on.
    pub fn current(&self) -> &SupportId {
        self.adopted.get().unwrap_or(&self.own)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        self.current().as_str()
    }

    /// Takes over the reference of the login that this request continues. It must
    /// come from a seal or a signature of ours. The first one stays.
    pub(super) fn adopt(&self, login: SupportId) {
        if self.adopted.set(login).is_ok() {
            tracing::Span::current().record("reference", self.as_str());
        }
    }
}

/// From here on every line of this request has the login's id.
pub(super) fn log_login(login: &LoginId) {
    tracing::Span::current().record("login", login.as_str());
}

/// From here on every line of this request has the access key's id.
pub(super) fn log_access_key(access_key_id: &str) {
    tracing::Span::current().record("access_key_id", access_key_id);
}
