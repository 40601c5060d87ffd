//! What the envelope and the handlers tell each other beside the request and its answer.

use super::connections::Connection;
use super::language::Language;
use crate::broker::{BeganAt, Reference};
use std::net::IpAddr;
use std::sync::Arc;

/// What handlers know of a request beside its own parts.
#[derive(Clone)]
pub(super) struct Context {
    pub(super) reference: Reference,
    pub(super) source_ip: Option<IpAddr>,
    /// The page to which a person goes back from a refusal.
    pub(super) began_at: BeganAt,
    /// Of what a person reads.
    pub(super) language: Language,
    /// Ours, if the request came over our own listener.
    pub(super) connection: Option<Arc<Connection>>,
}

/// The stable code of an answer that is no refusal, for logs and metrics.
#[derive(Clone, Copy)]
pub(super) struct OutcomeCode(pub(super) &'static str);
