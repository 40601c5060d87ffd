//! SAML metadata 2.0: reading that of identity providers, and writing our own.

pub(super) mod idp;
mod keys;
pub(super) mod sign_on_service;
pub(super) mod sp;
