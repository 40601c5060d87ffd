//! Standard output: results alone.

use super::exit::{Exit, Failure};
use std::io::{ErrorKind, Write};

/// Writes a result. A reader that has gone is no fault.
pub(super) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Failure::new(
            Exit::Disk,
            format!("standard output cannot be written: {e}; see where it leads"),
        )),
        _ => Ok(()),
    }
}

/// A document of JSON, on one line.
pub(super) fn write_json(json: &serde_json::Value) -> Result<(), Failure> {
    write(format!("{json}\n").as_bytes())
}
