//! XML Encryption as SAML uses it (core 6).

pub(super) mod encrypted;
pub(super) mod keys;
pub(super) mod splice;
