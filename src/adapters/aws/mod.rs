//! The services of AWS behind the ports.

pub mod dynamodb;
pub mod kms;
