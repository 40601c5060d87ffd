//! The queue between those who log and the thread that writes. Adding a line never
//! waits for whoever reads; a line that finds no room is lost, and counted.
//!
//! tracing-appender's queue would do, but its guard prints to standard output when
//! its thread is stuck, and then waits for ever at the end of the process; it
//! is also bounded in lines only, and counts no line whose write failed.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that wait at most: some 8,000 lines. As many again are being written.
const CAPACITY: usize = 2 << 20;

/// The pause where the output takes nothing at the moment (`EAGAIN`: others can have
/// made the terminal or pipe non-blocking).
const PAUSE: Duration = Duration::from_millis(20);

/// Lines on their way.
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    written: Condvar,
    lost: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Whether the thread has taken lines that it has not written yet.
    writing: bool,
}

impl Queue {
    /// Starts the thread, which ends with the process.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self {
            waiting: Mutex::default(),
            filled: Condvar::new(),
            written: Condvar::new(),
            lost: AtomicU64::new(0),
        });
        let ours = Arc::clone(&queue);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || ours.write_all(output))?;
        Ok(queue)
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until all lines are written, so long at most.
    pub(super) fn flush(&self, at_most: Duration) {
        let waiting = self.lock();
        let pending = |waiting: &mut Waiting| !waiting.bytes.is_empty() || waiting.writing;
        drop(self.written.wait_timeout_while(waiting, at_most, pending));
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, line: &[u8]) {
        let mut waiting = self.lock();
        if waiting.bytes.len() + line.len() > CAPACITY {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.bytes.extend_from_slice(line);
        // Who writes looks again by itself before it waits.
        let idle = !waiting.writing;
        drop(waiting);
        if idle {
            self.filled.notify_one();
        }
    }

    fn write_all(&self, mut output: impl Write) {
        let (mut taken, mut reported, mut works) = (Vec::new(), 0, true);
        loop {
            self.take(&mut taken);
            let lost = self.lost();
            // Now the queue has room for it. While nothing can be written it is not
            // worth a line, which would be lost too, and reported again.
            if works && lost > reported {
                tracing::warn!(lines = lost - reported, total = lost, "log lines lost: nobody read them");
                reported = lost;
            }
            let cut = write(&mut output, &taken).err().map(lines_in);
            works = cut.is_none();
            self.lost.fetch_add(cut.unwrap_or(0), Ordering::Relaxed);
        }
    }

    /// Waits for lines, and exchanges the full buffer for this one.
    fn take(&self, taken: &mut Vec<u8>) {
        taken.clear();
        let mut waiting = self.lock();
        waiting.writing = false;
        if waiting.bytes.is_empty() {
            self.written.notify_all();
        }
        let mut waiting = self
            .filled
            .wait_while(waiting, |waiting| waiting.bytes.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        waiting.writing = true;
        std::mem::swap(&mut waiting.bytes, taken);
    }
}

fn lines_in(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// # Errors
/// What could not be written.
fn write<'b>(output: &mut impl Write, mut bytes: &'b [u8]) -> Result<(), &'b [u8]> {
    while !bytes.is_empty() {
        match output.write(bytes) {
            Ok(0) => return Err(bytes),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
            Err(_) => return Err(bytes),
        }
    }
    Ok(())
}

/// Adds a line; `tracing_subscriber` writes each in one go.
impl Write for &Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.add(line);
        Ok(line.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    /// An output that takes one write for each permit.
    struct Gate(Receiver<io::Result<()>>, SyncSender<Vec<u8>>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().unwrap_or(Ok(()))?;
            self.1.send(bytes.to_vec()).ok();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated() -> (Arc<Queue>, SyncSender<io::Result<()>>, Receiver<Vec<u8>>) {
        let ((permit, permits), (sink, written)) = (sync_channel(16), sync_channel(16));
        (Queue::start(Gate(permits, sink)).unwrap(), permit, written)
    }

    #[test]
    fn lines_beyond_the_queue_are_lost_and_counted() {
        let (queue, permit, written) = gated();
        // Until the thread holds the first line, in a write that nobody takes.
        queue.add(b"first\n");
        while !queue.lock().writing {
            std::thread::yield_now();
        }
        let line = [b'x'; 1_024];
        for _ in 0..CAPACITY / line.len() + 3 {
            queue.add(&line);
        }
        assert_eq!(queue.lost(), 3);
        queue.flush(Duration::from_millis(1));
        permit.send(Ok(())).unwrap();
        assert_eq!(written.recv().unwrap(), b"first\n");
        permit.send(Ok(())).unwrap();
        assert_eq!(written.recv().unwrap().len(), CAPACITY, "what waited is written in one go");
        queue.flush(Duration::from_secs(10));
        assert_eq!(queue.lost(), 3);
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_later_lines_are_not_held_up() {
        let (queue, permit, written) = gated();
        permit.send(Err(ErrorKind::BrokenPipe.into())).unwrap();
        queue.add(b"one\n");
        queue.flush(Duration::from_secs(10));
        assert_eq!(queue.lost(), 1);
        permit.send(Err(ErrorKind::WouldBlock.into())).unwrap();
        permit.send(Ok(())).unwrap();
        queue.add(b"two\n");
        queue.flush(Duration::from_secs(10));
        assert_eq!(written.recv().unwrap(), b"two\n");
        assert_eq!(queue.lost(), 1);
    }
}
