//! **Vestibule**: people sign in at their company's AD FS (or any SAML 2.0
//! identity provider) and leave with short-lived AWS credentials, handed over
//! exactly once.
//!
//! One login, in ten lines:
//!
//! 1. A page makes a session id, a verifier and its challenge, and sends the
//!    browser to the identity provider with `RelayState = session##challenge`.
//! 2. The identity provider posts `SAMLResponse` and `RelayState` to `POST /saml` ([`http`]).
//! 3. [`saml`] reads the response once, verifies it with the issuer's keys, and
//!    accepts it: now there is an [`Identity`](saml::Identity).
//! 4. [`roles`] asks the rules: now there is a [`Grant`](roles::Grant), or a refusal that explains itself.
//! 5. [`broker`] claims the assertion, reserves the session id and records the start.
//! 6. A [token service](broker::ports::TokenService) gives credentials for the grant.
//! 7. The [key ring](broker::ports::KeyRing) seals them and signs a ticket that lives 30 seconds.
//! 8. The [store](broker::ports::SessionStore) keeps the sealed session; the browser
//!    is sent to the page with the ticket.
//! 9. The page shows ticket and verifier to `GET /saml`; one delete takes the session.
//! 10. The delivery is recorded, and [`delivery`] writes the credentials out. Nobody
//!     can take them again.
//!
//! The story in code is [`broker`]'s `login.rs`, then its `redeem.rs`. What every
//! event does to a login in every state is in `docs/PROTOCOL.md`; the rooms and
//! the arrows between them are in `docs/ARCHITECTURE.md`.

// The service must not panic and prints in one place; tests and benches may do both.
#![warn(unreachable_pub)]
#![warn(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]
#![warn(clippy::print_stderr, clippy::print_stdout)]
#![cfg_attr(test, allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used))]

// From the street to the ground; each room imports only downwards.
pub mod cli;
pub mod lambda;

#[cfg(feature = "demo")]
pub mod demo;
mod service;

pub mod http;

pub mod adapters;
pub mod config;
pub mod delivery;

pub mod broker;
pub mod roles;
pub mod saml;
