//! Everything that turns a process into the service, for the commands and for
//! Lambda.
//!
//! ```text
//! load.rs       a path to a finished configuration, by way of the Parameter Store and metadata URLs
//! wire.rs       a configuration to a service, opened, not yet listening
//! run.rs        listeners, sweeper, metadata, graceful end
//! reload.rs     SIGHUP: the configuration, read again
//! descriptors.rs  how many files may be open
//! log.rs        structured logs: their format and the queue before standard error
//! summary.rs    the line of the start
//! ```

pub(crate) mod descriptors;
pub(crate) mod load;
pub(crate) mod log;
mod reload;
mod run;
mod summary;
mod wire;

pub use log::{LineFormat, SpanFields};
pub(crate) use reload::{HangUp, Reloader};
pub(crate) use run::{listen, stop_signal};
pub(crate) use wire::{Front, Service};
