//! Hostile clients against the real binary, and an honest one beside them: its logins and
//! takes all succeed, 99 of 100 within a second. Attackers come from 127.0.0.2 to
//! 127.0.0.9, the honest client from 127.0.0.10.
//!
//! CI runs the short form. By hand, in release:
//!
//! ```sh
//! VESTIBULE_FLOOD=100000 cargo test --release --test hostile one_expired
//! VESTIBULE_SOAK=3600 cargo test --release --test hostile -- --ignored --nocapture soak
//! VESTIBULE_OLD=path/to/another/vestibule cargo test --release --test hostile -- --ignored --nocapture cpu
//! ```
#![allow(clippy::disallowed_methods, reason = "how long a client waits is measured")]

mod attacks;
mod flood;
mod honest;
mod long;
#[path = "../support/mod.rs"]
mod support;
mod target;
