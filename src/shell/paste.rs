//! Lines from standard input, in a thread of their own: reading cannot be interrupted.

use super::exit::{Exit, Failure};
use std::io::Read;
use tokio::sync::mpsc;

/// Longer is no ticket. A terminal gives 4,095 characters a line at most, which a ticket is far
/// below.
const MAX_LINE: usize = 16 * 1024;

/// Each line, without white space at its ends; what is too long is cut, and then no ticket.
pub(super) fn lines() -> mpsc::Receiver<Result<String, Failure>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock().bytes();
        loop {
            let line = read_line(&mut input);
            if line.as_ref().is_ok_and(Option::is_none) {
                return;
            }
            let sent = line.transpose().map(|line| {
                line.map_err(|e| Failure::new(Exit::Failed, format!("the input cannot be read: {e}")))
            });
            if sent.is_none_or(|line| sender.blocking_send(line).is_err()) {
                return;
            }
        }
    });
    receiver
}

fn read_line(input: &mut impl Iterator<Item = std::io::Result<u8>>) -> std::io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut ended = true;
    for byte in input {
        ended = false;
        match byte? {
            b'\n' => break,
            byte if line.len() < MAX_LINE => line.push(byte),
            _ => {}
        }
    }
    Ok((!ended).then(|| String::from_utf8_lossy(&line).trim().to_owned()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn lines_are_read_to_the_end_of_input() {
        let mut input = b" a \r\n\nb".iter().map(|byte| Ok(*byte));
        let mut next = || super::read_line(&mut input).unwrap();
        assert_eq!(next().as_deref(), Some("a"));
        assert_eq!(next().as_deref(), Some(""));
        assert_eq!(next().as_deref(), Some("b"));
        assert_eq!(next(), None);
    }
}
