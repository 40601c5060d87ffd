//! XML Signature as SAML profiles it (core 5.4): one signature verified, or made.

pub(super) mod algorithm;
pub(super) mod key;
pub(super) mod sign;
pub(super) mod signed_info;
pub(super) mod verify;
