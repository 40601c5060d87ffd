//! The embedded store keeps the contract of its ports; then what is its own: its file,
//! its locks, its disk.
#![allow(clippy::disallowed_methods, reason = "how long somebody really waits is measured")]

mod support;

use rusqlite::Connection;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use support::contract;
use support::contract::choice::{Choice, choice_contract};
use support::contract::start_of_time;
use support::contract::store::{Login, Store, StoreUnderTest, store_contract};
use vestibule::adapters::OpenError;
use vestibule::adapters::local::{EmbeddedStore, UsedWith};
use vestibule::broker::ports::{BeginError, NotReady, PutError, TakeError, UsedOnce};
use vestibule::broker::{AuditEvent, EventKind};

struct Embedded {
    directory: tempfile::TempDir,
    crashes: AtomicU32,
}

impl Embedded {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), crashes: AtomicU32::new(0) }
    }
    fn path(&self) -> PathBuf {
        self.directory.path().join("vestibule.db")
    }
}

fn store_at(path: &Path) -> Store {
    let store = Arc::new(EmbeddedStore::open(path).unwrap());
    Store { sessions: store.clone(), audit: store }
}

impl StoreUnderTest for Embedded {
    fn open(&self) -> Store {
        store_at(&self.path())
    }
    /// What is in the files at this moment is what a killed process leaves; its
    /// shared memory (`-shm`) is gone.
    fn after_crash(&self) -> Store {
        let n = self.crashes.fetch_add(1, Ordering::Relaxed);
        let copy = self.directory.path().join(format!("crash-{n}.db"));
        std::fs::copy(self.path(), &copy).unwrap();
        std::fs::copy(self.path().with_extension("db-wal"), copy.with_extension("db-wal")).unwrap();
        // It stands for the same file, and is not a copy that somebody restored.
        let same = Connection::open(&copy).unwrap();
        let inode = i64::try_from(std::fs::metadata(&copy).unwrap().ino()).unwrap();
        same.execute("UPDATE meta SET value = ?1 WHERE name = 'file'", [inode]).unwrap();
        drop(same);
        store_at(&copy)
    }
    fn sweeps_claims(&self) -> bool {
        true
    }
}

store_contract!(Embedded::new());
choice_contract!(Embedded::new());

fn refusal(path: &Path) -> OpenError {
    match EmbeddedStore::open(path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(e) => e,
    }
}

#[test]
fn a_file_that_is_not_a_database_is_refused_and_left_alone() {
    let embedded = Embedded::new();
    for text in ["not a database at all, but a letter to the editor. ".repeat(50), "short".to_owned()] {
        std::fs::write(embedded.path(), &text).unwrap();
        let error = refusal(&embedded.path());
        assert!(matches!(error, OpenError::NotADatabase { .. }), "{error:?}");
        assert!(error.to_string().contains("vestibule.db is not a database"), "{error}");
        assert_eq!(std::fs::read_to_string(embedded.path()).unwrap(), text);
    }
}

#[test]
fn the_database_of_another_program_is_refused_and_left_alone() {
    let embedded = Embedded::new();
    let theirs = Connection::open(embedded.path()).unwrap();
    theirs.execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
    drop(theirs);
    let before = std::fs::read(embedded.path()).unwrap();
    assert!(matches!(refusal(&embedded.path()), OpenError::ForeignDatabase { .. }));
    assert_eq!(std::fs::read(embedded.path()).unwrap(), before);
}

#[test]
fn a_newer_schema_is_refused() {
    let embedded = Embedded::new();
    drop(embedded.open());
    let newer = Connection::open(embedded.path()).unwrap();
    newer.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(newer);
    assert!(matches!(refusal(&embedded.path()), OpenError::NewerDatabase { found: 99, .. }));
}

