//! Inspections of AWS for `doctor`; they change nothing.
//!
//! The service itself needs none of these permissions but KMS's, so every
//! inspection may end in [`InspectError::NotAllowed`], which proves nothing.

mod bucket;
mod credentials;
mod error;
mod kms;
mod query;
mod tables;

pub(crate) use bucket::anonymous_reads;
pub(crate) use credentials::credentials;
pub(crate) use error::InspectError;
pub(crate) use kms::KmsInspector;
pub(crate) use query::{Answer, QueryService, describe_role_arn};
pub(crate) use tables::TableInspector;
