//! JWE to who waits: ECDH-ES on X25519 with A256GCM, in compact serialization (RFC 7516;
//! RFC 7518 sections 4.6 and 5.3; RFC 8037 section 3.2).
//!
//! Pure, and below everything else: the service seals with it, and the program at a shell
//! opens with it. No library that is alive does this without a second crypto library
//! (`docs/ARCHITECTURE.md`, "Decisions").

mod concat_kdf;
mod jwe;
mod x25519;

pub use jwe::{MAX_CHARS, open, seal};
pub use x25519::{PrivateKey, PublicKey, Unusable};
