//! Why a response is refused: the rows of `saml_refusals!` (`src/refusals.rs`).
//!
//! A refusal carries no text of the message: everything in it could have been
//! written by an attacker, and everything here ends up in logs and answers.

saml_refusals! { refusal_enum
    /// Why a SAML response is refused. Nothing was changed anywhere when one of
    /// these is returned.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum SamlRefusal
}

impl SamlRefusal {
    /// Whether the message was proven to come from a configured identity
    /// provider before it was refused. Only such refusals are worth an audit
    /// record: anybody can send the others, as many as they like.
    pub const fn is_authenticated(self) -> bool {
        saml_refusals!(refusal_mark self)
    }
}

/// Which cap a document ran into (see [`Limits`](super::Limits)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Default))]
pub enum Cap {
    /// More nodes than `max_nodes`.
    #[cfg_attr(test, default)]
    Nodes,
    /// Elements nested deeper than `max_depth`.
    Depth,
    /// More attributes on one element than `max_attributes`.
    Attributes,
    /// More namespace declarations than `max_namespaces`.
    Namespaces,
}
