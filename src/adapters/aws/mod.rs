//! AWS: credentials from STS, sign-ins to the console, sessions in DynamoDB, keys protected by KMS,
//! configured values from the Parameter Store.

mod console;
pub mod dynamodb;
mod error;
pub mod kms;
mod sdk;
mod ssm;
mod sts;

pub use console::AwsConsole;
pub use error::innermost;
pub use sdk::Sdk;
pub use ssm::ParameterStore;
pub use sts::AwsSts;
