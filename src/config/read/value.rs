//! The value of one key: from the file, the environment or the Parameter Store.

use super::fault::shown;
use toml::Spanned;
use toml::de::DeValue;

/// The value of a key before it is parsed.
pub(crate) enum Value<'r> {
    File(&'r Spanned<DeValue<'r>>),
    /// From a variable or, secret, from a parameter: read as what is needed.
    Text {
        text: &'r str,
        secret: bool,
    },
    /// A reference whose value is not known. It is not judged.
    Unknown,
}

impl<'r> Value<'r> {
    /// What is parsed, if it is a text.
    pub(crate) fn text(&self) -> Option<&'r str> {
        match self {
            Self::File(value) => value.get_ref().as_str(),
            Self::Text { text, .. } => Some(text),
            Self::Unknown => None,
        }
    }

    /// Its text as a fault may show it.
    pub(crate) fn shown(&self, text: &str) -> String {
        match self {
            // What is in the Parameter Store may be a secret: it is not repeated.
            Self::Text { secret: true, .. } => {
                format!("{} characters behind the reference", text.chars().count())
            }
            Self::Text { .. } | Self::File(_) | Self::Unknown => shown(text),
        }
    }
}

/// The kind of a value of the file, for faults.
pub(crate) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(number) if i64::from_str_radix(number.as_str(), number.radix()).is_err() => {
            "a number beyond 64 bits"
        }
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
