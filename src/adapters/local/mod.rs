//! Everything embedded: a token service, a store and a key ring that need nothing
//! but a disk.

mod directory;
pub mod inspect;
mod keyfile;
mod keyring;
mod policy;
mod store;
mod sts;

pub use keyring::LocalKeyRing;
pub use store::{EmbeddedStore, UsedWith};
pub use sts::LocalSts;
