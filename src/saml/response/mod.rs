//! A response, from the form field to an [`Identity`](identity::Identity).
//!
//! The steps are types, each made only by the step before:
//!
//! ```text
//! ResponseMessage::decode   base64, caps, UTF-8              (message.rs)
//!   .decrypt(keys)       -> ResponseMessage, decrypted       (decrypt.rs)
//!   .parse()             -> UnverifiedResponse               (parse.rs)
//!   .find_issuer(idps)   -> ClaimedResponse                  (verify.rs)
//!   .verify()            -> VerifiedAssertion                (verify.rs)
//!   .accept(sp, expected, now) -> Identity, or RefusedAssertion (accept.rs, refused.rs)
//! ```

mod accept;
mod authentication;
mod decrypt;
pub(super) mod expected;
pub(super) mod identity;
pub(super) mod message;
pub(super) mod parse;
mod parts;
pub(super) mod refused;
mod stand_in;
mod status;
pub(super) mod verify;
