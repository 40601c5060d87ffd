//! SAML 2.0, the part a service provider needs: read, verify, accept, select.
//!
//! Pure: no I/O, no clock, no configuration, nothing of ours above it.
//! One rule above all (`SECURITY.md`): one parse, one tree; verify; then read
//! only nodes inside the verified element, on that same tree.
//!
//! The steps are types, each made only by the step before:
//!
//! ```text
//! ResponseMessage::decode   base64, caps, UTF-8              (response.rs)
//!   .decrypt(keys)       -> ResponseMessage, in clear        (decrypt.rs, encryption.rs, splice.rs)
//!   .parse()             -> UnverifiedResponse               (scan.rs, response.rs)
//!   .verify(idps)        -> VerifiedAssertion                (signature.rs, signed_info.rs,
//!                                                             canonicalization.rs, key.rs)
//!   .accept(sp, expected, now) -> Identity                   (accept.rs, select.rs, selector.rs)
//! ```
//!
//! Each step tells what it looks at to a `Trace`, where somebody listens (`trace.rs`).
//!
//! What we say to identity providers is in `authn_request.rs` (AuthnRequest, signed by
//! `signing.rs`) and `service_metadata.rs`.
//!
//! What an unauthenticated sender can make us do is bounded: the scan comes
//! before the parse, SignedInfo (a dozen elements) is canonicalized before the
//! signature is verified, and the signed element only after.

mod accept;
mod authn_request;
mod canonicalization;
mod decrypt;
mod encryption;
mod identity;
mod instant;
mod key;
pub mod metadata;
mod provider;
mod refusal;
mod response;
mod scan;
mod select;
mod selector;
mod service_metadata;
mod signature;
mod signed_info;
mod signing;
mod splice;
#[cfg(test)]
mod testing;
mod trace;
mod xml;

pub use accept::ServiceProvider;
pub use authn_request::{
    AuthnRequest, AuthnRequestId, Comparison, Expected, RequestedAuthn, RequestedAuthnContext,
    SentAuthnRequest,
};
pub use canonicalization::{CanonicalizationError, canonicalize};
pub use encryption::{DecryptionKey, DecryptionKeys};
pub use identity::{Identity, InResponseTo, OriginalResponse};
pub use key::{KeyError, VerificationKey};
pub use metadata::{IdpMetadata, MAX_METADATA_BYTES, MetadataError, SignOnService, Validity};
pub use provider::{IdentityProvider, IdentityProviders};
pub use refusal::{Cap, SamlRefusal};
pub use response::{Limits, ResponseMessage, UnverifiedResponse};
pub use select::Selectors;
pub use selector::{Selector, SelectorError};
pub use service_metadata::ServiceProviderMetadata;
pub use signature::VerifiedAssertion;
pub use signing::{SigningError, SigningKey};
pub use trace::{Fact, Step, Trace, Traced};
pub use xml::{HTTP_POST, HTTP_REDIRECT};
