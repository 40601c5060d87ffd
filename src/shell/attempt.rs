//! One sign-in at a time for a server and a role. Who waited for it takes its outcome: the
//! credentials, or the failure. A browser window for each of 64 processes would help nobody.

use super::exit::{Exit, Failure};
use super::files;
use crate::broker::ports::Clock;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

/// What the lock file says.
#[derive(Serialize, Deserialize)]
enum Record {
    /// A sign-in is under way; once the lock is free, that it was interrupted.
    UnderWay,
    Failed {
        at: OffsetDateTime,
        code: u8,
        sentence: String,
    },
}

/// The lock, held.
pub(super) struct Turn {
    file: File,
    path: PathBuf,
}

/// What waiting has brought.
pub(super) enum Waited {
    /// It is this process's turn.
    Turn(Turn),
    /// The sign-in that was waited for has failed.
    Failed(Failure),
}

impl Turn {
    /// Waits for the sign-in that is under way, if one is. `waiting` is called before.
    ///
    /// # Errors
    ///
    /// The disk refuses.
    pub(super) async fn take(
        directory: &Path,
        id: &str,
        clock: &dyn Clock,
        waiting: impl FnOnce(),
    ) -> Result<Waited, Failure> {
        let began = clock.now();
        files::private_directory(directory)?;
        let path = directory.join(format!("{id}.lock"));
        let file = files::lock_file(&path)?;
        let waited = match file.try_lock() {
            Ok(()) => false,
            Err(TryLockError::WouldBlock) => {
                waiting();
                true
            }
            Err(TryLockError::Error(e)) => return Err(Failure::disk(&path, &e)),
        };
        let mut turn = Self { file, path };
        if waited {
            turn = turn.wait().await?;
        }
        let failed = match turn.read() {
            Some(Record::Failed { at, code, sentence }) if began < at => {
                Some(Failure::new(Exit::from_code(code), sentence))
            }
            // Its process was killed.
            Some(Record::UnderWay) if waited => {
                let failure = Failure::new(
                    Exit::NotCompleted,
                    "the sign-in that this waited for was interrupted; run this again",
                );
                turn.fail(&failure, clock.now());
                Some(failure)
            }
            _ => None,
        };
        Ok(failed.map_or_else(|| Waited::Turn(turn), Waited::Failed))
    }

    async fn wait(self) -> Result<Self, Failure> {
        let Self { file, path } = self;
        let locked = tokio::task::spawn_blocking(move || {
            let locked = file.lock();
            (file, locked)
        });
        match locked.await {
            Ok((file, Ok(()))) => Ok(Self { file, path }),
            Ok((_, Err(e))) => Err(Failure::disk(&path, &e)),
            Err(e) => Err(Failure::new(Exit::Failed, format!("waiting failed: {e}"))),
        }
    }

    /// Notes that a sign-in begins. What cannot be noted costs others a browser window.
    pub(super) fn begin(&mut self) {
        self.write(Some(&Record::UnderWay));
    }

    /// Notes how it ended.
    pub(super) fn end<T>(mut self, outcome: &Result<T, Failure>, now: OffsetDateTime) {
        match outcome {
            Ok(_) => self.write(None),
            Err(failure) => self.fail(failure, now),
        }
    }

    fn fail(&mut self, failure: &Failure, now: OffsetDateTime) {
        let Failure { exit, sentence } = failure.clone();
        self.write(Some(&Record::Failed { at: now, code: exit.code(), sentence }));
    }

    fn read(&mut self) -> Option<Record> {
        let mut text = Vec::new();
        self.file.seek(SeekFrom::Start(0)).ok()?;
        (&self.file).take(64 * 1024).read_to_end(&mut text).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn write(&mut self, record: Option<&Record>) {
        let text = record.and_then(|record| serde_json::to_vec(record).ok()).unwrap_or_default();
        let written = (|| {
            self.file.set_len(0)?;
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&text)
        })();
        if written.is_err() {
            tracing::debug!("{} cannot be written", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::ManualClock;
    use time::Duration;

    async fn take(dir: &Path, clock: &ManualClock) -> Waited {
        Turn::take(dir, "id", clock, || ()).await.unwrap()
    }

    fn turn(waited: Waited) -> Turn {
        match waited {
            Waited::Turn(turn) => turn,
            Waited::Failed(failure) => panic!("{failure:?}"),
        }
    }

    #[tokio::test]
    async fn who_waited_takes_the_failure_and_who_comes_later_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(OffsetDateTime::UNIX_EPOCH);
        let mut first = turn(take(dir.path(), &clock).await);
        first.begin();
        let (second, third) = (take(dir.path(), &clock), take(dir.path(), &clock));
        let ended = async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            clock.advance(Duration::SECOND);
            let failure = Failure::new(Exit::NotCompleted, "cancelled");
            first.end::<()>(&Err(failure), clock.now());
        };
        let (second, third, ()) = tokio::join!(second, third, ended);
        for waited in [second, third] {
            let Waited::Failed(failure) = waited else { panic!("a second sign-in") };
            assert_eq!((failure.exit, failure.sentence.as_str()), (Exit::NotCompleted, "cancelled"));
        }
        clock.advance(Duration::SECOND);
        turn(take(dir.path(), &clock).await).end(&Ok(()), clock.now());
        turn(take(dir.path(), &clock).await);
    }

    #[tokio::test]
    async fn an_interrupted_sign_in_is_a_failure_for_who_waited_alone() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(OffsetDateTime::UNIX_EPOCH);
        let mut first = turn(take(dir.path(), &clock).await);
        first.begin();
        let second = take(dir.path(), &clock);
        let killed = async {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            drop(first);
        };
        let (second, ()) = tokio::join!(second, killed);
        assert!(matches!(second, Waited::Failed(failure) if failure.exit == Exit::NotCompleted));
        clock.advance(Duration::SECOND);
        let mut later = turn(take(dir.path(), &clock).await);
        // Killed with nobody waiting.
        later.begin();
        drop(later);
        turn(take(dir.path(), &clock).await);
    }
}
