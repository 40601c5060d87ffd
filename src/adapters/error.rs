//! Why an adapter does not open: one sentence each, for the operator.

use std::io;
use std::path::PathBuf;

/// Why an adapter does not open. Each sentence names the file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A directory is missing and cannot be made.
    #[error(
        "the directory {} cannot be created ({source}); create it, owned by the user that Vestibule runs as",
        path.display()
    )]
    Directory {
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file cannot be created, read or written.
    #[error(
        "{} cannot be opened for writing ({source}); it and its directory must belong to the user that Vestibule runs as",
        path.display()
    )]
    File {
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// No space left.
    #[error("the disk that holds {} is full; free some space and start again", path.display())]
    DiskFull { path: PathBuf },
    /// Not an SQLite database.
    #[error("{} is not a database; point store.path at another file, or move this one away", path.display())]
    NotADatabase { path: PathBuf },
    /// An SQLite database, but of another program.
    #[error(
        "{} is the database of another program; point store.path at a file of Vestibule's own",
        path.display()
    )]
    ForeignDatabase { path: PathBuf },
    /// Written by a newer Vestibule.
    #[error(
        "{} was written by a newer Vestibule (schema {found}, this one knows {known}); start the newer one",
        path.display()
    )]
    NewerDatabase {
        path: PathBuf,
        /// The file's schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// Written by a Vestibule whose databases this one cannot bring up to date.
    #[error(
        "{} was written by a much older Vestibule (schema {found}, this one knows {known}); start a version in between first",
        path.display()
    )]
    OlderDatabase {
        path: PathBuf,
        /// The file's schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// The write-ahead log of another file.
    #[error(
        "{} does not belong to {}, which is a copy or was replaced: the log would write another database's \
         records into it; after a restore remove the log and start again, but where both files were copied \
         together apply it first, with `sqlite3 {} 'PRAGMA wal_checkpoint(TRUNCATE)'`",
        log.display(), path.display(), path.display()
    )]
    LogOfAnotherFile {
        path: PathBuf,
        /// The log.
        log: PathBuf,
    },
    /// Only the log is left.
    #[error(
        "{} is missing or empty, and its write-ahead log {} is there: put the file back, or restore a backup \
         and remove the log; without any records you start by removing both",
        path.display(), log.display()
    )]
    FileGone {
        path: PathBuf,
        /// The log.
        log: PathBuf,
    },
    /// The keys that the database was used with are gone.
    #[error(
        "{} does not exist, and the database has been used with its keys before: restore it from a backup, \
         or make new ones with `vestibule keys create` (sessions that wait and tickets under way are lost)",
        path.display()
    )]
    KeyFileGone { path: PathBuf },
    /// The local issuer's key that the database was used with is gone.
    #[error(
        "{} does not exist, and the database has been used with this issuer before: restore it from a backup, \
         or make a new one with `vestibule keys create` (every credential of the local issuer ends)",
        path.display()
    )]
    IssuerKeyGone { path: PathBuf },
    /// There are no keys yet, and this command makes none.
    #[error("{} does not exist; the first start makes it, or `vestibule keys create`", path.display())]
    KeyFileMissing { path: PathBuf },
    /// Another process has the database locked.
    #[error(
        "{} is locked by another process; stop whatever has it open (a database tool, a backup) and start again",
        path.display()
    )]
    DatabaseLocked { path: PathBuf },
    /// The database does not work, for a reason of its own.
    #[error("the database {} does not work: {reason}", path.display())]
    Database {
        path: PathBuf,
        /// SQLite's message.
        reason: String,
    },
    /// Others may read or write the keys.
    #[error(
        "{} holds keys and has mode {mode:04o}, so others can reach them; chmod 600 it, and if they may have been read, move it away and make a new one with `vestibule keys create`",
        path.display()
    )]
    KeyFileMode {
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another user owns the keys.
    #[error(
        "{} holds keys and belongs to another user (uid {owner}); chown it to the user that Vestibule runs as",
        path.display()
    )]
    KeyFileOwner {
        path: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// A symbolic link, a directory, a device.
    #[error("{} is not a regular file; keys are kept in a file of their own, not behind a link", path.display())]
    KeyFileKind { path: PathBuf },
    /// Not a key file of the kind needed, or damaged.
    #[error(
        "{} is not a {expected} or is damaged ({reason}); restore it from a backup, or move it away and make a new one with `vestibule keys create`",
        path.display()
    )]
    KeyFileContent {
        path: PathBuf,
        /// The kind of file that is expected.
        expected: &'static str,
        /// The fault; never the content.
        reason: &'static str,
    },
    /// No thread for the writer.
    #[error("no thread can be started ({0}); raise the process's limits")]
    Thread(io::Error),
}

impl OpenError {
    /// A system's error about this file; a full disk gets its own sentence.
    pub(super) fn file(path: &std::path::Path, source: io::Error) -> Self {
        let path = path.to_owned();
        if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return Self::DiskFull { path };
        }
        Self::File { path, source }
    }
}