#[test]
fn a_damaged_database_is_refused_with_a_sentence() {
    let embedded = Embedded::new();
    drop(embedded.open());
    let mut bytes = std::fs::read(embedded.path()).unwrap();
    bytes[100..4096].fill(0xAA);
    std::fs::write(embedded.path(), bytes).unwrap();
    assert!(matches!(refusal(&embedded.path()), OpenError::Database { .. }));
}

#[test]
fn a_locked_database_is_refused_in_bounded_time() {
    let embedded = Embedded::new();
    drop(embedded.open());
    let tool = Connection::open(embedded.path()).unwrap();
    tool.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE readiness SET beat = 0")
        .unwrap();
    let began = Instant::now();
    let error = refusal(&embedded.path());
    assert!(matches!(error, OpenError::DatabaseLocked { .. }), "{error:?}");
    assert!(error.to_string().contains("locked by another process"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    tool.execute_batch("ROLLBACK").unwrap();
    drop(tool);
    drop(embedded.open());
}

#[test]
fn a_directory_that_cannot_be_made_or_written_is_refused() {
    let embedded = Embedded::new();
    std::fs::write(embedded.path(), "").unwrap();
    let below_a_file = embedded.path().join("var/vestibule.db");
    assert!(matches!(refusal(&below_a_file), OpenError::Directory { .. }));
    assert!(matches!(refusal(embedded.directory.path()), OpenError::File { .. }), "a directory is no file");
    // Not even root can create files there.
    let error = refusal(Path::new("/proc/self/vestibule.db"));
    assert!(matches!(error, OpenError::File { .. }), "{error:?}");
    assert!(error.to_string().contains("must belong to the user"), "{error}");
}

#[test]
fn the_file_is_private_and_so_is_the_directory_made_for_it() {
    let embedded = Embedded::new();
    let path = embedded.directory.path().join("var/lib/vestibule.db");
    let store = store_at(&path);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in [path.clone(), path.with_extension("db-wal"), path.with_extension("db-shm")] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    drop(store);
}

#[test]
fn many_processes_may_make_the_file_at_once() {
    for _ in 0..5 {
        let embedded = Embedded::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| drop(embedded.open()));
            }
        });
    }
}

