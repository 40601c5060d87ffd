//! What happens to the embedded store's files, and to the keys, while people sign in:
//! the real binary, real files, and each login that was answered is in the trail.
#![allow(clippy::disallowed_methods, reason = "how long somebody really waits is measured")]

mod support;

use rusqlite::Connection;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::browser::{Browser, Form};
use support::forge::Forge;
use support::process::remove_configuration;
use support::server::{ADFS, ADFS_METADATA, EMBEDDED, Server, Setup};
use support::trail_file;
use support::trail_rules::assert_holds;
use support::waiting::WaitingPage;

/// How long something may take to be noticed.
const SOON: Duration = Duration::from_secs(15);

/// Its database is alone in `data/`, so that the directory can be moved or mounted.
fn setup() -> Setup {
    let config = EMBEDDED.replace("@DIR@/vestibule.db", "@DIR@/data/vestibule.db") + ADFS;
    let config = config.replacen("[sts]", "max_posts_per_minute = 1000000\n\n[sts]", 1);
    Server::setup(&config).file("idp.xml", ADFS_METADATA)
}

fn database(server: &Server) -> PathBuf {
    server.path("data/vestibule.db")
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", database.display()))
}

/// How a login ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// With credentials, of this access key.
    Delivered(String),
    /// 503 with this code, at the post or at the take.
    Refused(String),
}

impl End {
    fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered(_))
    }
}

/// A login up to its ticket.
fn post(server: &Server, browser: &Browser) -> Result<(WaitingPage, String), End> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let page = WaitingPage::new(&format!("{number:06}"));
    let acs = server.url("/saml");
    let response = Forge {
        response_id: format!("_response-{number}"),
        recipient: acs.clone(),
        destination: Some(acs.clone()),
        ..Forge::issued_now(&format!("_assertion-{number}"))
    };
    let fields = [("SAMLResponse", base64(&response.xml())), ("RelayState", page.relay_state())];
    let form = Form { action: acs, fields: fields.map(|(name, value)| (name.to_owned(), value)).to_vec() };
    let answer = browser.submit_with(&form, &[("Accept", "application/json")]);
    if answer.status != 302 {
        assert_eq!(answer.status, 503, "{}", answer.body);
        return Err(End::Refused(answer.json()["error"].as_str().unwrap().to_owned()));
    }
    Ok((page, support::waiting::ticket(&answer, server)))
}

fn take(server: &Server, browser: &Browser, page: &WaitingPage, ticket: &str) -> End {
    let taken = page.take(browser, server, ticket);
    let word = |name: &str| taken.json()[name].as_str().unwrap().to_owned();
    match taken.status {
        200 => End::Delivered(word("AccessKeyId")),
        503 => End::Refused(word("error")),
        other => panic!("{other}: {}", taken.body),
    }
}

fn login(server: &Server, browser: &Browser) -> End {
    post(server, browser).map_or_else(|end| end, |(page, ticket)| take(server, browser, &page, &ticket))
}

fn base64(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}

