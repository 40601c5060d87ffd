//! What a failure, a full queue and a stuck disk do to the requests of a group.

use super::*;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};

fn open(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0;
         PRAGMA synchronous = OFF;
         CREATE TABLE IF NOT EXISTS n (n INTEGER PRIMARY KEY);
         CREATE TABLE IF NOT EXISTS child (n INTEGER REFERENCES n DEFERRABLE INITIALLY DEFERRED);",
    )
    .unwrap();
    conn
}

fn insert(n: i64) -> impl Fn(&Connection) -> rusqlite::Result<i64> + Send + 'static {
    move |conn| conn.execute("INSERT INTO n VALUES (?1)", [n]).map(|_| n)
}

/// What another connection sees.
fn stored(path: &Path) -> Vec<i64> {
    let conn = open(path);
    let mut all = conn.prepare("SELECT n FROM n ORDER BY n").unwrap();
    all.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

struct Fixture {
    writer: Arc<Writer>,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        let writer = Arc::new(Writer::start(open(&path), Arc::new(Watch::of(&path))).unwrap());
        Self { writer, directory }
    }
    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("db")
    }
    /// Holds the writer inside a group until the sender is dropped.
    async fn hold(&self) -> Sender<()> {
        let (release, held) = channel::<()>();
        let (started, mut starting) = tokio::sync::mpsc::channel(1);
        let writer = Arc::clone(&self.writer);
        tokio::spawn(async move {
            writer
                .submit(move |_| {
                    started.try_send(()).ok();
                    held.recv().ok();
                    Ok(())
                })
                .await
        });
        starting.recv().await.unwrap();
        release
    }
    fn spawn(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<i64> + Send + 'static,
    ) -> tokio::task::JoinHandle<Result<i64, Unwritten>> {
        let writer = Arc::clone(&self.writer);
        tokio::spawn(async move { writer.submit(work).await })
    }
    /// Lets spawned requests reach the queue.
    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn one_failing_request_does_not_poison_its_group() {
    let fixture = Fixture::new();
    let release = fixture.hold().await;
    let good = fixture.spawn(insert(1));
    let half_done = fixture.spawn(|conn| {
        conn.execute("INSERT INTO n VALUES (7)", [])?;
        conn.execute("INSERT INTO n VALUES (7)", []).map(|_| 7)
    });
    let also_good = fixture.spawn(insert(2));
    Fixture::settle().await;
    drop(release);
    assert_eq!(good.await.unwrap(), Ok(1));
    assert_eq!(half_done.await.unwrap(), Err(Unwritten::Nothing));
    assert_eq!(also_good.await.unwrap(), Ok(2));
    assert_eq!(stored(&fixture.path()), [1, 2], "and nothing of the one that failed");
}

/// Without a savepoint: the transaction is its own.
#[tokio::test]
async fn a_request_that_fails_alone_leaves_nothing() {
    let fixture = Fixture::new();
    let half_done = |conn: &Connection| {
        conn.execute("INSERT INTO n VALUES (7)", [])?;
        conn.execute("INSERT INTO n VALUES (7)", []).map(|_| 7)
    };
    assert_eq!(fixture.writer.submit(half_done).await, Err(Unwritten::Nothing));
    assert_eq!(fixture.writer.submit(insert(1)).await, Ok(1));
    assert_eq!(stored(&fixture.path()), [1]);
}

#[tokio::test]
async fn a_failed_commit_is_everybodys_failure_and_the_writer_goes_on() {
    let fixture = Fixture::new();
    let release = fixture.hold().await;
    let good = fixture.spawn(insert(1));
    // Violates a constraint that is looked at when committing.
    let orphan = fixture.spawn(|conn| conn.execute("INSERT INTO child VALUES (99)", []).map(|_| 99));
    Fixture::settle().await;
    drop(release);
    assert_eq!(good.await.unwrap(), Err(Unwritten::Nothing));
    assert_eq!(orphan.await.unwrap(), Err(Unwritten::Nothing));
    assert!(stored(&fixture.path()).is_empty());
    assert_eq!(fixture.writer.submit(insert(2)).await, Ok(2));
}

#[tokio::test]
async fn a_request_that_ends_the_whole_transaction_takes_only_its_group_along() {
    let fixture = Fixture::new();
    let release = fixture.hold().await;
    let good = fixture.spawn(insert(1));
    let fatal = fixture.spawn(|conn| {
        conn.execute_batch("ROLLBACK")?;
        Err(Error::InvalidQuery)
    });
    Fixture::settle().await;
    drop(release);
    assert_eq!(good.await.unwrap(), Err(Unwritten::Nothing));
    assert_eq!(fatal.await.unwrap(), Err(Unwritten::Nothing));
    assert_eq!(fixture.writer.submit(insert(2)).await, Ok(2));
    assert_eq!(stored(&fixture.path()), [2]);
}

#[tokio::test]
async fn who_stops_waiting_in_the_queue_is_not_served() {
    let fixture = Fixture::new();
    let release = fixture.hold().await;
    let gone = fixture.spawn(insert(1));
    Fixture::settle().await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    drop(release);
    assert_eq!(fixture.writer.submit(insert(2)).await, Ok(2));
    assert_eq!(stored(&fixture.path()), [2]);
}

