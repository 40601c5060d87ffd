//! AWS: credentials from STS, sessions in DynamoDB, keys protected by KMS,
//! configured values from the Parameter Store.

pub mod dynamodb;
mod error;
pub mod kms;
mod sdk;
mod ssm;
mod sts;

pub use error::innermost;
pub use sdk::Sdk;
pub use ssm::ParameterStore;
pub use sts::AwsSts;
