//! One thread writes. The requests in its queue are committed together, and
//! answered when the commit is on the disk: at 32 logins at once this is one
//! `fsync` instead of 32.

use super::journal::{Frames, Used, tidy};
use super::schema;
use super::watch::Watch;
use crate::adapters::error::OpenError;
use rusqlite::{Connection, Error, ErrorCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use tracing::Span;

/// Requests waiting at once. More than the HTTP layer admits; beyond it the
/// store is not keeping up, and an immediate refusal is better.
const QUEUE: usize = 1024;

/// The most requests in one commit: bounds what one failure takes along, and
/// how long another process waits for the lock.
const GROUP: usize = 256;

/// How long a request waits for the writer to take it up. Longer than the
/// database's busy timeout; after it the request is withdrawn, untouched.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the writer may take for a request. After that the outcome is unknown.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it is taken for granted that the file is still the one of the last look. What
/// went meanwhile is noticed after the commit, so that an outcome is unknown which could
/// have been nothing.
const KNOWN_FOR: Duration = Duration::from_millis(100);

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unwritten {
    /// Nothing was written, and nothing will be.
    Nothing,
    /// It may have been written, or may yet be.
    Unknown,
}

/// The writer's thread and its queue.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(mut conn: Connection, watch: Arc<Watch>) -> Result<Self, OpenError> {
        let frames = Frames::count(&mut conn).map_err(|error| schema::explain(watch.path(), error))?;
        let (queue, jobs) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_all(&conn, &watch, &frames, &jobs))
            .map_err(OpenError::Thread)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Runs `work` in the next group, and answers when that group is durable. If `work`
    /// fails, only `work` is rolled back: it may run twice, and its last outcome counts.
    pub(super) async fn submit<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Unwritten> {
        let (reply, mut answer) = oneshot::channel();
        let stage = Arc::new(Stage::default());
        let span = Span::current();
        let job = Request { work, outcome: None, reply, stage: Arc::clone(&stage), span };
        let queue = self.queue.as_ref().ok_or(Unwritten::Nothing)?;
        if queue.try_send(Box::new(job)).is_err() {
            tracing::error!("the store's queue is full, or its writer has ended");
            return Err(Unwritten::Nothing);
        }
        match timeout(QUEUE_TIMEOUT, &mut answer).await {
            Ok(Ok(answer)) => return answer,
            _ if stage.withdraw() => return Err(Unwritten::Nothing),
            // The writer's thread has ended while it had this request.
            Ok(Err(_)) => return Err(Unwritten::Unknown),
            Err(_) => {}
        }
        match timeout(COMMIT_TIMEOUT, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(Unwritten::Unknown),
        }
    }
}

impl Drop for Writer {
    /// Lets the writer finish what is queued, and waits for it.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// The state of a request: its sender can withdraw it until the writer takes it up.
#[derive(Debug, Default)]
struct Stage(AtomicU8);

impl Stage {
    const QUEUED: u8 = 0;
    const TAKEN_UP: u8 = 1;
    const WITHDRAWN: u8 = 2;

