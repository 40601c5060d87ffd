//! The key ring whose keys KMS protects. The table `SAMLKeys` holds ciphertext
//! (`ring`); a process keeps a decrypted data key (`data_key`) from its first use
//! on, so a login costs no call of KMS. Where KMS itself signs tickets, a
//! login costs one `Sign`; credentials are sealed by data keys all the same.
//!
//! A new key is published in the table before anyone signs with it, and every
//! process reads the table at least that often: a rotation fails no login.

mod data_key;
mod jws;
mod key_ring;
mod past;
mod ring;
mod service;
mod table;

pub use key_ring::KmsKeyRing;
