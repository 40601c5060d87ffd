//! `ssm:…`: values in the Parameter Store of AWS Systems Manager.
//!
//! Any value may be a reference: `ssm:/vestibule/prod/contact` by its whole
//! name, or `ssm:contact` below `ssm.prefix`, so that one file (one image, one
//! template) serves several environments. The configuration calls no network: it
//! names the parameters it wants, and a [`ParameterSource`] fetches them.

use async_trait::async_trait;
use std::collections::BTreeMap;

/// Parameters by their whole names: the value, or why there is none.
pub type Parameters = BTreeMap<String, Result<String, ParameterError>>;

/// A source of parameters.
#[async_trait]
pub trait ParameterSource: Send + Sync {
    /// The decrypted values of all these parameters: one entry for each name.
    async fn fetch(&self, names: &[String]) -> Parameters;
}

/// Why a parameter has no value. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// No such parameter.
    #[error(
        "there is no such parameter in this region; create it (aws ssm put-parameter), or correct the name"
    )]
    NotFound,
    /// No permission on the parameter.
    #[error("this process may not read the parameter; allow its role ssm:GetParameters on it")]
    Denied,
    /// No permission on the key that protects it.
    #[error(
        "this process may read the parameter but not decrypt it; allow its role kms:Decrypt on the parameter's KMS key"
    )]
    KeyDenied,
    /// No answer, or none that can be used.
    #[error("the Parameter Store did not answer: {0}")]
    Unavailable(String),
}

/// The beginning of every reference.
pub(crate) const SCHEME: &str = "ssm:";

/// A text that names a parameter.
pub(crate) struct Reference<'t>(&'t str);

impl<'t> Reference<'t> {
    /// `None` if the text is no reference.
    pub(crate) fn of(text: &'t str) -> Option<Self> {
        text.strip_prefix(SCHEME).map(Self)
    }

    /// The parameter's whole name.
    pub(crate) fn name(&self, prefix: Option<&str>) -> Result<String, &'static str> {
        let name = match (self.0.starts_with('/'), prefix) {
            (true, _) => self.0.to_owned(),
            (false, Some(prefix)) => format!("{prefix}/{}", self.0),
            (false, None) => {
                return Err(
                    "a reference without a leading \"/\" is relative to ssm.prefix, which is not set",
                );
            }
        };
        parameter_name(&name)
    }
}

/// A parameter's whole name (API reference, `PutParameter`): its last part is not empty.
pub(crate) fn parameter_name(name: &str) -> Result<String, &'static str> {
    let ok = name.len() <= 1_011
        && name.starts_with('/')
        && !name.ends_with('/')
        && !name.contains("//")
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'/'));
    if ok {
        Ok(name.to_owned())
    } else {
        Err("expected a parameter's name, such as \"/vestibule/prod/contact\"")
    }
}
