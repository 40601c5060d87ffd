//! The local key ring keeps the contract of its port; then what is its own: its file,
//! rotation in it, and what it refuses to read.

mod support;

use secrecy::ExposeSecret;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::contract;
use support::contract::keyring::{KeyRingUnderTest, claims, keyring_contract, plaintext, purpose, session};
use support::contract::start_of_time;
use time::Duration;
use vestibule::adapters::OpenError;
use vestibule::adapters::local::{LocalKeyRing, LocalSts};
use vestibule::broker::ports::{KeyRing, KeyRingError};
use vestibule::broker::{TicketError, ticket_kid};
use vestibule::system::{ManualClock, SystemRandom};

/// Long enough for a new key to take over.
const TAKE_OVER: Duration = Duration::minutes(1);

struct Local {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Local {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), clock: Arc::new(ManualClock::new(start_of_time())) }
    }
    fn path(&self) -> PathBuf {
        self.directory.path().join("keys")
    }
    fn at(&self, path: &Path) -> Result<LocalKeyRing, OpenError> {
        LocalKeyRing::open(path, self.clock.clone(), Arc::new(SystemRandom))
    }
    fn ring(&self) -> LocalKeyRing {
        self.at(&self.path()).unwrap()
    }
    fn now(&self) -> time::OffsetDateTime {
        use vestibule::broker::ports::Clock;
        self.clock.now()
    }
    fn refusal(&self) -> OpenError {
        match self.at(&self.path()) {
            Ok(_) => panic!("opened"),
            Err(e) => e,
        }
    }
}

impl KeyRingUnderTest for Local {
    fn open(&self) -> Arc<dyn KeyRing> {
        Arc::new(self.ring())
    }
    fn rotate(&self) {
        self.ring().rotate(self.now()).unwrap();
        self.clock.advance(TAKE_OVER);
    }
    fn stranger(&self) -> Arc<dyn KeyRing> {
        Arc::new(self.at(&self.directory.path().join("stranger")).unwrap())
    }
}

keyring_contract!(Local::new());

async fn kid_that_signs(ring: &LocalKeyRing) -> String {
    ticket_kid(ring.sign(&claims(1)).await.unwrap().expose()).unwrap()
}

/// No process meets a ticket whose key it has not had the time to see.
#[tokio::test]
async fn a_new_key_is_published_before_it_signs() {
    let local = Local::new();
    let (operator, server) = (local.ring(), local.ring());
    let old = kid_that_signs(&server).await;
    let new = operator.rotate(local.now()).unwrap();
    assert_ne!(old, new.kid);
    assert!(new.signs_from > local.now() + Duration::seconds(10), "longer than the refresh interval");
    while local.now() < new.signs_from {
        assert_eq!(kid_that_signs(&operator).await, old);
        assert_eq!(kid_that_signs(&server).await, old);
        local.clock.advance(Duration::seconds(1));
    }
    assert_eq!(kid_that_signs(&operator).await, new.kid);
    assert_eq!(kid_that_signs(&server).await, new.kid);
}

#[tokio::test]
async fn an_unknown_kid_reloads_the_file_at_most_once_a_second() {
    let local = Local::new();
    let server = local.ring();
    let stranger = local.stranger().sign(&claims(1)).await.unwrap();
    assert_eq!(server.verify(stranger.expose()).await, Err(TicketError::Invalid));
    // Another process rotates, and its clock is far ahead: it signs at once.
    let ahead = Arc::new(ManualClock::new(local.now() + TAKE_OVER));
    let other = LocalKeyRing::open(&local.path(), ahead.clone(), Arc::new(SystemRandom)).unwrap();
    other.rotate(local.now()).unwrap();
    ahead.advance(TAKE_OVER);
    let ticket = other.sign(&claims(2)).await.unwrap();
    assert_eq!(server.verify(ticket.expose()).await, Err(TicketError::Invalid), "it has just looked");
    local.clock.advance(Duration::seconds(1));
    assert_eq!(server.verify(ticket.expose()).await, Ok(claims(2)));
}

