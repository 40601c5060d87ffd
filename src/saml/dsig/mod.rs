//! XML Signature as SAML profiles it (core 5.4): verifying one signature, and making one.

pub(super) mod algorithm;
pub(super) mod key;
pub(super) mod sign;
pub(super) mod signed_info;
pub(super) mod verify;
