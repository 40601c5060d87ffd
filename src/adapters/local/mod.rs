//! Everything embedded: an issuer, a store and a key ring that need nothing
//! but a disk. A small company's whole back end, and the demo's.

mod directory;
pub mod inspect;
mod keyfile;
mod keyring;
mod policy;
mod store;
mod sts;
mod system;

pub use keyring::LocalKeyRing;
pub use store::EmbeddedStore;
pub use sts::LocalSts;
pub use system::{ManualClock, SystemClock, SystemRandom};
