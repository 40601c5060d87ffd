//! The HTTP layer: routes, limits, and what each answer looks like.
//!
//! `router.rs` lists the routes. Every request passes the envelope (`envelope.rs`:
//! reference, limits, panics, CORS, headers, log line) and reaches one small handler.
//! A handler answers or returns an [`Error`]; `error.rs` makes answers of the list of
//! refusals. To add a refusal: a row in `src/refusals.rs` (a test checks that
//! `docs/ERRORS.md` has it too).

mod accept;
mod admin;
mod admission;
mod app;
pub mod authorizer;
mod body;
mod choice;
mod client;
mod client_ip;
mod config_json;
mod connections;
mod context;
mod cors;
mod documents;
mod envelope;
mod error;
mod figures;
pub(crate) mod form;
mod frame;
mod headers;
mod language;
mod login;
mod metrics;
mod openapi;
mod pages;
mod redeem;
mod redirect;
mod refusal;
mod router;
pub mod serve;
mod settings;
mod shell;
mod sigv4;
mod start;
mod users;

pub use admin::admin_router;
pub use admission::{Limit, SlotFigures};
pub use app::App;
pub use client_ip::last_hop;
pub use config_json::can_start;
pub use connections::{ConnectionFigures, Connections, ServeLimits};
pub use envelope::Unreadable;
pub use error::{Error, PingError, Refusal, Row, Who};
pub use router::router;
pub use serve::{Peer, serve};
pub use settings::{HttpSettings, SettingsError};
pub use users::GatewayCaller;
