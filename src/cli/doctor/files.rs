//! The local files: key ring, token service key, database; and the disk.

use super::finding::Report;
use crate::adapters::local::{LocalKeyRing, LocalSts, UsedWith, inspect};
use crate::config::{Config, Keys, Store, Sts};
use crate::system::{SystemClock, SystemRandom};
use std::path::Path;
use std::sync::Arc;

/// Below this, a busy day's audit trail may not fit.
const LITTLE_SPACE: u64 = 256 << 20;

/// Below this, even the write-ahead log of a quiet day does not.
const NO_SPACE: u64 = 8 << 20;

pub(super) fn check(config: &Config, report: &mut Report) {
    if let Keys::Local { path } = &config.keys
        && !is_gone(config, report, "key ring", path, UsedWith::KeyFile)
    {
        secret(report, "key ring", path, |path| {
            LocalKeyRing::open(path, Arc::new(SystemClock), Arc::new(SystemRandom))
                .map(|ring| format!("opens, {} key(s)", ring.list().len()))
                .map_err(|e| e.to_string())
        });
    }
    if let Sts::Local { path, region } = &config.sts
        && !is_gone(config, report, "issuer key", path, UsedWith::IssuerKey)
    {
        secret(report, "issuer key", path, |path| {
            LocalSts::open(path, region.clone(), Arc::new(SystemRandom))
                .map(|_| "opens".to_owned())
                .map_err(|e| e.to_string())
        });
    }
    if let Store::Embedded { path } = &config.store {
        database(report, path);
        space(report, path);
    }
}

/// Whether it is missing where the database has been used with it: a start refuses that.
fn is_gone(config: &Config, report: &mut Report, check: &'static str, path: &Path, with: UsedWith) -> bool {
    let Store::Embedded { path: database } = &config.store else { return false };
    let gone = !path.exists() && inspect::was_used(database, with);
    if gone {
        let what = "does not exist, and the database has been used with it before";
        let remedy = "restore it from a backup, or make a new one with `vestibule keys create`";
        report.fault(check, format!("{} {what}", path.display()), remedy);
    }
    gone
}

/// A file that no other user may read. Opening it creates it if it is missing,
/// so it is only opened if it exists.
fn secret(
    report: &mut Report,
    check: &'static str,
    path: &Path,
    open: impl FnOnce(&Path) -> Result<String, String>,
) {
    let shown = path.display();
    match inspect::file(path) {
        Ok(None) => report.ok(check, format!("{shown} does not exist yet; the first start makes it")),
        // The error of opening says all: mode, owner, damage, and what to do.
        Ok(Some(_)) => match open(path) {
            Ok(what) => report.ok(check, format!("{shown} {what}")),
            Err(sentence) => {
                let (what, remedy) = sentence.rsplit_once("; ").unwrap_or((&sentence, "restore it"));
                report.fault(check, what, remedy);
            }
        },
        Err(why) => report.fault(check, format!("{shown}: {why}"), "put a file of its own there, mode 0600"),
    }
}

fn database(report: &mut Report, path: &Path) {
    const CHECK: &str = "database";
    let shown = path.display();
    match inspect::file(path) {
        Ok(None) => report.ok(CHECK, format!("{shown} does not exist yet; the first start makes it")),
        Err(why) => report.fault(CHECK, format!("{shown}: {why}"), "point store.path at a file"),
        Ok(Some(facts)) => {
            if facts.mode & 0o077 != 0 {
                let what = format!("{shown} has mode {:04o}: others can read the audit trail", facts.mode);
                report.warning(CHECK, what, format!("chmod 600 {shown}"));
            }
            if !facts.ours {
                let what = format!("{shown} belongs to another user than the one who asks");
                report.warning(CHECK, what, "run doctor as the user that the service runs as, or chown it");
            }
            match inspect::database(path) {
                Ok(()) => report.ok(CHECK, format!("{shown} opens and is whole")),
                Err(said) => report.fault(
                    CHECK,
                    format!("{shown} is not usable: {said}"),
                    "restore it from a backup, or point store.path at another file",
                ),
            }
        }
    }
}

fn space(report: &mut Report, path: &Path) {
    const CHECK: &str = "disk";
    match inspect::free_space(path) {
        Ok(bytes) => {
            let what = format!("{} MB free where {} is", bytes >> 20, path.display());
            match bytes {
                0..NO_SPACE => {
                    report.fault(CHECK, what, "free some space: logins that cannot be recorded fail")
                }
                NO_SPACE..LITTLE_SPACE => {
                    report.warning(CHECK, what, "free some space, or move the database")
                }
                LITTLE_SPACE.. => report.ok(CHECK, what),
            }
        }
        Err(why) => report.unknown(CHECK, why, "look at the free space yourself"),
    }
}
