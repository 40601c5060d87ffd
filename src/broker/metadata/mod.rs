//! Identity providers' metadata, renewed while logins run.
//!
//! ```text
//! renewal.rs    the use case: refresh what is due, or out of turn for a login; report changed keys
//! source.rs     one source: fetched once at a time, and what logins wait for
//! update.rs     fetch and accept: what has expired is refused (at start, too)
//! state.rs      what is known of a source: due, failures, keys reported; no I/O
//! schedule.rs   when a source is asked again
//! providers.rs  the identity providers of the moment
//! ```

pub(super) mod providers;
mod renewal;
mod schedule;
pub(super) mod source;
mod state;
mod update;

pub use providers::CurrentProviders;
pub use renewal::ProviderHealth;
pub use source::MetadataSource;
pub use state::SourceHealth;
pub use update::{MetadataUpdate, check_not_expired, fetch_update};