#[tokio::test]
async fn a_key_is_forgotten_when_its_sessions_have_long_died() {
    let local = Local::new();
    let ring = local.ring();
    let first = ring.list()[0].kid.clone();
    let ticket = ring.sign(&claims(1)).await.unwrap();
    let sealed = ring.seal(&purpose(1), &plaintext()).await.unwrap();
    let second = ring.rotate(local.now()).unwrap();
    local.clock.set(second.signs_from + Duration::days(1) - Duration::nanoseconds(1));
    let third = ring.rotate(local.now()).unwrap();
    let kids = |ring: &LocalKeyRing| ring.list().into_iter().map(|key| key.kid).collect::<Vec<_>>();
    assert_eq!(kids(&ring), [first, second.kid.clone(), third.kid.clone()]);
    assert!(ring.open(&purpose(1), &sealed).await.is_ok());
    local.clock.advance(Duration::nanoseconds(1));
    let fourth = ring.rotate(local.now()).unwrap();
    assert_eq!(kids(&ring), [second.kid, third.kid, fourth.kid]);
    assert_eq!(ring.verify(ticket.expose()).await, Err(TicketError::Invalid));
    assert!(matches!(ring.open(&purpose(1), &sealed).await, Err(KeyRingError::BrokenSeal)));
}

#[test]
fn processes_that_rotate_at_once_lose_no_key() {
    let local = Local::new();
    local.ring();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| local.ring().rotate(local.now()).unwrap());
        }
    });
    assert_eq!(local.ring().list().len(), 17);
    assert_eq!(names(local.directory.path()), ["keys"], "no temporary file is left");
}

#[test]
fn processes_that_create_at_once_end_with_one_ring() {
    for _ in 0..20 {
        let local = Local::new();
        let rings: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| local.ring().list())).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(rings.iter().all(|ring| *ring == rings[0]));
        assert_eq!(names(local.directory.path()), ["keys"]);
    }
}

fn names(directory: &Path) -> Vec<String> {
    fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_ring_that_cannot_be_read_again_seals_nothing_and_opens_what_it_has_sealed() {
    let local = Local::new();
    let ring = local.ring();
    let ticket = ring.sign(&claims(1)).await.unwrap();
    let stranger = local.stranger().sign(&claims(1)).await.unwrap();
    let kept = fs::read(local.path()).unwrap();
    fs::remove_file(local.path()).unwrap();
    local.clock.advance(TAKE_OVER);
    assert_eq!(ring.ready().await, Err(KeyRingError::Unavailable));
    assert!(ring.sign(&claims(2)).await.is_err());
    assert_eq!(ring.verify(ticket.expose()).await, Ok(claims(1)));
    assert_eq!(ring.verify(stranger.expose()).await, Err(TicketError::KeysUnavailable), "who knows");
    assert!(!local.path().exists(), "a running process makes no new ring");
    fs::write(local.path(), "garbled").unwrap();
    assert_eq!(ring.ready().await, Err(KeyRingError::Unavailable));
    fs::write(local.path(), kept).unwrap();
    fs::set_permissions(local.path(), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(ring.ready().await, Ok(()));
    assert!(ring.sign(&claims(2)).await.is_ok(), "it is there again");
}

#[test]
fn the_file_is_private_and_so_is_the_directory_made_for_it() {
    let local = Local::new();
    let path = local.directory.path().join("var/lib/keys");
    drop(local.at(&path).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let ring = local.at(&path).unwrap();
    ring.rotate(local.now()).unwrap();
    assert_eq!(mode(&path), 0o600, "after a rotation too");
    assert_eq!(fs::metadata(&path).unwrap().nlink(), 1);
}

#[test]
fn a_file_that_others_can_reach_is_refused() {
    let local = Local::new();
    local.ring();
    for mode in [0o640, 0o604, 0o660, 0o610, 0o700, 0o4600] {
        fs::set_permissions(local.path(), PermissionsExt::from_mode(mode)).unwrap();
        let error = local.refusal();
        assert!(matches!(error, OpenError::KeyFileMode { mode: m, .. } if m == mode), "{error:?}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(local.path(), PermissionsExt::from_mode(mode)).unwrap();
        local.ring();
    }
}

#[test]
fn a_file_of_another_user_is_refused() {
    let local = Local::new();
    local.ring();
    // Only root can give a file away; for other users the system refuses to open such a file.
    let foreign = if std::os::unix::fs::chown(local.path(), Some(12_345), None).is_ok() {
        local.path()
    } else {
        PathBuf::from("/etc/hostname")
    };
    let error = local.at(&foreign).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::KeyFileOwner { .. }), "{error:?}");
    assert!(error.to_string().contains("chown"), "{error}");
}

#[test]
fn a_link_or_a_directory_is_refused() {
    let local = Local::new();
    let real = local.directory.path().join("real");
    drop(local.at(&real).unwrap());
    symlink(&real, local.path()).unwrap();
    assert!(matches!(local.refusal(), OpenError::KeyFileKind { .. }));
    fs::remove_file(local.path()).unwrap();
    symlink("nowhere", local.path()).unwrap();
    assert!(matches!(local.refusal(), OpenError::KeyFileKind { .. }), "a dangling link is not followed");
    assert_eq!(names(local.directory.path()).len(), 2, "nothing was made behind it");
    fs::remove_file(local.path()).unwrap();
    fs::create_dir(local.path()).unwrap();
    assert!(matches!(local.refusal(), OpenError::KeyFileKind { .. }));
}

#[test]
fn a_damaged_file_is_refused_with_a_sentence_and_left_alone() {
    let local = Local::new();
    local.ring();
    let good = fs::read_to_string(local.path()).unwrap();
    let replaced = |from: &str, to: &str| {
        assert!(good.contains(from));
        good.replace(from, to)
    };
    for bad in [
        String::new(),
        "{}".to_owned(),
        "not a key ring".to_owned(),
        good[..good.len() / 2].to_owned(),
        replaced("\"version\": 1", "\"version\": 2"),
        replaced("Vestibule key ring", "Vestibule local issuer key"),
        replaced("\"sealing\": \"", "\"sealing\": \"AAAA"),
        replaced("\"kid\": \"", "\"kid\": \"x"),
        format!("{good}{}", " ".repeat(300 * 1024)),
    ] {
        fs::write(local.path(), &bad).unwrap();
        let error = local.refusal();
        assert!(matches!(error, OpenError::KeyFileContent { .. }), "{error:?}");
        assert!(error.to_string().contains("keys is not a Vestibule key ring or is damaged"), "{error}");
        assert_eq!(fs::read_to_string(local.path()).unwrap(), bad);
    }
    fs::write(local.path(), [0xFF, 0xFE, 0x00]).unwrap();
    assert!(matches!(local.refusal(), OpenError::KeyFileContent { .. }));
    fs::write(local.path(), good).unwrap();
    local.ring();
}

#[test]
fn ring_and_issuer_do_not_take_each_others_files() {
    let local = Local::new();
    let issuer = |path: &Path| LocalSts::open(path, "eu-central-1".to_owned(), Arc::new(SystemRandom));
    local.ring();
    assert!(matches!(issuer(&local.path()), Err(OpenError::KeyFileContent { .. })));
    let path = local.directory.path().join("issuer");
    issuer(&path).unwrap();
    assert!(matches!(local.at(&path), Err(OpenError::KeyFileContent { .. })));
}

#[tokio::test]
async fn errors_and_tickets_do_not_show_keys() {
    let local = Local::new();
    let ring = local.ring();
    let text = fs::read_to_string(local.path()).unwrap();
    let keys: Vec<&str> =
        text.lines().filter(|l| l.contains("ing\": \"")).map(|l| l.split('"').nth(3).unwrap()).collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1], "one key for one purpose");
    fs::write(local.path(), text.replace("\"version\": 1", "\"version\": 1,")).unwrap();
    let error = local.refusal();
    let shown = format!("{error} {error:?} {:?}", ring.list());
    assert!(keys.iter().all(|key| !shown.contains(key) && !shown.contains(&key[..8])));
}

