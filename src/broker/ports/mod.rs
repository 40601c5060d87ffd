//! The ports: what the use cases need from outside of the process.
//!
//! Each doc comment is the contract; `tests/store_contract.rs`,
//! `tests/keyring_contract.rs` and `tests/token_service_contract.rs` test every
//! adapter against it (`tests/metadata.rs` the one feed of metadata). An
//! implementation bounds its own waiting: no method may hang.

pub(super) mod audit_trail;
pub(super) mod caller_directory;
pub(super) mod console;
pub(super) mod key_ring;
pub(super) mod metadata_feed;
pub(super) mod session_store;
pub(super) mod system;
pub(super) mod token_service;

pub use super::token_service_error::TokenServiceError;
pub use audit_trail::{AuditTrail, NotReady, StoreFigures};
pub use caller_directory::{Caller, CallerDirectory};
pub use console::ConsoleSignIn;
pub use key_ring::{KeyRing, KeyRingError, PUBLIC_KEYS_KEPT};
pub use metadata_feed::{DocumentVersion, Fetched, Known, LastGood, MetadataFeed, Validators};
pub use session_store::{
    Basis, BeginError, ChoiceStart, Held, LoginStart, MOST_ROLES_USED, PutError, RoleUsed, SessionStore,
    StoreUnavailable, TakeError, Taken, UsedMessage, UsedOnce,
};
pub use system::{Clock, SecureRandom};
pub use token_service::TokenService;
