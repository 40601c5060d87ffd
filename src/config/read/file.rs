//! Files that the configuration is read from, each with a limit on its size.

use super::fault::{Fault, Faults, Place};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The most bytes of a configuration file; a real one has some ten thousand.
const MAX_CONFIG_BYTES: u64 = 1 << 18;

/// The text of the configuration file.
pub(crate) struct File {
    path: Arc<Path>,
    text: String,
}

impl File {
    pub(crate) fn new(path: &Path, text: &str) -> Self {
        Self { path: path.into(), text: text.to_owned() }
    }

    pub(crate) fn open(path: &Path) -> Result<Self, Faults> {
        let bytes = read_file(path, MAX_CONFIG_BYTES).map_err(|error| format!("cannot be read: {error}"));
        let text =
            bytes.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned()));
        text.map(|text| Self::new(path, &text)).map_err(|message| {
            let place = Place::File { path: path.into(), line: 1, column: 1 };
            Faults(vec![Fault { place, key: String::new(), message }])
        })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The place of a byte offset in the text.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place::File {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }
}

/// Reads PEM: the text itself (from the Parameter Store, for example), or the file that it names.
pub(crate) fn read_pem(text: &str, max: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    if text.trim_start().starts_with("-----BEGIN ") {
        return Ok(Zeroizing::new(text.as_bytes().to_vec()));
    }
    read_file(Path::new(text), max).map(Zeroizing::new)
}

/// Reads a regular file of at most `max` bytes: not a pipe, which would wait for ever.
pub(crate) fn read_file(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let open = || -> std::io::Result<_> {
        // Checked before it is opened, since opening a pipe waits as well.
        let is_file = std::fs::metadata(path)?.is_file();
        let mut bytes = Vec::new();
        if is_file {
            std::fs::File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
        }
        Ok((is_file, bytes))
    };
    match open() {
        Err(error) => Err(error.to_string()),
        Ok((false, _)) => Err("it is not a regular file".to_owned()),
        Ok((true, bytes)) if bytes.len() as u64 > max => Err(format!("it is longer than {max} bytes")),
        Ok((true, bytes)) => Ok(bytes),
    }
}
