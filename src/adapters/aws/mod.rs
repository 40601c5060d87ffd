//! AWS: credentials from STS, sessions in DynamoDB, keys protected by KMS,
//! configured values from the Parameter Store.

pub mod dynamodb;
pub mod kms;
mod sdk;
mod ssm;
mod sts;

pub use sdk::Sdk;
pub use ssm::ParameterStore;
pub use sts::AwsSts;
