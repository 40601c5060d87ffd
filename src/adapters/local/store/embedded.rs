//! The ports of the store: what runs in the writer, and what only reads.

use super::meta::UsedWith;
use super::watch::{Fault, Watch};
use super::writer::{Unwritten, Writer};
use super::{begin, journal, meta, schema, statements, users};
use crate::adapters::error::OpenError;
use crate::adapters::key_marker::KeyMarker;
use crate::adapters::local::inspect;
use crate::broker::ports::{
    AuditTrail, BeginError, ChoiceStart, Held, LoginStart, NotReady, PutError, RoleUsed, SessionStore,
    StoreFigures, StoreUnavailable, TakeError, Taken, UsedOnce,
};
use crate::broker::{AuditEvent, Handle, Jti, SealedSession, SweepReport};
use async_trait::async_trait;
use rusqlite::Connection;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;

/// How long a read may take. Reads do not wait for writers (WAL); beyond this
/// the disk does not answer.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The store in one file.
#[derive(Debug)]
pub struct EmbeddedStore {
    writer: Writer,
    reader: Arc<Mutex<Connection>>,
    watch: Arc<Watch>,
    /// Whether this process has asked whether the store is the one that was used last.
    resumed: AtomicBool,
}

impl EmbeddedStore {
    /// Opens the file, creating it (mode 0600) and its directory (0700) if they
    /// are missing.
    ///
    /// # Errors
    /// [`OpenError`]; a file that is not ours is left as it was.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        journal::must_belong(path)?;
        let conn = schema::open(path)?;
        let watch = Arc::new(Watch::of(path));
        journal::name_the_file(&conn, watch.inode()).map_err(|error| schema::explain(path, error))?;
        let writer = Writer::start(conn, Arc::clone(&watch))?;
        let reader = Arc::new(Mutex::new(schema::open(path)?));
        Ok(Self { writer, reader, watch, resumed: AtomicBool::new(false) })
    }

    /// Whether it has been used with this: then that must not be made anew silently.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn was_used(&self, with: UsedWith) -> Result<bool, OpenError> {
        self.ask(|conn| meta::was_used(conn, with))
    }

    /// Notes that it is from now on.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn note_use(&self, with: UsedWith) -> Result<(), OpenError> {
        self.ask(|conn| meta::note_use(conn, with))
    }

    /// While the service starts, nothing waits for this.
    fn ask<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, OpenError> {
        let conn = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        work(&conn).map_err(|error| schema::explain(self.watch.path(), error))
    }

    /// Before the first login and the first sweep of this process.
    async fn resume(&self, now: OffsetDateTime) -> Result<(), StoreUnavailable> {
        if self.resumed.load(Ordering::Acquire) {
            return Ok(());
        }
        let inode = self.watch.inode();
        self.write(move |conn| meta::resume(conn, inode, now)).await?;
        self.resumed.store(true, Ordering::Release);
        Ok(())
    }

    /// Before anything is opened: is the file ours and healthy, and is it no copy?
    async fn may_open(&self, now: OffsetDateTime) -> Result<(), BeginError> {
        if self.watch.may_begin().is_err() {
            return Err(BeginError::Unavailable);
        }
        self.resume(now).await.map_err(|_| BeginError::Unavailable)
    }

    /// Writes that recognise themselves may be repeated by the caller, so that
    /// an unknown outcome is no different from none.
    async fn write<T: Send + 'static>(
        &self,
        work: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreUnavailable> {
        self.writer.submit(work).await.map_err(|_| StoreUnavailable)
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreUnavailable> {
        let reader = Arc::clone(&self.reader);
        let task =
            tokio::task::spawn_blocking(move || work(&reader.lock().unwrap_or_else(PoisonError::into_inner)));
        match tokio::time::timeout(READ_TIMEOUT, task).await {
            Ok(Ok(Ok(found))) => Ok(found),
            Ok(Ok(Err(error))) => {
                tracing::error!(%error, "the store could not read");
                Err(StoreUnavailable)
            }
            Ok(Err(_)) | Err(_) => Err(StoreUnavailable),
        }
    }
}

#[async_trait]
impl SessionStore for EmbeddedStore {
    async fn begin(&self, start: &LoginStart) -> Result<(), BeginError> {
        self.may_open(start.event.at).await?;
        let start = start.clone();
        self.write(move |conn| begin::begin(conn, &start)).await.map_err(|_| BeginError::Unavailable)?
    }

