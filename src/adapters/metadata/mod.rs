//! Identity providers' metadata: fetched from URLs, read from files, and the last
//! good documents kept on disk. When a source is asked, and what is accepted of
//! it, are the broker's rules (`broker/metadata/`).
//!
//! ```text
//! start.rs   before the configuration is finished: each URL, else its last good document
//! feed.rs    while the service runs: the port `MetadataFeed`
//! fetch.rs   one request to one URL
//! cache.rs   the files of `saml.metadata_cache`
//! ```

mod cache;
mod feed;
mod fetch;
mod start;

pub use cache::last_good_confirmed;
pub use feed::{open_sources, read_now};
pub use start::obtain;