    fn take_up(&self) -> bool {
        self.leave_queue(Self::TAKEN_UP)
    }
    fn withdraw(&self) -> bool {
        self.leave_queue(Self::WITHDRAWN)
    }
    fn leave_queue(&self, to: u8) -> bool {
        self.0.compare_exchange(Self::QUEUED, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// A request as the writer sees it.
trait Job: Send {
    /// Whether the sender still waits for it; from then on it cannot be withdrawn.
    fn take_up(&self) -> bool;
    /// Whose it is: the writer's lines about it have the login's reference.
    fn span(&self) -> &Span;
    fn run(&mut self, conn: &Connection) -> rusqlite::Result<()>;
    /// `group`: how the commit went.
    fn answer(self: Box<Self>, group: Result<(), Unwritten>);
}

struct Request<T, W> {
    work: W,
    outcome: Option<T>,
    reply: oneshot::Sender<Result<T, Unwritten>>,
    stage: Arc<Stage>,
    span: Span,
}

impl<T: Send, W: Fn(&Connection) -> rusqlite::Result<T> + Send> Job for Request<T, W> {
    fn take_up(&self) -> bool {
        !self.reply.is_closed() && self.stage.take_up()
    }
    fn span(&self) -> &Span {
        &self.span
    }
    fn run(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        self.outcome = None;
        self.outcome = Some((self.work)(conn)?);
        Ok(())
    }
    fn answer(self: Box<Self>, group: Result<(), Unwritten>) {
        let Self { outcome, reply, .. } = *self;
        // The sender may have stopped waiting.
        reply.send(group.and_then(|()| outcome.ok_or(Unwritten::Nothing))).ok();
    }
}

/// Until every sender is gone and the queue is empty.
fn write_all(conn: &Connection, watch: &Watch, frames: &Frames, jobs: &Receiver<Box<dyn Job>>) {
    let mut log = Used::new();
    let mut seen_sound: Option<Instant> = None;
    while let Ok(first) = jobs.recv() {
        let mut group: Vec<_> = std::iter::once(first)
            .chain(jobs.try_iter().take(GROUP - 1))
            .filter(|job| job.take_up())
            .collect();
        if group.is_empty() {
            continue;
        }
        // Before anything is written to a file that nobody will find again.
        let known = seen_sound.is_some_and(|at| at.elapsed() < KNOWN_FOR);
        let mut sound = if known { Ok(()) } else { watch.check() };
        let mut end = sound.map_err(|_| Unwritten::Nothing);
        if end.is_ok() {
            log.again();
            end = write_group(conn, watch, &mut group);
            // If it went meanwhile, nobody knows which file has the records.
            sound = watch.check();
            end = end.and(sound.map_err(|_| Unwritten::Unknown));
            seen_sound = sound.is_ok().then(Instant::now);
        }
        for job in group {
            job.answer(end);
        }
        match sound {
            Ok(()) => tidy(conn, watch, frames),
            Err(_) => log.leave(conn, watch),
        }
    }
    if watch.check().is_err() {
        log.leave(conn, watch);
    }
}

fn write_group(conn: &Connection, watch: &Watch, group: &mut [Box<dyn Job>]) -> Result<(), Unwritten> {
    // What several have in common is nobody's.
    let nobody = Span::none();
    if !conn.is_autocommit() {
        // Left over from a commit that failed and could not be rolled back then.
        run(conn, "ROLLBACK").map_err(|e| report(watch, of_all(group, &nobody), &e, Unwritten::Nothing))?;
    }
    run(conn, "BEGIN IMMEDIATE")
        .map_err(|e| report(watch, of_all(group, &nobody), &e, Unwritten::Nothing))?;
    let all_written = match &mut *group {
        [alone] => {
            alone.run(conn).map_err(|e| undo_all(conn, watch, alone.span(), &e))?;
            true
        }
        several => {
            // A savepoint keeps a copy of each page that changes, and mostly nobody needs it.
            if several.iter_mut().all(|job| job.run(conn).is_ok()) {
                true
            } else {
                // Nothing of the group stays. Again, so that what fails fails alone.
                roll_back(conn, watch);
                run(conn, "BEGIN IMMEDIATE").map_err(|e| report(watch, &nobody, &e, Unwritten::Nothing))?;
                write_each(conn, watch, several)?
            }
        }
    };
    let committed = run(conn, "COMMIT").map_err(|error| {
        roll_back(conn, watch);
        report(watch, of_all(group, &nobody), &error, after_failed_commit(&error))
    });
    if committed.is_ok() && all_written {
        watch.succeeded();
    }
    committed
}

/// Each in its savepoint. Whether all of them succeeded.
fn write_each(conn: &Connection, watch: &Watch, group: &mut [Box<dyn Job>]) -> Result<bool, Unwritten> {
    let mut all_written = true;
    for job in group {
        let outcome = run(conn, "SAVEPOINT request").and_then(|()| job.run(conn));
        if let Err(error) = outcome {
            // A full disk or a failed read can end the whole transaction.
            if conn.is_autocommit() || run(conn, "ROLLBACK TO request").is_err() {
                return Err(undo_all(conn, watch, job.span(), &error));
            }
            report(watch, job.span(), &error, Unwritten::Nothing);
            all_written = false;
        }
        run(conn, "RELEASE request").map_err(|e| undo_all(conn, watch, job.span(), &e))?;
    }
    Ok(all_written)
}

fn of_all<'s>(group: &'s [Box<dyn Job>], nobody: &'s Span) -> &'s Span {
    if let [alone] = group { alone.span() } else { nobody }
}

fn undo_all(conn: &Connection, watch: &Watch, span: &Span, error: &Error) -> Unwritten {
    let unwritten = report(watch, span, error, Unwritten::Nothing);
    roll_back(conn, watch);
    unwritten
}

/// Whether a failed COMMIT may have taken effect. The commit mark is the last thing written: if a
/// write fails, there is none. If the sync after it fails, the mark may already
/// be on the disk, and a crash now could bring the commit back.
fn after_failed_commit(error: &Error) -> Unwritten {
    let Error::SqliteFailure(failure, _) = error else { return Unwritten::Unknown };
    let certain = failure.extended_code == rusqlite::ffi::SQLITE_IOERR_WRITE
        || matches!(
            failure.code,
            ErrorCode::DiskFull
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::ReadOnly
                | ErrorCode::ConstraintViolation
        );
    if certain { Unwritten::Nothing } else { Unwritten::Unknown }
}

fn roll_back(conn: &Connection, watch: &Watch) {
    if !conn.is_autocommit()
        && let Err(error) = run(conn, "ROLLBACK")
    {
        report(watch, &Span::none(), &error, Unwritten::Nothing);
    }
}

fn run(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(|_| ())
}

/// SQLite's messages name tables and columns, never values.
fn report(watch: &Watch, span: &Span, error: &Error, unwritten: Unwritten) -> Unwritten {
    let _of_request = span.enter();
    tracing::error!(%error, ?unwritten, "the store could not write");
    watch.failed(error.sqlite_error_code());
    unwritten
}

#[cfg(test)]
mod tests;
