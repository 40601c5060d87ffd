//! From configured names to implementations: the one switchboard.
//!
//! A new store, token service or key ring is a directory beside `local`, one arm
//! here, and the contract tests (`tests/*_contract.rs`) run against it.

use super::aws::dynamodb::{DynamoDbStore, Tables};
use super::aws::kms::KmsKeyRing;
use super::aws::{AwsConsole, AwsSts, Sdk};
use super::error::OpenError;
use super::key_admin::KeyAdmin;
use super::key_marker::KeyMarker;
use super::local::{EmbeddedStore, LocalKeyRing, LocalSts, UsedWith};
use crate::broker::Ports;
use crate::broker::ports::{
    AuditTrail, CallerDirectory, Clock, ConsoleSignIn, KeyRing, SecureRandom, SessionStore, TokenService,
};
use crate::config::{ConsoleFederation, DynamoDb, Keys, Kms, Store, Sts};
use std::path::Path;
use std::sync::Arc;

/// Everything that a configuration names, opened.
pub struct Opened {
    pub ports: Ports,
    /// Finds the caller that a signature belongs to: the token service where it is
    /// local. `None` where no adapter can verify one; then there is no ping.
    pub callers: Option<Arc<dyn CallerDirectory>>,
}

/// Opens what the configuration names: creates missing files, refuses files that
/// are not ours or not safe.
///
/// # Errors
/// [`OpenError`]: a sentence for the operator.
pub async fn open(
    sts: &Sts,
    store: &Store,
    keys: &Keys,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
) -> Result<Opened, OpenError> {
    let sdk = Sdk::default();
    // First, since it knows whether there have been keys before.
    let (Stores { sessions, audit, marker }, known) = match store {
        Store::Embedded { path } => {
            let store = Arc::new(EmbeddedStore::open(path)?);
            (Stores::of(store.clone()), Some(store))
        }
        Store::DynamoDb(settings) => {
            let client = dynamodb_client(&sdk, settings).await;
            (Stores::of(Arc::new(DynamoDbStore::new(&client, tables(settings), Arc::clone(&random)))), None)
        }
    };
    let known = known.as_deref();
    type TokenServices = (Arc<dyn TokenService>, Option<Arc<dyn CallerDirectory>>);
    let (token_service, callers): TokenServices = match sts {
        Sts::Local { path, region } => {
            let token_service = not_anew(known, UsedWith::IssuerKey, path, || {
                LocalSts::open(path, region.clone(), Arc::clone(&random))
            })?;
            let token_service = Arc::new(token_service);
            (token_service.clone(), Some(token_service))
        }
        Sts::Aws { regions, endpoint, timeout, operation, .. } => {
            let regions: Vec<_> =
                regions.iter().map(|region| (region.as_str(), endpoint.as_deref())).collect();
            let token_service = AwsSts::open(&sdk, &regions, *timeout, operation.clone()).await;
            (Arc::new(token_service), None)
        }
    };
    let keys: Arc<dyn KeyRing> = match keys {
        Keys::Local { path } => Arc::new(not_anew(known, UsedWith::KeyFile, path, || {
            LocalKeyRing::open(path, Arc::clone(&clock), Arc::clone(&random))
        })?),
        Keys::Kms(settings) => {
            let ring = kms_key_ring(&sdk, store, settings, Arc::clone(&clock), Arc::clone(&random)).await;
            Arc::new(ring.not_anew(marker))
        }
    };
    let ports = Ports { token_service, console: None, sessions, audit, keys, clock, random };
    Ok(Opened { ports, callers })
}

/// Opens the sign-in to the console. Contacts nothing.
pub fn open_console(federation: &ConsoleFederation) -> Arc<dyn ConsoleSignIn> {
    Arc::new(AwsConsole::new(federation))
}

/// Refuses to go on without a key file that was there before: a new one would be made, and
/// nobody would notice that the old one is lost. Notes it for the next time.
fn not_anew<T>(
    store: Option<&EmbeddedStore>,
    with: UsedWith,
    path: &Path,
    open: impl FnOnce() -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let Some(store) = store else { return open() };
    if !path.exists() && store.was_used(with)? {
        let path = path.to_owned();
        return Err(match with {
            UsedWith::IssuerKey => OpenError::IssuerKeyGone { path },
            UsedWith::KeyFile | UsedWith::KmsRing => OpenError::KeyFileGone { path },
        });
    }
    let opened = open()?;
    store.note_use(with)?;
    Ok(opened)
}

/// Opens the key ring for its operator. With `create`, a missing file is made.
///
/// # Errors
/// [`OpenError`].
pub async fn open_key_ring(
    store: &Store,
    keys: &Keys,
    create: bool,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
) -> Result<Arc<dyn KeyAdmin>, OpenError> {
    match keys {
        Keys::Local { path } if !create && !path.exists() => {
            Err(OpenError::KeyFileMissing { path: path.clone() })
        }
        Keys::Local { path } => Ok(Arc::new(LocalKeyRing::open(path, clock, random)?)),
        Keys::Kms(settings) => {
            Ok(Arc::new(kms_key_ring(&Sdk::default(), store, settings, clock, random).await))
        }
    }
}

/// One store behind its two ports, and what it knows of the keys.
struct Stores {
    sessions: Arc<dyn SessionStore>,
    audit: Arc<dyn AuditTrail>,
    marker: Arc<dyn KeyMarker>,
}

impl Stores {
    fn of<S: SessionStore + AuditTrail + KeyMarker + 'static>(store: Arc<S>) -> Self {
        Self { sessions: store.clone(), audit: store.clone(), marker: store }
    }
}

async fn dynamodb_client(sdk: &Sdk, settings: &DynamoDb) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&sdk.at(&settings.region, settings.endpoint.as_deref()).await)
}

fn tables(settings: &DynamoDb) -> Tables {
    Tables {
        sessions: settings.sessions_table.clone(),
        claims: settings.claims_table.clone(),
        users: settings.users_table.clone(),
        audit: settings.audit_table.clone(),
    }
}

/// The endpoint of the ring's table, if not AWS's own: the table is in the ring's
/// region, and at the store's address if the store is in that region's DynamoDB.
pub fn keys_table_endpoint<'a>(store: &'a Store, settings: &Kms) -> Option<&'a str> {
    match store {
        Store::DynamoDb(store) if store.region == settings.region => store.endpoint.as_deref(),
        Store::DynamoDb(_) | Store::Embedded { .. } => None,
    }
}

async fn kms_key_ring(
    sdk: &Sdk,
    store: &Store,
    settings: &Kms,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
) -> KmsKeyRing {
    let endpoint = keys_table_endpoint(store, settings);
    let kms = aws_sdk_kms::Client::new(&sdk.at(&settings.region, settings.endpoint.as_deref()).await);
    let table = aws_sdk_dynamodb::Client::new(&sdk.at(&settings.region, endpoint).await);
    KmsKeyRing::new(&kms, &table, settings.clone(), clock, random)
}
