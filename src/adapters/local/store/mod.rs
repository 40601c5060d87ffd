//! Sessions, claims, users and the audit trail in one SQLite file: write-ahead
//! log, `synchronous=FULL`, one writer with group commit ([`writer`]). Several
//! processes may have the file open. The schema is in [`schema`], every
//! statement in [`begin`], [`statements`] and [`users`].
//!
//! A taken session's sealed bytes leave the pages at once (`secure_delete`) and
//! the write-ahead log when it starts over; they are sealed at any rate.

mod begin;
mod embedded;
pub(in crate::adapters::local) mod journal;
pub(in crate::adapters::local) mod meta;
mod schema;
mod sql;
mod statements;
mod users;
mod watch;
mod writer;

pub use embedded::EmbeddedStore;
pub use meta::UsedWith;