/// A writer that is stuck: what waits in the queue is withdrawn for certain;
/// what the writer holds is unknown.
#[tokio::test]
async fn a_stuck_writer_is_not_waited_for() {
    let fixture = Fixture::new();
    let (release, held) = channel::<()>();
    let stuck = fixture.spawn(move |conn| {
        held.recv().ok();
        insert(1)(conn)
    });
    Fixture::settle().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let queued = fixture.spawn(insert(2));
    assert_eq!(queued.await.unwrap(), Err(Unwritten::Nothing));
    assert_eq!(stuck.await.unwrap(), Err(Unwritten::Unknown));
    drop(release);
    assert_eq!(fixture.writer.submit(insert(3)).await, Ok(3));
    assert_eq!(stored(&fixture.path()), [1, 3], "unknown, and here it did happen; withdrawn did not");
}

#[test]
fn only_a_failed_sync_leaves_a_commit_unknown() {
    let failure = |code| Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
    for code in [
        rusqlite::ffi::SQLITE_FULL,
        rusqlite::ffi::SQLITE_BUSY,
        rusqlite::ffi::SQLITE_READONLY,
        rusqlite::ffi::SQLITE_IOERR_WRITE,
    ] {
        assert_eq!(after_failed_commit(&failure(code)), Unwritten::Nothing, "{code}");
    }
    for code in
        [rusqlite::ffi::SQLITE_IOERR_FSYNC, rusqlite::ffi::SQLITE_IOERR, rusqlite::ffi::SQLITE_CORRUPT]
    {
        assert_eq!(after_failed_commit(&failure(code)), Unwritten::Unknown, "{code}");
    }
}

/// The one moment that the question before the write cannot cover.
#[tokio::test]
async fn a_file_replaced_while_it_is_written_leaves_the_outcome_unknown() {
    let fixture = Fixture::new();
    let (path, old) = (fixture.path(), fixture.directory.path().join("old"));
    let (from, to) = (path.clone(), old.clone());
    let replace = move |conn: &Connection| {
        std::fs::rename(&from, &to).unwrap();
        std::fs::write(&from, "").unwrap();
        insert(1)(conn)
    };
    assert_eq!(fixture.writer.submit(replace).await, Err(Unwritten::Unknown));
    assert_eq!(fixture.writer.submit(insert(2)).await, Err(Unwritten::Nothing));
    // The log, which has the name still, has nothing of the old file, and that has all of it.
    assert_eq!(std::fs::metadata(fixture.directory.path().join("db-wal")).unwrap().len(), 0);
    let log = fixture.directory.path().join("db-wal");
    std::fs::write(&log, "of who came next").unwrap();
    // What the writer does behind its answer is done before the next one.
    for _ in 0..2 {
        assert_eq!(fixture.writer.submit(insert(2)).await, Err(Unwritten::Nothing));
    }
    assert_eq!(std::fs::read(&log).unwrap(), b"of who came next");
    let alone = Connection::open(&old).unwrap();
    assert_eq!(alone.query_row("SELECT n FROM n", [], |row| row.get(0)), Ok(1));
    std::fs::rename(&old, &path).unwrap();
    assert_eq!(fixture.writer.submit(insert(3)).await, Ok(3), "put back, it goes on");
}

/// Then nothing was written, and nobody has to wonder.
#[tokio::test]
async fn a_file_that_went_a_while_ago_is_missed_before_anything_is_written() {
    let fixture = Fixture::new();
    assert_eq!(fixture.writer.submit(insert(1)).await, Ok(1));
    let away = fixture.directory.path().join("away");
    std::fs::rename(fixture.path(), &away).unwrap();
    tokio::time::sleep(KNOWN_FOR).await;
    assert_eq!(fixture.writer.submit(insert(2)).await, Err(Unwritten::Nothing));
    std::fs::rename(&away, fixture.path()).unwrap();
    assert_eq!(fixture.writer.submit(insert(3)).await, Ok(3));
    assert_eq!(stored(&fixture.path()), [1, 3]);
}

/// It is written back behind the answers, and starts over.
#[tokio::test]
async fn the_log_stays_short() {
    let fixture = Fixture::new();
    let log = fixture.directory.path().join("db-wal");
    let blob =
        |conn: &Connection| conn.execute("INSERT INTO n (b) VALUES (zeroblob(1000000))", []).map(|_| ());
    fixture.writer.submit(|conn| conn.execute_batch("ALTER TABLE n ADD COLUMN b")).await.unwrap();
    let mut longest = 0;
    for _ in 0..100 {
        fixture.writer.submit(blob).await.unwrap();
        longest = longest.max(std::fs::metadata(&log).unwrap().len());
    }
    assert!((16 << 20..20 << 20).contains(&longest), "{longest}");
    let reader = open(&fixture.path());
    reader.execute_batch("BEGIN; SELECT count(*) FROM n;").unwrap();
    for _ in 0..100 {
        fixture.writer.submit(blob).await.unwrap();
    }
    let grown = std::fs::metadata(&log).unwrap().len();
    assert!(grown > 90 << 20, "a reader keeps it: {grown}");
    drop(reader);
    for _ in 0..6 {
        fixture.writer.submit(blob).await.unwrap();
    }
    // The last answer comes before the log is written back.
    fixture.writer.submit(|_| Ok(())).await.unwrap();
    let left = std::fs::metadata(&log).unwrap().len();
    assert!(left < 20 << 20, "{left}");
}