/// `/readyz`: status, and its word.
fn readyz(server: &Server) -> (u16, String) {
    let page = Browser::new().get(&format!("{}/readyz", server.admin_url), &[]);
    (page.status, page.body.lines().next().unwrap_or_default().to_owned())
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let clock = Instant::now();
    while !is_so() {
        assert!(clock.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The access keys of all deliveries in the trail of this database.
fn trail(database: &Path) -> BTreeSet<String> {
    let trail = Connection::open(database).unwrap();
    let mut delivered =
        trail.prepare("SELECT access_key_id FROM audit WHERE kind = 'login.delivered'").unwrap();
    delivered.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// The file is sound, and its trail keeps the rules of trails, for whatever was handed over.
fn assert_whole(database: &Path, handed_over: &BTreeSet<String>) {
    let trail = Connection::open(database).unwrap();
    let sound: String = trail.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    assert_holds(&trail_file::observed(database, handed_over));
}

/// Three people who sign in again and again while `meanwhile` happens, and until all
/// of them are refused, or until `meanwhile` ends if `all_refused` is false.
fn while_logging_in(server: &Server, fault: impl FnOnce()) -> BTreeSet<String> {
    let (delivered, stop) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false));
    let refused = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let browser = Browser::new();
                while !stop.load(Ordering::Relaxed) {
                    match login(server, &browser) {
                        End::Delivered(key) => {
                            refused.store(0, Ordering::Relaxed);
                            assert!(delivered.lock().unwrap().insert(key), "handed out twice");
                        }
                        End::Refused(code) => {
                            let codes = ["store_unavailable", "delivery_uncertain", "keys_unavailable"];
                            assert!(codes.contains(&code.as_str()), "{code}");
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
        until("logins", || delivered.lock().unwrap().len() >= 6);
        fault();
        let clock = Instant::now();
        while refused.load(Ordering::Relaxed) < 9 && clock.elapsed() < SOON {
            std::thread::sleep(Duration::from_millis(5));
        }
        stop.store(true, Ordering::Relaxed);
        assert!(refused.load(Ordering::Relaxed) >= 9, "logins went on:\n{}", server.log_text());
    });
    delivered.into_inner().unwrap()
}

/// Each code has its line once, however many logins met it.
fn assert_said_once(server: &Server, code: &str) {
    let log = server.log_text();
    let lines = log.lines().filter(|l| l.contains(code) && l.contains("the store takes no logins")).count();
    assert_eq!(lines, 1, "{log}");
}

fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap();
}

// -------------------------------------------------------------------- the file's identity

/// B3: the file was moved away under the service, which went on, was ready, and lost
/// every record from then on at its next start.
#[test]
fn logins_stop_while_a_file_is_not_where_it_was_and_go_on_when_it_is() {
    let mut server = setup().start();
    let database = database(&server);
    let data = database.parent().unwrap().to_owned();
    let mut delivered = BTreeSet::new();
    for (round, (moved, word)) in [
        (database.clone(), "store_file_removed"),
        (beside(&database, "-wal"), "store_journal_gone"),
        (beside(&database, "-shm"), "store_journal_gone"),
        (data, "store_file_removed"),
    ]
    .into_iter()
    .enumerate()
    {
        let away = server.path("away");
        delivered.append(&mut while_logging_in(&server, || rename(&moved, &away)));
        assert_eq!(readyz(&server), (503, word.to_owned()), "{}", moved.display());
        let metrics = Browser::new().get(&format!("{}/metrics", server.admin_url), &[]);
        assert_eq!(metrics.status, 200);
        rename(&away, &moved);
        until("ready again", || readyz(&server).0 == 200);
        assert!(login(&server, &Browser::new()).is_delivered());
        let said = server.log_text().matches("the store takes no logins").count();
        assert_eq!(said, round + 1, "each time once:\n{}", server.log_text());
    }
    server.kill();
    server.restart();
    assert_whole(&database, &delivered);
}

// ------------------------------------------------------------------------------- the disk

/// A limit of the size of a file takes the place of a full disk: it needs no rights.
#[test]
fn a_disk_that_takes_no_more_stops_logins_until_there_is_room() {
    let trap = "trap '' XFSZ; exec \"$@\"";
    let mut server = setup().through(&["sh", "-c", trap, "sh"]).start();
    let database = database(&server);
    let limit = |bytes: &str| {
        let pid = server.id().to_string();
        let set = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status();
        assert!(set.unwrap().success());
    };
    let delivered = while_logging_in(&server, || limit("200000"));
    let (status, word) = readyz(&server);
    assert_eq!((status, word.as_str()), (503, "store_unavailable"));
    assert!(!login(&server, &Browser::new()).is_delivered());
    until("the store's own line of a login has its reference", || {
        let log = server.log_text();
        log.lines().any(|line| line.contains("the store could not write") && line.contains("reference="))
    });
    limit("unlimited");
    until("ready again", || login(&server, &Browser::new()).is_delivered() && readyz(&server).0 == 200);
    server.kill();
    server.restart();
    assert_whole(&database, &delivered);
}

/// Root may write everything: then the service runs without that right.
fn as_anybody(setup: Setup) -> Setup {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return setup;
    }
    setup.through(&["setpriv", "--bounding-set=-dac_override,-dac_read_search"])
}

/// Only the probe saw it, and logins went on.
#[test]
fn what_may_not_be_written_begins_no_login_and_ends_those_under_way() {
    let server = as_anybody(setup()).start();
    let database = database(&server);
    let browser = Browser::new();
    for (path, mode, taken) in
        [(database.as_path(), 0o600, 0o400), (database.parent().unwrap(), 0o700, 0o500)]
    {
        let chmod = |mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        let (page, ticket) = post(&server, &browser).unwrap();
        chmod(taken);
        assert_eq!(login(&server, &browser), End::Refused("store_unavailable".to_owned()));
        assert_eq!(readyz(&server), (503, "store_not_writable".to_owned()), "{}", path.display());
        assert!(take(&server, &browser, &page, &ticket).is_delivered(), "{}", path.display());
        chmod(mode);
        assert!(login(&server, &browser).is_delivered());
        assert_eq!(readyz(&server).0, 200);
    }
    let said = server.log_text().matches("the store takes no logins").count();
    assert_eq!(said, 2, "each time once:\n{}", server.log_text());
}

/// SQLite cannot begin the log anew while anybody reads. By hand, since it writes half a
/// gigabyte: `cargo test --test store_faults long_reader -- --ignored`
#[test]
#[ignore = "writes half a gigabyte"]
fn a_long_reader_stops_logins_before_the_disk_is_full_and_they_go_on_when_it_ends() {
    const FULL: u64 = 512 << 20;
    let mut server = setup().start();
    let database = database(&server);
    let log = beside(&database, "-wal");
    let browser = Browser::new();
    let mut delivered = logins(&server, 3);
    let reader = Connection::open(&database).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM audit;").unwrap();
    let (page, ticket) = post(&server, &browser).unwrap();
    // What some millions of logins write, in a table of the test's own.
    let tool = Connection::open(&database).unwrap();
    tool.busy_timeout(Duration::from_secs(5)).unwrap();
    tool.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF; CREATE TABLE filler (f);")
        .unwrap();
    tool.execute_batch("INSERT INTO filler VALUES (zeroblob(16000000))").unwrap();
    let length = || fs::metadata(&log).unwrap().len();
    while length() < FULL {
        let fill = "UPDATE filler SET f = randomblob(16000000)";
        tool.execute_batch(fill).unwrap();
        if length() < FULL - (32 << 20) {
            delivered.append(&mut logins(&server, 1));
        }
    }
    // The length is known from the last write.
    until("full", || readyz(&server) == (503, "store_journal_full".to_owned()));
    let before = length();
    for _ in 0..20 {
        assert_eq!(login(&server, &browser), End::Refused("store_unavailable".to_owned()));
    }
    assert_eq!(length(), before, "who is refused writes nothing");
    let End::Delivered(key) = take(&server, &browser, &page, &ticket) else { panic!("takes go on") };
    delivered.insert(key);
    reader.execute_batch("COMMIT").unwrap();
    until("logins go on", || readyz(&server).0 == 200);
    assert!(length() < 64 << 20, "{}", length());
    delivered.append(&mut logins(&server, 3));
    drop((reader, tool));
    server.kill();
    server.restart();
    assert_eq!(trail(&database), delivered);
    assert_whole(&database, &delivered);
}

/// The words that start a program in a mount namespace of its own, once this script has
/// mounted there; `None` where neither root nor user namespaces may do that. Then a
/// limit of file sizes stands for the full disk (above), and the setting of each
/// connection for the read-only root (`schema.rs`).
fn in_namespace(script: &str) -> Option<Vec<String>> {
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let allowed = |way: &&&[&str]| {
        let mount = ["sh", "-c", "mount -t tmpfs tmpfs /mnt"];
        Command::new("unshare").args(**way).args(mount).status().is_ok_and(|status| status.success())
    };
    let Some(way) = ways.iter().find(allowed) else {
        eprintln!("skipped: nobody may mount here (CAP_SYS_ADMIN)");
        return None;
    };
    let script = format!("set -e; {script}; shift; exec \"$@\"");
    let start = ["sh", "-c", &script, "sh", "@DIR@"];
    Some([&["unshare"], *way, &start].concat().into_iter().map(str::to_owned).collect())
}

fn through(setup: Setup, words: &[String]) -> Setup {
    setup.through(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_full_disk_is_named_and_logins_go_on_when_there_is_room() {
    let small_disk = "mkdir -p \"$1/data\"; mount -t tmpfs -o size=3m,mode=700 tmpfs \"$1/data\"";
    let Some(words) = in_namespace(small_disk) else { return };
    let server = through(setup(), &words).start();
    // The same disk, seen from here. SQLite would follow the link to this side.
    let there = PathBuf::from(format!("/proc/{}/root{}", server.id(), database(&server).display()));
    let filler = there.with_file_name("filler");
    let delivered = while_logging_in(&server, || {
        // Until nothing more fits.
        let _ = fs::write(&filler, vec![0; 4 << 20]);
    });
    assert_eq!(readyz(&server), (503, "store_disk_full".to_owned()), "{}", server.log_text());
    assert_said_once(&server, "store_disk_full");
    fs::remove_file(&filler).unwrap();
    until("ready again", || login(&server, &Browser::new()).is_delivered() && readyz(&server).0 == 200);
    let copy = server.path("copy.db");
    fs::copy(&there, &copy).unwrap();
    fs::copy(beside(&there, "-wal"), beside(&copy, "-wal")).unwrap();
    assert_whole(&copy, &delivered);
}

// ------------------------------------------------------------------- no temporary files

/// More than the 93 after which SQLite wanted a temporary file. By hand:
/// `LOGINS=1000 cargo test --test store_faults read_only`
fn many() -> usize {
    std::env::var("LOGINS").map_or(300, |number| number.parse().unwrap())
}

/// B2: with a read-only root all logins failed from the 94th on, and `/readyz` said ready.
#[test]
fn under_a_read_only_root_logins_go_on() {
    // All that is mounted becomes read-only but the test's own directory.
    let script = r#"
        mount --bind "$1" "$1"
        cut -d' ' -f5 /proc/self/mountinfo | while read -r place; do
            case "$place" in "$1"|/proc|/proc/*|/sys|/sys/*|/dev|/dev/*) ;;
                *) mount -o remount,bind,ro "$place" ;; esac
        done
        mount -t tmpfs -o ro tmpfs /dev/shm
        for place in /tmp /var/tmp /usr/tmp /dev/shm /; do
            if touch "$place/written" 2>/dev/null; then echo "$place can be written"; exit 1; fi
        done
        cd /"#;
    let Some(words) = in_namespace(script) else { return };
    let server = through(setup(), &words).start();
    let browser = Browser::new();
    for number in 0..many() {
        assert!(login(&server, &browser).is_delivered(), "login {number}");
    }
    assert_eq!(readyz(&server).0, 200);
}

// ------------------------------------------------------------------------------- the keys

/// B7: with the key file gone `/readyz` stayed 200, and the next start made a new ring
/// without a word.
#[test]
fn logins_stop_while_the_key_file_is_gone_or_garbled() {
    let server = setup().start();
    let (keys, away) = (server.path("keys"), server.path("away"));
    let good = fs::read(&keys).unwrap();
    let browser = Browser::new();
    let faults: [&dyn Fn(); 2] =
        [&|| rename(&keys, &away), &|| fs::write(&keys, &good[..good.len() / 2]).unwrap()];
    for fault in faults {
        let (page, ticket) = post(&server, &browser).unwrap();
        fault();
        until("not ready", || readyz(&server) == (503, "keys_unavailable".to_owned()));
        assert_eq!(login(&server, &browser), End::Refused("keys_unavailable".to_owned()));
        assert!(take(&server, &browser, &page, &ticket).is_delivered(), "who was just signing in");
        fs::write(&away, &good).unwrap();
        fs::set_permissions(&away, PermissionsExt::from_mode(0o600)).unwrap();
        rename(&away, &keys);
        until("ready again", || readyz(&server).0 == 200);
        assert!(login(&server, &browser).is_delivered());
    }
    let log = server.log_text();
    assert_eq!(log.matches("the key ring cannot be read again").count(), 2, "{log}");
    let spent = "SELECT count(*) FROM audit WHERE kind = 'login.started'";
    let started: i64 =
        Connection::open(database(&server)).unwrap().query_row(spent, [], |row| row.get(0)).unwrap();
    assert_eq!(started, 4, "what was refused has not begun");
}

#[test]
fn a_start_makes_no_new_keys_where_there_were_some() {
    let mut server = setup().start();
    assert!(login(&server, &Browser::new()).is_delivered());
    server.stop();
    let command = |words: &[&str]| command(&server, words);
    let refused = |file: &Path| {
        for _ in 0..2 {
            let (code, said) = command(&["serve"]);
            assert_eq!(code, Some(78), "{said}");
            assert!(said.contains(file.to_str().unwrap()) && said.contains("keys create"), "{said}");
            assert!(!file.exists());
        }
        let (code, said) = command(&["doctor"]);
        assert_eq!(code, Some(2), "{said}");
    };
    let issuer = server.path("sts-key");
    rename(&issuer, &server.path("old-issuer"));
    refused(&issuer);
    let (code, said) = command(&["keys", "create"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(issuer.exists());
    let file = server.path("keys");
    rename(&file, &server.path("old"));
    refused(&file);
    for words in [["keys", "list"], ["keys", "rotate"]] {
        let (code, said) = command(&words);
        assert!(code != Some(0) && said.contains("does not exist"), "{said}");
        assert!(!file.exists());
    }
    let (code, said) = command(&["keys", "create"]);
    assert_eq!(code, Some(0), "{said}");
    server.restart();
    assert!(login(&server, &Browser::new()).is_delivered());
}

// --------------------------------------------------------------------- another file's log

/// A copy as `VACUUM INTO` makes it (docs/OPERATING.md), or in the mode of the original, as
/// the backup interface and `cp` leave it.
fn back_up(server: &Server, as_original: bool) -> PathBuf {
    let copy = server.path("backup.db");
    let words = format!("VACUUM INTO '{}'", copy.display());
    Connection::open(database(server)).unwrap().execute_batch(&words).unwrap();
    if as_original {
        let mode = Connection::open(&copy).unwrap().query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()));
        mode.unwrap();
    }
    copy
}

fn logins(server: &Server, number: usize) -> BTreeSet<String> {
    let browser = Browser::new();
    let deliver = |_| match login(server, &browser) {
        End::Delivered(key) => key,
        End::Refused(code) => panic!("{code}"),
    };
    (0..number).map(deliver).collect()
}

/// How the service ends once the backup has taken the place of its file.
#[derive(Debug, Clone, Copy)]
enum Ending {
    Stop,
    StopAtOnce,
    Kill,
}

/// SQLite left the log of the file that was replaced beside the one that replaced it, and
/// the next start replayed it into that one.
#[test]
fn a_backup_moved_over_the_file_in_use_gets_nothing_of_the_old_log() {
    for as_original in [false, true] {
        for ending in [Ending::Stop, Ending::StopAtOnce, Ending::Kill] {
            let mut server = setup().start();
            let database = database(&server);
            let kept = logins(&server, 3);
            let backup = back_up(&server, as_original);
            let gone = logins(&server, 30);
            let old = server.path("old.db");
            fs::hard_link(&database, &old).unwrap();
            rename(&backup, &database);
            if !matches!(ending, Ending::StopAtOnce) {
                let refused = End::Refused("store_unavailable".to_owned());
                assert_eq!(login(&server, &Browser::new()), refused);
                assert_eq!(readyz(&server), (503, "store_file_replaced".to_owned()));
            }
            if matches!(ending, Ending::Kill) {
                let log = beside(&database, "-wal");
                until("the log is empty", || fs::metadata(&log).unwrap().len() == 0);
                server.kill();
            } else {
                assert!(server.stop().success());
            }
            server.restart();
            let what = format!("{as_original} {ending:?}");
            assert_eq!(trail(&database), kept, "{what}");
            assert_whole(&database, &kept);
            assert_eq!(trail(&old), &kept | &gone, "the old file has all of its records: {what}");
            assert_whole(&old, &(&kept | &gone));
        }
    }
}

/// Runs a command of the binary with this server's configuration: exit code and what it said.
fn command(server: &Server, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("timeout");
    command.args(["20", env!("CARGO_BIN_EXE_vestibule")]).args(words);
    remove_configuration(&mut command);
    command.current_dir(server.path(""));
    let output = command.arg("--config").arg(server.path("vestibule.toml")).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A killed process leaves its log. Beside another file SQLite replays it all the same.
#[test]
fn a_start_refuses_the_log_of_another_file() {
    let copy = |from: &Path, to: &Path| fs::copy(from, to).map(|_| ()).unwrap();
    // Copied over, the file keeps its inode; only its header says that it had no log.
    for (number, (as_original, moved)) in
        [(false, true), (false, false), (true, true)].into_iter().enumerate()
    {
        let mut server = setup().start();
        let database = database(&server);
        let kept = logins(&server, 3);
        let backup = back_up(&server, as_original);
        logins(&server, 30);
        server.kill();
        if moved {
            rename(&backup, &database)
        } else {
            copy(&backup, &database)
        }
        let log = beside(&database, "-wal");
        let as_it_was = (fs::read(&database).unwrap(), fs::read(&log).unwrap());
        for words in ["serve", "doctor"] {
            let (code, said) = command(&server, &[words]);
            assert_eq!(code, Some(if words == "serve" { 78 } else { 2 }), "{number}: {said}");
            assert!(words == "doctor" || said.contains(log.to_str().unwrap()), "{said}");
            assert!((fs::read(&database).unwrap(), fs::read(&log).unwrap()) == as_it_was, "{words}");
        }
        fs::remove_file(&log).unwrap();
        for _ in 0..2 {
            server.restart();
            // Before any login; and its own log is its own.
            server.kill();
            assert!(fs::metadata(&log).unwrap().len() > 0);
        }
        server.restart();
        assert_eq!(trail(&database), kept, "{number}");
        assert_whole(&database, &kept);
    }
}

/// SQLite removed the log without a word, and a new database began.
#[test]
fn a_start_makes_no_new_file_where_a_log_says_that_there_was_one() {
    let mut server = setup().start();
    let (database, away) = (database(&server), server.path("away"));
    let delivered = logins(&server, 3);
    server.kill();
    rename(&database, &away);
    for _ in 0..2 {
        let (code, said) = command(&server, &["serve"]);
        assert_eq!(code, Some(78), "{said}");
        assert!(said.contains(database.to_str().unwrap()), "{said}");
    }
    rename(&away, &database);
    server.restart();
    assert_eq!(trail(&database), delivered);
}

/// Both files of a killed process, copied: nothing says that they belong together but the
/// operator, who applies the log.
#[test]
fn a_file_that_was_copied_with_its_log_goes_on_once_the_log_is_applied() {
    let mut server = setup().start();
    let database = database(&server);
    let delivered = logins(&server, 3);
    server.kill();
    for file in [database.clone(), beside(&database, "-wal")] {
        let copy = server.path("copy");
        fs::copy(&file, &copy).unwrap();
        rename(&copy, &file);
    }
    let (code, said) = command(&server, &["serve"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("wal_checkpoint(TRUNCATE)"), "{said}");
    let apply = "PRAGMA wal_checkpoint(TRUNCATE)";
    Connection::open(&database).unwrap().query_row(apply, [], |_| Ok(())).unwrap();
    server.restart();
    assert_eq!(trail(&database), delivered);
    assert_whole(&database, &delivered);
}

// ------------------------------------------------------------------------ what it costs

/// Of the process: write calls, and bytes that reach the disk.
fn written(server: &Server) -> (u64, u64) {
    let io = fs::read_to_string(format!("/proc/{}/io", server.id())).unwrap();
    let number = |name: &str| io.lines().find_map(|l| l.strip_prefix(name)).unwrap().trim().parse().unwrap();
    (number("syscw:"), number("write_bytes:"))
}

/// By hand: `cargo test --test store_faults what_a_login_writes -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn what_a_login_writes() {
    const LOGINS: u32 = 1000;
    let server = setup().start();
    let browser = Browser::new();
    let mut sums = [(0, 0), (0, 0)];
    let mut times: [Vec<Duration>; 2] = Default::default();
    logins(&server, 5);
    for _ in 0..LOGINS {
        let mut before = written(&server);
        let mut clock = Instant::now();
        let mut measure = |step: usize| {
            times[step].push(clock.elapsed());
            let after = written(&server);
            sums[step].0 += after.0 - before.0;
            sums[step].1 += after.1 - before.1;
            before = after;
            clock = Instant::now();
        };
        let (page, ticket) = post(&server, &browser).unwrap();
        measure(0);
        assert!(take(&server, &browser, &page, &ticket).is_delivered());
        measure(1);
    }
    for (step, ((calls, bytes), times)) in ["login", "take"].iter().zip(sums.iter().zip(&mut times)) {
        times.sort_unstable();
        let (middle, longest) = (times[times.len() / 2], &times[times.len() - 8..]);
        println!(
            "{step}: {:.1} write calls, {} bytes, median {middle:?}, longest {longest:?}",
            f64::from(u32::try_from(*calls).unwrap()) / f64::from(LOGINS),
            bytes / u64::from(LOGINS)
        );
    }
}
