//! SAML metadata 2.0: identity providers' as read, and our own.

pub(super) mod idp;
pub(super) mod sign_on_service;
pub(super) mod sp;