    async fn open_choice(&self, start: &ChoiceStart) -> Result<(), BeginError> {
        self.may_open(start.event.at).await?;
        let start = start.clone();
        self.write(move |conn| begin::open_choice(conn, &start)).await.map_err(|_| BeginError::Unavailable)?
    }

    async fn look(&self, session: &Handle, now: OffsetDateTime) -> Result<Option<Held>, StoreUnavailable> {
        let session = session.clone();
        self.read(move |conn| begin::look(conn, &session, now)).await
    }

    async fn roles_used(&self, idp: &str, name_id: &str) -> Result<Vec<RoleUsed>, StoreUnavailable> {
        let (idp, name_id) = (idp.to_owned(), name_id.to_owned());
        self.read(move |conn| users::roles_used(conn, &idp, &name_id)).await
    }

    async fn put(&self, session: &SealedSession, event: &AuditEvent) -> Result<(), PutError> {
        let (session, event) = (session.clone(), event.clone());
        self.write(move |conn| statements::put(conn, &session, &event))
            .await
            .map_err(|_| PutError::Unavailable)?
    }

    /// The session id is not needed: what a login holds goes when it closes. If it
    /// has ended otherwise, it holds nothing any more.
    async fn release(&self, _session: &Handle, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        let event = event.clone();
        self.write(move |conn| statements::record(conn, &event)).await.map(|_| ())
    }

    async fn take(
        &self,
        session: &Handle,
        jti: &Jti,
        now: OffsetDateTime,
    ) -> Result<Option<Taken>, TakeError> {
        let (session, jti) = (session.clone(), jti.clone());
        self.writer.submit(move |conn| statements::take(conn, &session, &jti, now)).await.map_err(|e| match e
        {
            Unwritten::Nothing => TakeError::Unavailable,
            Unwritten::Unknown => TakeError::Uncertain,
        })
    }
}

#[async_trait]
impl AuditTrail for EmbeddedStore {
    async fn record(&self, event: &AuditEvent) -> Result<(), StoreUnavailable> {
        let event = event.clone();
        let recorded = self.write(move |conn| statements::record(conn, &event)).await?;
        if recorded { Ok(()) } else { Err(StoreUnavailable) }
    }

    async fn record_once(&self, once: &UsedOnce, event: &AuditEvent) -> Result<bool, StoreUnavailable> {
        let (once, event) = (once.clone(), event.clone());
        self.write(move |conn| statements::record_once(conn, &once, &event)).await
    }

    async fn recent(&self, limit: usize) -> Result<Vec<AuditEvent>, StoreUnavailable> {
        self.read(move |conn| statements::recent(conn, limit)).await
    }

    async fn sweep(&self, now: OffsetDateTime) -> Result<SweepReport, StoreUnavailable> {
        self.resume(now).await?;
        let mut total = SweepReport::default();
        loop {
            let (swept, more) = self.write(move |conn| statements::sweep(conn, now)).await?;
            total.abandoned += swept.abandoned;
            total.expired += swept.expired;
            total.uncertain += swept.uncertain;
            total.choices_ended += swept.choices_ended;
            total.used_once_forgotten += swept.used_once_forgotten;
            if !more {
                return Ok(total);
            }
        }
    }

    async fn ready(&self) -> Result<(), NotReady> {
        let why = |_| NotReady(self.watch.fault().map_or("store_unavailable", Fault::code));
        self.watch.check_all().map_err(|fault| NotReady(fault.code()))?;
        self.write(statements::beat).await.map_err(why)?;
        self.read(statements::read_beat).await.map_err(why)
    }

    fn figures(&self) -> Option<StoreFigures> {
        Some(StoreFigures {
            database: self.watch.database_bytes(),
            journal: self.watch.journal_bytes(),
            free: inspect::free_space(self.watch.path()).unwrap_or_default(),
        })
    }
}

#[async_trait]
impl KeyMarker for EmbeddedStore {
    async fn has_ring(&self) -> Result<bool, StoreUnavailable> {
        self.read(|conn| meta::was_used(conn, UsedWith::KmsRing)).await
    }

    async fn note_ring(&self) -> Result<(), StoreUnavailable> {
        self.write(|conn| meta::note_use(conn, UsedWith::KmsRing)).await
    }
}