#[tokio::test]
async fn protocol_store_down_at_begin_put_and_take() {
    let embedded = Embedded::new();
    let store = embedded.open();
    let (waiting, started, new) = (Login::new(), Login::new(), Login::new());
    waiting.issue(&store).await;
    started.begin(&store).await.unwrap();
    let lock = Connection::open(embedded.path()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();

    let clock = Instant::now();
    let (begin, put, take, ready, recent) = tokio::join!(
        new.begin(&store),
        started.put(&store, started.began),
        store.sessions.take(&waiting.session, &waiting.jti, waiting.began),
        store.audit.ready(),
        store.audit.recent(10),
    );
    assert!(clock.elapsed() < Duration::from_secs(8), "{:?}", clock.elapsed());
    assert_eq!(begin, Err(BeginError::Unavailable));
    assert_eq!(put, Err(PutError::Unavailable));
    assert!(matches!(take, Err(TakeError::Unavailable)));
    assert_eq!(ready, Err(NotReady("store_unavailable")));
    assert_eq!(recent.unwrap().len(), 3, "reading goes on");

    lock.execute_batch("ROLLBACK").unwrap();
    assert_eq!(new.history(&store).await, []);
    new.begin(&store).await.expect("nothing was written");
    started.put(&store, started.began).await.expect("the reservation still holds");
    assert!(waiting.take(&store, waiting.began).await.is_some(), "the session still waits");
    store.audit.ready().await.unwrap();
}

#[tokio::test]
async fn an_event_recorded_before_writes_nothing() {
    let embedded = Embedded::new();
    let (store, other) = (embedded.open(), embedded.open());
    let login = Login::new();
    let refused = AuditEvent { login: None, ..login.event(EventKind::Refused, login.began) };
    let once = UsedOnce { handle: login.assertion, not_on_or_after: login.began + time::Duration::DAY };
    assert_eq!(store.audit.record_once(&once, &refused).await, Ok(true));
    let journal = || std::fs::metadata(embedded.path().with_extension("db-wal")).unwrap();
    let (size, written) = (journal().len(), journal().modified().unwrap());
    for _ in 0..100 {
        assert_eq!(store.audit.record_once(&once, &refused).await, Ok(false));
        assert_eq!(other.audit.record_once(&once, &refused).await, Ok(false));
    }
    assert_eq!((journal().len(), journal().modified().unwrap()), (size, written));
    let again = UsedOnce { handle: login.session, ..once };
    assert_eq!(store.audit.record_once(&again, &refused).await, Ok(true));
    assert_ne!((journal().len(), journal().modified().unwrap()), (size, written), "what is written shows");
}

#[tokio::test]
async fn a_full_queue_answers_at_once() {
    let embedded = Embedded::new();
    let store = embedded.open();
    let lock = Connection::open(embedded.path()).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..3_000 {
        let store = store.clone();
        tasks.spawn(async move {
            let clock = Instant::now();
            (Login::new().begin(&store).await, clock.elapsed())
        });
    }
    let (mut at_once, clock) = (0, Instant::now());
    while let Some(done) = tasks.join_next().await {
        let (begun, took) = done.unwrap();
        assert_eq!(begun, Err(BeginError::Unavailable));
        at_once += usize::from(took < Duration::from_secs(1));
    }
    assert!(at_once >= 1_000, "{at_once}");
    assert!(clock.elapsed() < Duration::from_secs(15), "{:?}", clock.elapsed());
    lock.execute_batch("ROLLBACK").unwrap();
    // Those that were withdrawn stay withdrawn.
    Login::new().begin(&store).await.unwrap();
    assert_eq!(store.audit.recent(10_000).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_audit_trail_cannot_be_changed() {
    let embedded = Embedded::new();
    let store = embedded.open();
    let login = Login::new();
    login.complete(&store).await;
    let tool = Connection::open(embedded.path()).unwrap();
    for statement in ["UPDATE audit SET code = 'x'", "DELETE FROM audit", "DELETE FROM audit WHERE seq = 1"] {
        let refused = tool.execute(statement, []).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    assert_eq!(login.history(&store).await.len(), 3);
}

#[tokio::test]
async fn the_auditor_finds_a_login_by_name_and_by_access_key() {
    let embedded = Embedded::new();
    let store = embedded.open();
    let login = Login::new();
    login.complete(&store).await;
    let tool = Connection::open(embedded.path()).unwrap();
    let find = |column: &str, value: String| -> (i64, String) {
        let sql = format!("SELECT count(*) FROM audit WHERE {column} = ?1");
        let plan =
            tool.query_row(&format!("EXPLAIN QUERY PLAN {sql}"), [&value], |row| row.get("detail")).unwrap();
        (tool.query_row(&sql, [&value], |row| row.get(0)).unwrap(), plan)
    };
    for (column, value) in [
        ("name_id", "anna@example.com".to_owned()),
        ("access_key_id", format!("LOCAL{}", login.id.as_str())),
        ("login", login.id.as_str().to_owned()),
    ] {
        let (found, plan) = find(column, value);
        assert_eq!(found, 3);
        assert!(plan.contains("USING") && plan.contains("INDEX"), "{plan}");
    }
}

#[tokio::test]
async fn the_users_row_counts_each_login_once() {
    let embedded = Embedded::new();
    let store = embedded.open();
    for login in [Login::new(), Login::at(start_of_time() + time::Duration::hours(1))] {
        let mut issued = login.event(EventKind::Issued, login.began);
        issued.subject.role_session_name = Some("anna".to_owned());
        issued.subject.role = Some(format!("role-{}", login.began.unix_timestamp()));
        login.begin(&store).await.unwrap();
        store.sessions.put(&login.session(), &issued).await.unwrap();
        store.sessions.put(&login.session(), &issued).await.unwrap();
    }
    let tool = Connection::open(embedded.path()).unwrap();
    let row = tool
        .query_row(
            "SELECT CognitoID, name, last_authentication, authentications, last_role FROM users",
            [],
            |r| {
                Ok((
                    r.get::<_, String>(0)?,
                    r.get::<_, String>(1)?,
                    r.get::<_, i64>(2)?,
                    r.get::<_, i64>(3)?,
                    r.get::<_, String>(4)?,
                ))
            },
        )
        .unwrap();
    let expected = ("ADFS#anna@example.com", "anna", 1_700_003_600_000_000_000, 2, "role-1700003600");
    assert_eq!((row.0.as_str(), row.1.as_str(), row.2, row.3, row.4.as_str()), expected);
}

#[tokio::test]
async fn what_was_taken_does_not_linger_in_the_database_pages() {
    let embedded = Embedded::new();
    let store = embedded.open();
    let login = Login::new();
    login.issue(&store).await;
    let holds = |needle: &[u8]| {
        let bytes = std::fs::read(embedded.path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    };
    let checkpoint = || {
        let tool = Connection::open(embedded.path()).unwrap();
        tool.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    };
    checkpoint();
    assert!(holds(login.sealed().as_bytes()), "control: while it waits it is there");
    assert!(login.take(&store, login.began).await.is_some());
    checkpoint();
    assert!(!holds(login.sealed().as_bytes()));
}

#[tokio::test]
async fn dropping_the_store_finishes_what_is_queued() {
    let embedded = Embedded::new();
    let store = embedded.open();
    let logins: Vec<_> = (0..50).map(|_| Login::new()).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for login in &logins {
        let (store, login) = (store.clone(), login.clone());
        tasks.spawn(async move { login.begin(&store).await });
    }
    drop(store);
    while let Some(begun) = tasks.join_next().await {
        begun.unwrap().unwrap();
    }
    assert!(!embedded.path().with_extension("db-wal").exists(), "closed in good order");
    assert_eq!(embedded.open().audit.recent(100).await.unwrap().len(), 50);
}

const CHILD_DATABASE: &str = "VESTIBULE_TEST_DATABASE";

/// A process that may write no more than 2,000 KiB to any file, as if the disk
/// were full then.
#[tokio::test]
async fn a_full_disk_loses_nothing_and_says_so() {
    let embedded = Embedded::new();
    let child = |limit: &str| {
        Command::new("sh")
            .args([
                "-c",
                "trap '' XFSZ; ulimit -f \"$1\" && exec \"$0\" --exact full_disk_child --ignored --nocapture",
            ])
            .arg(std::env::current_exe().unwrap())
            .arg(limit)
            .env(CHILD_DATABASE, embedded.path())
            .output()
            .unwrap()
    };
    // In blocks of 512 bytes (POSIX).
    let full = child("4000");
    let said = String::from_utf8_lossy(&full.stdout).into_owned() + &String::from_utf8_lossy(&full.stderr);
    assert!(full.status.success(), "{said}");
    let count = |name: &str| -> usize {
        said.lines().find_map(|l| l.split(name).nth(1)).and_then(|n| n.trim().parse().ok()).expect(&said)
    };
    let (begun, issued) = (count("begun:"), count("issued:"));
    assert!(issued > 10 && begun >= issued, "{said}");

    let store = embedded.open();
    let events = store.audit.recent(100_000).await.unwrap();
    let of_kind = |kind| events.iter().filter(|e| e.kind == kind).count();
    assert_eq!((of_kind(EventKind::Started), of_kind(EventKind::Issued)), (begun, issued));
    assert_eq!(events.len(), begun + issued, "nothing half-written");
    let report = store.audit.sweep(start_of_time() + time::Duration::minutes(2)).await.unwrap();
    assert_eq!((report.expired, report.abandoned), (issued, begun - issued), "every session still waited");
    store.audit.ready().await.unwrap();
}

#[tokio::test]
#[ignore = "started by a_full_disk_loses_nothing_and_says_so"]
async fn full_disk_child() {
    let path = PathBuf::from(std::env::var_os(CHILD_DATABASE).unwrap());
    let store = store_at(&path);
    let (mut begun, mut issued, mut last) = (0, 0, None);
    // Until not even the smallest write fits any more.
    while store.audit.ready().await.is_ok() {
        let login = Login::new();
        match login.begin(&store).await {
            Ok(()) => begun += 1,
            Err(e) => {
                assert_eq!(e, BeginError::Unavailable);
                continue;
            }
        }
        match login.put(&store, login.began).await {
            Ok(()) => {
                issued += 1;
                last = Some(login);
            }
            Err(e) => assert_eq!(e, PutError::Unavailable),
        }
    }
    println!("\nbegun: {begun}\nissued: {issued}");
    let last = last.unwrap();
    let taken = store.sessions.take(&last.session, &last.jti, last.began).await;
    assert!(matches!(taken, Err(TakeError::Unavailable)), "{taken:?}");
    assert!(!store.audit.recent(10).await.unwrap().is_empty(), "reading goes on");
}

#[test]
fn an_unwritable_file_is_refused() {
    let embedded = Embedded::new();
    drop(embedded.open());
    std::fs::set_permissions(embedded.path(), PermissionsExt::from_mode(0o400)).unwrap();
    let opened = EmbeddedStore::open(&embedded.path());
    // Permissions do not stop root.
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    assert_eq!(matches!(opened, Err(OpenError::File { .. })), !root);
}

/// `cargo test --test store_contract throughput -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn throughput() {
    let embedded = Embedded::new();
    let store = embedded.open();
    let clock = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let store = store.clone();
        tasks.spawn(async move {
            let mut logins = 0_u32;
            while clock.elapsed() < Duration::from_secs(5) {
                Login::new().complete(&store).await;
                logins += 1;
            }
            logins
        });
    }
    let mut logins = 0;
    while let Some(done) = tasks.join_next().await {
        logins += done.unwrap();
    }
    let per_second = f64::from(logins) / clock.elapsed().as_secs_f64();
    println!("{per_second:.0} logins per second (begin, put, take, record) by 32 tasks");
}

// ------------------------------------------------------------------ restores, versions

#[tokio::test]
async fn a_copy_that_was_restored_refuses_what_was_issued_before() {
    let embedded = Embedded::new();
    let store = embedded.open();
    store.audit.sweep(start_of_time()).await.unwrap();
    let (before, after) = (Login::new(), Login::new());
    before.complete(&store).await;
    let choice = Choice::opened(&store).await;
    let copy = embedded.directory.path().join("copy.db");
    let reader = Connection::open(embedded.path()).unwrap();
    reader.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    // Used after the copy was made, which does not know it.
    after.complete(&store).await;
    drop((store, reader));
    std::fs::rename(&copy, embedded.path()).unwrap();
    for suffix in ["db-wal", "db-shm"] {
        _ = std::fs::remove_file(embedded.path().with_extension(suffix));
    }

    // At once, so that only the file says that it is another one.
    let store = embedded.open();
    let again = Login { issued_at: after.began, ..after.replay(after.began + time::Duration::SECOND) };
    assert_eq!(again.begin(&store).await, Err(BeginError::IssuedBeforeRestore));
    let used_as_choice = Choice(Login { issued_at: after.began, ..again.replay(again.began) });
    assert_eq!(used_as_choice.open(&store).await, Err(BeginError::IssuedBeforeRestore));
    // The copy has the choice, and does not know what was chosen.
    choice.waits(&store).await;
    let part = choice.part_at("Admin", again.began);
    assert_eq!(part.begin(&store).await, Err(BeginError::IssuedBeforeRestore));
    assert_eq!(store.audit.sweep(choice.ends()).await.unwrap().choices_ended, 1);
    let later = start_of_time() + time::Duration::minutes(1);
    Login::at(later).begin(&store).await.expect("issued after the restore");
    let choice = Choice(Login::at(later));
    choice.open(&store).await.expect("likewise");
    choice.part("Admin").begin(&store).await.expect("likewise");
}

#[tokio::test]
async fn a_store_that_was_away_refuses_what_was_issued_meanwhile_and_before() {
    let embedded = Embedded::new();
    let store = embedded.open();
    store.audit.sweep(start_of_time()).await.unwrap();
    drop(store);
    // A restart refuses nobody.
    let restarted = embedded.open();
    Login::new().begin(&restarted).await.expect("a second after");
    restarted.audit.sweep(start_of_time() + time::Duration::seconds(30)).await.unwrap();
    drop(restarted);
    let (early, late) = (Login::new(), Login::at(start_of_time() + time::Duration::hours(3)));
    let store = embedded.open();
    store.audit.sweep(late.began).await.unwrap();
    assert_eq!(early.begin(&store).await, Err(BeginError::IssuedBeforeRestore));
    late.begin(&store).await.expect("issued now");
    // A clock that was ahead then does not refuse everybody until that time comes.
    let back = start_of_time() + time::Duration::minutes(10);
    store.audit.sweep(back).await.unwrap();
    Login::at(back).begin(&store).await.expect("issued now");
}

/// The schemas of versions 2 and 4, as they were released.
const VERSION_2: &str = include_str!("support/contract/schema-2.sql");
const VERSION_4: &str = include_str!("support/contract/schema-4.sql");

#[tokio::test]
async fn a_database_of_an_older_version_is_brought_up_to_date_with_all_that_is_in_it() {
    for schema in [VERSION_2, VERSION_4] {
        let embedded = Embedded::new();
        let old = Connection::open(embedded.path()).unwrap();
        old.execute_batch(schema).unwrap();
        let (waiting, used, started, taken) = (Login::new(), Login::new(), Login::new(), Login::new());
        // What the released versions wrote: the statements of `begin`, `put` and `take` as they were.
        let nanos = |at: time::OffsetDateTime| i64::try_from(at.unix_timestamp_nanos()).unwrap();
        for (login, state) in
            [(&waiting, "issued"), (&used, "issued"), (&started, "started"), (&taken, "taken")]
        {
            let (id, session, assertion) =
                (login.id.as_str(), login.session.as_str(), login.assertion.as_str());
            let ends = nanos(login.expires());
            old.execute(
                "INSERT INTO claims (handle, login, ends_at) VALUES (?1, ?2, ?3)",
                (assertion, id, ends),
            )
            .unwrap();
            old.execute("INSERT INTO open_logins VALUES (?1, ?2, ?3, ?4)", (id, session, state, ends))
                .unwrap();
            match state {
                "issued" => old.execute(
                    "INSERT INTO sessions VALUES (?1, ?2, 'waiting', ?3, x'00112233', ?4)",
                    (session, id, login.jti.as_str(), ends),
                ),
                "started" => old.execute(
                    "INSERT INTO sessions VALUES (?1, ?2, 'reserved', NULL, NULL, ?3)",
                    (session, id, ends),
                ),
                _ => Ok(0),
            }
            .unwrap();
            for kind in
                ["login.started", "login.issued"].into_iter().take(1 + usize::from(state != "started"))
            {
                old.execute(
                    "INSERT INTO audit (at, kind, login, session, subject)
                     VALUES (?1, ?2, ?3, ?4, '{\"expiration\":null}')",
                    (nanos(login.began), kind, id, session),
                )
                .unwrap();
            }
        }
        drop(old);

        // Two processes come at once; the upgrade happens once.
        let (store, other) = (embedded.open(), embedded.open());
        assert_eq!(used.replay(used.began).begin(&store).await, Err(BeginError::Replayed));
        assert!(waiting.take(&other, waiting.began).await.is_some());
        waiting.deliver(&other, waiting.began).await.unwrap();
        assert_eq!(
            waiting.history(&store).await,
            [EventKind::Started, EventKind::Issued, EventKind::Delivered]
        );
        let new = Connection::open(embedded.path()).unwrap();
        let version: i64 = new.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, 5);
        // It is what a new one is.
        let fresh = Embedded::new();
        drop(fresh.open());
        assert_eq!(objects(&new), objects(&Connection::open(fresh.path()).unwrap()));
        // There was a ring, where no mark said so: it is not made anew.
        let ring = EmbeddedStore::open(&embedded.path()).unwrap().was_used(UsedWith::KeyFile).unwrap();
        assert_eq!(ring, schema == VERSION_2);
        let choice = Choice(Login::at(waiting.began));
        choice.open(&store).await.expect("the new tables know it");
        choice.part("Admin").issue(&store).await;
        let swept = store.audit.sweep(choice.ends()).await.unwrap();
        let ends = (swept.abandoned, swept.expired, swept.uncertain, swept.choices_ended);
        assert_eq!(ends, (1, 2, 1, 1), "started; used, and the part; taken; the choice");
    }
}

/// Everything in it by name, with the statement that makes it: conditions and conflicts, too.
fn objects(database: &Connection) -> Vec<(String, String)> {
    let mut all = database.prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY 1").unwrap();
    let statement = |sql: String| sql.split_whitespace().collect::<String>();
    all.query_map([], |row| Ok((row.get(0)?, statement(row.get(1)?)))).unwrap().map(Result::unwrap).collect()
}

/// Or it would grow with each role that somebody ever had.
#[tokio::test]
async fn the_roles_of_who_chooses_stay_few() {
    let embedded = Embedded::new();
    let store = embedded.open();
    let choice = Choice::opened(&store).await;
    for number in 0..25 {
        let at = start_of_time() + number * time::Duration::SECOND;
        choice.part_at(&format!("role-{number}"), at).complete(&store).await;
        Login { role: Some(format!("of a page {number}")), ..Login::at(at) }.complete(&store).await;
    }
    let reader = Connection::open(embedded.path()).unwrap();
    let kept = "SELECT count(*), min(at) FROM roles_used";
    let kept: (i64, i64) = reader.query_row(kept, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let oldest = start_of_time() + time::Duration::seconds(5);
    assert_eq!(kept, (20, i64::try_from(oldest.unix_timestamp_nanos()).unwrap()));
}

/// A copy that an older version made says nothing of itself; its trail says when it was in use.
#[tokio::test]
async fn a_copy_of_version_2_refuses_what_was_issued_before_the_restore() {
    let embedded = Embedded::new();
    let old = Connection::open(embedded.path()).unwrap();
    old.execute_batch(VERSION_2).unwrap();
    let at = i64::try_from(start_of_time().unix_timestamp_nanos()).unwrap();
    old.execute(
        "INSERT INTO audit (at, kind, login, session, subject) VALUES (?1, 'login.started', 'l', 's', '{}')",
        [at],
    )
    .unwrap();
    drop(old);
    // Used an hour after the copy was made; the copy does not know it.
    let used = Login::at(start_of_time() + time::Duration::hours(1));
    let restored = used.began + time::Duration::seconds(5);
    let again = Login { issued_at: used.began, ..used.replay(restored) };
    let store = embedded.open();
    assert_eq!(again.begin(&store).await, Err(BeginError::IssuedBeforeRestore));
    Login::at(restored).begin(&store).await.expect("issued after the restore");
}

/// The sweeper read its clock before the login did that noticed the restore, and writes later.
#[tokio::test]
async fn a_sweep_with_an_earlier_clock_does_not_undo_what_a_restore_refuses() {
    let embedded = Embedded::new();
    let store = embedded.open();
    store.audit.sweep(start_of_time()).await.unwrap();
    let copy = embedded.directory.path().join("copy.db");
    let reader = Connection::open(embedded.path()).unwrap();
    reader.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    drop((store, reader));
    std::fs::rename(&copy, embedded.path()).unwrap();
    for suffix in ["db-wal", "db-shm"] {
        _ = std::fs::remove_file(embedded.path().with_extension(suffix));
    }
    let store = embedded.open();
    let noticed = start_of_time() + time::Duration::seconds(10);
    let used = Login::at(noticed - time::Duration::milliseconds(500));
    let again = Login { issued_at: used.began, ..used.replay(noticed) };
    assert_eq!(again.begin(&store).await, Err(BeginError::IssuedBeforeRestore));
    store.audit.sweep(noticed - time::Duration::SECOND).await.unwrap();
    assert_eq!(again.begin(&store).await, Err(BeginError::IssuedBeforeRestore));
}

#[test]
fn a_version_that_cannot_be_brought_up_to_date_is_refused_in_words() {
    let embedded = Embedded::new();
    drop(embedded.open());
    Connection::open(embedded.path()).unwrap().execute_batch("PRAGMA user_version = 1").unwrap();
    let error = refusal(&embedded.path());
    assert!(matches!(error, OpenError::OlderDatabase { found: 1, known: 5, .. }), "{error:?}");
    assert!(error.to_string().contains("much older Vestibule"), "{error}");
}

// ------------------------------------------------------------------ the file itself

#[tokio::test]
async fn a_file_that_was_removed_or_replaced_takes_nothing_more() {
    for (fault, word) in [
        ("removed", "store_file_removed"),
        ("replaced", "store_file_replaced"),
        ("journal", "store_journal_gone"),
    ] {
        let embedded = Embedded::new();
        let store = embedded.open();
        let waiting = Login::new();
        waiting.issue(&store).await;
        assert_eq!(store.audit.ready().await, Ok(()));
        let (path, aside) = (embedded.path(), embedded.directory.path().join("aside"));
        let path = if fault == "journal" { path.with_extension("db-wal") } else { path };
        std::fs::rename(&path, &aside).unwrap();
        if fault == "replaced" {
            std::fs::copy(&aside, &path).unwrap();
        }
        assert_eq!(Login::new().begin(&store).await, Err(BeginError::Unavailable), "{fault}");
        assert!(matches!(
            store.sessions.take(&waiting.session, &waiting.jti, waiting.began).await,
            Err(TakeError::Unavailable)
        ));
        assert_eq!(store.audit.ready().await, Err(NotReady(word)));
        // Moved back, it is the same file, and nothing is lost.
        std::fs::rename(&aside, &path).unwrap();
        assert_eq!(store.audit.ready().await, Ok(()), "{fault}");
        Login::new().begin(&store).await.unwrap();
        assert!(waiting.take(&store, waiting.began).await.is_some());
    }
}

#[tokio::test]
async fn what_a_long_reader_makes_the_journal_grow_to_is_given_back() {
    let embedded = Embedded::new();
    let store = embedded.open();
    Login::new().complete(&store).await;
    let reader = Connection::open(embedded.path()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM audit;").unwrap();
    let journal = || std::fs::metadata(embedded.path().with_extension("db-wal")).unwrap().len();
    // 70 MB, written by somebody else of our own kind.
    let writer = Connection::open(embedded.path()).unwrap();
    writer.execute_batch("CREATE TABLE ballast (b BLOB)").unwrap();
    for _ in 0..70 {
        writer.execute("INSERT INTO ballast VALUES (zeroblob(1048576))", []).unwrap();
    }
    Login::new().complete(&store).await;
    assert!(journal() > 64 << 20, "{}", journal());
    let figures = store.audit.figures().unwrap();
    assert!(figures.journal > 64 << 20 && figures.database > 0 && figures.free > 0, "{figures:?}");
    assert_eq!(store.audit.ready().await, Ok(()), "not yet a reason to stop");
    drop(reader);
    Login::new().complete(&store).await;
    Login::new().complete(&store).await;
    assert!(journal() < 1 << 20, "{}", journal());
}
