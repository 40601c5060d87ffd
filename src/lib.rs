//! **Vestibule**: people sign in at their company's AD FS (or any SAML 2.0
//! identity provider) and get short-lived AWS credentials, delivered exactly once.
//!
//! One login, in ten steps:
//!
//! 1. A page makes a session id, a verifier and its challenge, and sends the browser
//!    to the identity provider with `RelayState = session##challenge`.
//! 2. The identity provider's form posts `SAMLResponse` and `RelayState` to `POST /saml`
//!    ([`http`]).
//! 3. [`saml`] parses the response once, verifies its signatures with the keys of the
//!    configured identity provider, and accepts it: the result is an
//!    [`Identity`](saml::Identity).
//! 4. [`roles`] applies the rules: the result is a [`Grant`](roles::Grant), or a refusal
//!    with its explanation.
//! 5. The [store](broker::ports::SessionStore) marks the assertion as used, reserves the
//!    session id and records the start, in one transaction.
//! 6. The [token service](broker::ports::TokenService) issues credentials for the grant.
//! 7. The [key ring](broker::ports::KeyRing) seals them and signs a ticket that is valid
//!    for 30 seconds.
//! 8. The store keeps the sealed session; the browser is redirected to the page with the
//!    ticket.
//! 9. The page sends ticket and verifier to `GET /saml`; one delete takes the session.
//! 10. The delivery is recorded, and [`delivery`] writes the credentials. They cannot be
//!     taken again.
//!
//! In code: `broker/login.rs` for steps 3 to 8, `broker/redeem.rs` for 9 and 10.
//! `docs/PROTOCOL.md` describes every event in every state of a login,
//! `docs/ARCHITECTURE.md` the layers and their imports.

// The service must not panic, and prints in one place; tests and benches may do both.
#![warn(unreachable_pub)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![warn(clippy::print_stderr, clippy::print_stdout)]
#![cfg_attr(test, allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used))]

// The list of refusals: macros, so it comes first.
#[macro_use]
mod refusals;

// The layers, from the highest to the lowest; each imports only lower ones. The service is for
// Unix; the shell's commands are for Windows too.
pub mod cli;
#[cfg(unix)]
pub mod lambda;

#[cfg(all(unix, feature = "demo"))]
pub mod demo;
#[cfg(unix)]
pub mod service;
#[cfg(feature = "shell")]
pub mod shell;

#[cfg(unix)]
pub mod http;

#[cfg(unix)]
pub mod adapters;
#[cfg(unix)]
pub mod config;

pub mod system;

pub mod broker;
pub mod delivery;
pub mod jose;
pub mod roles;
pub mod saml;
