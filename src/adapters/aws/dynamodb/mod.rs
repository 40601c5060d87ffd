//! Sessions, claims, users and the audit trail in DynamoDB. [`schema`] describes
//! the tables, `call` how AWS is called and what its errors mean.
//!
//! The calls of one login: `begin` and `put` a transaction each, one
//! `UpdateItem` for the users row; the hand-over one `DeleteItem` (never
//! repeated) and one transaction for `login.delivered`. A choice is one transaction; to list it
//! are two `GetItem`; each of its parts is a login. Everything else is read
//! or written only when something went wrong.

mod audit;
mod begin;
mod call;
mod close;
mod db;
mod event;
mod meta;
mod once;
pub mod schema;
mod sessions;
mod store;
mod sweep;
mod users;

pub(super) use call::{patient, table_error};
pub use schema::Tables;
pub use store::DynamoDbStore;
