//! KMS