/// The whole way to the disk: neither database nor journal holds what was sealed.
#[tokio::test]
async fn what_is_sealed_is_not_on_disk_in_clear() {
    use contract::store::Login;
    use vestibule::adapters::local::EmbeddedStore;
    use vestibule::broker::ports::SessionStore;
    use vestibule::broker::{EventKind, SealedSession};
    let local = Local::new();
    let ring = local.ring();
    let database = local.directory.path().join("vestibule.db");
    let store = EmbeddedStore::open(&database).unwrap();
    let login = Login { session: session(1).handle(), ..Login::new() };
    let sealed = ring.seal(&purpose(1), &plaintext()).await.unwrap();
    store.begin(&login.start()).await.unwrap();
    let waiting = SealedSession::new(
        login.id.clone(),
        login.session.clone(),
        login.jti.clone(),
        sealed.clone(),
        login.expires(),
    );
    store.put(&waiting, &login.event(EventKind::Issued, login.began)).await.unwrap();
    let mut bytes = Vec::new();
    for file in [database.clone(), database.with_extension("db-wal"), database.with_extension("db-shm")] {
        bytes.extend(fs::read(file).unwrap());
    }
    let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(holds(&sealed.as_bytes()[..32]), "control: the sealed bytes are there");
    let secret = plaintext();
    assert!(!holds(&secret.expose_secret()[..12]));
    assert!(!holds(session(1).as_str().as_bytes()));
}
