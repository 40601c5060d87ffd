//! Faults of a configuration, each with its place.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Everything that is wrong, in the order of the file; the environment last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where to look.
    pub place: Place,
    /// The path of the key, `saml.idp[0].metadata`; empty where the file as a whole is meant.
    pub key: String,
    /// What is wrong and what would be right, in one sentence.
    pub message: String,
}

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The file.
    File {
        /// Its path as it was given.
        path: Arc<Path>,
        /// 1-based.
        line: usize,
        /// 1-based, in characters.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
}

/// `FILE:LINE:COLUMN`, as editors jump to it, or the variable's name.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// `config/vestibule.toml:12:8: server.listen: …`
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// One per line.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// The place and the key of a value, for faults that are found after it was read.
#[derive(Debug, Clone)]
pub(crate) struct At {
    pub(crate) place: Place,
    pub(crate) key: String,
}

/// The most characters of a configured value that a fault repeats: enough to
/// recognize it, too few to spill a pasted secret or document into a log.
const MAX_SHOWN_CHARS: usize = 80;

/// A configured value as a fault may show it.
pub(crate) fn shown(text: &str) -> String {
    let chars = text.chars().count();
    if chars > MAX_SHOWN_CHARS { format!("a text of {chars} characters") } else { format!("{text:?}") }
}
