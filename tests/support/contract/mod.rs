//! One suite per port. Every adapter is judged by the same functions: implement
//! the `…UnderTest` trait, and call the suite's macro.

#![allow(dead_code, unused_imports, unused_macros, reason = "each test file uses one suite of them")]

pub mod choice;
pub mod keyring;
pub mod store;
pub mod token_service;

use time::{Duration, OffsetDateTime};

/// The time at which every test begins.
pub fn start_of_time() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap()
}

/// The smallest step of time.
pub const INSTANT: Duration = Duration::nanoseconds(1);
