//! SAML 2.0, the part a service provider needs: read, verify, accept, select.
//!
//! Pure: no I/O, no clock, no configuration; it imports no other layer.
//! The first rule (`SECURITY.md`): one parse, one tree; verify; then read
//! only nodes inside the verified element, on that same tree.
//!
//! Cut by specification; each layer imports only from those below it:
//!
//! ```text
//! response/         core 3, bindings 3.5, profiles 4.1: from the form field to an Identity
//! provider          the identity providers that are trusted
//! select/           where an assertion has the values
//! authn_request     core 3.4, bindings 3.4 and 3.5: what we ask
//! metadata/         metadata 2: theirs, read; ours, written
//! xmlenc/           XML Encryption
//! dsig/             XML Signature
//! trace             what the steps looked at
//! xml/              caps, parse, canonicalization
//! refusal
//! ```
//!
//! The work that an unauthenticated sender can cause is bounded: the scan comes
//! before the parse, and before the signature is verified only SignedInfo (a
//! dozen elements) is canonicalized; the signed element is canonicalized after.

mod authn_request;
mod dsig;
mod metadata;
mod provider;
mod refusal;
mod response;
mod select;
#[cfg(test)]
mod testing;
mod trace;
mod xml;
mod xmlenc;

pub use authn_request::{
    AskedAuthn, AuthnRequest, AuthnRequestId, Comparison, RequestedAuthn, RequestedAuthnContext,
    SentAuthnRequest, ShortDigest,
};
pub use dsig::key::{KeyError, VerificationKey};
pub use dsig::sign::{SigningError, SigningKey};
pub use metadata::idp::{IdpMetadata, MAX_METADATA_BYTES, MetadataError, Validity};
pub use metadata::sign_on_service::{HTTP_POST, HTTP_REDIRECT, SignOnService};
pub use metadata::sp::ServiceProviderMetadata;
pub use provider::{IdentityProvider, IdentityProviders};
pub use refusal::{Cap, SamlRefusal};
pub use response::expected::{Expected, ServiceProvider};
pub use response::identity::{Identity, InResponseTo};
pub use response::message::{OriginalResponse, ResponseMessage};
pub use response::parse::UnverifiedResponse;
pub use response::refused::RefusedAssertion;
pub use response::verify::{ClaimedResponse, VerifiedAssertion};
pub use select::selector::{Selector, SelectorError};
pub use select::selectors::Selectors;
pub use trace::{Fact, Step, Trace, Traced};
pub use xml::blanks::trim_blanks;
pub use xml::canonicalization::{CanonicalizationError, canonicalize};
pub use xml::limits::Limits;
pub use xmlenc::keys::{DecryptionKey, DecryptionKeys};
